"""A forecast's document → text for a terminal, by day. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from reconciler.report.escape import visible_everywhere
from reconciler.report.paint import Paint
from reconciler.report.words import count, place_words

_GROUPS = (("Today", 0), ("Within 7 days", 7), ("Within 30 days", 30))
"""Titles with the number of days that each reaches to; what is later stands under `_LATER`."""

_LATER = "Later"
_OVERDUE = "Overdue"


def render_forecast(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """The forecast as text; ends with a newline."""
    shown = visible_everywhere(doc)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    today = datetime.fromisoformat(shown["timestamp"]).date()
    for entry in shown["entries"]:
        groups.setdefault(_group(entry, today), []).append(entry)
    order = sorted(groups, key=[_OVERDUE, *(title for title, _ in _GROUPS), _LATER].index)
    width = max((len(entry["subject"]) for entry in shown["entries"]), default=0)
    blocks = ["\n".join(_block(title, groups[title], width, paint)) for title in order]
    return "\n\n".join((*blocks, "\n".join(_footer(shown, paint)))) + "\n"


def _group(entry: Mapping[str, Any], today: date) -> str:
    if entry["overdue_since"]:
        return _OVERDUE
    ahead = (date.fromisoformat(entry["on"]) - today).days
    return next((title for title, reach in _GROUPS if ahead <= reach), _LATER)


def _block(title: str, entries: list[Mapping[str, Any]], width: int, paint: Paint) -> Iterator[str]:
    yield (paint.red if title == _OVERDUE else paint.bold)(title)
    for entry in entries:
        yield from _entry(entry, width, paint)


def _entry(entry: Mapping[str, Any], width: int, paint: Paint) -> Iterator[str]:
    who = paint.yellow("a person ") if entry["by_person"] else "by itself"
    assumed = "  (assumed)" if entry["assumed"] else ""
    yield (
        f"  {entry['on']}  {who}  {entry['kind']:<7}  {entry['subject']:<{width}}{assumed}"
    ).rstrip()
    where = place_words(entry["source"])
    yield f"      {entry['detail']}{f' ({where})' if where else ''}"


def _footer(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(forecast_sentence(doc))
    if doc["unknown"]:
        yield f"No end is known of: {', '.join(doc['unknown'])}."


def forecast_sentence(doc: Mapping[str, Any]) -> str:
    """The one line that a chat message or a status check shows."""
    summary, within = doc["summary"], count(doc["days"], "day")
    if not summary["entries"]:
        return f"Forecast: nothing within {within}."
    parts = [
        f"{summary[key]} {words}"
        for key, words in (
            ("by_person", "for a person"),
            ("by_itself", "by itself"),
            ("overdue", "overdue"),
        )
        if summary[key]
    ]
    entries = count(summary["entries"], "entry", "entries")
    return f"Forecast: {entries} within {within}, {', '.join(parts)}."
