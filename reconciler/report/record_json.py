"""One connection as the registry holds it → its document and text. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler.model.record import Operation, Record
from reconciler.report.escape import visible_everywhere
from reconciler.report.outline import FORMAT_VERSION, Document, place, stamp
from reconciler.report.paint import Paint
from reconciler.report.terminal_blocks import Row, capped, rows_text, value_text
from reconciler.report.words import count


def record_document(record: Record, operation: Operation | None) -> Document:
    """A record and what is in flight for it. ``fingerprint`` is a keyed HMAC, never a secret."""
    return {
        "format_version": FORMAT_VERSION,
        "address": str(record.address),
        "name": record.address.name,
        "serial": record.serial,
        "source": place(record.source),
        "consumer": record.consumer,
        "profile": record.profile,
        "account": record.account,
        "provider": record.provider,
        "method": record.method.value,
        "username": record.username,
        "live_id": record.live_id,
        "generation": record.generation,
        "fingerprint": record.fingerprint,
        "scopes": list(record.scopes),
        "credential_since": stamp(record.credential_since),
        "expires_at": _optional(record.expires_at),
        "follows_new": record.follows_new,
        "protect": record.protect,
        "manage": sorted(kind.value for kind in record.manage),
        "labels": dict(sorted(record.labels.items())),
        "repositories": [
            {"id": key, "name": chosen.name, "orphaned": chosen.orphaned}
            for key, chosen in sorted(record.selection.items(), key=lambda item: item[1].name)
        ],
        "operation": None if operation is None else _operation(operation),
    }


def _optional(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def _operation(operation: Operation) -> Document:
    return {
        "action": operation.kind.value,
        "state": operation.state.value,
        "step": operation.step,
        "since": stamp(operation.since),
        "acknowledged": sorted(operation.acknowledged),
    }


def render_record(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """A record as text; ends with a newline."""
    shown = visible_everywhere(doc)
    skipped = ("format_version", "address", "name", "source", "repositories", "operation")
    rows = [Row("", key, value_text(v)) for key, v in shown.items() if key not in skipped]
    names = [f"  {value_text(r['name'])}" for r in shown["repositories"]]
    title = count(len(names), "repository", "repositories")
    lines = [paint.bold(f"# {shown['address']}"), *rows_text(rows, paint, indent=2)]
    lines += [f"   {title}:", *(f"    {line}" for line in capped(names))]
    if shown["operation"]:
        going = shown["operation"]
        lines.append(
            f"   {going['action']} is {going['state']} at {going['step']} since {going['since']}"
        )
    return "\n".join(lines) + "\n"
