"""What shall be selected: laws over many selections and histories of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.diff.selection import Choice, choose, compare_selection
from reconciler.diff.terms import compile_rules
from reconciler.errors import Severity
from reconciler.model.desired import DesiredSelection, Term
from reconciler.model.method import Missing, NewRepositories
from reconciler.model.observed import Listing, LiveResource, LiveSelection, Repository
from reconciler.model.record import KnownRepositories, Record, Selected
from tests.builders import a_connection, a_record
from tests.seen import a_listing, some, term

IDS = [f"{{{n}}}" for n in range(6)]
NAMES = ["a", "b", "ab", "a-1", "a-2", "b-1"]

terms = st.one_of(
    st.sampled_from([*NAMES, "a*", "b*", "*-1", "a?", "[ab]-*"]).map(lambda n: term(name=n)),
    st.sampled_from(["P", "Q"]).map(lambda p: term(project=p)),
    st.sampled_from(["a.*", "(?i)B.*"]).map(lambda r: term(regex=r)),
    st.sampled_from(IDS).map(lambda i: term(id=i)),
)
flags = st.sampled_from([None, None, True, False])


@st.composite
def selections(draw: st.DrawFn) -> DesiredSelection:
    include = draw(st.lists(terms, max_size=4))
    return some(
        *include,
        exclude=tuple(draw(st.lists(terms, max_size=2))),
        everything=not include or draw(st.booleans()),
        archived=draw(flags),
        fork=draw(flags),
        new_repositories=draw(st.sampled_from(NewRepositories)),
        missing=draw(st.sampled_from(Missing)),
    )


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Repository]:
    """Repositories with distinct names, as a workspace has them."""
    ids = draw(st.lists(st.sampled_from(IDS), unique=True))
    names = draw(st.permutations(NAMES))
    flag = st.booleans()
    return {
        key: Repository(name, draw(st.sampled_from(["P", "Q"])), draw(flag), draw(flag))
        for key, name in zip(ids, names, strict=False)
    }


@dataclass
class World:
    """One connection's record and what the registry knows, moved on as `apply` would."""

    selection: DesiredSelection
    record: Record | None = None
    known: KnownRepositories = field(default_factory=KnownRepositories)
    serial: int = 0

    def choose(self, listing: Listing) -> Choice:
        desired = a_connection(selection=self.selection)
        return choose(desired, listing, self.record, self.known)

    def applied(self, listing: Listing) -> World:
        """The world after the choice was applied and recorded."""
        return self.remembered(listing, self.choose(listing).target)

    def remembered(self, listing: Listing, target: Mapping[str, Selected]) -> World:
        serial = self.serial + 1
        known = self.known
        if listing.complete and (not known.serial or known.repositories != listing.repositories):
            first = {k: known.first_serial.get(k, serial) for k in listing.repositories}
            known = KnownRepositories(listing.repositories, first, serial)
        same = self.record is not None and self.record.selection_digest == self.selection.digest
        record = a_record(
            selection=dict(target),
            selection_digest=self.selection.digest,
            epoch=self.record.epoch if self.record and same else serial,
            listed_at=known.serial if listing.complete else 0,
        )
        return World(self.selection, record, known, serial)

    def slowly(self, listing: Listing) -> Choice:
        """The choice without the short cut of a settled record."""
        assert self.record is not None
        slow = replace(self, record=replace(self.record, listed_at=0))
        return slow.choose(listing)


def failed(choice: Choice) -> bool:
    return any(f.severity is Severity.ERROR for f in choice.findings)


worlds = st.builds(
    lambda selection, before: World(selection).applied(a_listing(before)), selections(), accounts()
)
listings = st.builds(
    lambda repositories, gap: a_listing(repositories, gap=gap),
    accounts(),
    st.sampled_from(["", "", "page 2 was lost"]),
)


@given(worlds, listings)
def test_exclude_and_where_always_win(world: World, listing: Listing) -> None:
    rules = compile_rules(world.selection)
    for key in world.choose(listing).target:
        repository = listing.repositories.get(key)
        if repository is not None:
            assert not rules.excludes(key, repository)
            assert rules.passes(key, repository)


@given(worlds, listings)
def test_choosing_again_after_recording_changes_nothing(world: World, listing: Listing) -> None:
    first = world.choose(listing)
    assume(not failed(first))
    after = world.remembered(listing, first.target)
    again = after.choose(listing)
    assert again.target == first.target
    assert not failed(again)
    assert after.remembered(listing, again.target).choose(listing).target == first.target


