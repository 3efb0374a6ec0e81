"""Access tokens of an OAuth consumer by client credentials: fetched once, kept until they end.

The consumer's secret goes to the token endpoint alone, never to the API.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#oauth-2-0 [documented,
2026-11-21]. An access token lives one or two hours, by contradicting pages: ``expires_in`` rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic

import anyio
import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_cloud.convert import to_scopes
from reconciler.transport import auth
from reconciler.transport.faults import refused, said
from reconciler.transport.reply import Reply
from reconciler.transport.session import Session

_TOKEN_PATH = "/site/oauth2/access_token"  # noqa: S105  a path
_MARGIN_S = 60.0


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0
    scope: str | None = None
    scopes: str | None = None


class _TokenError(msgspec.Struct):
    error: str = ""


class ConsumerGrant:
    """The access token of one consumer. ``scopes`` are those of the last token."""

    def __init__(
        self, login: Login, site: Session, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """Fetch nothing yet. ``login.username`` is the consumer's key."""
        self._login = login
        self._site = site
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: Secret | None = None
        self._ends = 0.0
        self.scopes: frozenset[str] | None = None

    async def headers(self) -> Mapping[str, str]:
        """Authorization for one API request, with a token that is not about to end.

        Raises:
            RemoteError: CREDENTIAL, REJECTED or what the session raises; no token could be had.
        """
        async with self._lock:
            if self._token is None or self._clock() >= self._ends:
                await self._renew()
            assert self._token is not None  # noqa: S101  _renew sets it or raises
            return auth.bearer(self._token)

    def drop(self, refused_headers: Mapping[str, str]) -> None:
        """Forget the token that was just refused, unless it was replaced meanwhile."""
        if self._token is not None and auth.bearer(self._token) == refused_headers:
            self._token = None

    async def _renew(self) -> None:
        reply = await self._site.post_form(
            _TOKEN_PATH,
            {"grant_type": "client_credentials"},
            headers=auth.basic(self._login.username, self._login.secret),
            safe=True,  # a second access token does no harm and ends by itself
        )
        if not reply.is_ok:
            raise _no_token(reply)
        answer = reply.decode(_TokenAnswer)
        self._token = Secret(answer.access_token)
        life_s = answer.expires_in
        self._ends = self._clock() + max(life_s / 2, life_s - _MARGIN_S)
        self.scopes = to_scopes(answer.scope if answer.scope is not None else answer.scopes)


def _no_token(reply: Reply) -> RemoteError:
    """Why the token endpoint gave no token.

    Source: the codes are observed, and not those of RFC 6749: a wrong key or secret is
    ``unauthorized_client``, a public consumer ``invalid_grant`` [observed, 2026-11-21]
    """
    try:
        code = reply.decode(_TokenError).error
    except RemoteError:
        code = ""
    words = said(reply)
    if code in {"unauthorized_client", "invalid_client"}:
        return RemoteError(
            reply.party,
            Fault.CREDENTIAL,
            f"{reply.party} does not accept the OAuth consumer: {words}",
            hint="check the consumer's key (as the user name) and its secret",
        )
    if code == "invalid_grant" and "public" in words:
        return RemoteError(
            reply.party,
            Fault.PERMISSION,
            f"{reply.party}: {words}",
            hint='tick "This is a private consumer" in Workspace settings > OAuth consumers',
        )
    if "callback" in words.lower():
        return RemoteError(
            reply.party,
            Fault.PERMISSION,
            f"{reply.party}: {words}",
            hint="give the consumer a callback URL in Workspace settings > OAuth consumers",
        )
    return refused(reply, "asking for an access token")
