"""Lines of `verify` → their document. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.standing import VerifyLine
from reconciler.report.outline import FORMAT_VERSION, Document


def verify_document(lines: Sequence[VerifyLine]) -> Document:
    """Every connection and whether it works end to end."""
    good = sum(line.ok for line in lines)
    return {
        "format_version": FORMAT_VERSION,
        "ok": good == len(lines),
        "connections": [
            {
                "address": str(line.address),
                "name": line.address.name,
                "ok": line.ok,
                "severity": line.severity.value,
                "summary": line.summary,
                "hint": line.hint,
                "details": list(line.details),
            }
            for line in lines
        ],
        "summary": {"connections": len(lines), "ok": good, "failed": len(lines) - good},
    }
