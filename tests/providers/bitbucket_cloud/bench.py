"""Bitbucket Cloud's adapter on the sandbox's emulator, over HTTP on loopback."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.model.webhook import WebhookPlace
from reconciler.ports.provider import Login, Provider
from reconciler.providers.bitbucket_cloud.client import BitbucketCloud
from reconciler.sandbox.defaults import generate
from reconciler.sandbox.estate import Hook
from reconciler.sandbox.faults import Fault, FaultKind
from reconciler.sandbox.requestlog import LoggedRequest
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import BITBUCKET, Generate, Settings
from reconciler.sandbox.state import Sandbox
from tests.contract.provider_bench import Declares, PageTrouble, Trouble

DECLARES = Declares(reach_requests=2)
READS = ("read:user:bitbucket", "read:repository:bitbucket", "read:workspace:bitbucket")
_PAGE_FAULTS = {
    PageTrouble.LOST: FaultKind.LOST_PAGE,
    PageTrouble.HTML: FaultKind.HTML,
    PageTrouble.TRUNCATED: FaultKind.TRUNCATED,
    PageTrouble.FOREIGN_LINK: FaultKind.FOREIGN_NEXT,
    PageTrouble.COUNT_TOO_HIGH: FaultKind.SHRINK,
}
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
    """See tests/contract/provider_bench.py. The account is the workspace ``acme``."""

    sandbox: Sandbox
    workspace: str = "acme"
    name: str = "bitbucket-cloud"
    page_size: int = 100
    sleeps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        token = self.sandbox.credentials["ACME_READER_TOKEN"]
        self.login = Login(MethodKind.ACCESS_TOKEN, Secret(token))

    def account(
        self, workspace: str = "", projects: tuple[str, ...] = (), path: str = ""
    ) -> DesiredAccount:
        url = self.sandbox.urls[BITBUCKET]
        return DesiredAccount(
            name="acme",
            provider=self.name,
            workspace=workspace or self.workspace,
            api_url=url if not path else url.removesuffix("/2.0") + path,
            where=SourceMark("accounts.yaml"),
            projects=projects,
        )

    @asynccontextmanager
    async def _open(
        self, account: DesiredAccount, concurrency: int, hourly_requests: int | None
    ) -> AsyncIterator[BitbucketCloud]:
        async def sleep(seconds: float) -> None:
            self.sleeps.append(seconds)

        provider = BitbucketCloud(
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

    def open_account(self, account: DesiredAccount) -> AbstractAsyncContextManager[BitbucketCloud]:
        return self._open(account, 8, None)

    # Credentials

    def api_token(
        self, scopes: tuple[str, ...] = READS, *, username: str = "", dead: bool = False
    ) -> Login:
        minted = self.sandbox.bitbucket.mint_api_token("ox-bot@acme.example", scopes)
        if dead:
            self.sandbox.bitbucket.revoke(minted.token)
        return Login(MethodKind.API_TOKEN, Secret(minted.token), username or "ox-bot@acme.example")

    def access_token(
        self, scopes: tuple[str, ...] = ("repository",), *, project: str = "", repository: str = ""
    ) -> Login:
        minted = self.sandbox.bitbucket.mint_access_token(
            self.workspace, scopes, project=project, repository=repository
        )
        return Login(MethodKind.ACCESS_TOKEN, Secret(minted.token))

    def consumer(self, secret: str = "") -> Login:
        known = self.sandbox.credentials
        return Login(
            MethodKind.OAUTH_CONSUMER,
            Secret(secret or known["BITBUCKET_OAUTH_SECRET"]),
            known["BITBUCKET_OAUTH_KEY"],
        )

    def logins(self) -> Mapping[Verdict, tuple[Login, ...]]:
        dead = self.access_token()
        self.sandbox.bitbucket.expire(dead.secret.reveal())
        return {
            Verdict.WORKS: (self.login, self.api_token(), self.consumer()),
            Verdict.DEAD: (dead, self.api_token(dead=True), self.consumer("wrong-secret-123")),
            Verdict.WRONG_LOGIN: (self.api_token(username="acme-ox-bot"),),
            Verdict.UNSCOPED: (self.api_token(()),),
            Verdict.RETIRED: (
                Login(MethodKind.APP_PASSWORD, Secret("app-password-1"), "acme-ox-bot"),
            ),
        }

    def lean_logins(self) -> Mapping[Login, frozenset[str]]:
        return {}

    def block(self) -> None:
        estate = self.sandbox.bitbucket.estate
        estate.set_workspace(estate.workspace(self.workspace), allowlist=True)

    # Repositories

    def fill(self, repositories: int) -> None:
        hands = self.sandbox.bitbucket
        for found in hands.repositories(self.workspace)[repositories:]:
            hands.delete_repository(self.workspace, found.uuid)
        generate(hands, Generate(repositories, workspace=self.workspace), seed=1)

    def ids(self) -> frozenset[str]:
        return frozenset(r.uuid for r in self.sandbox.bitbucket.repositories(self.workspace))

    def minimum_requests(self, repositories: int) -> int:
        return max(1, -(-repositories // self.page_size))

    # Trouble

    def trouble(self, what: Trouble) -> None:
        value = int(what) if what.isdigit() else None
        self.sandbox.faults.add(
            Fault(
                _FAULTS.get(what, FaultKind.ERROR),
                times=None,
                value=None if what in _FAULTS else value,
            )
        )

    def page_trouble(self, what: PageTrouble, page: int) -> None:
        lists = "GET /2.0/repositories/*page="
        match = f"{lists}*" if what is PageTrouble.COUNT_TOO_HIGH else f"{lists}{page}"
        self.sandbox.faults.add(Fault(_PAGE_FAULTS[what], match=match, times=None))

    def throttle_once(self, retry_after: str) -> None:
        self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, value=retry_after))

    def requests(self) -> int:
        return self.sandbox.log.settled(BITBUCKET)

    def logged(self) -> tuple[LoggedRequest, ...]:
        """Every request that is over, which all are that were answered."""
        self.requests()
        return tuple(self.sandbox.log.entries)

    def trapped(self) -> int:
        return len(self.sandbox.trapped)

    def secrets(self) -> Iterator[str]:
        for login in (entry for group in self.logins().values() for entry in group):
            value = login.secret.reveal()
            yield value
            yield base64.b64encode(f"{login.username}:{value}".encode()).decode()

    # Webhooks

    def watcher(self) -> Login:
        return self.access_token(("repository", "webhook"))

    def weak_watchers(self) -> tuple[Login, ...]:
        return (self.login, self.api_token((*READS, "read:webhook:bitbucket")))

    def places(self) -> tuple[WebhookPlace, ...]:
        return (
            WebhookPlace(repository="payments-api"),
            WebhookPlace(repository="PAY/ledger"),
            WebhookPlace(),
        )

    def unknown_places(self) -> tuple[WebhookPlace, ...]:
        return (WebhookPlace(repository="nowhere"), WebhookPlace(repository="PAY/nowhere"))

    def unwatched_places(self) -> tuple[WebhookPlace, ...]:
        return (WebhookPlace(project="PAY"),)

    def own_event(self) -> str:
        return "repo:fork"

    def subject(self, place: WebhookPlace) -> str:
        """The uuid that webhooks of the place belong to."""
        if not place.repository:
            return self.sandbox.bitbucket.estate.workspace(self.workspace).uuid
        slug = place.repository.rpartition("/")[2]
        return self.sandbox.bitbucket.repository(self.workspace, slug).uuid

    def live_webhooks(self, place: WebhookPlace) -> frozenset[str]:
        subject = self.subject(place)
        hooks = self.sandbox.bitbucket.estate.hooks.values()
        return frozenset(hook.uuid for hook in hooks if hook.subject == subject)

    def is_signed(self, webhook_id: str) -> bool:
        return self.sandbox.bitbucket.estate.hooks[webhook_id].has_secret

    def add_webhooks(self, place: WebhookPlace, count: int) -> None:
        hands = self.sandbox.bitbucket
        for number in range(count):
            made = Hook(
                uuid=hands.ids.uuid(),
                subject=self.subject(place),
                url=f"https://somebody.example/{number}",
                description=f"somebody's {number}",
                is_active=True,
                events=("repo:push",),
                has_secret=False,
                created_at=hands.clock.now(),
            )
            hands.estate.hooks[made.uuid] = made

    def webhook_creates(self) -> int:
        return sum(
            entry.method == "POST" and entry.path.endswith("/hooks") for entry in self.logged()
        )

    def lose_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, match="POST */hooks"))

    def garble_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.TRUNCATED, match="POST */hooks"))

    def throttle_next_webhook(self, retry_after: str) -> None:
        for match in ("POST */hooks", "PUT */hooks/*", "DELETE */hooks/*"):
            self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, match=match, value=retry_after))


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh workspace for one test."""
    with RunningSandbox(Settings(rate_limit=0)) as running:
        yield Bench(running.sandbox)
