"""kill -9 at every durable write of an apply: the next one finishes or undoes what was in flight.

Every outside call stands between two lines of the journal: the instant before a line is the
instant after the call that precedes it. "After" a write is tried where it says anything new.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.endstate import (
    break_leases,
    by_hand,
    credentials,
    ensure_gone,
    ensure_whole,
)
from tests.e2e.killing import Strike
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

APPLY = ("apply", "--auto-approve")
NARROW = frozenset({"payments-api", "ledger"})


@dataclass(frozen=True, slots=True)
class Story:
    """What leads up to the apply that is killed, and what holds after the next one.

    ``writes`` are the durable writes of the apply when nobody kills it, a letter each: i and d for
    an intent and a "done" in the journal, c for a commit, w and r for a secret written or removed.
    """

    writes: str
    prepare: Callable[[World], None]
    ensure: Callable[[World], None]


def _token(world: World) -> str:
    return world.environment["OX_BOT_TOKEN"]


def _places(world: World) -> dict[str, str]:
    return {p.name: p.read_text().strip() for p in (world.root / "secrets").iterdir()}


def _connect(world: World) -> None:
    world.write()


def _connected(world: World) -> None:
    ensure_whole(world, token=_token(world))


def _narrow(world: World) -> None:
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": name} for name in sorted(NARROW)]}


def _narrowed(world: World) -> None:
    ensure_whole(world, token=_token(world), selected=NARROW)


def _successor(world: World) -> None:
    world.apply()
    world.put_token(world.mint(), place="ox-bot.token.next")


def _switched(world: World) -> None:
    places = _places(world)
    assert places["ox-bot.token"] == _token(world)
    assert ensure_whole(world, token=places["ox-bot.token.next"]) == ["revoke-old"]


def _successor_of_a_dead_one(world: World) -> None:
    _successor(world)
    world.sandbox.bitbucket.revoke(_token(world))


def _old_revoked(world: World) -> None:
    _successor(world)
    world.apply()
    world.sandbox.bitbucket.revoke(_token(world))


def _promoted(world: World) -> None:
    (held,) = credentials(world)
    assert _places(world) == {"ox-bot.token": held.secret}
    assert held.secret != _token(world)
    assert ensure_whole(world, token=held.secret) == []


def _replaced_in_place(world: World) -> None:
    world.apply()
    world.put_token(world.mint())


def _in_place(world: World) -> None:
    places = _places(world)
    assert list(places) == ["ox-bot.token"]
    assert ensure_whole(world, token=places["ox-bot.token"]) == ["revoke-old"]


def _replaced_dead(world: World) -> None:
    _replaced_in_place(world)
    world.sandbox.bitbucket.revoke(_token(world))


def _in_place_for_good(world: World) -> None:
    ensure_whole(world, token=_places(world)["ox-bot.token"])


def _another_user(world: World) -> None:
    world.apply()
    bitbucket = world.sandbox.bitbucket
    scopes = bitbucket.credential(_token(world)).scopes
    world.put_token(bitbucket.mint_api_token("ada@acme.example", scopes=scopes).token)
    world.spec("Method", "ox-bot-token")["username"] = "ada@acme.example"


def _of_another_user(world: World) -> None:
    assert ensure_whole(world, token=_places(world)["ox-bot.token"]) == ["revoke-former"]
    assert credentials(world)[0].username == "ada@acme.example"


def _another_method(world: World) -> None:
    world.apply()
    world.connection()["method"] = {"type": "oauth-app"}
    world.apply()
    world.ox.grant(method="oauth-app", workspace="acme", name="ox-acme")


def _by_another_method(world: World) -> None:
    assert ensure_whole(world, token="") == ["revoke-former"]


def _away_from_the_browser(world: World) -> None:
    world.connection()["method"] = {"type": "oauth-app"}
    world.apply()
    world.ox.grant(method="oauth-app", workspace="acme", name="ox-acme")
    world.apply()
    world.connection()["method"] = "ox-bot-token"


def _undeclare(world: World) -> None:
    world.apply()
    del world.documents["Connection", "ox-acme"]


def _adopt(world: World) -> None:
    made = by_hand(world, "made by hand", selected=frozenset({"ledger", "storefront"}))
    world.connection()["adopt"] = made.id


def _adopted(world: World) -> None:
    ensure_whole(world, token=_token(world), adopted=True)


STORIES = {
    "connect": Story("ididididicd", _connect, _connected),
    "rescope": Story("idicd", _narrow, _narrowed),
    "rotate": Story("ididididicdidicd", _successor, _switched),
    "rotate-a-dead-one": Story("ididididicdidicdiwrdicd", _successor_of_a_dead_one, _promoted),
    "finish-a-rotation": Story("icdiwrdicd", _old_revoked, _promoted),
    "rotate-in-place": Story("ididididicdididicd", _replaced_in_place, _in_place),
    "rotate-a-dead-one-in-place": Story("ididididicdidididicd", _replaced_dead, _in_place_for_good),
    "reconnect-user": Story("ididididicdididicd", _another_user, _of_another_user),
    "reconnect-to-browser": Story("idididicdidicd", _another_method, _by_another_method),
    "reconnect-from-browser": Story("ididididicdididicd", _away_from_the_browser, _connected),
    "disconnect": Story("idicd", _undeclare, ensure_gone),
    "adopt": Story("ididididicd", _adopt, _adopted),
}


@pytest.mark.parametrize("name", STORIES)
def test_every_write_of_the_story_is_killed_below(world: World, name: str) -> None:
    """The number of writes is known, so that no kill point is forgotten."""
    story = STORIES[name]
    story.prepare(world)
    world.apply()
    assert "".join(_letter(line) for line in world.writes()) == story.writes
    story.ensure(world)


def _letter(line: str) -> str:
    """The letter of a traced write."""
    return {"intent": "i", "done": "d", "failed": "f"}.get(line.rsplit(" ", 1)[-1], line[0])


def _strikes() -> Iterator[tuple[str, Strike]]:
    """Before every write, and after the first and the last.

    Nothing happens between one write and the next but an outside call after an intent, so that
    after every write is tried for one story alone.
    """
    for name, story in STORIES.items():
        thorough = name == "connect"
        for at in range(1, len(story.writes) + 1):
            yield name, Strike(at, "before")
            if thorough or at in (1, len(story.writes)):
                yield name, Strike(at, "after")


@pytest.mark.parametrize(("name", "strike"), list(_strikes()), ids=str)
def test_an_apply_killed_at_any_write_is_finished_or_undone_by_the_next(
    world: World, name: str, strike: Strike
) -> None:
    story = STORIES[name]
    story.prepare(world)
    assert world.kill(strike, *APPLY) == -signal.SIGKILL
    break_leases(world)
    world.apply()
    story.ensure(world)


def test_the_lease_of_a_dead_process_names_it_and_expires_by_itself(world: World) -> None:
    world.project["leaseTtl"] = "2s"
    assert world.kill(Strike(5), *APPLY) == -signal.SIGKILL
    refused = world.run(*APPLY)
    assert refused.code == 1
    assert "connection.ox-acme" in refused.err
    assert "(process " in refused.err
    assert "registry unlock" in refused.err
    world.apply("--lock-timeout", "20")
    _connected(world)


def test_unlock_takes_the_lease_of_a_dead_process_away(world: World) -> None:
    assert world.kill(Strike(5), *APPLY) == -signal.SIGKILL
    assert world.run("registry", "unlock", "ox-acme").code == 0
    world.apply()
    _connected(world)


def test_an_apply_killed_time_and_again_leaves_one_connection(world: World) -> None:
    for at in (4, 6, 7, 8, 9, 4):
        assert world.kill(Strike(at), *APPLY) == -signal.SIGKILL
        break_leases(world)
    world.apply()
    _connected(world)


LOST = {
    "addCredentials": ("connect", "rotate", "rotate-in-place", "reconnect-user"),
    "monitorConnectorResources": ("connect", "rescope", "rotate", "reconnect-to-browser", "adopt"),
    "removeCredentials": ("rotate", "rotate-a-dead-one", "reconnect-user", "disconnect"),
    "verifySingleConnectorCredentials": ("connect", "rotate", "rotate-in-place"),
}


GONE_ASTRAY = (FaultKind.LOST_ANSWER, FaultKind.ERROR_AFTER_COMMIT)
UNREADABLE = (FaultKind.TRUNCATED, FaultKind.HTML)


@pytest.mark.parametrize(
    ("operation", "name", "kind"),
    [
        pytest.param(operation, name, kind, id=f"{operation}-{name}-{kind}")
        for operation, names in LOST.items()
        for name in names
        for kind in (GONE_ASTRAY + UNREADABLE if operation == "addCredentials" else GONE_ASTRAY)
    ],
)
def test_a_lost_answer_of_the_consumer_changes_nothing_in_the_end(
    world: World, operation: str, name: str, kind: FaultKind
) -> None:
    story = STORIES[name]
    story.prepare(world)
    world.sandbox.faults.add(Fault(kind, emulator="ox", body=operation))
    first = world.run(*APPLY)
    assert first.code in (0, 1)
    assert sum(struck for _, struck in world.sandbox.faults.armed()) == 1
    world.apply()
    story.ensure(world)


@pytest.mark.parametrize("operation", LOST)
def test_a_consumer_that_loses_every_answer_of_one_kind_leaves_at_most_one_new_connection(
    world: World, operation: str
) -> None:
    _successor(world)
    world.sandbox.faults.add(
        Fault(FaultKind.LOST_ANSWER, emulator="ox", body=operation, times=None)
    )
    for _ in range(2):
        assert world.run(*APPLY).code in (0, 1)
        assert 1 <= len(credentials(world)) <= 2
    world.sandbox.faults.clear()
    world.apply()
    _switched(world)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_an_apply_that_is_interrupted_gives_its_lease_back(
    world: World, how: signal.Signals
) -> None:
    world.write()
    world.sandbox.faults.add(
        Fault(FaultKind.SLOW, emulator="ox", body="monitorConnectorResources", value=30)
    )
    process = world.start(*APPLY)
    end = time.monotonic() + 20
    while not credentials(world) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(how)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in said
    with world.registry() as registry:
        assert registry.leases() == ()
    world.apply()
    _connected(world)
