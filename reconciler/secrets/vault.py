"""``{vault: "MOUNT/PATH#FIELD"}``: one field of a secret in Vault's or OpenBao's key-value store.

Version 2 of the engine. A write replaces one field and keeps the others: the secret is read, and
stored as the version after the one that was read, or not at all (check-and-set). Whoever is beaten
by another writer starts anew, and so nobody's field is lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Lock

from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.settle import settle
from reconciler.secrets.texts import found_text, storable
from reconciler.secrets.vault_client import Stored, VaultClient, access_from

Fields = Mapping[str, object]


class VaultSource:
    """The server that VAULT_ADDR or BAO_ADDR names; one client for as long as that is the same."""

    can_write = True

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._lock = Lock()
        self._client: VaultClient | None = None

    def read(self, ref: SecretRef) -> Secret | None:
        """The field's value; None when the secret or the field is not there, is null or empty.

        Raises:
            SecretError: Vault cannot be reached, is sealed, refuses the token, or the field is not
                text that a credential can be.
        """
        return found_text(self._open(ref).look(ref).fields.get(ref.location[1]), ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Replace the field in a new version of the secret; an answer that is lost is looked for.

        Raises:
            SecretError: as for `read`; or it is not known whether the write arrived.
        """
        value = storable(secret, ref)
        self._change(ref, lambda fields: {**fields, ref.location[1]: value})

    def remove(self, ref: SecretRef) -> None:
        """Take the field out; a secret without fields stays, and its older versions too.

        The last field is not taken out by deleting: a deletion asks for no version, and could hit
        a field that somebody else has just added. Raises SecretError.
        """
        self._change(ref, lambda fields: {k: v for k, v in fields.items() if k != ref.location[1]})

    def _open(self, ref: SecretRef) -> VaultClient:
        access = access_from(os.environ, ref)
        with self._lock:
            if self._client is None or self._client.access != access:
                self._client = VaultClient(access, ref)
            return self._client

    def _change(self, ref: SecretRef, change: Callable[[Fields], Fields]) -> None:
        """Store the changed fields, unless they are already as they shall be."""
        client = self._open(ref)

        def look() -> tuple[Stored, Fields]:
            stored = client.look(ref)
            return stored, change(stored.fields)

        settle(
            look,
            lambda seen: seen[0].fields == seen[1],
            lambda seen: client.put(ref, seen[1], seen[0].version),
        )
