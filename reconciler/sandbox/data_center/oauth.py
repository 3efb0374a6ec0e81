"""The OAuth 2.0 provider of the emulated Data Center: incoming links, codes, grants. No HTTP.

Source: https://confluence.atlassian.com/display/BITBUCKETSERVER091/Bitbucket+OAuth+2.0+provider+API
and https://confluence.atlassian.com/bitbucketserver0720/oauth-2-0-scopes-for-incoming-links-1116282015.html
[documented, 2026-11-21]. Assumed: that a refresh token is spent by its use and lives 90 days, the
texts of refusals, and that only ``ACCOUNT_WRITE`` and the system scopes reach a user's own tokens.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconciler.errors import UsageError
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.data_center.levels import Level
from reconciler.sandbox.data_center.tokens import Minted
from reconciler.sandbox.settings import Clock

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=90)
CODE_LIFE = timedelta(seconds=10)
CEILINGS: dict[str, tuple[Level, Level]] = {
    "PUBLIC_REPOS": (Level.NONE, Level.NONE),
    "ACCOUNT_WRITE": (Level.NONE, Level.NONE),
    "REPO_READ": (Level.READ, Level.READ),
    "REPO_WRITE": (Level.READ, Level.WRITE),
    "REPO_ADMIN": (Level.READ, Level.ADMIN),
    "PROJECT_ADMIN": (Level.ADMIN, Level.ADMIN),
    "ADMIN_WRITE": (Level.ADMIN, Level.ADMIN),
    "SYSTEM_ADMIN": (Level.ADMIN, Level.ADMIN),
}
"""Scope → what it allows at most with projects and repositories."""

_SYSTEM = frozenset({"ADMIN_WRITE", "SYSTEM_ADMIN"})
_ACCOUNT = _SYSTEM | {"ACCOUNT_WRITE"}


@dataclass(frozen=True, slots=True)
class Link:
    """An incoming link, made by an administrator in the web pages."""

    id: str
    secret_digest: str = field(repr=False)
    name: str
    redirect_url: str
    scopes: tuple[str, ...]


@dataclass(slots=True)
class Grant:
    """What a user allowed. ``expires_at`` is that of the access token, UTC."""

    id: str
    user: str
    scopes: tuple[str, ...]
    link: str
    expires_at: datetime
    refresh_until: datetime
    is_revoked: bool = False

    def works(self, now: datetime) -> bool:
        """Whether the access token lets in."""
        return not self.is_revoked and now < self.expires_at

    @property
    def ceilings(self) -> tuple[Level, Level]:
        """What it allows at most with projects and with repositories."""
        held = [CEILINGS[scope] for scope in self.scopes]
        return max(p for p, _ in held), max(r for _, r in held)

    @property
    def may_administer(self) -> bool:
        """Whether it reaches the administration."""
        return bool(_SYSTEM & set(self.scopes))

    @property
    def may_change_account(self) -> bool:
        """Whether it reaches the user's own tokens."""
        return bool(_ACCOUNT & set(self.scopes))


@dataclass(frozen=True, slots=True)
class _Code:
    link: str
    user: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    method: str
    until: datetime


