"""Personal access tokens through the API of their life cycle, as the user who owns them.

Source: https://learn.microsoft.com/rest/api/azure/devops/tokens/pats [documented, 2026-11-21].
The API lists, makes, changes and revokes the caller's own tokens and nobody else's. It takes
Entra tokens of a user alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.observed import IssuedCredential
from reconciler.model.secret import Secret
from reconciler.ports.provider import CredentialHome, IssuerLogin, Minted, Order
from reconciler.providers.azure_devops import paterrors, verdicts
from reconciler.providers.azure_devops.hosts import Hosts
from reconciler.providers.azure_devops.limits import LONGEST_LIFE, PARTY, PATS_PAGE, PREVIEW
from reconciler.providers.azure_devops.scopes import to_scopes, to_text
from reconciler.providers.azure_devops.signin import SignIn, looks_like_a_pat
from reconciler.transport.faults import ambiguous, quoted
from reconciler.transport.reply import Reply

_MOST_PAGES = 1000
_SKEWED_BY = timedelta(days=30)
"""By how much the clock of this machine may be wrong before an order fails."""
_LIST: dict[str, str | int] = {
    "displayFilterOption": "active",
    "sortByOption": "displayName",
    "isSortAscending": "true",
    "$top": PATS_PAGE,
}
_NO_API = (
    "only Azure DevOps Services makes personal access tokens through an API; a Server does not"
)
_BY_HAND = "leave the `issuer` out: a person then makes the token, and the run continues"


class _Pat(msgspec.Struct, rename="camel"):
    authorization_id: UUID
    display_name: str = ""
    scope: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    token: str | None = None


class _Result(msgspec.Struct, rename="camel"):
    pat_token: _Pat | None = None
    pat_token_error: str | int | None = None
    pat_token_error_message: str | None = None


class _Page(msgspec.Struct, rename="camel"):
    pat_tokens: list[_Pat]
    continuation_token: str | None = None


class Pats:
    """The tokens of one organization, for whoever signs in."""

    def __init__(self, hosts: Hosts, sign_in: SignIn) -> None:
        """Ask for nothing yet."""
        self._hosts = hosts
        self._sign_in = sign_in
        self._path = f"{hosts.path}/_apis/tokens/pats"
        self._skew: timedelta | None = None
        self._names: dict[IssuerLogin, tuple[str, ...]] = {}

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        """Every valid token of the user, page after page.

        Raises:
            RemoteError: a page could not be read; part of the list proves nothing.
        """
        await self._check(login, home)
        found: dict[str, IssuedCredential] = {}
        marks: set[str] = set()
        mark = ""
        for _ in range(_MOST_PAGES):
            page = await self._page(login, mark)
            found.update((str(pat.authorization_id), to_credential(pat)) for pat in page.pat_tokens)
            mark = page.continuation_token or ""
            if not mark:
                return tuple(found.values())
            if mark in marks:
                break
            marks.add(mark)
        raise RemoteError(
            PARTY,
            Fault.BAD_REPLY,
            f"{PARTY}: the pages of personal access tokens do not come to an end",
            hint="run again; if it stays, the API has changed: report this",
        )

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        """Make a token for this organization alone.

        A policy may grant an earlier end than was ordered, which is what the answer tells.

        Raises:
            RemoteError: AMBIGUOUS when it may have been made and its secret is not known;
                REJECTED, with nothing sent, for an order without an end.
        """
        await self._check(login, order.home)
        doing = "making a personal access token"
        ends = await self._end(login, order.ends)
        body = {
            "displayName": order.name,
            "scope": to_text(order.scopes),
            "validTo": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "allOrgs": False,
        }
        try:
            reply = await self._send(login, "POST", {}, body, safe=False)
        except RemoteError as error:
            raise _unsure(error) from error
        if reply.is_ok and not verdicts.is_turned_away(reply):
            return _minted(reply, doing)
        raise await self._refused(login, reply, doing)

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, scopes: tuple[str, ...]
    ) -> IssuedCredential:
        """Give a token other scopes. Sending it twice does no harm.

        Fields that are left out are optional, and stay. [documented; what it means for a token in
        use is not, 2026-11-21: the caller tries the token afterwards]
        """
        await self._check(login, home)
        doing = "changing the scopes of a personal access token"
        body = {"authorizationId": credential_id, "scope": to_text(scopes), "allOrgs": False}
        reply = await self._send(login, "PUT", {}, body, safe=True)
        if not reply.is_ok or verdicts.is_turned_away(reply):
            raise await self._refused(login, reply, doing)
        return to_credential(_pat_in(reply, doing))

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        """Revoke a token; one that is gone is revoked.

        A 404 that does not speak of a token may as well be about the organization: the list then
        tells whether the token is there.
        """
        await self._check(login, home)
        doing = "revoking a personal access token"
        reply = await self._send(login, "DELETE", {"authorizationId": credential_id}, None)
        failure = _failure(reply)
        if failure is not None and failure.pat_token_error in paterrors.GONE:
            return
        if reply.is_ok and failure is None and not verdicts.is_turned_away(reply):
            if not reply.body or reply.decode(_Result).pat_token_error == paterrors.NONE:
                return
            raise _shapeless(doing)
        is_vague = reply.status == 404 and failure is None  # noqa: PLR2004  Not Found
        if is_vague and not await self._is_valid(login, home, credential_id):
            return
        raise await self._refused(login, reply, doing)

    async def _is_valid(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> bool:
        return credential_id.lower() in {found.id for found in await self.issued(login, home)}

    async def _check(self, login: IssuerLogin, home: CredentialHome) -> None:
        """Refuse what cannot be, unsent; then whoever is not the owner of *home*."""
        if login.kind is not IssuerKind.BEARER:
            raise RemoteError(
                PARTY,
                Fault.REJECTED,
                f"{PARTY}: an issuer cannot sign in by {login.kind}",
                hint=paterrors.USER_HINT,
            )
        if not self._hosts.bases.has_token_api:
            raise RemoteError(PARTY, Fault.REJECTED, f"{PARTY}: {_NO_API}", hint=_BY_HAND)
        if home.kind is not MethodKind.PERSONAL_ACCESS_TOKEN:
            raise RemoteError(
                PARTY,
                Fault.REJECTED,
                f"{PARTY}: a credential of {home.kind} cannot be made through the API",
                hint=_BY_HAND,
            )
        if looks_like_a_pat(login.secret):
            raise RemoteError(
                PARTY,
                Fault.PERMISSION,
                f"{PARTY}: a personal access token cannot be used to make or revoke tokens",
                hint=paterrors.USER_HINT,
            )

        if home.owner:
            await self._demand_owner(login, home.owner)

    async def _demand_owner(self, login: IssuerLogin, owner: str) -> None:
        """Only go on as the owner: this API is about the tokens of whoever signs in.

        Who that is, is asked once.

        Raises:
            RemoteError: REJECTED for anybody else; PERMISSION for one that has no tokens at all.
        """
        if login not in self._names:
            reply = await self._hosts.connection(self._sign_in.bearer(login.secret))
            if verdicts.is_of_server(reply):
                raise RemoteError(PARTY, Fault.NOT_FOUND, f"{PARTY}: {_NO_API}", hint=_BY_HAND)
            self._names[login] = verdicts.names_of(reply)
        names = self._names[login]
        if owner.casefold() in {name.casefold() for name in names}:
            return
        await self._page(login, "")
        raise RemoteError(
            PARTY,
            Fault.REJECTED,
            f"{PARTY}: the issuer signs in as {names[0]}, and so cannot keep tokens of {owner}",
            hint=f"give the `issuer` a token of {owner}, or name {names[0]} as its `username`",
        )

    async def _page(self, login: IssuerLogin, mark: str) -> _Page:
        query = {**_LIST, "continuationToken": mark} if mark else _LIST
        reply = await self._send(login, "GET", query, None)
        if not reply.is_ok or verdicts.is_turned_away(reply):
            raise await self._refused(login, reply, "listing personal access tokens")
        return reply.decode(_Page)

    async def _end(self, login: IssuerLogin, wanted: datetime | None) -> datetime:
        """The end to ask for, UTC: as ordered, at most 364 days from now by the service's clock.

        Only an end close to that limit is worth asking for the time.
        """
        if wanted is None:
            raise RemoteError(
                PARTY,
                Fault.REJECTED,
                f"{PARTY}: every personal access token ends, at most one year after it was made",
                hint="give the method a `maxAge`, such as 90d",
            )
        if self._skew is None and wanted > datetime.now(UTC) + LONGEST_LIFE - _SKEWED_BY:
            await self._page(login, "")
        now = datetime.now(UTC) + (self._skew or timedelta())
        return min(wanted.astimezone(UTC), now + LONGEST_LIFE)

    async def _send(
        self,
        login: IssuerLogin,
        method: str,
        query: Mapping[str, str | int],
        body: Mapping[str, object] | None,
        *,
        safe: bool = True,
    ) -> Reply:
        headers = dict(self._sign_in.bearer(login.secret))
        if body is not None:
            headers["Content-Type"] = "application/json"
        reply = await self._hosts.vssps.request(
            method,
            self._path,
            params={**query, "api-version": PREVIEW},
            headers=headers,
            content=None if body is None else msgspec.json.encode(body),
            safe=safe,
        )
        self._note_clock(reply)
        return reply

    def _note_clock(self, reply: Reply) -> None:
        """Remember by how much the service's clock is ahead of ours."""
        try:
            theirs = parsedate_to_datetime(reply.headers.get("date", ""))
        except (ValueError, TypeError):
            return
        if theirs.tzinfo is not None:
            self._skew = theirs - datetime.now(UTC)

    async def _refused(self, login: IssuerLogin, reply: Reply, doing: str) -> RemoteError:
        """Why the API said no: its own word, the issuer's rights, or its credential."""
        if failure := _failure(reply):
            words = quoted(failure.pat_token_error_message or "")
            return paterrors.error_of(str(failure.pat_token_error), words, doing)
        is_allowed = not verdicts.is_turned_away(reply)
        is_absent = reply.status == 404 and not self._hosts.bases.is_public  # noqa: PLR2004
        if is_absent or verdicts.is_of_server(reply):
            return RemoteError(PARTY, Fault.NOT_FOUND, f"{PARTY}: {_NO_API}", hint=_BY_HAND)
        error = verdicts.refusal(reply, doing)
        if is_allowed or not await self._is_somebody(login):
            return error
        return RemoteError(
            PARTY,
            Fault.PERMISSION,
            f"{PARTY} knows the issuer, but it may not do this: {doing} ({reply.status})",
            hint=paterrors.USER_HINT,
        )

    async def _is_somebody(self, login: IssuerLogin) -> bool:
        """Whether the issuer is let in elsewhere, so that only its rights can be at fault."""
        reply = await self._hosts.connection(self._sign_in.bearer(login.secret))
        report = verdicts.judge_connection(reply)
        return bool(report.identity)


