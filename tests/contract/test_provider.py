"""The laws that every provider keeps. A provider without a bench fails here by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reconciler import providers
from reconciler.errors import Fault, RemoteError, UsageError
from reconciler.model.method import MethodKind
from reconciler.model.observed import Listing, Reads, Verdict
from reconciler.model.secret import KNOWN, Secret
from reconciler.ports.capability import Can, Cannot, Capability
from reconciler.ports.provider import Login, Progress, Provider, ProviderSpec, silent
from reconciler.report.capabilities import Declared, render_matrix
from tests.contract.provider_bench import (
    PageTrouble,
    ProviderBench,
    Trouble,
    bench_module,
    benches_on_disk,
    declared,
    open_bench,
    shown,
)

NAMES = providers.names()
BENCHES = benches_on_disk()
PAGED = tuple(name for name, says in BENCHES.items() if says.pages)
COUNTING = tuple(
    name for name, says in BENCHES.items() if PageTrouble.COUNT_TOO_HIGH in says.page_troubles
)
BLOCKING = tuple(name for name, says in BENCHES.items() if says.blocks)
UNREADABLE = (PageTrouble.LOST, PageTrouble.HTML, PageTrouble.TRUNCATED)
SPARE_REQUESTS = 5
ABILITIES = frozenset(
    {
        Capability.VERIFY,
        Capability.LIST_REPOSITORIES,
        Capability.READ_SCOPES,
        Capability.READ_EXPIRY,
        Capability.ISSUE,
        Capability.RESCOPE_IN_PLACE,
        Capability.REVOKE,
        Capability.WEBHOOKS,
    }
)
CALLS = {
    Capability.VERIFY: ("verify",),
    Capability.LIST_REPOSITORIES: ("list_repositories",),
    Capability.ISSUE: ("issue", "issued"),
    Capability.RESCOPE_IN_PLACE: ("rescope",),
    Capability.REVOKE: ("revoke",),
    Capability.WEBHOOKS: ("webhooks", "put_webhook", "delete_webhook"),
}


@pytest.fixture(params=NAMES)
def bench(request: pytest.FixtureRequest) -> Iterator[ProviderBench]:
    with open_bench(request.param) as opened:
        yield opened


async def listed(
    bench: ProviderBench, *, expected: int | None = None, progress: Progress = silent
) -> tuple[Listing, Reads]:
    """The account in full, and what that cost."""
    async with bench.open() as provider:
        listing = await provider.list_repositories(
            bench.login, expected=expected, progress=progress
        )
        return listing, provider.reads()


# What is declared ------------------------------------------------------------------------------


def test_a_provider_that_nobody_wrote_is_named_in_the_error() -> None:
    with pytest.raises(UsageError, match="sourceforge") as caught:
        providers.spec("sourceforge")
    assert NAMES[0] in caught.value.hint


def test_specs_hold_every_provider_found_on_disk() -> None:
    assert tuple(providers.specs()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_provider_has_a_bench_that_declares_what_is_true_of_it(name: str) -> None:
    says = declared(name)
    assert says.pages or not says.page_troubles
    assert not says.pages or says.page_troubles >= set(UNREADABLE)
    assert (PageTrouble.COUNT_TOO_HIGH in says.page_troubles) is (says.pages and says.counts)
    assert all(says.faults.values())
    assert all(says.verdicts.values())


def test_a_provider_without_a_bench_fails_by_its_name() -> None:
    for ask in (bench_module, open_bench, declared):
        with pytest.raises(pytest.fail.Exception, match="provider source-forge has no") as caught:
            ask("source-forge")
        assert "tests/providers/source_forge/bench.py" in str(caught.value)


def hold_abilities(spec: ProviderSpec) -> None:
    """Every ability is declared with its source, its date and a way round what is impossible."""
    for capability in ABILITIES | set(spec.abilities):
        ability = spec.abilities.get(capability)
        assert ability is not None, f"{spec.name} does not declare {capability}"
        assert capability in ABILITIES, f"{spec.name}: {capability} is none of a provider's"
        assert ability.source.startswith("https://"), f"{spec.name}: {capability} has no source"
        assert ability.checked.year >= 2026, f"{spec.name}: {capability} was checked long ago"
        assert isinstance(ability, Can) or ability.instead, f"{spec.name}: {capability}, and then?"


def hold_calls(spec: ProviderSpec, provider: Provider) -> None:
    """The adapter offers the calls of what it can do, and no other."""
    for capability, calls in CALLS.items():
        can = not isinstance(spec.abilities[capability], Cannot)
        for call in calls:
            assert hasattr(provider, call) is can, f"{spec.name}: {capability}, {call}"


@pytest.mark.parametrize("name", NAMES)
def test_every_ability_has_a_source_a_date_and_a_way_round(name: str) -> None:
    hold_abilities(providers.spec(name))


@pytest.mark.parametrize("capability", sorted(ABILITIES), ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_an_undeclared_ability_fails_by_its_name(name: str, capability: Capability) -> None:
    spec = providers.spec(name)
    kept = {key: value for key, value in spec.abilities.items() if key is not capability}
    with pytest.raises(AssertionError, match=f"{name} does not declare {capability}"):
        hold_abilities(replace(spec, abilities=kept))


@pytest.mark.parametrize("capability", list(CALLS), ids=str)
async def test_a_false_declaration_fails_by_its_name(
    bench: ProviderBench, capability: Capability
) -> None:
    spec = providers.spec(bench.name)
    told = spec.abilities[capability]
    turned = (
        Cannot(told.source, told.checked, instead="nothing")
        if isinstance(told, Can)
        else Can(told.source, told.checked)
    )
    lie = replace(spec, abilities={**spec.abilities, capability: turned})
    async with bench.open() as provider:
        with pytest.raises(AssertionError, match=f"{bench.name}: {capability}"):
            hold_calls(lie, provider)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_says_how_a_person_makes_and_ends_its_credential(name: str) -> None:
    spec = providers.spec(name)
    assert spec.name == name
    assert set(spec.manual) == set(spec.methods)
    assert not set(spec.retired) & set(spec.methods)
    for manual in spec.manual.values():
        assert manual.create_url.startswith("https://")
        assert manual.revoke_url.startswith("https://")
        assert manual.create_title
        assert manual.revoke_title
        assert manual.who


@pytest.mark.parametrize("name", NAMES)
def test_an_announced_end_says_when_what_and_by_whom(name: str) -> None:
    spec = providers.spec(name)
    for end in spec.announced:
        assert set(end.concerns) <= set(spec.methods)
        assert end.concerns
        assert end.on.isoformat() in end.sentence
        assert end.source.startswith("https://")


def test_the_matrix_has_a_column_for_every_provider_and_a_cell_for_every_ability() -> None:
    specs = tuple(providers.specs().values())
    lines = render_matrix(Declared(s.name, s.title, s.abilities) for s in specs).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == ["capability", *(spec.title for spec in specs)]
    assert rows[1] == ["---"] * (1 + len(specs))
    for row in rows[2:]:
        told = [s.abilities[Capability(row[0])] for s in specs]
        assert row[1:] == ["yes" if isinstance(ability, Can) else "no" for ability in told]
    assert {row[0] for row in rows[2:]} == ABILITIES


@pytest.mark.parametrize("name", NAMES)
def test_scopes_that_imply_others_are_in_a_vocabulary(name: str) -> None:
    spec = providers.spec(name)
    known = frozenset[str]().union(*spec.vocabulary.values())
    assert set(spec.implies) <= known
    assert frozenset[str]().union(*spec.implies.values()) <= known


async def test_what_it_cannot_do_is_not_offered_by_the_adapter(bench: ProviderBench) -> None:
    async with bench.open() as provider:
        hold_calls(providers.spec(bench.name), provider)


async def test_a_method_of_another_provider_is_refused_by_its_name(bench: ProviderBench) -> None:
    known = providers.spec(bench.name)
    strange = next(k for k in MethodKind if k not in known.methods and k not in known.retired)
    login = Login(strange, Secret("strange-secret"), "ada")
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
        assert report.verdict is Verdict.UNKNOWN
        assert strange in report.cause
        with pytest.raises(RemoteError, match=strange):
            await provider.list_repositories(login, expected=None, progress=silent)
    assert bench.requests() == 0


# Verifying -------------------------------------------------------------------------------------


async def test_verify_tells_each_verdict_apart(bench: ProviderBench) -> None:
    logins = bench.logins()
    assert set(logins) >= {Verdict.WORKS, Verdict.DEAD}
    async with bench.open() as provider:
        for verdict, group in logins.items():
            for login in group:
                report = await provider.verify(login, reach=False)
                assert report.verdict is verdict, (login, report)
                assert verdict is Verdict.WORKS or (report.cause and report.hint)


async def test_a_working_credential_shows_who_it_is_and_what_is_declared(
    bench: ProviderBench,
) -> None:
    abilities = providers.spec(bench.name).abilities
    ends = set()
    async with bench.open() as provider:
        for login in bench.logins()[Verdict.WORKS]:
            report = await provider.verify(login, reach=True)
            assert report.identity
            assert report.login
            assert (report.reaches, report.lacking) == (True, frozenset())
            assert isinstance(report.scopes, frozenset) is isinstance(
                abilities[Capability.READ_SCOPES], Can
            )
            ends.add(report.expires_at)
            again = await provider.verify(login, reach=False)
            assert (again.identity, again.reaches) == (report.identity, None)
    assert bool(ends - {None}) is isinstance(abilities[Capability.READ_EXPIRY], Can)


async def test_scopes_that_are_not_told_are_tried_one_by_one(bench: ProviderBench) -> None:
    tells = isinstance(providers.spec(bench.name).abilities[Capability.READ_SCOPES], Can)
    lean = bench.lean_logins()
    assert bool(lean) is not tells
    async with bench.open() as provider:
        for login, lacking in lean.items():
            report = await provider.verify(login, reach=True)
            assert (report.verdict, report.lacking) == (Verdict.WORKS, lacking)
            assert lacking
            assert lacking <= set(login.scopes)


async def test_verify_costs_one_request_and_with_reach_what_is_declared(
    bench: ProviderBench,
) -> None:
    reach = declared(bench.name).reach_requests
    async with bench.open() as provider:
        await provider.verify(bench.login, reach=False)
        assert bench.requests() == 1
        await provider.verify(bench.login, reach=True)
        assert bench.requests() == 1 + reach
        assert provider.reads().requests == 1 + reach


@pytest.mark.parametrize("bench", BLOCKING, indirect=True)
async def test_a_closed_account_is_blocked_and_not_dead(bench: ProviderBench) -> None:
    bench.block()
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
    assert report.verdict is Verdict.BLOCKED
    assert report.cause
    assert report.hint


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_verify_never_raises_and_never_guesses(
    bench: ProviderBench, trouble: Trouble
) -> None:
    bench.trouble(trouble)
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
    assert report.reaches is not True
    assert report.cause
    assert report.hint
    # An answer cut short may still have told the scopes in its headers.
    told = trouble is Trouble.TRUNCATED and bool(report.scopes)
    assert report.verdict in declared(bench.name).verdicts_of(trouble) or told


# Listing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", ["unknown", "right", "stale"])
@pytest.mark.parametrize("pages", [0, 1, 3, 7], ids=lambda n: f"{n}-pages")
async def test_every_page_is_read_within_the_request_budget(
    bench: ProviderBench, pages: int, expected: str
) -> None:
    count = max(0, pages * bench.page_size - 3)
    counted = count if declared(bench.name).counts else None
    bench.fill(count)
    known = {"unknown": None, "right": count, "stale": max(0, count - 2 * bench.page_size)}
    told: list[tuple[int, int | None]] = []
    listing, reads = await listed(
        bench,
        expected=known[expected],
        progress=lambda _what, done, total: told.append((done, total)),
    )
    assert frozenset(listing.repositories) == bench.ids()
    assert (listing.complete, listing.gap, listing.expected) == (True, "", counted)
    least = bench.minimum_requests(count)
    assert least <= bench.requests() <= least + SPARE_REQUESTS
    assert (reads.requests, reads.seen, reads.complete) == (bench.requests(), count, True)
    assert told[-1][0] == count
    assert told[-1][1] in {count, counted}


async def test_a_full_last_page_is_the_last(bench: ProviderBench) -> None:
    bench.fill(2 * bench.page_size)
    listing, _ = await listed(bench)
    assert listing.complete
    assert len(listing.repositories) == 2 * bench.page_size


async def test_pages_and_counts_are_as_the_bench_declares(bench: ProviderBench) -> None:
    says, many = declared(bench.name), 2 * bench.page_size + 1
    bench.fill(many)
    listing, _ = await listed(bench)
    assert listing.complete
    assert (listing.expected is not None) is says.counts
    assert (listing.pages > 1) is says.pages
    assert (bench.minimum_requests(many) > bench.minimum_requests(1)) is says.pages


@pytest.mark.parametrize("page", [2, 5], ids=["middle", "last"])
@pytest.mark.parametrize("trouble", UNREADABLE, ids=str)
@pytest.mark.parametrize("bench", PAGED, indirect=True)
async def test_a_page_that_cannot_be_read_leaves_the_listing_incomplete(
    bench: ProviderBench, trouble: PageTrouble, page: int
) -> None:
    count = 4 * bench.page_size + 1
    bench.fill(count)
    bench.page_trouble(trouble, page)
    listing, reads = await listed(bench)
    assert not listing.complete
    assert not reads.complete
    assert f"page {page} could not be read" in listing.gap
    before = (page - 1) * bench.page_size
    behind = max(0, count - page * bench.page_size)
    found = before + (behind if declared(bench.name).reads_past_a_lost_page else 0)
    assert len(listing.repositories) == found
    assert set(listing.repositories) < bench.ids()


@pytest.mark.parametrize("bench", PAGED, indirect=True)
async def test_a_link_to_a_foreign_host_never_receives_anything(bench: ProviderBench) -> None:
    """A provider whose pages have no link is not disturbed by one."""
    is_followed = PageTrouble.FOREIGN_LINK in declared(bench.name).page_troubles
    bench.fill(3 * bench.page_size)
    bench.page_trouble(PageTrouble.FOREIGN_LINK, 1)
    listing, _ = await listed(bench)
    assert bench.trapped() == 0
    assert listing.complete is not is_followed
    assert ("links to" in listing.gap) is is_followed


@pytest.mark.parametrize("bench", COUNTING, indirect=True)
async def test_a_count_that_does_not_add_up_is_read_twice_and_then_said(
    bench: ProviderBench,
) -> None:
    count = bench.page_size + 1
    bench.fill(count)
    bench.page_trouble(PageTrouble.COUNT_TOO_HIGH, 1)
    listing, _ = await listed(bench, expected=count)
    assert not listing.complete
    assert str(count) in listing.gap
    assert str(count + 1) in listing.gap
    assert bench.requests() == 2 * bench.minimum_requests(count)


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_every_http_failure_becomes_our_error(bench: ProviderBench, trouble: Trouble) -> None:
    bench.trouble(trouble)
    with pytest.raises(RemoteError) as caught:
        await listed(bench)
    assert caught.value.fault in declared(bench.name).faults_of(trouble)
    assert caught.value.party == bench.name
    assert caught.value.hint
    assert bench.trapped() == 0


async def test_over_the_hourly_allowance_nothing_is_sent(bench: ProviderBench) -> None:
    async with bench.open(hourly_requests=1) as provider:
        await provider.verify(bench.login, reach=False)
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
        assert provider.reads().limit == 1
    assert caught.value.fault is Fault.BUDGET
    assert bench.requests() == 1


@pytest.mark.parametrize("bench", PAGED, indirect=True)
async def test_an_allowance_that_ends_between_pages_leaves_the_listing_incomplete(
    bench: ProviderBench,
) -> None:
    bench.fill(3 * bench.page_size)
    async with bench.open(hourly_requests=2) as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert not listing.complete
    assert listing.gap
    assert bench.requests() == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_obeyed(bench: ProviderBench, form: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    bench.throttle_once("40" if form == "seconds" else date)
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert listing.complete
    assert len(bench.sleeps) == 1
    assert 30 < bench.sleeps[0] <= 40


async def test_a_wait_beyond_our_patience_is_said_and_not_waited(bench: ProviderBench) -> None:
    bench.throttle_once("1800")
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=False)
    assert report.verdict is Verdict.UNKNOWN
    assert "1800 s" in report.cause
    assert bench.sleeps == []


# Secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_no_secret_is_in_any_error_report_or_repr(
    bench: ProviderBench, trouble: Trouble
) -> None:
    secrets = tuple(bench.secrets())
    logins = [login for group in bench.logins().values() for login in group]
    bench.trouble(trouble)
    texts = [repr(login) for login in logins]
    async with bench.open() as provider:
        for login in logins:
            texts.append(shown(await provider.verify(login, reach=True)))
            with pytest.raises(RemoteError) as caught:
                await provider.list_repositories(login, expected=None, progress=silent)
            texts.append(shown(caught.value))
        texts.append(repr(provider) + repr(provider.reads()))
    text = "\n".join(texts)
    assert not [secret for secret in secrets if secret in text]
    assert KNOWN.scrub(text) == text
