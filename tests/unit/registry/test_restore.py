"""Bringing a backup back: all of it or nothing, and nothing gets lost on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import LeaseHeldError, RegistryError
from reconciler.model.observed import Repository
from reconciler.model.record import Lease
from reconciler.registry import restore_registry
from reconciler.registry.sqlite import SqliteRegistry
from tests.contract.registry_bench import (
    ACCOUNT,
    NOW,
    OX,
    TTL,
    Clock,
    a_change,
    a_record,
    an_entry,
    an_operation,
)


class Bench:
    """A registry with three commits, and a backup of its first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "registry.db"
        self.backup = folder / "backup.db"
        self.clock = Clock()
        self.store = SqliteRegistry(self.path, now=self.clock)
        lease = self.lease()
        self.store.journal(an_entry(), lease)
        first = a_change(
            record=a_record(),
            operation=an_operation(),
            account_identity=ACCOUNT,
            repositories={"a": Repository("one")},
        )
        self.store.commit(first, lease)
        self.store.backup(self.backup)
        self.saved = self.store.snapshot()
        self.store.commit(a_change(expected=1, record=a_record(generation=9)), lease)
        self.store.commit(a_change(expected=2, forget=True), lease)
        self.store.release(lease)

    def lease(self) -> Lease:
        return self.store.acquire("apply", "runner-1", TTL, self.clock.at)

    def restore(self, source: Path | None = None, *, force: bool = False) -> Path | None:
        return restore_registry(
            f"sqlite:///{self.path}",
            source or self.backup,
            force=force,
            who="ana@laptop",
            now=self.clock,
        ).kept


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_everything_of_the_backup_is_back(bench: Bench) -> None:
    bench.restore()
    found = bench.store.snapshot()
    assert found.records == bench.saved.records
    assert found.operations == bench.saved.operations
    assert (found.lineage, found.key) == (bench.saved.lineage, bench.saved.key)
    assert bench.store.known_repositories(ACCOUNT).repositories == {"a": Repository("one")}
    assert len(bench.store.journal_of("op-1")) == 1


def test_serial_and_fence_go_on_from_the_higher(bench: Bench) -> None:
    """A plan made before, or a lease lost before, must not hold by coincidence."""
    fence = bench.lease()
    bench.store.release(fence)
    bench.restore()
    assert bench.store.snapshot().serial == 4
    lease = bench.lease()
    assert lease.fence > fence.fence
    assert bench.store.commit(a_change(expected=1, record=a_record(generation=5)), lease) == 5
    assert bench.store.snapshot().records[OX].generation == 5


def test_the_restore_is_audited(bench: Bench) -> None:
    bench.restore()
    entries = bench.store.history(None)
    assert [entry.action for entry in entries] == ["connect", "restore"]
    assert entries[-1].who == "ana@laptop"
    assert entries[-1].summary == "restored serial 1 over serial 3"


def test_what_was_replaced_is_kept_beside(bench: Bench) -> None:
    kept = bench.restore()
    assert kept == bench.folder / "registry.db.before-restore-3"
    with closing(SqliteRegistry(kept)) as before:
        assert before.snapshot().serial == 3
        assert len(before.history(None)) == 3
    names = {entry.name for entry in bench.folder.iterdir()} - {
        "registry.db-wal",
        "registry.db-shm",
    }
    assert names == {"registry.db", "backup.db", kept.name}


def test_a_kept_registry_is_never_overwritten(bench: Bench) -> None:
    taken = bench.folder / "registry.db.before-restore-3"
    taken.write_text("mine")
    assert bench.restore() == bench.folder / "registry.db.before-restore-3.2"
    assert taken.read_text() == "mine"


def test_what_was_kept_can_be_restored_itself(bench: Bench) -> None:
    kept = bench.restore()
    bench.restore(kept)
    assert bench.store.snapshot().records == {}
    assert bench.store.snapshot().serial == 5
    assert [entry.action for entry in bench.store.history(None)][-1] == "restore"


def test_a_registry_that_is_gone_comes_back_whole(bench: Bench) -> None:
    bench.store.close()
    bench.path.unlink()
    assert bench.restore() is None
    assert bench.store.snapshot().records == bench.saved.records
    assert bench.store.snapshot().lineage == bench.saved.lineage


def test_a_registry_in_a_folder_that_is_gone_comes_back(bench: Bench) -> None:
    path = bench.folder / "new" / "folder" / "registry.db"
    restore_registry(f"sqlite:///{path}", bench.backup)
    with closing(SqliteRegistry(path)) as store:
        assert store.snapshot().records == bench.saved.records


def test_nobody_may_be_applying(bench: Bench) -> None:
    bench.lease()
    with pytest.raises(LeaseHeldError, match="runner-1 holds the lease 'apply'"):
        bench.restore()
    assert bench.store.snapshot().serial == 3
    assert not list(bench.folder.glob("*.before-restore-*"))


def test_an_expired_lease_does_no_harm_and_is_gone(bench: Bench) -> None:
    bench.lease()
    bench.clock.at = NOW + TTL
    bench.restore()
    assert bench.store.leases() == ()


def test_leases_of_the_backup_are_not_restored(bench: Bench) -> None:
    bench.restore()
    assert bench.store.leases() == ()


def test_a_backup_of_another_registry_needs_force(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other")
    other.store.close()
    with pytest.raises(RegistryError, match="is a backup of another registry") as caught:
        bench.restore(other.backup)
    assert "--force" in caught.value.hint
    assert bench.store.snapshot().serial == 3
    bench.restore(other.backup, force=True)
    assert bench.store.snapshot().lineage == other.saved.lineage
    assert bench.store.snapshot().key == other.saved.key


def test_a_damaged_or_foreign_backup_changes_nothing(bench: Bench) -> None:
    before = bench.store.snapshot()
    raw = bench.backup.read_bytes()
    bad = {
        "missing": None,
        "empty": b"",
        "text": b"dear diary",
        "cut": raw[: len(raw) // 2],
        "scribbled": raw[:8192] + b"\xa5" * 4096 + raw[12288:],
    }
    for name, content in bad.items():
        source = bench.folder / f"{name}.bak"
        if content is not None:
            source.write_bytes(content)
        with pytest.raises(RegistryError):
            bench.restore(source)
    assert bench.store.snapshot() == before
    assert not list(bench.folder.glob("*.before-restore-*"))
    assert not list(bench.folder.glob("reconciler-restore-*"))


def test_a_backup_with_a_broken_chain_is_refused(bench: Bench) -> None:
    with closing(sqlite3.connect(bench.backup, isolation_level=None)) as raw:
        raw.execute("UPDATE audit SET who = 'eve'")
    with pytest.raises(RegistryError, match="broken at entry 1"):
        bench.restore()


def test_a_store_that_was_open_sees_the_restored_records(bench: Bench) -> None:
    """What a store remembers of before must not shine through."""
    lease = bench.lease()
    bench.store.commit(a_change(record=a_record(generation=77, selection={})), lease)
    bench.store.release(lease)
    assert bench.store.snapshot().records[OX].generation == 77
    bench.restore()
    expected = {OX: replace(a_record(), serial=1)}
    assert bench.store.snapshot().records == expected
