"""A saved plan is carried out as reviewed or refused with what moved; never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.endstate import credentials, ensure_whole, slugs
from tests.e2e.world import MANAGE_ALL, World

pytestmark = pytest.mark.e2e

NARROW = frozenset({"payments-api", "ledger"})


def _token(world: World) -> str:
    return world.environment["OX_BOT_TOKEN"]


def _narrow(world: World) -> None:
    world.connection()["repositories"] = {"include": [{"name": name} for name in sorted(NARROW)]}


def _saved(world: World, *words: str) -> dict[str, Any]:
    run = world.run(*words, "plan", "--out", "plan.json")
    assert run.code == 0, run.err
    assert "reconciler apply plan.json" in run.err
    found: dict[str, Any] = json.loads((world.root / "plan.json").read_text())
    return found


def _planned(world: World) -> str:
    """A plan that narrows a connected selection; its digest."""
    world.apply()
    _narrow(world)
    return str(_saved(world)["digest"])


def test_a_plan_that_still_holds_is_applied_without_a_question(world: World) -> None:
    _planned(world)
    run = world.run("apply", "plan.json")
    assert run.code == 0, run.err
    ensure_whole(world, token=_token(world), selected=NARROW)


def test_a_digest_that_still_holds_is_applied_without_a_question(world: World) -> None:
    digest = _planned(world)
    run = world.run("apply", "--digest", digest)
    assert run.code == 0, run.err
    ensure_whole(world, token=_token(world), selected=NARROW)


@pytest.mark.parametrize("words", [("plan.json",), ("--digest",)], ids=["file", "digest"])
def test_the_very_first_plan_is_saved_and_applied(world: World, words: tuple[str, ...]) -> None:
    digest = _saved(world)["digest"]
    given = words if words == ("plan.json",) else (*words, digest)
    assert world.run("apply", *given).code == 0
    ensure_whole(world, token=_token(world))


def test_an_applied_plan_is_not_applied_twice(world: World) -> None:
    _planned(world)
    assert world.run("apply", "plan.json").code == 0
    again = world.run("apply", "plan.json")
    assert again.code == 1
    assert "state.serial: 1 → 2" in again.err


@dataclass(frozen=True, slots=True)
class Move:
    """A way in which the world moves under a plan, and the words that say so."""

    act: Callable[[World], object]
    said: str


def _apply_another(world: World) -> None:
    """Somebody applies from another checkout, and this one is as it was."""
    narrowed = dict(world.connection()["repositories"])
    world.connection()["repositories"] = {"include": [{"name": "storefront"}]}
    world.apply()
    world.connection()["repositories"] = narrowed


def _edit_in_ox(world: World) -> None:
    world.ox.select(connection=world.live()[0]["name"], add=["storefront"])


def _rename_in_ox(world: World) -> None:
    world.ox.rename(connection=world.live()[0]["name"], name="renamed by hand")


def _remove_in_ox(world: World) -> None:
    world.ox.remove(connection=world.live()[0]["name"])


def _edit_yaml(world: World) -> None:
    world.connection()["repositories"]["include"].append({"name": "storefront"})


def _change_limits(world: World) -> None:
    world.project["limits"] = {"removedRepositories": 5000}


def _announce_freeze(world: World) -> None:
    world.project["freezes"] = [{"from": "2049-01-01", "to": "2049-01-02", "reason": "party"}]


def _replace_secret(world: World) -> None:
    world.put_token(world.mint())


def _revoke(world: World) -> None:
    world.sandbox.bitbucket.revoke(_token(world))


def _rename_repository(world: World) -> None:
    world.sandbox.bitbucket.rename_repository("acme", "ledger", "general-ledger")


def _delete_repository(world: World) -> None:
    world.sandbox.bitbucket.delete_repository("acme", "ledger")


ACME = "connection.ox-acme: "
MOVES = {
    "another-apply": Move(_apply_another, "state.serial"),
    "edited-in-ox": Move(_edit_in_ox, ACME + "its selection at the consumer changed"),
    "renamed-in-ox": Move(_rename_in_ox, ACME + "the connection at the consumer changed"),
    "removed-in-ox": Move(_remove_in_ox, ACME + "the connection at the consumer changed"),
    "yaml": Move(_edit_yaml, "config_digest"),
    "limits": Move(_change_limits, "policy_digest"),
    "freeze": Move(_announce_freeze, "policy_digest"),
    "secret": Move(_replace_secret, ACME + "its credential"),
    "revoked": Move(_revoke, ACME + "its credential"),
    "repository-renamed": Move(_rename_repository, ACME + "the repositories that it means"),
    "repository-deleted": Move(_delete_repository, ACME + "the repositories that it means"),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_plan_under_which_the_world_moved_is_refused(world: World, name: str) -> None:
    digest = _planned(world)
    MOVES[name].act(world)
    before = [(c.id, set(c.selected)) for c in credentials(world)]
    for words in (("apply", "plan.json", "--auto-approve"), ("apply", "--digest", digest)):
        run = world.run(*words)
        assert run.code == 1
        assert "no longer holds" in run.err
        assert [(c.id, set(c.selected)) for c in credentials(world)] == before
    assert MOVES[name].said in world.run("apply", "plan.json").err


def test_a_plan_of_one_environment_is_refused_in_another(world: World) -> None:
    world.project["environments"] = {
        name: {"registry": {"url": f"sqlite:///{name}.db"}} for name in ("staging", "production")
    }
    _saved(world, "--env", "staging")
    run = world.run("--env", "production", "apply", "plan.json")
    assert run.code == 1
    assert "environment: staging → production" in run.err
    assert credentials(world) == []
    assert world.run("--env", "staging", "apply", "plan.json").code == 0
    assert len(credentials(world)) == 1


def test_a_registry_of_one_environment_serves_no_other(world: World) -> None:
    world.project["environments"] = {"staging": {}, "production": {}}
    world.run("--env", "staging", "apply", "--auto-approve")
    run = world.run("--env", "production", "plan")
    assert run.code != 0
    assert "belongs to environment 'staging'" in run.err


def test_what_a_tampered_plan_says_is_never_carried_out(world: World) -> None:
    """Only its digest counts: the steps are worked out anew."""
    document = _saved_narrow(world)
    document["resource_changes"][0]["change"]["actions"] = ["delete"]
    document["resource_changes"][0]["steps"] = [{"code": "remove-credential"}]
    (world.root / "plan.json").write_text(json.dumps(document))
    assert world.run("apply", "plan.json").code == 0
    ensure_whole(world, token=_token(world), selected=NARROW)


def test_a_plan_with_a_forged_digest_is_refused(world: World) -> None:
    document = _saved_narrow(world)
    document["digest"] = "sha256:" + "0" * 64
    (world.root / "plan.json").write_text(json.dumps(document))
    run = world.run("apply", "plan.json")
    assert run.code == 1
    assert slugs(world, credentials(world)[0]) != NARROW


def _saved_narrow(world: World) -> dict[str, Any]:
    world.apply()
    _narrow(world)
    return _saved(world)


BROKEN = {
    "not-json": "{",
    "a-list": "[]",
    "empty": "",
    "no-plan": '{"digest": "sha256:00"}',
    "odd-inputs": None,
    "inputs-gone": None,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plan_file_is_refused_with_words(world: World, name: str) -> None:
    document = _saved_narrow(world)
    text = BROKEN[name]
    if text is None:
        document["digest"] = "sha256:" + "0" * 64
        document["inputs"] = {"live_fingerprints": [1, {"a": None}]}
        if name == "inputs-gone":
            document["inputs"] = "none"
        text = json.dumps(document)
    (world.root / "plan.json").write_text(text)
    run = world.run("apply", "plan.json", "--auto-approve")
    assert run.code in (1, 64)
    assert "this is a bug" not in run.err
    assert slugs(world, credentials(world)[0]) != NARROW


def test_an_empty_plan_is_applied_and_changes_nothing(world: World) -> None:
    world.apply()
    _saved(world)
    before = world.serial()
    assert world.run("apply", "plan.json").code == 0
    assert world.serial() == before


def test_a_plan_of_some_files_holds_only_with_the_same_paths(world: World) -> None:
    world.declare(
        "Connection",
        "ox-second",
        consumer="ox-prod",
        account="acme",
        method={"type": "oauth-app"},
        repositories={"include": [{"name": "storefront"}]},
        manage=MANAGE_ALL,
    )
    world.apply()
    _narrow(world)
    assert world.run("plan", "connections.yaml", "--out", "plan.json").code == 0
    assert world.run("apply", "plan.json", "connections.yaml").code == 0
