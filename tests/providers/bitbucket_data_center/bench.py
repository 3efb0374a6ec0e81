"""Bitbucket Data Center's adapter on the sandbox's emulator, over HTTP on loopback."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.model.webhook import WebhookPlace
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login, Provider
from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter
from reconciler.sandbox.data_center import Instance, instance_in
from reconciler.sandbox.data_center.hooks import Draft, Home, Webhook
from reconciler.sandbox.faults import Fault, FaultKind
from reconciler.sandbox.requestlog import LoggedRequest
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import DATA_CENTER, Settings
from reconciler.sandbox.state import Sandbox
from tests.contract.provider_bench import Declares, PageTrouble, Shortening, Trouble

READS = ("PROJECT_READ", "REPO_READ")
WRITES = ("PROJECT_READ", "REPO_WRITE")
PAGE = 100
ADMINISTERS = ("PROJECT_ADMIN", "REPO_ADMIN")
OWNER = "svc-scanner"
_PAGE_FAULTS = {
    PageTrouble.LOST: FaultKind.LOST_PAGE,
    PageTrouble.HTML: FaultKind.HTML,
    PageTrouble.TRUNCATED: FaultKind.TRUNCATED,
    PageTrouble.FOREIGN_LINK: FaultKind.FOREIGN_NEXT,
}
_FAULTS = {
    Trouble.BREAKS_OFF: FaultKind.DROP,
    Trouble.HTML: FaultKind.HTML,
    Trouble.TRUNCATED: FaultKind.TRUNCATED,
    Trouble.FOREIGN_REDIRECT: FaultKind.FOREIGN_REDIRECT,
    Trouble.ECHO: FaultKind.ECHO,
    Trouble.STATUS_429: FaultKind.RATE_LIMIT,
}

DECLARES = Declares(
    counts=False,
    page_troubles=frozenset({PageTrouble.LOST, PageTrouble.HTML, PageTrouble.TRUNCATED}),
    shortens=frozenset({Shortening.REFUSES}),
    never_ends=True,
    credential_page=PAGE,
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """See tests/contract/provider_bench.py. The account is the whole instance.

    Its pages are kept small, so that few repositories make many of them.
    """

    sandbox: Sandbox
    name: str = "bitbucket-data-center"
    page_size: int = PAGE
    sleeps: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instance: Instance = instance_in(self.sandbox)
        self.instance.knobs.page_limit = self.page_size
        self.login = self.a_login(self.sandbox.credentials["DC_READER_TOKEN"])

    def account(self, projects: tuple[str, ...] = (), path: str = "") -> DesiredAccount:
        return DesiredAccount(
            name="git",
            provider=self.name,
            workspace="git",
            api_url=self.sandbox.urls[DATA_CENTER] + path,
            where=SourceMark("accounts.yaml"),
            projects=projects,
        )

    @asynccontextmanager
    async def _open(
        self,
        account: DesiredAccount,
        concurrency: int,
        hourly_requests: int | None,
        clock: Callable[[], datetime],
    ) -> AsyncIterator[BitbucketDataCenter]:
        async def sleep(seconds: float) -> None:
            self.sleeps.append(seconds)

        provider = BitbucketDataCenter(
            account,
            concurrency=concurrency,
            hourly_requests=hourly_requests,
            sleep=sleep,
            clock=clock,
        )
        try:
            yield provider
        finally:
            await provider.aclose()

    def open(
        self, *, concurrency: int = 8, hourly_requests: int | None = None
    ) -> AbstractAsyncContextManager[Provider]:
        return self._open(self.account(), concurrency, hourly_requests, _utc_now)

    def open_account(
        self,
        account: DesiredAccount | None = None,
        *,
        concurrency: int = 8,
        clock: Callable[[], datetime] = _utc_now,
    ) -> AbstractAsyncContextManager[BitbucketDataCenter]:
        return self._open(account or self.account(), concurrency, None, clock)

    # Credentials

    def a_login(
        self, secret: str, level: str = "user", scopes: Sequence[str] = (), username: str = ""
    ) -> Login:
        return Login(
            MethodKind.HTTP_ACCESS_TOKEN, Secret(secret), username, level, scopes=tuple(scopes)
        )

    def token(
        self,
        permissions: Sequence[str] = READS,
        *,
        owner: str = OWNER,
        wants: Sequence[str] = (),
        level: str = "user",
    ) -> Login:
        minted = self.instance.mint_token(owner, permissions)
        return self.a_login(minted.token, level, wants, owner)

    def bound_token(self, target: str, *, level: str = "") -> Login:
        """The token of a project (``KEY``) or a repository (``KEY/slug``)."""
        is_repository = "/" in target
        minted = self.instance.mint_token(
            permissions=("REPO_READ",) if is_repository else READS,
            project="" if is_repository else target,
            repository=target if is_repository else "",
        )
        kind = "repository" if is_repository else "project"
        return replace(self.a_login(minted.token, level or kind), target=target)

    def logins(self) -> Mapping[Verdict, tuple[Login, ...]]:
        expired, revoked, seatless = self.token(), self.token(), self.token(owner="ada")
        self.instance.expire(expired.secret.reveal())
        self.instance.revoke(revoked.secret.reveal())
        self.instance.change_user("ada", licensed=False)
        return {
            Verdict.WORKS: (
                self.login,
                self.token(WRITES, wants=WRITES),
                self.bound_token("PAY"),
                self.bound_token("PAY/ledger"),
            ),
            Verdict.DEAD: (expired, revoked, self.a_login("BBDC-bm90LW91cnM6c2VjcmV0")),
            Verdict.WRONG_LOGIN: (
                self.bound_token("PAY", level="user"),
                self.bound_token("PAY/ledger", level="user"),
            ),
            Verdict.BLOCKED: (seatless,),
        }

    def lean_logins(self) -> Mapping[Login, frozenset[str]]:
        return {
            self.token(READS, wants=WRITES): frozenset({"REPO_WRITE"}),
            self.token(WRITES, wants=("PROJECT_WRITE", "REPO_WRITE")): frozenset({"PROJECT_WRITE"}),
            self.token(("REPO_READ",), wants=("PROJECT_ADMIN", "REPO_ADMIN", "REPO_READ")): (
                frozenset({"PROJECT_ADMIN", "REPO_ADMIN"})
            ),
        }

    def block(self) -> None:
        self.instance.change_user("svc-reader", licensed=False)

    # Repositories

    def fill(self, repositories: int) -> None:
        estate = self.instance.estate
        for found in tuple(estate.repositories.values())[repositories:]:
            self.instance.discard(found)
        if missing := repositories - len(estate.repositories):
            self.instance.fill(projects=1, repositories_each=missing)

    def ids(self) -> frozenset[str]:
        return frozenset(map(str, self.instance.estate.repositories))

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
        match = f"GET */repos?*start={(page - 1) * self.page_size}"
        self.sandbox.faults.add(Fault(_PAGE_FAULTS[what], match=match, times=None))

    def throttle_once(self, retry_after: str) -> None:
        """The next request of each kind; not what is looked up on the way there."""
        reads = ("GET */repos?*", "GET */projects?*", "GET */access-tokens/*")
        for match in (*reads, "PUT *", "POST *", "DELETE *"):
            self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, match=match, value=retry_after))

    def requests(self) -> int:
        return self.sandbox.log.settled(DATA_CENTER)

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

    # Issuing

    def issuer(self, kind: IssuerKind | None = None) -> IssuerLogin:
        known = self.sandbox.credentials
        if kind is IssuerKind.BEARER:
            return IssuerLogin(kind, Secret(known["DC_SCANNER_OAUTH"]))
        return IssuerLogin(IssuerKind.PASSWORD, Secret(known["DC_SCANNER_PASSWORD"]), OWNER)

    def home(self) -> CredentialHome:
        return CredentialHome(MethodKind.HTTP_ACCESS_TOKEN, "user", OWNER)

    def scopes(self) -> tuple[str, ...]:
        return READS

    def other_scopes(self) -> tuple[str, ...]:
        return WRITES

    def login_of(self, secret: Secret) -> Login:
        return self.a_login(secret.reveal(), username=OWNER)

    def live_credentials(self) -> frozenset[str]:
        now = self.sandbox.now()
        return frozenset(t.id for t in self.instance.tokens(OWNER) if t.works(now))

    def creates(self) -> int:
        return sum(
            entry.method == "PUT" and "/access-tokens/" in entry.path for entry in self.logged()
        )

    def lose_next_answer(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, match="PUT *"))

    def garble_next_answer(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.TRUNCATED, match="PUT *"))

    def end_issuer(self) -> None:
        self.instance.set_password(OWNER)
        self.instance.kill(self.sandbox.credentials["DC_SCANNER_OAUTH"])

    def weak_issuers(self) -> tuple[IssuerLogin, ...]:
        password = Secret(self.instance.set_password("svc-reader"))
        token = Secret(self.sandbox.credentials["DC_SCANNER_TOKEN"])
        return (
            IssuerLogin(IssuerKind.PASSWORD, password, "svc-reader"),
            IssuerLogin(IssuerKind.BEARER, token),
            IssuerLogin(IssuerKind.PASSWORD, token, OWNER),
        )

    def shorten_life(self, days: int, how: Shortening) -> None:
        assert how is Shortening.REFUSES
        self.instance.knobs.max_expiry_days = days

    def fill_home(self, credentials: int) -> None:
        for number in range(credentials):
            self.instance.mint_token(OWNER, name=f"somebody's {number}")

    def expire(self, credential_id: str) -> None:
        self.instance.expire(credential_id)

    def unknown_id(self) -> str:
        return "100000000001"

    # Webhooks

    def watcher(self) -> Login:
        return self.token(ADMINISTERS, owner="admin")

    def weak_watchers(self) -> tuple[Login, ...]:
        return (self.token(READS, owner="admin"), self.token(ADMINISTERS, owner="svc-reader"))

    def places(self) -> tuple[WebhookPlace, ...]:
        return (
            WebhookPlace(project="PAY"),
            WebhookPlace(repository="PAY/ledger"),
            WebhookPlace(repository="PAY/tools"),
            WebhookPlace(project="~ADA"),
        )

    def unknown_places(self) -> tuple[WebhookPlace, ...]:
        names = ("PAY/nowhere", "NOPE/ledger")
        return (WebhookPlace(project="NOPE"), *(WebhookPlace(repository=name) for name in names))

    def unwatched_places(self) -> tuple[WebhookPlace, ...]:
        return (WebhookPlace(),)

    def own_event(self) -> str:
        return "repo:forked"

    def webhook_home(self, place: WebhookPlace) -> Home:
        """What webhooks of the place belong to."""
        if place.project:
            return "project", self.instance.estate.project(place.project).id
        key, _, slug = place.repository.partition("/")
        return "repository", self.instance.estate.repository(key, slug).id

    def live_webhooks(self, place: WebhookPlace) -> frozenset[str]:
        return frozenset(str(hook.id) for hook in self.instance.hooks.at(self.webhook_home(place)))

    def webhook(self, webhook_id: str) -> Webhook:
        """A webhook wherever it is, seen at the provider."""
        found = (self.instance.hooks.at(self.webhook_home(place)) for place in self.places())
        return next(hook for hooks in found for hook in hooks if str(hook.id) == webhook_id)

    def is_signed(self, webhook_id: str) -> bool:
        return bool(self.webhook(webhook_id).draft.secret)

    def add_webhooks(self, place: WebhookPlace, count: int) -> None:
        for number in range(count):
            draft = Draft(
                name=f"somebody's {number}",
                url=f"https://somebody.example/{number}",
                events=("repo:refs_changed",),
                secret=f"somebodys-secret-{number}",
            )
            self.instance.hooks.create(self.webhook_home(place), draft, self.sandbox.now())

    def webhook_creates(self) -> int:
        return sum(
            entry.method == "POST" and entry.path.endswith("/webhooks") for entry in self.logged()
        )

    def lose_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, match="POST */webhooks"))

    def garble_next_webhook(self) -> None:
        self.sandbox.faults.add(Fault(FaultKind.TRUNCATED, match="POST */webhooks"))

    def throttle_next_webhook(self, retry_after: str) -> None:
        for match in ("POST */webhooks", "PUT */webhooks/*", "DELETE */webhooks/*"):
            self.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, match=match, value=retry_after))


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh instance for one test."""
    with RunningSandbox(Settings(rate_limit=0)) as running:
        yield Bench(running.sandbox)
