"""Where secrets live."""

from __future__ import annotations

from typing import Protocol

from reconciler.model.secret import Secret, SecretRef


class SecretSource(Protocol):
    """One kind of source: ``env``, ``file``, ``exec``."""

    can_write: bool

    def read(self, ref: SecretRef) -> Secret | None:
        """The secret; None when its place exists no more or not yet (never an empty Secret).

        Raises:
            SecretError: the place is there and cannot be read, or breaks a rule (permissions).
        """
        ...

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Replace the secret atomically; raises SecretError where the source is read-only."""
        ...

    def remove(self, ref: SecretRef) -> None:
        """Take the secret away. Already gone is success."""
        ...
