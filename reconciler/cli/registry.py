"""``reconciler registry``: look into the registry, take and break leases, back up, restore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import JSON, TEXT, examples, format_option
from reconciler.cli.output import emit, emit_json, paint_of

if TYPE_CHECKING:
    from reconciler.model.address import ConnectionAddress
    from reconciler.model.record import AuditEntry, Lease, Operation, Record, Snapshot
    from reconciler.ports.registry import RegistryStore


@click.group(
    epilog=examples(
        "reconciler registry list",
        "reconciler registry history ox-acme",
        "reconciler registry backup registry-2026-11-21.db",
        "reconciler --registry sqlite:///other.db registry show ox-acme",
    ),
)
def command() -> None:
    """Look into the registry; lock, unlock, back up and restore it.

    The registry is the one that reconciler.yaml names, or --registry before the command.
    """


@command.command(
    "list",
    epilog=examples("reconciler registry list", "reconciler registry list --format json"),
)
@format_option(TEXT, JSON)
@click.pass_obj
def list_command(chosen: Globals, shape: str) -> int:
    """List every recorded connection, and the leases that are held."""
    with _opened(chosen) as store:
        document = _list_document(store.snapshot(), store.leases())
    if shape == JSON:
        emit_json(document)
    else:
        emit(_list_text(document))
    return Exit.DONE


@command.command(
    "show",
    epilog=examples(
        "reconciler registry show ox-acme", "reconciler registry show ox-acme --format json"
    ),
)
@click.argument("name")
@format_option(TEXT, JSON)
@click.pass_obj
def show_command(chosen: Globals, name: str, shape: str) -> int:
    """Show connection NAME as it was last applied, with its repositories."""
    from reconciler.cli.session import parsed_address
    from reconciler.report.record_json import record_document, render_record

    address = parsed_address(name)
    with _opened(chosen) as store:
        snapshot = store.snapshot()
    record = _found(address, snapshot)
    document = record_document(record, snapshot.operations.get(address))
    if shape == JSON:
        emit_json(document)
    else:
        emit(render_record(document, paint=paint_of(chosen)))
    return Exit.DONE


@command.command(
    "history",
    epilog=examples(
        "reconciler registry history", "reconciler registry history ox-acme --format json"
    ),
)
@click.argument("name", required=False)
@format_option(TEXT, JSON)
@click.pass_obj
def history_command(chosen: Globals, name: str | None, shape: str) -> int:
    """Show who applied what, when and from which commit, to all or to connection NAME.

    The entries form a hash chain; one that was altered or taken out is an error.
    """
    from reconciler.cli.session import parsed_address
    from reconciler.report.outline import FORMAT_VERSION

    address = parsed_address(name) if name else None
    with _opened(chosen) as store:
        entries = [_entry(entry) for entry in store.history(address)]
    if shape == JSON:
        emit_json({"format_version": FORMAT_VERSION, "entries": entries})
    else:
        emit(_history_text(entries))
    return Exit.DONE


@command.command(
    "lock",
    epilog=examples("reconciler registry lock", "reconciler registry lock ox-acme --for 30m"),
)
@click.argument("name", required=False)
@click.option("--for", "life", default="8h", show_default=True, help="When it ends by itself.")
@click.pass_obj
def lock_command(chosen: Globals, name: str | None, life: str) -> int:
    """Keep everybody from applying connection NAME, or any that is recorded.

    Ends with `unlock` or after the time of --for.
    """
    from reconciler.cli.session import parsed_address
    from reconciler.report.outline import stamp

    ttl = _duration(life)
    wanted = (parsed_address(name),) if name else None
    with _opened(chosen) as store:
        taken = _lock(store, wanted, ttl)
    if not taken:
        emit("Nothing is recorded, so nothing was locked.\n")
    for lease in taken:
        emit(f"{lease.name} is locked until {stamp(lease.expires_at)}\n")
    return Exit.DONE


@command.command(
    "unlock",
    epilog=examples("reconciler registry unlock ox-acme", "reconciler registry unlock --all"),
)
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Every lease that is held.")
@click.pass_obj
def unlock_command(chosen: Globals, name: str | None, *, everything: bool) -> int:
    """Take away a lease: one of `lock`, or one whose process is dead.

    The next apply finishes or undoes what a dead process left open. A living process notices
    before its next write, and stops.
    """
    from reconciler.errors import UsageError
    from reconciler.report.escape import visible

    if bool(name) == everything:
        raise UsageError(
            "say which lease: NAME, or --all", hint="`reconciler registry list` shows them"
        )
    with _opened(chosen) as store:
        held = [lease.name for lease in store.leases()]
        names = held if everything else [_lease_name(name or "", held)]
        broken = [lease for each in names if (lease := store.break_lease(each)) is not None]
    if not broken:
        emit("No lease is held.\n")
    for lease in broken:
        emit(f"{visible(lease.name)} was taken from {visible(lease.holder)}\n")
    return Exit.DONE


@command.command("backup", epilog=examples("reconciler registry backup registry-2026-11-21.db"))
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup_command(chosen: Globals, file: Path) -> int:
    """Copy the registry to the new file FILE, also while it is in use.

    FILE holds no secret. It holds the key of the fingerprints: keep it as you keep the registry.
    """
    with _opened(chosen) as store:
        store.backup(file)
    emit(f"The registry was copied to {file}\n")
    return Exit.DONE


@command.command("restore", epilog=examples("reconciler registry restore registry-2026-11-21.db"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Take also a backup of another registry.")
@click.pass_obj
def restore_command(chosen: Globals, file: Path, *, force: bool) -> int:
    """Bring back the backup FILE; what it replaces is kept beside the registry."""
    from reconciler.cli.wiring import who
    from reconciler.registry import restore_registry

    done = restore_registry(_url(chosen), file, force=force, who=who())
    emit(f"{file} was restored; the registry is at serial {done.serial}\n")
    if done.kept is not None:
        emit(f"What it held before is in {done.kept}\n")
    emit("The next `reconciler plan` shows what differs from the live connections.\n")
    return Exit.DONE


def _url(chosen: Globals) -> str:
    """The registry's URL, without asking that the rest of the YAML be right."""
    if chosen.registry:
        return chosen.registry
    from reconciler.errors import ConfigError, Severity
    from reconciler.load import load
    from reconciler.load.files import PROJECT_FILE

    loaded = load((), env=chosen.env, shipped_profiles={})
    own = [p for p in loaded.problems if p.where is not None and p.where.file == PROJECT_FILE]
    wrong = tuple(problem for problem in own if problem.severity is Severity.ERROR)
    if wrong:
        raise ConfigError(wrong)
    return loaded.settings.registry_url


