"""What moved between two documents that are known to differ. The home of deepdiff. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def explain(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The differences of two plan inputs, a line each, in the order of their paths.

    Only called once the digests disagree: comparing whole estates this way would take minutes.
    """
    from deepdiff import DeepDiff

    found = DeepDiff(before, after, ignore_order=True, view="tree")
    lines = (
        _line(kind, item.path(output_format="list"), item.t1, item.t2)
        for kind, items in found.items()
        for item in items
    )
    return tuple(sorted(lines))


_LIVE = "live_fingerprints"
_DEEP = 3
_PARTS = {
    "connection": "the connection at the consumer changed",
    "selection": "its selection at the consumer changed",
    "repositories": "the repositories that it means, or their names, changed",
    "credential": "its credential, or what the provider says of it, changed",
}


def _line(kind: str, parts: Sequence[object], before: object, after: object) -> str:
    if len(parts) == _DEEP and parts[0] == _LIVE and parts[2] in _PARTS:
        return f"{parts[1]}: {_PARTS[str(parts[2])]}"
    path = ".".join(str(part) for part in parts if part != _LIVE)
    if kind.endswith("_added"):
        return f"{path}: new"
    if kind.endswith("_removed"):
        return f"{path}: gone"
    return f"{path}: {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    text = str(value) or "none"
    return f"{text[:19]}…" if text.startswith("sha256:") else text[:60]
