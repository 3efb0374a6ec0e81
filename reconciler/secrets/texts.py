"""What the stores have in common: values inside other documents, and packages that may be missing.

Pure. No message ever carries a value.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import accept, refused, without_newline


def storable(secret: Secret, ref: SecretRef) -> str:
    """The value, when it could be read back. Raises SecretError for what no credential can be."""
    value = secret.reveal()
    if accept(value.encode(errors="surrogatepass"), ref) is None:
        raise refused(ref, "a secret cannot be emptied", "remove it instead")
    return value


def found_text(value: object, ref: SecretRef) -> Secret | None:
    """The secret that a store gave, without one line break at its end; None for null and empty.

    Raises:
        SecretError: it is no text, or what no credential can be.
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        return accept(without_newline(value), ref)
    if not isinstance(value, str):
        raise refused(ref, f"it is {_kind(value)}, not text", "store the secret as a string")
    return accept(without_newline(value.encode(errors="surrogatepass")), ref)


def pairs_of(text: str | bytes, ref: SecretRef) -> dict[str, Any]:
    """The JSON object that *text* holds. Raises SecretError where it holds none."""
    try:
        pairs = json.loads(text)
    except ValueError:
        pairs = None
    if isinstance(pairs, dict):
        return pairs
    # Raised out here: inside `except` the error would chain the one that holds the text.
    raise refused(
        ref,
        "the secret is no JSON object, so it has no keys",
        "store it as a JSON object, or leave out `#` and what follows to mean the whole",
    )


def not_installed(ref: SecretRef, package: str, extra: str) -> SecretError:
    """The optional package behind a source is missing."""
    return refused(
        ref,
        f"it needs the package {package}, which is not installed",
        f"run `pip install 'scm-reconciler[{extra}]'`",
    )


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
