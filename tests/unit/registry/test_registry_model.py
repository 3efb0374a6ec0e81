"""Random commits against a model in memory: the registry holds what the model holds."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.errors import StaleSerialError
from reconciler.model.address import ConnectionAddress
from reconciler.model.observed import Repository
from reconciler.model.record import Operation, Record, Selected
from reconciler.registry.sqlite import SqliteRegistry
from tests.contract.registry_bench import NOW, TTL, Clock, a_change, a_record, an_operation

ADDRESSES = st.sampled_from([ConnectionAddress(name) for name in ("a", "b", "c")])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
IDS = st.sampled_from(["{1}", "{2}", "{3}", "é", "x" * 40])
SELECTIONS = st.dictionaries(IDS, st.builds(Selected, TEXTS, TEXTS, st.booleans()))
LISTINGS = st.dictionaries(
    IDS, st.builds(Repository, TEXTS, st.sampled_from(["", "PAY"]), st.booleans(), st.booleans())
)


class RegistryMachine(RuleBasedStateMachine):
    """Rules change store and model alike; the invariant compares them after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "registry.db"
        self.store = SqliteRegistry(self.path, now=Clock())
        self.lease = self.store.acquire("apply", "runner-1", TTL, NOW)
        self.serial = 0
        self.records: dict[ConnectionAddress, Record] = {}
        self.operations: dict[ConnectionAddress, Operation] = {}
        self.repositories: dict[str, Repository] | None = None
        self.first: dict[str, int] = {}

    def expected(self, address: ConnectionAddress) -> int:
        return self.records[address].serial if address in self.records else 0

    @rule(address=ADDRESSES, selection=SELECTIONS, username=TEXTS, begins=st.booleans())
    def put(
        self,
        address: ConnectionAddress,
        selection: dict[str, Selected],
        username: str,
        begins: bool,
    ) -> None:
        record = a_record(address, selection=selection, username=username)
        operation = an_operation(address) if begins else None
        change = a_change(
            address, expected=self.expected(address), record=record, operation=operation
        )
        self.serial += 1
        assert self.store.commit(change, self.lease) == self.serial
        self.records[address] = replace(record, serial=self.serial)
        self.operations.pop(address, None)
        if operation:
            self.operations[address] = replace(operation, serial=self.serial)

    @rule(address=ADDRESSES)
    def forget(self, address: ConnectionAddress) -> None:
        change = a_change(address, expected=self.expected(address), forget=True)
        self.serial += 1
        assert self.store.commit(change, self.lease) == self.serial
        self.records.pop(address, None)
        self.operations.pop(address, None)

    @precondition(lambda self: self.records)
    @rule(data=st.data(), to=ADDRESSES)
    def move(self, data: st.DataObject, to: ConnectionAddress) -> None:
        old = data.draw(st.sampled_from(sorted(self.records)))
        change = a_change(to, expected=self.expected(old), moved_from=old)
        if to in self.records:
            with pytest.raises(StaleSerialError):
                self.store.commit(change, self.lease)
            return
        self.serial += 1
        assert self.store.commit(change, self.lease) == self.serial
        self.records[to] = replace(self.records.pop(old), address=to, serial=self.serial)
        self.operations.pop(old, None)
        self.operations.pop(to, None)

    @rule(listing=LISTINGS)
    def list_account(self, listing: dict[str, Repository]) -> None:
        address = ConnectionAddress("lister")
        change = a_change(address, account_identity="account", repositories=listing)
        self.serial += 1
        assert self.store.commit(change, self.lease) == self.serial
        self.repositories = listing
        self.first = {key: self.first.get(key, self.serial) for key in listing}

    @rule(address=ADDRESSES, off=st.integers(1, 3))
    def write_stale(self, address: ConnectionAddress, off: int) -> None:
        change = a_change(
            address,
            expected=self.expected(address) + off,
            record=a_record(address, selection={}),
            account_identity="account",
            repositories={"{9}": Repository("never")},
        )
        with pytest.raises(StaleSerialError):
            self.store.commit(change, self.lease)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteRegistry(self.path, now=Clock())

    @invariant()
    def store_holds_what_the_model_holds(self) -> None:
        snapshot = self.store.snapshot()
        assert snapshot.serial == self.serial
        assert snapshot.records == self.records
        assert snapshot.operations == self.operations
        known = self.store.known_repositories("account")
        assert known.repositories == (self.repositories or {})
        assert known.first_serial == self.first
        count = None if self.repositories is None else len(self.repositories)
        assert self.store.repository_count("account") == count

    def teardown(self) -> None:
        assert len(self.store.history(None)) == self.serial
        self.store.close()
        self.folder.cleanup()


RegistryMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRegistryAgainstModel = RegistryMachine.TestCase
