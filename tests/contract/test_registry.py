"""The laws of every registry: lineage, serial, records, operations, repositories, journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.errors import RegistryError, StaleSerialError
from reconciler.model.address import ConnectionAddress
from reconciler.model.observed import Repository
from reconciler.model.record import (
    THIS_COMMIT,
    KnownRepositories,
    Lease,
    OperationState,
    Phase,
    Selected,
)
from reconciler.ports.registry import RegistryStore
from tests.contract.registry_bench import (
    ACCOUNT,
    NOW,
    OX,
    TTL,
    RegistryBench,
    a_change,
    a_record,
    an_entry,
    an_operation,
)


class TestLineageAndSerial(RegistryBench):
    def test_a_registry_that_never_was_reads_as_empty(self, store: RegistryStore) -> None:
        snapshot = store.snapshot()
        assert (snapshot.lineage, snapshot.serial, snapshot.environment) == ("", 0, "")
        assert (snapshot.records, snapshot.operations) == ({}, {})
        assert store.known_repositories(ACCOUNT) == KnownRepositories()
        assert store.repository_count(ACCOUNT) is None
        assert store.journal_of("op-1") == ()
        assert store.leases() == ()
        assert store.history(None) == ()
        assert store.break_lease("apply") is None

    def test_the_provisional_key_becomes_the_key(
        self, store: RegistryStore, open_again: Callable[[], RegistryStore]
    ) -> None:
        key = store.snapshot().key
        assert len(key) == 32
        assert open_again().snapshot().key != key
        store.acquire("apply", "runner-1", TTL, NOW)
        assert store.snapshot().key == key
        assert open_again().snapshot().key == key

    def test_lineage_begins_with_the_first_lease_and_never_changes(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        lineage = store.snapshot().lineage
        assert len(lineage) == 36
        store.commit(a_change(record=a_record()), lease)
        store.commit(a_change(OX, expected=1, forget=True), lease)
        assert store.snapshot().lineage == lineage
        assert open_again().snapshot().lineage == lineage

    def test_every_commit_adds_one_and_nothing_else_adds_any(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        assert store.commit(a_change(record=a_record()), lease) == 1
        store.journal(an_entry(), lease)
        lease = store.renew(lease, TTL, NOW)
        store.acquire("other", "runner-2", TTL, NOW)
        store.break_lease("other")
        store.known_repositories(ACCOUNT)
        store.history(None)
        assert store.snapshot().serial == 1
        assert store.commit(a_change(expected=1), lease) == 2

    def test_a_refused_commit_changes_nothing(self, store: RegistryStore, lease: Lease) -> None:
        store.commit(a_change(record=a_record()), lease)
        before = store.snapshot()
        with pytest.raises(StaleSerialError):
            store.commit(a_change(record=a_record(generation=9), repositories={}), lease)
        assert store.snapshot() == before
        assert len(store.history(None)) == 1

    def test_the_environment_is_set_once(self, store: RegistryStore, lease: Lease) -> None:
        store.commit(a_change(environment="prod"), lease)
        store.commit(a_change(environment=""), lease)
        store.commit(a_change(environment="prod"), lease)
        assert store.snapshot().environment == "prod"
        with pytest.raises(RegistryError, match="belongs to environment 'prod', not to 'test'"):
            store.commit(a_change(environment="test"), lease)
        assert store.snapshot().serial == 3


class TestRecords(RegistryBench):
    def test_a_record_comes_back_as_it_went_in(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        serial = store.commit(a_change(record=a_record()), lease)
        expected = {OX: replace(a_record(), serial=serial)}
        assert store.snapshot().records == expected
        assert open_again().snapshot().records == expected

    def test_an_outline_is_the_snapshot_with_empty_selections(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        store.commit(a_change(record=a_record(), operation=an_operation()), lease)
        whole = store.snapshot()
        bare = {OX: replace(whole.records[OX], selection={})}
        assert whole.records[OX].selection
        for registry in (store, open_again()):
            assert registry.outline() == replace(whole, records=bare)
            assert registry.snapshot() == whole  # looking at the outline forgets nothing

    def test_a_record_without_its_optional_parts_comes_back(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        bare = a_record(
            expires_at=None, retired=(), labels={}, selection={}, scopes=(), manage=frozenset()
        )
        store.commit(a_change(record=bare), lease)
        assert open_again().snapshot().records[OX] == replace(bare, serial=1)

    def test_times_of_any_zone_come_back_as_the_same_moment_in_utc(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        local = datetime.fromisoformat("2027-01-01T01:00:00+05:30")
        store.commit(a_change(record=a_record(expires_at=local)), lease)
        found = open_again().snapshot().records[OX].expires_at
        assert found == local
        assert found is not None
        assert found.tzinfo == UTC

    def test_a_record_left_out_of_a_change_stays_as_it_is(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        store.commit(a_change(record=a_record()), lease)
        store.commit(a_change(expected=1, operation=an_operation()), lease)
        assert store.snapshot().records[OX].serial == 1

    def test_a_change_of_one_record_leaves_the_others_serial(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        other = ConnectionAddress("aikido")
        store.commit(a_change(record=a_record()), lease)
        store.commit(a_change(other, record=a_record(other)), lease)
        store.commit(a_change(expected=1, record=a_record(generation=3)), lease)
        assert [(r.address.name, r.serial) for r in store.snapshot().records.values()] == [
            ("aikido", 2),
            ("ox-acme", 3),
        ]

    @pytest.mark.parametrize(
        "selection",
        [
            pytest.param({}, id="emptied"),
            pytest.param({"{a}": Selected("pay-api", "pay-api")}, id="one less"),
            pytest.param({"{a}": Selected("pay-core", "pay-api")}, id="renamed"),
            pytest.param({"{c}": Selected("new", "new"), "{d}": Selected("x", "y")}, id="others"),
        ],
    )
    def test_a_selection_is_replaced(
        self,
        store: RegistryStore,
        lease: Lease,
        open_again: Callable[[], RegistryStore],
        selection: dict[str, Selected],
    ) -> None:
        store.commit(a_change(record=a_record()), lease)
        again = open_again()
        again.commit(a_change(expected=1, record=a_record(selection=selection)), lease)
        assert again.snapshot().records[OX].selection == selection
        assert store.snapshot().records[OX].selection == selection
        assert open_again().snapshot().records[OX].selection == selection

    @pytest.mark.parametrize("expected", [0, 2], ids=["none expected", "another expected"])
    def test_a_stale_record_is_refused(
        self, store: RegistryStore, lease: Lease, expected: int
    ) -> None:
        store.commit(a_change(record=a_record()), lease)
        with pytest.raises(StaleSerialError, match=r"connection\.ox-acme is at serial 1") as caught:
            store.commit(a_change(expected=expected, record=a_record()), lease)
        assert "plan again" in caught.value.hint

    def test_a_record_that_vanished_is_refused(self, store: RegistryStore, lease: Lease) -> None:
        with pytest.raises(StaleSerialError, match="is at serial 0, the plan was made for 4"):
            store.commit(a_change(expected=4, record=a_record()), lease)

    def test_what_is_forgotten_is_gone_and_may_come_again(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        store.commit(a_change(record=a_record(), operation=an_operation()), lease)
        store.commit(a_change(expected=1, forget=True), lease)
        assert open_again().snapshot().records == {}
        assert open_again().snapshot().operations == {}
        fresh = a_record(selection={"{z}": Selected("z", "z")})
        store.commit(a_change(record=fresh), lease)
        assert open_again().snapshot().records == {OX: replace(fresh, serial=3)}

    @pytest.mark.parametrize("with_record", [True, False], ids=["with record", "name alone"])
    def test_a_record_moves_with_its_selection(
        self,
        store: RegistryStore,
        lease: Lease,
        open_again: Callable[[], RegistryStore],
        with_record: bool,
    ) -> None:
        new = ConnectionAddress("ox-renamed")
        store.commit(a_change(record=a_record(), operation=an_operation()), lease)
        record = a_record(new) if with_record else None
        store.commit(a_change(new, expected=1, moved_from=OX, record=record), lease)
        for snapshot in (store.snapshot(), open_again().snapshot()):
            assert snapshot.records == {new: replace(a_record(new), serial=2)}
            assert snapshot.operations == {}

    def test_a_record_never_moves_over_another(self, store: RegistryStore, lease: Lease) -> None:
        other = ConnectionAddress("aikido")
        store.commit(a_change(record=a_record()), lease)
        store.commit(a_change(other, record=a_record(other)), lease)
        with pytest.raises(StaleSerialError, match="that record exists"):
            store.commit(a_change(other, expected=1, moved_from=OX), lease)

    def test_a_move_of_a_stale_record_is_refused(self, store: RegistryStore, lease: Lease) -> None:
        store.commit(a_change(record=a_record()), lease)
        store.commit(a_change(expected=1, record=a_record()), lease)
        with pytest.raises(StaleSerialError):
            store.commit(a_change(ConnectionAddress("n"), expected=1, moved_from=OX), lease)


class TestOperations(RegistryBench):
    def test_an_operation_comes_back_and_ends(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        store.commit(a_change(operation=an_operation()), lease)
        assert open_again().snapshot().operations == {OX: replace(an_operation(), serial=1)}
        store.commit(a_change(), lease)
        assert open_again().snapshot().operations == {}

    def test_a_connection_has_at_most_one(self, store: RegistryStore, lease: Lease) -> None:
        store.commit(a_change(operation=an_operation()), lease)
        later = replace(an_operation(), id="op-2", state=OperationState.RUNNING)
        store.commit(a_change(operation=later), lease)
        assert store.snapshot().operations == {OX: replace(later, serial=2)}


class TestRepositories(RegistryBench):
    def commit(self, store: RegistryStore, lease: Lease, **names: Repository) -> int:
        change = a_change(account_identity=ACCOUNT, repositories=names)
        return store.commit(change, lease)

    def test_they_come_back_with_the_serial_that_first_saw_each(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        one = Repository("pay-api", "PAY", fork=True)
        two = Repository("pay-web", "PAY", archived=True)
        self.commit(store, lease, a=one)
        self.commit(store, lease, a=one, b=two)
        for each in (store, open_again()):
            known = each.known_repositories(ACCOUNT)
            assert known == KnownRepositories({"a": one, "b": two}, {"a": 1, "b": 2}, 2)
            assert each.repository_count(ACCOUNT) == 2

    def test_a_rename_keeps_the_first_serial_and_a_removal_ends_it(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        self.commit(store, lease, a=Repository("one"), b=Repository("two"))
        again = open_again()
        self.commit(again, lease, a=Repository("uno"))
        expected = KnownRepositories({"a": Repository("uno")}, {"a": 1}, 2)
        assert store.known_repositories(ACCOUNT) == expected
        assert open_again().known_repositories(ACCOUNT) == expected
        self.commit(store, lease, a=Repository("uno"), b=Repository("two"))
        assert open_again().known_repositories(ACCOUNT).first_serial == {"a": 1, "b": 3}

    def test_an_account_seen_empty_differs_from_one_never_seen(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        self.commit(store, lease)
        assert open_again().repository_count(ACCOUNT) == 0
        assert open_again().repository_count("another") is None

    def test_an_unchanged_listing_changes_nothing(self, store: RegistryStore, lease: Lease) -> None:
        self.commit(store, lease, a=Repository("one"))
        before = store.known_repositories(ACCOUNT)
        self.commit(store, lease, a=Repository("one"))
        assert store.known_repositories(ACCOUNT) == before

    def test_a_record_may_ask_for_the_serials_of_its_own_commit(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        listed = self.commit(store, lease, a=Repository("one"))
        record = a_record(epoch=THIS_COMMIT, listed_at=THIS_COMMIT)
        change = a_change(
            record=record, account_identity=ACCOUNT, repositories={"a": Repository("one")}
        )
        serial = store.commit(change, lease)
        stored = store.snapshot().records[OX]
        assert (stored.epoch, stored.listed_at) == (serial, listed)

    def test_accounts_do_not_meet(self, store: RegistryStore, lease: Lease) -> None:
        self.commit(store, lease, a=Repository("one"))
        store.commit(a_change(account_identity="other", repositories={"a": Repository("x")}), lease)
        store.commit(a_change(account_identity="other", repositories={}), lease)
        assert store.known_repositories(ACCOUNT).repositories == {"a": Repository("one")}

    def test_a_change_without_a_listing_keeps_what_is_known(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        self.commit(store, lease, a=Repository("one"))
        store.commit(a_change(account_identity=ACCOUNT), lease)
        assert store.repository_count(ACCOUNT) == 1

    def test_a_refused_commit_is_not_remembered(self, store: RegistryStore, lease: Lease) -> None:
        self.commit(store, lease, a=Repository("one"))
        stale = a_change(
            expected=7, account_identity=ACCOUNT, repositories={"z": Repository("zero")}
        )
        with pytest.raises(StaleSerialError):
            store.commit(stale, lease)
        assert store.known_repositories(ACCOUNT).repositories == {"a": Repository("one")}


class TestJournal(RegistryBench):
    def test_entries_come_back_in_order_with_the_fence(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        store.journal(an_entry(), lease)
        store.journal(an_entry("op-2"), lease)
        store.journal(an_entry(phase=Phase.DONE, detail="conn-18"), lease)
        found = open_again().journal_of("op-1")
        assert [(e.phase, e.detail, e.fence) for e in found] == [
            (Phase.INTENT, "generation 3", lease.fence),
            (Phase.DONE, "conn-18", lease.fence),
        ]
        assert found[0].seq < found[1].seq
        assert replace(found[0], seq=0, fence=0) == an_entry()
