"""OX lists, follows and hands over selections: aliases, opaque ids, dead predecessors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.consumers.ox.client import OxConsumer
from reconciler.errors import Fault, RemoteError
from reconciler.model.drift import RepositoryLabel
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.faults import FaultKind
from tests.consumers.ox.bench import Bench, desired, no_pause
from tests.consumers.ox.ox_hand import asked, choose, grant, ticked, whole

# Listings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
@pytest.mark.parametrize("numeric", [True, False], ids=["opaque-ids", "uuids"])
async def test_selection_in_every_shape_of_listing(
    bench: Bench, ox: Consumer, *, nested: bool, numeric: bool
) -> None:
    bench.person.switch(nested=nested, numeric_ids=numeric)
    one, two, three, *_ = bench.labels()
    added = await ox.connect(bench.request("a"))
    bench.tick(added.id, two.name, three.name)
    await choose(ox, added.id, one, drop=(two,))
    (live,) = await ox.observe()
    assert ticked(live) == {one.name, three.name}
    assert len(whole(live).resources) == len(bench.labels())
    assert all(bool(resource.repository_id) is not numeric for resource in whole(live).resources)


async def test_opaque_ids_do_not_mix_up_workspaces(bench: Bench, ox: Consumer) -> None:
    """Both workspaces have a repository called shared-lib."""
    bench.person.switch(numeric_ids=True)
    greta = bench.sandbox.bitbucket.user("greta@globex.example").uuid
    estate = bench.sandbox.bitbucket.estate
    acme = estate.workspace("acme")
    estate.workspaces[acme.uuid] = type(acme)(
        acme.uuid, acme.slug, acme.name, acme.created_on, {**acme.members, greta: "member"}
    )
    minted = bench.sandbox.bitbucket.mint_api_token(
        "greta@globex.example", ("read:repository:bitbucket",)
    )
    request = ConnectRequest(
        "a",
        "bitbucket-cloud",
        MethodKind.API_TOKEN,
        "",
        "globex",
        "greta@globex.example",
        Secret(minted.token),
    )
    added = await ox.connect(request)
    shared = next(label for label in bench.labels() if label.name == "shared-lib")
    await choose(ox, added.id, shared)
    (live,) = await ox.observe()
    assert [(r.owner, r.name) for r in whole(live).resources if r.selected] == [
        ("acme", "shared-lib")
    ]


async def test_renamed_repository_is_matched_by_its_id(bench: Bench, ox: Consumer) -> None:
    one, *_ = bench.labels()
    added = await ox.connect(bench.request("a"))
    bench.sandbox.bitbucket.rename_repository("acme", one.name, "renamed")
    bench.create_repository(one.name)
    await choose(ox, added.id, one)
    (live,) = await ox.observe()
    assert ticked(live) == {"renamed"}


async def test_thousand_connections_cost_twenty_one_requests(bench: Bench, ox: Consumer) -> None:
    for number in range(1000):
        bench.tenant.add(grant(number))
    found = await ox.observe()
    assert [live.id for live in found] == [f"c{number}" for number in range(1000)]
    assert all(len(whole(live).resources) == 5 for live in found)
    assert ox.reads().requests == 21


async def test_few_connections_are_read_one_by_one(bench: Bench, ox: Consumer) -> None:
    for number in range(10):
        bench.tenant.add(grant(number))
    await ox.observe()
    assert ox.reads().requests == 11


async def test_one_dead_connection_in_a_batch_spoils_no_other(bench: Bench, ox: Consumer) -> None:
    for number in range(12):
        bench.tenant.add(grant(number, is_granted=number != 7))
    found = await ox.observe()
    assert [live.id for live in found if live.selection is None] == ["c7"]
    assert ox.reads().requests == 2


async def test_batch_that_cannot_be_read_is_asked_for_in_halves(bench: Bench, ox: Consumer) -> None:
    for number in range(12):
        bench.tenant.add(grant(number))
    bench.arm(FaultKind.TRUNCATED, body=bench.listing)
    assert all(live.selection for live in await ox.observe())
    assert asked(bench)[bench.listing] == 3


# Following -------------------------------------------------------------------------------------


async def test_since_when_new_repositories_are_followed_is_kept(bench: Bench) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    opened = OxConsumer(
        desired(bench.running.urls["ox"]), bench.key, 1, now=lambda: at, sleep=no_pause
    )
    one, two, *_ = bench.labels()
    added = await opened.connect(bench.request("a"))
    await choose(opened, added.id, one, follow_new=True)
    credential = bench.tenant.credentials[added.id]
    assert credential.follows_since_ms == at.timestamp() * 1000
    credential.follows_since_ms = 1_700_000_000_123.0
    await choose(opened, added.id, two, follow_new=True)
    assert credential.follows_since_ms == 1_700_000_000_123.0
    await choose(opened, added.id, follow_new=False)
    assert bench.tenant.credentials[added.id].follows_since_ms is None
    await opened.aclose()


# Succession ------------------------------------------------------------------------------------


async def test_selection_of_a_dead_predecessor_is_taken_over(bench: Bench, ox: Consumer) -> None:
    secret = bench.mint()
    one, two, three, *_ = bench.labels()
    old = await ox.connect(bench.request("a:1", secret))
    bench.tick(old.id, one.name, two.name)
    bench.kill(secret)
    new = await ox.connect(bench.request("a:2"))
    await choose(ox, new.id, three, drop=(two,), copy_from=old.id)
    found = {live.id: live for live in await ox.observe()}
    assert ticked(found[new.id]) == {one.name, three.name}


async def test_predecessor_that_is_gone_leaves_nothing(bench: Bench, ox: Consumer) -> None:
    one, *_ = bench.labels()
    new = await ox.connect(bench.request("a:2"))
    await choose(ox, new.id, one, copy_from="cred-0")
    (live,) = await ox.observe()
    assert ticked(live) == {one.name}


async def test_predecessor_that_cannot_be_looked_up_stops_the_change(
    bench: Bench, ox: Consumer
) -> None:
    secret = bench.mint()
    old = await ox.connect(bench.request("a:1", secret))
    new = await ox.connect(bench.request("a:2"))
    bench.kill(secret)
    bench.arm(FaultKind.MISSING_FIELDS, value="credentials", times=9)
    with pytest.raises(RemoteError):
        await choose(ox, new.id, bench.labels()[0], copy_from=old.id)
    assert not bench.tenant.credentials[new.id].selected


async def test_dead_predecessor_whose_selection_is_unknown_stops_the_change(
    bench: Bench, ox: Consumer
) -> None:
    secret = bench.mint()
    one, *_ = bench.labels()
    old = await ox.connect(bench.request("a:1", secret))
    new = await ox.connect(bench.request("a:2"))
    bench.kill(secret)
    bench.arm(FaultKind.MISSING_FIELDS, value="monitoredResources", times=9)
    with pytest.raises(RemoteError, match="old connection cannot be read") as caught:
        await choose(ox, new.id, one, copy_from=old.id)
    assert caught.value.fault is Fault.BAD_REPLY
    assert not bench.tenant.credentials[new.id].selected


async def test_successor_that_sees_less_stops_the_change(bench: Bench, ox: Consumer) -> None:
    one, *_ = bench.labels()
    old = bench.person.grant(method="oauth-app", workspace="globex", repositories=["notebooks"])
    new = await ox.connect(bench.request("a"))
    with pytest.raises(RemoteError, match="notebooks") as caught:
        await choose(ox, new.id, one, copy_from=old["id"])
    assert caught.value.fault is Fault.REJECTED
    notebooks = RepositoryLabel(
        "notebooks", bench.sandbox.bitbucket.repository("globex", "notebooks").uuid
    )
    await choose(ox, new.id, one, drop=(notebooks,), copy_from=old["id"])
