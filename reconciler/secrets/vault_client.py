"""One client of Vault or OpenBao: where it is, how it is asked, what its answers mean.

Home of hvac. The key-value engine, version 2, and the errors are those of
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and
https://developer.hashicorp.com/vault/api-docs#http-status-codes; OpenBao answers alike:
https://openbao.org/api-docs/secret/kv/kv-v2/ [documented, 2026-11-21].

Foreign exceptions and error bodies never leave this module: they may quote headers and bodies, and
so the token or a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from reconciler.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import refused
from reconciler.secrets.settle import Setback
from reconciler.secrets.texts import not_installed
from reconciler.secrets.vault_reply import PASSING, Reply, trouble_of

if TYPE_CHECKING:
    import requests

TIMEOUT_S: Final = (5.0, 15.0)
"""To connect; between two pieces of an answer."""

RETRIES: Final = 2
"""Further attempts of a read that met a fault of the moment."""

_PAUSE_S: Final = 0.1
_POOL: Final = 16
"""Connections kept open; more readers than that at once wait for no one but cost a connection."""

_MOUNTS = "/v1/sys/internal/ui/mounts/"
"""Tells the mount of a path to any token that may use something there; Vault's own command asks it.

Observed in recorded sessions of that command, with the 403 for a mount that is not told
[2026-11-21]; its answer's shape: https://developer.hashicorp.com/vault/api-docs/system/mounts.
"""


@dataclass(frozen=True, slots=True)
class Access:
    """Where Vault is and what lets us in. ``family`` is the prefix of the variables: VAULT, BAO."""

    family: str
    address: str
    token: Secret
    namespace: str
    ca_file: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The latest version of a secret: its fields, none when it is deleted; 0 for no version."""

    fields: Mapping[str, object] = field(repr=False)
    version: int


def access_from(environ: Mapping[str, str], ref: SecretRef) -> Access:
    """What the environment says about Vault, or else about OpenBao.

    OpenBao's own names are those of Vault with ``BAO_`` in front
    (https://openbao.org/docs/commands/#configure-environment-variables) [documented, 2026-11-21].
    The two are not mixed: the token of one service is never sent to the other.

    Raises:
        SecretError: no address or token, or an address that would show the token to others.
    """
    family = "BAO" if environ.get("BAO_ADDR") and not environ.get("VAULT_ADDR") else "VAULT"
    address = environ.get(f"{family}_ADDR", "").strip().rstrip("/")
    if not address:
        raise refused(
            ref,
            "VAULT_ADDR is not set",
            "set it, or BAO_ADDR for OpenBao, to an address such as https://vault.example.org:8200",
        )
    _check_address(address, f"{family}_ADDR", ref)
    token = environ.get(f"{family}_TOKEN", "").strip()
    if not token:
        raise refused(
            ref,
            f"{family}_TOKEN is not set",
            "set it to a token whose policy allows this path",
        )
    return Access(
        family=family,
        address=address,
        token=Secret(token),
        namespace=environ.get(f"{family}_NAMESPACE", "").strip(),
        ca_file=environ.get(f"{family}_CACERT", "").strip(),
    )


def _check_address(address: str, name: str, ref: SecretRef) -> None:
    from reconciler.transport.wire import is_loopback

    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), ""
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise refused(
            ref, f"{name} is not an address", "write it as https://vault.example.org:8200"
        )
    if parts.username is not None:
        raise refused(ref, f"{name} holds a user name", "leave it out; the token alone lets in")
    if parts.scheme == "http" and not is_loopback(host):
        raise refused(
            ref,
            f"{name} would send the token to {host} over plain http",
            "write https:// (http is for loopback)",
        )


