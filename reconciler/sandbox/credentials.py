"""Credentials as Bitbucket Cloud keeps them: the owner sees the secret once, we keep a digest."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class CredentialType(StrEnum):
    """The values of ``X-Credential-Type``. ``oauth`` is reported, the others are recorded."""

    API_TOKEN = "api_token"  # noqa: S105  the name of a type, not a token
    WORKSPACE = "workspace_access_token"
    PROJECT = "project_access_token"
    REPOSITORY = "repo_access_token"
    OAUTH = "oauth"

    @property
    def is_access_token(self) -> bool:
        """Belongs to a workspace, project or repository, not to a user."""
        return self in _ACCESS_TOKENS

    @property
    def prefix(self) -> str:
        """How its secrets begin, for scanners that look for them."""
        if self.is_access_token:
            return "ATCTT3xFfGN0"
        return "ATATT3xFfGF0" if self is CredentialType.API_TOKEN else "eyJhbGciOiJIUzI1NiJ9."


_ACCESS_TOKENS = frozenset(
    {CredentialType.WORKSPACE, CredentialType.PROJECT, CredentialType.REPOSITORY}
)


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential, without its secret.

    Args:
        id: opaque; what ``X-Token-Id`` shows for API tokens.
        type: which kind.
        scopes: granular for API tokens, classic for all others.
        owner: uuid of the user; empty for access tokens and client credentials.
        workspace: uuid of the workspace it is limited to; empty when it is not.
        target: project key or repository uuid of a narrower access token.
        name: label given by its maker.
        created_on: UTC.
        expires_on: UTC; None never.
        is_revoked: dead for good.
        consumer: key of the OAuth consumer it was issued to.
        product: an API token made for another Atlassian product does not work here.
    """

    id: str
    type: CredentialType
    scopes: tuple[str, ...]
    owner: str
    workspace: str
    target: str
    name: str
    created_on: datetime
    expires_on: datetime | None
    is_revoked: bool = False
    consumer: str = ""
    product: str = "bitbucket"

    def is_alive(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return not self.is_revoked and (self.expires_on is None or now < self.expires_on)


@dataclass(frozen=True, slots=True)
class Minted:
    """A new credential and its secret, which is shown this once."""

    token: str = field(repr=False)
    credential: Credential

    @property
    def id(self) -> str:
        """The credential's id."""
        return self.credential.id


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret(prefix: str = "", *, length: int = 160) -> str:
    """An unpredictable secret with *prefix*, *length* characters or a little more after it."""
    return prefix + secrets.token_urlsafe(length * 3 // 4)


class Vault:
    """Every credential ever issued, alive or dead."""

    def __init__(self) -> None:
        self._by_digest: dict[str, str] = {}
        self._by_id: dict[str, Credential] = {}

    def issue(self, credential: Credential) -> Minted:
        """Keep *credential* and make its secret."""
        token = new_secret(credential.type.prefix)
        self._by_digest[digest(token)] = credential.id
        self._by_id[credential.id] = credential
        return Minted(token, credential)

    def find(self, secret: str) -> Credential | None:
        """The credential of a secret, alive or not."""
        found = self._by_digest.get(digest(secret))
        return self._by_id[found] if found else None

    def get(self, token_or_id: str) -> Credential | None:
        """The credential by its id or its secret."""
        return self._by_id.get(token_or_id) or self.find(token_or_id)

    def all(self) -> tuple[Credential, ...]:
        """Every credential, oldest first."""
        return tuple(self._by_id.values())

    def revoke(self, credential: Credential) -> Credential:
        """Kill it. Already dead is success."""
        return self._put(replace(credential, is_revoked=True))

    def expire(self, credential: Credential, at: datetime) -> Credential:
        """Let it end at *at*."""
        return self._put(replace(credential, expires_on=at))

    def _put(self, credential: Credential) -> Credential:
        self._by_id[credential.id] = credential
        return credential
