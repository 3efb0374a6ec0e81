"""Decides on a connection that is both declared and recorded. Pure.

In this order: finish what was begun; make it anew when it is gone or its parts changed; rotate
its credential; bring its selection in line; teach the registry what it does not know yet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.model.action import (
    Action,
    ManualStep,
    Remember,
    RemoveCredential,
    Select,
    Step,
    Withheld,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import REMOVES, TENANT
from reconciler.model.method import ActionKind
from reconciler.model.observed import Absent
from reconciler.model.record import Operation, OperationState, Record
from reconciler.plan import manual, sequences, withhold
from reconciler.plan.actions import (
    Decision,
    act,
    announce,
    connect,
    next_generation,
    waits,
)
from reconciler.plan.sequences import Terrain

_ROTATE_CODES = {
    CredentialNeed.NEW_APPEARED: "rotate_because_new_secret",
    CredentialNeed.EXPIRING: "rotate_because_expiring",
    CredentialNeed.DEAD: "rotate_because_dead",
    CredentialNeed.SCOPES: "rotate_because_cannot_rescope",
    CredentialNeed.REQUESTED: "rotate_by_request",
}
_RECORD_ONLY = frozenset({"account", "consumer", "expires_at", "manage", "protect", "scopes"})
_AFTER_SWITCH = (manual.REVOKE, manual.TIDY, manual.FORMER)


def decide_recorded(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    now: datetime,
) -> Decision:
    """The decision on a connection that is declared and recorded."""
    refused = withhold.unreadable(difference, ActionKind.RESCOPE)
    if refused is not None:
        return Decision(withheld=(refused,))
    begun = _begun(_as_recorded(difference, record), desired, terrain)
    if begun.actions:
        return begun
    if difference.parts:
        return _reconnect(difference, desired, record, terrain, now)
    if isinstance(difference.view.live, Absent):
        return _again(difference, desired, terrain, now)
    selection = _rescope(difference, record, terrain)
    rotation = (
        Decision()
        if begun.waiting
        else _rotate(difference, desired, record, terrain, now, selection)
    )
    actions = rotation.actions or _cleared(difference, record, selection.actions)
    withheld = (*rotation.withheld, *selection.withheld)
    return Decision(actions, withheld, (*begun.waiting, *rotation.waiting))


def _cleared(
    difference: Difference, record: Record, actions: tuple[Action, ...]
) -> tuple[Action, ...]:
    """*actions*, and first of all what an interrupted run left behind is cleared away."""
    leftovers = sequences.strays(difference)
    if not leftovers:
        return actions
    if actions:
        return (replace(actions[0], steps=(*leftovers, *actions[0].steps)), *actions[1:])
    why = "an interrupted run left another connection behind"
    steps = (*leftovers, Remember("cleared away"))
    kept = _as_recorded(difference, record)
    return (act(kept, ActionKind.RELINK, "relink_because_interrupted", why, steps),)


def _begun(difference: Difference, desired: DesiredConnection, terrain: Terrain) -> Decision:
    """An operation that an earlier run began: go on with it, or go on waiting."""
    operation = difference.operation
    if operation is None:
        return Decision()
    removes = operation.facts.get(REMOVES, "")
    if operation.state is OperationState.RUNNING and removes:
        return Decision((_resume(difference, desired, terrain, operation, removes),))
    if operation.state is not OperationState.WAITING or operation.step not in _AFTER_SWITCH:
        return Decision()
    steps = sequences.finish(difference, desired, terrain, operation)
    if steps is not None:
        why = "the replaced credential is dead, or somebody answers for its end"
        code = "finish_because_old_is_dead"
        return Decision((act(difference, operation.kind, code, why, steps),))
    return Decision(waiting=(waits(operation, _step_of(operation, difference, desired, terrain)),))


def _step_of(
    operation: Operation, difference: Difference, desired: DesiredConnection, terrain: Terrain
) -> ManualStep:
    generation = difference.record.generation if difference.record else 1
    secret, successor = desired.method.secret, desired.method.successor
    if operation.step == manual.TIDY and secret and successor:
        return manual.tidy(secret, successor)
    for step in sequences.former(operation.facts, desired, terrain):
        return step
    return manual.revoke(desired, terrain.provider, generation)


def _resume(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    operation: Operation,
    removes: str,
) -> Action:
    """The new credential is in place and recorded; the old one is still to be cleared away."""
    tenant = operation.facts.get(TENANT, "")
    generation = difference.record.generation if difference.record else 1
    steps: tuple[Step, ...] = (
        RemoveCredential(removes, desired.address.name, tenant),
        *sequences.strays(difference),
    )
    if operation.kind is ActionKind.ROTATE:
        steps += sequences.retire(difference, desired, terrain, generation, is_switched=True)
    else:
        steps += (*sequences.former(operation.facts, desired, terrain), Remember("finished"))
    why = "an interrupted run had not cleared the replaced credential away"
    return act(difference, operation.kind, "resume_interrupted", why, steps)


def _again(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, now: datetime
) -> Decision:
    """It was removed at the consumer behind our back."""
    kind = ActionKind.CONNECT
    refused = (
        withhold.unlisted(difference, kind)
        or withhold.blocked(difference, kind)
        or withhold.not_managed(difference, kind)
    )
    if refused is not None:
        return Decision(withheld=(refused,))
    why = "it was removed at the consumer since the last apply"
    return connect(difference, desired, terrain, now, code="connect_because_gone", why=why)


def _reconnect(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    now: datetime,
) -> Decision:
    """Another consumer, account, method or user: a new connection before the old one goes."""
    kind = ActionKind.RECONNECT
    refused = (
        withhold.unlisted(difference, kind)
        or withhold.blocked(difference, kind)
        or withhold.not_managed(difference, kind)
    )
    if refused is not None:
        return Decision(withheld=(refused,))
    generation = next_generation(difference)
    candidate = difference.need is CredentialNeed.NEW_APPEARED
    steps = sequences.replace_connection(
        difference, desired, record, terrain, generation, candidate=candidate
    )
    if difference.need in (CredentialNeed.DEAD, CredentialNeed.SCOPES):
        mint = manual.mint(desired, terrain.provider, generation, now, difference.need_why)
        steps = (mint, *steps)
    why = f"{' and '.join(difference.parts)} changed, which no consumer can change in place"
    facts = {
        REMOVES: record.live_id,
        TENANT: _other_tenant(desired, record),
        **sequences.former_facts(difference, record),
    }
    action = act(difference, kind, "replace_because_cannot_update", why, steps, facts)
    return announce(difference, action)


def _other_tenant(desired: DesiredConnection, record: Record) -> str:
    return record.consumer if record.consumer_identity != desired.consumer.identity else ""


def _rotate(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    now: datetime,
    selection: Decision,
) -> Decision:
    """Replace the credential, or ask a person for a new one."""
    operation = difference.operation
    asked = operation is not None and operation.step == manual.MINT
    generation = next_generation(difference)
    if difference.need is CredentialNeed.NOTHING:
        if operation is None or not asked:
            return Decision()
        step = manual.mint(desired, terrain.provider, generation, now, "it was asked for")
        return Decision(waiting=(waits(operation, step),))
    kind, code = ActionKind.ROTATE, _ROTATE_CODES[difference.need]
    refused = withhold.not_managed(difference, kind)
    if refused is not None:
        return Decision(withheld=(refused,))
    carried = difference if selection.actions else _as_recorded(difference, record)
    if difference.need is CredentialNeed.NEW_APPEARED:
        return _switch(difference, carried, desired, record, terrain)
    mint = manual.mint(desired, terrain.provider, generation, now, difference.need_why)
    why = f"{difference.need_why}; no API of {terrain.provider.title} mints one"
    if difference.need is CredentialNeed.SCOPES:
        why = f"{difference.need_why}; scopes cannot be changed in place, so a new one is needed"
    before = sequences.fill(carried.selection)
    following: tuple[Step, ...] = ()
    if withhold.unlisted(difference, kind) is None:
        following = sequences.switch(carried, desired, record, terrain, generation, candidate=True)
    action = act(carried, kind, code, why, (*before, mint, *following))
    return announce(difference, action)


def _switch(
    difference: Difference,
    carried: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
) -> Decision:
    """A successor lies ready: everything up to the old one's end is automatic."""
    kind, code = ActionKind.ROTATE, _ROTATE_CODES[difference.need]
    refused = withhold.unlisted(difference, kind)
    if refused is not None:
        return Decision(withheld=(refused,))
    generation = next_generation(difference)
    steps = (
        *sequences.switch(carried, desired, record, terrain, generation, candidate=True),
        *sequences.retire(difference, desired, terrain, generation),
    )
    facts = {REMOVES: record.live_id} if terrain.has_api else {}
    return announce(difference, act(carried, kind, code, difference.need_why, steps, facts))


