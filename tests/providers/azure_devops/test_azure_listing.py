"""Reading an organization: what only Azure DevOps does, over HTTP."""

from __future__ import annotations

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Listing, Repository
from reconciler.ports.provider import silent
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.azure_devops.bench import READER, Bench

TFVC = "project {0} keeps its source in TFVC ($/{0}), which is not a Git repository"


async def listed(bench: Bench, projects: tuple[str, ...] = ()) -> Listing:
    async with bench.open_account(bench.account(projects)) as provider:
        return await provider.list_repositories(bench.login, expected=None, progress=silent)


async def test_names_are_qualified_and_ids_are_guids(bench: Bench) -> None:
    fork = bench.organization.create_repository(
        "Platform", "fork", parent=bench.organization.repository("Platform", "tools").id
    )
    listing = await listed(bench)
    tools = bench.organization.repository("Platform", "tools").id
    assert listing.repositories[tools] == Repository("Platform/tools", "Platform")
    assert listing.repositories[fork.id].fork
    assert {r.name for r in listing.repositories.values()} >= {"Mixed/tools", "Payments/ledger"}
    assert "Payments/Payments.wiki" not in {r.name for r in listing.repositories.values()}
    assert (listing.complete, listing.expected) == (True, len(listing.repositories))


async def test_all_is_read_in_three_requests(bench: Bench) -> None:
    await listed(bench)
    assert sorted(bench.lines()) == [
        "GET /acme/_apis/git/repositories",
        "GET /acme/_apis/projects",
        "GET /acme/_apis/tfvc/items",
    ]


async def test_disabled_repositories_and_tfvc_are_remarked_on(bench: Bench) -> None:
    listing = await listed(bench)
    disabled = bench.organization.repository("Platform", "old-build").id
    assert listing.repositories[disabled].archived
    assert listing.remarks == (
        "1 repository is disabled, so that nobody can read it: Platform/old-build",
        TFVC.format("Legacy"),
        TFVC.format("Mixed"),
    )


@pytest.mark.parametrize(
    "projects",
    [("payments",), ("Payments", "Platform"), ("Payments", "Platform", "Legacy", "Mixed")],
    ids=["one", "few", "many"],
)
@pytest.mark.parametrize("by", ["name", "id"])
async def test_projects_restrict_the_listing_by_name_or_id(
    bench: Bench, projects: tuple[str, ...], by: str
) -> None:
    found = [bench.organization.project(name) for name in projects]
    wanted = projects if by == "name" else tuple(project.id.upper() for project in found)
    listing = await listed(bench, wanted)
    names = {project.name for project in found}
    assert {r.project for r in listing.repositories.values()} == names - {"Legacy"}
    assert (listing.complete, listing.expected) == (True, len(listing.repositories))
    assert not [remark for remark in listing.remarks if "there is no project" in remark]
    assert (TFVC.format("Legacy") in listing.remarks) is ("Legacy" in names)
    assert bench.requests() <= 5


async def test_few_projects_are_read_without_reading_the_others(bench: Bench) -> None:
    await listed(bench, ("Payments",))
    assert "GET /acme/Payments/_apis/git/repositories" in bench.lines()
    assert "GET /acme/_apis/git/repositories" not in bench.lines()


MANY = ("Payments", "Platform", "Mixed", "Legacy")


@pytest.mark.parametrize("projects", [("Payments",), MANY], ids=["few", "many"])
async def test_a_project_that_is_not_there_leaves_the_listing_incomplete_and_named(
    bench: Bench, projects: tuple[str, ...]
) -> None:
    """It may be hidden: what was in it must not count as gone."""
    listing = await listed(bench, (*projects, "Nowhere"))
    assert not listing.complete
    assert "project Nowhere could not be read" in listing.gap
    assert {"Payments"} <= {r.project for r in listing.repositories.values()}
    assert bench.requests() == 4


@pytest.mark.parametrize("projects", [("Payments",), MANY], ids=["few", "many"])
async def test_a_project_that_became_invisible_does_not_look_empty(
    bench: Bench, projects: tuple[str, ...]
) -> None:
    bench.organization.limit_user(READER, ("Platform", "Mixed", "Legacy"))
    listing = await listed(bench, (*projects, "Platform"))
    assert not listing.complete
    assert "project Payments could not be read" in listing.gap


async def test_nothing_but_unknown_projects_is_an_incomplete_listing(bench: Bench) -> None:
    listing = await listed(bench, ("Nowhere",))
    assert (listing.repositories, listing.complete, listing.remarks) == ({}, False, ())


@pytest.mark.parametrize("projects", [("Payments",), MANY], ids=["few", "many"])
async def test_the_name_that_a_project_had_before_still_leads_to_it(
    bench: Bench, projects: tuple[str, ...]
) -> None:
    before = await listed(bench, projects)
    bench.organization.rename_project("Payments", "Billing")
    listing = await listed(bench, projects)
    assert listing.repositories.keys() == before.repositories.keys()
    assert "Billing" in {r.project for r in listing.repositories.values()}
    assert listing.complete
    assert listing.expected == len(listing.repositories)
    assert "project Payments is called Billing now" in listing.remarks


