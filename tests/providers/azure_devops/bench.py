"""Azure DevOps' adapter on the sandbox's emulator, over HTTP on loopback."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import CredentialForm, IssuerKind, MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.model.webhook import WebhookPlace
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login, Provider
from reconciler.providers.azure_devops.client import AzureDevOps
from reconciler.providers.azure_devops.subscriptions import to_tag
from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.azure_devops.estate import Subscription
from reconciler.sandbox.faults import Fault, FaultKind
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import AZURE, Settings
from reconciler.sandbox.state import Sandbox
from tests.contract.provider_bench import Declares, PageTrouble, Shortening, Trouble

DECLARES = Declares(
    pages=False,
    page_troubles=frozenset(),
    reach_requests=5,
    shortens=frozenset(Shortening),
)

SCM = "svc-scm@acme.example"
ADMIN = "ada@acme.example"
READER = "svc-reader@acme.example"
SCOPES = ("vso.code", "vso.memberentitlementmanagement", "vso.profile", "vso.project")
_CREATES = "POST */_apis/tokens/pats*"
_HOOKS = "/acme/_apis/hooks/subscriptions"
_FAULTS = {
    Trouble.BREAKS_OFF: FaultKind.DROP,
    Trouble.HTML: FaultKind.HTML,
    Trouble.TRUNCATED: FaultKind.TRUNCATED,
    Trouble.FOREIGN_REDIRECT: FaultKind.FOREIGN_REDIRECT,
    Trouble.ECHO: FaultKind.ECHO,
    Trouble.STATUS_429: FaultKind.RATE_LIMIT,
}


@dataclass
class Bench:
    """See tests/contract/provider_bench.py. The account is the organization ``acme``."""

    sandbox: Sandbox
    name: str = "azure-devops"
    page_size: int = 100
    sleeps: list[float] = field(default_factory=list)
    plain_url: str = ""

    def __post_init__(self) -> None:
        token = self.sandbox.credentials["AZURE_READER_PAT"]
        self.login = Login(MethodKind.PERSONAL_ACCESS_TOKEN, Secret(token), scopes=SCOPES)

    @property
    def organization(self) -> Organization:
        return organization_in(self.sandbox)

    def account(
        self,
        projects: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
        *,
        organization: str = "acme",
        api_url: str = "",
    ) -> DesiredAccount:
        return DesiredAccount(
            name="acme",
            provider=self.name,
            workspace=organization,
            api_url=api_url or self.sandbox.urls[AZURE],
            where=SourceMark("accounts.yaml"),
            projects=projects,
            settings=settings or {},
        )

    @asynccontextmanager
    async def _open(
        self, account: DesiredAccount, concurrency: int, hourly_requests: int | None
    ) -> AsyncIterator[AzureDevOps]:
        async def sleep(seconds: float) -> None:
            self.sleeps.append(seconds)

        provider = AzureDevOps(
            account, concurrency=concurrency, hourly_requests=hourly_requests, sleep=sleep
        )
        try:
            yield provider
        finally:
            await provider.aclose()

    def open(
        self, *, concurrency: int = 8, hourly_requests: int | None = None
    ) -> AbstractAsyncContextManager[Provider]:
        return self._open(self.account(), concurrency, hourly_requests)

    def open_account(
        self, account: DesiredAccount | None = None
    ) -> AbstractAsyncContextManager[AzureDevOps]:
        return self._open(account or self.account(), 8, None)

    # Credentials

    def pat(
        self, scopes: tuple[str, ...] = SCOPES, *, wants: tuple[str, ...] = (), owner: str = SCM
    ) -> Login:
        minted = self.organization.mint_pat(owner, scopes)
        return Login(MethodKind.PERSONAL_ACCESS_TOKEN, Secret(minted.token), scopes=wants or scopes)

    def app_token(self) -> Login:
        minted = self.organization.mint_app_token(self.sandbox.credentials["AZURE_SP_CLIENT_ID"])
        return self.bearer(minted.token)

    def bearer(self, token: str) -> Login:
        return Login(MethodKind.SERVICE_PRINCIPAL, Secret(token), form=CredentialForm.TOKEN)

    def logins(self) -> Mapping[Verdict, tuple[Login, ...]]:
        revoked, expired, ended = self.pat(), self.pat(), self.app_token()
        self.organization.revoke(revoked.secret.reveal())
        self.organization.expire(expired.secret.reveal())
        self.organization.expire(ended.secret.reveal())
        unknown = Login(MethodKind.PERSONAL_ACCESS_TOKEN, Secret("never-issued-" + "a" * 39))
        return {
            Verdict.WORKS: (self.login, self.pat(("vso.code",)), self.app_token()),
            Verdict.DEAD: (revoked, expired, ended, unknown, self.bearer("no-token-of-entra")),
        }

    def lean_logins(self) -> Mapping[Login, frozenset[str]]:
        member = "vso.memberentitlementmanagement"
        return {
            self.pat(("vso.code",), wants=("vso.code", member)): frozenset({member}),
            self.pat(("vso.profile",), wants=SCOPES): frozenset({"vso.code", member}),
            self.pat(("vso.build",), wants=("vso.code_write",)): frozenset({"vso.code_write"}),
        }

    def block(self) -> None:
        self.organization.knobs.suspended = True

    # Repositories

    def fill(self, repositories: int) -> None:
        estate = self.organization.estate
        for project in list(estate.projects.values()):
            for repository in list(estate.repositories[project.id].values()):
                estate.purge_repository(repository)
        self.organization.fill(1, repositories)

    def ids(self) -> frozenset[str]:
        estate = self.organization.estate
        return frozenset(
            repository.id
            for project in estate.projects.values()
            for repository in estate.live(project.id)
        )

    def minimum_requests(self, repositories: int) -> int:
        del repositories
        return 1

    # Trouble

    def trouble(self, what: Trouble) -> None:
        value = int(what) if what.isdigit() else None
        kind = _FAULTS.get(what, FaultKind.ERROR)
        self.sandbox.faults.add(
            Fault(kind, emulator=AZURE, times=None, value=None if what in _FAULTS else value)
        )

    def page_trouble(self, what: PageTrouble, page: int) -> None:
        raise NotImplementedError(f"repositories have no pages: {what} of {page}")

    def throttle_once(self, retry_after: str) -> None:
        self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, emulator=AZURE, value=retry_after))

    def requests(self) -> int:
        return self.sandbox.log.settled(AZURE)

    def lines(self) -> list[str]:
        """``METHOD path`` of every request, without the query."""
        self.requests()
        return [f"{e.method} {e.path.partition('?')[0]}" for e in self.sandbox.requests]

    def trapped(self) -> int:
        return len(self.sandbox.trapped)

    def secrets(self) -> Iterator[str]:
        for login in (entry for group in self.logins().values() for entry in group):
            value = login.secret.reveal()
            yield value
            yield base64.b64encode(f":{value}".encode()).decode()

    # Issuing

    def issuer(self, kind: IssuerKind | None = None) -> IssuerLogin:
        token = self.sandbox.credentials["AZURE_SCM_USER_TOKEN"]
        return IssuerLogin(kind or IssuerKind.BEARER, Secret(token), SCM)

    def home(self, owner: str = "") -> CredentialHome:
        """Without an owner, whoever signs in: nothing has to be looked up."""
        return CredentialHome(MethodKind.PERSONAL_ACCESS_TOKEN, owner=owner)

    def scopes(self) -> tuple[str, ...]:
        return ("vso.code", "vso.project")

    def other_scopes(self) -> tuple[str, ...]:
        return ("vso.profile",)

    def login_of(self, secret: Secret) -> Login:
        return Login(MethodKind.PERSONAL_ACCESS_TOKEN, secret)

    def live_credentials(self) -> frozenset[str]:
        organization = self.organization
        return frozenset(pat.id for pat in organization.pats(SCM) if not organization.why_not(pat))

    def creates(self) -> int:
        return sum(line == "POST /acme/_apis/tokens/pats" for line in self.lines())

    def lose_next_answer(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, match=_CREATES))

    def garble_next_answer(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.TRUNCATED, match=_CREATES))

    def end_issuer(self) -> None:
        self.organization.revoke(self.issuer().secret.reveal())

    def weak_issuers(self) -> tuple[IssuerLogin, ...]:
        reads_only = self.organization.mint_user_token(SCM, ("vso.pats",)).token
        secrets = (reads_only, self.app_token().secret.reveal(), self.login.secret.reveal())
        return tuple(IssuerLogin(IssuerKind.BEARER, Secret(secret)) for secret in secrets)

    def shorten_life(self, days: int, how: Shortening) -> None:
        mode = "clamp" if how is Shortening.CLAMPS else "error"
        self.organization.knobs.turn(max_life_days=days, life_mode=mode)

    def fill_home(self, credentials: int) -> None:
        for number in range(credentials):
            self.organization.mint_pat(SCM, name=f"by hand {number}")

    def expire(self, credential_id: str) -> None:
        self.organization.expire(credential_id)

    def unknown_id(self) -> str:
        return str(uuid4())

    # Webhooks

    def watcher(self) -> Login:
        return self.pat(("vso.code",), owner=ADMIN)

    def weak_watchers(self) -> tuple[Login, ...]:
        return (self.login, self.pat(("vso.build_execute",), owner=READER), self.lean_watcher())

    def lean_watcher(self) -> Login:
        return self.pat(("vso.profile", "vso.project"), owner=ADMIN)

    def places(self) -> tuple[WebhookPlace, ...]:
        return (
            WebhookPlace(repository="Payments/ledger"),
            WebhookPlace(repository="Payments/card-auth"),
            WebhookPlace(project="Payments"),
            WebhookPlace(project="Platform"),
            WebhookPlace(),
        )

    def unknown_places(self) -> tuple[WebhookPlace, ...]:
        return (
            WebhookPlace(project="Nowhere"),
            WebhookPlace(repository="Payments/nothing"),
            WebhookPlace(repository="Nowhere/ledger"),
        )

    def unwatched_places(self) -> tuple[WebhookPlace, ...]:
        return ()

    def own_event(self) -> str:
        return "ms.vss-code.git-pullrequest-comment-event"

    def inputs(self, place: WebhookPlace) -> dict[str, str]:
        project, _, name = (place.repository or place.project).partition("/")
        found = {"projectId": self.organization.project(project).id if project else ""}
        if name:
            found["repository"] = self.organization.repository(project, name).id
        return found

    def subscriptions(self, place: WebhookPlace) -> list[Subscription]:
        """Those of the place itself, seen at the service."""
        wanted = {"repository": "", **self.inputs(place)}
        return [
            one
            for one in self.organization.estate.subscriptions.values()
            if {"repository": "", **_inner(one, "publisherInputs")} == wanted
        ]

    def live_webhooks(self, place: WebhookPlace) -> frozenset[str]:
        return frozenset(_webhook(one) for one in self.subscriptions(place))

    def is_signed(self, webhook_id: str) -> bool:
        every = self.organization.estate.subscriptions.values()
        inputs = [_inner(one, "consumerInputs") for one in every if _webhook(one) == webhook_id]
        signed = {bool(one.get("basicAuthPassword")) for one in inputs}
        assert len(signed) == 1, "some of its subscriptions have a secret"
        return signed.pop()

    def add_webhooks(self, place: WebhookPlace, count: int) -> None:
        organization, who = self.organization, self.organization.user(ADMIN).id
        now = organization.clock.now()
        for number in range(count):
            body: dict[str, object] = {
                "publisherId": "tfs",
                "eventType": "git.push",
                "consumerId": "webHooks",
                "consumerActionId": "httpRequest",
                "publisherInputs": self.inputs(place),
                "consumerInputs": {"url": f"https://by-hand.acme.example/{number}"},
            }
            made = Subscription(organization.ids.bare(), body, who, now, who, now)
            organization.estate.subscriptions[made.id] = made

    def webhook_creates(self) -> int:
        return sum(line == f"POST {_HOOKS}" for line in self.lines())

    def lose_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, match=f"POST {_HOOKS}*"))

    def garble_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.TRUNCATED, match=f"POST {_HOOKS}*"))

    def throttle_next_webhook(self, retry_after: str) -> None:
        for method in ("POST", "PUT", "DELETE"):
            match = f"{method} {_HOOKS}*"
            self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, match=match, value=retry_after))


def _inner(subscription: Subscription, name: str) -> dict[str, str]:
    found = subscription.body[name]
    assert isinstance(found, dict)
    return found


def _webhook(subscription: Subscription) -> str:
    tag = to_tag(_inner(subscription, "consumerInputs").get("httpHeaders", ""))
    return tag.id or subscription.id


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh organization for one test."""
    with RunningSandbox(Settings(rate_limit=0)) as running:
        yield Bench(running.sandbox)