@contextmanager
def _opened(chosen: Globals) -> Iterator[RegistryStore]:
    from contextlib import closing

    from reconciler.registry import open_registry

    with closing(open_registry(_url(chosen))) as store:
        yield store


def _duration(text: str) -> timedelta:
    from reconciler.errors import UsageError
    from reconciler.model.times import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), hint="write 30m, 8h or 2d") from error


def _lock(
    store: RegistryStore, wanted: tuple[ConnectionAddress, ...] | None, ttl: timedelta
) -> list[Lease]:
    """Take every lease that is wanted (None: of all that is recorded), or none of them."""
    from datetime import UTC, datetime

    from reconciler.cli.wiring import who
    from reconciler.errors import LeaseHeldError

    if wanted is None:
        snapshot = store.snapshot()
        wanted = tuple(sorted({*snapshot.records, *snapshot.operations}))
    taken: list[Lease] = []
    try:
        for address in wanted:
            lease = store.acquire(str(address), f"lock by {who()}", ttl, datetime.now(UTC))
            taken.append(lease)
    except LeaseHeldError:
        for lease in taken:
            store.release(lease)
        raise
    return taken


def _lease_name(name: str, held: Sequence[str]) -> str:
    """The lease that *name* means: its own name, or that of a connection."""
    from reconciler.errors import UsageError
    from reconciler.model.suggest import suggestion

    for candidate in (name, f"connection.{name}"):
        if candidate in held:
            return candidate
    hint = suggestion(name, held, what="held are") if held else "no lease is held"
    raise UsageError(f"there is no lease {name!r}", hint=hint)


