"""The identity of a connection everywhere: YAML, registry, plan, report."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME_PATTERN = r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$"
"""Names in ``metadata.name``: lower case, digits, ``.``, ``_`` and ``-``; at most 63 characters."""

_NAME = re.compile(NAME_PATTERN)
_PREFIX = "connection."


@dataclass(frozen=True, slots=True, order=True)
class ConnectionAddress:
    """``connection.NAME``."""

    name: str

    def __str__(self) -> str:
        return f"{_PREFIX}{self.name}"

    @classmethod
    def parse(cls, text: str) -> ConnectionAddress:
        """Read ``connection.NAME`` or a bare ``NAME``.

        Raises:
            ValueError: the name breaks NAME_PATTERN.
        """
        name = text.removeprefix(_PREFIX)
        if not is_name(name):
            raise ValueError(f"{text!r} is not a connection name")
        return cls(name)


def is_name(text: str) -> bool:
    """Whether *text* keeps to NAME_PATTERN."""
    return _NAME.fullmatch(text) is not None
