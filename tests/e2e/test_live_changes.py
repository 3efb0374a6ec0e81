"""What people and providers do behind the reconciler's back, and what must never follow from it."""

from __future__ import annotations

import pytest

from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.test_ox_story import repositories
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def only_change(world: World) -> dict[str, object]:
    (change,) = world.plan()["resource_changes"]
    found: dict[str, object] = change
    return found


def test_a_renamed_repository_is_relinked(world: World) -> None:
    world.apply()
    before = repositories(world, "ox-acme")
    world.sandbox.bitbucket.rename_repository("acme", "payments-api", "payments-core")
    change = only_change(world)
    assert (change["action"], change["action_reason"]) == ("relink", "relink_because_renamed")
    world.apply()
    world.settled()
    assert repositories(world, "ox-acme") == before - {"payments-api"} | {"payments-core"}


def test_a_repository_named_exactly_is_followed_through_its_rename(world: World) -> None:
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.apply()
    world.sandbox.bitbucket.rename_repository("acme", "ledger", "general-ledger")
    world.sandbox.bitbucket.create_repository("acme", "ledger")
    assert only_change(world)["action"] == "relink"
    world.apply()
    world.settled()
    assert repositories(world, "ox-acme") == {"general-ledger"}


def test_a_rename_out_of_a_pattern_does_not_undo_the_choice(world: World) -> None:
    world.connection()["repositories"] = {"include": [{"name": "shared-*"}]}
    world.apply()
    count = len(repositories(world, "ox-acme"))
    world.sandbox.bitbucket.rename_repository("acme", "shared-auth", "common-auth")
    assert only_change(world)["action"] == "relink"
    world.apply()
    world.settled()
    assert "common-auth" in repositories(world, "ox-acme")
    assert len(repositories(world, "ox-acme")) == count


def test_a_new_repository_is_picked_up_where_so_declared(world: World) -> None:
    world.apply()
    world.sandbox.bitbucket.create_repository("acme", "shared-new")
    assert only_change(world)["action"] == "rescope"
    world.apply()
    world.settled()
    assert "shared-new" in repositories(world, "ox-acme")


def test_a_new_repository_is_left_alone_where_so_declared(world: World) -> None:
    world.connection()["repositories"] |= {"newRepositories": "ignore"}
    world.apply()
    world.sandbox.bitbucket.create_repository("acme", "shared-new")
    world.settled()
    assert "shared-new" not in repositories(world, "ox-acme")
    world.connection()["repositories"]["include"].append({"name": "storefront*"})
    world.apply()
    assert "shared-new" in repositories(world, "ox-acme")  # the selection was edited: all count


def test_the_consumer_follows_new_repositories_of_a_selection_of_everything(world: World) -> None:
    world.connection()["repositories"] = {"all": True}
    world.apply()
    assert world.live()[0]["followsNew"]
    world.sandbox.bitbucket.create_repository("acme", "brand-new")
    world.apply()
    world.settled()
    assert "brand-new" in repositories(world, "ox-acme")


@pytest.mark.parametrize("missing", ["orphan", "remove"])
def test_a_vanished_repository_is_orphaned_or_removed_as_declared(
    world: World, missing: str
) -> None:
    world.connection()["repositories"] |= {"missing": missing}
    world.apply()
    world.sandbox.bitbucket.delete_repository("acme", "ledger")
    world.apply()
    world.settled()
    shown = world.run("registry", "show", "ox-acme").out
    assert ("ledger" in shown) == (missing == "orphan")


def test_a_vanished_repository_is_an_error_where_so_declared(world: World) -> None:
    world.connection()["repositories"] |= {"missing": "error"}
    world.apply()
    world.sandbox.bitbucket.delete_repository("acme", "ledger")
    run = world.run("plan")
    assert run.code == 1
    assert "ledger" in run.out
    assert "missing: error" in run.out


