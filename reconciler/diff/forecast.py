"""What is to come: days on which credentials end or are replaced. Pure; the clock is an argument.

It stands beside `credential.expiry`, which answers the same question with a network: here only
the YAML and the record speak. No action follows from it, so it is no part of a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from reconciler.diff.foreseen import (
    Credential,
    Ending,
    Known,
    declared,
    endings_of_method,
    reader,
    undeclared,
)
from reconciler.model.desired import DesiredConnection, DesiredState
from reconciler.model.forecast import Forecast, ForecastEntry, ForecastKind
from reconciler.model.record import Record, Snapshot
from reconciler.ports.provider import ProviderSpec

MOST_REPEATS = 12
"""Rotations after the next one that are listed of one credential: they rest on assumptions."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Span:
    """The days looked at, both ends included; UTC."""

    today: date
    last: date

    def place(self, entry: ForecastEntry) -> ForecastEntry | None:
        """*entry* on a day of the span: what is past is due today; None when it is later."""
        if entry.on > self.last:
            return None
        if entry.on >= self.today:
            return entry
        words = f"overdue since {entry.on.isoformat()}: {entry.detail}"
        return replace(entry, on=self.today, detail=words, overdue_since=entry.on)


def forecast(
    state: DesiredState,
    snapshot: Snapshot,
    providers: Mapping[str, ProviderSpec],
    *,
    days: int,
    now: datetime,
    writable: frozenset[str] | None = None,
) -> Forecast:
    """Every day within *days* on which something happens to a credential of the project.

    Args:
        state: as declared; PATHs that were given limit what is looked at.
        snapshot: the registry.
        providers: every provider, by name.
        days: from today on; the last day counts.
        now: UTC.
        writable: kinds of secret source that can be written; None takes all of them for it.

    Returns:
        Entries by day. Browser grants have no secret: of them only announced ends are told.
    """
    known = Known(providers, now, writable)
    span = _Span(now.astimezone(UTC).date(), (now + timedelta(days=days)).astimezone(UTC).date())
    credentials, endings = _all(state, snapshot, known)
    found = [e for c in credentials for e in (*_expires(c), *_rotates(c, now, span.last))]
    found += [_ends(ending) for ending in endings]
    placed = [entry for e in found if (entry := span.place(e)) is not None]
    return Forecast(
        created_at=now,
        days=days,
        entries=tuple(sorted(placed, key=_order)),
        unknown=tuple(sorted({c.subject for c in credentials if c.end is None})),
        lineage=snapshot.lineage,
    )


def _order(entry: ForecastEntry) -> tuple[date, date, str, str, str]:
    real = entry.overdue_since or entry.on
    return (entry.on, real, entry.subject, entry.kind.value, entry.detail)


def _all(
    state: DesiredState, snapshot: Snapshot, known: Known
) -> tuple[list[Credential], list[Ending]]:
    """Every credential that the project knows, and every end that was announced for a method."""
    connections = [c for c in state.connections.values() if state.covers(c.where.file)]
    credentials: list[Credential] = []
    endings: list[Ending] = []
    paired = set()
    for connection in connections:
        record = _record_of(connection, state, snapshot)
        if record is not None:
            paired.add(record.address)
        credentials += declared(connection, record, known)
        endings += endings_of_method(connection, known)
    for record in snapshot.records.values():
        is_left = record.address not in state.connections and record.address not in paired
        if is_left and state.covers(record.source.file) and not record.method.is_browser_grant:
            credentials.append(undeclared(record))
    used = {c.account.name for c in connections}
    for account in state.accounts.values():
        if account.reader is not None and (
            account.name in used or state.covers(account.where.file)
        ):
            credentials += reader(account, account.reader)
            endings += endings_of_method((account, account.reader), known)
    credentials += _keys(state, {c.consumer.name for c in connections})
    return credentials, endings


def _record_of(
    connection: DesiredConnection, state: DesiredState, snapshot: Snapshot
) -> Record | None:
    """The record under its address, or under one that the YAML says it had before."""
    former = (name for name in connection.previously if name not in state.connections)
    names = (connection.address, *former)
    return next((snapshot.records[name] for name in names if name in snapshot.records), None)


def _keys(state: DesiredState, used: set[str]) -> Iterator[Credential]:
    """Our own keys to consumers: nobody tells us when they end."""
    for consumer in state.consumers.values():
        is_covered = consumer.name in used or state.covers(consumer.where.file)
        if consumer.credential is not None and is_covered:
            yield Credential(
                subject=f"consumer.{consumer.name} key",
                source=consumer.credential.where or consumer.where,
                place=consumer.credential.place,
            )


def _expires(credential: Credential) -> Iterator[ForecastEntry]:
    if credential.end is not None:
        yield _entry(
            credential,
            credential.end,
            ForecastKind.EXPIRES,
            credential.when_it_ends,
            assumed=credential.assumed,
        )


def _rotates(credential: Credential, now: datetime, last: date) -> Iterator[ForecastEntry]:
    """The next rotation, then those of its successors as far as they can be worked out."""
    if credential.end is None or not credential.to_rotate:
        return
    due = credential.end - credential.rotate_before
    yield _entry(
        credential,
        due,
        ForecastKind.ROTATES,
        credential.to_rotate,
        assumed=credential.assumed,
    )
    step = (credential.life or timedelta()) - credential.rotate_before
    if credential.life is None or step < _DAY:
        return
    due = max(due, now)  # an overdue one is replaced today at the earliest
    for number in range(1, MOST_REPEATS + 1):
        due += step
        if due.astimezone(UTC).date() > last:
            return
        more = "; and so on" if number == MOST_REPEATS else ""
        words = f"again, if every successor lives {credential.life.days} days{more}"
        detail = f"{words}: {credential.to_rotate}"
        yield _entry(credential, due, ForecastKind.ROTATES, detail, assumed=True)


def _entry(
    credential: Credential, at: datetime, kind: ForecastKind, detail: str, *, assumed: bool
) -> ForecastEntry:
    return ForecastEntry(
        on=at.astimezone(UTC).date(),
        subject=credential.subject,
        kind=kind,
        by_person=credential.by_person,
        detail=detail,
        place=credential.place,
        assumed=assumed,
        address=credential.address,
        source=credential.source,
    )


def _ends(ending: Ending) -> ForecastEntry:
    """An end that was announced is always a person's to deal with: the YAML has to change."""
    return ForecastEntry(
        on=ending.on,
        subject=ending.subject,
        kind=ForecastKind.ENDS,
        by_person=True,
        detail=ending.sentence,
        place=ending.place,
        address=ending.address,
        source=ending.source,
    )
