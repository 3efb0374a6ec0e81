"""All reads of a run, each made once and shared, with bounded concurrency.

An account is listed once however many connections use it; a tenant is observed once; a
credential is shown to its provider once. The adapters bound their own requests in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.errors import RemoteError
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import (
    DesiredAccount,
    DesiredConnection,
    DesiredConsumer,
    DesiredMethod,
    DesiredState,
)
from reconciler.model.facts import TENANT
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    IssuedCredential,
    Listing,
    LiveConnection,
    Observation,
    ObservedState,
    Present,
    Unreadable,
)
from reconciler.model.record import Record, Snapshot
from reconciler.model.secret import Fingerprinter, Secret
from reconciler.observe.credentials import CredentialDesk
from reconciler.observe.issued import IssuedDesk
from reconciler.observe.match import Match, Matcher
from reconciler.observe.secrets import read_secret
from reconciler.observe.webhooks import Seen, WebhookDesk
from reconciler.ports.bundle import Handles, Ports
from reconciler.ports.provider import Login

Pairs: TypeAlias = dict[ConnectionAddress, tuple[DesiredConnection | None, Record | None]]


async def gather(
    state: DesiredState, ports: Ports, snapshot: Snapshot
) -> tuple[ObservedState, Handles]:
    """Read everything that the planned connections need.

    Returns:
        What was observed, by the text of each address, and the adapters that read it, still
        open: the caller closes them.
    """
    run = _Run(state, ports, snapshot)
    try:
        return await run.observe(), run.handles
    except BaseException:
        await run.handles.aclose()
        raise


def planned(state: DesiredState, snapshot: Snapshot) -> Pairs:
    """The addresses of this run with what is declared and recorded under each.

    A record whose connection was renamed (``previously``) is paired with its new address.
    """
    pairs: Pairs = {}
    paired: set[ConnectionAddress] = set()
    for address, desired in state.connections.items():
        record = snapshot.records.get(address)
        if record is None:
            former = (snapshot.records.get(a) for a in desired.previously)
            record = next((r for r in former if r and r.address not in state.connections), None)
        if record is not None:
            paired.add(record.address)
        if state.covers(desired.where.file):
            pairs[address] = (desired, record)
    for address, record in snapshot.records.items():
        if address not in paired and address not in pairs and state.covers(record.source.file):
            pairs[address] = (None, record)
    return dict(sorted(pairs.items()))


@dataclass(slots=True)
class _Run:
    """The reads of one run and what they found."""

    state: DesiredState
    ports: Ports
    snapshot: Snapshot
    handles: Handles = field(default_factory=lambda: Handles({}, {}))
    desk: CredentialDesk = field(init=False)
    issued: IssuedDesk = field(init=False)
    hooks: WebhookDesk = field(init=False)
    fingerprinter: Fingerprinter = field(init=False)
    own: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.fingerprinter = Fingerprinter(self.snapshot.key)
        self.desk = CredentialDesk(self.ports.secrets, self.fingerprinter)
        self.issued = IssuedDesk(self.ports.secrets, self.fingerprinter, self.snapshot.lineage)
        self.hooks = WebhookDesk(self.ports.secrets, self.fingerprinter, self.snapshot.lineage)

    async def observe(self) -> ObservedState:
        pairs = planned(self.state, self.snapshot)
        desired = [d for d, _ in pairs.values() if d is not None]
        accounts = {d.account.name: d.account for d in desired}
        consumers = self._consumers(pairs)
        for account in accounts.values():
            self._open_provider(account)
        names = list(consumers)
        listed, tenants, credentials, issued, hooks = await asyncio.gather(
            asyncio.gather(*(self._list(a, desired) for a in accounts.values())),
            asyncio.gather(*(self._tenant(c) for c in consumers.values())),
            asyncio.gather(*(self._credential(d, r) for d, r in pairs.values())),
            asyncio.gather(*(self._issued(a, d) for a, (d, _) in pairs.items())),
            asyncio.gather(*(self._hooks(a, d, r) for a, (d, r) in pairs.items())),
        )
        listings = dict(zip(accounts, listed, strict=True))
        live = dict(zip(names, tenants, strict=True))
        read = list(zip(credentials, issued, hooks, strict=True))
        views, matched = self._views(pairs, listings, live, read)
        return ObservedState(
            views=views,
            unmanaged=self._unmanaged(live, matched),
            reads=self.handles.reads(),
            own_access=frozenset(self.own | self.issued.own),
        )

    def _consumers(self, pairs: Pairs) -> dict[str, DesiredConsumer]:
        """Every tenant of this run: declared, recorded, or still to be cleared away at."""
        found = {d.consumer.name: d.consumer for d, _ in pairs.values() if d is not None}
        names = [record.consumer for _, record in pairs.values() if record is not None]
        operations = (self.snapshot.operations.get(address) for address in pairs)
        names += [o.facts[TENANT] for o in operations if o is not None and TENANT in o.facts]
        declared = self.state.consumers
        return found | {name: declared[name] for name in names if name in declared}

    def _open_provider(self, account: DesiredAccount) -> None:
        spec = self.ports.providers[account.provider]
        settings = self.state.settings
        if account.reach not in self.handles.providers:
            self.handles.providers[account.reach] = spec.open(
                account, settings.concurrency, settings.hourly_requests
            )

    def _reader(
        self, account: DesiredAccount, desired: list[DesiredConnection]
    ) -> tuple[DesiredMethod | None, Secret | None, str]:
        """The account's own reader, else the credential that its first connection has in use."""
        if account.reader is not None:
            secret, missing = read_secret(account.reader.secret, self.ports.secrets)
            if secret is not None:
                self.own.add(self.fingerprinter.of(secret))
            return account.reader, secret, missing
        missing = "none is declared"
        for connection in desired:
            method = connection.method
            if connection.account.name != account.name or method.secret is None:
                continue
            secret, missing = self._in_use(connection)
            if secret is not None:
                return method, secret, ""
        return None, None, missing

    def _in_use(self, connection: DesiredConnection) -> tuple[Secret | None, str]:
        """The recorded secret: in the middle of a rotation it lies in the successor's place."""
        method = connection.method
        record = self.snapshot.records.get(connection.address)
        secret, missing = read_secret(method.secret, self.ports.secrets)
        is_recorded = record is None or (
            secret is not None and self.fingerprinter.of(secret) == record.fingerprint
        )
        if is_recorded or method.successor is None or record is None:
            return secret, missing
        other, _ = read_secret(method.successor, self.ports.secrets)
        if other is not None and self.fingerprinter.of(other) == record.fingerprint:
            return other, ""
        return secret, missing

    async def _list(
        self, account: DesiredAccount, desired: list[DesiredConnection]
    ) -> Observation[Listing]:
        reader, secret, missing = self._reader(account, desired)
        if reader is None or secret is None:
            where = reader.where if reader else account.where
            return Unreadable(
                f"account {account.name!r} has no credential to read with: {missing}",
                hint=f"set the reader's secret, declared at {where}",
            )
        provider = self.handles.providers[account.reach]
        expected = self.ports.registry.repository_count(account.reach)
        try:
            listing = await provider.list_repositories(
                Login.of(reader, secret),
                expected=expected,
                progress=self.ports.progress,
            )
        except RemoteError as error:
            return Unreadable(f"account {account.name!r}: {error.cause}", error.hint, error.fault)
        return Present(listing)

    async def _tenant(self, consumer: DesiredConsumer) -> Observation[tuple[LiveConnection, ...]]:
        spec = self.ports.consumers.get(consumer.profile.adapter)
        if spec is None:
            return Absent()
        secret, missing = read_secret(consumer.credential, self.ports.secrets)
        if secret is None:
            return Unreadable(
                f"consumer {consumer.name!r} has no credential for its API: {missing}",
                hint=f"set the credential declared at {consumer.where}",
            )
        self.own.add(self.fingerprinter.of(secret))
        handle = spec.open(consumer, secret, self.state.settings.concurrency)
        self.handles.consumers[consumer.name] = handle
        try:
            return Present(await handle.observe())
        except RemoteError as error:
            return Unreadable(f"consumer {consumer.name!r}: {error.cause}", error.hint, error.fault)

    async def _credential(
        self, desired: DesiredConnection | None, record: Record | None
    ) -> CredentialView:
        if desired is None:
            return CredentialView()
        provider = self.handles.providers[desired.account.reach]
        operation = self.snapshot.operations.get(desired.address)
        return await self.desk.view(desired.method, desired.account, provider, record, operation)

    async def _issued(
        self, address: ConnectionAddress, desired: DesiredConnection | None
    ) -> Observation[tuple[IssuedCredential, ...]]:
        if desired is None:
            return Absent()
        names = {address.name, *(a.name for a in desired.previously)}
        provider = self.handles.providers[desired.account.reach]
        return await self.issued.view(desired, names, provider)

    async def _hooks(
        self,
        address: ConnectionAddress,
        desired: DesiredConnection | None,
        record: Record | None,
    ) -> Seen:
        account = desired.account if desired else None
        if account is None and record is not None and record.webhooks:
            account = self.state.accounts.get(record.account)
            if account is not None:
                self._open_provider(account)
        if account is None:
            return Absent(), ()
        names = {address.name, *((a.name for a in desired.previously) if desired else ())}
        provider = self.handles.providers[account.reach]
        return await self.hooks.view(account, desired, record, names, provider)

    def _views(
        self,
        pairs: Pairs,
        listings: Mapping[str, Observation[Listing]],
        live: Mapping[str, Observation[tuple[LiveConnection, ...]]],
        read: list[tuple[CredentialView, Observation[tuple[IssuedCredential, ...]], Seen]],
    ) -> tuple[dict[str, ConnectionView], frozenset[str]]:
        views: dict[str, ConnectionView] = {}
        matched: set[str] = set()
        matchers = self._matchers(live)
        for (address, (desired, record)), (credential, minted, hooks) in zip(
            pairs.items(), read, strict=True
        ):
            consumer = desired.consumer.name if desired else record.consumer if record else ""
            found = self._match(address, desired, record, consumer, matchers)
            listing = listings[desired.account.name] if desired else Absent()
            views[str(address)] = ConnectionView(
                listing,
                self._live(record, consumer, live, found),
                credential,
                found.strays,
                found.strangers,
                issued=minted,
                webhooks=hooks[0],
                hook_numbers=hooks[1],
            )
            matched |= {c.id for c in (found.live, *found.strays) if c is not None}
        if self.state.covers_all:
            known = frozenset(a.name for a in (*self.snapshot.records, *self.state.connections))
            for tenant, matcher in matchers.items():
                for address, strays in matcher.leftovers(known).items():
                    left = ConnectionView(Absent(), Absent(), strays=tuple(strays), tenant=tenant)
                    views.setdefault(str(address), left)
        return views, frozenset(matched)

    def _matchers(
        self, live: Mapping[str, Observation[tuple[LiveConnection, ...]]]
    ) -> dict[str, Matcher]:
        claims: dict[str, set[str]] = {}
        for record in self.snapshot.records.values():
            claims.setdefault(record.consumer_identity, set()).add(record.live_id)
        return {
            name: Matcher(
                found.value,
                self.snapshot.lineage,
                frozenset(claims.get(self.state.consumers[name].identity, ())),
            )
            for name, found in live.items()
            if isinstance(found, Present)
        }

    def _match(
        self,
        address: ConnectionAddress,
        desired: DesiredConnection | None,
        record: Record | None,
        consumer: str,
        matchers: Mapping[str, Matcher],
    ) -> Match:
        if consumer not in matchers:
            return Match(None, (), ())
        names = {address.name, *((a.name for a in desired.previously) if desired else ())}
        if desired and record and record.consumer_identity != desired.consumer.identity:
            record = None  # its live connection is at another tenant
        operation = self.snapshot.operations.get(address)
        return matchers[consumer].find(names, desired, record, operation)

    def _live(
        self,
        record: Record | None,
        consumer: str,
        live: Mapping[str, Observation[tuple[LiveConnection, ...]]],
        found: Match,
    ) -> Observation[LiveConnection]:
        tenant = live.get(consumer)
        if tenant is None:
            return Unreadable(
                f"consumer {consumer!r} is no longer declared, so it cannot be asked",
                hint="declare the Consumer again until its connections are gone",
            )
        if isinstance(tenant, Unreadable):
            return tenant
        if isinstance(tenant, Absent):  # no API: the record is all there is
            if record is None:
                return Absent()
            kind, name = record.method, record.address.name
            return Present(LiveConnection(record.live_id, name, record.provider, kind))
        return Absent() if found.live is None else Present(found.live)

    def _unmanaged(
        self,
        live: Mapping[str, Observation[tuple[LiveConnection, ...]]],
        matched: frozenset[str],
    ) -> dict[str, tuple[LiveConnection, ...]]:
        return {name: matcher.unmanaged(matched) for name, matcher in self._matchers(live).items()}