class OAuthRefusedError(Exception):
    """The token endpoint says no: ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        """401 for a wrong client, 400 for the rest."""
        return 401 if self.error == "invalid_client" else 400


class OAuthDesk:
    """Incoming links, codes and grants."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._links: dict[str, Link] = {}
        self._grants: dict[str, Grant] = {}
        self._access: dict[str, str] = {}
        self._refresh: dict[str, str] = {}
        self._codes: dict[str, _Code] = {}

    def create_link(
        self, name: str, redirect_url: str, scopes: tuple[str, ...]
    ) -> tuple[Link, str]:
        """An incoming link and its secret. Raises UsageError for an unknown scope."""
        _known(scopes)
        secret = secrets.token_hex(32)
        link = Link(secrets.token_hex(16), digest(secret), name, redirect_url, scopes)
        self._links[link.id] = link
        return link, secret

    def link(self, number: str) -> Link | None:
        """By its client id."""
        return self._links.get(number)

    def grant(self, user: str, scopes: tuple[str, ...], link: str = "") -> Minted:
        """What consent ends in. Raises UsageError for an unknown scope."""
        _known(scopes)
        now = self._clock.now()
        made = Grant(
            f"oauth-{secrets.token_hex(4)}",
            user,
            scopes,
            link,
            now + ACCESS_LIFE,
            now + REFRESH_LIFE,
        )
        self._grants[made.id] = made
        access, refresh = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        self._access[digest(access)] = made.id
        self._refresh[digest(refresh)] = made.id
        return Minted(access, made.id, refresh)

    def find(self, access_token: str) -> Grant | None:
        """The grant of an access token, alive or dead."""
        return self._grants.get(self._access.get(digest(access_token), ""))

    def get(self, token_or_id: str) -> Grant | None:
        """The grant by its access token or its id."""
        return self._grants.get(token_or_id) or self.find(token_or_id)

    def authorize(
        self, link: Link, user: str, params: Mapping[str, str], scopes: tuple[str, ...]
    ) -> str:
        """A code for *user*; *params* are those of the consent page."""
        code = secrets.token_urlsafe(24)
        self._codes[digest(code)] = _Code(
            link.id,
            user,
            scopes,
            params.get("redirect_uri", link.redirect_url),
            params.get("code_challenge", ""),
            params.get("code_challenge_method", "plain"),
            self._clock.now() + CODE_LIFE,
        )
        return code

    def token(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint.

        Raises:
            OAuthRefusedError: it says no.
        """
        link = self._links.get(params.get("client_id", ""))
        if link is None or digest(params.get("client_secret", "")) != link.secret_digest:
            raise OAuthRefusedError("invalid_client", "Client authentication failed")
        kind = params.get("grant_type", "")
        if kind == "authorization_code":
            user, scopes = self._redeem(link, params)
        elif kind == "refresh_token":
            user, scopes = self._refreshed(link, params.get("refresh_token", ""))
        else:
            raise OAuthRefusedError("unsupported_grant_type", f"{kind or 'none'} is not supported")
        made = self.grant(user, scopes, link.id)
        return {
            "access_token": made.token,
            "token_type": "bearer",
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "refresh_token": made.refresh_token,
            "scope": " ".join(scopes),
        }

    def _redeem(self, link: Link, params: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        code = self._codes.pop(digest(params.get("code", "")), None)
        if code is None or code.link != link.id or self._clock.now() >= code.until:
            raise OAuthRefusedError("invalid_grant", "The authorization code is not valid")
        if params.get("redirect_uri", "") != code.redirect_uri:
            raise OAuthRefusedError("invalid_grant", "The redirect URI does not match")
        if code.challenge and not _meets(code, params.get("code_verifier", "")):
            raise OAuthRefusedError("invalid_grant", "The code verifier does not match")
        return code.user, code.scopes

    def _refreshed(self, link: Link, secret: str) -> tuple[str, tuple[str, ...]]:
        number = self._refresh.pop(digest(secret), "")
        grant = self._grants.get(number)
        if grant is None or grant.link != link.id or grant.is_revoked:
            raise OAuthRefusedError("invalid_grant", "The refresh token is not valid")
        if self._clock.now() >= grant.refresh_until:
            raise OAuthRefusedError("invalid_grant", "The refresh token has expired")
        return grant.user, grant.scopes


def _known(scopes: tuple[str, ...]) -> None:
    unknown = sorted(set(scopes) - CEILINGS.keys())
    if unknown or not scopes:
        raise UsageError(
            f"no OAuth scope is called {unknown[0]}" if unknown else "no OAuth scope is given",
            hint=f"scopes are {', '.join(CEILINGS)}",
        )


def _meets(code: _Code, verifier: str) -> bool:
    if code.method == "plain":
        return verifier == code.challenge
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() == code.challenge
