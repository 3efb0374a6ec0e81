"""HTTP access tokens: what they are, how they are made, when they work. No HTTP here.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Authentication" (access tokens)
[documented, 2026-11-21]. The shape of a secret, ``BBDC-`` and base64 of the id, a colon and 20
bytes, is recorded, as are ids of twelve digits. That expired tokens stay in lists is assumed.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from reconciler.sandbox.credentials import digest
from reconciler.sandbox.identity import Ids
from reconciler.sandbox.settings import Clock

PREFIX = "BBDC-"
RANDOM_BYTES = 20
USER_LEVEL, PROJECT_LEVEL, REPOSITORY_LEVEL = "user", "project", "repository"


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret.

    Args:
        id: digits, as text.
        kind: ``user``, ``project`` or ``repository``.
        owner: name of the user as whom it acts.
        target: numeric id of the project or repository; of the user at level ``user``.
        name: free text.
        permissions: as they are stored.
        created_at: UTC.
        expires_at: UTC; None never.
        last_used_at: UTC; None before the first use.
        revoked_at: UTC; None while it was not.
    """

    id: str
    kind: str
    owner: str
    target: int
    name: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def home(self) -> tuple[str, int]:
        """Where it lives."""
        return self.kind, self.target

    @property
    def is_user_level(self) -> bool:
        """Whether it is a user's own, which alone may be shown as a Basic password."""
        return self.kind == USER_LEVEL

    def is_expired(self, now: datetime) -> bool:
        """Whether its end has come."""
        return self.expires_at is not None and now >= self.expires_at

    def works(self, now: datetime, lag: timedelta = timedelta()) -> bool:
        """Whether it lets in; *lag* is how late the instance learns of making and revoking."""
        is_revoked = self.revoked_at is not None and now >= self.revoked_at + lag
        return not is_revoked and not self.is_expired(now) and now >= self.created_at + lag


@dataclass(frozen=True, slots=True)
class Minted:
    """A new credential and its secret, which is shown this once."""

    token: str = field(repr=False)
    id: str
    refresh_token: str = field(default="", repr=False)


class Shelf:
    """Every token ever made; those revoked are remembered but not listed."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._ids = Ids(seed, "bitbucket-data-center tokens")
        self._by_id: dict[str, Token] = {}
        self._by_digest: dict[str, str] = {}
        self._lock = Lock()

    def mint(self, draft: Token, expiry_days: float | None) -> tuple[Token, str]:
        """Keep *draft* under a new id; the token and its secret."""
        now = self._clock.now()
        ends = None if expiry_days is None else now + timedelta(days=expiry_days)
        number = str(self._ids.number(10**11, 10**12 - 1))
        made = replace(draft, id=number, created_at=now, expires_at=ends)
        secret = secret_of(number)
        self._by_id[number] = made
        self._by_digest[digest(secret)] = number
        return made, secret

    def find(self, secret: str) -> Token | None:
        """The token of a secret, alive or dead."""
        number = self._by_digest.get(digest(secret))
        return None if number is None else self._by_id[number]

    def get(self, secret_or_id: str) -> Token | None:
        """The token by its id or its secret, alive or dead."""
        return self._by_id.get(secret_or_id) or self.find(secret_or_id)

    def all(self) -> tuple[Token, ...]:
        """Every token ever made, oldest first."""
        return tuple(self._by_id.values())

    def at(self, home: tuple[str, int]) -> list[Token]:
        """The tokens of a home that were not revoked, newest first."""
        found = [t for t in self.all() if t.home == home and t.revoked_at is None]
        return list(reversed(found))

    def change(self, token: Token, **fields: object) -> Token:
        """Change fields of a token, whatever else has changed of it meanwhile."""
        with self._lock:
            changed = replace(self._by_id[token.id], **fields)  # type: ignore[arg-type]  # by name
            self._by_id[token.id] = changed
        return changed

    def revoke(self, token: Token) -> Token:
        """Delete it. Already deleted is success."""
        if token.revoked_at is not None:
            return token
        return self.change(token, revoked_at=self._clock.now())

    def used(self, token: Token) -> Token:
        """Note that it let somebody in."""
        return self.change(token, last_used_at=self._clock.now())


def secret_of(number: str) -> str:
    """A new secret for the token with that id."""
    raw = number.encode() + b":" + secrets.token_bytes(RANDOM_BYTES)
    return PREFIX + base64.b64encode(raw).decode()


def id_in(secret: str) -> str:
    """The id inside a secret; empty when it is none."""
    try:
        raw = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return ""
    number = raw.partition(b":")[0].decode("ascii", errors="replace")
    return number if number.isdecimal() else ""
