"""What can be done now for a rotation that waits for a person or for the time. Pure."""

from __future__ import annotations

from reconciler.model.action import ProveDead, Remember, RevokeCredential, Step
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Difference
from reconciler.model.observed import Present, Verdict
from reconciler.model.record import Operation
from reconciler.plan import manual, minting, sequences
from reconciler.plan.terrain import Terrain


def finish(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    operation: Operation,
    *,
    is_over: bool,
) -> tuple[Step, ...] | None:
    """The steps that bring it to its end; None when it goes on waiting.

    *is_over*: nothing has to go on working any more for those who still hold the old secret.
    """
    acknowledged = operation.step in operation.acknowledged
    if operation.step == manual.DISCARD:
        is_done = acknowledged or not _is_beside(difference, desired)
        return (Remember("rotation given up"),) if is_done else None
    if operation.step == manual.TIDY:
        is_done = acknowledged or sequences.is_in_place(difference, desired)
        return (Remember("rotated"),) if is_done else None
    if operation.step == manual.FORMER:
        return (Remember("reconnected"),) if acknowledged else None
    if operation.step == manual.DRAIN and not is_over:
        return None
    return _ended(difference, desired, terrain, operation, is_over=is_over)


def _is_beside(difference: Difference, desired: DesiredConnection) -> bool:
    """Whether anything lies in the successor's place."""
    credential, successor = difference.view.credential, desired.method.successor
    slots = (credential.held, credential.candidate, credential.old)
    return any(slot is not None and slot.ref == successor for slot in slots)


def _ended(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    operation: Operation,
    *,
    is_over: bool,
) -> tuple[Step, ...] | None:
    """The replaced credential is dead, or ends now: by code, else by a person's hand."""
    old = difference.view.credential.old
    proof: tuple[Step, ...] = (ProveDead(old.fingerprint),) if old is not None else ()
    tidying = (*proof, *sequences.bring_home(difference, desired, terrain), Remember("rotated"))
    credential_id = minting.awaits_end(difference)
    is_able = minting.can_revoke(difference, terrain)
    if operation.step == manual.DRAIN and not is_able and _works(difference):
        generation = difference.record.generation if difference.record else 1
        return (manual.revoke(desired, terrain.provider, generation), *tidying)
    is_listed = isinstance(difference.view.issued, Present)
    if is_over and credential_id and is_able and is_listed and _works(difference):
        return (RevokeCredential(credential_id, desired.address.name), *tidying)
    if operation.step == manual.DRAIN:
        return None
    is_dead = old is not None and old.report.verdict is Verdict.DEAD
    return tidying if is_dead or operation.step in operation.acknowledged else None


def _works(difference: Difference) -> bool:
    """Whether the replaced credential is not the last one that works."""
    held = difference.view.credential.held
    return held is not None and held.report.verdict is Verdict.WORKS
