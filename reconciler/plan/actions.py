"""Builds the values that decisions are made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.action import (
    Action,
    AddCredential,
    CheckCredential,
    ManualStep,
    RemoveCredential,
    Risk,
    Step,
    TakeOver,
    Waiting,
    Withheld,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import KEEPS_SCOPES
from reconciler.model.marker import generation_in
from reconciler.model.method import ActionKind
from reconciler.model.record import Operation, OperationState
from reconciler.plan import manual, sequences
from reconciler.plan.sequences import Terrain
from reconciler.plan.withhold import source_of


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided on one connection."""

    actions: tuple[Action, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    waiting: tuple[Waiting, ...] = ()


def act(
    difference: Difference,
    kind: ActionKind,
    code: str,
    why: str,
    steps: tuple[Step, ...],
    facts: Mapping[str, str] | None = None,
) -> Action:
    """An action on a difference, with its changes, risk and places filled in."""
    ends = kind in (ActionKind.DISCONNECT, ActionKind.FORGET)
    selection = None if ends else difference.selection
    pending = {KEEPS_SCOPES: "yes"} if difference.need is CredentialNeed.SCOPES else {}
    return Action(
        address=difference.address,
        kind=kind,
        reason_code=code,
        reason=why,
        steps=steps,
        source=source_of(difference),
        changes=difference.changes,
        selection=selection,
        risk=_risk(difference, kind, selection, steps),
        before={} if kind is ActionKind.CONNECT else difference.before,
        after={} if ends else difference.after,
        moved_from=difference.moved_from,
        facts={**(facts or {}), **pending},
    )


def _risk(
    difference: Difference,
    kind: ActionKind,
    selection: SelectionChange | None,
    steps: tuple[Step, ...],
) -> Risk:
    if kind is ActionKind.DISCONNECT:
        loses = len(difference.record.selection) if difference.record else 0
        return Risk(reversible=False, loses=loses)
    gains = len(selection.add) if selection else 0
    loses = len(selection.remove) if selection else 0
    if "account" in difference.parts and difference.record:
        loses = len(difference.record.selection)
    adds = any(isinstance(s, AddCredential) for s in steps)
    replaces = any(isinstance(s, RemoveCredential) for s in steps)
    overlap = ""
    if adds and replaces:
        overlap = (
            "the new credential is connected, checked and given the selection before the old one "
            "is removed; both work at the provider until the old one is revoked"
        )
    takes = any(isinstance(s, TakeOver) for s in steps)
    return Risk(reversible=not takes or not loses, overlap=overlap, gains=gains, loses=loses)


def waits(operation: Operation, step: ManualStep) -> Waiting:
    """A manual step that an earlier apply announced."""
    return Waiting(operation.address, operation.kind, step, operation.since)


def connect(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    now: datetime,
    *,
    code: str,
    why: str,
) -> Decision:
    """Make a new connection, or go on waiting for the person who has to begin it."""
    generation = next_generation(difference)
    first = None
    if difference.need in (CredentialNeed.FIRST, CredentialNeed.DEAD):
        first = manual.mint(desired, terrain.provider, generation, now, difference.need_why)
    steps = sequences.connect(difference, desired, terrain, first, generation)
    return announce(difference, act(difference, ActionKind.CONNECT, code, why, steps))


def announce(difference: Difference, action: Action) -> Decision:
    """An action that opens with a manual step is announced once; after that it waits."""
    operation = difference.operation
    opening = next((s for s in action.steps if not isinstance(s, CheckCredential)), None)
    if (
        isinstance(opening, ManualStep)
        and operation is not None
        and operation.state is OperationState.WAITING
        and operation.step == opening.id
        and opening.id not in operation.acknowledged
    ):
        return Decision(waiting=(waits(operation, opening),))
    return Decision((action,))


def next_generation(difference: Difference) -> int:
    """One more than any generation that the record or a stray ever had."""
    recorded = difference.record.generation if difference.record else 0
    strays = difference.view.strays
    return max([recorded, *(generation_in(s.name) for s in strays)]) + 1
