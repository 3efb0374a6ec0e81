"""Rows of the registry ↔ values of the model. Pure.

Every free text passes the scrubber on its way in: the registry is a sink like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.observed import Repository
from reconciler.model.record import (
    JournalEntry,
    KnownRepositories,
    Lease,
    Operation,
    OperationState,
    Phase,
    Record,
    Selected,
)
from reconciler.model.secret import KNOWN
from reconciler.model.webhook import KnownWebhook, WebhookPlace

Row: TypeAlias = tuple[Any, ...]


def to_time(moment: datetime) -> str:
    """ISO-8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def to_json(value: Any) -> str:
    """Compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def record_to_row(record: Record, serial: int) -> Row:
    """The columns of `records` in the order of PUT_RECORD."""
    return (
        serial,
        record.address.name,
        record.consumer,
        record.consumer_identity,
        record.account,
        record.account_identity,
        record.provider,
        record.profile,
        record.method.value,
        record.username,
        record.live_id,
        record.generation,
        record.fingerprint,
        record.identity,
        to_json(record.scopes),
        to_time(record.credential_since),
        record.selection_digest,
        record.epoch,
        record.follows_new,
        to_json(sorted(record.manage)),
        record.protect,
        record.source.file,
        record.source.line,
        record.source.column,
        record.token_id,
        None if record.expires_at is None else to_time(record.expires_at),
        to_json(record.retired),
        to_json(dict(record.labels)),
        record.listed_at,
        None if record.stale_expiry is None else to_time(record.stale_expiry),
        record.version,
        to_json([[*_place(w.place), w.url, w.number] for w in record.webhooks]),
    )


def _place(place: WebhookPlace) -> tuple[str, str]:
    return place.project, place.repository


def record_from_row(row: Row, selection: Mapping[str, Selected]) -> Record:
    """The inverse of `record_to_row`.

    Raises:
        ValueError: a column holds what this program cannot have written.
    """
    serial, address, consumer, consumer_identity, account, account_identity, *row_2 = row
    provider, profile, method, username, live_id, generation, fingerprint, *row_3 = row_2
    identity, scopes, credential_since, selection_digest, epoch, follows_new, *row_4 = row_3
    manage, protect, source_file, source_line, source_column, *row_5 = row_4
    token_id, expires_at, retired, labels, listed_at, stale_expiry, *row_6 = row_5
    version, webhooks = row_6
    return Record(
        address=ConnectionAddress(address),
        consumer=consumer,
        consumer_identity=consumer_identity,
        account=account,
        account_identity=account_identity,
        provider=provider,
        profile=profile,
        method=MethodKind(method),
        username=username,
        live_id=live_id,
        generation=generation,
        fingerprint=fingerprint,
        identity=identity,
        scopes=tuple(json.loads(scopes)),
        credential_since=datetime.fromisoformat(credential_since),
        selection=selection,
        selection_digest=selection_digest,
        epoch=epoch,
        follows_new=bool(follows_new),
        manage=frozenset(ActionKind(kind) for kind in json.loads(manage)),
        protect=bool(protect),
        source=SourceMark(source_file, source_line, source_column),
        token_id=token_id,
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        retired=tuple(json.loads(retired)),
        labels=json.loads(labels),
        listed_at=listed_at,
        stale_expiry=None if stale_expiry is None else datetime.fromisoformat(stale_expiry),
        version=version,
        webhooks=tuple(
            KnownWebhook(WebhookPlace(project, repository), url, number)
            for project, repository, url, number in json.loads(webhooks)
        ),
        serial=serial,
    )


def selection_from_rows(rows: Iterable[Row]) -> dict[str, Selected]:
    """Repository id → how it was selected."""
    return {
        # Most repositories keep the name they were matched by: one string serves both fields.
        repo_id: Selected(name, name if matched_as == name else matched_as, orphaned == 1)
        for repo_id, name, matched_as, orphaned in rows
    }


def known_from_rows(rows: Iterable[Row], changed: int) -> KnownRepositories:
    """All repositories of one account, last changed at serial *changed*."""
    projects: dict[str, str] = {}  # equal project keys share one string
    repositories: dict[str, Repository] = {}
    first_serial: dict[str, int] = {}
    for repo_id, name, project, fork, archived, serial in rows:
        shared = projects.setdefault(project, project)
        repositories[repo_id] = Repository(name, shared, fork == 1, archived == 1)
        first_serial[repo_id] = serial
    return KnownRepositories(repositories, first_serial, changed)


def operation_to_row(operation: Operation, serial: int) -> Row:
    """The columns of `operations` in the order of PUT_OPERATION."""
    return (
        serial,
        operation.address.name,
        operation.id,
        operation.kind.value,
        operation.state.value,
        operation.step,
        to_time(operation.since),
        to_json({key: KNOWN.scrub(value) for key, value in operation.facts.items()}),
        to_json(sorted(operation.acknowledged)),
    )


def operation_from_row(row: Row) -> Operation:
    """The inverse of `operation_to_row`. Raises ValueError as `record_from_row` does."""
    serial, address, operation, kind, state, step, since, facts, acknowledged = row
    return Operation(
        id=operation,
        address=ConnectionAddress(address),
        kind=ActionKind(kind),
        state=OperationState(state),
        step=step,
        since=datetime.fromisoformat(since),
        facts=json.loads(facts),
        acknowledged=frozenset(json.loads(acknowledged)),
        serial=serial,
    )


def journal_to_row(entry: JournalEntry, fence: int) -> Row:
    """The columns of `journal` in the order of PUT_JOURNAL."""
    return (
        entry.operation,
        entry.address.name,
        entry.step,
        entry.phase.value,
        to_time(entry.at),
        KNOWN.scrub(entry.detail),
        fence,
    )


def journal_from_row(row: Row) -> JournalEntry:
    """The inverse of `journal_to_row`. Raises ValueError as `record_from_row` does."""
    operation, address, step, phase, at, detail, fence, seq = row
    return JournalEntry(
        operation=operation,
        address=ConnectionAddress(address),
        step=step,
        phase=Phase(phase),
        at=datetime.fromisoformat(at),
        detail=detail,
        fence=fence,
        seq=seq,
    )


def lease_from_row(row: Row) -> Lease:
    """Name, holder, fence and end; further columns are ignored."""
    name, holder, fence, expires_at = row[:4]
    return Lease(name, holder, fence, datetime.fromisoformat(expires_at))
