"""Brings a backup back, in one transaction, so that a crash leaves the old registry or the new."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.errors import LeaseHeldError, RegistryError
from reconciler.model.record import AuditEntry, Snapshot
from reconciler.registry import statements as sql
from reconciler.registry.commit import append_audit
from reconciler.registry.opening import open_for_writing, transaction, translated
from reconciler.registry.rows import lease_from_row
from reconciler.registry.sqlite import SqliteRegistry

_TABLES: Final = (
    "records",
    "selections",
    "accounts",
    "repositories",
    "operations",
    "journal",
    "audit",
)
_META: Final = """
UPDATE main.meta SET (lineage, key, environment, created_at, audits, serial, fence) = (
  SELECT lineage, key, environment, created_at, audits,
         max(serial, ?) + 1, max(fence, main.meta.fence)
  FROM source.meta)
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. ``kept`` is the copy of the registry that it replaced."""

    lineage: str
    serial: int
    kept: Path | None


def restore(
    store: SqliteRegistry, source: Path, *, force: bool, who: str, now: Callable[[], datetime]
) -> Restored:
    """Replace what *store* holds by the backup *source*.

    The serial goes on from the higher of the two, so that no plan made before holds afterwards;
    fences likewise. Leases are not restored. The restore is the last entry of the audit log.

    Raises:
        LeaseHeldError: somebody is applying.
        RegistryError: *source* is no whole registry, or one of another lineage and not *force*.
    """
    backup = _inspect(source)
    current = store.snapshot()
    if current.lineage and current.lineage != backup.lineage and not force:
        raise RegistryError(
            f"{source} is a backup of another registry: lineage {backup.lineage}, "
            f"not {current.lineage}",
            hint="name a backup of this registry, or insist with --force",
        )
    kept = None
    if current.lineage:
        _refuse_live_lease(store, now())
        kept = _free_name(store.path, current.serial)
        store.backup(kept)
    store.close()
    entry = AuditEntry(
        at=now(),
        who=who,
        commit="",
        plan="",
        address="",
        action="restore",
        summary=f"restored serial {backup.serial} over serial {current.serial}",
    )
    with _prepared(source, store.path, now()) as prepared, translated(store.path):
        serial = _replace(store.path, prepared, current, entry)
    return Restored(backup.lineage, serial, kept)


def _inspect(source: Path) -> Snapshot:
    """Read a backup whole before anything is touched."""
    if not source.is_file():
        raise RegistryError(f"{source} is not a file", hint="name a file that `backup` wrote")
    store = SqliteRegistry(source)
    with closing(store):
        found = store.snapshot()
        store.history(None)
    if not found.lineage:
        raise RegistryError(f"{source} is empty", hint="name a file that `backup` wrote")
    return found


def _refuse_live_lease(store: SqliteRegistry, now: datetime) -> None:
    for lease in store.leases():
        if lease.expires_at > now:
            raise LeaseHeldError(
                f"{lease.holder} holds the lease {lease.name!r}",
                hint="wait for that run; when its process is dead, "
                f"`reconciler registry unlock {lease.name}`",
            )


def _free_name(path: Path, serial: int) -> Path:
    """``NAME.before-restore-SERIAL``, numbered when an earlier restore took that name."""
    first = path.with_name(f"{path.name}.before-restore-{serial}")
    candidate, count = first, 1
    while candidate.exists():
        count += 1
        candidate = first.with_name(f"{first.name}.{count}")
    return candidate


@contextmanager
def _prepared(source: Path, beside: Path, now: datetime) -> Iterator[Path]:
    """A private copy of the backup with today's schema."""
    store = SqliteRegistry(source)
    with tempfile.TemporaryDirectory(prefix="reconciler-restore-", dir=_folder(beside)) as folder:
        copy = Path(folder) / "registry.db"
        with closing(store):
            store.backup(copy)
        with translated(copy):
            connection = open_for_writing(copy, os.urandom(32), now)
            with closing(connection):
                (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise RegistryError(f"{source} is damaged: {verdict}", hint="name another backup")
        yield copy


def _folder(path: Path) -> Path | None:
    """Where the copy may lie: beside the registry, on its disk, once that folder exists."""
    return path.parent if path.parent.is_dir() else None


def _replace(path: Path, prepared: Path, current: Snapshot, entry: AuditEntry) -> int:
    connection = open_for_writing(path, os.urandom(32), entry.at)
    with closing(connection):
        connection.execute("ATTACH ? AS source", (str(prepared),))
        with transaction(connection, write=True):
            _refuse_moved(connection, current, entry.at)
            connection.execute("DELETE FROM main.leases")
            for table in _TABLES:
                connection.execute(f"DELETE FROM main.{table}")  # noqa: S608  our own constants
                connection.execute(
                    f"INSERT INTO main.{table} SELECT * FROM source.{table}"  # noqa: S608  likewise
                )
            connection.execute(_META, (current.serial,))
            append_audit(connection, entry)
            (_, serial, *_rest) = connection.execute(sql.META).fetchone()
    return int(serial)


def _refuse_moved(connection: sqlite3.Connection, current: Snapshot, now: datetime) -> None:
    """Between the copy that is kept and this transaction nobody may have come in."""
    (_, serial, *_rest) = connection.execute(sql.META).fetchone()
    live = any(lease_from_row(r).expires_at > now for r in connection.execute(sql.LEASES))
    if live or serial != current.serial:
        raise RegistryError(
            "somebody applied while the registry was being restored; nothing was replaced",
            hint="wait for that run and restore again",
        )
