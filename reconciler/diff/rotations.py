"""How far begun rotations have come, and which of them do not go on. Pure; the clock is passed."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.model.desired import DEFAULT_OVERLAP, DesiredState
from reconciler.model.facts import MINTED, MINTED_AS, REMOVES, REVOKES
from reconciler.model.forecast import RotationPhase, RotationStatus
from reconciler.model.method import ActionKind
from reconciler.model.record import Lease, Operation, OperationState, Record, Snapshot

DRAIN = "drain"
"""The step at which an operation waits for the end of the overlap."""

DRAIN_GRACE = timedelta(days=1)
"""How long after the overlap the replaced credential may be left: a daily schedule's turn."""

PERSON_PATIENCE = timedelta(days=14)
"""How long a manual step may wait before the rotation counts as stuck."""

_BY_PERSON = {
    "mint": "a person makes the new credential",
    "enter": "a person enters the new credential at the consumer",
    "grant": "a person consents in the browser",
    "revoke-old": "a person revokes the replaced credential at the provider",
    "revoke-former": "a person revokes the former credential at the provider",
    "move-secret": "a person moves the new secret into the place of the old one",
    "revoke-unused": "a person revokes the unused credential at the provider",
    "discard-secret": "a person takes the unused secret away",
    "remove-by-hand": "a person removes the replaced connection at the consumer",
}

_BY_ITSELF = {
    RotationPhase.BEGUN: "the next apply goes on with it",
    RotationPhase.MINTED: "the next apply gives the new credential to the consumer, or revokes it",
    RotationPhase.SWITCHED: "the next apply ends the replaced credential",
}


def rotations(
    state: DesiredState, snapshot: Snapshot, *, leases: tuple[Lease, ...], now: datetime
) -> tuple[RotationStatus, ...]:
    """Every rotation that was begun and is not finished, by address.

    Args:
        state: as declared, for the overlaps.
        snapshot: the registry; its operations are what was begun.
        leases: held ones, expired ones included: a live one says that somebody is at it.
        now: UTC.
    """
    held = {lease.name for lease in leases if lease.expires_at > now}
    return tuple(
        _status(operation, state, snapshot, now, is_held=str(address) in held)
        for address, operation in sorted(snapshot.operations.items())
        if _replaces(operation)
    )


def _replaces(operation: Operation) -> bool:
    """Whether a credential in use is being replaced, whatever the action is called."""
    made = {MINTED, REVOKES} & set(operation.facts)
    is_rotation = operation.kind is ActionKind.ROTATE
    return is_rotation or (bool(made) and operation.kind is not ActionKind.CONNECT)


def _status(
    operation: Operation, state: DesiredState, snapshot: Snapshot, now: datetime, *, is_held: bool
) -> RotationStatus:
    record = snapshot.records.get(operation.address)
    phase = _phase(operation, record)
    until = _until(operation, record, state) if phase is RotationPhase.DRAINING else None
    return RotationStatus(
        address=operation.address,
        phase=phase,
        step=operation.step,
        since=operation.since,
        next_step=_next(operation, phase, until, is_held=is_held),
        until=until,
        stuck=_is_stuck(operation, phase, until, now, is_held=is_held),
    )


def _phase(operation: Operation, record: Record | None) -> RotationPhase:
    if operation.step == DRAIN:
        return RotationPhase.DRAINING
    if operation.state is OperationState.WAITING:
        return RotationPhase.WAITING
    facts = operation.facts
    recorded = record is not None and facts.get(MINTED_AS) == record.fingerprint
    if MINTED in facts:
        return RotationPhase.SWITCHED if recorded else RotationPhase.MINTED
    return RotationPhase.SWITCHED if {REVOKES, REMOVES} & set(facts) else RotationPhase.BEGUN


def _until(operation: Operation, record: Record | None, state: DesiredState) -> datetime | None:
    """The end of the overlap: the record says since when the new credential is in use."""
    desired = state.connections.get(operation.address)
    overlap = desired.method.overlap if desired is not None else DEFAULT_OVERLAP
    return None if record is None else record.credential_since + overlap


def _next(
    operation: Operation, phase: RotationPhase, until: datetime | None, *, is_held: bool
) -> str:
    if is_held:
        return "a run is at it now"
    if operation.step in operation.acknowledged:
        return "it was acknowledged: the next apply goes on with it"
    if phase is RotationPhase.DRAINING:
        when = f" after {until:%Y-%m-%d %H:%M} UTC" if until else ""
        return f"the first apply{when} revokes the replaced credential"
    if phase is RotationPhase.WAITING:
        words = _BY_PERSON.get(operation.step, f"a person does the step {operation.step}")
        return f"{words}; `reconciler plan` shows how"
    return _BY_ITSELF[phase]


def _is_stuck(
    operation: Operation,
    phase: RotationPhase,
    until: datetime | None,
    now: datetime,
    *,
    is_held: bool,
) -> bool:
    """Whether it should have gone on by now."""
    if phase is RotationPhase.DRAINING:
        return not is_held and now > (until or operation.since) + DRAIN_GRACE
    if phase is RotationPhase.WAITING:
        return now > operation.since + PERSON_PATIENCE
    return not is_held
