"""OAuth consumers of Bitbucket Cloud and the token endpoint's rules, without HTTP.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "OAuth 2.0" [documented,
2026-11-21]; the texts of refusals were recorded by other clients, those of ``invalid_grant`` for
codes and refresh tokens are assumed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from reconciler.sandbox.credentials import Credential, CredentialType, Vault, digest, new_secret
from reconciler.sandbox.settings import Clock, Switches

REFRESH_LIFE = timedelta(days=90)
CODE_LIFE = timedelta(minutes=10)
REFRESH_LENGTH = 2600
"""Characters: new refresh tokens regularly exceed 2,500."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """An OAuth consumer. Its scopes are fixed here, not per request."""

    key: str
    secret_digest: str
    name: str
    workspace: str
    scopes: tuple[str, ...]
    callback: str
    is_private: bool


@dataclass(frozen=True, slots=True)
class _Refresh:
    consumer: str
    owner: str
    made_on: datetime
    used_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Code:
    consumer: str
    owner: str
    made_on: datetime


class OAuthRefusedError(Exception):
    """The token endpoint says no: HTTP 400 with ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class OAuthDesk:
    """Consumers, codes and refresh tokens. Access tokens go to the vault."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._consumers: dict[str, Consumer] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._codes: dict[str, _Code] = {}

    def create_consumer(
        self,
        name: str,
        workspace: str,
        scopes: tuple[str, ...],
        *,
        callback: str = "",
        is_private: bool = True,
    ) -> tuple[Consumer, str]:
        """Make a consumer as in the workspace settings; its secret is answered once."""
        secret = secrets.token_urlsafe(57)
        consumer = Consumer(
            key=secrets.token_hex(16),
            secret_digest=digest(secret),
            name=name,
            workspace=workspace,
            scopes=scopes,
            callback=callback,
            is_private=is_private,
        )
        self._consumers[consumer.key] = consumer
        return consumer, secret

    def edit_consumer(self, key: str, *, scopes: tuple[str, ...]) -> Consumer:
        """Re-scope a consumer; tokens issued from now on carry the new scopes."""
        self._consumers[key] = replace(self._consumers[key], scopes=scopes)
        return self._consumers[key]

    def consumer(self, key: str) -> Consumer | None:
        """The consumer with that key."""
        return self._consumers.get(key)

    def authorize(self, key: str, owner: str) -> str:
        """The consent of a user: a code for the callback."""
        code = secrets.token_urlsafe(16)
        self._codes[digest(code)] = _Code(key, owner, self._clock.now())
        return code

    def token(
        self, key: str, secret: str, form: Mapping[str, str], switches: Switches
    ) -> dict[str, object]:
        """The body of the token endpoint.

        Raises:
            OAuthRefusedError: with the error code and text of the real endpoint.
        """
        consumer = self._consumers.get(key)
        if consumer is None or consumer.secret_digest != digest(secret):
            raise OAuthRefusedError("unauthorized_client", "Invalid OAuth client credentials")
        grant = form.get("grant_type")
        if grant == "client_credentials":
            return self._client_credentials(consumer, switches)
        if grant == "authorization_code":
            return self._authorization_code(consumer, form.get("code", ""), switches)
        if grant == "refresh_token":
            return self._refresh_token(consumer, form.get("refresh_token", ""), switches)
        raise OAuthRefusedError("invalid_grant", f"Unsupported grant type: {grant}")

    def _client_credentials(self, consumer: Consumer, switches: Switches) -> dict[str, object]:
        if not consumer.is_private:
            raise OAuthRefusedError(
                "invalid_grant",
                'Cannot use client_credentials with a consumer marked as "public". Calls for '
                "auto generated consumers should use urn:bitbucket:oauth2:jwt instead.",
            )
        return self._answer(consumer, "client_credentials", "", switches)

    def _authorization_code(
        self, consumer: Consumer, code: str, switches: Switches
    ) -> dict[str, object]:
        if not consumer.callback:
            raise OAuthRefusedError(
                "invalid_request", "No callback uri defined for the OAuth client."
            )
        found = self._codes.pop(digest(code), None)
        late = found is not None and self._clock.now() - found.made_on > CODE_LIFE
        if found is None or late or found.consumer != consumer.key:
            raise OAuthRefusedError("invalid_grant", "The specified code is not valid.")
        return self._answer(consumer, "authorization_code", found.owner, switches)

    def _refresh_token(
        self, consumer: Consumer, token: str, switches: Switches
    ) -> dict[str, object]:
        found = self._refresh.get(digest(token))
        if found is None or found.consumer != consumer.key or self._is_spent(found, switches):
            raise OAuthRefusedError("invalid_grant", "Invalid refresh_token")
        if found.used_on is None:
            self._refresh[digest(token)] = replace(found, used_on=self._clock.now())
        return self._answer(consumer, "refresh_token", found.owner, switches)

    def _is_spent(self, token: _Refresh, switches: Switches) -> bool:
        now = self._clock.now()
        if token.used_on is None:
            return now - token.made_on > REFRESH_LIFE
        return now - token.used_on > timedelta(seconds=switches.refresh_overlap_s)

    def _answer(
        self, consumer: Consumer, grant: str, owner: str, switches: Switches
    ) -> dict[str, object]:
        now = self._clock.now()
        minted = self._vault.issue(
            Credential(
                id=str(uuid4()),
                type=CredentialType.OAUTH,
                scopes=consumer.scopes,
                owner=owner,
                workspace="" if owner else consumer.workspace,
                target="",
                name=consumer.name,
                created_on=now,
                expires_on=now + timedelta(seconds=switches.oauth_expires_in_s),
                consumer=consumer.key,
            )
        )
        answer: dict[str, object] = {
            "access_token": minted.token,
            "token_type": "bearer",
            "expires_in": switches.oauth_expires_in_s,
            "scopes" if switches.legacy_scopes_key else "scope": " ".join(consumer.scopes),
            "state": grant,
        }
        if owner:
            answer["refresh_token"] = self._new_refresh(consumer, owner, now)
        return answer

    def _new_refresh(self, consumer: Consumer, owner: str, now: datetime) -> str:
        token = new_secret(length=REFRESH_LENGTH)
        self._refresh[digest(token)] = _Refresh(consumer.key, owner, now)
        return token
