"""The laws of every registry: leases, history, backup, secrets, processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import LeaseHeldError, LeaseLostError, RegistryError
from reconciler.model.address import ConnectionAddress
from reconciler.model.record import Lease
from reconciler.model.secret import Secret
from reconciler.ports.registry import RegistryStore
from reconciler.registry import open_registry
from tests.contract.registry_bench import (
    NOW,
    OX,
    TTL,
    Clock,
    RegistryBench,
    a_change,
    a_record,
    an_entry,
    an_operation,
)

ROOT = Path(__file__).parents[2]

CHILD = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from reconciler.errors import LeaseHeldError, StaleSerialError
from reconciler.registry import open_registry
from tests.contract.registry_bench import OX, a_change, a_record
url, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_registry(url)
def add_one(lease):
    record = store.snapshot().records.get(OX)
    expected, count = (record.serial, record.generation) if record else (0, 0)
    wanted = a_record(generation=count + 1)
    return store.commit(a_change(expected=expected, record=wanted), lease)
"""
ONE_LEASE = """
done = 0
while done < rounds:
    try:
        lease = store.acquire("apply", name, timedelta(seconds=60), datetime.now(UTC))
    except LeaseHeldError:
        continue
    add_one(lease)
    store.release(lease)
    done += 1
"""
OWN_LEASE = """
lease = store.acquire(name, name, timedelta(seconds=60), datetime.now(UTC))
done = 0
while done < rounds:
    try:
        add_one(lease)
        done += 1
    except StaleSerialError:
        pass
"""
UNTIL_KILLED = """
store.break_lease("apply")
lease = store.acquire("apply", name, timedelta(seconds=60), datetime.now(UTC))
while True:
    print(add_one(lease), flush=True)
"""


