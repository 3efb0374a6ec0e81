"""kill -9 at every durable write of an apply: the next one finishes or undoes what was in flight.

"Before" write N is the instant after the outside call that precedes it; "after" it is the instant
before the outside call that follows. Together they stand on both sides of every outside call.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.e2e.endstate import (
    DECLARED,
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

    ``writes`` is the number of durable writes of the apply when nobody kills it.
    """

    writes: int
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
    ensure_whole(world, token=places["ox-bot.token.next"])
    assert [w["step"]["id"] for w in world.plan()["waiting"]] == ["revoke-old"]


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
    ensure_whole(world, token=held.secret)
    assert world.plan()["waiting"] == []


def _replaced_in_place(world: World) -> None:
    world.apply()
    world.put_token(world.mint())


def _in_place(world: World) -> None:
    places = _places(world)
    assert list(places) == ["ox-bot.token"]
    ensure_whole(world, token=places["ox-bot.token"])
    assert [w["step"]["id"] for w in world.plan()["waiting"]] == ["revoke-old"]


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
    ensure_whole(world, token=_places(world)["ox-bot.token"])
    assert credentials(world)[0].username == "ada@acme.example"


def _another_method(world: World) -> None:
    world.apply()
    world.connection()["method"] = {"type": "oauth-app"}
    world.apply()
    world.ox.grant(method="oauth-app", workspace="acme", name="ox-acme")


def _by_another_method(world: World) -> None:
    ensure_whole(world, token="")
    assert world.plan()["waiting"] == []


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
    "connect": Story(11, _connect, _connected),
    "rescope": Story(5, _narrow, _narrowed),
    "rotate": Story(18, _successor, _switched),
    "rotate-a-dead-one": Story(22, _successor_of_a_dead_one, _promoted),
    "finish-a-rotation": Story(9, _old_revoked, _promoted),
    "rotate-in-place": Story(18, _replaced_in_place, _in_place),
    "rotate-a-dead-one-in-place": Story(18, _replaced_dead, _in_place_for_good),
    "reconnect-user": Story(18, _another_user, _of_another_user),
    "reconnect-to-browser": Story(18, _another_method, _by_another_method),
    "reconnect-from-browser": Story(18, _away_from_the_browser, _connected),
    "disconnect": Story(5, _undeclare, ensure_gone),
    "adopt": Story(11, _adopt, _adopted),
}


@pytest.mark.parametrize("name", STORIES)
def test_every_write_of_the_story_is_killed_below(swift: World, name: str) -> None:
    """The number of writes is known, so that no kill point is forgotten."""
    story = STORIES[name]
    story.prepare(swift)
    swift.apply()
    assert len(swift.writes()) == story.writes, swift.writes()
    story.ensure(swift)


@pytest.mark.parametrize(
    ("name", "strike"),
    [
        pytest.param(name, Strike(at, when), id=f"{name}-{when}-{at}")
        for name, story in STORIES.items()
        for at in range(1, story.writes + 1)
        for when in ("before", "after")
    ],
)
def test_an_apply_killed_at_any_write_is_finished_or_undone_by_the_next(
    swift: World, name: str, strike: Strike
) -> None:
    story = STORIES[name]
    story.prepare(swift)
    assert swift.kill(strike, *APPLY) == -signal.SIGKILL
    break_leases(swift)
    swift.apply()
    story.ensure(swift)
