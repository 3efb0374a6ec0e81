"""Differences → plan: one decision for every connection, taken from the top. Pure.

First what forbids looking further (unreadable, undeclared), then what was begun and is not
finished, then a new connection, then a changed one, then its credential, then its selection,
then what only the registry has to learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.errors import Severity
from reconciler.model.action import (
    Action,
    Inputs,
    Note,
    Plan,
    Withheld,
)
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredState
from reconciler.model.drift import Difference, Finding
from reconciler.model.method import ActionKind
from reconciler.model.observed import ObservedState, Present, Unreadable
from reconciler.model.record import Snapshot
from reconciler.plan import withhold
from reconciler.plan.abort import decide_abort
from reconciler.plan.actions import Decision
from reconciler.plan.decide import decide, decide_undeclared
from reconciler.plan.digest import live_fingerprints, plan_digest, policy_digest
from reconciler.plan.guards import frozen, refusals
from reconciler.plan.terrain import Terrain
from reconciler.plan.webhooks import with_webhooks
from reconciler.ports.consumer import ConsumerSpec
from reconciler.ports.provider import ProviderSpec


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything a plan depends on beside the differences.

    ``only`` limits the plan to some kinds and addresses (`rotate`); None plans everything.
    ``writable`` are the kinds of secret source that can be written. ``immediate`` leaves no
    overlap; ``abort`` undoes rotations instead. ``now`` is UTC.
    """

    state: DesiredState
    snapshot: Snapshot
    observed: ObservedState
    providers: Mapping[str, ProviderSpec]
    consumers: Mapping[str, ConsumerSpec]
    writable: frozenset[str]
    now: datetime
    only: frozenset[ConnectionAddress] | None = None
    only_rotations: bool = False
    immediate: bool = False
    abort: bool = False


def build(differences: tuple[Difference, ...], setting: Setting) -> Plan:
    """Decide on every difference and bind the whole with a digest."""
    decisions = {
        d.address: with_webhooks(d, _decide(d, setting))
        for d in differences
        if setting.only is None or d.address in setting.only
    }
    if setting.only_rotations:
        decisions = {a: _rotation_only(d) for a, d in decisions.items()}
    actions, frozen_out = frozen(_ordered(decisions), setting.state.settings.freezes, setting.now)
    withheld = (*(w for d in decisions.values() for w in d.withheld), *frozen_out)
    inputs = _inputs(differences, setting)
    return Plan(
        digest=plan_digest(inputs, actions, withheld),
        inputs=inputs,
        actions=actions,
        withheld=withheld,
        waiting=tuple(w for d in decisions.values() for w in d.waiting),
        refusals=refusals(actions, setting.state.settings.limits, len(setting.snapshot.records)),
        notes=_notes(differences, setting),
        unchanged=_unchanged(decisions, actions, withheld),
        reads=setting.observed.reads,
        errors=_errors(differences),
        created_at=setting.now,
        command="rotate" if setting.only_rotations else "plan",
    )


def _decide(difference: Difference, setting: Setting) -> Decision:
    desired, record = difference.desired, difference.record
    if desired is None:
        tenant = setting.state.consumers.get(record.consumer) if record else None
        by_hand = tenant is not None and tenant.profile.adapter not in setting.consumers
        return decide_undeclared(difference, has_api=not by_hand)
    consumer = setting.consumers.get(desired.consumer.profile.adapter)
    terrain = Terrain(
        provider=setting.providers[desired.account.provider],
        has_api=consumer is not None,
        browser_url=consumer.browser_url.get(desired.method.kind, "") if consumer else "",
        writable=setting.writable,
        own_access=setting.observed.own_access,
        immediate=setting.immediate,
    )
    if setting.abort:
        return decide_abort(difference, desired, terrain)
    return decide(difference, desired, terrain, setting.now)


def _rotation_only(decision: Decision) -> Decision:
    """`rotate` shows rotations alone; whatever else differs is left to `plan`."""
    actions = tuple(a for a in decision.actions if a.kind is ActionKind.ROTATE)
    kept = tuple(w for w in decision.withheld if w.kind is ActionKind.ROTATE)
    return Decision(actions, kept, decision.waiting)


_ORDER = (
    ActionKind.FORGET,
    ActionKind.RELINK,
    ActionKind.ADOPT,
    ActionKind.CONNECT,
    ActionKind.RECONNECT,
    ActionKind.RESCOPE,
    ActionKind.ROTATE,
    ActionKind.DISCONNECT,
)
"""What only teaches the registry goes first, what takes away goes last."""


def _ordered(decisions: Mapping[ConnectionAddress, Decision]) -> tuple[Action, ...]:
    found = (a for d in decisions.values() for a in d.actions)
    return tuple(sorted(found, key=lambda a: (_ORDER.index(a.kind), a.address)))


def _inputs(differences: tuple[Difference, ...], setting: Setting) -> Inputs:
    settings, snapshot = setting.state.settings, setting.snapshot
    begun = snapshot.serial > 0  # before the first commit a registry may come into being unseen
    return Inputs(
        config=setting.state.digest,
        lineage=snapshot.lineage if begun else "",
        serial=snapshot.serial,
        policy=policy_digest(settings.limits, settings.freezes),
        environment=settings.environment,
        live={str(d.address): live_fingerprints(d, keyed=begun) for d in differences},
    )


def _unchanged(
    decisions: Mapping[ConnectionAddress, Decision],
    actions: tuple[Action, ...],
    withheld: tuple[Withheld, ...],
) -> tuple[ConnectionAddress, ...]:
    busy = {a.address for a in actions} | {w.address for w in withheld}
    return tuple(address for address in decisions if address not in busy)


def _notes(differences: tuple[Difference, ...], setting: Setting) -> tuple[Note, ...]:
    """Findings of every connection, then the live connections that nobody declared."""
    notes = [Note(d.address, f) for d in differences for f in d.findings]
    listings = (d.view.listing.value for d in differences if isinstance(d.view.listing, Present))
    remarks = dict.fromkeys(remark for listing in listings for remark in listing.remarks)
    notes += [Note(None, Finding("remark", Severity.INFO, remark)) for remark in remarks]
    for consumer, found in sorted(setting.observed.unmanaged.items()):
        notes += [
            Note(
                None,
                Finding(
                    "unmanaged",
                    Severity.INFO,
                    f"consumer {consumer!r} has a connection that nobody declared: {live.name!r}",
                    f"declare it with `adopt: {live.id!r}`, or remove it there",
                ),
            )
            for live in found
        ]
    return tuple(notes)


def _errors(differences: tuple[Difference, ...]) -> tuple[Note, ...]:
    """Reads that failed, each once, and selections that cannot be meant."""
    found: dict[str, Note] = {}
    for d in differences:
        for read in (d.view.listing, d.view.live):
            if isinstance(read, Unreadable):
                finding = Finding("unreadable", Severity.ERROR, read.reason, read.hint)
                found.setdefault(read.reason, Note(None, finding))
        for finding in d.findings:
            if finding.code in withhold.BLOCKING_FINDINGS and finding.severity is Severity.ERROR:
                found.setdefault(finding.message, Note(d.address, finding))
    return tuple(found.values())
