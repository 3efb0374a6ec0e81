"""Where secrets live."""

from __future__ import annotations

from typing import Protocol

from reconciler.model.secret import Secret, SecretRef


class SecretSource(Protocol):
    """One kind of source: ``env``, ``file``, ``exec``, ``vault``, ``aws``, ``keyring``.

    Used from several threads at once. Nothing is asked and no optional package is imported before
    the first call. No error of any kind carries a secret, nor is chained to one that does.
    """

    can_write: bool

    def read(self, ref: SecretRef) -> Secret | None:
        """The secret; None when its place exists no more or not yet (never an empty Secret).

        Raises:
            SecretError: the place is there and cannot be read, or breaks a rule (permissions); or
                its store cannot be asked: never None from ignorance.
        """
        ...

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Replace the secret atomically. What lies beside it (other fields, other keys) stays.

        Raises:
            SecretError: the source is read-only, refuses, or it is not known whether the write
                arrived; a lost answer alone is no error, the source looks for itself.
        """
        ...

    def remove(self, ref: SecretRef) -> None:
        """Take the secret away. Already gone is success."""
        ...
