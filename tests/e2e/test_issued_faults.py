"""What goes wrong outside while a provider makes credentials: in the end one is left, and works.

Lost answers, tokens that die, issuers that are not let in, policies, lags, clocks, secret stores.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.data_center import instance_in
from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.endstate import break_leases, credentials
from tests.e2e.issuing import (
    ADDRESS,
    AZURE,
    DATA_CENTER,
    PLACE,
    SIDES,
    Side,
    ensure_one,
    in_vault,
    places,
)
from tests.e2e.killing import Strike
from tests.e2e.world import Run, World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

APPLY = ("apply", "--auto-approve")
ROTATE = ("rotate", "ox-git", "--auto-approve")
NOW = ("rotate", "ox-git", "--now", "--auto-approve")
GONE_ASTRAY = (FaultKind.LOST_ANSWER, FaultKind.ERROR_AFTER_COMMIT)
UNREADABLE = (FaultKind.TRUNCATED, FaultKind.HTML)
VAULT = {"vault": "secret/git#token"}
WRITE = "POST /v1/secret/data/git*"


@pytest.fixture(params=SIDES.values(), ids=list(SIDES))
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.param
    return found


def _connected(world: World, side: Side, **method: object) -> str:
    side.declare(world, **method)
    world.apply()
    return places(world)[PLACE]


def _raise_version(world: World) -> None:
    world.spec("Method", "git-token")["version"] = 2


def _done(world: World, *words: str) -> Run:
    run = world.run(*words)
    assert run.code == 0, run.out + run.err
    return run


def _failed(world: World, *words: str) -> str:
    """What a command says that fails, and says how to mend it; an apply without *words*."""
    run = world.run(*(words or APPLY))
    assert run.code == 1, run.out
    assert "hint:" in run.out + run.err
    return run.out + run.err


def _working(world: World, side: Side) -> str:
    """The consumer's credential works, and there is no other of ours; its value."""
    (live,) = credentials(world)
    assert side.works(world, live.secret)
    assert len(side.ours(world)) == 1
    return live.secret


def _arm(world: World, side: Side, call: str, kind: FaultKind, **more: object) -> None:
    fields = {"emulator": side.emulator, "match": side.calls[call], **more}
    world.sandbox.faults.add(Fault(kind, **fields))  # type: ignore[arg-type]  # by name


def _struck(world: World) -> int:
    return sum(struck for _, struck in world.sandbox.faults.armed())


# Answers that never come


READS = ("list", "verify", "repositories")
"""Calls that are made again whatever became of the answer."""

CONSUMER = {
    "adding": "AddCredentials",
    "verifying": "VerifySingleConnectorCredentials",
    "selecting": "MonitorConnectorResources",
    "removing": "RemoveCredentials",
    "listing": "GetConnectorsByFamily",
}


def _losses() -> Iterator[tuple[str, str, FaultKind]]:
    for name, side in SIDES.items():
        for number, call in enumerate(side.calls):
            kinds = [*GONE_ASTRAY, *(UNREADABLE if call == "mint" else ())]
            if call in READS:
                kinds = [GONE_ASTRAY[number % 2]]
            yield from ((name, call, kind) for kind in kinds)
    for number, call in enumerate(CONSUMER):
        for turn, kind in enumerate(GONE_ASTRAY, number):
            yield list(SIDES)[turn % 2], call, kind


@pytest.mark.parametrize(("at", "call", "kind"), list(_losses()), ids=str)
def test_a_lost_answer_changes_nothing_in_the_end(
    world: World, at: str, call: str, kind: FaultKind
) -> None:
    side = SIDES[at]
    first = _connected(world, side)
    if call == "rescope":
        world.spec("Method", "git-token")["scopes"] = list(side.wide)
    elif call in ("revoke", "removing"):
        _raise_version(world)
    else:
        world.sandbox.emulators[side.emulator].revoke(first)
    if call in CONSUMER:
        world.sandbox.faults.add(Fault(kind, emulator="ox", body=CONSUMER[call]))
    else:
        _arm(world, side, call, kind)
    runs = [world.run(*APPLY)]
    assert _struck(world) == 1
    while runs[-1].code and len(runs) <= 2:
        runs.append(world.run(*APPLY))
    assert runs[-1].code == 0, runs[-1].err
    assert (ensure_one(world, side) == first) == (call == "rescope")


