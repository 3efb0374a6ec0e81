"""What the registry suite tests on. A new adapter joins by adding its way to make an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.record import (
    AuditEntry,
    Change,
    JournalEntry,
    Lease,
    Operation,
    OperationState,
    Phase,
    Record,
    Selected,
)
from reconciler.ports.registry import RegistryStore
from reconciler.registry import open_registry

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
TTL = timedelta(seconds=60)
OX = ConnectionAddress("ox-acme")
ACCOUNT = "bitbucket-cloud|https://api.bitbucket.org/2.0|acme"


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def a_record(address: ConnectionAddress = OX, **changes: Any) -> Record:
    record = Record(
        address=address,
        consumer="ox-prod",
        consumer_identity="ox|https://api.cloud.ox.security|ox-prod",
        account="acme",
        account_identity=ACCOUNT,
        provider="bitbucket-cloud",
        profile="ox",
        method=MethodKind.API_TOKEN,
        username="ox-bot@acme.example",
        live_id="conn-17",
        generation=2,
        fingerprint="hmac:0123456789abcdef0123456789abcdef",
        identity="{6f9d8d27-0000-4000-8000-000000000001}",
        scopes=("read:repository:bitbucket", "read:user:bitbucket"),
        credential_since=NOW - timedelta(days=30),
        selection={
            "{a}": Selected("pay-api", "pay-api"),
            "{b}": Selected("pay-web-2", "pay-web", orphaned=True),
        },
        selection_digest="sha256:77",
        epoch=3,
        follows_new=True,
        manage=frozenset({ActionKind.CONNECT, ActionKind.ROTATE}),
        protect=True,
        source=SourceMark("connections/ox.yaml", 12, 3),
        token_id="tok-9",
        expires_at=datetime(2027, 3, 19, 8, 0, 0, 123456, tzinfo=UTC),
        retired=("hmac:11", "hmac:22"),
        labels={"team": "appsec", "größe": "ümlaut"},
        listed_at=7,
        stale_expiry=datetime(2026, 12, 1, tzinfo=UTC),
    )
    return replace(record, **changes)


def an_operation(address: ConnectionAddress = OX) -> Operation:
    return Operation(
        id="op-1",
        address=address,
        kind=ActionKind.ROTATE,
        state=OperationState.WAITING,
        step="mint",
        since=NOW,
        facts={"generation": "3", "old_live_id": "conn-17"},
        acknowledged=frozenset({"mint", "consent"}),
    )


def a_change(address: ConnectionAddress = OX, **changes: Any) -> Change:
    audit = AuditEntry(
        at=NOW,
        who="ana@example.org",
        commit="3f2c1ab",
        plan="sha256:abc",
        address=str(address),
        action="connect",
        summary=f"connected {address.name}",
    )
    return replace(Change(address=address, expected=0, audit=audit), **changes)


def an_entry(operation: str = "op-1", **changes: Any) -> JournalEntry:
    entry = JournalEntry(operation, OX, "add-credential", Phase.INTENT, NOW, "generation 3")
    return replace(entry, **changes)


ADDRESSES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'state' / 'registry.db'}",
}


class RegistryBench:
    """Fixtures of every test class of the suite: one registry under each adapter."""

    @pytest.fixture(params=sorted(ADDRESSES))
    def url(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        return ADDRESSES[request.param](tmp_path)

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def open_again(self, url: str, clock: Clock) -> Iterator[Callable[[], RegistryStore]]:
        """Opens one more store on the same registry, as another process would."""
        opened: list[RegistryStore] = []

        def another() -> RegistryStore:
            opened.append(open_registry(url, now=clock))
            return opened[-1]

        yield another
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, open_again: Callable[[], RegistryStore]) -> RegistryStore:
        return open_again()

    @pytest.fixture
    def lease(self, store: RegistryStore) -> Lease:
        return store.acquire("apply", "runner-1", TTL, NOW)
