"""Parts that every document is made of. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from reconciler.errors import SourceMark
from reconciler.model.action import Note, Waiting
from reconciler.model.drift import FieldChange, Finding, Value
from reconciler.model.observed import Reads
from reconciler.report.steps import step_document

Document: TypeAlias = dict[str, Any]
"""A JSON object whose shape one of ``schemas/v1/*.schema.json`` publishes."""

FORMAT_VERSION = "1.0"
"""A reader ignores keys it does not know and rejects another major number."""

SENSITIVE = frozenset({"secret", "token", "password", "credential"})
"""Last words of field names whose value is never shown."""

_FINGERPRINT = "hmac:"


def is_sensitive(path: str) -> bool:
    """Whether the field at *path* holds a secret."""
    return path.rpartition(".")[2] in SENSITIVE


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds: ``2026-11-21T20:53:00Z``."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def place(mark: SourceMark | None) -> Document | None:
    """A place in a YAML file; lines and columns count from 1."""
    if mark is None:
        return None
    return {"filename": mark.file, "line": mark.line, "column": mark.column}


def plain(path: str, value: Value) -> Any:
    """A value as JSON. Of a sensitive field only a keyed fingerprint passes."""
    if is_sensitive(path):
        return value if isinstance(value, str) and value.startswith(_FINGERPRINT) else None
    return list(value) if isinstance(value, tuple) else value


def change_document(change: FieldChange) -> Document:
    """One field, before and after, with the cause of the difference."""
    return {
        "path": change.path,
        "before": plain(change.path, change.before),
        "after": plain(change.path, change.after),
        "sensitive": is_sensitive(change.path),
        "cause": change.cause.value,
        "source": place(change.where),
        "note": change.note,
    }


def as_found(change: FieldChange) -> FieldChange:
    """A drift as it happened: from what was recorded to what is live.

    The comparison gives a selection's drift the other way round, from live to wanted, because
    that is the way in which an action leads. Fields under ``live.`` lead to live already.
    """
    if change.path.startswith("live."):
        return change
    return replace(change, before=change.after, after=change.before)


def finding_document(finding: Finding) -> Document:
    """Something a person should know."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "source": place(finding.where),
    }


def note_document(note: Note) -> Document:
    """A finding with the address it is about; null: about the run."""
    address = None if note.address is None else str(note.address)
    return {"address": address, **finding_document(note.finding)}


def waiting_documents(waiting: Iterable[Waiting]) -> list[Document]:
    """Manual steps that an earlier apply announced and nobody has done yet."""
    return [
        {
            "address": str(item.address),
            "name": item.address.name,
            "action": item.kind.value,
            "since": stamp(item.since),
            "step": step_document(item.step),
        }
        for item in waiting
    ]


def reads_document(reads: Sequence[Reads]) -> Document:
    """What the run cost, in requests.

    ``budget`` is that of the party with the least left of its hour: ``limit`` requests per
    hour, ``remaining`` after this run. Both null where no limit is known.
    """
    limited = [(item.limit - item.requests, item.limit) for item in reads if item.limit is not None]
    remaining, limit = min(limited, default=(None, None))
    return {
        "requests": sum(item.requests for item in reads),
        "budget": {"limit": limit, "remaining": remaining},
        "scopes": [
            {
                "scope": item.party,
                "complete": item.complete,
                "expected": item.expected,
                "seen": item.seen,
                "requests": item.requests,
                "limit": item.limit,
            }
            for item in reads
        ],
    }
