"""Connect, re-scope, rotate, disconnect against the sandbox; empty plan after each."""

from __future__ import annotations

import pytest

from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def repositories(world: World, name: str) -> set[str]:
    """Slugs that OX monitors through the connection whose display name begins with *name*."""
    (found,) = [c for c in world.live() if c["name"].startswith(name)]
    slugs = {r.uuid.strip("{}"): r.slug for r in world.sandbox.bitbucket.repositories("acme")}
    slugs |= {r.uuid.strip("{}"): r.slug for r in world.sandbox.bitbucket.repositories("globex")}
    return {slugs[key.strip("{}")] for key in found["selected"]}


def test_a_declared_connection_is_connected_and_the_next_plan_is_empty(world: World) -> None:
    assert world.actions() == {"connection.ox-acme": "connect"}
    run = world.apply()
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in run.out
    assert world.settled() > 0
    assert len(world.live()) == 1
    assert {"payments-api", "shared-auth"} <= repositories(world, "ox-acme")


def test_a_changed_selection_is_rescoped_in_place(world: World) -> None:
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "payments-api"}, {"name": "ledger"}]}
    plan = world.plan()
    (change,) = plan["resource_changes"]
    assert (change["action"], change["change"]["actions"]) == ("rescope", ["update"])
    assert change["source"]["filename"] == "connections.yaml"
    world.apply()
    world.settled()
    assert repositories(world, "ox-acme") == {"payments-api", "ledger"}
    assert len(world.live()) == 1


def test_changed_scopes_become_a_rotation_because_a_token_cannot_be_edited(world: World) -> None:
    world.apply()
    scopes = list(world.sandbox.bitbucket.credential(world.environment["OX_BOT_TOKEN"]).scopes)
    world.spec("Method", "ox-bot-token")["scopes"] = [*scopes, "read:permission:bitbucket"]
    plan = world.plan()
    (change,) = plan["resource_changes"]
    assert change["action"] == "rotate"
    assert change["action_reason"] == "rotate_because_cannot_rescope"
    assert "cannot be changed in place" in change["reason"]
    world.apply()
    world.settled()
    assert world.plan()["waiting"][0]["step"]["id"] == "mint"
    world.put_token(world.mint(scopes=(*scopes, "read:permission:bitbucket")))
    assert world.actions() == {"connection.ox-acme": "rotate"}
    world.apply()
    world.settled()
    assert len(world.live()) == 1


def test_a_rotation_goes_on_when_the_new_secret_appears_beside_the_old(world: World) -> None:
    world.apply()
    before = world.live()[0]["id"]
    run = world.run("rotate", "ox-acme", "--auto-approve")
    assert run.code == 0, run.out + run.err
    assert "https://id.atlassian.com/manage-profile/security/api-tokens" in run.out
    assert "ox-bot.token.next" in run.out
    world.settled()
    world.put_token(world.mint(), place="ox-bot.token.next")
    world.apply()
    (after,) = world.live()
    assert after["id"] != before
    waiting = world.plan()["waiting"]
    assert [w["step"]["id"] for w in waiting] == ["revoke-old"]
    world.settled()
    world.sandbox.bitbucket.revoke(world.environment["OX_BOT_TOKEN"])
    assert world.actions() == {"connection.ox-acme": "rotate"}
    world.apply()
    world.settled()
    assert world.plan()["waiting"] == []
    assert not (world.root / "secrets/ox-bot.token.next").exists()
    assert world.run("verify").code == 0


def test_a_secret_replaced_in_its_place_rotates_and_the_old_ones_end_is_acknowledged(
    world: World,
) -> None:
    world.apply()
    world.put_token(world.mint())
    assert world.actions() == {"connection.ox-acme": "rotate"}
    world.apply()
    world.settled()
    assert len(world.live()) == 1
    assert world.run("ack", "ox-acme", "revoke-old").code == 0
    world.apply()
    world.settled()
    assert world.plan()["waiting"] == []


def test_a_connection_that_left_the_yaml_is_disconnected_when_that_was_allowed(
    world: World,
) -> None:
    world.apply()
    del world.documents["Connection", "ox-acme"]
    plan = world.plan()
    assert plan["resource_changes"][0]["change"]["actions"] == ["delete"]
    assert "0 to add, 0 to change, 1 to destroy." in world.apply().out
    world.settled()
    assert world.live() == []


def test_disconnecting_is_withheld_unless_manage_lists_it(world: World) -> None:
    world.connection()["manage"] = ["connect", "rescope", "rotate"]
    world.apply()
    del world.documents["Connection", "ox-acme"]
    plan = world.plan()
    assert [w["code"] for w in plan["withheld"]] == ["withheld_deletions_disabled"]
    world.apply()
    assert len(world.live()) == 1


def test_protection_outlives_the_document(world: World) -> None:
    world.connection()["protect"] = True
    world.apply()
    del world.documents["Connection", "ox-acme"]
    assert [w["code"] for w in world.plan()["withheld"]] == ["withheld_protected"]


def test_two_workspaces_with_different_methods_share_one_organization(world: World) -> None:
    world.declare_account("globex")
    world.declare(
        "Connection",
        "ox-globex",
        consumer="ox-prod",
        account="globex",
        method={"type": "oauth-app"},
        repositories={"all": True},
        manage=["connect", "rescope", "rotate", "disconnect"],
    )
    assert world.actions() == {"connection.ox-acme": "connect", "connection.ox-globex": "connect"}
    world.apply()
    world.settled()
    assert [w["step"]["id"] for w in world.plan()["waiting"]] == ["grant"]
    world.ox.grant(method="oauth-app", workspace="globex", name="ox-globex")
    assert world.actions() == {"connection.ox-globex": "connect"}
    world.apply()
    world.settled()
    assert len(world.live()) == 2
    assert world.plan()["waiting"] == []
    assert len(repositories(world, "ox-globex")) == len(
        world.sandbox.bitbucket.repositories("globex")
    )
