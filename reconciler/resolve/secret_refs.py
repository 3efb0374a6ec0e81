"""References to secrets, and where their successors may be put. Pure: no file is looked at."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from reconciler.errors import SourceMark
from reconciler.model.secret import SecretRef


def secret_ref(value: Mapping[str, str | Sequence[str]], root: str, where: SourceMark) -> SecretRef:
    """``{env: NAME}``, ``{file: PATH}`` or ``{exec: [argv…]}``; the schema has accepted it.

    Args:
        value: exactly one of the three.
        root: the project's folder, which relative paths are relative to.
        where: the place of the reference.
    """
    source, location = next(iter(value.items()))
    if source == "file":
        path = posixpath.normpath(posixpath.join(root, str(location)))
        return SecretRef("file", (path,), where)
    words = (location,) if isinstance(location, str) else tuple(location)
    return SecretRef(source, words, where)


def successor_of(secret: SecretRef | None) -> SecretRef | None:
    """Where a new secret goes while the old one works; None where nothing can be derived."""
    match secret:
        case SecretRef("env", (name,)):
            return SecretRef("env", (f"{name}_NEXT",), secret.where)
        case SecretRef("file", (path,)):
            return SecretRef("file", (f"{path}.next",), secret.where)
        case _:
            return None
