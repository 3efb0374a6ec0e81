"""The provider makes, changes and ends credentials: no person has a hand in a rotation."""

from __future__ import annotations

import pytest

from tests.e2e.issuing import AZURE, DATA_CENTER, SIDES, Side, ensure_one, places
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.fixture(params=list(SIDES.values()), ids=list(SIDES))
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.param
    return found


def test_a_connection_begins_with_a_credential_that_the_provider_makes(
    world: World, side: Side
) -> None:
    side.declare(world)
    run = world.apply()
    secret = ensure_one(world, side)
    assert "mint" in run.out
    assert secret not in "".join(world.outputs)


def test_a_raised_version_replaces_the_credential_and_ends_the_old_one(
    world: World, side: Side
) -> None:
    side.declare(world)
    world.apply()
    first = ensure_one(world, side)
    world.spec("Method", "git-token")["version"] = 2
    world.apply()
    second = ensure_one(world, side)
    assert second != first
    assert not side.works(world, first)


def test_a_rotation_asked_for_by_name_runs_to_its_end(world: World, side: Side) -> None:
    side.declare(world)
    world.apply()
    first = ensure_one(world, side)
    run = world.run("rotate", "ox-git", "--auto-approve")
    assert run.code == 0, run.out + run.err
    assert ensure_one(world, side) != first
    assert not side.works(world, first)


def test_a_long_overlap_is_left_to_the_first_run_after_it(world: World, side: Side) -> None:
    side.declare(world, overlap="1h")
    world.apply()
    first = places(world)["git.token"]
    world.run("rotate", "ox-git", "--auto-approve")
    plan = world.plan()
    assert [w["step"]["id"] for w in plan["waiting"]] == ["drain"]
    assert side.works(world, first)
    assert len(side.ours(world)) == 2
    run = world.run("rotate", "ox-git", "--now", "--auto-approve")
    assert run.code == 0, run.out + run.err
    ensure_one(world, side)
    assert not side.works(world, first)


def test_scopes_change_in_place_and_the_secret_stays(world: World, side: Side) -> None:
    side.declare(world)
    world.apply()
    first = ensure_one(world, side)
    world.spec("Method", "git-token")["scopes"] = list(side.wide)
    assert world.actions() == {"connection.ox-git": "rescope"}
    world.apply()
    assert ensure_one(world, side) == first


@pytest.mark.parametrize("asked", [DATA_CENTER, AZURE], ids=lambda s: s.name)
def test_aborting_after_the_switch_goes_back_to_the_credential_before(
    world: World, asked: Side
) -> None:
    asked.declare(world, overlap="1h")
    world.apply()
    first = places(world)["git.token"]
    world.run("rotate", "ox-git", "--auto-approve")
    run = world.run("rotate", "--abort", "ox-git", "--auto-approve")
    assert run.code == 0, run.out + run.err
    assert ensure_one(world, asked) == first


def test_the_same_change_of_scopes_is_a_rotation_where_no_api_edits_tokens(world: World) -> None:
    """Bitbucket Cloud: scopes are fixed when a token is made, so a person makes another."""
    world.apply()
    held = world.sandbox.bitbucket.credential(world.environment["OX_BOT_TOKEN"]).scopes
    world.spec("Method", "ox-bot-token")["scopes"] = [*held, "read:ssh-key:bitbucket"]
    (change,) = world.plan()["resource_changes"]
    assert change["action"] == "rotate"
    assert change["action_reason"] == "rotate_because_cannot_rescope"
    assert "scopes cannot be changed in place, so a new one is needed" in change["reason"]
    assert [s["code"] for s in change["steps"] if s["manual"]] == ["manual"]