def _as_recorded(difference: Difference, record: Record) -> Difference:
    """The same with its selection left as it was applied, for actions that do not write it."""
    if difference.selection is None:
        return difference
    kept = SelectionChange(record.selection, record.follows_new, applies=False)
    return replace(difference, selection=kept)


def _rescope(difference: Difference, record: Record, terrain: Terrain) -> Decision:
    """Bring the selection in line, or only the record."""
    kind, change = ActionKind.RESCOPE, difference.selection
    kept = withhold.kept_back(difference)
    withheld: tuple[Withheld, ...] = (kept,) if kept else ()
    writes = change is not None and change.writes and terrain.has_api
    refused = withhold.unlisted(difference, kind) or withhold.blocked(difference, kind)
    if refused is None and writes:
        refused = withhold.not_managed(difference, kind) or withhold.unread_selection(difference)
    if refused is not None:
        # What the YAML says beside the selection is remembered all the same: `protect` above all.
        settings = _settings(_as_recorded(difference, record))
        return Decision(settings, (*withheld, refused))
    if change is not None and writes:
        steps = (Select(change), Remember("selection changed"))
        code, why = _rescope_reason(difference)
        return Decision((act(difference, kind, code, why, steps),), withheld)
    return Decision(_relink(difference, record, change), withheld)