@given(worlds, accounts())
def test_the_short_cut_answers_as_the_long_way_does(
    world: World, repositories: dict[str, Repository]
) -> None:
    listing = a_listing(repositories)
    assume(not failed(world.choose(listing)))
    after = world.applied(listing)
    quick, slow = after.choose(listing), after.slowly(listing)
    assert quick.target == slow.target
    assert quick.findings == slow.findings


@given(worlds, accounts(), st.sampled_from(Missing))
def test_the_short_cut_sees_a_new_mind_about_what_is_missing(
    world: World, repositories: dict[str, Repository], missing: Missing
) -> None:
    listing = a_listing(repositories)
    assume(not failed(world.choose(listing)))
    after = world.applied(listing)
    changed = replace(after, selection=replace(after.selection, missing=missing))
    assert changed.choose(listing).target == changed.slowly(listing).target


@given(worlds, st.permutations(["n1", "n2", "n3", "n4", "n5", "n6"]))
def test_a_rename_removes_nothing_that_exclude_does_not(world: World, names: list[str]) -> None:
    assert world.record is not None
    before = world.known.repositories
    renamed = {
        key: r._replace(name=name) for (key, r), name in zip(before.items(), names, strict=False)
    }
    choice = world.choose(a_listing(renamed))
    rules = compile_rules(world.selection)
    kept = {k for k in world.record.selection if not rules.excludes(k, renamed[k])}
    assert kept <= set(choice.target)


@given(worlds, accounts(), accounts())
def test_an_incomplete_listing_removes_nothing(
    world: World, repositories: dict[str, Repository], edited: dict[str, Repository]
) -> None:
    assert world.record is not None
    listing = a_listing(repositories, gap="page 2 was lost")
    live = LiveSelection(
        tuple(
            LiveResource(f"r{k}", r.name, "acme", selected=True, repository_id=k)
            for k, r in {**edited, **world.known.repositories}.items()
        ),
        follows_new=None,
        complete=True,
    )
    change = compare_selection(
        a_connection(selection=world.selection), listing, world.record, live, world.choose(listing)
    )
    assert change.remove == ()
    selected = {r.repository_id for r in live.resources}
    assert set(world.record.selection) & selected <= set(change.target)
    assert bool(change.kept) == bool(change.kept_why)


@given(selections(), accounts(), accounts())
def test_what_appears_after_the_epoch_is_ignored_where_so_declared(
    selection: DesiredSelection, before: dict[str, Repository], after: dict[str, Repository]
) -> None:
    wide = tuple(t for t in selection.include if not t.is_exact)
    selection = replace(
        selection,
        include=wide,
        everything=not wide,
        new_repositories=NewRepositories.IGNORE,
    )
    world = World(selection).applied(a_listing(before))
    assert world.record is not None
    chosen = world.choose(a_listing(after)).target
    assert not set(chosen) - set(world.record.selection) - set(before)


@given(selections(), accounts(), accounts())
def test_a_selection_is_never_empty_by_accident(
    selection: DesiredSelection, before: dict[str, Repository], after: dict[str, Repository]
) -> None:
    world = World(selection).applied(a_listing(before))
    for choice in (World(selection).choose(a_listing(before)), world.choose(a_listing(after))):
        assert choice.target or failed(choice)


@given(worlds, accounts(), accounts())
@settings(max_examples=60)
def test_a_missing_repository_is_orphaned_removed_or_an_error(
    world: World, after: dict[str, Repository], other: dict[str, Repository]
) -> None:
    del other
    assert world.record is not None
    listing = a_listing(after)
    choice = world.choose(listing)
    gone = {k for k, s in world.record.selection.items() if k not in after and not s.orphaned}
    if world.selection.missing is Missing.REMOVE:
        assert not gone & set(choice.target)
    else:
        assert gone <= set(choice.target)
        is_orphan = world.selection.missing is Missing.ORPHAN
        assert all(choice.target[k].orphaned is is_orphan for k in gone)
        assert failed(choice) or is_orphan or not gone


@given(accounts(), st.sampled_from(NAMES), st.sampled_from(["z-1", "z-2"]))
def test_an_exact_name_follows_its_repository_through_renames(
    repositories: dict[str, Repository], name: str, new: str
) -> None:
    key = next((k for k, r in repositories.items() if r.name == name), None)
    assume(key is not None)
    assert key is not None
    world = World(some(term(name=name))).applied(a_listing(repositories))
    renamed = {**repositories, key: repositories[key]._replace(name=new)}
    taken = {**renamed, "{new}": Repository(name)}
    for listed in (renamed, taken):
        choice = world.choose(a_listing(listed))
        assert set(choice.target) == {key}
        assert choice.target[key] == Selected(new, name)
        assert [f.code for f in choice.findings] == ["stale-name"]