def _found(address: ConnectionAddress, snapshot: Snapshot) -> Record:
    from reconciler.errors import UsageError
    from reconciler.model.suggest import suggestion

    record = snapshot.records.get(address)
    if record is None:
        known = [recorded.name for recorded in snapshot.records]
        raise UsageError(
            f"no connection {address.name!r} is recorded",
            hint=suggestion(address.name, known, what="recorded are"),
        )
    return record


def _list_document(snapshot: Snapshot, leases: tuple[Lease, ...]) -> dict[str, Any]:
    from reconciler.report.outline import FORMAT_VERSION, stamp

    return {
        "format_version": FORMAT_VERSION,
        "lineage": snapshot.lineage,
        "serial": snapshot.serial,
        "environment": snapshot.environment,
        "records": [
            _summary(record, snapshot.operations.get(address))
            for address, record in snapshot.records.items()
        ],
        "begun": [
            {"address": str(operation.address), "operation": _progress(operation)}
            for address, operation in snapshot.operations.items()
            if address not in snapshot.records
        ],
        "leases": [
            {
                "name": lease.name,
                "holder": lease.holder,
                "fence": lease.fence,
                "expires_at": stamp(lease.expires_at),
            }
            for lease in leases
        ],
    }


def _summary(record: Record, operation: Operation | None) -> dict[str, Any]:
    from reconciler.report.outline import stamp

    return {
        "address": str(record.address),
        "consumer": record.consumer,
        "account": record.account,
        "method": record.method.value,
        "repositories": len(record.selection),
        "expires_at": stamp(record.expires_at) if record.expires_at else None,
        "serial": record.serial,
        "operation": _progress(operation) if operation else None,
    }


def _progress(operation: Operation) -> str:
    return f"{operation.kind.value} {operation.state.value}"


def _history_text(entries: Sequence[Mapping[str, Any]]) -> str:
    if not entries:
        return "Nothing was applied yet.\n"
    heads = ("SEQ", "AT", "WHO", "ADDRESS", "ACTION", "COMMIT", "SUMMARY")
    keys = ("seq", "at", "who", "address", "action", "commit", "summary")
    return _table(heads, [tuple(str(entry[key]) for key in keys) for entry in entries])


def _entry(entry: AuditEntry) -> dict[str, Any]:
    from reconciler.report.outline import stamp

    return {
        "seq": entry.seq,
        "at": stamp(entry.at),
        "who": entry.who,
        "commit": entry.commit,
        "plan": entry.plan,
        "address": entry.address,
        "action": entry.action,
        "summary": entry.summary,
        "digest": entry.digest,
    }


def _list_text(document: Mapping[str, Any]) -> str:
    if not document["lineage"]:
        return "The registry is empty: nothing was applied yet.\n"
    heads = ("ADDRESS", "CONSUMER", "ACCOUNT", "METHOD", "REPOSITORIES", "EXPIRES", "IN FLIGHT")
    keys = ("address", "consumer", "account", "method", "repositories", "expires_at", "operation")
    rows = [
        tuple("-" if found.get(key) is None else str(found[key]) for key in keys)
        for found in (*document["records"], *document["begun"])
    ]
    name = f" of environment {document['environment']}" if document["environment"] else ""
    parts = [f"Registry {document['lineage']}{name}, serial {document['serial']}\n"]
    if rows:
        parts.append(_table(heads, rows))
    if document["leases"]:
        leases = [(x["name"], x["holder"], x["expires_at"]) for x in document["leases"]]
        parts.append(_table(("LEASE", "HOLDER", "UNTIL"), leases))
    return "\n".join(parts)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Left-aligned columns, two spaces apart; no cell can act on the terminal."""
    from reconciler.report.escape import visible

    lines = [heads, *(tuple(visible(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded) + "\n"
