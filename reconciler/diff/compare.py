"""Desired, record and observed side by side, one Difference for every connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.diff.credential import Implies, judge
from reconciler.diff.fields import (
    attributes_desired,
    attributes_live,
    attributes_recorded,
    live_changes,
    selection_changes,
    yaml_changes,
)
from reconciler.diff.selection import choose, compare_selection
from reconciler.diff.webhooks import compare_webhooks, webhook_changes
from reconciler.errors import Severity
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredConnection, DesiredState
from reconciler.model.drift import Difference, Finding, SelectionChange
from reconciler.model.observed import (
    ConnectionView,
    LiveSelection,
    ObservedState,
    Present,
    Unreadable,
)
from reconciler.model.record import KnownRepositories, Operation, Record, Snapshot


@dataclass(frozen=True, slots=True)
class Background:
    """What the comparison needs beside the three states.

    ``known`` are the registry's repositories by the reach of the account, ``implies`` and
    ``partners`` the scope rules by provider. ``requested`` are connections whose rotation was
    asked for. ``now`` is UTC.
    """

    known: Mapping[str, KnownRepositories]
    implies: Mapping[str, Implies]
    now: datetime
    requested: frozenset[ConnectionAddress] = frozenset()
    partners: Mapping[str, Implies] = field(default_factory=dict)


def compare(
    state: DesiredState, snapshot: Snapshot, observed: ObservedState, background: Background
) -> tuple[Difference, ...]:
    """One Difference for every address that was observed, in order."""
    return tuple(
        _difference(ConnectionAddress.parse(text), view, state, snapshot, background)
        for text, view in sorted(observed.views.items())
    )


def _difference(
    address: ConnectionAddress,
    view: ConnectionView,
    state: DesiredState,
    snapshot: Snapshot,
    background: Background,
) -> Difference:
    desired = state.connections.get(address)
    record, moved_from = _record_of(address, desired, state, snapshot)
    operation = snapshot.operations.get(moved_from or address)
    if desired is None:
        return _undeclared(address, record, view, operation)
    selection, findings = _selection(desired, record, view, background)
    judged = judge(
        desired,
        record,
        view,
        background.implies.get(desired.account.provider, {}),
        requested=address in background.requested,
        now=background.now,
        partners=background.partners.get(desired.account.provider),
    )
    changes = live_changes(record, view) + yaml_changes(desired, record) if record else ()
    if selection is not None:
        changes += selection_changes(desired, _of_account(desired, record), selection)
    webhooks = compare_webhooks(desired, record, view)
    changes += webhook_changes(desired, record, webhooks)
    return Difference(
        address=address,
        desired=desired,
        record=record,
        view=view,
        operation=operation,
        moved_from=moved_from,
        parts=_parts(desired, record) if record else (),
        changes=changes,
        selection=selection,
        need=judged.need,
        need_why=judged.why,
        findings=(*findings, *judged.findings, *_unread(desired, view)),
        before=attributes_recorded(record) if record else {},
        after=attributes_desired(desired, selection),
        expires_at=judged.expires_at,
        webhooks=webhooks,
    )


def _unread(desired: DesiredConnection, view: ConnectionView) -> tuple[Finding, ...]:
    """What could not be looked at, and everything else goes on without."""
    found: list[Finding] = []
    if isinstance(view.webhooks, Unreadable):
        why, hint, place = view.webhooks.reason, view.webhooks.hint, desired.mark("webhooks")
        found.append(Finding("webhooks-unreadable", Severity.ERROR, why, hint, place))
    if isinstance(view.issued, Unreadable):
        why, hint, place = view.issued.reason, view.issued.hint, desired.mark("issuer")
        found.append(Finding("issuer-unreadable", Severity.WARNING, why, hint, place))
    return tuple(found)


def _record_of(
    address: ConnectionAddress,
    desired: DesiredConnection | None,
    state: DesiredState,
    snapshot: Snapshot,
) -> tuple[Record | None, ConnectionAddress | None]:
    """The record under this address, or under one that the YAML says it had before."""
    record = snapshot.records.get(address)
    if record is not None or desired is None:
        return record, None
    for former in desired.previously:
        found = snapshot.records.get(former)
        if found is not None and former not in state.connections:
            return found, former
    return None, None


def _undeclared(
    address: ConnectionAddress,
    record: Record | None,
    view: ConnectionView,
    operation: Operation | None,
) -> Difference:
    live = view.live.value if isinstance(view.live, Present) else None
    before = attributes_recorded(record) if record else attributes_live(live) if live else {}
    webhooks = compare_webhooks(None, record, view)
    return Difference(address, None, record, view, operation, before=before, webhooks=webhooks)


def _parts(desired: DesiredConnection, record: Record) -> tuple[str, ...]:
    """Parts whose identity changed, so that a new connection has to be made."""
    identities = {
        "consumer": (record.consumer_identity, desired.consumer.identity),
        "account": (record.account_identity, desired.account.identity),
        "method": (record.method, desired.method.kind),
        "username": (record.username, desired.method.username),
    }
    return tuple(name for name, (old, new) in identities.items() if old != new)


def _selection(
    desired: DesiredConnection,
    record: Record | None,
    view: ConnectionView,
    background: Background,
) -> tuple[SelectionChange | None, tuple[Finding, ...]]:
    """The selection's change; None where the account could not be read at all."""
    if not isinstance(view.listing, Present):
        return None, ()
    known = background.known.get(desired.account.reach, KnownRepositories())
    listing = view.listing.value
    choice = choose(desired, listing, _of_account(desired, record), known)
    live = _carrier(desired, record, view)
    record = _of_account(desired, record)
    return compare_selection(desired, listing, record, live, choice), tuple(choice.findings)


def _of_account(desired: DesiredConnection, record: Record | None) -> Record | None:
    """The record, unless it is of another account: of those repositories none can be missing."""
    is_same = record is not None and record.account_identity == desired.account.identity
    return record if is_same else None


def _carrier(
    desired: DesiredConnection, record: Record | None, view: ConnectionView
) -> LiveSelection | None:
    """The live selection to hold against: of the connection that will carry it from now on."""
    if record is not None and view.strangers:
        return view.strangers[0].selection
    if record is not None and _of_account(desired, record) is None:
        return None
    return view.live.value.selection if isinstance(view.live, Present) else None