def exact(*include: Term, **kinds: Any) -> World:
    listing = a_listing({"{1}": Repository("x"), "{2}": Repository("y")})
    return World(some(*include, **kinds)).applied(listing)


def test_a_repository_made_anew_under_its_exact_name_takes_the_place_of_the_gone_one() -> None:
    for missing in (Missing.REMOVE, Missing.ORPHAN):
        world = exact(term(name="x"), missing=missing)
        chosen = world.choose(a_listing({"{3}": Repository("x")})).target
        assert chosen["{3}"] == Selected("x", "x")
        assert ("{1}" in chosen) is (missing is Missing.ORPHAN)


def test_on_an_incomplete_listing_a_name_stays_with_the_repository_it_is_bound_to() -> None:
    world = exact(term(name="x"))
    assert set(world.choose(a_listing({"{3}": Repository("x")}, gap="lost")).target) == {"{1}"}


def test_two_terms_for_one_repository_do_not_unbind_its_old_name() -> None:
    listing = a_listing({"{1}": Repository("new"), "{2}": Repository("y")})
    for terms_ in (
        (term(name="x"), term(id="{1}")),
        (term(id="{1}"), term(name="x")),
        (term(name="x"), term(name="new")),
        (term(name="new"), term(name="x")),
    ):
        world = exact(term(name="x"))
        edited = replace(world, selection=some(*terms_))
        assert edited.choose(listing).target == {"{1}": Selected("new", "x")}
        assert not failed(edited.applied(listing).choose(listing))


def test_a_term_that_is_kept_out_says_so_and_leaves_nothing_selected_by_accident() -> None:
    listing = a_listing({"{1}": Repository("x", archived=True)})
    choice = World(some(term(name="x"), archived=False)).choose(listing)
    assert [f.code for f in choice.findings] == ["term-without-effect", "selection-empty"]
    assert choice.target == {}


def test_a_named_repository_that_is_kept_out_under_a_new_name_is_missed_at_once() -> None:
    world = exact(term(name="x"), term(name="y"), archived=False)
    gone = {"{1}": Repository("z", archived=True), "{2}": Repository("y")}
    choice = world.choose(a_listing(gone))
    assert [f.code for f in choice.findings] == ["repository-missing"]


def test_a_name_nobody_has_is_an_error_with_the_nearest_one() -> None:
    listing = a_listing({"{1}": Repository("payments")})
    (found,) = World(some(term(name="paymnts"))).choose(listing).findings
    assert (found.severity, found.hint) == (Severity.ERROR, 'did you mean "payments"?')
    (found,) = World(some(term(name="zz"))).choose(listing).findings
    assert found.hint == "check the name and what the reader may see"
    lost = a_listing({"{1}": Repository("payments")}, gap="lost")
    (found,) = World(some(term(name="paymnts"))).choose(lost).findings
    assert found.severity is Severity.WARNING
    assert "in what could be listed" in found.message


def test_a_repository_that_comes_back_is_no_orphan_any_more() -> None:
    world = exact(term(name="x"))
    gone = world.applied(a_listing({"{2}": Repository("y")}))
    assert gone.record is not None
    assert gone.record.selection["{1}"].orphaned
    back = gone.choose(a_listing({"{1}": Repository("x"), "{2}": Repository("y")}))
    assert back.target == {"{1}": Selected("x", "x")}


def test_a_named_repository_that_was_removed_as_declared_is_a_warning_from_then_on() -> None:
    world = exact(term(name="x"), term(name="y"), missing=Missing.REMOVE)
    listing = a_listing({"{2}": Repository("y")})
    first = world.choose(listing)
    assert (set(first.target), first.findings) == ({"{2}"}, [])
    (found,) = world.applied(listing).choose(listing).findings
    assert (found.code, found.severity) == ("repository-missing", Severity.WARNING)


def test_what_an_edited_selection_no_longer_means_is_not_missed() -> None:
    world = World(some(term(name="x*"), term(name="y"))).applied(
        a_listing({"{1}": Repository("x1"), "{2}": Repository("y")})
    )
    edited = replace(world, selection=some(term(name="y")))
    choice = edited.choose(a_listing({"{2}": Repository("y")}))
    assert (set(choice.target), choice.findings) == ({"{2}"}, [])
    by_id = replace(world, selection=some(term(id="{1}"), term(name="y")))
    assert by_id.choose(a_listing({"{2}": Repository("y")})).target["{1}"].orphaned
