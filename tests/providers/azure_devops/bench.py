"""Azure DevOps' adapter on the sandbox's emulator, over HTTP on loopback."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import CredentialForm, IssuerKind, MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login, Provider
from reconciler.providers.azure_devops.client import AzureDevOps
from reconciler.sandbox.azure_devops import Organization, organization_in
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
SCOPES = ("vso.code", "vso.memberentitlementmanagement", "vso.profile", "vso.project")
_CREATES = "POST */_apis/tokens/pats*"
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
        """The sandbox counts a request when it is over, a moment after it was answered."""
        log = self.sandbox.log
        for _ in range(1000):
            if not log._flying[AZURE]:
                break
            time.sleep(0.001)
        return log.counts[AZURE]

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

    def home(self) -> CredentialHome:
        return CredentialHome(MethodKind.PERSONAL_ACCESS_TOKEN, owner=SCM)

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


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh organization for one test."""
    with RunningSandbox(Settings(rate_limit=0)) as running:
        yield Bench(running.sandbox)
