"""A forecast's document → an iCalendar file (RFC 5545). Pure; stage 7; home of icalendar.

One all-day event for every entry. Its UID stays the same while its day moves, so that importing a
later forecast moves the event instead of adding another.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reconciler.model.secret import KNOWN
from reconciler.report.escape import visible
from reconciler.report.words import place_words

if TYPE_CHECKING:
    from icalendar import Alarm, Event

PRODUCT = "-//reconciler//forecast//EN"
REMIND_BEFORE = timedelta(days=3)
"""How long before its day an entry for a person rings."""

_VERBS = {"expires": "expires", "rotates": "is due to be rotated", "ends": "uses what ends"}


def render_calendar(doc: Mapping[str, Any]) -> str:
    """The forecast as text of one VCALENDAR; lines end with CRLF and are folded at 75 octets."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", "Credentials: what is to come")
    made = datetime.fromisoformat(doc["timestamp"])
    seen: Counter[tuple[str, str]] = Counter()
    for entry in doc["entries"]:
        key = (entry["subject"], entry["kind"])
        calendar.add_component(_event(entry, _uid(doc["lineage"], key, seen[key]), made))
        seen[key] += 1
    text: bytes = calendar.to_ical()
    return text.decode()


def _uid(lineage: str, key: tuple[str, str], number: int) -> str:
    """The same for the same registry, credential, kind and position; whatever the day."""
    parts = "\0".join((lineage, *key, str(number)))
    return f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}@reconciler"


def _event(entry: Mapping[str, Any], uid: str, made: datetime) -> Event:
    from icalendar import Event

    event, on = Event(), date.fromisoformat(entry["on"])
    summary = _text(f"{entry['subject']} {_VERBS[entry['kind']]}")
    who = "by a person" if entry["by_person"] else "by itself"
    event.add("uid", uid)
    event.add("dtstamp", made)
    event.add("sequence", int(made.timestamp()) // 60)  # grows: the later import wins
    event.add("dtstart", on)
    event.add("dtend", on + timedelta(days=1))
    event.add("summary", f"{summary} (assumed)" if entry["assumed"] else summary)
    event.add("description", _description(entry, who))
    event.add("categories", ["reconciler", entry["kind"], who])
    event.add("transp", "TRANSPARENT")
    if entry["by_person"]:
        event.add_component(_alarm(summary))
    return event


def _description(entry: Mapping[str, Any], who: str) -> str:
    source = place_words(entry["source"])
    lines = (
        entry["detail"],
        f"Done {who}.",
        f"The secret: {entry['place']}" if entry["place"] else "",
        f"Declared at {source}" if source else "",
        "The day rests on an assumption." if entry["assumed"] else "",
    )
    return "\n".join(_text(line) for line in lines if line)


def _text(text: str) -> str:
    """Harmless on one line. Scrubbed here already: folding could hide a secret from the sinks."""
    return visible(KNOWN.scrub(text))


def _alarm(summary: str) -> Alarm:
    from icalendar import Alarm

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm
