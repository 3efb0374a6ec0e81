"""The calls to Azure DevOps: show a credential, list, have tokens made, keep webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import anyio

from reconciler.errors import RemoteError, SecretError
from reconciler.model.desired import DesiredAccount
from reconciler.model.observed import CredentialReport, IssuedCredential, Listing, Reads, Verdict
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import (
    CredentialHome,
    IssuerLogin,
    Login,
    Minted,
    Order,
    Progress,
)
from reconciler.providers.azure_devops import convert, verdicts
from reconciler.providers.azure_devops.hooks import Hooks
from reconciler.providers.azure_devops.hosts import Hosts
from reconciler.providers.azure_devops.limits import PARTY, RELEASED
from reconciler.providers.azure_devops.listing import Organization
from reconciler.providers.azure_devops.pats import Pats
from reconciler.providers.azure_devops.scopes import of_family
from reconciler.providers.azure_devops.signin import SignIn, unfit, unfit_error
from reconciler.transport.budget import Budget
from reconciler.transport.reply import Reply
from reconciler.transport.retry import Patience
from reconciler.transport.session import Session


class AzureDevOps:
    """One organization (at a Server: one collection), optionally some of its projects.

    Args:
        account: the organization is its ``workspace``. Its ``settings`` may name ``caFile``,
            ``vsspsUrl``, ``vsaexUrl``, ``entraUrl`` and ``fedAuthRedirect``.
        concurrency: requests in flight at once.
        hourly_requests: our allowance, retries included; None counts without limit. The
            service's own limits are not in requests.
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
        self._hosts = Hosts(
            account,
            concurrency=max(1, min(concurrency, 32)),
            budget=self._budget,
            sleep=sleep,
            patience=patience,
        )
        self._sign_in = SignIn(account)
        self._pats = Pats(self._hosts, self._sign_in)
        self._hooks = Hooks(self._hosts, self._sign_in)
        self._expected: int | None = None
        self._seen: int | None = None
        self._complete = True

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        """Show a credential: ``connectionData``; for *reach* one project, and a call per scope.

        A service principal that signs in with a secret costs requests to Entra besides, which
        are not counted here.
        """
        if refusal := unfit(login):
            return refusal
        try:
            reply = await self._hosts.connection(await self._sign_in.headers(login))
            report = verdicts.judge_connection(reply)
        except RemoteError as error:
            return verdicts.from_fault(error)
        except SecretError as error:
            return CredentialReport(Verdict.DEAD, cause=error.cause, hint=error.hint)
        if not reach or report.verdict is not Verdict.WORKS:
            return report
        try:
            return await self._with_reach(login, report)
        except RemoteError as error:
            return replace(report, cause=error.cause, hint=error.hint)

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        """Read projects, Git repositories and TFVC at once; again when counts do not add up."""
        del expected  # there are no pages that it could let start early
        if refusal := unfit(login):
            raise unfit_error(refusal)
        organization = Organization(
            lambda path, query: self._get(login, self._hosts.core, path, query),
            lambda path, query: self._get(login, self._hosts.listing, path, query),
            self._hosts.path,
            self._account.projects,
            progress,
        )
        listing = await organization.read()
        if not listing.complete and "could not be read" not in listing.gap:
            listing = await organization.read()
        self._expected = listing.expected
        self._seen = len(listing.repositories)
        self._complete = self._complete and listing.complete
        return listing

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        """The personal access tokens of whom *login* is that are valid now."""
        return await self._pats.issued(login, home)

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        """Make a personal access token, for this organization alone."""
        return await self._pats.issue(login, order)

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, scopes: tuple[str, ...]
    ) -> IssuedCredential:
        """Change the scopes of a token; its secret and its end stay."""
        return await self._pats.rescope(login, home, credential_id, scopes)

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        """Revoke a token; one that is not there is revoked."""
        await self._pats.revoke(login, home, credential_id)

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """The web hooks of *place* itself; subscriptions of ours with one id are one."""
        return await self._hooks.webhooks(login, place)

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """Make, replace and delete subscriptions until they are the webhook that is ordered."""
        return await self._hooks.put(login, place, order, webhook_id)

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """Delete the subscriptions of a webhook."""
        await self._hooks.delete(login, place, webhook_id)

    def reads(self) -> Reads:
        """Requests sent to all hosts; the only limit in requests is ours."""
        return Reads(
            party=f"{PARTY}/{self._account.workspace}",
            requests=self._budget.requests,
            limit=self._budget.limit,
            expected=self._expected,
            seen=self._seen,
            complete=self._complete,
        )

    async def aclose(self) -> None:
        """Close connections."""
        self._sign_in.close()
        await self._hosts.aclose()

    async def _with_reach(self, login: Login, report: CredentialReport) -> CredentialReport:
        """*report* refined by reading one project, and by a call for each wanted scope.

        Reading a project does not prove ``vso.project``: ``vso.profile``, and so ``vso.code``,
        is enough for it. Only a refusal proves something.

        Source: https://learn.microsoft.com/rest/api/azure/devops/core/projects/list, "Scopes"
        [documented, 2026-11-21]; that any one of them is enough is assumed.
        """
        query: dict[str, str | int] = {"$top": 1, "api-version": RELEASED}
        path = f"{self._hosts.path}/_apis/projects"
        reply = await self._get(login, self._hosts.core, path, query)
        project = ""
        if reply.is_ok and not verdicts.is_turned_away(reply):
            project = next(iter(convert.to_projects(reply)), "")
            report = replace(report, reaches=True)
        else:
            no = verdicts.refusal(reply, "reading projects", scope="vso.project")
            report = replace(report, reaches=False, cause=no.cause, hint=no.hint)
        tries = {scope: reply for scope in login.scopes if of_family(scope, "vso.project")}
        error = await self._try(login, project, tries)
        report = verdicts.with_tries(report, tries, login.scopes)
        if error is not None and not report.cause:
            report = replace(report, cause=error.cause, hint=error.hint)
        return report

    async def _try(self, login: Login, project: str, tries: dict[str, Reply]) -> RemoteError | None:
        """Fill *tries* with the answer to a call that needs each wanted scope, all at once.

        Returns:
            Why one of them got no answer.
        """
        hosts, path = self._hosts, self._hosts.path
        calls = {
            "vso.code": (hosts.listing, convert.repositories_path(path, project)),
            "vso.memberentitlementmanagement": (hosts.vsaex, f"{path}/_apis/userentitlements"),
            "vso.profile": (hosts.vssps, f"{path}/_apis/profile/profiles/me"),
        }
        errors: list[RemoteError] = []

        async def call(scope: str, session: Session, where: str) -> None:
            try:
                tries[scope] = await self._get(login, session, where, {"api-version": RELEASED})
            except RemoteError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for scope in login.scopes:
                for root, (session, where) in calls.items():
                    if of_family(scope, root):
                        tasks.start_soon(call, scope, session, where)
        return errors[0] if errors else None

    async def _get(
        self,
        login: Login,
        session: Session,
        path: str,
        query: Mapping[str, str | int],
    ) -> Reply:
        headers = await self._sign_in.headers(login)
        return await session.get(path, params=query, headers=headers)
