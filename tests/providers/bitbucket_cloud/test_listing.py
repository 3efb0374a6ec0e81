"""Reading a workspace's repositories: what only Bitbucket Cloud does, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Repository
from reconciler.ports.provider import silent
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_cloud.bench import Bench
from tests.providers.bitbucket_cloud.bench import bench as open_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


async def test_name_project_and_fork_are_read(bench: Bench) -> None:
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    by_name = {repository.name: repository for repository in listing.repositories.values()}
    assert by_name["ledger"] == Repository("ledger", "PAY")
    assert by_name["shared-lib"] == Repository("shared-lib", "PLAT", fork=True)
    assert all(id_.startswith("{") for id_ in listing.repositories)


@pytest.mark.parametrize(
    ("projects", "count"), [(("PAY",), 4), (("PAY", "WEB"), 7), (("NONE",), 0)], ids=str
)
async def test_projects_restrict_listing_and_reach_in_one_query(
    bench: Bench, projects: tuple[str, ...], count: int
) -> None:
    async with bench.open_account(bench.account(projects=projects)) as provider:
        listing = await provider.list_repositories(bench.login, expected=0, progress=silent)
        report = await provider.verify(bench.login, reach=True)
    assert {r.project for r in listing.repositories.values()} <= set(projects)
    assert (len(listing.repositories), listing.complete) == (count, True)
    assert report.reaches is True
    assert bench.requests() == 3


async def test_a_workspace_may_be_named_by_its_uuid(bench: Bench) -> None:
    uuid = bench.sandbox.bitbucket.estate.workspace("acme").uuid
    bench.fill(205)
    async with bench.open_account(bench.account(uuid)) as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert (len(listing.repositories), listing.complete) == (205, True)


async def test_without_a_size_links_lead_to_the_end_within_the_budget(bench: Bench) -> None:
    bench.sandbox.switches.hide_size = True
    bench.fill(705)
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert (len(listing.repositories), listing.complete) == (705, True)
    assert listing.expected is None
    assert bench.requests() <= 8 + 5


async def test_without_size_and_link_a_full_page_is_not_taken_for_the_last(bench: Bench) -> None:
    bench.sandbox.switches.hide_size = True
    bench.fill(305)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_NEXT, match="*page=2"))
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert len(listing.repositories) == 305


async def test_a_link_lost_on_the_way_does_no_harm(bench: Bench) -> None:
    bench.fill(305)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_NEXT, times=None))
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert (len(listing.repositories), listing.complete) == (305, True)


async def test_rows_that_shifted_meanwhile_are_read_a_second_time(bench: Bench) -> None:
    bench.fill(105)
    bench.sandbox.faults.add(Scripted(FaultKind.SHRINK, match="*page=1"))
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=105, progress=silent)
    assert (len(listing.repositories), listing.complete, listing.expected) == (105, True, 105)
    assert bench.requests() == 4


async def test_a_renamed_repository_keeps_its_id(bench: Bench) -> None:
    hands = bench.sandbox.bitbucket
    async with bench.open() as provider:
        before = await provider.list_repositories(bench.login, expected=None, progress=silent)
        hands.rename_repository("acme", "ledger", "general-ledger")
        after = await provider.list_repositories(bench.login, expected=None, progress=silent)
    uuid = hands.repository("acme", "general-ledger").uuid
    assert before.repositories[uuid].name == "ledger"
    assert after.repositories[uuid].name == "general-ledger"
    assert before.repositories.keys() == after.repositories.keys()


async def test_fields_that_nobody_documented_are_skipped(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.UNKNOWN_FIELDS, times=None))
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert listing.complete


async def test_optional_fields_may_be_missing(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, value="project,parent,pagelen,page", times=None)
    )
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert listing.complete
    assert {r.project for r in listing.repositories.values()} == {""}


@pytest.mark.parametrize("field", ["uuid", "slug", "values"])
async def test_without_what_identifies_a_repository_nothing_is_guessed(
    bench: Bench, field: str
) -> None:
    bench.fill(205)
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, match="*page=2", value=field, times=None)
    )
    async with bench.open() as provider:
        listing = await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert not listing.complete
    assert listing.gap.startswith("page 2 could not be read")


async def test_a_token_that_dies_on_the_way_stops_the_listing(bench: Bench) -> None:
    bench.fill(5000)
    login = bench.access_token()
    bench.sandbox.faults.add(Scripted(FaultKind.TOKEN_DIES, match="*page=7"))
    async with bench.open() as provider:
        listing = await provider.list_repositories(login, expected=None, progress=silent)
    assert not listing.complete
    assert "401" in listing.gap
    assert bench.requests() < 35


async def test_what_the_provider_allows_an_hour_is_reported(bench: Bench) -> None:
    bench.sandbox.settings = type(bench.sandbox.settings)(rate_limit=2500)
    async with bench.open() as provider:
        assert provider.reads().limit == 1000
        await provider.list_repositories(bench.login, expected=12, progress=silent)
        assert provider.reads().limit == 2500


async def test_an_exhausted_hour_is_throttled_and_says_so(bench: Bench) -> None:
    bench.sandbox.settings = type(bench.sandbox.settings)(rate_limit=1)
    async with bench.open() as provider:
        await provider.list_repositories(bench.login, expected=12, progress=silent)
        with pytest.raises(RemoteError, match="limits our requests") as caught:
            await provider.list_repositories(bench.login, expected=12, progress=silent)
    assert caught.value.fault is Fault.THROTTLED
    assert len(bench.sleeps) == 3
