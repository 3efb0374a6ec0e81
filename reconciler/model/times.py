"""Durations and moments as written in YAML. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"[1-9][0-9]{0,4}[smhd]\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """Read ``365d``, ``12h``, ``30m`` or ``60s``.

    Raises:
        ValueError: not a whole number of up to five digits and one unit.
    """
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is not a duration")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def parse_moment(text: str) -> datetime:
    """Read ``2027-03-19`` (its first instant, UTC) or ``2027-03-19T08:00:00+02:00``; gives UTC.

    Raises:
        ValueError: no such day or time, or a time without its zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if "T" in text:
        raise ValueError(f"{text!r} has no zone")
    return moment.replace(tzinfo=UTC)


def words(duration: timedelta) -> str:
    """A duration in its largest whole unit: ``1 hour``, ``90 minutes``, ``45 seconds``."""
    seconds = int(duration.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
