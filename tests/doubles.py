"""The outside world in memory: one provider, any number of tenants, secrets in a dictionary.

Hand-written implementations of the ports, so that stages can be driven without a network. The
registry is the real one, on a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.desired import DesiredAccount, DesiredConsumer
from reconciler.model.drift import RepositoryLabel
from reconciler.model.observed import (
    CredentialReport,
    IssuedCredential,
    Listing,
    LiveConnection,
    LiveSelection,
    Reads,
    Repository,
    Verdict,
)
from reconciler.model.secret import Secret, SecretRef
from reconciler.ports.bundle import Ports
from reconciler.ports.capability import Ability, Capability
from reconciler.ports.consumer import ConnectionCheck, ConnectRequest
from reconciler.ports.provider import (
    CredentialHome,
    IssuerLogin,
    Login,
    Minted,
    Order,
    Progress,
    ProviderSpec,
)
from reconciler.ports.registry import RegistryStore
from reconciler.registry import open_registry
from tests.builders import NOW, an_issuer
from tests.seen import (
    NEXT_REF,
    REPOSITORIES,
    SECRET_REF,
    a_consumer_spec,
    a_listing,
    a_provider_spec,
    a_report,
    a_resource,
    an_issuing_spec,
)


class Clock:
    """Moves when told, and by *step* at every look."""

    def __init__(self, step: timedelta = timedelta(0)) -> None:
        self.at = NOW
        self.step = step

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at


def refused(fault: Fault, cause: str = "no", party: str = "ox") -> RemoteError:
    return RemoteError(party, fault, cause, hint="mend it")


@dataclass
class Calls:
    """Every outside call in order, and faults to raise: call → error, each raised once."""

    made: list[str] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)

    def note(self, call: str) -> None:
        self.made.append(call)
        if hook := self.before.get(call):
            hook()
        if (error := self.faults.pop(call, None)) is not None:
            raise error

    def take(self) -> list[str]:
        made, self.made = self.made, []
        return made


@dataclass
class MemoryProvider:
    """Knows repositories, and what becomes of each credential."""

    calls: Calls
    account: DesiredAccount
    listing: Listing
    credentials: dict[str, CredentialReport]

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        self.calls.note("verify and reach" if reach else "verify")
        return self.credentials.get(
            login.secret.reveal(), CredentialReport(Verdict.DEAD, cause="401", hint="mint another")
        )

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        del login, expected
        self.calls.note(f"list {self.account.workspace}")
        progress("listing", 1, 1)
        return self.listing

    def reads(self) -> Reads:
        return Reads("bitbucket-cloud", 1)

    async def aclose(self) -> None:
        self.calls.note("close provider")


@dataclass
class Desk:
    """Where a provider makes credentials, and what it has made: id → what it lists, id → secret.

    ``lost`` answers to come are lost after the credential was made; ``tells`` whether a credential
    that is shown tells its id and scopes; ``life`` is the longest it gives.
    """

    issued: dict[str, IssuedCredential] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    tells: bool = False
    life: timedelta | None = None
    made: int = 0
    homes: list[CredentialHome] = field(default_factory=list)


@dataclass
class MemoryIssuer(MemoryProvider):
    """A provider that makes credentials itself."""

    desk: Desk

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        self._enter("issued", login, home)
        return tuple(self.desk.issued.values())

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        self._enter(f"issue {order.name.split()[0]}", login, order.home)
        desk = self.desk
        desk.made += 1
        id_, value = f"t{desk.made}", f"minted-{desk.made}"
        ends = order.ends
        if desk.life is not None:
            ends = min(ends or NOW + desk.life, NOW + desk.life)
        made = IssuedCredential(id_, order.name, frozenset(order.scopes), NOW, ends)
        desk.issued[id_], desk.values[id_] = made, value
        self.credentials[value] = self._report(made)
        if desk.lost:
            desk.lost -= 1
            raise refused(Fault.AMBIGUOUS, "the answer was lost", "bitbucket-cloud")
        self.calls.note(f"issued {id_}")
        return Minted(Secret(value), made)

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, scopes: tuple[str, ...]
    ) -> IssuedCredential:
        self._enter(f"rescope {credential_id}", login, home)
        made = replace(self.desk.issued[credential_id], scopes=frozenset(scopes))
        self.desk.issued[credential_id] = made
        self.credentials[self.desk.values[credential_id]] = self._report(made)
        return made

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        self._enter(f"revoke {credential_id}", login, home)
        assert credential_id, "a revocation of nothing in particular"
        self.desk.issued.pop(credential_id, None)
        self.credentials.pop(self.desk.values.get(credential_id, ""), None)

    def _enter(self, call: str, login: IssuerLogin, home: CredentialHome) -> None:
        assert login.secret.reveal() == "ox-bot-password"
        self.desk.homes.append(home)
        self.calls.note(call)

    def _report(self, made: IssuedCredential) -> CredentialReport:
        if self.desk.tells:
            return a_report(scopes=made.scopes, token_id=made.id)
        return a_report(scopes=None)


@dataclass
class MemoryConsumer:
    """A tenant: connections by id, each with the resources of the account.

    ``given`` are the secrets that it was handed, by the id of the connection.
    """

    calls: Calls
    name: str
    live: dict[str, LiveConnection] = field(default_factory=dict)
    resources: Mapping[str, Repository] = field(default_factory=lambda: dict(REPOSITORIES))
    works: Callable[[LiveConnection], bool] = lambda _: True
    lose_answer: bool = False
    made: int = 0
    given: dict[str, str] = field(default_factory=dict)

    async def observe(self) -> tuple[LiveConnection, ...]:
        self.calls.note("observe")
        return tuple(self.live.values())

    async def connect(self, request: ConnectRequest) -> LiveConnection:
        self.calls.note("connect")
        self.made += 1
        resources = tuple(
            a_resource(key, r.name, selected=False) for key, r in self.resources.items()
        )
        live = LiveConnection(
            f"{self.name}-{self.made}",
            request.name,
            request.provider,
            request.kind,
            request.username,
            request.host_url,
            selection=LiveSelection(resources, follows_new=False, complete=True),
        )
        self.live[live.id] = live
        self.given[live.id] = request.secret.reveal()
        if self.lose_answer:
            self.lose_answer = False
            raise refused(Fault.AMBIGUOUS, "the answer was lost")
        return live

    async def check(self, live_id: str) -> ConnectionCheck:
        self.calls.note(f"check {live_id}")
        live = self.live.get(live_id)
        ok = live is not None and self.works(live)
        return ConnectionCheck(ok, "" if ok else "it says 401", "")

    async def select(
        self,
        live_id: str,
        *,
        want: tuple[RepositoryLabel, ...],
        drop: tuple[RepositoryLabel, ...],
        copy_from: str,
        workspace: str,
        follow_new: bool,
    ) -> None:
        del workspace
        self.calls.note(f"select {live_id}")
        live = self.live[live_id]
        assert live.selection is not None
        other = self.live[copy_from].selection if copy_from else None
        kept = {r.repository_id for r in (other.resources if other else ()) if r.selected}
        kept |= {r.repository_id for r in live.selection.resources if r.selected}
        chosen = (kept - {label.id for label in drop}) | {label.id for label in want}
        resources = tuple(
            r._replace(selected=r.repository_id in chosen) for r in live.selection.resources
        )
        selection = LiveSelection(resources, follow_new, complete=True)
        self.live[live_id] = replace(live, selection=selection)

    async def disconnect(self, live_id: str) -> None:
        self.calls.note(f"disconnect {live_id}")
        self.live.pop(live_id, None)

    def selected(self, live_id: str) -> set[str]:
        selection = self.live[live_id].selection
        return {r.name for r in (selection.resources if selection else ()) if r.selected}

    def reads(self) -> Reads:
        return Reads("ox", 1)

    async def aclose(self) -> None:
        self.calls.note(f"close {self.name}")


@dataclass
class MemorySecrets:
    """Secrets by reference."""

    values: dict[SecretRef, str] = field(default_factory=dict)
    can_write: bool = True
    broken: str = ""
    forgetful: bool = False

    def read(self, ref: SecretRef) -> Secret | None:
        if self.broken:
            raise SecretError(self.broken, hint="chmod 600")
        return Secret(self.values[ref]) if ref in self.values else None

    def write(self, ref: SecretRef, secret: Secret) -> None:
        if not self.forgetful:
            self.values[ref] = secret.reveal()

    def remove(self, ref: SecretRef) -> None:
        self.values.pop(ref, None)


@dataclass
class World:
    """Everything outside of one run."""

    registry: RegistryStore
    calls: Calls = field(default_factory=Calls)
    clock: Clock = field(default_factory=Clock)
    secrets: MemorySecrets = field(default_factory=MemorySecrets)
    listing: Listing = field(default_factory=a_listing)
    credentials: dict[str, CredentialReport] = field(default_factory=dict)
    tenants: dict[str, MemoryConsumer] = field(default_factory=dict)
    desk: Desk | None = None
    abilities: Mapping[Capability, Ability] | None = None

    def tenant(self, name: str = "ox-prod") -> MemoryConsumer:
        return self.tenants.setdefault(name, MemoryConsumer(self.calls, name))

    def put(self, value: str, *, beside: bool = False, **report: object) -> None:
        """A secret in its place, or beside it, that the provider accepts."""
        self.secrets.values[NEXT_REF if beside else SECRET_REF] = value
        self.credentials[value] = a_report(**report)

    def open_provider(self, account: DesiredAccount, *_: object) -> MemoryProvider:
        if self.desk is not None:
            return MemoryIssuer(self.calls, account, self.listing, self.credentials, self.desk)
        return MemoryProvider(self.calls, account, self.listing, self.credentials)

    def issue(self, **desk: Any) -> Desk:
        """From now on the provider makes credentials, for whoever has the issuer's password."""
        self.desk = Desk(**desk)
        self.secrets.values[an_issuer().secret] = "ox-bot-password"
        return self.desk

    def provider_spec(self) -> ProviderSpec:
        spec = a_provider_spec() if self.desk is None else an_issuing_spec()
        abilities = spec.abilities if self.abilities is None else self.abilities
        return replace(spec, abilities=abilities, open=self.open_provider)

    def open_consumer(self, consumer: DesiredConsumer, *_: object) -> MemoryConsumer:
        return self.tenant(consumer.name)

    @property
    def ports(self) -> Ports:
        return Ports(
            registry=self.registry,
            providers={"bitbucket-cloud": self.provider_spec()},
            consumers={"ox": a_consumer_spec(open=self.open_consumer)},
            secrets={
                "file": self.secrets,
                "env": MemorySecrets(
                    {SecretRef("env", ("OX_API_KEY",)): "ox-key"}, can_write=False
                ),
            },
            now=self.clock,
            who="tester",
            commit="c0ffee",
        )


def a_world(folder: Path) -> Iterator[World]:
    """A world with one working token and an empty registry."""
    clock = Clock()
    registry = open_registry(f"sqlite:///{folder}/registry.db", now=clock)
    world = World(registry, clock=clock)
    world.put("ATATT-one")
    yield world
    registry.close()
