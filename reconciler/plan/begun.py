"""Decides on what an earlier run began: go on with it, or go on waiting. Pure."""

from __future__ import annotations

from datetime import datetime

from reconciler.model.action import (
    Action,
    ManualStep,
    Remember,
    RemoveCredential,
    RevokeCredential,
    Step,
    Waiting,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Difference
from reconciler.model.facts import REMOVES, REVOKES, TENANT
from reconciler.model.method import ActionKind
from reconciler.model.record import Operation, OperationState, Record
from reconciler.plan import manual, sequences
from reconciler.plan.actions import Decision, act, waits
from reconciler.plan.finish import finish
from reconciler.plan.terrain import Terrain

_LAST_STEPS = (
    manual.REVOKE,
    manual.REVOKE_UNUSED,
    manual.TIDY,
    manual.FORMER,
    manual.DRAIN,
    manual.DISCARD,
)


def go_on(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    now: datetime,
) -> Decision:
    """What a begun operation needs now; nothing where none has got past its switch."""
    operation = difference.operation
    if operation is None:
        return Decision()
    switched = {REMOVES, REVOKES} & operation.facts.keys()
    if operation.state is OperationState.RUNNING and switched:
        return Decision((_resume(difference, desired, terrain, operation),))
    if operation.state is not OperationState.WAITING or operation.step not in _LAST_STEPS:
        return Decision()
    until = record.credential_since + desired.method.overlap
    is_over = _is_over(operation, until, terrain, now)
    steps = finish(difference, desired, terrain, operation, is_over=is_over)
    if steps is None:
        return Decision(waiting=(_waiting(difference, desired, terrain, operation, until),))
    code, why = _reason(operation, steps)
    return Decision((act(difference, _kind(operation), code, why, steps),))


def _kind(operation: Operation) -> ActionKind:
    """What is still to be done for it: the end of a replaced credential is a rotation's."""
    return ActionKind.ROTATE if REVOKES in operation.facts else operation.kind


def _is_over(operation: Operation, until: datetime, terrain: Terrain, now: datetime) -> bool:
    return now >= until or terrain.immediate or operation.step in operation.acknowledged


def _reason(operation: Operation, steps: tuple[Step, ...]) -> tuple[str, str]:
    if operation.step == manual.DRAIN or any(isinstance(s, RevokeCredential) for s in steps):
        return "finish_because_overlap_over", "the overlap of its rotation is over"
    if operation.step == manual.DISCARD:
        return "finish_because_discarded", "the unused secret was taken away"
    why = "the replaced credential is dead, or somebody answers for its end"
    return "finish_because_old_is_dead", why


def _waiting(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    operation: Operation,
    until: datetime,
) -> Waiting:
    if operation.step == manual.DRAIN:
        return waits(operation, manual.drain(desired.method.overlap, until))
    return waits(operation, _step_of(operation, difference, desired, terrain))


def _step_of(
    operation: Operation, difference: Difference, desired: DesiredConnection, terrain: Terrain
) -> ManualStep:
    generation = difference.record.generation if difference.record else 1
    secret, successor = desired.method.secret, desired.method.successor
    if operation.step == manual.TIDY and secret and successor:
        return manual.tidy(secret, successor)
    if operation.step == manual.DISCARD and successor:
        return manual.discard(successor.place)
    if operation.step == manual.REVOKE_UNUSED:
        return manual.revoke_unused(desired, terrain.provider)
    for step in sequences.former(operation.facts, desired, terrain):
        return step
    return manual.revoke(desired, terrain.provider, generation)


def _resume(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    operation: Operation,
) -> Action:
    """The new credential is in place and recorded; the old one is still to be cleared away."""
    removes, tenant = operation.facts.get(REMOVES, ""), operation.facts.get(TENANT, "")
    generation, kind = difference.record.generation if difference.record else 1, _kind(operation)
    if difference.record and "consumer" in difference.parts:
        tenant = tenant or difference.record.consumer
    steps: tuple[Step, ...] = ()
    if removes:
        steps = (RemoveCredential(removes, desired.address.name, tenant),)
    steps += sequences.strays(difference)
    if kind is ActionKind.ROTATE:
        steps += sequences.retire(difference, desired, terrain, generation, is_switched=True)
    else:
        steps += (*sequences.former(operation.facts, desired, terrain), Remember("finished"))
    why = "an interrupted run had not cleared the replaced credential away"
    return act(difference, kind, "resume_interrupted", why, steps)
