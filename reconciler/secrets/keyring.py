"""``{keyring: "SERVICE/USER"}``: an entry of the system's keyring.

Home of the package keyring: macOS Keychain, Secret Service, KWallet and whatever else is installed
as a backend (https://keyring.readthedocs.io/en/latest/) [documented, 2026-11-21]. Which one is used
is its own setting (``PYTHON_KEYRING_BACKEND``, ``keyringrc.cfg``). A locked keyring may ask the
person at the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import refused
from reconciler.secrets.texts import found_text, not_installed, storable

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Result = TypeVar("Result")

_ONE_AT_A_TIME = Lock()
"""Backends need not be fit for threads: those that keep a file read, change and write all of it."""


class KeyringSource:
    """The keyring of whoever runs this process."""

    can_write = True

    def read(self, ref: SecretRef) -> Secret | None:
        """The entry's password; None when there is none or it is empty.

        Raises:
            SecretError: there is no keyring, it is locked, or the value cannot be a credential.
        """
        service, user = ref.location
        return found_text(_use(ref, "read", lambda ring: ring.get_password(service, user)), ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Replace the password; read back, because the null backend keeps nothing and says nothing.

        Raises:
            SecretError: as for `read`, or the keyring did not keep it.
        """
        value, (service, user) = storable(secret, ref), ref.location

        def put(ring: KeyringBackend) -> bool:
            ring.set_password(service, user, value)
            return ring.get_password(service, user) == value

        if not _use(ref, "written", put):
            raise refused(
                ref,
                "the keyring does not give back what was written",
                "choose another backend; `keyring diagnose` shows the one in use",
            )

    def remove(self, ref: SecretRef) -> None:
        """Delete the entry. Already gone is success. Raises SecretError."""
        service, user = ref.location

        def take_away(ring: KeyringBackend) -> None:
            if ring.get_password(service, user) is not None:
                ring.delete_password(service, user)

        _use(ref, "removed", take_away)


def _use(ref: SecretRef, done: str, action: Callable[[KeyringBackend], Result]) -> Result:
    """Do *action* with the keyring. Raises SecretError, chained to nothing that quotes a value."""
    try:
        import keyring
    except ImportError as error:
        raise not_installed(ref, "keyring", "keyring") from error
    try:
        with _ONE_AT_A_TIME:
            return action(keyring.get_keyring())
    except Exception as error:  # noqa: BLE001  backends are plug-ins and raise what they like
        refusal = _refusal(ref, done, error)
    raise refusal


def _refusal(ref: SecretRef, done: str, error: Exception) -> SecretError:
    from keyring.errors import KeyringLocked, NoKeyringError

    match error:
        case NoKeyringError():
            cause, hint = (
                "there is no keyring on this machine",
                "install a backend, as on https://pypi.org/project/keyring, or use another source",
            )
        case KeyringLocked():
            cause, hint = "the keyring is locked", "unlock it and run again"
        case _:
            cause = f"the keyring failed with {type(error).__name__}"
            hint = "`keyring diagnose` shows the backend in use; try `keyring get SERVICE USER`"
    return refused(ref, f"it cannot be {done}: {cause}", hint)
