"""Two applies at once: one wins, nothing is doubled, and the other says who was first."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pytest
import yaml

from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.endstate import ensure_whole
from tests.e2e.world import MANAGE_ALL, World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

APPLY = ("apply", "--auto-approve")
PATIENCE_S = 30


def _token(world: World) -> str:
    return world.environment["OX_BOT_TOKEN"]


def _slow_add(world: World, seconds: float) -> None:
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="addCredentials", value=seconds)
    )


def _until_leased(world: World) -> None:
    """Wait until somebody is at it."""
    end = monotonic() + PATIENCE_S
    while monotonic() < end:
        with world.registry() as registry:
            if registry.leases():
                return
        sleep(0.02)
    raise AssertionError("nobody took a lease")


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err
    assert "this is a bug" not in err
    return process.returncode, out + err


def test_the_second_is_refused_and_told_who_is_at_it(world: World) -> None:
    world.write()
    _slow_add(world, 3)
    first = world.start(*APPLY)
    _until_leased(world)
    second = world.run(*APPLY)
    assert second.code == 1
    assert f"(process {first.pid})" in second.err
    assert "connection.ox-acme" in second.err
    assert _end(first)[0] == 0
    ensure_whole(world, token=_token(world))


def test_the_second_waits_plans_again_and_finds_nothing_left_to_do(world: World) -> None:
    world.write()
    _slow_add(world, 3)
    first = world.start(*APPLY)
    _until_leased(world)
    second = world.run(*APPLY, "--lock-timeout", "30")
    assert second.code == 0, second.err
    assert "waiting for the lease" in second.err
    assert "planning again" in second.err
    assert "No changes." in second.out
    assert _end(first)[0] == 0
    ensure_whole(world, token=_token(world))


def test_a_reviewed_plan_is_not_planned_again_behind_its_reviewers_back(world: World) -> None:
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.run("plan", "--out", "plan.json")
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="monitorConnectorResources", value=3)
    )
    first = world.start(*APPLY)
    _until_leased(world)
    second = world.run("apply", "plan.json", "--lock-timeout", "30")
    assert _end(first)[0] == 0
    assert second.code == 1
    assert "registry serial: 1 → 2" in second.err
    ensure_whole(world, token=_token(world), selected=frozenset({"ledger"}))


@pytest.mark.parametrize("round_", range(3))
def test_two_first_applies_race_to_create_the_registry_and_one_wins(
    world: World, round_: int
) -> None:
    world.write()
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="getConnectorsByFamily", times=2, value=0.5)
    )
    runs = [world.start(*APPLY) for _ in range(2)]
    ends = [_end(run) for run in runs]
    assert sorted(code for code, _ in ends) in ([0, 0], [0, 1]), ends
    ensure_whole(world, token=_token(world))


def test_a_first_apply_that_lost_the_race_for_the_key_is_refused(world: World) -> None:
    """Its fingerprints were made under a key that no registry has."""
    world.write()
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="getConnectorsByFamily", value=2)
    )
    late = world.start(*APPLY)
    end = monotonic() + PATIENCE_S
    while not world.sandbox.log.peaks.get("ox") and monotonic() < end:
        sleep(0.02)
    # A registry comes into being that holds nothing yet, as after a run killed at its first step.
    with world.registry() as registry:
        lease = registry.acquire("other", "somebody", timedelta(seconds=60), datetime.now(UTC))
        registry.release(lease)
    code, said = _end(late)
    assert code == 1
    assert "somebody else applied" in said
    world.apply()
    ensure_whole(world, token=_token(world))


def test_runs_on_different_connections_do_not_disturb_each_other(world: World) -> None:
    world.declare_account("globex")
    world.declare(
        "Connection",
        "ox-globex",
        consumer="ox-prod",
        account="globex",
        method={"type": "oauth-app"},
        repositories={"all": True},
        manage=MANAGE_ALL,
    )
    world.apply()
    world.ox.grant(method="oauth-app", workspace="globex", name="ox-globex")
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    folder = world.root / "globex"
    folder.mkdir()
    world.write()
    _split(world)
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="monitorConnectorResources", times=2, value=1.5)
    )
    runs = [world.start(*APPLY, path) for path in ("acme.yaml", "globex.yaml")]
    for run in runs:
        code, said = _end(run)
        assert code == 0, said
    assert len(world.live()) == 2


def _split(world: World) -> None:
    """The two connections in a file of their own each, the rest beside them."""
    connections = {n: d for (k, n), d in world.documents.items() if k == "Connection"}
    rest = [d for (k, _), d in world.documents.items() if k != "Connection"]
    (world.root / "connections.yaml").write_text(yaml.safe_dump_all(rest))
    for name in ("acme", "globex"):
        (world.root / f"{name}.yaml").write_text(yaml.safe_dump(connections[f"ox-{name}"]))
