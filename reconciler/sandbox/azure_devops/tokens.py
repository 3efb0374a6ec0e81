"""Credentials as Azure DevOps keeps them: the owner sees the secret once, we keep a digest.

Source: the form of a PAT: https://learn.microsoft.com/purview/sit-defn-azure-devops-personal-access-token
[documented, 2026-11-21].
"""

from __future__ import annotations

import base64
import json
import secrets
import string
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.sandbox.credentials import digest

_LETTERS = string.ascii_letters + string.digits
_MARK = "AZDO"
_BEFORE_MARK = 76
_AFTER_MARK = 4

RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps as a resource of Microsoft Entra."""


@dataclass(frozen=True, slots=True)
class Pat:
    """One personal access token, without its secret.

    Args:
        id: the authorizationId, a guid.
        name: the display name; not unique.
        scopes: identifiers as they were asked for, in that order.
        owner: id of the user.
        valid_from: UTC, made then.
        valid_to: UTC.
        targets: guids of the organizations it is for; None is all of the owner's.
        revoked_at: UTC; None while it is not.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    owner: str
    valid_from: datetime
    valid_to: datetime
    targets: tuple[str, ...] | None
    revoked_at: datetime | None = None

    @property
    def scope(self) -> str:
        """The scopes on the wire."""
        return " ".join(self.scopes)

    def status(self, now: datetime) -> str:
        """``active``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.valid_to else "expired"


@dataclass(frozen=True, slots=True)
class Bearer:
    """One access token of Entra, without its secret.

    Args:
        id: ours.
        subject: id of the user or of the service principal.
        is_user: a person signed in; False for client credentials.
        scopes: ``user_impersonation`` is everything.
        expires_at: UTC.
        is_revoked: dead for good.
    """

    id: str
    subject: str
    is_user: bool
    scopes: tuple[str, ...]
    expires_at: datetime
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Minted:
    """A new credential and its secret, which is shown this once."""

    token: str = field(repr=False)
    id: str


class Safe:
    """Every credential ever issued, alive or dead."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._pats: dict[str, Pat] = {}
        self._bearers: dict[str, Bearer] = {}

    def keep_pat(self, pat: Pat) -> Minted:
        """Keep *pat* and make its secret."""
        token = new_pat_secret()
        self._ids[digest(token)] = pat.id
        self._pats[pat.id] = pat
        return Minted(token, pat.id)

    def keep_bearer(self, bearer: Bearer, token: str) -> Minted:
        """Keep *bearer* under *token*."""
        self._ids[digest(token)] = bearer.id
        self._bearers[bearer.id] = bearer
        return Minted(token, bearer.id)

    def change(self, pat: Pat) -> Pat:
        """Put a changed PAT in the place of the old one; its secret stays."""
        self._pats[pat.id] = pat
        return pat

    def pat_of(self, secret: str) -> Pat | None:
        """The PAT of a secret, dead or alive."""
        return self._pats.get(self._ids.get(digest(secret), ""))

    def bearer_of(self, secret: str) -> Bearer | None:
        """The bearer of a secret, dead or alive."""
        return self._bearers.get(self._ids.get(digest(secret), ""))

    def id_of(self, secret: str) -> str:
        """The id of whatever has that secret; empty when nothing has."""
        return self._ids.get(digest(secret), "")

    def pat(self, secret_or_id: str) -> Pat | None:
        """The PAT by its id or its secret."""
        return self._pats.get(secret_or_id.lower()) or self.pat_of(secret_or_id)

    def bearer(self, secret_or_id: str) -> Bearer | None:
        """The bearer by its id or its secret."""
        return self._bearers.get(secret_or_id) or self.bearer_of(secret_or_id)

    def kill_bearer(self, bearer: Bearer, at: datetime | None = None) -> None:
        """Revoke a bearer, or let it expire at *at*."""
        dead = replace(bearer, is_revoked=True) if at is None else replace(bearer, expires_at=at)
        self._bearers[bearer.id] = dead

    def pats(self) -> tuple[Pat, ...]:
        """Every PAT, oldest first."""
        return tuple(self._pats.values())


def new_pat_secret() -> str:
    """84 letters and digits with ``AZDO`` at 76..79."""
    before = "".join(secrets.choice(_LETTERS) for _ in range(_BEFORE_MARK))
    return before + _MARK + "".join(secrets.choice(_LETTERS) for _ in range(_AFTER_MARK))


def new_jwt(claims: dict[str, object]) -> str:
    """A token in the shape of a JWT. Its signature is random: only this emulator takes it."""
    header = {"typ": "JWT", "alg": "RS256", "kid": secrets.token_urlsafe(20)}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    return ".".join(_unpadded(part) for part in (*parts, secrets.token_bytes(256)))


def claims_of(token: str) -> dict[str, object]:
    """What a JWT says; empty when it is none. The signature is not looked at."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  header, claims, signature
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _unpadded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def wire_time(moment: datetime) -> str:
    """A time of the token API: rounded to 1/300 s, up to seven decimals, no trailing zeros.

    Source: the official examples of ``tokens/pats`` [documented, 2026-11-21]: ``.319Z`` comes
    back as ``.32Z``.
    """
    whole = rounded(moment)
    third = round(whole.microsecond * 300 / 1_000_000)
    digits = f"{third / 300:.7f}"[2:].rstrip("0")
    return whole.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}" if digits else "") + "Z"


def rounded(moment: datetime) -> datetime:
    """The time with the precision of SQL's datetime."""
    ticks = round(moment.timestamp() * 300)
    return datetime.fromtimestamp(ticks / 300, UTC)


def read_time(text: object) -> datetime | None:
    """An ISO time as a client sent it, UTC unless it says otherwise; None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
