"""Writes one Change inside the caller's transaction: rows that did not change are not touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.errors import RegistryError, StaleSerialError
from reconciler.model.address import ConnectionAddress
from reconciler.model.observed import Repositories
from reconciler.model.record import (
    THIS_COMMIT,
    AuditEntry,
    Change,
    KnownRepositories,
    Record,
    Selected,
)
from reconciler.registry import statements as sql
from reconciler.registry.audit import entry_to_row, link
from reconciler.registry.rows import (
    known_from_rows,
    operation_to_row,
    record_to_row,
    selection_from_rows,
)


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process last read or committed, so that a commit need not read it again.

    ``records`` by address, valid while the stored serial is theirs. ``known`` by account
    identity, with the serial at which the account last changed, valid while that is stored.
    """

    records: dict[str, Record] = field(default_factory=dict)
    known: dict[str, tuple[int, KnownRepositories]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit stored. To be remembered once the transaction has ended well."""

    serial: int
    record: Record | None = None
    known: KnownRepositories | None = None


def write_change(connection: sqlite3.Connection, change: Change, memory: Memory) -> Written:
    """Carry out *change*.

    Raises:
        StaleSerialError: the record is not the one that the change was made for.
        RegistryError: the registry belongs to another environment.
    """
    serial, environment = connection.execute(sql.NEXT_SERIAL).fetchone()
    _check_expected(connection, change)
    _name_environment(connection, environment, change.environment)
    if change.moved_from is not None:
        _move(connection, change.moved_from, change.address, serial)
    known = None
    if change.repositories is not None:
        identity = change.account_identity
        known = _put_repositories(connection, identity, change.repositories, serial, memory)
    record = None
    if change.forget:
        connection.execute(sql.DELETE_RECORD, (change.address.name,))
        connection.execute(sql.DELETE_SELECTION, (change.address.name,))
    elif change.record is not None:
        dated = _dated(connection, change, change.record, serial)
        record = _put_record(connection, change, dated, serial, memory)
    _put_operation(connection, change, serial)
    append_audit(connection, change.audit)
    return Written(serial, record, known)


def append_audit(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    """Chain *entry* to the end of the audit log."""
    last = connection.execute(sql.LAST_AUDIT).fetchone() or (0, "")
    stored = link(last[1], last[0] + 1, entry)
    connection.execute(sql.PUT_AUDIT, entry_to_row(stored))
    connection.execute(sql.COUNT_AUDIT, (stored.seq,))


def load_known(connection: sqlite3.Connection, identity: str, memory: Memory) -> KnownRepositories:
    """The repositories of an account, from memory where that still holds."""
    row = connection.execute(sql.ACCOUNT, (identity,)).fetchone()
    if row is None:
        return KnownRepositories()
    account, _, serial = row
    remembered = memory.known.get(identity)
    if remembered is not None and remembered[0] == serial:
        return remembered[1]
    known = known_from_rows(connection.execute(sql.REPOSITORIES, (account,)), serial)
    memory.known[identity] = (serial, known)
    return known


def load_selection(connection: sqlite3.Connection, address: str) -> dict[str, Selected]:
    """The selection of one record."""
    return selection_from_rows(connection.execute(sql.SELECTION, (address,)))


def _serial_of(connection: sqlite3.Connection, address: ConnectionAddress) -> int:
    row = connection.execute(sql.RECORD_SERIAL, (address.name,)).fetchone()
    return 0 if row is None else int(row[0])


def _check_expected(connection: sqlite3.Connection, change: Change) -> None:
    source = change.moved_from or change.address
    stored = _serial_of(connection, source)
    if stored != change.expected:
        raise StaleSerialError(
            f"the record of {source} is at serial {stored}, "
            f"the plan was made for {change.expected or 'none'}",
            hint="somebody else applied meanwhile: plan again",
        )
    if change.moved_from is not None and _serial_of(connection, change.address):
        raise StaleSerialError(
            f"{change.moved_from} cannot become {change.address}: that record exists",
            hint="plan again; if it stays, `forget` one of the two first",
        )


def _name_environment(connection: sqlite3.Connection, stored: str, wanted: str) -> None:
    if not wanted or stored == wanted:
        return
    if stored:
        raise RegistryError(
            f"the registry belongs to environment {stored!r}, not to {wanted!r}",
            hint="give every environment a registry of its own, or name the right one with --env",
        )
    connection.execute(sql.SET_ENVIRONMENT, (wanted,))


def _move(
    connection: sqlite3.Connection, old: ConnectionAddress, new: ConnectionAddress, serial: int
) -> None:
    connection.execute(sql.MOVE_RECORD, (new.name, serial, old.name))
    connection.execute(sql.MOVE_SELECTION, (new.name, old.name))
    # The operation of the new address is the change's to say.
    connection.execute(sql.DELETE_OPERATION, (old.name,))


def _dated(connection: sqlite3.Connection, change: Change, record: Record, serial: int) -> Record:
    """*record* with the serials of this commit where it asks for them."""
    if record.epoch == THIS_COMMIT:
        record = replace(record, epoch=serial)
    if record.listed_at == THIS_COMMIT:
        account = connection.execute(sql.ACCOUNT, (change.account_identity,)).fetchone()
        record = replace(record, listed_at=account[2] if account else 0)
    return record


def _put_record(
    connection: sqlite3.Connection, change: Change, record: Record, serial: int, memory: Memory
) -> Record:
    address = change.address.name
    selection = dict(record.selection)
    _put_selection(connection, address, _stored_selection(connection, change, memory), selection)
    stored = replace(record, address=change.address, selection=selection, serial=serial)
    connection.execute(sql.PUT_RECORD, record_to_row(stored, serial))
    return stored


def _stored_selection(
    connection: sqlite3.Connection, change: Change, memory: Memory
) -> Mapping[str, Selected]:
    if change.expected == 0:
        return {}
    remembered = memory.records.get(change.address.name)
    if remembered is not None and remembered.serial == change.expected:
        return remembered.selection
    return load_selection(connection, change.address.name)


def _put_selection(
    connection: sqlite3.Connection,
    address: str,
    stored: Mapping[str, Selected],
    wanted: Mapping[str, Selected],
) -> None:
    if stored == wanted:
        return
    gone = stored.keys() - wanted.keys()
    connection.executemany(sql.DELETE_SELECTED, ((address, repo_id) for repo_id in gone))
    moved = sorted(key for key, selected in wanted.items() if stored.get(key) != selected)
    connection.executemany(sql.PUT_SELECTED, ((address, key, *wanted[key]) for key in moved))


def _put_repositories(
    connection: sqlite3.Connection, identity: str, listed: Repositories, serial: int, memory: Memory
) -> KnownRepositories | None:
    """Store what a complete listing showed; None when that is what was known."""
    known = load_known(connection, identity, memory)
    seen_before = connection.execute(sql.ACCOUNT, (identity,)).fetchone() is not None
    if seen_before and known.repositories == listed:
        return None
    (account,) = connection.execute(sql.PUT_ACCOUNT, (identity, len(listed), serial)).fetchone()
    gone = known.repositories.keys() - listed.keys()
    connection.executemany(sql.DELETE_REPOSITORY, ((account, repo_id) for repo_id in gone))
    before = known.repositories
    moved = sorted(key for key, repository in listed.items() if before.get(key) != repository)
    first = {key: known.first_serial.get(key, serial) for key in listed}
    connection.executemany(
        sql.PUT_REPOSITORY, ((account, key, *listed[key], first[key]) for key in moved)
    )
    return KnownRepositories(dict(listed), first, serial)


def _put_operation(connection: sqlite3.Connection, change: Change, serial: int) -> None:
    if change.operation is None:
        connection.execute(sql.DELETE_OPERATION, (change.address.name,))
        return
    operation = replace(change.operation, address=change.address)
    connection.execute(sql.PUT_OPERATION, operation_to_row(operation, serial))