class VaultClient:
    """Asks one Vault. Safe for use from several threads."""

    def __init__(self, access: Access, ref: SecretRef) -> None:
        """Open nothing yet. Raises SecretError where hvac is not installed."""
        self.access = access
        self._hvac = _open(access, ref)
        self._mounts: dict[str, str] = {}

    def look(self, ref: SecretRef) -> Stored:
        """The secret that holds the field of *ref*.

        Raises:
            SecretError: it cannot be read.
        """
        mount, path = self._home(ref)
        reply = self._ask(
            lambda: self._hvac.secrets.kv.v2.read_secret_version(
                path, mount_point=mount, raise_on_deleted_version=True
            )
        )
        match reply:
            case Reply(
                200 | 404,
                {"data": {"data": None | dict() as fields, "metadata": {"version": int(version)}}},
            ):
                return Stored(fields or {}, version)
            case Reply(404, {}) if not reply.says("no handler"):
                return Stored({}, 0)
        raise self._refusal(reply, ref, "read")

    def put(self, ref: SecretRef, fields: Mapping[str, object], version: int) -> Setback | None:
        """Store *fields* as the version after *version*; nothing happens when another came first.

        Returns:
            None when it is stored; otherwise why it may not be. Looking again tells.

        Raises:
            SecretError: it is certainly not stored, and another attempt would meet the same.
        """
        mount, path = self._home(ref)
        reply = self._ask(
            lambda: self._hvac.secrets.kv.v2.create_or_update_secret(
                path, dict(fields), cas=version, mount_point=mount
            )
        )
        match reply:
            case Reply(200, {"data": {"version": int()}}):
                return None
            case Reply(400) if reply.says("check-and-set"):
                error = refused(ref, "others keep changing the secret", "run again in a while")
                return Setback(error, is_race=True)
            case Reply(status) if status in (0, 200, *PASSING) and not reply.says("sealed"):
                return Setback(self._refusal(reply, ref, "written"), is_race=False)
        raise self._refusal(reply, ref, "written")

    def _home(self, ref: SecretRef) -> tuple[str, str]:
        """Mount and path. A token that may not know the mount means the first word of the place."""
        place = ref.location[0]
        if any(word in ("", ".", "..") for word in place.split("/")):
            raise refused(ref, "it is not a path of a secret", "write MOUNT/PATH#FIELD")
        mount = next((m for m in self._mounts if place.startswith(m)), "") or self._mount(ref)
        mount = mount or place.partition("/")[0] + "/"
        return mount.rstrip("/"), place.removeprefix(mount)

    def _mount(self, ref: SecretRef) -> str:
        """The mount of the secret, remembered; empty when it is not told.

        Raises:
            SecretError: it is there and is no key-value store of version 2.
        """
        place = ref.location[0]
        reply = self._ask(lambda: self._hvac.adapter.get(_MOUNTS + quote(place)))
        match reply:
            case Reply(200, {"data": {"path": str(mount), "type": str(kind)} as data}):
                version = str((data.get("options") or {}).get("version", "1"))
            case Reply(403 | 404 | 405):
                return ""
            case _:
                raise self._refusal(reply, ref, "read")
        if kind not in ("kv", "generic") or version != "2":
            what = f"a key-value store of version {version}" if kind == "kv" else f"of kind {kind}"
            raise refused(
                ref,
                f"the mount {mount.rstrip('/')} is {what}",
                "name a key-value store of version 2; "
                f"`vault kv enable-versioning {mount.rstrip('/')}` makes one of version 1 such",
            )
        if not place.startswith(mount):
            raise refused(ref, "it names a mount and no secret in it", "write MOUNT/PATH#FIELD")
        self._mounts[mount] = version
        return mount

    def _ask(self, call: Callable[[], requests.Response]) -> Reply:
        try:
            answer = call()
        except (OSError, ValueError) as error:
            # requests' own exceptions are OSErrors; a broken CA file or header is one or the other.
            return Reply(0, trouble=trouble_of(error))
        try:
            body = answer.json()
        except ValueError:
            body = None
        return Reply(answer.status_code, body if isinstance(body, dict) else None)

    def _refusal(self, reply: Reply, ref: SecretRef, done: str) -> SecretError:
        access = self.access
        cause, hint = reply.why(urlsplit(access.address).netloc, access.family, done)
        return refused(ref, f"it cannot be {done}: {cause}", hint)


def _open(access: Access, ref: SecretRef) -> Any:
    try:
        import hvac  # type: ignore[import-untyped]  # it declares no types
        import requests
        from urllib3.util import Retry
    except ImportError as error:
        raise not_installed(ref, "hvac", "vault") from error
    session = requests.Session()
    if access.address.startswith("http:"):
        session.trust_env = False  # a proxy would carry the token off this machine in the clear
    patience = Retry(
        total=RETRIES,
        redirect=0,
        allowed_methods=("GET",),
        status_forcelist=PASSING,
        backoff_factor=_PAUSE_S,
        raise_on_status=False,
        respect_retry_after_header=False,  # it may ask for hours
    )
    carrier = requests.adapters.HTTPAdapter(pool_maxsize=_POOL, max_retries=patience)
    session.mount("https://", carrier)
    session.mount("http://", carrier)
    session.verify = access.ca_file or True
    return hvac.Client(
        url=access.address,
        token=access.token.reveal(),
        namespace=access.namespace or None,
        timeout=TIMEOUT_S,
        verify=access.ca_file or True,
        # requests takes the token along to the host of a redirect: only Authorization is dropped.
        allow_redirects=False,
        session=session,
        adapter=hvac.adapters.RawAdapter,
        ignore_exceptions=True,
    )
