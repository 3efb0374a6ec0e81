"""Reads secrets through their sources; a source that fails becomes words."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from reconciler.ports.secrets import SecretSource


def read_secret(
    ref: SecretRef | None, sources: Mapping[str, SecretSource]
) -> tuple[Secret | None, str]:
    """The secret behind *ref*, or None and the sentence that says why there is none."""
    if ref is None:
        return None, "no secret is declared"
    source = sources.get(ref.source)
    if source is None:
        return None, f"secrets from {ref.source!r} are not supported by this installation"
    try:
        secret = source.read(ref)
    except SecretError as error:
        return None, f"{error.cause} ({error.hint})"
    return secret, "" if secret else f"{ref.place} is not set"
