"""The OX adapter on the sandbox: what the contract suite needs of every consumer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from reconciler.consumers import spec
from reconciler.consumers.ox.client import OxConsumer
from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredConsumer
from reconciler.model.drift import RepositoryLabel
from reconciler.model.method import MethodKind
from reconciler.model.profile import Profile, SelectionHome
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.defaults import OX_SCOPES
from reconciler.sandbox.ox import person_in, tenant_of
from reconciler.sandbox.ox_person import Person
from reconciler.sandbox.ox_state import BITBUCKET_CLOUD, OxTenant
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.state import Fault, FaultKind, LoggedRequest, Sandbox

BOT = "ox-bot@acme.example"
HOST_URL = "https://api.bitbucket.org/2.0"


async def no_pause(seconds: float) -> None:
    """Patience without waiting."""
    del seconds


def desired(endpoint: str, **settings: str) -> DesiredConsumer:
    """The consumer as YAML would declare it."""
    profile = Profile("ox", "OX Security", "ox", endpoint, SelectionHome.CONSUMER, ())
    return DesiredConsumer("ox-prod", profile, endpoint, SourceMark("ox.yaml"), settings=settings)


class Bench:
    """One tenant on a served sandbox."""

    name = "ox"
    provider = "bitbucket-cloud"
    workspace = "acme"
    adding = "AddCredentials"
    """What marks the request that adds a connection, for faults."""
    listing = "GetConnectorResources"
    """What marks the request that reads a selection."""
    optional_fields = (
        "displayName,credentialsTypes,isConfigured,tokenExpirationDate,hostURL,name,"
        "resourceOrgName,resourceType,validationMessage,noReposFound,extensions,family"
    )
    """Fields without which the adapter goes on."""
    certifying_field = "selected"
    """The field without which a selection is not proven complete."""

    def __init__(self, running: RunningSandbox) -> None:
        self.running = running
        self.sandbox: Sandbox = running.sandbox
        self.spec = spec(self.name)
        self.key = Secret(running.environment["OX_API_KEY"])

    @property
    def tenant(self) -> OxTenant:
        return tenant_of(self.sandbox)

    @property
    def person(self) -> Person:
        return person_in(self.sandbox)

    def open(self, **settings: str) -> Consumer:
        """The adapter, which waits for nothing."""
        return OxConsumer(desired(self.running.urls["ox"], **settings), self.key, 8, sleep=no_pause)

    def open_where_fields_are_missing(self) -> Consumer:
        """The adapter, told which connector it is."""
        return self.open(connectorId=BITBUCKET_CLOUD)

    def open_by_spec(self, key: Secret | None = None) -> Consumer:
        """The adapter as the command line opens it."""
        return self.spec.open(desired(self.running.urls["ox"]), key or self.key, 8)

    def mint(self) -> Secret:
        """A fresh working credential of the provider."""
        return Secret(self.sandbox.bitbucket.mint_api_token(BOT, OX_SCOPES).token)

    def request(self, name: str, secret: Secret | None = None) -> ConnectRequest:
        """A connection to be made."""
        return ConnectRequest(
            name=name,
            provider=self.provider,
            kind=MethodKind.API_TOKEN,
            host_url=HOST_URL,
            workspace=self.workspace,
            username=BOT,
            secret=secret or self.mint(),
        )

    def labels(self) -> tuple[RepositoryLabel, ...]:
        """The repositories of the workspace."""
        found = self.sandbox.bitbucket.repositories(self.workspace)
        return tuple(RepositoryLabel(r.slug, r.uuid) for r in found)

    def create_repository(self, slug: str) -> RepositoryLabel:
        """Somebody makes a repository at the provider."""
        made = self.sandbox.bitbucket.create_repository(self.workspace, slug)
        return RepositoryLabel(made.slug, made.uuid)

    def tick(self, live_id: str, *slugs: str) -> None:
        """Somebody selects repositories by hand."""
        self.person.select(connection=live_id, add=slugs)

    def kill(self, secret: Secret) -> None:
        """The provider revokes a credential."""
        self.sandbox.bitbucket.revoke(secret.reveal())

    def kill_key(self) -> None:
        """The platform revokes our own key."""
        self.person.revoke_key()

    def arm(
        self, kind: FaultKind, *, body: str = "", value: str | float | None = None, times: int = 1
    ) -> None:
        """Script a fault of the platform."""
        self.sandbox.faults.add(
            Fault(kind, emulator=self.name, body=body, value=value, times=times)
        )

    def disarm(self) -> None:
        """Mend everything."""
        self.sandbox.faults.clear()

    def has(self, live_id: str) -> bool:
        """Whether the platform holds that connection, seen from inside."""
        return live_id in self.tenant.credentials

    def count(self) -> int:
        """How many connections the platform holds, seen from inside."""
        return len(self.tenant.credentials)

    def trapped(self) -> int:
        """How many requests reached a host where none belongs."""
        return len(self.sandbox.trapped)

    def requests(self) -> list[LoggedRequest]:
        """What the platform was asked."""
        self.sandbox.log.settled(self.name)
        return [r for r in self.sandbox.requests if r.emulator == self.name]

    def now(self) -> datetime:
        """The platform's time, UTC."""
        return self.sandbox.now()


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench on a fresh sandbox."""
    with RunningSandbox(Settings()) as running:
        yield Bench(running)