def to_credential(pat: _Pat) -> IssuedCredential:
    """A token as listed; times UTC. When it was last used is not told."""
    return IssuedCredential(
        id=str(pat.authorization_id),
        name=pat.display_name,
        scopes=to_scopes(pat.scope),
        created_at=_utc(pat.valid_from),
        expires_at=_utc(pat.valid_to),
    )


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _failure(reply: Reply) -> _Result | None:
    """The answer when it carries a ``patTokenError`` that says no, with whatever status."""
    try:
        result = reply.decode(_Result)
    except RemoteError:
        return None
    return None if result.pat_token_error in (None, paterrors.NONE) else result


def _pat_in(reply: Reply, doing: str) -> _Pat:
    result = reply.decode(_Result)
    if failure := _failure(reply):
        words = quoted(failure.pat_token_error_message or "")
        raise paterrors.error_of(str(failure.pat_token_error), words, doing)
    if result.pat_token is None:
        raise _shapeless(doing)
    return result.pat_token


def _shapeless(doing: str) -> RemoteError:
    return RemoteError(
        PARTY,
        Fault.BAD_REPLY,
        f"{PARTY} answered {doing} without saying what became of it",
        hint="run `reconciler plan`: it looks at what is there now",
    )


def _minted(reply: Reply, doing: str) -> Minted:
    """The new token. Whatever cannot be read leaves behind one that nobody knows."""
    try:
        pat = _pat_in(reply, doing)
    except RemoteError as error:
        raise _unsure(error) from error
    if not pat.token:
        raise ambiguous(PARTY, "the answer holds no secret")
    return Minted(Secret(pat.token), to_credential(pat))


def _unsure(error: RemoteError) -> RemoteError:
    """AMBIGUOUS in the place of an answer that came and could not be read."""
    if error.fault is Fault.BAD_REPLY:
        return ambiguous(PARTY, "its answer could not be read")
    return error
