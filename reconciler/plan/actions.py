"""Builds the values that decisions are made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.action import (
    Action,
    AddCredential,
    CheckCredential,
    Drain,
    ManualStep,
    RemoveCredential,
    RevokeCredential,
    Risk,
    Step,
    TakeOver,
    Waiting,
    Withheld,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import KEEPS_SCOPES, REVOKES
from reconciler.model.marker import generation_in
from reconciler.model.method import ActionKind
from reconciler.model.observed import Present
from reconciler.model.record import Operation, OperationState
from reconciler.model.times import words
from reconciler.plan import manual, minting, sequences
from reconciler.plan.terrain import Terrain
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
        webhooks=None if difference.webhooks else difference.webhooks.target,
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
    overlap = _overlap(difference, steps) if adds and replaces else ""
    takes = any(isinstance(s, TakeOver) for s in steps)
    return Risk(reversible=not takes or not loses, overlap=overlap, gains=gains, loses=loses)


def _overlap(difference: Difference, steps: tuple[Step, ...]) -> str:
    """How long both credentials work, and who is without access meanwhile."""
    if difference.need is CredentialNeed.DEAD and difference.record is not None:
        count = len(difference.record.selection)
        return (
            f"none: the old credential is dead, and {count} repositories are out of the "
            "consumer's reach until the new one is connected"
        )
    base = (
        "the new credential is connected, checked and given the selection before the old one is "
        "removed"
    )
    drain = next((s for s in steps if isinstance(s, Drain)), None)
    if drain is not None:
        overlap = words(timedelta(seconds=drain.seconds))
        return f"{base}; the old one works for {overlap} more and is then revoked"
    if any(isinstance(s, RevokeCredential) for s in steps):
        return f"{base} and revoked at once: whatever else uses it loses access"
    return f"{base}; both work at the provider until the old one is revoked"


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
    candidate = difference.need is CredentialNeed.NEW_APPEARED
    opening: tuple[Step, ...] = (CheckCredential(candidate),)
    refused = None
    if candidate and minting.replaced(difference, terrain):
        refused = minting.own_access(difference, desired, terrain, ActionKind.CONNECT)
    elif _is_to_bring(difference, desired):
        refused = minting.withheld(difference, desired, terrain, ActionKind.CONNECT)
        opening = bring(difference, desired, terrain, generation, now)
    if refused is not None:
        return Decision(withheld=(refused,))
    steps = sequences.connect(difference, desired, terrain, opening, generation)
    facts: dict[str, str] = {}
    if sequences.replaces(difference, opening):
        facts = revokes(difference, terrain)
    return announce(difference, act(difference, ActionKind.CONNECT, code, why, steps, facts))


def _is_to_bring(difference: Difference, desired: DesiredConnection) -> bool:
    """Whether there is no credential that the connection could be made with.

    Without an issuer one of other scopes is tried, as its owner may have changed them by hand.
    """
    if difference.need is CredentialNeed.SCOPES:
        return desired.method.issuer is not None
    return difference.need in (CredentialNeed.FIRST, CredentialNeed.DEAD)


def revokes(difference: Difference, terrain: Terrain) -> dict[str, str]:
    """The fact that the credential in use is still to be revoked, when code can do that."""
    replaced = minting.replaced(difference, terrain)
    return {REVOKES: replaced} if replaced else {}


def bring(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    generation: int,
    now: datetime,
) -> tuple[Step, ...]:
    """The steps that end with a new, checked credential: minted by the API or by a person."""
    if minting.can_mint(difference, desired, terrain):
        return sequences.minted(difference, desired, generation)
    why = difference.need_why
    if desired.method.issuer is not None:
        why = f"{why}; {minting.obstacle(difference, desired, terrain)}"
    step = manual.mint(desired, terrain.provider, generation, now, why)
    return (step, CheckCredential(candidate=difference.record is not None))


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
    """One more than any generation that the record, a stray or a credential of ours ever had."""
    recorded = difference.record.generation if difference.record else 0
    issued = difference.view.issued
    credentials = issued.value if isinstance(issued, Present) else ()
    names = [*(s.name for s in difference.view.strays), *(c.name for c in credentials)]
    return max([recorded, *map(generation_in, names)]) + 1