def start(script: str, url: str, name: str, rounds: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + script, url, name, str(rounds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


class TestLeases(RegistryBench):
    def test_a_lease_excludes_and_says_who_holds_it(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        with pytest.raises(LeaseHeldError) as caught:
            open_again().acquire("apply", "runner-2", TTL, NOW + TTL / 2)
        for part in ("runner-1", "2026-11-21T08:30:00", "2026-11-21T08:31:00"):
            assert part in caught.value.cause
        assert "reconciler registry unlock apply" in caught.value.hint
        assert store.leases() == (lease,)

    def test_leases_of_other_names_are_free(self, store: RegistryStore, lease: Lease) -> None:
        other = store.acquire("connection.ox-acme", "runner-2", TTL, NOW)
        assert other.fence > lease.fence
        assert {held.name for held in store.leases()} == {"apply", "connection.ox-acme"}

    @pytest.mark.usefixtures("lease")
    def test_the_same_holder_is_excluded_too(self, store: RegistryStore) -> None:
        with pytest.raises(LeaseHeldError):
            store.acquire("apply", "runner-1", TTL, NOW)

    def test_an_expired_lease_is_taken_with_a_higher_fence(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        taken = open_again().acquire("apply", "runner-2", TTL, NOW + TTL)
        assert taken.fence > lease.fence
        assert store.leases() == (taken,)

    def test_a_fence_is_never_given_twice(
        self, store: RegistryStore, open_again: Callable[[], RegistryStore]
    ) -> None:
        fences = []
        for each in (store, open_again(), store):
            lease = each.acquire("apply", "runner-1", TTL, NOW)
            fences.append(lease.fence)
            each.release(lease)
        lease = store.acquire("apply", "runner-1", TTL, NOW)
        store.break_lease("apply")
        fences += [lease.fence, store.acquire("apply", "runner-1", TTL, NOW).fence]
        assert fences == sorted(set(fences))

    def test_a_heartbeat_moves_the_end(self, store: RegistryStore, lease: Lease) -> None:
        renewed = store.renew(lease, TTL, NOW + TTL / 2)
        assert renewed.fence == lease.fence
        assert renewed.expires_at == NOW + TTL * 1.5
        with pytest.raises(LeaseHeldError):
            store.acquire("apply", "runner-2", TTL, NOW + TTL)

    def test_what_is_released_is_free(self, store: RegistryStore, lease: Lease) -> None:
        store.release(lease)
        store.release(lease)
        assert store.leases() == ()
        store.acquire("apply", "runner-2", TTL, NOW)

    def test_releasing_a_lease_that_went_on_to_another_leaves_it(
        self, store: RegistryStore, lease: Lease
    ) -> None:
        taken = store.acquire("apply", "runner-2", TTL, NOW + TTL)
        store.release(lease)
        assert store.leases() == (taken,)

    def test_a_broken_lease_is_returned_and_gone(self, store: RegistryStore, lease: Lease) -> None:
        assert store.break_lease("apply") == lease
        assert store.break_lease("apply") is None

    @pytest.mark.parametrize("how", ["expired", "taken", "broken", "released", "forged"])
    def test_nothing_is_written_under_a_lost_lease(
        self, store: RegistryStore, lease: Lease, clock: Clock, how: str
    ) -> None:
        store.commit(a_change(record=a_record()), lease)
        before = store.snapshot()
        if how == "expired":
            clock.at = NOW + TTL
        elif how == "taken":
            store.acquire("apply", "runner-2", TTL, NOW + TTL)
        elif how == "broken":
            store.break_lease("apply")
        elif how == "released":
            store.release(lease)
        else:
            lease = replace(lease, holder="somebody-else")
        for write in (
            lambda: store.commit(a_change(expected=1, record=a_record(generation=9)), lease),
            lambda: store.journal(an_entry(), lease),
            lambda: store.renew(lease, TTL, clock.at),
        ):
            with pytest.raises(LeaseLostError, match=r"the lease 'apply' of .* is lost"):
                write()
        assert store.snapshot() == before
        assert store.journal_of("op-1") == ()
        assert len(store.history(None)) == 1


class TestHistory(RegistryBench):
    def test_every_commit_leaves_a_chained_entry(
        self, store: RegistryStore, lease: Lease, open_again: Callable[[], RegistryStore]
    ) -> None:
        other = ConnectionAddress("aikido")
        for change in (a_change(), a_change(other), a_change()):
            store.commit(change, lease)
        entries = open_again().history(None)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert len({entry.digest for entry in entries}) == 3
        assert replace(entries[0], seq=0, digest="") == a_change().audit

    def test_it_can_be_asked_for_one_connection(self, store: RegistryStore, lease: Lease) -> None:
        other = ConnectionAddress("aikido")
        for change in (a_change(), a_change(other), a_change()):
            store.commit(change, lease)
        assert [entry.seq for entry in store.history(OX)] == [1, 3]
        assert [entry.seq for entry in store.history(other)] == [2]


class TestBackup(RegistryBench):
    def test_a_backup_is_a_registry_of_its_own(
        self, store: RegistryStore, lease: Lease, tmp_path: Path
    ) -> None:
        store.commit(a_change(record=a_record()), lease)
        target = tmp_path / "backup.db"
        store.backup(target)
        store.commit(a_change(expected=1, forget=True), lease)
        copy = open_registry(f"sqlite:///{target}")
        assert copy.snapshot().records == {OX: replace(a_record(), serial=1)}
        assert copy.snapshot().lineage == store.snapshot().lineage
        copy.close()

    @pytest.mark.usefixtures("lease")
    def test_it_overwrites_nothing(self, store: RegistryStore, tmp_path: Path) -> None:
        target = tmp_path / "mine.txt"
        target.write_text("mine")
        with pytest.raises(RegistryError, match="never overwrites"):
            store.backup(target)
        assert target.read_text() == "mine"

    def test_there_must_be_something_to_back_up(self, store: RegistryStore, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match="nothing to back up"):
            store.backup(tmp_path / "backup.db")
        assert not (tmp_path / "backup.db").exists()


class TestSecrets(RegistryBench):
    def test_no_secret_reaches_the_registry(
        self, store: RegistryStore, lease: Lease, tmp_path: Path
    ) -> None:
        """Whatever a caller lets slip into free text is scrubbed on the way in."""
        canary = Secret("canary/with+odd=signs&more")
        said = f"401 for {canary.reveal()} and canary%2Fwith%2Bodd%3Dsigns%26more"
        audit = replace(a_change().audit, summary=said, who=said)
        operation = replace(an_operation(), facts={"note": said})
        change = a_change(record=a_record(), operation=operation, audit=audit)
        store.journal(an_entry(detail=said), lease)
        store.commit(change, lease)
        store.backup(tmp_path / "copy.db")
        assert store.history(None)[0].summary == "401 for *** and ***"
        raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"401 for ***" in raw
        assert b"canary" not in raw


class TestProcesses(RegistryBench):
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(ONE_LEASE, id="racing for one lease"),
            pytest.param(OWN_LEASE, id="own leases"),
        ],
    )
    def test_processes_that_race_lose_no_update(
        self, script: str, url: str, store: RegistryStore
    ) -> None:
        """They also race for creating the registry."""
        children = [start(script, url, f"runner-{n}", 40) for n in range(3)]
        for child in children:
            child.communicate(timeout=30)
            assert child.returncode == 0
        snapshot = store.snapshot()
        assert snapshot.serial == 120
        assert snapshot.records[OX].generation == 120
        assert len(store.history(None)) == 120

    def test_a_killed_process_leaves_a_whole_registry(self, url: str, store: RegistryStore) -> None:
        """Every commit that was reported is there, and at most the one in flight besides."""
        for commits in (1, 7, 20):
            child = start(UNTIL_KILLED, url, "victim")
            assert child.stdout is not None
            reported = [int(child.stdout.readline()) for _ in range(commits)]
            child.kill()
            reported += [int(line) for line in child.stdout.read().split()]
            child.stdout.close()
            child.wait()
            snapshot = store.snapshot()
            assert snapshot.serial - reported[-1] in {0, 1}
            assert snapshot.records[OX].generation == snapshot.serial
            assert len(store.history(None)) == snapshot.serial
