"""The audit log's hash chain. Pure.

Each entry's digest is sha256 over the digest before it and the entry's canonical JSON, so that an
entry changed, taken out, put in or moved breaks every digest after it. Who may write the file may
recompute the whole chain: keep the last digest elsewhere to notice that too.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from reconciler.errors import RegistryError
from reconciler.model.record import AuditEntry
from reconciler.model.secret import KNOWN
from reconciler.registry.rows import Row, to_json, to_time


def link(previous: str, seq: int, entry: AuditEntry) -> AuditEntry:
    """*entry* as it is stored: scrubbed, numbered *seq*, chained to the digest *previous*."""
    clean = replace(
        entry, seq=seq, who=KNOWN.scrub(entry.who), summary=KNOWN.scrub(entry.summary), digest=""
    )
    return replace(clean, digest=_digest(previous, clean))


def verify(entries: tuple[AuditEntry, ...], count: int) -> None:
    """Follow the chain from its first entry.

    Args:
        entries: the whole log, oldest first.
        count: how many entries the registry has written.

    Raises:
        RegistryError: an entry does not follow from the one before, or the end is missing.
    """
    previous = ""
    for seq, entry in enumerate(entries, start=1):
        if entry.seq != seq or entry.digest != _digest(previous, entry):
            raise _broken(f"the audit log is broken at entry {seq}")
        previous = entry.digest
    if len(entries) != count:
        raise _broken(f"the audit log ends at entry {len(entries)}; {count} were written")


def entry_to_row(entry: AuditEntry) -> Row:
    """The columns of `audit` in the order of PUT_AUDIT."""
    return (
        entry.seq,
        to_time(entry.at),
        entry.who,
        entry.commit,
        entry.plan,
        entry.address,
        entry.action,
        entry.summary,
        entry.digest,
    )


def entry_from_row(row: Row) -> AuditEntry:
    """The inverse of `entry_to_row`, from the columns of AUDIT."""
    at, who, commit, plan, address, action, summary, seq, digest = row
    moment = datetime.fromisoformat(at)
    return AuditEntry(moment, who, commit, plan, address, action, summary, seq, digest)


def _digest(previous: str, entry: AuditEntry) -> str:
    content = {
        "seq": entry.seq,
        "at": to_time(entry.at),
        "who": entry.who,
        "commit": entry.commit,
        "plan": entry.plan,
        "address": entry.address,
        "action": entry.action,
        "summary": entry.summary,
    }
    return hashlib.sha256((previous + to_json(content)).encode()).hexdigest()


def _broken(cause: str) -> RegistryError:
    return RegistryError(
        cause,
        hint="the registry was changed by something else than the reconciler; "
        "bring back a backup with `reconciler registry restore FILE`",
    )
