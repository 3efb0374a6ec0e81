"""Differences read as a drift report: live against recorded, apart from unapplied YAML. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.errors import Severity
from reconciler.model.action import Waiting
from reconciler.model.address import ConnectionAddress
from reconciler.model.drift import Cause, CredentialNeed, Difference
from reconciler.model.observed import Absent, ObservedState, Reads, Unreadable
from reconciler.model.record import Snapshot
from reconciler.model.standing import DriftItem, DriftReport, DriftStatus, Unmanaged

_OUTSIDE = frozenset({Cause.DRIFT, Cause.PROVIDER})


def drift_report(
    differences: tuple[Difference, ...],
    observed: ObservedState,
    snapshot: Snapshot,
    *,
    stuck: Mapping[ConnectionAddress, str],
    waiting: tuple[Waiting, ...],
    reads: tuple[Reads, ...],
    now: datetime,
) -> DriftReport:
    """How every connection stands, and the live ones that nobody declared.

    ``stuck`` says of rotations that do not go on why.
    """
    return DriftReport(
        items=tuple(_item(d, stuck) for d in differences if d.desired or d.record),
        unmanaged=tuple(
            Unmanaged(consumer, c.id, c.name, c.provider, c.kind.value if c.kind else "unknown")
            for consumer, found in sorted(observed.unmanaged.items())
            for c in found
        ),
        waiting=waiting,
        reads=reads,
        created_at=now,
        lineage=snapshot.lineage,
        serial=snapshot.serial,
    )


def _item(difference: Difference, stuck: Mapping[ConnectionAddress, str]) -> DriftItem:
    status, reason = _status(difference)
    why = stuck.get(difference.address, "")
    if why and status in (DriftStatus.IN_SYNC, DriftStatus.UNAPPLIED):
        status, reason = DriftStatus.STUCK, why
    desired, record = difference.desired, difference.record
    return DriftItem(
        address=difference.address,
        status=status,
        changes=difference.changes,
        findings=difference.findings,
        source=desired.where if desired else record.source if record else None,
        reason=reason,
    )


def _status(difference: Difference) -> tuple[DriftStatus, str]:
    """The gravest thing that holds, and the sentence for it."""
    view, record = difference.view, difference.record
    for read in (view.live, view.listing):
        if isinstance(read, Unreadable):
            return DriftStatus.UNREADABLE, read.reason
    if record is None:
        return DriftStatus.UNAPPLIED, "declared and not connected yet"
    is_elsewhere = "consumer" in difference.parts  # then it was looked for at the new tenant
    if isinstance(view.live, Absent) and not is_elsewhere:
        return DriftStatus.GONE, "it was removed at the consumer"
    return _outside(difference) or _unapplied(difference) or (DriftStatus.IN_SYNC, "")


def _outside(difference: Difference) -> tuple[DriftStatus, str] | None:
    """Somebody, or time, changed what was applied."""
    if difference.need is CredentialNeed.DEAD:
        return DriftStatus.DRIFTED, difference.need_why
    if any(c.cause in _OUTSIDE for c in difference.changes):
        return DriftStatus.DRIFTED, "it was changed outside of reconciler"
    errors = (f.message for f in difference.findings if f.severity is Severity.ERROR)
    message = next(errors, "")
    return (DriftStatus.DRIFTED, message) if message else None


def _unapplied(difference: Difference) -> tuple[DriftStatus, str] | None:
    """The YAML is ahead of what was applied."""
    if difference.desired is None:
        return DriftStatus.UNAPPLIED, "no longer declared and still connected"
    if any(c.cause is Cause.YAML for c in difference.changes):
        return DriftStatus.UNAPPLIED, "the YAML was changed and not applied"
    return None
