"""Decides how a begun rotation is undone: a credential that works is always left. Pure."""

from __future__ import annotations

from reconciler.model.action import (
    CheckCredential,
    ProveDead,
    Remember,
    RemoveCredential,
    RevokeCredential,
    Step,
    WithheldCode,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Difference
from reconciler.model.facts import MINTED, REMOVES, REVOKES
from reconciler.model.method import ActionKind
from reconciler.model.observed import Slot, Verdict
from reconciler.model.record import Operation, OperationState, Record
from reconciler.plan import manual, minting, sequences, withhold
from reconciler.plan.actions import Decision, act, next_generation
from reconciler.plan.rotate import as_recorded
from reconciler.plan.terrain import Terrain

_KIND = ActionKind.ROTATE


def decide_abort(difference: Difference, desired: DesiredConnection, terrain: Terrain) -> Decision:
    """Undo the rotation of one connection, or say why it can only go on."""
    record, operation = difference.record, difference.operation
    refused = withhold.unreadable(difference, _KIND) or withhold.unlisted(difference, _KIND)
    if refused is not None:
        return Decision(withheld=(refused,))
    candidate = difference.view.credential.candidate
    is_begun = candidate is not None if operation is None else _is_rotation(operation)
    if record is None or not is_begun:
        return _cannot(difference, "no rotation of it is under way", "see `rotate --status`")
    if difference.parts:
        why = f"its {' and '.join(difference.parts)} changed in the YAML, and only that is left"
        return _cannot(difference, why, "apply that, or take the change out of the YAML")
    if operation is not None and operation.step in (manual.DISCARD, manual.REVOKE_UNUSED):
        why = "it was undone already, and waits for a person's step"
        return _cannot(difference, why, "see `reconciler plan`")
    if operation is not None and _is_switched(operation):
        return _switch_back(difference, desired, record, operation, terrain)
    return _give_up(difference, desired, terrain)


def _is_rotation(operation: Operation) -> bool:
    """Whether what was begun makes or ends a credential for a connection that stays."""
    return operation.kind is _KIND or bool({MINTED, REVOKES} & operation.facts.keys())


def _is_switched(operation: Operation) -> bool:
    """Whether the consumer already works with the new credential."""
    tail = (manual.REVOKE, manual.TIDY, manual.DRAIN)
    if operation.state is OperationState.WAITING:
        return operation.step in tail
    return bool({REMOVES, REVOKES} & operation.facts.keys())


def _cannot(difference: Difference, why: str, hint: str) -> Decision:
    return Decision(
        withheld=(withhold.withheld(difference, _KIND, WithheldCode.CANNOT_ABORT, why, hint),)
    )


def _works(slot: Slot | None) -> bool:
    return slot is not None and slot.report.verdict is Verdict.WORKS


def _give_up(difference: Difference, desired: DesiredConnection, terrain: Terrain) -> Decision:
    """Nobody uses the new credential yet: it goes, and the old one stays in use."""
    credential = difference.view.credential
    if not _works(credential.held):
        hint = "put a new secret into its source, or go on with `reconciler rotate`"
        return _cannot(difference, "the credential in use does not work any more", hint)
    operation = difference.operation
    minted = operation.facts.get(MINTED, "") if operation else ""
    steps: list[Step] = list(sequences.strays(difference))
    if credential.candidate is not None:
        # First of all: without its secret a credential is known to be left over, should we die.
        steps[:0] = sequences.discard(desired, credential.candidate, terrain)
    if minted and difference.view.issued_as(minted) and not _is_listed(steps, minted):
        steps.append(RevokeCredential(minted, desired.address.name))
    steps.append(Remember("rotation given up"))
    why = "its rotation is given up; the credential in use stays"
    kept = as_recorded(difference, difference.record) if difference.record else difference
    return Decision((act(kept, _KIND, "abort_by_request", why, tuple(steps)),))


def _is_listed(steps: list[Step], credential_id: str) -> bool:
    return any(isinstance(s, RevokeCredential) and s.id == credential_id for s in steps)


def _switch_back(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    operation: Operation,
    terrain: Terrain,
) -> Decision:
    """The consumer goes back to the replaced credential, as long as that one works."""
    old = difference.view.credential.old
    if not _works(old):
        why = "the replaced credential does not work any more, or cannot be read"
        return _cannot(difference, why, "go on with `reconciler rotate`")
    refused = minting.own_access(difference, desired, terrain, _KIND)
    if refused is not None:
        return Decision(withheld=(refused,))
    newer = difference.view.credential.held
    carried = as_recorded(difference, record)
    opening = (CheckCredential(old=True),)
    generation = next_generation(difference)
    steps: list[Step] = list(
        sequences.switch(carried, desired, record, terrain, generation, opening)
    )
    removes = operation.facts.get(REMOVES, "")
    if removes and terrain.has_api:
        steps.append(RemoveCredential(removes, desired.address.name))
    if record.token_id and minting.can_revoke(difference, terrain):
        steps.append(RevokeCredential(record.token_id, desired.address.name))
        steps.append(ProveDead(record.fingerprint))
    else:
        steps.append(manual.revoke_unused(desired, terrain.provider, record.generation))
    if newer is not None:
        steps.extend(sequences.discard(desired, newer, terrain))
    steps.append(Remember("rotation undone"))
    facts = {REMOVES: record.live_id} if terrain.has_api else {}
    if record.token_id:
        facts[REVOKES] = record.token_id
    why = "its rotation is undone; the consumer goes back to the credential it had before"
    return Decision((act(carried, _KIND, "abort_by_request", why, tuple(steps), facts),))
