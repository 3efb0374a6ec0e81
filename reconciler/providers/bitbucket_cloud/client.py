"""The calls to Bitbucket Cloud: show a credential, list repositories, keep webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

import anyio
import msgspec

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Listing, Reads, Repository, Verdict
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login, Progress
from reconciler.providers.bitbucket_cloud import convert, verdicts
from reconciler.providers.bitbucket_cloud.hooks import HookDesk
from reconciler.providers.bitbucket_cloud.limits import (
    API_URL,
    HOURLY_REQUESTS,
    PAGE_SIZE,
    RETIRED,
    SITE_URL,
)
from reconciler.providers.bitbucket_cloud.oauth import ConsumerGrant
from reconciler.transport import auth
from reconciler.transport.budget import Budget
from reconciler.transport.pages import NumberedPages, Page, Walk
from reconciler.transport.reply import Reply
from reconciler.transport.retry import Patience
from reconciler.transport.session import Session
from reconciler.transport.wire import is_loopback

_PARTY = "bitbucket-cloud"
_FIRST_GUESS = 4
"""Pages asked for at once when nothing is known: for a workspace of one page, 3 are wasted."""

_UNAUTHORIZED = 401
_REDIRECTS = range(300, 400)
_SHOWN = (MethodKind.API_TOKEN, MethodKind.ACCESS_TOKEN, MethodKind.OAUTH_CONSUMER)
_OF_VERDICT = {Fault.CREDENTIAL: Verdict.DEAD, Fault.PERMISSION: Verdict.BLOCKED}


class BitbucketCloud:
    """One workspace, optionally some of its projects.

    Args:
        account: the workspace; ``settings["caFile"]`` names certificates to trust as well.
        concurrency: requests in flight at once.
        hourly_requests: our allowance, retries included; None counts without limit.
        sleep: how to wait between tries.
        patience: how long to bear 429, 5xx and lost connections.
    """

    def __init__(
        self,
        account: DesiredAccount,
        *,
        concurrency: int,
        hourly_requests: int | None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        patience: Patience | None = None,
    ) -> None:
        """Open nothing yet."""
        self._account = account
        self._budget = Budget(hourly_requests)
        self._workers = max(1, min(concurrency, 32))

        def session(base_url: str, *, follow_redirects: bool = True) -> Session:
            return Session(
                _PARTY,
                base_url,
                concurrency=self._workers,
                budget=self._budget,
                sleep=sleep,
                patience=patience,
                ca_file=account.settings.get("caFile", ""),
                follow_redirects=follow_redirects,
            )

        self._api = session(account.api_url or API_URL)
        self._writes = session(account.api_url or API_URL, follow_redirects=False)
        self._site = session(_site_of(account.api_url))
        self._desk = HookDesk(account.workspace, self._send)
        self._grants: dict[Login, ConsumerGrant] = {}
        self._expected: int | None = None
        self._seen: int | None = None
        self._complete = True

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        """Show a credential: ``GET /user``, and one page of one repository for *reach*.

        An OAuth consumer costs one request more, for its access token.
        """
        if refusal := _unfit(login):
            return refusal
        try:
            reply = await self._get(login, "/user")
            report = verdicts.judge_user(reply, login, self._account.workspace)
            report = self._with_grant(login, report)
        except RemoteError as error:
            return self._from_fault(login, error)
        except SecretError as error:
            return CredentialReport(Verdict.DEAD, cause=error.cause, hint=error.hint)
        if not reach or report.verdict is not Verdict.WORKS:
            return report
        try:
            query = convert.reach_query(self._account.projects)
            return verdicts.with_reach(await self._get(login, self._path, query), login, report)
        except RemoteError as error:
            return replace(report, cause=error.cause, hint=error.hint)

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        """Read every page; a second time when the first reading does not add up.

        Rows shift between pages when repositories come and go meanwhile, which shows in the
        count: the second reading then stands, complete or not.
        """
        _refuse_unfit(login)
        walk = await self._walk(login, expected, progress)
        listing = convert.to_listing(walk.pages, walk.gap)
        if not listing.complete and not walk.gap:
            walk = await self._walk(login, listing.expected, progress)
            listing = convert.to_listing(walk.pages, walk.gap)
        self._expected = listing.expected
        self._seen = len(listing.repositories)
        self._complete = self._complete and listing.complete
        return listing

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        return await self._desk.webhooks(login, place)

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        return await self._desk.put_webhook(login, place, order, webhook_id)

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        await self._desk.delete_webhook(login, place, webhook_id)

    def reads(self) -> Reads:
        """Requests sent to API and token endpoint; the limit is ours, theirs or the documented."""
        limit = self._budget.limit or self._api.hourly_limit or HOURLY_REQUESTS
        return Reads(
            party=f"{_PARTY}/{self._account.workspace}",
            requests=self._budget.requests,
            limit=limit,
            expected=self._expected,
            seen=self._seen,
            complete=self._complete,
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._api.aclose()
        await self._writes.aclose()
        await self._site.aclose()

    @property
    def _path(self) -> str:
        return convert.list_path(self._account.workspace)

    async def _walk(
        self, login: Login, expected: int | None, progress: Progress
    ) -> Walk[tuple[str, Repository]]:
        what = f"listing the repositories of {self._account.workspace}"

        async def fetch(number: int) -> Page[tuple[str, Repository]]:
            query = convert.list_query(self._account.projects, number)
            return _page(await self._get(login, self._path, query))

        async def follow(link: str) -> Page[tuple[str, Repository]]:
            return _page(await self._get(login, link))

        def number_in(link: str) -> int | None:
            self._api.check_link(link)
            return convert.page_number(link)

        return await NumberedPages(
            fetch,
            follow,
            number_in,
            page_size=PAGE_SIZE,
            workers=self._workers,
            guess=_FIRST_GUESS if expected is None else -(-expected // PAGE_SIZE),
            told=lambda done, total: progress(what, done, total),
        ).walk()

    async def _get(
        self, login: Login, path_or_link: str, query: Mapping[str, str | int] | None = None
    ) -> Reply:
        return await self._send("GET", login, path_or_link, query)

    async def _send(
        self,
        method: str,
        login: Login,
        path_or_link: str,
        query: Mapping[str, str | int] | None = None,
        *,
        body: Mapping[str, object] | None = None,
        safe: bool = True,
    ) -> Reply:
        """One request as *login*; an OAuth token that was refused is replaced once."""
        headers = await self._headers(login)
        reply = await self._send_with(headers, method, path_or_link, query, body, safe=safe)
        if reply.status == _UNAUTHORIZED and login in self._grants:
            self._grants[login].drop(headers)
            headers = await self._headers(login)
            reply = await self._send_with(headers, method, path_or_link, query, body, safe=safe)
        return reply

    async def _send_with(
        self,
        headers: Mapping[str, str],
        method: str,
        path_or_link: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
        *,
        safe: bool,
    ) -> Reply:
        """The request itself. A redirect of a change is its reply, and stays at this host."""
        if method == "GET":
            return await self._api.get(path_or_link, params=query, headers=headers)
        kind = {} if body is None else {"Content-Type": "application/json"}
        reply = await self._writes.request(
            method,
            path_or_link,
            headers={**headers, **kind},
            content=None if body is None else msgspec.json.encode(body),
            safe=safe,
        )
        if target := reply.headers.get("location", "") if reply.status in _REDIRECTS else "":
            self._writes.check_link(urljoin(reply.url, target))
        return reply

    async def _headers(self, login: Login) -> Mapping[str, str]:
        if login.kind is MethodKind.API_TOKEN:
            return auth.basic(login.username, login.secret)
        if login.kind is MethodKind.ACCESS_TOKEN:
            return auth.bearer(login.secret)
        if login not in self._grants:
            self._grants[login] = ConsumerGrant(login, self._site)
        return await self._grants[login].headers()

    def _with_grant(self, login: Login, report: CredentialReport) -> CredentialReport:
        """Fill in what the token endpoint said of an OAuth consumer and the API did not."""
        grant = self._grants.get(login)
        if grant is None or report.verdict is not Verdict.WORKS:
            return report
        return replace(
            report,
            scopes=report.scopes if report.scopes is not None else grant.scopes,
            identity=report.identity or f"oauth-consumer:{login.username}",
            credential_type=report.credential_type or "oauth",
        )

    def _from_fault(self, login: Login, error: RemoteError) -> CredentialReport:
        """A verdict where the token endpoint refused the consumer; else nothing was learnt."""
        report = verdicts.from_fault(error)
        if login.kind is not MethodKind.OAUTH_CONSUMER or error.fault not in _OF_VERDICT:
            return report
        return CredentialReport(_OF_VERDICT[error.fault], cause=error.cause, hint=error.hint)


def _page(reply: Reply) -> Page[tuple[str, Repository]]:
    if not reply.is_ok:
        raise verdicts.listing_refusal(reply)
    return convert.to_page(reply)


def _site_of(api_url: str) -> str:
    """Where the consumer's secret goes: the public site, or a loopback API's own host."""
    parts = urlsplit(api_url)
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return f"http://{parts.netloc}"
    return SITE_URL


def _refuse_unfit(login: Login) -> None:
    if refusal := _unfit(login):
        raise RemoteError(_PARTY, Fault.REJECTED, refusal.cause, hint=refusal.hint)


def _unfit(login: Login) -> CredentialReport | None:
    """Why a login cannot even be shown; None when it can."""
    if sentence := RETIRED.get(login.kind):
        return CredentialReport(Verdict.RETIRED, cause=sentence, hint="create an API token")
    if login.kind in _SHOWN:
        return None
    return CredentialReport(
        Verdict.UNKNOWN,
        cause=f"{login.kind} is not a method whose secret can be shown to {_PARTY}",
        hint=f"methods with a secret are {', '.join(_SHOWN)}",
    )
