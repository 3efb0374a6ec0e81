"""Begun rotations → their document and text. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.model.forecast import RotationPhase, RotationStatus
from reconciler.report.escape import visible_everywhere
from reconciler.report.outline import FORMAT_VERSION, Document, stamp
from reconciler.report.paint import Paint
from reconciler.report.words import age, count

_PHASES = {
    "begun": "was begun; nothing was made yet",
    "minted": "has a new credential that the consumer does not use yet",
    "switched": "uses the new credential; the replaced one has not ended yet",
    "draining": "uses the new credential; the replaced one works for the overlap",
    "waiting": "waits for a person",
}


def rotation_document(rotations: Sequence[RotationStatus], *, now: datetime) -> Document:
    """Every rotation that was begun and is not finished, by address. *now* is UTC."""
    return {
        "format_version": FORMAT_VERSION,
        "timestamp": stamp(now),
        "rotations": [_rotation(status) for status in rotations],
        "summary": {
            "rotations": len(rotations),
            "stuck": sum(status.stuck for status in rotations),
            "waiting": sum(status.phase is RotationPhase.WAITING for status in rotations),
        },
    }


def _rotation(status: RotationStatus) -> Document:
    return {
        "address": str(status.address),
        "name": status.address.name,
        "phase": status.phase.value,
        "step": status.step,
        "since": stamp(status.since),
        "until": None if status.until is None else stamp(status.until),
        "stuck": status.stuck,
        "next_step": status.next_step,
    }


def render_rotations(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """How far each rotation has come; ends with a newline."""
    shown = visible_everywhere(doc)
    blocks = ["\n".join(_lines(r, shown["timestamp"], paint)) for r in shown["rotations"]]
    return "\n\n".join((*blocks, paint.bold(rotation_sentence(shown)))) + "\n"


def _lines(item: Mapping[str, Any], now: str, paint: Paint) -> Iterator[str]:
    yield f"{paint.bold(item['address'])} {_PHASES[item['phase']]}"
    yield f"  at {item['step']} since {item['since']}, {age(item['since'], now)}"
    if item["until"]:
        yield f"  the overlap ends {item['until']}"
    if item["stuck"]:
        yield f"  {paint.red('stuck:')} it should have gone on by now"
    yield f"  next: {item['next_step']}"


def rotation_sentence(doc: Mapping[str, Any]) -> str:
    """The counts in one line."""
    summary = doc["summary"]
    if not summary["rotations"]:
        return "No rotation is under way."
    waiting = summary["waiting"]
    parts = [
        f"{count(summary['rotations'], 'rotation')} under way",
        f"{waiting} {'waits' if waiting == 1 else 'wait'} for a person" if waiting else "",
        f"{summary['stuck']} stuck" if summary["stuck"] else "",
    ]
    return f"{', '.join(filter(None, parts))}."
