"""Schema versions: ``migrations/0001_*.sql`` and up, in order, forward only, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from reconciler.errors import RegistryError

APPLICATION_ID: Final = 0x52434E52
"""``RCNR`` in the file's header tells a registry from any other SQLite file."""

VERSION: Final = 2
"""The schema this program reads and writes; the number of the last migration."""


@cache
def scripts() -> tuple[str, ...]:
    """The migrations shipped with this program, oldest first."""
    folder = files("reconciler.registry") / "migrations"
    shipped = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(file.read_text(encoding="utf-8") for file in shipped)


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open registry; 0 when nothing was written yet.

    Raises:
        RegistryError: it was written by a newer program.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise RegistryError(
            f"the registry has schema {version}; this reconciler knows schemas up to {VERSION}",
            hint="a newer reconciler wrote it: install that version or a later one",
        )
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the schema from *version* to VERSION, inside the caller's transaction."""
    for script in scripts()[version:VERSION]:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def statements(script: str) -> Iterator[str]:
    """Cut a script at its semicolons: `executescript` would commit the caller's transaction."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
