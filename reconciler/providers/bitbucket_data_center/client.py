"""The calls to Bitbucket Data Center: show a credential, list, issue tokens, keep webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import anyio

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import (
    CredentialReport,
    IssuedCredential,
    Listing,
    Reads,
    Verdict,
)
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login, Minted, Order, Progress
from reconciler.providers.bitbucket_data_center import convert, probing, verdicts
from reconciler.providers.bitbucket_data_center.hooks import HookDesk
from reconciler.providers.bitbucket_data_center.issuing import TokenDesk
from reconciler.providers.bitbucket_data_center.limits import API, PAGE_SIZE, PARTY, SHOWN
from reconciler.transport import auth
from reconciler.transport.budget import Budget
from reconciler.transport.offsets import OffsetPages, Stretch
from reconciler.transport.reply import Reply
from reconciler.transport.retry import Patience
from reconciler.transport.session import Session

_NO_CHECK = {"X-Atlassian-Token": "no-check"}
"""Without it a change may be taken for one that a foreign page began. [observed, 2026-11-21]"""


_UNREAD = ("the version was not read",)


def _now() -> datetime:
    return datetime.now(UTC)


class BitbucketDataCenter:
    """One instance, optionally some of its projects.

    Args:
        account: the instance; ``api_url`` is its base address with the context path,
            ``settings["caFile"]`` names certificates to trust as well.
        concurrency: requests in flight at once.
        hourly_requests: our allowance, retries included; None counts without limit.
        sleep: how to wait between tries.
        patience: how long to bear 429, 5xx and lost connections.
        clock: UTC.
    """

    def __init__(
        self,
        account: DesiredAccount,
        *,
        concurrency: int,
        hourly_requests: int | None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        patience: Patience | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Open nothing yet."""
        self._account = account
        self._budget = Budget(hourly_requests)
        self._workers = max(1, min(concurrency, 32))
        self._clock = clock

        def session(*, follow_redirects: bool) -> Session:
            return Session(
                PARTY,
                account.api_url,
                authorization=_NO_CHECK,
                concurrency=self._workers,
                budget=self._budget,
                sleep=sleep,
                patience=patience,
                ca_file=account.settings.get("caFile", ""),
                follow_redirects=follow_redirects,
            )

        self._api = session(follow_redirects=True)
        self._writes = session(follow_redirects=False)
        self._desk = TokenDesk(self._api, self._writes, clock)
        self._hooks = HookDesk(self._api, self._writes)
        self._version_remarks: tuple[str, ...] = _UNREAD
        self._seen: int | None = None
        self._complete = True

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        """Show a token: ``GET /projects``; with *reach* see `probing.probe`.

        One request more where the answer names nobody, as it would to anybody.
        """
        if refusal := _unfit(login):
            return verdicts.from_fault(refusal)

        async def get(path: str, query: Mapping[str, str | int] | None = None) -> Reply:
            return await self._get(login, path, query)

        try:
            reply = await get(f"{API}/projects", {"limit": 1})
            report = verdicts.judge(reply, login)
            if report.verdict is not Verdict.UNKNOWN and verdicts.is_nameless(reply):
                return verdicts.judge_nameless(await get(f"{API}/users", {"limit": 1}))
        except RemoteError as error:
            return verdicts.from_fault(error)
        except SecretError as error:
            return CredentialReport(Verdict.DEAD, cause=error.cause, hint=error.hint)
        if not reach or report.verdict is not Verdict.WORKS:
            return report
        return await probing.probe(get, report, login.scopes, self._account.projects)

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        """Read every page, of several projects side by side. The version costs one request once.

        A project of the account that shows nothing is asked for by name: one that cannot be seen
        is a gap, not an empty project. When there are fewer than last time all is read again:
        without a count, only a second reading that shows the same tells those that were deleted
        before from one that was deleted on the way and pushed another out of sight.
        """
        _refuse_unfit(login)
        auth.bearer(login.secret)  # what cannot be sent is refused here, not in a task
        listing = await self._list(login, expected, progress)
        if listing.complete and len(listing.repositories) < (expected or 0):
            listing = await self._read_again(login, listing, progress)
        self._seen = len(listing.repositories)
        self._complete = self._complete and listing.complete
        return listing

    async def _read_again(self, login: Login, first: Listing, progress: Progress) -> Listing:
        try:
            second = await self._list(login, len(first.repositories), progress)
        except RemoteError as error:
            gap = f"the list could not be read a second time: {error.cause}"
            return replace(first, complete=False, gap=gap)
        return _confirmed(first, second)

    async def _list(self, login: Login, expected: int | None, progress: Progress) -> Listing:
        """One reading.

        Raises:
            RemoteError: nothing at all could be read.
        """
        tally = _Tally(progress, f"listing the repositories of {self._account.workspace}")
        async with anyio.create_task_group() as tasks:
            for project in self._account.projects or ("",):
                tasks.start_soon(self._read, login, project, expected, tally)
            tasks.start_soon(self._read_version)
        if len(tally.errors) == len(self._account.projects or ("",)):
            raise tally.errors[0]
        return self._listing(tally)

    def _listing(self, tally: _Tally) -> Listing:
        repositories = {row[0]: row[1] for row in tally.rows}
        gaps = (*tally.gaps, *(error.cause for error in tally.errors))
        return Listing(
            repositories=repositories,
            complete=not gaps,
            gap="; ".join(gaps),
            pages=tally.pages,
            remarks=(*self._version_remarks, *convert.state_remarks(tally.rows)),
        )

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        """See `Issuer`."""
        return await self._desk.issued(login, home)

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        """See `Issuer`."""
        return await self._desk.issue(login, order)

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, scopes: tuple[str, ...]
    ) -> IssuedCredential:
        """See `Issuer`."""
        return await self._desk.rescope(login, home, credential_id, scopes)

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        """See `Issuer`."""
        await self._desk.revoke(login, home, credential_id)

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        return await self._hooks.webhooks(login, place)

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        return await self._hooks.put_webhook(login, place, order, webhook_id)

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """See `WebhookKeeper`."""
        _refuse_unfit(login)
        await self._hooks.delete_webhook(login, place, webhook_id)

    def reads(self) -> Reads:
        """Requests sent; no hourly limit is documented."""
        return Reads(
            party=f"{PARTY}/{self._account.workspace}",
            requests=self._budget.requests,
            limit=self._budget.limit or self._api.hourly_limit,
            seen=self._seen,
            complete=self._complete,
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._api.aclose()
        await self._writes.aclose()

    # Reading

    async def _read(self, login: Login, project: str, expected: int | None, tally: _Tally) -> None:
        """One project, or all: rows and gaps into *tally*.

        Of several projects each page waits for the one before it: nothing is asked for in vain.
        """
        alone = len(self._account.projects) <= 1

        async def fetch(start: int) -> Stretch[convert.Row]:
            reply = await self._get(login, f"{API}/repos", convert.list_query(start, project))
            if not reply.is_ok:
                raise verdicts.reading_refusal(reply, "listing repositories")
            page = convert.to_stretch(reply, start, project)
            if verdicts.is_nameless(reply):
                raise verdicts.nameless_refusal(reply)
            return page

        try:
            walk = await OffsetPages(
                fetch,
                workers=self._workers if alone else 1,
                expected=expected if alone else None,
                told=tally.teller(),
                page=PAGE_SIZE,
            ).walk()
            gap = walk.gap
            if project and not gap and not any(page.items for page in walk.pages):
                gap = await self._why_empty(login, project)
        except RemoteError as error:
            tally.errors.append(error)
            return
        tally.pages += len(walk.pages)
        tally.rows += (row for page in walk.pages for row in page.items)
        if gap:
            tally.gaps.append(gap if not project else f"project {project}: {gap}")

    async def _why_empty(self, login: Login, project: str) -> str:
        """Why a project shows nothing; empty when it is there and holds nothing."""
        reply = await self._get(login, probing.project_path(project))
        if reply.is_ok:
            return ""
        return verdicts.reading_refusal(reply, "reading it").cause

    async def _read_version(self) -> None:
        """Remember what is to be said of the version. No credential is needed, so none is sent."""
        if self._version_remarks is not _UNREAD:
            return
        try:
            reply = await self._api.get(f"{API}/application-properties")
            if not reply.is_ok:
                raise verdicts.reading_refusal(reply, "reading the version")
            version = convert.to_version(reply)
        except RemoteError as error:
            self._version_remarks = (f"the version could not be read: {error.cause}",)
        else:
            self._version_remarks = convert.version_remarks(version, self._clock().date())

    async def _get(
        self, login: Login, path: str, query: Mapping[str, str | int] | None = None
    ) -> Reply:
        """One read as *login*: always as a Bearer, which tokens of every level may be."""
        return await self._api.get(path, params=query, headers=auth.bearer(login.secret))


class _Tally:
    """What several walks have found."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._what = what
        self._read: list[int] = []
        self.rows: list[convert.Row] = []
        self.gaps: list[str] = []
        self.errors: list[RemoteError] = []
        self.pages = 0

    def teller(self) -> Callable[[int], None]:
        """What one walk tells its progress to; the sum of all is passed on."""
        place = len(self._read)
        self._read.append(0)

        def told(done: int) -> None:
            self._read[place] = done
            self._progress(self._what, sum(self._read), None)

        return told


def _confirmed(first: Listing, second: Listing) -> Listing:
    """The second reading, complete only when the first shows the same repositories."""
    gone = first.repositories.keys() - second.repositories.keys()
    new = second.repositories.keys() - first.repositories.keys()
    if not second.complete or not (gone or new):
        return second
    changed = f"{len(new)} new and {len(gone)} gone the second time"
    gap = f"the list changed while it was read: {changed}"
    return replace(second, complete=False, gap=gap)


def _refuse_unfit(login: Login) -> None:
    if refusal := _unfit(login):
        raise refusal


def _unfit(login: Login) -> RemoteError | None:
    """Why a login cannot even be shown; None when it can."""
    if login.kind in SHOWN:
        return None
    if login.kind is MethodKind.OAUTH_CONSUMER:
        return RemoteError(
            PARTY,
            Fault.REJECTED,
            f"the secret of an {login.kind} (incoming link) cannot be shown to {PARTY}: it is "
            "worth something only after a person consented in a browser",
            hint="give the account a reader of the type http-access-token",
        )
    return RemoteError(
        PARTY,
        Fault.REJECTED,
        f"{login.kind} is not a method whose secret can be shown to {PARTY}",
        hint=f"the method with a secret is {', '.join(SHOWN)}",
    )