# Credentials that die, issuers that are not let in


def test_a_new_credential_that_dies_before_the_switch_is_made_anew(
    world: World, side: Side
) -> None:
    first = _connected(world, side)
    _raise_version(world)
    assert world.kill(Strike(7, "after"), *APPLY) == -signal.SIGKILL
    break_leases(world)
    lost = places(world)[f"{PLACE}.next"]
    world.sandbox.emulators[side.emulator].revoke(lost)
    world.apply()
    assert ensure_one(world, side) not in (first, lost)


def test_a_new_credential_that_dies_is_given_up_when_nothing_asks_for_it_any_more(
    world: World, side: Side
) -> None:
    first = _connected(world, side)
    assert world.kill(Strike(7, "after"), *ROTATE) == -signal.SIGKILL
    break_leases(world)
    world.sandbox.emulators[side.emulator].revoke(places(world)[f"{PLACE}.next"])
    world.apply()
    assert ensure_one(world, side) == first


def test_a_new_credential_that_dies_when_it_is_shown_leaves_the_old_one_at_work(
    world: World,
) -> None:
    first = _connected(world, AZURE)
    _raise_version(world)
    _arm(world, AZURE, "verify", FaultKind.TOKEN_DIES, after=1)
    assert "does not work" in _failed(world)
    assert _working(world, AZURE) == first
    world.apply()
    assert ensure_one(world, AZURE) != first


def test_a_new_credential_that_dies_within_the_overlap_is_replaced(
    world: World, side: Side
) -> None:
    first = _connected(world, side, overlap="1h")
    _done(world, *ROTATE)
    second = credentials(world)[0].secret
    world.sandbox.emulators[side.emulator].revoke(second)
    world.apply()
    _done(world, *NOW)
    assert ensure_one(world, side) not in (first, second)


@pytest.mark.parametrize("call", ["mint", "revoke"])
def test_an_old_credential_that_dies_meanwhile_is_no_obstacle(
    world: World, side: Side, call: str
) -> None:
    first = _connected(world, side)
    _arm(world, side, call, FaultKind.TOKEN_DIES, value=first)
    _done(world, *NOW)
    assert _struck(world) == 1
    assert ensure_one(world, side) != first


def test_an_issuer_that_is_not_let_in_leaves_the_minting_to_a_person_until_it_is(
    world: World, side: Side
) -> None:
    first = _connected(world, side)
    _raise_version(world)
    wrong = {side.issuer: world.environment[side.issuer][:-4] + "AAAA"}
    run = world.run("plan", **wrong)
    assert "the issuer of 'git-token'" in run.out
    assert "By hand: " in run.out
    for _ in range(2):
        assert world.run(*APPLY, **wrong).code == 0
    assert _working(world, side) == first
    shown = world.run("rotate", "--status", "--format", "json").doc["rotations"]
    assert [r["phase"] for r in shown] == ["waiting"]
    world.apply()
    assert ensure_one(world, side) != first


# Policies


def test_a_life_that_a_policy_shortens_is_recorded_as_it_was_granted(world: World) -> None:
    organization_in(world.sandbox).knobs.max_life_days = 7
    _connected(world, AZURE)
    ensure_one(world, AZURE)
    with world.registry() as registry:
        end = registry.snapshot().records[ADDRESS].expires_at
    assert end is not None
    assert abs(end - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)


def test_a_life_that_a_policy_refuses_is_said_and_nothing_is_lost(world: World, side: Side) -> None:
    first = _connected(world, side)
    azure = organization_in(world.sandbox).knobs
    azure.max_life_days, azure.life_mode = 7, "error"
    instance_in(world.sandbox).knobs.max_expiry_days = 7
    said = _failed(world, *NOW)
    assert "expire within 7 days" in said or "lifespan" in said
    assert _working(world, side) == first
    world.spec("Method", "git-token")["maxAge"] = "5d"
    _done(world, *NOW)
    assert ensure_one(world, side) != first


