"""The registry in one SQLite file, shared safely by the processes of one machine.

A writing transaction excludes every other from its first statement on (``BEGIN IMMEDIATE``) and
is on the disk when it returns (``synchronous = FULL``): a process may be killed at any instant.
Reading creates nothing. Source: https://sqlite.org/wal.html [documented, 2026-11-21]
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.errors import LeaseHeldError, LeaseLostError, RegistryError
from reconciler.model.address import ConnectionAddress
from reconciler.model.record import (
    AuditEntry,
    Change,
    JournalEntry,
    KnownRepositories,
    Lease,
    Record,
    Snapshot,
)
from reconciler.registry import statements as sql
from reconciler.registry.audit import entry_from_row, verify
from reconciler.registry.commit import Memory, load_known, load_selection, write_change
from reconciler.registry.opening import (
    MEND_DAMAGE,
    open_for_reading,
    open_for_writing,
    transaction,
    translated,
)
from reconciler.registry.rows import (
    journal_from_row,
    journal_to_row,
    lease_from_row,
    operation_from_row,
    record_from_row,
    to_time,
)


def utc_now() -> datetime:
    """The clock of everyday use."""
    return datetime.now(UTC)


class SqliteRegistry:
    """A RegistryStore on one file. Threads may share it; each call excludes the others.

    The file comes into being with the first lease. Until then the store reads as an empty
    registry without lineage, under the fingerprint key that the file will get.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        """Touch nothing yet.

        Args:
            path: the file; a relative one is taken from the current folder, now and for good.
            now: UTC; judges whether a lease that writes has expired.
        """
        self._path = path.absolute()
        self._now = now
        self._key = secrets.token_bytes(32)
        self._memory = Memory()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._writable = False

    @property
    def path(self) -> Path:
        """Where the registry lies, or will."""
        return self._path

    def snapshot(self) -> Snapshot:
        """One consistent reading of records and operations."""
        with self._reading() as connection:
            if connection is None:
                return self._nothing()
            records = [self._record(connection, row) for row in connection.execute(sql.RECORDS)]
            self._memory.records.clear()
            self._memory.records.update((record.address.name, record) for record in records)
            return self._snapshot(connection, records)

    def outline(self) -> Snapshot:
        """The same without the selections, which are nearly all of it: every one is empty."""
        with self._reading() as connection:
            if connection is None:
                return self._nothing()
            records = [record_from_row(row, {}) for row in connection.execute(sql.RECORDS)]
            return self._snapshot(connection, records)

    def _nothing(self) -> Snapshot:
        return Snapshot("", 0, self._key, "", {}, {})

    def _snapshot(self, connection: sqlite3.Connection, records: list[Record]) -> Snapshot:
        lineage, serial, key, environment = _only(connection, sql.META)
        operations = [operation_from_row(row) for row in connection.execute(sql.OPERATIONS)]
        return Snapshot(
            lineage,
            serial,
            key,
            environment,
            {record.address: record for record in records},
            {operation.address: operation for operation in operations},
        )

    def known_repositories(self, account_identity: str) -> KnownRepositories:
        """The repositories of an account as last committed; empty when never seen."""
        with self._reading() as connection:
            if connection is None:
                return KnownRepositories()
            return load_known(connection, account_identity, self._memory)

    def repository_count(self, account_identity: str) -> int | None:
        """How many repositories the account had; None when never seen."""
        with self._reading() as connection:
            if connection is None:
                return None
            row = connection.execute(sql.ACCOUNT, (account_identity,)).fetchone()
            return None if row is None else int(row[1])

    def commit(self, change: Change, lease: Lease) -> int:
        """Apply *change* atomically and append its audit entry; the new serial.

        Raises:
            LeaseLostError: *lease* is not ours any more.
            StaleSerialError: the record's serial is not ``change.expected``.
            RegistryError: the registry belongs to another environment.
        """
        with self._lock:
            with self._writing() as connection:
                _require(connection, lease, self._now())
                written = write_change(connection, change, self._memory)
            # Only now: what a rolled-back transaction wrote must never be remembered.
            if written.record is not None:
                self._memory.records[change.address.name] = written.record
            if written.known is not None:
                self._memory.known[change.account_identity] = (written.serial, written.known)
            return written.serial

    def journal(self, entry: JournalEntry, lease: Lease) -> None:
        """Append to the journal, durably, before returning. Raises LeaseLostError."""
        with self._writing() as connection:
            _require(connection, lease, self._now())
            connection.execute(sql.PUT_JOURNAL, journal_to_row(entry, lease.fence))

    def journal_of(self, operation: str) -> tuple[JournalEntry, ...]:
        """The journal of one operation, oldest first."""
        with self._reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute(sql.JOURNAL, (operation,))
            return tuple(journal_from_row(row) for row in rows)

    def acquire(self, name: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
        """Take a lease, or one that expired. Raises LeaseHeldError naming holder and end."""
        with self._writing() as connection:
            row = connection.execute(sql.LEASE, (name,)).fetchone()
            if row is not None and lease_from_row(row).expires_at > now:
                raise _held(lease_from_row(row), since=row[-1])
            (fence,) = connection.execute(sql.NEXT_FENCE).fetchone()
            lease = Lease(name, holder, fence, now.astimezone(UTC) + ttl)
            values = (name, holder, fence, to_time(lease.expires_at), to_time(now))
            connection.execute(sql.PUT_LEASE, values)
        return lease

    def renew(self, lease: Lease, ttl: timedelta, now: datetime) -> Lease:
        """Heartbeat. Raises LeaseLostError, also when it expired and nobody took it yet."""
        with self._writing() as connection:
            _require(connection, lease, now)
            end = now.astimezone(UTC) + ttl
            connection.execute(sql.EXTEND_LEASE, (to_time(end), lease.name))
        return Lease(lease.name, lease.holder, lease.fence, end)

    def release(self, lease: Lease) -> None:
        """Give the lease back. Not ours any more is success."""
        with self._writing() as connection:
            connection.execute(sql.DELETE_LEASE, (lease.name, lease.holder, lease.fence))

    def break_lease(self, name: str) -> Lease | None:
        """Take a lease away from whoever holds it; None when nobody does."""
        if not any(lease.name == name for lease in self.leases()):
            return None
        with self._writing() as connection:
            row = connection.execute(sql.BREAK_LEASE, (name,)).fetchone()
        return None if row is None else lease_from_row(row)

    def leases(self) -> tuple[Lease, ...]:
        """Leases held, expired ones included."""
        with self._reading() as connection:
            if connection is None:
                return ()
            return tuple(lease_from_row(row) for row in connection.execute(sql.LEASES))

    def history(self, address: ConnectionAddress | None) -> tuple[AuditEntry, ...]:
        """The audit log, oldest first, of one connection or of all.

        Raises:
            RegistryError: the hash chain is broken, naming the first bad entry.
        """
        with self._reading() as connection:
            if connection is None:
                return ()
            entries = tuple(entry_from_row(row) for row in connection.execute(sql.AUDIT))
            (count,) = _only(connection, sql.AUDITS)
        verify(entries, count)
        if address is None:
            return entries
        names = (str(address), address.name)
        return tuple(entry for entry in entries if entry.address in names)

    def backup(self, target: Path) -> None:
        """Copy the registry to a new file (0600) while it is in use.

        Raises:
            RegistryError: *target* exists, or there is no registry yet.
        """
        with self._reading() as connection:
            if connection is None:
                raise RegistryError(
                    f"registry {self._path}: there is nothing to back up",
                    hint="it comes into being with the first `reconciler apply`",
                )
            # The copy must not run inside a transaction of ours.
            connection.rollback()
            _copy_to_new_file(connection, target)

    def close(self) -> None:
        """Release the file."""
        with self._lock, translated(self._path):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._writable = False

    def _record(self, connection: sqlite3.Connection, row: tuple[Any, ...]) -> Record:
        serial, address = row[:2]
        remembered = self._memory.records.get(address)
        if remembered is not None and remembered.serial == serial:
            return remembered
        return record_from_row(row, load_selection(connection, address))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._lock, translated(self._path), self._connected() as connection:
            if connection is None:
                yield None
                return
            try:
                with transaction(connection, write=False):
                    yield connection
            except ValueError as error:
                raise RegistryError(
                    f"registry {self._path}: a row holds what this program cannot read: "
                    f"{str(error)[:256]}",
                    hint=f"it was changed by hand: {MEND_DAMAGE}",
                ) from error

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection | None]:
        """The kept connection, or one to read from; None while there is no registry."""
        if self._connection is not None:
            yield self._connection
            return
        reading = open_for_reading(self._path)
        if reading is None:
            yield None
        elif reading.lasting:
            self._connection = reading.connection
            yield reading.connection
        else:
            with closing(reading.connection):
                yield reading.connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._path):
            if self._connection is None or not self._writable:
                self.close()
                self._connection = open_for_writing(self._path, self._key, self._now())
                self._writable = True
            with transaction(self._connection, write=True):
                yield self._connection


