"""``{env: NAME}``: an environment variable. Read-only: a process cannot change its parent's."""

from __future__ import annotations

import os

from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import accept, refused


class EnvSource:
    """Environment variables of this process; an empty one counts as not there."""

    can_write = False

    def read(self, ref: SecretRef) -> Secret | None:
        """The variable's value. Raises SecretError for what no credential can be."""
        return accept(os.environb.get(os.fsencode(ref.location[0]), b""), ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Always refuses."""
        del secret
        raise refused(
            ref,
            "it cannot be written from here",
            "set it where the variable comes from, or use a `file` reference",
        )

    def remove(self, ref: SecretRef) -> None:
        """Refuses while the variable is set."""
        if os.environ.get(ref.location[0]):
            raise refused(
                ref,
                "it cannot be removed from here",
                "unset it where the variable comes from",
            )
