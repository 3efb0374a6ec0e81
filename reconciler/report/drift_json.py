"""Drift report → its document. Pure; stage 7."""

from __future__ import annotations

from reconciler.model.drift import Cause, FieldChange
from reconciler.model.standing import DriftItem, DriftReport, DriftStatus
from reconciler.report.outline import (
    FORMAT_VERSION,
    Document,
    as_found,
    change_document,
    finding_document,
    place,
    reads_document,
    stamp,
    waiting_documents,
)


def drift_document(report: DriftReport) -> Document:
    """Live against recorded. What only the YAML changed stands apart, under ``unapplied``."""
    return {
        "format_version": FORMAT_VERSION,
        "timestamp": stamp(report.created_at),
        "state": {"lineage": report.lineage, "serial": report.serial},
        "has_drift": report.has_drift,
        "errored": report.errored,
        "connections": [_item(item) for item in report.items],
        "unmanaged": [
            {
                "consumer": item.consumer,
                "id": item.id,
                "name": item.name,
                "provider": item.provider,
                "method": item.method,
            }
            for item in report.unmanaged
        ],
        "waiting": waiting_documents(report.waiting),
        "coverage": _coverage(report),
        "summary": _summary(report),
        "reads": reads_document(report.reads),
    }


def _item(item: DriftItem) -> Document:
    return {
        "address": str(item.address),
        "name": item.address.name,
        "status": item.status.value,
        "reason": item.reason,
        "source": place(item.source),
        "changes": [_change(c) for c in item.changes if c.cause is not Cause.YAML],
        "unapplied": [change_document(c) for c in item.changes if c.cause is Cause.YAML],
        "findings": [finding_document(finding) for finding in item.findings],
    }


def _change(change: FieldChange) -> Document:
    return change_document(as_found(change) if change.cause is Cause.DRIFT else change)


def _coverage(report: DriftReport) -> Document:
    """How much of what lives is declared; ``percent`` is null where nothing lives."""
    managed = sum(item.status is not DriftStatus.GONE for item in report.items)
    everything = managed + len(report.unmanaged)
    return {
        "managed": managed,
        "unmanaged": len(report.unmanaged),
        "percent": 100 * managed // everything if everything else None,
        "complete": all(scope.complete for scope in report.reads),
    }


def _summary(report: DriftReport) -> dict[str, int]:
    def count(*statuses: DriftStatus) -> int:
        return sum(item.status in statuses for item in report.items)

    return {
        "connections": len(report.items),
        "in_sync": count(DriftStatus.IN_SYNC),
        "drifted": count(DriftStatus.DRIFTED, DriftStatus.GONE, DriftStatus.STUCK),
        "gone": count(DriftStatus.GONE),
        "stuck": count(DriftStatus.STUCK),
        "unapplied": count(DriftStatus.UNAPPLIED),
        "unreadable": count(DriftStatus.UNREADABLE),
        "unmanaged": len(report.unmanaged),
        "waiting": len(report.waiting),
    }