def test_a_full_user_is_said_and_a_credential_that_we_lost_makes_room(world: World) -> None:
    first = _connected(world, DATA_CENTER)
    knobs = instance_in(world.sandbox).knobs
    knobs.token_limit = 2
    _raise_version(world)
    assert "maximum number of access tokens" in _failed(world)
    assert _working(world, DATA_CENTER) == first
    knobs.token_limit = 3
    assert world.kill(Strike(2), *APPLY) == -signal.SIGKILL
    break_leases(world)
    assert len(DATA_CENTER.ours(world)) == 2
    world.apply()
    assert ensure_one(world, DATA_CENTER) != first


def test_a_permission_that_the_server_adds_by_itself_is_no_surplus(world: World) -> None:
    instance_in(world.sandbox).knobs.implied_partner = True
    first = _connected(world, DATA_CENTER, scopes=["REPO_READ"])
    assert DATA_CENTER.held(world, first) == {"PROJECT_READ", "REPO_READ"}
    assert ensure_one(world, DATA_CENTER) == first
    world.spec("Method", "git-token")["scopes"] = ["REPO_WRITE"]
    world.apply()
    assert ensure_one(world, DATA_CENTER) == first
    assert DATA_CENTER.held(world, first) == {"PROJECT_READ", "REPO_WRITE"}


# Time


def test_what_becomes_true_late_is_waited_for(world: World, side: Side) -> None:
    first = _connected(world, side)
    world.sandbox.clock.advance(timedelta(minutes=1))  # whatever is there is known everywhere
    instance_in(world.sandbox).knobs.token_lag_s = 0.6
    azure = organization_in(world.sandbox).knobs
    azure.creation_lag_s = azure.revocation_delay_s = 0.6
    _raise_version(world)
    world.apply()
    assert ensure_one(world, side) != first


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_minutes_off_is_no_obstacle(world: World, side: Side, minutes: int) -> None:
    shelf = instance_in(world.sandbox).shelf
    for token in shelf.all():  # there before the clock was set
        shelf.change(token, created_at=token.created_at - timedelta(hours=1))
    world.sandbox.clock.advance(timedelta(minutes=minutes))
    first = _connected(world, side)
    world.sandbox.emulators[side.emulator].revoke(first)
    world.apply()
    assert ensure_one(world, side) != first


def test_a_provider_that_is_slow_or_busy_is_waited_for_and_never_asked_twice_to_mint(
    world: World, side: Side
) -> None:
    first = _connected(world, side)
    world.sandbox.emulators[side.emulator].revoke(first)
    _arm(world, side, "list", FaultKind.RATE_LIMIT, value=1)
    _arm(world, side, "mint", FaultKind.RATE_LIMIT, value=1)
    assert "limits our requests (429)" in _failed(world)
    assert len(side.ours(world)) == 0
    _arm(world, side, "mint", FaultKind.SLOW, value=1)
    world.apply()
    assert _struck(world) == 3
    assert ensure_one(world, side) != first


# Secret stores


def _in_vault(world: World, side: Side) -> str:
    side.declare(world, secret=VAULT)
    world.apply()
    return ensure_one(world, side, kept=in_vault)


def test_a_whole_rotation_with_the_secret_in_vault(world: World, side: Side) -> None:
    first = _in_vault(world, side)
    _raise_version(world)
    world.apply()
    assert ensure_one(world, side, kept=in_vault) != first
    assert not side.works(world, first)


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.DROP], ids=str)
def test_a_secret_that_cannot_be_kept_is_taken_back(
    world: World, side: Side, kind: FaultKind
) -> None:
    first = _in_vault(world, side)
    value = 503 if kind is FaultKind.ERROR else None
    world.sandbox.faults.add(Fault(kind, emulator="vault", match=WRITE, times=None, value=value))
    _failed(world, *NOW)
    assert _working(world, side) == first
    assert in_vault(world) == {PLACE: first}
    world.sandbox.faults.clear()
    _done(world, *NOW)
    assert ensure_one(world, side, kept=in_vault) != first


@pytest.mark.parametrize("after", [0, 1, 2], ids=["publish", "promote", "clear"])
def test_a_lost_answer_of_the_secret_store_is_looked_for(world: World, after: int) -> None:
    side = list(SIDES.values())[after % 2]
    first = _in_vault(world, side)
    world.sandbox.faults.add(
        Fault(FaultKind.LOST_ANSWER, emulator="vault", match=WRITE, after=after)
    )
    _done(world, *NOW)
    assert _struck(world) == 1
    assert ensure_one(world, side, kept=in_vault) != first
