"""What moved between two documents that are known to differ. The home of deepdiff. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def explain(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The differences of two plan inputs, a line each, in the order of their paths.

    Only called once the digests disagree: comparing whole estates this way would take minutes.
    """
    from deepdiff import DeepDiff

    found = DeepDiff(before, after, ignore_order=True, view="tree")
    lines = []
    for kind, items in found.items():
        for item in items:
            path = ".".join(str(part) for part in item.path(output_format="list"))
            lines.append(_line(kind, path, item.t1, item.t2))
    return tuple(sorted(lines))


def _line(kind: str, path: str, before: object, after: object) -> str:
    if kind.endswith("_added"):
        return f"{path}: new"
    if kind.endswith("_removed"):
        return f"{path}: gone"
    return f"{path}: {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    text = str(value) or "none"
    return f"{text[:19]}…" if text.startswith("sha256:") else text[:60]