async def test_a_renamed_project_without_repositories_is_known_as_well(bench: Bench) -> None:
    bench.organization.rename_project("Legacy", "Older")
    listing = await listed(bench, MANY)
    assert listing.complete
    assert "project Legacy has another name now, and no repositories" in listing.remarks


async def test_former_names_that_cannot_be_asked_for_leave_a_gap(bench: Bench) -> None:
    bench.organization.rename_project("Payments", "Billing")
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="GET /acme/Payments/*", value=403, times=None)
    )
    listing = await listed(bench, MANY)
    assert not listing.complete
    assert "the repositories of Payments could not be read" in listing.gap


async def test_a_renamed_repository_keeps_its_id(bench: Bench) -> None:
    before = await listed(bench)
    bench.organization.rename_repository("Payments", "ledger", "general-ledger")
    after = await listed(bench)
    id_ = bench.organization.repository("Payments", "general-ledger").id
    assert before.repositories[id_].name == "Payments/ledger"
    assert after.repositories[id_].name == "Payments/general-ledger"


async def test_every_page_of_projects_is_read(bench: Bench) -> None:
    bench.organization.fill(2500, 0)
    listing = await listed(bench)
    assert listing.complete
    assert bench.lines().count("GET /acme/_apis/projects") == 3


async def test_a_lost_page_of_projects_leaves_the_listing_incomplete(bench: Bench) -> None:
    bench.organization.fill(1500, 0)
    bench.sandbox.faults.add(
        Scripted(FaultKind.LOST_PAGE, match="*/_apis/projects*continuationToken*")
    )
    listing = await listed(bench)
    assert not listing.complete
    assert "page 2 could not be read" in listing.gap
    assert len(listing.repositories) == len(bench.ids())


async def test_a_lost_answer_of_one_project_leaves_the_others(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.LOST_PAGE, match="*/Platform/_apis/git/repositories*")
    )
    listing = await listed(bench, ("Payments", "Platform"))
    assert not listing.complete
    assert "repositories of Platform could not be read" in listing.gap
    assert {r.project for r in listing.repositories.values()} == {"Payments"}


async def test_a_count_that_does_not_add_up_is_read_twice_and_then_said(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(
            FaultKind.OTHER_VALUES, match="*/_apis/git/repositories*", value="name=x", times=None
        )
    )
    listing = await listed(bench)
    assert listing.complete  # names may be equal, ids are not
    bench.sandbox.faults.clear()
    same = "id=00000000-0000-4000-8000-000000000000"
    bench.sandbox.faults.add(
        Scripted(FaultKind.OTHER_VALUES, match="*/_apis/git/repositories*", value=same, times=None)
    )
    before = bench.requests()
    listing = await listed(bench)
    assert not listing.complete
    assert "1 repositories were read in 7 rows, but the organization counts 7" in listing.gap
    assert bench.requests() - before == 6


@pytest.mark.parametrize("status", [401, 404, 500], ids=str)
async def test_tfvc_that_cannot_be_read_is_no_gap(bench: Bench, status: int) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="*/_apis/tfvc/*", value=status, times=None)
    )
    listing = await listed(bench)
    assert (listing.complete, listing.gap) == (True, "")
    unknown = [remark for remark in listing.remarks if "not known" in remark]
    assert bool(unknown) is (status == 500)


async def test_a_token_without_the_scope_for_code_is_told_which_one(bench: Bench) -> None:
    async with bench.open() as provider:
        with pytest.raises(RemoteError, match=r"without the scope vso\.code") as caught:
            await provider.list_repositories(
                bench.pat(("vso.profile",)), expected=None, progress=silent
            )
    assert caught.value.fault is Fault.CREDENTIAL
    assert caught.value.required == ("vso.code",)


async def test_only_what_the_owner_sees_is_listed(bench: Bench) -> None:
    bench.organization.limit_user("svc-reader@acme.example", ("Platform",))
    listing = await listed(bench)
    assert {r.project for r in listing.repositories.values()} == {"Platform"}
    assert listing.complete


async def test_an_announced_delay_is_kept_by_the_requests_that_follow(bench: Bench) -> None:
    bench.organization.knobs.turn(delay_next=1, retry_after_s=7)
    async with bench.open() as provider:
        await provider.verify(bench.login, reach=False)
        assert bench.sleeps == []
        await provider.verify(bench.login, reach=False)
    assert [round(seconds) for seconds in bench.sleeps] == [7]


async def test_an_announced_delay_is_kept_whichever_host_is_asked_next(bench: Bench) -> None:
    bench.organization.knobs.turn(delay_next=1, retry_after_s=7)
    async with bench.open_account(bench.account(("Payments",))) as provider:
        await provider.issued(bench.issuer(), bench.home())
        await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert [round(seconds) for seconds in bench.sleeps] == [7]


async def test_a_blocked_request_waits_as_long_as_it_is_told(bench: Bench) -> None:
    bench.organization.knobs.turn(block_next=1, retry_after_s=9)
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=False)
    assert report.identity
    assert bench.sleeps == [9.0]
