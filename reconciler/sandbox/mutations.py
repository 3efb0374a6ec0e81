"""What faults do to a JSON body. Pure: bytes in, bytes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from reconciler.sandbox.answers import encode
from reconciler.sandbox.faults import Fault, FaultKind

STRANGE = {"x_rollout": {"bucket": 7, "flags": ["a", None]}, "x_trace": "c0ffee"}
"""Fields that nobody documented."""


def mutate(body: bytes, fault: Fault, trap: str) -> bytes:
    """*body* after *fault*; *trap* is the address of a host where no credential belongs."""
    if fault.kind is FaultKind.TRUNCATED:
        return body[: len(body) // 2]
    change = _CHANGES.get(fault.kind)
    if change is None:
        return body
    try:
        parsed = json.loads(body)
    except ValueError:
        return body
    return encode(change(parsed, fault, trap))


def elsewhere(url: str, fault: Fault, trap: str) -> str:
    """*url*'s path and query at the trap, or at the base address that the fault names."""
    parts = urlsplit(url)
    base = fault.value if isinstance(fault.value, str) else trap
    query = f"?{parts.query}" if parts.query else ""
    return f"{base.rstrip('/')}{parts.path}{query}"


def _missing_next(body: Any, _fault: Fault, _trap: str) -> Any:
    if isinstance(body, dict):
        body.pop("next", None)
        body.pop("nextPageStart", None)
    return body


def _foreign_next(body: Any, fault: Fault, trap: str) -> Any:
    if isinstance(body, dict) and isinstance(body.get("next"), str):
        body["next"] = elsewhere(body["next"], fault, trap)
    return body


def _shrink(body: Any, fault: Fault, _trap: str) -> Any:
    if isinstance(body, dict) and isinstance(body.get("size"), int):
        body["size"] += int(fault.value or 1)
    return body


def _unknown_fields(body: Any, _fault: Fault, _trap: str) -> Any:
    return _walk(body, lambda found: found | STRANGE)


def _missing_fields(body: Any, fault: Fault, _trap: str) -> Any:
    names = set(str(fault.value or "").split(","))
    return _walk(body, lambda found: {k: v for k, v in found.items() if k not in names})


def _other_values(body: Any, fault: Fault, _trap: str) -> Any:
    given = dict(pair.split("=", 1) for pair in str(fault.value or "").split(",") if "=" in pair)
    return _walk(body, lambda found: {k: given.get(k, v) for k, v in found.items()})


def _walk(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return change({key: _walk(item, change) for key, item in value.items()})
    return value


_CHANGES: dict[FaultKind, Callable[[Any, Fault, str], Any]] = {
    FaultKind.MISSING_NEXT: _missing_next,
    FaultKind.FOREIGN_NEXT: _foreign_next,
    FaultKind.SHRINK: _shrink,
    FaultKind.UNKNOWN_FIELDS: _unknown_fields,
    FaultKind.MISSING_FIELDS: _missing_fields,
    FaultKind.OTHER_VALUES: _other_values,
}
