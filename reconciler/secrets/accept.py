"""What may pass as a secret, whatever its source. Pure. No message ever carries the value."""

from __future__ import annotations

import unicodedata
from typing import Final

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef

MOST_BYTES: Final = 64 * 1024
"""No token is longer; a reference to a wrong file usually is."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})


def accept(raw: bytes, ref: SecretRef) -> Secret | None:
    """Make a secret of the bytes of a source; None when there are none.

    Raises:
        SecretError: too long, not UTF-8, or holding a line break or another invisible character,
            which a credential never has and which a header would not survive.
    """
    if len(raw) > MOST_BYTES:
        raise refused(ref, "it is longer than 64 KiB", "point the reference at the secret alone")
    text = _decoded(raw)
    if text is None:
        # Raised out here: inside `except` the error would chain the one that holds the bytes.
        raise refused(ref, "it is not UTF-8 text", "store it as UTF-8")
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        raise refused(
            ref,
            "it holds a line break or another control character",
            "keep the secret alone, on one line; one line break at the end is taken off",
        )
    return Secret(text) if text else None


def without_newline(raw: bytes) -> bytes:
    """*raw* without one line break at its end, as editors and `echo` leave it."""
    return raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw


def refused(ref: SecretRef, cause: str, hint: str) -> SecretError:
    """An error about the place of a secret."""
    return SecretError(f"{ref.place}: {cause}", hint=hint, where=ref.where)


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
