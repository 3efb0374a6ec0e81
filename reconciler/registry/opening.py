"""Opens the file of a registry: for reading without leaving a trace, for writing durably.

Foreign exceptions end here: whatever SQLite or the operating system says becomes RegistryError.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from reconciler.errors import RegistryError
from reconciler.model.secret import KNOWN
from reconciler.registry import statements as sql
from reconciler.registry.migrate import APPLICATION_ID, VERSION, migrate, version_of
from reconciler.registry.rows import to_time

BUSY_TIMEOUT_S: Final = 10.0
"""How long a write waits for another process to finish its own."""

_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables: https://sqlite.org/stricttables.html
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_ID_AT: Final = slice(68, 72)  # https://sqlite.org/fileformat2.html#application_id


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection in explicit-transaction mode. *mode* is ``rw``, ``ro`` or ``ro&immutable=1``."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise RegistryError(
            f"Python's SQLite is {sqlite3.sqlite_version}; the registry needs 3.37 or newer",
            hint="use a Python linked with a newer SQLite",
        )
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@dataclass(frozen=True, slots=True)
class Reading:
    """A connection to read from. ``lasting`` when it will see what others commit later."""

    connection: sqlite3.Connection
    lasting: bool


def open_for_reading(path: Path) -> Reading | None:
    """Open a registry without creating or changing anything; None where there is none yet.

    A registry of an older schema is brought up to date in memory only.
    """
    if not _is_registry(path):
        return None
    mode = _reading_mode(path)
    connection = connect(path, mode)
    try:
        version = version_of(connection)
        if version == VERSION:
            return Reading(connection, lasting=mode == "rw")
        modern = _migrated_copy(connection, version) if version else None
    except BaseException:
        connection.close()
        raise
    connection.close()
    return Reading(modern, lasting=False) if modern else None


def open_for_writing(path: Path, key: bytes, now: datetime) -> sqlite3.Connection:
    """Open a registry, creating it (0600, its folders 0700) or migrating it where needed."""
    if not _is_registry(path):
        _create_folders(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = connect(path, "rw")
    try:
        if version_of(connection) < VERSION:
            _prepare(connection, key, now)
        # Another process at work may forbid the switch: the old journal, as safe, serves till then.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[sqlite3.Connection]:
    """All or nothing; a writing one excludes every other writer from its first statement on."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield connection
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system raise into RegistryError."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        cause, hint = _explain(name, KNOWN.scrub(str(error)))
        raise RegistryError(f"registry {path}: {cause}", hint=hint) from error
    except OSError as error:
        raise RegistryError(
            f"registry {path}: {error.strerror}", hint=_OS_HINTS.get(error.errno or 0, _GENERAL)
        ) from error


def _is_registry(path: Path) -> bool:
    """Whether a registry lies at *path*.

    Looks at the header itself, because SQLite would already write to a file with a hot journal.
    A header not yet written belongs to a registry whose creation is going on or was killed.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return False
    if not header.strip(b"\0"):
        return False
    if not header.startswith(_MAGIC) or header[_ID_AT] != APPLICATION_ID.to_bytes(4, "big"):
        raise RegistryError(
            f"{path} is not a registry; it was left untouched",
            hint="name another file in `registry` of reconciler.yaml or with --registry",
        )
    return True


def _reading_mode(path: Path) -> str:
    """How to open for reading so that nothing is left behind.

    Whoever may write cleans up after himself. Whoever may not would leave the files of the
    write-ahead log behind, so he reads an idle file as immutable; only a log that holds data
    forces him to take part.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return "rw"
    log = path.with_name(f"{path.name}-wal")
    in_use = log.exists() and log.stat().st_size > 0
    return "ro" if in_use else "ro&immutable=1"


def _migrated_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    modern = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(modern)
    with transaction(modern, write=True):
        migrate(modern, version)
    return modern


def _prepare(connection: sqlite3.Connection, key: bytes, now: datetime) -> None:
    """Create or migrate; another process may do the same at the same time."""
    with transaction(connection, write=True):
        version = version_of(connection)
        if version < VERSION:
            migrate(connection, version)
        if version == 0:
            connection.execute(sql.NEW_META, (str(uuid.uuid4()), key, to_time(now)))


def _create_folders(folder: Path) -> None:
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


MEND_DAMAGE: Final = (
    "move the file aside, with its -wal and -shm, and bring back a backup with "
    "`reconciler registry restore FILE`"
)
_BUSY: Final = ("another process is writing to it", "wait until it is done and run again")
_DAMAGED: Final = ("the file is damaged", MEND_DAMAGE)
_GENERAL: Final = "check the disk, the path and its permissions"
_OS_HINTS: Final = {
    errno.ENOSPC: "free space on the disk and run again; nothing was half written",
    errno.EISDIR: "the registry is a file: give the path of one",
    errno.ENOTDIR: "a part of the path is a file: name another one in `registry`",
}
_SQLITE_FAULTS: Final = {
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_FULL": ("the disk is full", _OS_HINTS[errno.ENOSPC]),
    "SQLITE_IOERR": ("the disk failed", "check the disk; nothing was half written"),
    "SQLITE_READONLY": (
        "it cannot be written",
        "give yourself write access to the file and its folder, or only plan",
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened",
        "check that the file and its folder may be read and written",
    ),
}


def _explain(name: str, text: str) -> tuple[str, str]:
    """Cause and hint of a SQLite error code such as ``SQLITE_IOERR_FSYNC``."""
    family = "_".join(name.split("_")[:2])
    return _SQLITE_FAULTS.get(family, (text[:256], _GENERAL))
