"""Reading an instance's repositories: what only Bitbucket Data Center does, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.observed import Listing, Repository
from reconciler.ports.provider import Progress, silent
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_data_center.bench import Bench
from tests.providers.bitbucket_data_center.bench import bench as open_bench

VERSIONS = ("8.19.29", "9.4.24", "10.0.2", "10.2.6", "10.5.0")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


async def listed(
    bench: Bench, *projects: str, expected: int | None = None, concurrency: int = 8
) -> Listing:
    account = bench.account(projects)
    async with bench.open_account(account, concurrency=concurrency) as provider:
        return await provider.list_repositories(bench.login, expected=expected, progress=silent)


def by_name(listing: Listing) -> dict[str, Repository]:
    return {repository.name: repository for repository in listing.repositories.values()}


@pytest.mark.parametrize("version", VERSIONS)
async def test_forks_archived_and_personal_repositories_are_listed_by_qualified_name(
    bench: Bench, version: str
) -> None:
    bench.instance.knobs.version = version
    listing = await listed(bench)
    found = by_name(listing)
    assert found["PAY/ledger"] == Repository("PAY/ledger", "PAY")
    assert found["PAY/payments-legacy"] == Repository("PAY/payments-legacy", "PAY", archived=True)
    assert found["~ADA/ledger"] == Repository("~ADA/ledger", "~ADA", fork=True)
    assert "~ADA/sketches" in found
    assert all(id_.isdecimal() for id_ in listing.repositories)
    assert (len(found), listing.complete, listing.expected) == (11, True, None)


@pytest.mark.parametrize(
    ("projects", "count"),
    [(("PAY",), 5), (("pay",), 5), (("PAY", "OPS"), 8), (("~ADA", "DOCS", "OPS"), 6)],
    ids=str,
)
@pytest.mark.parametrize("version", ["7.21.5", "10.2.6"])
async def test_projects_restrict_the_listing_also_where_the_filter_is_unknown(
    bench: Bench, version: str, projects: tuple[str, ...], count: int
) -> None:
    bench.instance.knobs.version = version
    listing = await listed(bench, *projects)
    assert {r.project for r in listing.repositories.values()} == {p.upper() for p in projects}
    assert (len(listing.repositories), listing.complete) == (count, True)
    assert bench.requests() == len(projects) + 1


async def test_large_projects_cost_no_request_too_many(bench: Bench) -> None:
    bench.instance.fill(projects=3, repositories_each=250)
    listing = await listed(bench, "GEN0000", "GEN0001", "GEN0002")
    assert (len(listing.repositories), listing.complete) == (750, True)
    assert bench.requests() == 3 * 3 + 1


@pytest.mark.parametrize(
    ("key", "cause"),
    [("NOPE", "Project NOPE does not exist"), ("LOCKED", "You are not permitted")],
    ids=["unknown", "forbidden"],
)
async def test_a_project_that_cannot_be_seen_is_a_gap_and_not_an_empty_project(
    bench: Bench, key: str, cause: str
) -> None:
    bench.instance.create_project("LOCKED", readers=False)
    bench.instance.create_repository("LOCKED", "vault")
    listing = await listed(bench, "PAY", key)
    assert not listing.complete
    assert f"project {key}: " in listing.gap
    assert cause in listing.gap
    assert len(listing.repositories) == 5


async def test_an_empty_project_is_complete(bench: Bench) -> None:
    bench.instance.create_project("NEW")
    listing = await listed(bench, "NEW")
    assert (len(listing.repositories), listing.complete) == (0, True)


async def test_one_project_that_fails_leaves_the_others(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.LOST_PAGE, match="*projectkey=OPS*"))
    listing = await listed(bench, "PAY", "OPS")
    assert not listing.complete
    assert "500" in listing.gap
    assert len(listing.repositories) == 5


@pytest.mark.parametrize(
    ("expected", "requests"), [(1000, 101), (None, 105)], ids=["known", "unknown"]
)
async def test_a_hundred_pages_cost_a_hundred_requests_and_few_more(
    bench: Bench, expected: int | None, requests: int
) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(1000)
    listing = await listed(bench, expected=expected, concurrency=16)
    assert (len(listing.repositories), listing.complete) == (1000, True)
    assert bench.requests() <= requests


@pytest.mark.parametrize("expected", [None, 700], ids=["unknown", "known"])
@pytest.mark.parametrize("hidden", [1, 7], ids=str)
async def test_rows_that_the_reader_cannot_see_leave_no_gap(
    bench: Bench, hidden: int, expected: int | None
) -> None:
    bench.instance.knobs.hidden = hidden
    bench.fill(700)
    listing = await listed(bench, expected=expected)
    assert frozenset(listing.repositories) == bench.ids()
    assert listing.complete


async def watched(bench: Bench, expected: int | None, progress: Progress) -> Listing:
    """The account page after page, with somebody looking on who may change it."""
    async with bench.open_account(concurrency=1) as provider:
        return await provider.list_repositories(bench.login, expected=expected, progress=progress)


async def test_fewer_than_last_time_are_read_twice_and_then_believed(bench: Bench) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(34)
    listing = await listed(bench, expected=35, concurrency=1)
    assert frozenset(listing.repositories) == bench.ids()
    assert (listing.complete, listing.gap, listing.pages) == (True, "", 4)
    assert bench.requests() == 2 * 4 + 1


@pytest.mark.parametrize("expected", [None, 34, 33], ids=["unknown", "as-many", "more"])
async def test_no_fewer_than_last_time_are_read_once(bench: Bench, expected: int | None) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(34)
    listing = await listed(bench, expected=expected, concurrency=1)
    assert listing.complete
    assert bench.requests() == 4 + 1


async def test_what_a_deletion_on_the_way_pushed_out_of_sight_is_noticed(bench: Bench) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(35)
    deleted = next(iter(bench.instance.estate.repositories.values()))

    def progress(what: str, done: int, total: int | None) -> None:
        del what, total
        if done == 10 and str(deleted.id) in bench.ids():
            bench.instance.discard(deleted)

    listing = await watched(bench, 35, progress)
    assert frozenset(listing.repositories) == bench.ids()
    assert not listing.complete
    assert listing.gap == ("the list changed while it was read: 1 new and 1 gone the second time")


async def test_a_second_reading_that_fails_leaves_the_first_incomplete(bench: Bench) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(34)
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="GET */repos?*start=0", after=1, times=None, value=404)
    )
    listing = await listed(bench, expected=35, concurrency=1)
    assert frozenset(listing.repositories) == bench.ids()
    assert not listing.complete
    assert listing.gap.startswith("the list could not be read a second time: ")
    assert "404" in listing.gap


async def test_a_gap_in_the_second_reading_stays(bench: Bench) -> None:
    bench.instance.knobs.page_limit = 10
    bench.fill(34)
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="GET */repos?*start=20", after=1, times=None, value=404)
    )
    listing = await listed(bench, expected=35, concurrency=1)
    assert (len(listing.repositories), listing.complete) == (24, False)
    assert listing.gap.startswith("page 3 could not be read")


async def test_fewer_in_several_projects_are_read_twice_as_well(bench: Bench) -> None:
    listing = await listed(bench, "PAY", "OPS", expected=9)
    assert (len(listing.repositories), listing.complete) == (8, True)
    assert bench.requests() == 2 * 2 + 1


async def test_an_incomplete_reading_is_not_repeated(bench: Bench) -> None:
    listing = await listed(bench, "PAY", "NOPE", expected=99)
    assert not listing.complete
    assert bench.requests() == 3 + 1


async def test_a_limit_that_an_administrator_lowered_is_followed(bench: Bench) -> None:
    bench.instance.knobs.page_limit = 7
    bench.fill(100)
    listing = await listed(bench, expected=100)
    assert frozenset(listing.repositories) == bench.ids()
    assert bench.requests() <= 15 + 5


@pytest.mark.parametrize(
    ("version", "day", "remark"),
    [
        ("7.21.5", 21, "older than 8.19"),
        ("8.19.29", 21, "ended on 2026-03-12"),
        ("9.1.0", 21, "ended before 2026-10-29"),
        ("9.4.24", 21, ""),
        ("10.2.6", 21, ""),
        ("10.5.0", 21, ""),
    ],
    ids=str,
)
async def test_a_version_without_support_is_remarked(
    bench: Bench, version: str, day: int, remark: str
) -> None:
    bench.instance.knobs.version = version
    now = datetime(2026, 11, day, tzinfo=UTC)
    async with bench.open_account(clock=lambda: now) as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
        again = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert listing.complete
    assert listing.remarks == again.remarks
    assert bool(listing.remarks) is bool(remark)
    assert remark in "".join(listing.remarks)
    assert bench.requests() == 3


@pytest.mark.parametrize(("day", "ended"), [(3, False), (4, True)], ids=["last-day", "day-after"])
async def test_support_ends_with_its_last_day(bench: Bench, day: int, ended: bool) -> None:
    bench.instance.knobs.version = "9.4.24"
    async with bench.open_account(clock=lambda: datetime(2026, 12, day, tzinfo=UTC)) as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert bool(listing.remarks) is ended


async def test_an_unreadable_version_is_a_remark_and_no_gap(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.LOST_PAGE, match="*application-properties"))
    listing = await listed(bench)
    assert listing.complete
    assert listing.remarks[0].startswith("the version could not be read")


async def test_a_repository_that_is_not_ready_is_listed_and_remarked(bench: Bench) -> None:
    estate = bench.instance.estate
    found = estate.repository("PAY", "ledger")
    estate.put_repository(replace(found, state="INITIALISING"))
    listing = await listed(bench)
    assert "PAY/ledger" in by_name(listing)
    assert listing.remarks == ("1 repository is not available: PAY/ledger (initialising)",)


async def test_a_renamed_and_moved_repository_keeps_its_id(bench: Bench) -> None:
    before = await listed(bench)
    bench.instance.rename_repository("PAY", "ledger", "General Ledger")
    bench.instance.move_repository("PAY", "general-ledger", "OPS")
    after = await listed(bench)
    number = str(bench.instance.repository("OPS", "general-ledger").id)
    assert before.repositories[number].name == "PAY/ledger"
    assert after.repositories[number] == Repository("OPS/general-ledger", "OPS")
    assert before.repositories.keys() == after.repositories.keys()


async def test_an_anonymous_answer_is_not_taken_for_the_whole(bench: Bench) -> None:
    """A token that died would else make everything but public repositories vanish."""
    bench.instance.knobs.anonymous_access = True
    bench.instance.knobs.bad_bearer_is_anonymous = True
    bench.instance.create_repository("PAY", "open-source", public=True)
    login = bench.token()
    bench.instance.revoke(login.secret.reveal())
    async with bench.open() as provider:
        with pytest.raises(RemoteError, match="answered as to nobody") as caught:
            await provider.list_repositories(login, expected=None, progress=silent)
    assert caught.value.fault is Fault.CREDENTIAL


async def test_a_token_that_dies_on_the_way_stops_the_listing(bench: Bench) -> None:
    bench.fill(2000)
    bench.sandbox.faults.add(Scripted(FaultKind.TOKEN_DIES, match="*start=500"))
    listing = await listed(bench, expected=2000)
    assert not listing.complete
    assert "401" in listing.gap
    assert bench.requests() < 20


@pytest.mark.parametrize("field", ["id", "slug", "project", "values", "isLastPage"])
async def test_without_what_identifies_a_repository_nothing_is_guessed(
    bench: Bench, field: str
) -> None:
    bench.fill(205)
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, match="*start=100", value=field, times=None)
    )
    listing = await listed(bench)
    assert not listing.complete
    assert listing.gap.startswith("page 2 could not be read")


async def test_a_page_that_does_not_say_where_to_go_on_is_a_gap(bench: Bench) -> None:
    bench.fill(205)
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, match="*start=100", value="nextPageStart", times=None)
    )
    listing = await listed(bench)
    assert not listing.complete
    assert "page 2 does not say where the list goes on" in listing.gap


async def test_fields_that_nobody_documented_are_skipped(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.UNKNOWN_FIELDS, times=None))
    assert (await listed(bench)).complete


async def test_a_user_without_a_seat_cannot_list_and_learns_why(bench: Bench) -> None:
    bench.block()
    async with bench.open() as provider:
        with pytest.raises(RemoteError, match="not currently licensed") as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert caught.value.fault is Fault.ALLOWLIST
    assert "licence" in caught.value.hint


async def test_a_wrong_context_path_is_not_found(bench: Bench) -> None:
    async with bench.open_account(bench.account(path="/rest/nowhere")) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert caught.value.fault is Fault.NOT_FOUND


async def test_a_secret_that_cannot_be_sent_is_named(bench: Bench) -> None:
    async with bench.open() as provider:
        with pytest.raises(SecretError):
            await provider.list_repositories(
                bench.a_login("two words"), expected=None, progress=silent
            )
    assert bench.requests() == 0
