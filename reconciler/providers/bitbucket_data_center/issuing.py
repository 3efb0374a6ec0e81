"""Making, listing, changing and ending HTTP access tokens, as the user who owns them.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Authentication" (access tokens)
[documented, 2026-11-21]
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urljoin

import anyio
import msgspec

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.observed import IssuedCredential
from reconciler.ports.provider import CredentialHome, IssuerLogin, Minted, Order
from reconciler.providers.bitbucket_data_center import convert, scopes, tokens, verdicts
from reconciler.providers.bitbucket_data_center.limits import API, PAGE_SIZE, PARTY, TOKENS
from reconciler.transport import auth
from reconciler.transport.faults import ambiguous, quoted
from reconciler.transport.reply import Reply
from reconciler.transport.session import Session

_NOT_FOUND = 404
_REDIRECTS = range(300, 400)
_MOST_PAGES = 1000


class BasicDoor:
    """Lets a password in, and shuts for good after one was refused.

    Failed attempts lock an account until somebody solves a captcha. So a password goes alone until
    it was accepted once, and after a refusal nothing goes any more.

    Source: https://confluence.atlassian.com/bitbucketserver/ "Failed login attempts"; that tokens
    and passwords count alike is documented for 8.19.12 [documented, 2026-11-21]
    """

    def __init__(self) -> None:
        """Nobody was let in or refused yet."""
        self._lock = anyio.Lock()
        self._accepted: set[IssuerLogin] = set()
        self._refusal: RemoteError | None = None

    async def through(
        self,
        login: IssuerLogin,
        send: Callable[[], Awaitable[Reply]],
        refusal: Callable[[Reply], RemoteError],
    ) -> Reply:
        """The answer to *send*.

        Raises:
            RemoteError: a password was refused before; nothing was sent.
        """
        if login not in self._accepted:
            async with self._lock:
                return await self._try(login, send, refusal)
        return await self._try(login, send, refusal)

    async def _try(
        self,
        login: IssuerLogin,
        send: Callable[[], Awaitable[Reply]],
        refusal: Callable[[Reply], RemoteError],
    ) -> Reply:
        if (before := self._refusal) is not None:
            raise RemoteError(
                PARTY,
                Fault.CREDENTIAL,
                f"{before.cause}; nothing was sent again",
                hint=before.hint,
            )
        reply = await send()
        if verdicts.is_shut_out(reply):
            self._refusal = refusal(reply)
        elif any(convert.user_of(reply.headers)):
            self._accepted.add(login)
        return reply


class TokenDesk:
    """The four calls of an issuer.

    Args:
        api: the instance.
        writes: the instance, with redirects as replies: a change does not go along with them.
        clock: UTC.
    """

    def __init__(self, api: Session, writes: Session, clock: Callable[[], datetime]) -> None:
        """Know nobody yet."""
        self._api = api
        self._writes = writes
        self._clock = clock
        self._door = BasicDoor()
        self._slugs: dict[str, str] = {}

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        """Every token of *home* that has not ended, page by page."""
        path = await self._path(login, home)
        found: dict[str, IssuedCredential] = {}
        start: int | None = 0
        for _ in range(_MOST_PAGES):
            query = {"limit": PAGE_SIZE, "start": start or 0}
            reply = await self._get(login, home, path, query, "listing tokens")
            page, after = tokens.to_issued_page(reply)
            found.update((credential.id, credential) for credential in page)
            if after is None:
                now = self._clock()
                return tuple(c for c in found.values() if not c.expires_at or c.expires_at > now)
            if after <= query["start"]:
                break
            start = after
        raise RemoteError(
            PARTY,
            Fault.BAD_REPLY,
            f"{PARTY} lists tokens without an end",
            hint="run again; if it stays, the API has changed: report this",
        )

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        """Make a token: PUT, which makes another each time and is never sent twice."""
        permissions = scopes.to_send(order.scopes, order.home.level)
        path = await self._path(login, order.home)
        body = tokens.to_body(permissions, name=order.name, ends=order.ends, now=self._clock())
        try:
            reply = await self._send("PUT", login, order.home, path, body, safe=False)
        except RemoteError as error:
            if error.fault is Fault.BAD_REPLY:
                raise ambiguous(PARTY, error.cause) from error
            raise
        if not reply.is_ok:
            raise verdicts.issuing_refusal(reply, login, order.home, "making a token")
        return tokens.to_minted(reply)

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, wanted: tuple[str, ...]
    ) -> IssuedCredential:
        """Change permissions: POST, which keeps secret, name and end and may be sent twice."""
        permissions = scopes.to_send(wanted, home.level)
        path = await self._path(login, home, credential_id)
        body = tokens.to_body(permissions, now=self._clock())
        reply = await self._send("POST", login, home, path, body, safe=True)
        if not reply.is_ok:
            raise verdicts.issuing_refusal(reply, login, home, "changing a token")
        return tokens.to_issued(reply)

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        """End a token. One that is not there is success, an address that leads nowhere is not."""
        path = await self._path(login, home, credential_id)
        reply = await self._send("DELETE", login, home, path, None, safe=True)
        is_done = reply.is_ok and not reply.body  # 204; a 200 with a page is a proxy's sign-in
        was_gone = reply.status == _NOT_FOUND and verdicts.has_errors(reply)
        if not is_done and not was_gone:
            raise verdicts.issuing_refusal(reply, login, home, "revoking a token")

    # Where tokens live

    async def _path(self, login: IssuerLogin, home: CredentialHome, token: str = "") -> str:
        """The path of a home or of one of its tokens.

        Raises:
            RemoteError: REJECTED, NOT_FOUND; there is no such home, or it cannot be told.
        """
        _check(home)
        if home.level == "user":
            segments = ["users", await self._slug(login, home)]
        else:
            key, _, slug = home.target.partition("/")
            segments = ["projects", key, *(("repos", slug) if slug else ())]
        if token:
            segments.append(token)
        return "/".join((TOKENS, *(quote(segment, safe="") for segment in segments)))

    async def _slug(self, login: IssuerLogin, home: CredentialHome) -> str:
        """The slug of a user name, which differs where the name has letters that no path has."""
        name = home.owner or login.username or await self._own_name(login, home)
        if name in self._slugs:
            return self._slugs[name]
        start: int | None = 0
        for _ in range(_MOST_PAGES):
            query: dict[str, str | int] = {
                "filter": name,
                "limit": PAGE_SIZE,
                "start": start or 0,
            }
            reply = await self._get(login, home, f"{API}/users", query, "looking up a user")
            slugs, start = convert.to_users(reply)
            if name in slugs:
                self._slugs[name] = slugs[name]
                return slugs[name]
            if start is None:
                break
        raise RemoteError(
            PARTY,
            Fault.NOT_FOUND,
            f"{PARTY} has no user {quoted(name)!r}",
            hint="check the spelling: the user name counts, not the e-mail or the display name",
        )

    async def _own_name(self, login: IssuerLogin, home: CredentialHome) -> str:
        """Who signs in, where nobody said it: the owner."""
        reply = await self._get(login, home, f"{API}/projects", {"limit": 1}, "signing in")
        name, _ = convert.user_of(reply.headers)
        if not name:
            raise verdicts.nameless_refusal(reply)
        return name

    # Requests

    async def _get(
        self,
        login: IssuerLogin,
        home: CredentialHome,
        path: str,
        query: Mapping[str, str | int],
        doing: str,
    ) -> Reply:
        reply = await self._let_in(
            login,
            home,
            lambda headers: self._api.get(path, params=query, headers=headers),
        )
        if not reply.is_ok:
            raise verdicts.issuing_refusal(reply, login, home, doing)
        return reply

    async def _send(
        self,
        method: str,
        login: IssuerLogin,
        home: CredentialHome,
        path: str,
        body: Mapping[str, object] | None,
        *,
        safe: bool,
    ) -> Reply:
        content = None if body is None else msgspec.json.encode(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        reply = await self._let_in(
            login,
            home,
            lambda headers: self._writes.request(
                method, path, headers={**headers, **kind}, content=content, safe=safe
            ),
        )
        if target := reply.headers.get("location", "") if reply.status in _REDIRECTS else "":
            self._writes.check_link(urljoin(reply.url, target))
            raise verdicts.redirected(reply, home)
        return reply

    async def _let_in(
        self,
        login: IssuerLogin,
        home: CredentialHome,
        send: Callable[[Mapping[str, str]], Awaitable[Reply]],
    ) -> Reply:
        try:
            if login.kind is IssuerKind.BEARER:
                return await send(auth.bearer(login.secret))
            headers = auth.basic(login.username, login.secret, is_password=True)
        except SecretError as error:
            raise RemoteError(PARTY, Fault.CREDENTIAL, error.cause, hint=error.hint) from error
        return await self._door.through(
            login,
            lambda: send(headers),
            lambda reply: verdicts.issuing_refusal(reply, login, home, "signing in"),
        )


def _check(home: CredentialHome) -> None:
    """Refuse what can be told to be wrong before anything is sent."""
    cause = hint = ""
    parts = home.target.count("/") + 1 if home.target else 0
    wanted = {"user": 0, "project": 1, "repository": 2}.get(home.level)
    if home.kind is not MethodKind.HTTP_ACCESS_TOKEN:
        cause = f"no API of {PARTY} makes credentials of the kind {home.kind}"
        hint = f"only {MethodKind.HTTP_ACCESS_TOKEN} is made by API"
    elif wanted is None:
        cause = f"tokens have no level {home.level!r}"
        hint = "levels are user, project and repository"
    elif wanted and parts != wanted:
        cause = f"a {home.level}'s tokens cannot live at {quoted(home.target)!r}"
        hint = "write `target: KEY` for a project and `target: KEY/slug` for a repository"
    if cause:
        raise RemoteError(PARTY, Fault.REJECTED, cause, hint=hint)