def _copy_to_new_file(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a registry into one self-contained file that did not exist before."""
    with translated(target):
        try:
            os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError as error:
            raise RegistryError(
                f"{target} exists; a backup never overwrites", hint="name a new file"
            ) from error
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous = FULL")
                connection.backup(copy)
                # Without a write-ahead log the copy is one file, whatever happens to it.
                copy.execute("PRAGMA journal_mode = DELETE")
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _only(connection: sqlite3.Connection, statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement).fetchone()
    if row is None:
        raise ValueError("the row that names the registry is gone")
    found: tuple[Any, ...] = row
    return found


def _require(connection: sqlite3.Connection, lease: Lease, now: datetime) -> None:
    """Refuse to write unless *lease* is stored as given and has not expired."""
    row = connection.execute(sql.LEASE, (lease.name,)).fetchone()
    if row is None:
        raise _lost(lease, "somebody took it away")
    stored = lease_from_row(row)
    if (stored.fence, stored.holder) != (lease.fence, lease.holder):
        raise _lost(lease, f"{stored.holder} holds it now")
    if stored.expires_at <= now:
        raise _lost(lease, f"it expired at {to_time(stored.expires_at)}")


def _lost(lease: Lease, why: str) -> LeaseLostError:
    return LeaseLostError(
        f"the lease {lease.name!r} of {lease.holder} is lost: {why}",
        hint="nothing more was written; run `reconciler apply` again, it finishes what is open",
    )


def _held(lease: Lease, *, since: str) -> LeaseHeldError:
    return LeaseHeldError(
        f"the lease {lease.name!r} is held by {lease.holder} since {since} "
        f"until {to_time(lease.expires_at)}",
        hint=f"wait for that run; when its process is dead, `reconciler registry unlock "
        f"{lease.name}`",
    )
