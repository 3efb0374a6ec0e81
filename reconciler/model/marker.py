"""The ownership marker in a live connection's display name.

``ox-acme [reconciler 1a2b3c4d-2]``: the connection, the first eight digits of the registry's
lineage, and the generation of its credential. A create whose answer was lost is found again by
it, and nothing without it is ever taken over unasked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.model.address import is_name

_MARKER = re.compile(r"(?P<name>\S+) \[reconciler (?P<lineage>[0-9a-f]{8})-(?P<gen>[0-9]{1,9})\]")


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose connection a live one is."""

    name: str
    lineage: str
    generation: int

    def __str__(self) -> str:
        return f"{self.name} [reconciler {self.lineage}-{self.generation}]"


def mark(name: str, lineage: str, generation: int) -> Marker:
    """The marker for a connection under a registry's full lineage."""
    return Marker(name, lineage.replace("-", "")[:8], generation)


def read_marker(display_name: str, lineage: str) -> Marker | None:
    """The marker in *display_name* when it is of this registry; None for anybody else's."""
    found = _MARKER.fullmatch(display_name)
    if found is None or not lineage or not is_name(found["name"]):
        return None
    marker = Marker(found["name"], found["lineage"], int(found["gen"]))
    return marker if marker.lineage == lineage.replace("-", "")[:8] else None


def generation_in(display_name: str) -> int:
    """The generation in a marked display name; 0 where there is no marker."""
    found = _MARKER.fullmatch(display_name)
    return int(found["gen"]) if found else 0
