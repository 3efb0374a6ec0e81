"""Begun rotations: how far each has come, what comes next, and which do not go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.diff.rotations import rotations
from reconciler.model.facts import MINTED, MINTED_AS, REMOVES, REVOKES
from reconciler.model.forecast import RotationPhase, RotationStatus
from reconciler.model.method import ActionKind
from reconciler.model.record import Lease, Operation, OperationState
from tests.builders import NOW, a_connection, a_method, a_record, a_state, an_address
from tests.seen import a_snapshot, an_operation

RUNNING, WAITING = OperationState.RUNNING, OperationState.WAITING
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def a_lease(expires: timedelta = timedelta(seconds=30)) -> Lease:
    return Lease("connection.ox-acme", "ada@host (process 7)", 3, NOW + expires)


def found(
    operation: Operation,
    *,
    leases: tuple[Lease, ...] = (),
    record: dict[str, Any] | None = None,
    now: datetime = NOW,
    **method: Any,
) -> tuple[RotationStatus, ...]:
    snapshot = a_snapshot(a_record(**(record or {})), operations=(operation,))
    state = a_state(a_connection(method=a_method(**method)))
    return rotations(state, snapshot, leases=leases, now=now)


def the(operation: Operation, **rest: Any) -> RotationStatus:
    [status] = found(operation, **rest)
    return status


@pytest.mark.parametrize(
    ("operation", "phase"),
    [
        pytest.param(
            an_operation(state=RUNNING, step="check-credential"), RotationPhase.BEGUN, id="begun"
        ),
        pytest.param(
            an_operation(state=RUNNING, step="publish", facts={MINTED: "123", MINTED_AS: "hmac:n"}),
            RotationPhase.MINTED,
            id="minted",
        ),
        pytest.param(
            an_operation(
                state=RUNNING,
                step="add-credential",
                facts={MINTED: "123", MINTED_AS: "hmac:n", REVOKES: "122"},
            ),
            RotationPhase.MINTED,
            id="minted-and-it-is-known-what-it-replaces",
        ),
        pytest.param(
            an_operation(
                state=RUNNING,
                step="remove-credential",
                facts={MINTED: "123", MINTED_AS: a_record().fingerprint},
            ),
            RotationPhase.SWITCHED,
            id="the-minted-one-is-recorded",
        ),
        pytest.param(
            an_operation(state=RUNNING, step="revoke-credential", facts={REVOKES: "122"}),
            RotationPhase.SWITCHED,
            id="the-old-one-is-to-be-revoked",
        ),
        pytest.param(
            an_operation(state=RUNNING, step="remove-credential", facts={REMOVES: "cred-1"}),
            RotationPhase.SWITCHED,
            id="the-old-connection-is-to-be-removed",
        ),
        pytest.param(
            an_operation(state=WAITING, step="drain", facts={REVOKES: "122"}),
            RotationPhase.DRAINING,
            id="draining",
        ),
        pytest.param(
            an_operation(state=WAITING, step="revoke-old"), RotationPhase.WAITING, id="waiting"
        ),
    ],
)
def test_the_phase_follows_from_the_step_and_the_facts(
    operation: Operation, phase: RotationPhase
) -> None:
    assert the(operation).phase is phase


@pytest.mark.parametrize(
    ("kind", "facts", "listed"),
    [
        pytest.param(ActionKind.ROTATE, {}, True, id="rotate"),
        pytest.param(ActionKind.RECONNECT, {MINTED: "123"}, True, id="reconnect-that-minted"),
        pytest.param(ActionKind.RESCOPE, {REVOKES: "122"}, True, id="rescope-that-revokes"),
        pytest.param(ActionKind.RECONNECT, {}, False, id="reconnect"),
        pytest.param(ActionKind.CONNECT, {MINTED: "123"}, False, id="first-credential"),
    ],
)
def test_what_replaces_a_credential_is_listed(
    kind: ActionKind, facts: dict[str, str], listed: bool
) -> None:
    assert bool(found(an_operation(kind=kind, facts=facts, state=RUNNING))) is listed


def test_the_overlap_is_counted_from_the_switch() -> None:
    operation = an_operation(step="drain")
    status = the(operation, record={"credential_since": NOW - HOUR}, overlap=3 * HOUR)
    assert status.until == NOW + 2 * HOUR
    assert status.next_step == (
        "the first apply after 2026-11-21 22:53 UTC revokes the replaced credential"
    )
    assert not status.stuck


def test_an_undeclared_connection_drains_for_the_default_overlap() -> None:
    address = an_address("ox-gone")
    operation = an_operation(address=address, step="drain")
    record = a_record(address=address, credential_since=NOW)
    snapshot = a_snapshot(record, operations=(operation,))
    [status] = rotations(a_state(), snapshot, leases=(), now=NOW)
    assert status.until == NOW + HOUR


def test_a_drain_without_a_record_has_no_known_end() -> None:
    snapshot = a_snapshot(operations=(an_operation(step="drain", since=NOW - 2 * DAY),))
    [status] = rotations(a_state(), snapshot, leases=(), now=NOW)
    assert (status.until, status.stuck) == (None, True)
    assert status.next_step == "the first apply revokes the replaced credential"


@pytest.mark.parametrize(
    ("operation", "leases", "stuck"),
    [
        pytest.param(an_operation(state=RUNNING, step="mint"), (), True, id="nobody-is-at-it"),
        pytest.param(
            an_operation(state=RUNNING, step="mint"), (a_lease(),), False, id="somebody-is-at-it"
        ),
        pytest.param(
            an_operation(state=RUNNING, step="mint"), (a_lease(-HOUR),), True, id="dead-lease"
        ),
        pytest.param(
            an_operation(state=WAITING, since=NOW - 14 * DAY), (), False, id="a-person-has-time"
        ),
        pytest.param(
            an_operation(state=WAITING, since=NOW - 14 * DAY - HOUR), (), True, id="forgotten"
        ),
    ],
)
def test_what_should_have_gone_on_is_stuck(
    operation: Operation, leases: tuple[Lease, ...], stuck: bool
) -> None:
    assert the(operation, leases=leases).stuck is stuck


@pytest.mark.parametrize(
    ("late", "leases", "stuck"),
    [
        pytest.param(DAY, (), False, id="a-day-of-grace"),
        pytest.param(DAY + HOUR, (), True, id="later"),
        pytest.param(DAY + HOUR, (a_lease(),), False, id="just-being-revoked"),
    ],
)
def test_a_drain_is_stuck_a_day_after_its_end(
    late: timedelta, leases: tuple[Lease, ...], stuck: bool
) -> None:
    since = NOW - HOUR - late
    status = the(
        an_operation(step="drain", since=since), leases=leases, record={"credential_since": since}
    )
    assert status.stuck is stuck


@pytest.mark.parametrize(
    ("operation", "leases", "words"),
    [
        pytest.param(
            an_operation(step="revoke-old"),
            (),
            "a person revokes the replaced credential at the provider; `reconciler plan` shows how",
            id="known-step",
        ),
        pytest.param(
            an_operation(step="call-them"),
            (),
            "a person does the step call-them; `reconciler plan` shows how",
            id="unknown-step",
        ),
        pytest.param(
            an_operation(step="revoke-old", acknowledged=frozenset({"revoke-old"})),
            (),
            "it was acknowledged: the next apply goes on with it",
            id="acknowledged",
        ),
        pytest.param(
            an_operation(step="drain", acknowledged=frozenset({"drain"})),
            (),
            "it was acknowledged: the next apply goes on with it",
            id="cut-short",
        ),
        pytest.param(
            an_operation(state=RUNNING, step="mint"), (a_lease(),), "a run is at it now", id="held"
        ),
        pytest.param(
            an_operation(state=RUNNING, facts={REVOKES: "122"}),
            (),
            "the next apply ends the replaced credential",
            id="switched",
        ),
    ],
)
def test_what_comes_next_is_told(
    operation: Operation, leases: tuple[Lease, ...], words: str
) -> None:
    assert the(operation, leases=leases).next_step == words
