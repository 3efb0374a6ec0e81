"""Forecast → its document. Pure; stage 7."""

from __future__ import annotations

from reconciler.model.forecast import Forecast, ForecastEntry, ForecastKind
from reconciler.report.outline import FORMAT_VERSION, Document, place, stamp


def forecast_document(forecast: Forecast) -> Document:
    """Every entry by day. Text and calendar are made from it and from nothing else."""
    return {
        "format_version": FORMAT_VERSION,
        "timestamp": stamp(forecast.created_at),
        "lineage": forecast.lineage,
        "days": forecast.days,
        "needs_person": forecast.needs_person,
        "entries": [_entry(entry) for entry in forecast.entries],
        "unknown": list(forecast.unknown),
        "summary": _summary(forecast),
    }


def _entry(entry: ForecastEntry) -> Document:
    past = entry.overdue_since
    return {
        "on": entry.on.isoformat(),
        "overdue_since": None if past is None else past.isoformat(),
        "subject": entry.subject,
        "address": None if entry.address is None else str(entry.address),
        "kind": entry.kind.value,
        "by_person": entry.by_person,
        "assumed": entry.assumed,
        "detail": entry.detail,
        "place": entry.place,
        "source": place(entry.source),
    }


def _summary(forecast: Forecast) -> dict[str, int]:
    entries = forecast.entries
    by_person = sum(entry.by_person for entry in entries)
    return {
        "entries": len(entries),
        "by_person": by_person,
        "by_itself": len(entries) - by_person,
        "overdue": sum(entry.overdue_since is not None for entry in entries),
        **{kind.value: sum(e.kind is kind for e in entries) for kind in ForecastKind},
        "unknown": len(forecast.unknown),
    }
