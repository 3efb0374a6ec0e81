"""Names that carry their project (``PAY/tools``): what terms without and with a slash mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.diff.selection import Choice, compare_selection
from reconciler.diff.terms import compile_rules
from reconciler.errors import Severity
from reconciler.model.desired import DesiredSelection, Term
from reconciler.model.method import Missing
from reconciler.model.observed import LiveResource, LiveSelection, Repository
from reconciler.model.record import Selected
from tests.builders import a_connection
from tests.seen import a_listing, some, term
from tests.unit.diff.test_choosing import World, failed

PROJECTS = ["PAY", "OPS", "~ann"]
SLUGS = ["tools", "tool-1", "web", "Tools"]
IDS = [str(n) for n in range(8)]
TOOLS = {"1": Repository("PAY/tools", "PAY"), "2": Repository("PAY/web", "PAY")}
TWO_TOOLS = {**TOOLS, "3": Repository("OPS/tools", "OPS")}

bare_terms = st.one_of(
    st.sampled_from([*SLUGS, "tool*", "*", "[tT]ools", "w?b"]).map(lambda n: term(name=n)),
    st.sampled_from(["tool.*", "(?i)TOOLS", "web|tools"]).map(lambda r: term(regex=r)),
)
full_terms = st.one_of(
    st.sampled_from(["PAY/tools", "OPS/web", "PAY/*", "*/tools", "~*/*"]).map(
        lambda n: term(name=n)
    ),
    st.sampled_from(["(PAY|OPS)/tool.*", ".*/web"]).map(lambda r: term(regex=r)),
)
any_terms = st.one_of(
    bare_terms,
    full_terms,
    st.sampled_from(PROJECTS).map(lambda p: term(project=p)),
    st.sampled_from(IDS).map(lambda i: term(id=i)),
)


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Repository]:
    """Repositories with distinct qualified names, as an instance or organization has them."""
    names = draw(
        st.lists(
            st.tuples(st.sampled_from(PROJECTS), st.sampled_from(SLUGS)), unique=True, max_size=8
        )
    )
    ids = draw(st.permutations(IDS))
    flag = st.booleans()
    return {
        key: Repository(f"{project}/{slug}", project, draw(flag), draw(flag))
        for key, (project, slug) in zip(ids, names, strict=False)
    }


@st.composite
def selections(draw: st.DrawFn) -> DesiredSelection:
    include = draw(st.lists(any_terms, max_size=4))
    return some(
        *include,
        exclude=tuple(draw(st.lists(any_terms, max_size=2))),
        everything=not include,
        archived=draw(st.sampled_from([None, None, False])),
        missing=draw(st.sampled_from(Missing)),
    )


def judged(wide: Term, name: str) -> bool:
    """What an include and an exclude both say of a repository called *name*."""
    rules = compile_rules(some(term(name="*"), exclude=(wide,)))
    return rules.excludes("9", Repository(name, name.rpartition("/")[0]))


def candidates(choice: Choice) -> list[str]:
    return [f.message for f in choice.findings if f.severity is Severity.ERROR]


# What a term matches ----------------------------------------------------------------------------


@given(bare_terms, st.sampled_from(PROJECTS), st.sampled_from(SLUGS))
def test_a_term_without_a_slash_ignores_the_project(bare: Term, project: str, slug: str) -> None:
    assert judged(bare, f"{project}/{slug}") == judged(bare, slug)


@given(full_terms, st.sampled_from(SLUGS))
def test_a_term_with_a_slash_never_matches_a_name_without_a_project(full: Term, slug: str) -> None:
    assert not judged(full, slug)


@pytest.mark.parametrize(
    ("wide", "matches", "misses"),
    [
        (term(name="tool*"), ["PAY/tools", "OPS/tool-1"], ["tool/web", "PAY/my-tool", "PAY/Tools"]),
        (term(name="PAY/*"), ["PAY/tools", "PAY/web"], ["OPS/tools", "pay/tools", "XPAY/web"]),
        (term(name="*/tools"), ["PAY/tools", "OPS/tools"], ["PAY/mytools-1", "PAY/Tools"]),
        (term(name="PAY/tools"), ["PAY/tools"], ["OPS/tools", "PAY/tools-2"]),
        (term(name="tools"), ["PAY/tools", "OPS/tools"], ["PAY/Tools", "tools/web"]),
        (term(regex="web|tools"), ["PAY/web", "OPS/tools"], ["PAY/website", "web/x"]),
        (term(regex="(PAY|OPS)/.*"), ["PAY/web", "OPS/x"], ["~ann/web"]),
    ],
    ids=["glob", "glob-of-project", "glob-of-any", "full", "bare", "regex", "regex-with-slash"],
)
def test_patterns_are_anchored_at_the_part_they_are_judged_against(
    wide: Term, matches: list[str], misses: list[str]
) -> None:
    assert all(judged(wide, name) for name in matches)
    assert not any(judged(wide, name) for name in misses)


# Exact names ------------------------------------------------------------------------------------


def test_a_bare_name_that_one_repository_bears_is_bound_to_it_without_a_word() -> None:
    world = World(some(term(name="tools"), term(name="web")))
    choice = world.choose(a_listing(TOOLS))
    assert choice.target == {"1": Selected("PAY/tools", "tools"), "2": Selected("PAY/web", "web")}
    assert choice.findings == []


def test_a_bare_name_of_several_repositories_is_an_error_that_names_them() -> None:
    (found,) = (
        World(some(term(name="tools"), term(name="web"))).choose(a_listing(TWO_TOOLS)).findings
    )
    assert (found.code, found.severity) == ("repository-missing", Severity.ERROR)
    assert found.message == "name: tools names 2 repositories: OPS/tools, PAY/tools"
    assert found.hint == "write OPS/tools or PAY/tools"


@pytest.mark.parametrize(
    "keeping_out",
    [{"exclude": (term(project="OPS"),)}, {"exclude": (term(name="OPS/tools"),)}],
    ids=["project", "name"],
)
def test_what_is_kept_out_makes_no_name_ambiguous(keeping_out: dict[str, tuple[Term]]) -> None:
    choice = World(some(term(name="tools"), **keeping_out)).choose(a_listing(TWO_TOOLS))
    assert (set(choice.target), choice.findings) == ({"1"}, [])


def test_a_name_whose_every_bearer_is_kept_out_has_no_effect() -> None:
    selection = some(term(name="tools"), term(name="web"), exclude=(term(name="tool*"),))
    (found,) = World(selection).choose(a_listing(TWO_TOOLS)).findings
    assert found.code == "term-without-effect"


def test_a_full_name_is_never_ambiguous() -> None:
    choice = World(some(term(name="PAY/tools"))).choose(a_listing(TWO_TOOLS))
    assert (choice.target, choice.findings) == ({"1": Selected("PAY/tools", "PAY/tools")}, [])


def test_a_bare_name_nobody_bears_is_an_error_with_the_nearest_one() -> None:
    (found,) = World(some(term(name="tols"))).choose(a_listing(TWO_TOOLS)).findings
    assert (found.severity, found.hint) == (Severity.ERROR, 'did you mean "tools"?')
    (found,) = World(some(term(name="PYA/tools"))).choose(a_listing(TWO_TOOLS)).findings
    assert (found.severity, found.hint) == (Severity.ERROR, 'did you mean "PAY/tools"?')


def test_a_bare_name_is_not_bound_while_others_may_bear_it_unseen() -> None:
    lost = a_listing(TOOLS, gap="page 2 was lost")
    choice = World(some(term(name="tools"), term(name="PAY/web"))).choose(lost)
    assert set(choice.target) == {"2"}
    (found,) = choice.findings
    assert (found.severity, found.hint) == (Severity.WARNING, "write PAY/tools")
    bound = World(some(term(name="tools"))).applied(a_listing(TOOLS)).choose(lost)
    assert (set(bound.target), bound.findings) == ({"1"}, [])


# Bound names ------------------------------------------------------------------------------------


def test_a_bound_name_stays_settled_beside_a_newcomer_of_the_same_name() -> None:
    world = World(some(term(name="tools"))).applied(a_listing(TOOLS))
    choice = world.choose(a_listing(TWO_TOOLS))
    assert (choice.target, choice.findings) == ({"1": Selected("PAY/tools", "tools")}, [])
    after = world.applied(a_listing(TWO_TOOLS))
    assert after.choose(a_listing(TWO_TOOLS)).settled


@pytest.mark.parametrize(
    "terms",
    [
        (term(name="tools"),),
        (term(name="PAY/tools"),),
        (term(name="tools"), term(name="OPS/ci"), term(name="*/web")),
        (term(name="tools"), term(id="1")),
        (term(id="1"), term(name="tools")),
        (term(project="PAY"), term(name="tools")),
    ],
    ids=["bare", "full", "both", "bare-and-id", "id-and-bare", "project-and-bare"],
)
def test_an_unchanged_account_is_settled_at_once(terms: tuple[Term, ...]) -> None:
    listing = a_listing({**TOOLS, "4": Repository("OPS/ci", "OPS")})
    assert World(some(*terms)).applied(listing).choose(listing).settled


def test_a_move_to_another_project_is_a_rename_of_the_label_only() -> None:
    world = World(some(term(name="tools"))).applied(a_listing(TOOLS))
    moved = a_listing({**TOOLS, "1": Repository("OPS/tools", "OPS")})
    choice = world.choose(moved)
    assert (choice.target, choice.findings) == ({"1": Selected("OPS/tools", "tools")}, [])
    live = LiveSelection(
        (LiveResource("r1", "tools", "PAY", selected=True, repository_id="1"),),
        follows_new=False,
        complete=True,
    )
    desired = a_connection(selection=world.selection)
    change = compare_selection(desired, moved, world.record, live, choice)
    assert [(label.name, new) for label, new in change.renamed] == [("PAY/tools", "OPS/tools")]
    assert (change.add, change.remove, change.adopted) == ((), (), ())
    assert world.applied(moved).choose(moved).settled


def test_a_moved_repository_of_a_full_name_is_called_by_a_stale_name() -> None:
    world = World(some(term(name="PAY/tools"))).applied(a_listing(TOOLS))
    choice = world.choose(a_listing({**TOOLS, "1": Repository("OPS/tools", "OPS")}))
    assert choice.target == {"1": Selected("OPS/tools", "PAY/tools")}
    assert [f.code for f in choice.findings] == ["stale-name"]


def test_a_renamed_repository_of_a_bare_name_is_called_by_a_stale_name() -> None:
    world = World(some(term(name="tools"))).applied(a_listing(TOOLS))
    renamed = {**TOOLS, "1": Repository("PAY/utils", "PAY")}
    for listed, taken in ((renamed, False), ({**renamed, "3": TWO_TOOLS["3"]}, True)):
        choice = world.choose(a_listing(listed))
        assert choice.target == {"1": Selected("PAY/utils", "tools")}
        (found,) = choice.findings
        assert found.code == "stale-name"
        assert ("another repository has taken its old name" in found.message) is taken


def test_two_spellings_of_one_repository_both_stay_bound_to_it() -> None:
    for terms in (("tools", "PAY/tools"), ("PAY/tools", "tools")):
        world = World(some(*(term(name=t) for t in terms))).applied(a_listing(TOOLS))
        for listed in (TWO_TOOLS, {**TWO_TOOLS, "1": Repository("PAY/utils", "PAY")}):
            choice = world.choose(a_listing(listed))
            assert set(choice.target) == {"1"}
            assert not failed(choice)
            assert not failed(world.applied(a_listing(listed)).choose(a_listing(listed)))


def test_a_name_spelt_out_after_the_fact_stays_with_its_repository() -> None:
    world = World(some(term(name="tools"))).applied(a_listing(TOOLS))
    edited = replace(world, selection=some(term(name="PAY/tools")))
    choice = edited.choose(a_listing(TWO_TOOLS))
    assert (choice.target, choice.findings) == ({"1": Selected("PAY/tools", "PAY/tools")}, [])
    gone = a_listing({"2": TOOLS["2"]})
    assert edited.choose(gone).target["1"].orphaned


@pytest.mark.parametrize("prefix", ["", "PAY/"], ids=["bare", "qualified"])
def test_a_newcomer_that_another_term_chose_does_not_take_a_bound_name_over(prefix: str) -> None:
    """The newcomer comes last in the record, and both are recorded under the same name."""
    old, new = f"{prefix}a", f"{prefix}b"
    selection = some(term(name="a"), term(id="2"))
    world = World(selection).applied(a_listing({"1": Repository(old)}))
    listing = a_listing({"1": Repository(new), "2": Repository(old)})
    first = world.choose(listing)
    assert set(first.target) == {"1", "2"}
    again = world.remembered(listing, first.target).choose(listing)
    assert again.target == first.target


# Laws -------------------------------------------------------------------------------------------


@given(selections(), accounts())
def test_recording_settles_whatever_was_chosen(
    selection: DesiredSelection, repositories: dict[str, Repository]
) -> None:
    listing = a_listing(repositories)
    world = World(selection)
    first = world.choose(listing)
    assume(not failed(first))
    after = world.remembered(listing, first.target)
    quick, slow = after.choose(listing), after.slowly(listing)
    assert quick.target == slow.target == first.target
    assert quick.findings == slow.findings


@given(selections(), accounts(), accounts())
def test_the_short_cut_answers_as_the_long_way_does_after_any_history(
    selection: DesiredSelection, before: dict[str, Repository], now: dict[str, Repository]
) -> None:
    world = World(selection)
    assume(not failed(world.choose(a_listing(before))))
    world = world.applied(a_listing(before))
    assume(not failed(world.choose(a_listing(now))))
    after = world.applied(a_listing(now))
    quick, slow = after.choose(a_listing(now)), after.slowly(a_listing(now))
    assert quick.target == slow.target
    assert quick.findings == slow.findings


@given(accounts(), st.sampled_from(SLUGS))
def test_a_bare_name_means_exactly_one_repository_or_is_an_error(
    repositories: dict[str, Repository], slug: str
) -> None:
    assume(repositories)
    bearers = {k for k, r in repositories.items() if r.name.endswith(f"/{slug}")}
    choice = World(some(term(name=slug))).choose(a_listing(repositories))
    if len(bearers) == 1:
        assert (set(choice.target), choice.findings) == (bearers, [])
    else:
        assert failed(choice)
        assert choice.target == {}
        said = " ".join(candidates(choice))
        assert all(repositories[key].name in said for key in bearers)


@given(accounts(), st.sampled_from(SLUGS), st.sampled_from(PROJECTS))
def test_moves_and_newcomers_never_unsettle_a_bound_name(
    repositories: dict[str, Repository], slug: str, project: str
) -> None:
    world = World(some(term(name=slug)))
    assume(not failed(world.choose(a_listing(repositories))))
    world = world.applied(a_listing(repositories))
    assert world.record is not None
    (key,) = world.record.selection
    moved = {**repositories, key: Repository(f"{project}/{slug}", project)}
    crowded = {**moved, "new": Repository(f"ELSE/{slug}", "ELSE")}
    for listed in (moved, crowded):
        choice = world.choose(a_listing(listed))
        assert choice.target == {key: Selected(f"{project}/{slug}", slug)}
        assert choice.findings == []
        assert world.applied(a_listing(listed)).choose(a_listing(listed)).settled


@given(accounts(), st.lists(bare_terms, min_size=1, max_size=3))
def test_names_of_one_project_mean_what_they_mean_without_it(
    repositories: dict[str, Repository], terms: list[Term]
) -> None:
    one = {
        k: r._replace(name=f"PAY/{r.name.rpartition('/')[2]}", project="PAY")
        for k, r in repositories.items()
        if r.project == "PAY"
    }
    bare = {k: r._replace(name=r.name.rpartition("/")[2]) for k, r in one.items()}
    selection = some(*terms)
    qualified = World(selection).choose(a_listing(one))
    plain = World(selection).choose(a_listing(bare))
    assert qualified.target.keys() == plain.target.keys()
    assert [f.code for f in qualified.findings] == [f.code for f in plain.findings]
