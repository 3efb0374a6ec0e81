"""Our own store: records, operations, journal, audit log, leases."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from reconciler.model.address import ConnectionAddress
from reconciler.model.record import (
    AuditEntry,
    Change,
    JournalEntry,
    KnownRepositories,
    Lease,
    Snapshot,
)


class RegistryStore(Protocol):
    """One registry.

    Laws: lineage never changes; serial + 1 per commit and + 0 for anything else; a stale record
    is refused; a lease excludes and expires; a write under a lost lease is refused in the same
    transaction.
    """

    def snapshot(self) -> Snapshot:
        """One consistent reading of records and operations."""
        ...

    def outline(self) -> Snapshot:
        """The same without the selections, which are nearly all of it: every one is empty."""
        ...

    def known_repositories(self, account_identity: str) -> KnownRepositories:
        """The repositories of an account as last committed; empty when never seen."""
        ...

    def repository_count(self, account_identity: str) -> int | None:
        """How many repositories the account had; None when never seen."""
        ...

    def commit(self, change: Change, lease: Lease) -> int:
        """Apply *change* atomically and append its audit entry; the new serial.

        Raises:
            LeaseLostError: *lease* is not ours any more.
            StaleSerialError: the record's serial is not ``change.expected``.
        """
        ...

    def journal(self, entry: JournalEntry, lease: Lease) -> None:
        """Append to the journal, durably, before returning. Raises LeaseLostError."""
        ...

    def journal_of(self, operation: str) -> tuple[JournalEntry, ...]:
        """The journal of one operation, oldest first."""
        ...

    def acquire(self, name: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
        """Take a lease, or one that expired. Raises LeaseHeldError naming holder and end."""
        ...

    def renew(self, lease: Lease, ttl: timedelta, now: datetime) -> Lease:
        """Heartbeat. Raises LeaseLostError."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back. Not ours any more is success."""
        ...

    def break_lease(self, name: str) -> Lease | None:
        """Take a lease away from whoever holds it: `registry unlock`."""
        ...

    def leases(self) -> tuple[Lease, ...]:
        """Leases held, expired ones included."""
        ...

    def history(self, address: ConnectionAddress | None) -> tuple[AuditEntry, ...]:
        """The audit log, oldest first, of one connection or of all.

        Raises:
            RegistryError: the hash chain is broken, naming the first bad entry.
        """
        ...

    def backup(self, target: Path) -> None:
        """Copy the registry to a new file while it is in use."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...
