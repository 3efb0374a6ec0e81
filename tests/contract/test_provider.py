"""The laws that every provider keeps. A provider without a bench fails here by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import import_module

import pytest

from reconciler import providers
from reconciler.errors import Fault, RemoteError, UsageError
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import KNOWN, Secret
from reconciler.ports.capability import Can, Cannot, Capability
from reconciler.ports.provider import Login, silent
from tests.contract.provider_bench import FAULTS, PageTrouble, ProviderBench, Trouble

NAMES = providers.names()
SPARE_REQUESTS = 5


def open_bench(name: str) -> AbstractContextManager[ProviderBench]:
    folder = name.replace("-", "_")
    try:
        module = import_module(f"tests.providers.{folder}.bench")
    except ModuleNotFoundError as error:
        pytest.fail(f"provider {name} has no tests/providers/{folder}/bench.py: {error}")
    opened: AbstractContextManager[ProviderBench] = module.bench()
    return opened


@pytest.fixture(params=NAMES)
def bench(request: pytest.FixtureRequest) -> Iterator[ProviderBench]:
    with open_bench(request.param) as opened:
        yield opened


def shown(error: RemoteError | CredentialReport) -> str:
    words = (
        (*map(str, error.args), error.hint, *error.required)
        if isinstance(error, RemoteError)
        else (repr(error),)
    )
    return " ".join((repr(error), str(error), *words))


# What is declared ------------------------------------------------------------------------------


def test_a_provider_that_nobody_wrote_is_named_in_the_error() -> None:
    with pytest.raises(UsageError, match="sourceforge") as caught:
        providers.spec("sourceforge")
    assert NAMES[0] in caught.value.hint


def test_specs_hold_every_provider_found_on_disk() -> None:
    assert tuple(providers.specs()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_ability_has_a_source_a_date_and_a_way_round(name: str) -> None:
    spec = providers.spec(name)
    asked = set(Capability) & {
        Capability.VERIFY,
        Capability.LIST_REPOSITORIES,
        Capability.READ_SCOPES,
        Capability.READ_EXPIRY,
        Capability.ISSUE,
        Capability.RESCOPE_IN_PLACE,
        Capability.REVOKE,
    }
    assert set(spec.abilities) == asked
    for ability in spec.abilities.values():
        assert ability.source.startswith("https://")
        assert ability.checked.year >= 2026
        assert isinstance(ability, Can) or ability.instead


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
def test_scopes_that_imply_others_are_in_a_vocabulary(name: str) -> None:
    spec = providers.spec(name)
    known = frozenset[str]().union(*spec.vocabulary.values())
    assert set(spec.implies) <= known
    assert frozenset[str]().union(*spec.implies.values()) <= known


async def test_what_it_cannot_do_is_not_offered_by_the_adapter(bench: ProviderBench) -> None:
    calls = {
        Capability.ISSUE: "issue",
        Capability.RESCOPE_IN_PLACE: "rescope",
        Capability.REVOKE: "revoke",
        Capability.VERIFY: "verify",
        Capability.LIST_REPOSITORIES: "list_repositories",
    }
    abilities = providers.spec(bench.name).abilities
    async with bench.open() as provider:
        for capability, call in calls.items():
            can = not isinstance(abilities[capability], Cannot)
            assert hasattr(provider, call) is can, capability


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


async def test_a_working_credential_shows_identity_scopes_and_reach(bench: ProviderBench) -> None:
    abilities = providers.spec(bench.name).abilities
    async with bench.open() as provider:
        for login in bench.logins()[Verdict.WORKS]:
            report = await provider.verify(login, reach=True)
            assert report.identity
            assert report.login
            assert report.reaches is True
            assert isinstance(report.scopes, frozenset) is isinstance(
                abilities[Capability.READ_SCOPES], Can
            )
            again = await provider.verify(login, reach=False)
            assert (again.identity, again.reaches) == (report.identity, None)


async def test_verify_costs_one_request_and_two_with_reach(bench: ProviderBench) -> None:
    async with bench.open() as provider:
        await provider.verify(bench.login, reach=False)
        assert bench.requests() == 1
        await provider.verify(bench.login, reach=True)
        assert bench.requests() == 3
        assert provider.reads().requests == 3


async def test_a_closed_account_is_blocked_and_not_dead(bench: ProviderBench) -> None:
    bench.block()
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
    assert report.verdict is Verdict.BLOCKED
    assert report.cause
    assert report.hint


@pytest.mark.parametrize(
    "trouble",
    [t for t in Trouble if t not in (Trouble.STATUS_401, Trouble.STATUS_410)],
    ids=str,
)
async def test_verify_never_raises_and_never_guesses(
    bench: ProviderBench, trouble: Trouble
) -> None:
    bench.trouble(trouble)
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
    assert report.reaches is not True
    assert report.cause
    assert report.hint
    assert report.verdict is Verdict.UNKNOWN or (trouble is Trouble.TRUNCATED and report.scopes)


# Listing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", ["unknown", "right", "stale"])
@pytest.mark.parametrize("pages", [0, 1, 3, 7], ids=lambda n: f"{n}-pages")
async def test_every_page_is_read_within_the_request_budget(
    bench: ProviderBench, pages: int, expected: str
) -> None:
    count = max(0, pages * bench.page_size - 3)
    bench.fill(count)
    known = {"unknown": None, "right": count, "stale": max(0, count - 2 * bench.page_size)}
    told: list[tuple[int, int | None]] = []
    async with bench.open() as provider:
        listing = await provider.list_repositories(
            bench.login,
            expected=known[expected],
            progress=lambda _what, done, total: told.append((done, total)),
        )
        reads = provider.reads()
    assert frozenset(listing.repositories) == bench.ids()
    assert (listing.complete, listing.gap, listing.expected) == (True, "", count)
    assert bench.requests() <= max(1, pages) + SPARE_REQUESTS
    assert (reads.requests, reads.seen, reads.complete) == (bench.requests(), count, True)
    assert told[-1] == (count, count)


async def test_a_full_last_page_is_the_last(bench: ProviderBench) -> None:
    bench.fill(2 * bench.page_size)
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert listing.complete
    assert len(listing.repositories) == 2 * bench.page_size


@pytest.mark.parametrize("page", [2, 5], ids=["middle", "last"])
@pytest.mark.parametrize(
    "trouble", [PageTrouble.LOST, PageTrouble.HTML, PageTrouble.TRUNCATED], ids=str
)
async def test_a_page_that_cannot_be_read_leaves_the_listing_incomplete(
    bench: ProviderBench, trouble: PageTrouble, page: int
) -> None:
    bench.fill(4 * bench.page_size + 1)
    bench.page_trouble(trouble, page)
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
        reads = provider.reads()
    assert not listing.complete
    assert not reads.complete
    assert f"page {page} could not be read" in listing.gap
    lost = bench.page_size if page == 2 else 1
    assert len(listing.repositories) == 4 * bench.page_size + 1 - lost


async def test_a_link_to_a_foreign_host_never_receives_anything(bench: ProviderBench) -> None:
    bench.fill(3 * bench.page_size)
    bench.page_trouble(PageTrouble.FOREIGN_LINK, 1)
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert bench.trapped() == 0
    assert not listing.complete
    assert "links to" in listing.gap


async def test_a_count_that_does_not_add_up_is_read_twice_and_then_said(
    bench: ProviderBench,
) -> None:
    bench.fill(bench.page_size + 1)
    bench.page_trouble(PageTrouble.COUNT_TOO_HIGH, 1)
    async with bench.open() as provider:
        listing = await provider.list_repositories(
            bench.login, expected=bench.page_size + 1, progress=silent
        )
    assert not listing.complete
    assert str(bench.page_size + 1) in listing.gap
    assert str(bench.page_size + 2) in listing.gap
    assert bench.requests() == 4


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_every_http_failure_becomes_our_error(bench: ProviderBench, trouble: Trouble) -> None:
    bench.trouble(trouble)
    async with bench.open() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert caught.value.fault in FAULTS[trouble]
    assert caught.value.party == bench.name
    assert caught.value.hint
    assert bench.trapped() == 0


async def test_over_the_hourly_allowance_nothing_is_sent(bench: ProviderBench) -> None:
    bench.fill(3 * bench.page_size)
    async with bench.open(hourly_requests=2) as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
        assert not listing.complete
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
        assert provider.reads().limit == 2
    assert caught.value.fault is Fault.BUDGET
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