def _rescope_reason(difference: Difference) -> tuple[str, str]:
    causes = {c.cause for c in difference.changes if c.path in ("repositories", "follows_new")}
    places = [str(c.where) for c in difference.changes if c.cause is Cause.YAML and c.where]
    if Cause.YAML in causes:
        return "rescope_because_changed", f"{places[0] if places else 'the YAML'} changed"
    if Cause.DRIFT in causes:
        return "rescope_because_drift", "somebody changed the selection at the consumer"
    return "rescope_because_provider", "the repositories of the account changed"


def _relink(
    difference: Difference, record: Record, change: SelectionChange | None
) -> tuple[Action, ...]:
    """Only the registry has something to learn: no outside write."""
    steps: tuple[Step, ...] = (Remember("recorded"),)
    if difference.moved_from is None and change is not None and change.renamed:
        names = ", ".join(f"{old.name} → {new}" for old, new in change.renamed[:3])
        why = f"renamed at the provider: {names}"
        return (act(difference, ActionKind.RELINK, "relink_because_renamed", why, steps),)
    if difference.moved_from is None and change is not None and change.record_changes:
        code, why = _rescope_reason(difference)
        return (act(difference, ActionKind.RESCOPE, code, f"{why}; nothing to write there", steps),)
    desired = difference.desired
    if desired is not None and desired.selection.digest != record.selection_digest:
        return _settings(difference, "the selection")
    return _settings(difference)


def _settings(difference: Difference, also: str = "") -> tuple[Action, ...]:
    """A new name or other settings in the YAML, which only the registry has to learn."""
    steps: tuple[Step, ...] = (Remember("recorded"),)
    if difference.moved_from is not None:
        why = f"{difference.moved_from} was renamed in the YAML"
        return (act(difference, ActionKind.RELINK, "relink_because_moved", why, steps),)
    pending = {"scopes"} if difference.need is CredentialNeed.SCOPES else set()
    changed = [
        c.path
        for c in difference.changes
        if c.cause is Cause.YAML and c.path in _RECORD_ONLY - pending
    ]
    if also:
        changed.append(also)
    if not changed:
        return ()
    why = f"{', '.join(changed)} changed in the YAML; only the registry changes"
    return (act(difference, ActionKind.RELINK, "relink_because_settings", why, steps),)
