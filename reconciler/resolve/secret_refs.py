"""References to secrets, and where their successors may be put. Pure: no file is looked at."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from reconciler.errors import SourceMark
from reconciler.model.secret import SecretRef

_PARTS = {"vault": "#", "aws": "#", "keyring": "/"}
"""What parts the two halves of a location: path and field, name and key, service and user."""


def secret_ref(value: Mapping[str, str | Sequence[str]], root: str, where: SourceMark) -> SecretRef:
    """One of the references of `SecretRef`; the schema has accepted it.

    Args:
        value: exactly one source with its location.
        root: the project's folder, which relative paths are relative to.
        where: the place of the reference.
    """
    source, location = next(iter(value.items()))
    if source == "file":
        path = posixpath.normpath(posixpath.join(root, str(location)))
        return SecretRef("file", (path,), where)
    if source in _PARTS and isinstance(location, str):
        parts = location.rpartition if source == "keyring" else location.partition
        head, _, tail = parts(_PARTS[source])
        return SecretRef(source, (head, tail), where)
    words = (location,) if isinstance(location, str) else tuple(location)
    return SecretRef(source, words, where)


def successor_of(secret: SecretRef | None) -> SecretRef | None:
    """Where a new secret goes while the old one works; None where nothing can be derived."""
    match secret:
        case SecretRef("env", (name,)):
            return SecretRef("env", (f"{name}_NEXT",), secret.where)
        case SecretRef("file", (path,)):
            return SecretRef("file", (f"{path}.next",), secret.where)
        case SecretRef("vault" | "keyring" as source, (home, name)):
            return SecretRef(source, (home, f"{name}-next"), secret.where)
        case SecretRef("aws", (name, key)):
            return SecretRef("aws", (name, key, "AWSPENDING"), secret.where)
        case _:
            return None
