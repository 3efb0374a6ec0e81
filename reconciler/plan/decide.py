"""One difference → what to do about it: actions, withheld ones, waiting ones. Pure."""

from __future__ import annotations

from datetime import datetime

from reconciler.model.action import Remember, RemoveCredential, Step, Withheld, WithheldCode
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Difference
from reconciler.model.facts import REMOVES, TENANT
from reconciler.model.method import ActionKind
from reconciler.model.observed import Absent
from reconciler.model.record import Record
from reconciler.plan import manual, sequences, withhold
from reconciler.plan.actions import Decision, act, connect, waits
from reconciler.plan.recorded import decide_recorded
from reconciler.plan.terrain import Terrain


def decide(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, now: datetime
) -> Decision:
    """The decision on a declared connection. ``now`` is UTC."""
    if difference.record is None:
        return _new(difference, desired, terrain, now)
    return decide_recorded(difference, desired, difference.record, terrain, now)


def decide_undeclared(difference: Difference, *, has_api: bool) -> Decision:
    """The decision on what left the YAML, or never came into the registry."""
    record, view = difference.record, difference.view
    if record is None:
        return _leftover(difference)
    if isinstance(view.live, Absent) and has_api:
        steps: tuple[Step, ...] = (Remember("forgotten"),)
        why = "it left the YAML and is gone at the consumer"
        return Decision((act(difference, ActionKind.FORGET, "forget_because_gone", why, steps),))
    refused = withhold.undeclared(difference, record)
    if refused is not None:
        return Decision(withheld=(refused,))
    return _disconnect(difference, record, has_api=has_api)


def _leftover(difference: Difference) -> Decision:
    leftovers = sequences.strays(difference)
    if not leftovers:
        return Decision()
    why = "an interrupted run left it behind, and it is not declared any more"
    steps = (*leftovers, Remember("cleared away"))
    code = "disconnect_because_interrupted"
    return Decision((act(difference, ActionKind.DISCONNECT, code, why, steps),))


def _disconnect(difference: Difference, record: Record, *, has_api: bool) -> Decision:
    kind = ActionKind.DISCONNECT
    if has_api:
        steps: tuple[Step, ...] = (
            *_replaced(difference, record),
            RemoveCredential(record.live_id, record.address.name),
            *sequences.strays(difference),
            Remember("disconnected"),
        )
    else:
        step = manual.remove(record.address.name, record.profile)
        operation = difference.operation
        if operation and operation.step == step.id and step.id not in operation.acknowledged:
            return Decision(waiting=(waits(operation, step),))
        steps = (step, Remember("disconnected"))
    why = f"it is no longer declared; it was at {record.source}"
    if record.fingerprint:
        why += "; its credential works at the provider until somebody revokes it"
    return Decision((act(difference, kind, "delete_because_no_resource_config", why, steps),))


def _replaced(difference: Difference, record: Record) -> tuple[Step, ...]:
    """What an interrupted run had replaced and not yet cleared away."""
    facts = difference.operation.facts if difference.operation else {}
    if not facts.get(REMOVES):
        return ()
    return (RemoveCredential(facts[REMOVES], record.address.name, facts.get(TENANT, "")),)


def _new(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, now: datetime
) -> Decision:
    """Declared and not recorded: adopt what `adopt` names, or connect."""
    live = sequences.live_of(difference)
    kind = ActionKind.ADOPT if desired.adopt and live else ActionKind.CONNECT
    refused = (
        withhold.unreadable(difference, kind)
        or withhold.unlisted(difference, kind)
        or withhold.blocked(difference, kind)
        or (withhold.not_managed(difference, kind) if kind is ActionKind.CONNECT else None)
        or _not_ours(difference, kind)
        or (_nothing_to_adopt(difference, desired) if terrain.has_api and not live else None)
    )
    if refused is not None:
        return Decision(withheld=(refused,))
    if live is not None and kind is ActionKind.ADOPT:
        steps = sequences.adopt(difference, desired, live)
        why = f"`adopt` names {live.name!r}"
        return Decision((act(difference, kind, "adopt_by_request", why, steps),))
    why = "it is declared and not connected yet"
    return connect(difference, desired, terrain, now, code="connect_because_declared", why=why)


def _not_ours(difference: Difference, kind: ActionKind) -> Withheld | None:
    strangers = difference.view.strangers
    if not strangers:
        return None
    found = strangers[0]
    return withhold.withheld(
        difference,
        kind,
        WithheldCode.NOT_OURS,
        f"the consumer has a connection like it that somebody else made: {found.name!r}",
        f"take it over with `adopt: {found.id!r}`, or remove it at the consumer",
    )


def _nothing_to_adopt(difference: Difference, desired: DesiredConnection) -> Withheld | None:
    """A new connection beside the one that was meant is not what `adopt` asks for."""
    if not desired.adopt:
        return None
    return withhold.withheld(
        difference,
        ActionKind.ADOPT,
        WithheldCode.NOT_OURS,
        f"`adopt` names {desired.adopt!r}, and the consumer has no such connection that is free",
        "write the id that the consumer shows, or take `adopt` out to connect anew",
    )
