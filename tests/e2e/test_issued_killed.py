"""kill -9 at every durable write where the provider makes the credentials: none is left behind.

As in `test_killed`: every outside call stands between two lines of the journal. What matters here
beside the consumer is the provider, where a killed run may leave a credential that works, and the
secret store, which may hold one that nobody uses.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.record import AuditEntry, Change
from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.endstate import break_leases, credentials, ensure_settled
from tests.e2e.issuing import ADDRESS, AZURE, PLACE, SIDES, Side, ensure_one, places
from tests.e2e.killing import Strike
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

APPLY = ("apply", "--auto-approve")
ROTATE = ("rotate", "ox-git", "--auto-approve")
NOW = ("rotate", "ox-git", "--now", "--auto-approve")
ABORT = ("rotate", "--abort", "ox-git", "--auto-approve")
DUE = ("rotate", "--due", "--auto-approve")
NEXT = f"{PLACE}.next"


@dataclass(frozen=True, slots=True)
class Story:
    """What leads up to the command that is killed, and what holds after the next apply.

    ``prepare`` gives the secret in use before. ``writes`` are the durable writes of ``command``
    when nobody kills it, a letter each as in `test_killed`; those before number ``begin`` are
    killed by another story. ``is_thorough``: at every write, before and after it.
    """

    writes: str
    prepare: Callable[[World, Side], str]
    ensure: Callable[[World, Side, str], None]
    command: tuple[str, ...] = APPLY
    begin: int = 1
    is_thorough: bool = False


def _run(world: World, *words: str) -> None:
    run = world.run(*words)
    assert run.code == 0, run.out + run.err


def _connected(world: World, side: Side, **method: object) -> str:
    side.declare(world, **method)
    world.apply()
    return places(world)[PLACE]


def _raise_version(world: World) -> None:
    world.spec("Method", "git-token")["version"] = 2


def _nothing_yet(world: World, side: Side) -> str:
    side.declare(world)
    return ""


def _raised(world: World, side: Side) -> str:
    first = _connected(world, side)
    _raise_version(world)
    return first


def _raised_with_a_long_overlap(world: World, side: Side) -> str:
    first = _connected(world, side, overlap="1h")
    _raise_version(world)
    return first


def _dead(world: World, side: Side) -> str:
    first = _connected(world, side)
    world.sandbox.emulators[side.emulator].revoke(first)
    return first


def _long(world: World, side: Side) -> str:
    return _connected(world, side, overlap="1h")


def _draining(world: World, side: Side) -> str:
    first = _long(world, side)
    _run(world, *ROTATE)
    return first


def _drained(world: World, side: Side) -> str:
    first = _draining(world, side)
    _run(world, "ack", "ox-git", "drain")
    return first


def _published(world: World, side: Side) -> str:
    """A rotation was killed when the new secret was kept and the consumer knew nothing of it."""
    first = _connected(world, side)
    assert world.kill(Strike(7, "after"), *ROTATE) == -signal.SIGKILL
    assert list(places(world)) == [PLACE, NEXT]
    break_leases(world)
    return first


def _other_scopes(world: World, side: Side) -> str:
    first = _connected(world, side)
    world.spec("Method", "git-token")["scopes"] = list(side.wide)
    return first


def _one(world: World, side: Side, before: str) -> None:
    assert ensure_one(world, side)


def _replaced(world: World, side: Side, before: str) -> None:
    assert ensure_one(world, side) != before
    assert not side.works(world, before)


def _kept(world: World, side: Side, before: str) -> None:
    assert ensure_one(world, side) == before
    scopes = world.spec("Method", "git-token")["scopes"]
    assert side.held(world, before) == set(scopes)


def _switched(world: World, side: Side, before: str) -> None:
    """Both work for the overlap, and the consumer has the new one; then the old one ends."""
    assert ensure_settled(world) == ["drain"]
    (live,) = credentials(world)
    assert places(world) == {PLACE: before, NEXT: live.secret}
    assert len(side.ours(world)) == 2
    _run(world, *NOW)
    _replaced(world, side, before)


def _asked_again(world: World, side: Side, before: str) -> None:
    """What was asked for by name is asked for once more where the overlap is still running."""
    if ensure_settled(world):
        _run(world, *NOW)
    ensure_one(world, side)


def _undone(world: World, side: Side, before: str) -> None:
    if ensure_settled(world):
        _run(world, *ABORT)
    assert ensure_one(world, side) == before


STORIES = {
    "connect": Story("icdidiwdidididicd", _nothing_yet, _one, is_thorough=True),
    "rotate": Story(
        "icdidiwdidididicdidididicdiwrdicd",
        _raised,
        _replaced,
        begin=18,
    ),
    "rotate-and-leave-the-overlap": Story(
        "icdidiwdidididicdidicd",
        _raised_with_a_long_overlap,
        _switched,
        is_thorough=True,
    ),
    "finish-after-the-overlap": Story("idicdiwrdicd", _drained, _replaced),
    "rotate-a-dead-one": Story("icdidiwdidididicdididicdicd", _dead, _replaced),
    "rotate-by-name-at-once": Story(
        "icdidiwdidididicdididicdiwrdicd", _long, _asked_again, NOW, begin=18
    ),
    "rescope": Story("ididicd", _other_scopes, _kept),
    "abort-before-the-switch": Story("irdidicd", _published, _one, ABORT),
    "abort-after-the-switch": Story("ididididicdididicdirdicd", _draining, _undone, ABORT),
}


@pytest.fixture(params=SIDES.values(), ids=list(SIDES))
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.param
    return found


def _letter(line: str) -> str:
    """The letter of a traced write."""
    return {"intent": "i", "done": "d", "failed": "f"}.get(line.rsplit(" ", 1)[-1], line[0])


def _kills() -> Iterator[tuple[str, str, Strike]]:
    """The two stories of which the others are made: before every write at one provider, after it
    at the other. The others: before every write that something outside has gone before.

    Nothing happens between a "done" in the journal and the next intent, and what a write does is
    the same at both providers, who so take turns: before an intent and after a call, each of them.
    """
    one, other = SIDES
    for name, story in STORIES.items():
        last = len(story.writes)
        for at in range(story.begin, last + 1):
            turns = (one, other) if at // 2 % 2 else (other, one)
            is_idle = story.writes[at - 2 : at] == "di"
            if story.is_thorough or not is_idle:
                yield turns[0], name, Strike(at, "before")
            if story.is_thorough or at == last:
                yield turns[1], name, Strike(at, "after")


@pytest.mark.parametrize(("at", "name"), [(at, name) for name in STORIES for at in SIDES], ids=str)
def test_every_write_of_the_story_is_killed_below(world: World, at: str, name: str) -> None:
    """The number of writes is known, so that no kill point is forgotten."""
    story, side = STORIES[name], SIDES[at]
    before = story.prepare(world, side)
    _run(world, *story.command)
    assert "".join(_letter(line) for line in world.writes()) == story.writes
    story.ensure(world, side, before)


@pytest.mark.parametrize(("at", "name", "strike"), list(_kills()), ids=str)
def test_a_command_killed_at_any_write_leaves_one_credential_after_the_next_apply(
    world: World, at: str, name: str, strike: Strike
) -> None:
    story, side = STORIES[name], SIDES[at]
    before = story.prepare(world, side)
    assert world.kill(strike, *story.command) == -signal.SIGKILL
    break_leases(world)
    world.apply()
    story.ensure(world, side, before)


# Two at once, and what is said of what was begun


def test_two_rotations_at_the_same_moment_make_one_credential(world: World, side: Side) -> None:
    first = _connected(world, side)
    _raise_version(world)
    world.write()
    world.sandbox.faults.add(
        Fault(
            FaultKind.SLOW,
            emulator=side.emulator,
            match=side.calls["mint"],
            times=None,
            value=1,
        )
    )
    runs = [world.start(*words) for words in (APPLY, DUE)]
    said = [run.communicate(timeout=60) for run in runs]
    assert sorted(run.returncode for run in runs) in ([0, 0], [0, 1]), said
    assert ensure_one(world, side) != first
    line = side.calls["mint"].partition("*")[0]
    asked = [r for r in world.sandbox.requests if f"{r.method} {r.path}".startswith(line)]
    assert len(asked) == 2


def _status(world: World) -> tuple[list[tuple[str, bool]], str]:
    """Phase and whether it is stuck, of every begun rotation; and what `drift` says."""
    shown = world.run("rotate", "--status", "--format", "json").doc["rotations"]
    (item,) = world.run("drift", "--format", "json").doc["connections"]
    return [(r["phase"], r["stuck"]) for r in shown], item["status"]


@pytest.mark.parametrize(
    ("at", "phase"), [(3, "minted"), (18, "switched")], ids=["minted", "switched"]
)
def test_a_killed_rotation_is_shown_as_far_as_it_came_until_it_is_finished(
    world: World, side: Side, at: int, phase: str
) -> None:
    _connected(world, side)
    _raise_version(world)
    assert world.kill(Strike(at), *APPLY) == -signal.SIGKILL
    assert _status(world)[0] == [(phase, False)]
    break_leases(world)
    assert _status(world) == ([(phase, True)], "stuck")
    world.apply()
    assert _status(world) == ([], "in-sync")


def test_an_overlap_that_nobody_ends_counts_as_stuck_after_a_day(world: World) -> None:
    _connected(world, AZURE, overlap="1h")
    _run(world, *ROTATE)
    assert _status(world) == ([("draining", False)], "in-sync")
    _switch_earlier(world, timedelta(days=2))
    assert _status(world) == ([("draining", True)], "stuck")
    world.apply()
    ensure_one(world, AZURE)


def _switch_earlier(world: World, by: timedelta) -> None:
    """As if the consumer had been switched so long ago, and nobody had run anything since."""
    with world.registry() as registry:
        now, found = datetime.now(UTC), registry.snapshot()
        record, operation = found.records[ADDRESS], found.operations[ADDRESS]
        lease = registry.acquire(str(ADDRESS), "a test", timedelta(seconds=60), now)
        audit = AuditEntry(now, "a test", "", "", str(ADDRESS), "rotate", "moved back in time")
        registry.commit(
            Change(
                ADDRESS,
                record.serial,
                audit,
                record=replace(record, credential_since=record.credential_since - by),
                operation=replace(operation, since=operation.since - by),
            ),
            lease,
        )
        registry.release(lease)
