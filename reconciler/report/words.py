"""Words and sentences that text and Markdown share. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 repository``, ``1,200 repositories``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def age(since: str, now: str) -> str:
    """The time between two RFC 3339 stamps in its largest unit: ``3 days``."""
    seconds = int((datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds())
    for unit, size in _UNITS[:-1]:
        if seconds >= size:
            return count(seconds // size, unit)
    return "less than a minute"


def span(seconds: int) -> str:
    """A duration in the largest unit that tells it exactly: ``1 hour``, ``90 minutes``."""
    unit, size = next((u, s) for u, s in _UNITS if seconds % s == 0 and (seconds or s == 1))
    return count(seconds // size, unit)


def place_words(source: Mapping[str, Any] | None) -> str:
    """``acme.yaml:14:3``; empty without a place."""
    return "{filename}:{line}:{column}".format(**source) if source else ""


DONE: dict[str, str] = {
    "connect": "connected",
    "rescope": "re-scoped",
    "rotate": "rotated",
    "reconnect": "reconnected",
    "adopt": "adopted",
    "relink": "relinked",
    "disconnect": "disconnected",
    "forget": "forgotten",
}
"""Kind of action → the word after "will be"."""


AFTERMATH = frozenset(
    {"revoke-old", "move-secret", "revoke-former", "revoke-unused", "discard-secret", "drain"}
)
"""Steps that tidy up after a rotation and may wait: the connection itself is as declared."""


def plan_sentence(doc: Mapping[str, Any]) -> str:
    """The sentence that tools around Terraform parse, word for word.

    Source: Atlantis' expression for it, runatlantis/atlantis server/events/models/models.go
    [observed, 2026-11-21]. Adoptions and forgotten records are counted behind it. A plan that
    withholds, waits or could not read everything does not claim that the infrastructure matches.
    """
    summary = doc["summary"]
    acts = any(summary[key] for key in ("import", "add", "change", "remove", "forget"))
    waits = any(item["step"]["id"] not in AFTERMATH for item in doc["waiting"])
    if not (acts or waits or doc["withheld"] or doc["errored"]):
        return "No changes. Your infrastructure matches the configuration."
    return (
        f"Plan: {summary['add']} to add, {summary['change']} to change, "
        f"{summary['remove']} to destroy."
    )


def plan_counts(doc: Mapping[str, Any]) -> str:
    """Our own counts, after the parsed sentence: ``1 to rotate. 2 wait for a person.``."""
    summary = doc["summary"]
    waiting = summary["waiting"]
    parts = (
        (summary["import"], "to adopt"),
        (summary["forget"], "to forget"),
        (summary["rotate"], "to rotate"),
        (summary["relink"], "to relink"),
        (summary["withheld"], "withheld"),
        (waiting, "waits for a person" if waiting == 1 else "wait for a person"),
        (len(doc["errors"]), "could not be read"),
    )
    return " ".join(f"{number} {words}." for number, words in parts if number)


def reads_lines(reads: Mapping[str, Any]) -> list[str]:
    """One line for every remote party: requests, allowance, completeness."""
    return [_reads_line(scope) for scope in reads["scopes"]]


def _reads_line(scope: Mapping[str, Any]) -> str:
    allowance = f" of {scope['limit']:,}/h" if scope["limit"] is not None else ""
    requests = count(scope["requests"], "request")
    state = "complete" if scope["complete"] else "INCOMPLETE"
    line = f"Reads: {requests}{allowance} to {scope['scope']}"
    if scope["seen"] is None:
        return f"{line}." if scope["complete"] else f"{line}; {state}."
    expected = scope["seen"] if scope["expected"] is None else scope["expected"]
    return f"{line}; {scope['seen']:,} of {expected:,} repositories listed, {state}."


def drift_sentence(doc: Mapping[str, Any]) -> str:
    """The one line that a chat message or a status check shows."""
    summary = doc["summary"]
    rest = [
        f"{summary[key]} {key}" for key in ("unapplied", "unmanaged", "unreadable") if summary[key]
    ]
    if summary["drifted"]:
        noun = "connection" if summary["connections"] == 1 else "connections"
        head = f"{summary['drifted']} of {summary['connections']} {noun} drifted"
        if summary["stuck"]:
            head += f" ({summary['stuck']} in a rotation that does not go on)"
        return f"Drift: {', '.join((head, *rest))}."
    none = "No drift seen." if summary["unreadable"] else "No drift."
    return f"{none} {', '.join(rest)}." if rest else none


def apply_sentence(doc: Mapping[str, Any]) -> str:
    """How the apply ended, in Terraform's words where it ended well."""
    summary = doc["summary"]
    imports = f"{summary['import']} imported, " if summary["import"] else ""
    forgets = f", {summary['forget']} forgotten" if summary["forget"] else ""
    counts = (
        f"{imports}{summary['add']} added, {summary['change']} changed, "
        f"{summary['remove']} destroyed{forgets}."
    )
    unfinished = doc["failed"] or doc["errors"]
    return f"Apply {'incomplete' if unfinished else 'complete'}! Resources: {counts}"


def apply_counts(doc: Mapping[str, Any]) -> str:
    """What did not end in ``done``."""
    summary = doc["summary"]
    waiting = summary["waiting"]
    parts = (
        (waiting, "waits for a person" if waiting == 1 else "wait for a person"),
        (summary["failed"], "failed"),
        (summary["skipped"], "not begun"),
        (doc["plan_summary"]["withheld"], "withheld"),
        (len(doc["errors"]), "could not be read"),
    )
    return " ".join(f"{number} {words}." for number, words in parts if number)


def estimate_lines(reads: Mapping[str, Any]) -> list[str]:
    """What a plan would cost, one line for every remote party."""
    lines = []
    for scope in reads["scopes"]:
        allowance = f" of {scope['limit']:,}/h" if scope["limit"] is not None else ""
        known = (
            f"; {count(scope['expected'], 'repository', 'repositories')} known"
            if scope["expected"] is not None
            else ""
        )
        about = count(scope["requests"], "request")
        lines.append(f"{scope['scope']}: about {about}{allowance}{known}.")
    return [*lines, f"In all: about {count(reads['requests'], 'request')}."]