def test_an_edit_in_ox_is_drift_and_is_put_back(world: World) -> None:
    world.apply()
    before = repositories(world, "ox-acme")
    name = world.live()[0]["name"]
    world.ox.select(connection=name, remove=["ledger"], add=["payments-archive", "storefront"])
    drift = world.run("drift", "--detailed-exitcode")
    assert drift.code == 2, drift.out
    assert "ledger" in drift.out
    plan = world.plan()
    assert plan["resource_drift"]
    assert only_change(world)["action_reason"] == "rescope_because_drift"
    world.apply()
    world.settled()
    assert repositories(world, "ox-acme") == before


def test_a_connection_removed_in_ox_is_made_anew(world: World) -> None:
    world.apply()
    world.ox.remove(connection=world.live()[0]["name"])
    assert world.run("drift", "--detailed-exitcode").code == 2
    assert only_change(world)["action"] == "connect"
    world.apply()
    world.settled()
    assert len(world.live()) == 1


def test_a_revoked_token_leads_to_a_rotation_and_never_to_a_removal(world: World) -> None:
    world.apply()
    world.sandbox.bitbucket.revoke(world.environment["OX_BOT_TOKEN"])
    change = only_change(world)
    assert (change["action"], change["action_reason"]) == ("rotate", "rotate_because_dead")
    assert world.run("verify").code == 1
    world.apply()
    world.settled()
    world.put_token(world.mint())
    world.apply()
    world.settled()
    assert len(world.live()) == 1
    assert world.run("verify").code == 0


def test_a_dead_reader_withholds_everything_with_the_reason(world: World) -> None:
    world.apply()
    before = repositories(world, "ox-acme")
    world.sandbox.bitbucket.revoke(world.environment["ACME_READER_TOKEN"])
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    run = world.run("plan")
    assert run.code == 1
    plan = world.plan()
    assert not plan["complete"]
    assert [w["code"] for w in plan["withheld"]] == ["withheld_unreadable"]
    assert world.run("apply", "--auto-approve").code == 1
    assert repositories(world, "ox-acme") == before


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.LOST_PAGE, match="GET /2.0/repositories/*page=2*", times=None),
        Fault(FaultKind.SHRINK, match="GET /2.0/repositories/*", times=None, value=3),
        Fault(FaultKind.MISSING_NEXT, match="GET /2.0/repositories/*", times=None),
        Fault(FaultKind.FOREIGN_NEXT, match="GET /2.0/repositories/*", times=None),
        Fault(FaultKind.TRUNCATED, match="GET /2.0/repositories/*page=2*", times=None),
        Fault(FaultKind.HTML, match="GET /2.0/repositories/*page=2*", times=None),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_a_listing_cut_short_never_leads_to_a_removal(world: World, fault: Fault) -> None:
    for number in range(150):
        world.sandbox.bitbucket.create_repository("acme", f"shared-{number}")
    world.apply()
    before = repositories(world, "ox-acme")
    world.sandbox.faults.add(fault)
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    plan = world.plan()
    removed = [
        r for c in plan["resource_changes"] for r in c.get("repositories", {}).get("removed", ())
    ]
    if fault.kind is not FaultKind.MISSING_NEXT:  # page numbers still reach every page
        assert removed == []
        assert plan["withheld"][0]["code"] in ("withheld_incomplete_read", "withheld_unreadable")
        assert plan["withheld"][0]["why"]
        world.run("apply", "--auto-approve")
        assert repositories(world, "ox-acme") == before
    assert not world.sandbox.trapped


def test_a_storm_of_429_withholds_and_says_so(world: World) -> None:
    world.apply()
    before = repositories(world, "ox-acme")
    world.sandbox.faults.add(
        Fault(FaultKind.RATE_LIMIT, match="GET /2.0/repositories/*", times=None, value=3600)
    )
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    run = world.run("plan")
    assert run.code == 1
    assert "limits our requests (429)" in run.out
    assert world.run("apply", "--auto-approve").code == 1
    assert repositories(world, "ox-acme") == before
