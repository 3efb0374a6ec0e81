"""Decides on a connection that is both declared and recorded. Pure.

In this order: finish what was begun; make it anew when it is gone or its parts changed; rotate
its credential; bring its selection in line; teach the registry what it does not know yet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.model.action import (
    Action,
    CheckCredential,
    Remember,
    Select,
    Step,
    Withheld,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import MINTED, REMOVES, TENANT
from reconciler.model.method import ActionKind
from reconciler.model.observed import Absent, Verdict
from reconciler.model.record import OperationState, Record
from reconciler.plan import manual, minting, sequences, withhold
from reconciler.plan.actions import (
    Decision,
    act,
    announce,
    bring,
    connect,
    next_generation,
)
from reconciler.plan.begun import go_on
from reconciler.plan.rotate import Case, as_recorded, decide_rotation
from reconciler.plan.terrain import Terrain

_RECORD_ONLY = frozenset(
    {"account", "consumer", "expires_at", "manage", "protect", "scopes", "webhooks"}
)


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
    begun = go_on(as_recorded(difference, record), desired, record, terrain, now)
    if begun.actions:
        return begun
    if difference.parts:
        return _reconnect(difference, desired, record, terrain, now)
    if isinstance(difference.view.live, Absent):
        return _again(difference, desired, terrain, now)
    selection = _rescope(difference, record, terrain)
    carried = difference if selection.actions else as_recorded(difference, record)
    if begun.waiting and _outlives(difference):
        begun = Decision()
    rotation = (
        Decision()
        if begun.waiting
        else decide_rotation(Case(difference, carried, desired, record, terrain), now)
    )
    actions = rotation.actions or _cleared(difference, desired, record, terrain, selection.actions)
    withheld = (*rotation.withheld, *selection.withheld)
    return Decision(actions, withheld, (*begun.waiting, *rotation.waiting))


def _outlives(difference: Difference) -> bool:
    """A credential that dies within the overlap is replaced at once: nothing else would end it."""
    operation = difference.operation
    is_draining = operation is not None and operation.step == manual.DRAIN
    needs = (CredentialNeed.DEAD, CredentialNeed.NEW_APPEARED)
    held = difference.view.credential.held
    is_dead = held is not None and held.report.verdict is Verdict.DEAD
    return is_draining and is_dead and difference.need in needs


def _cleared(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    actions: tuple[Action, ...],
) -> tuple[Action, ...]:
    """*actions*, and first of all what an interrupted run left behind is cleared away."""
    leftovers = sequences.strays(difference)
    lost = minting.lost_candidate(difference)
    if lost is not None and lost.ref.source in terrain.writable:
        leftovers += sequences.discard(desired, lost, terrain)
    operation = difference.operation
    is_stale = operation is not None and (
        operation.state is OperationState.RUNNING
        and MINTED in operation.facts
        and not minting.is_ready(difference)
    )
    if not leftovers and (actions or not is_stale):
        return actions
    if actions:
        return (replace(actions[0], steps=(*leftovers, *actions[0].steps)), *actions[1:])
    why = "an interrupted run left something behind"
    steps = (*leftovers, Remember("cleared away"))
    kept = as_recorded(difference, record)
    return (act(kept, ActionKind.RELINK, "relink_because_interrupted", why, steps),)


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
    opening: tuple[Step, ...] = (CheckCredential(candidate),)
    if _lacks(difference, desired):
        refused = minting.withheld(difference, desired, terrain, kind)
        if refused is not None:
            return Decision(withheld=(refused,))
        opening = bring(difference, desired, terrain, generation, now)
    steps = sequences.replace_connection(difference, desired, record, terrain, generation, opening)
    why = f"{' and '.join(difference.parts)} changed, which no consumer can change in place"
    facts = {
        REMOVES: record.live_id,
        TENANT: _other_tenant(desired, record),
        **sequences.former_facts(difference, record),
    }
    action = act(difference, kind, "replace_because_cannot_update", why, steps, facts)
    return announce(difference, action)


def _lacks(difference: Difference, desired: DesiredConnection) -> bool:
    """Whether there is no credential that the new connection could be made with."""
    credential = difference.view.credential
    if difference.need in (CredentialNeed.DEAD, CredentialNeed.SCOPES):
        return not desired.method.kind.is_browser_grant
    is_empty = credential.held is None and credential.candidate is None
    return is_empty and desired.method.issuer is not None


def _other_tenant(desired: DesiredConnection, record: Record) -> str:
    return record.consumer if record.consumer_identity != desired.consumer.identity else ""


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
        settings = _settings(as_recorded(difference, record))
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
    pending |= {"webhooks"} if difference.webhooks else set()
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
