"""Field changes and the before and after of a connection, in words. Pure; never a secret."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, FieldChange, RepositoryLabel, SelectionChange, Value
from reconciler.model.method import ActionKind
from reconciler.model.observed import ConnectionView, LiveConnection, Present
from reconciler.model.record import Record


def attributes_desired(
    desired: DesiredConnection, selection: SelectionChange | None
) -> dict[str, Value]:
    """A connection as declared."""
    return {
        "account": desired.account.name,
        "consumer": desired.consumer.name,
        "follows_new": selection.follows_new if selection else None,
        "manage": _sorted(desired.manage),
        "method": desired.method.kind.value,
        "protect": desired.protect,
        "provider": desired.account.provider,
        "repositories": len(selection.target) if selection else None,
        "scopes": desired.method.scopes,
        "username": desired.method.username,
    }


def attributes_recorded(record: Record) -> dict[str, Value]:
    """A connection as recorded."""
    return {
        "account": record.account,
        "consumer": record.consumer,
        "follows_new": record.follows_new,
        "manage": _sorted(record.manage),
        "method": record.method.value,
        "protect": record.protect,
        "provider": record.provider,
        "repositories": len(record.selection),
        "scopes": record.scopes,
        "username": record.username,
    }


def attributes_live(live: LiveConnection) -> dict[str, Value]:
    """A connection that only the consumer knows."""
    chosen = live.selection.resources if live.selection else ()
    return {
        "consumer_id": live.id,
        "name": live.name,
        "method": live.kind.value if live.kind else None,
        "repositories": sum(r.selected for r in chosen),
        "username": live.username,
    }


def _sorted(manage: frozenset[ActionKind]) -> tuple[str, ...]:
    return tuple(sorted(kind.value for kind in manage))


_MARKED_AT: Mapping[str, str] = {"username": "username", "scopes": "scopes"}


def yaml_changes(desired: DesiredConnection, record: Record) -> tuple[FieldChange, ...]:
    """Fields in which the YAML differs from the record. The selection is compared elsewhere."""
    before, after = attributes_recorded(record), attributes_desired(desired, None)
    names = ("account", "consumer", "manage", "method", "protect", "scopes", "username")
    changes = [
        FieldChange(
            name, before[name], after[name], Cause.YAML, desired.mark(_MARKED_AT.get(name, name))
        )
        for name in names
        if before[name] != after[name] and not (name == "scopes" and _same_set(before, after))
    ]
    account, consumer = desired.account, desired.consumer
    if record.account == account.name and record.account_identity != account.identity:
        old, new = record.account_identity, account.identity
        changes.append(FieldChange("account.identity", old, new, Cause.YAML, account.where))
    if record.consumer == consumer.name and record.consumer_identity != consumer.identity:
        old, new = record.consumer_identity, consumer.identity
        changes.append(FieldChange("consumer.identity", old, new, Cause.YAML, consumer.where))
    return (*changes, *_expiry_change(desired, record))


def _expiry_change(desired: DesiredConnection, record: Record) -> tuple[FieldChange, ...]:
    """A declared end has to be recorded: only so can it be told from the next credential's."""
    end, old = desired.method.expires_at, record.expires_at
    if end in (None, old, record.stale_expiry):
        return ()
    before = f"{old:%Y-%m-%d}" if old else None
    where = desired.mark("expiresAt")
    return (FieldChange("expires_at", before, f"{end:%Y-%m-%d}", Cause.YAML, where),)


def _same_set(before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    one, other = before["scopes"], after["scopes"]
    return isinstance(one, tuple) and isinstance(other, tuple) and set(one) == set(other)


def selection_changes(
    desired: DesiredConnection, record: Record | None, selection: SelectionChange
) -> tuple[FieldChange, ...]:
    """The selection as field changes, grouped by cause."""
    where = desired.mark("repositories")
    held = record.selection if record else {}
    by_yaml = record is None or record.selection_digest != desired.selection.digest
    chosen = Cause.YAML if by_yaml else Cause.PROVIDER
    foreign = Cause.YAML if record is None else Cause.DRIFT

    def note(text: str) -> str:
        return "" if by_yaml else text

    def part(labels: tuple[RepositoryLabel, ...], *, known: bool) -> tuple[str, ...]:
        return tuple(r.name for r in labels if (r.id in held) is known)

    def names(labels: tuple[RepositoryLabel, ...]) -> tuple[str, ...]:
        return tuple(r.name for r in labels)

    rows = (
        ((), part(selection.add, known=False), chosen, note("new at the provider")),
        ((), part(selection.add, known=True), Cause.DRIFT, "taken out at the consumer"),
        (part(selection.remove, known=True), (), chosen, note("no longer matches")),
        (part(selection.remove, known=False), (), foreign, "added at the consumer"),
        ((), names(selection.adopted), chosen, "already selected at the consumer"),
        (names(selection.orphaned), (), Cause.PROVIDER, "vanished at the provider"),
    )
    return (
        *(
            FieldChange("repositories", before, after, cause, where, why)
            for before, after, cause, why in rows
            if before or after
        ),
        *(
            FieldChange("repository.name", old.name, new, Cause.PROVIDER, where, f"id {old.id}")
            for old, new in selection.renamed
        ),
        *_follow_change(desired, record, selection),
    )


def _follow_change(
    desired: DesiredConnection, record: Record | None, selection: SelectionChange
) -> tuple[FieldChange, ...]:
    if not selection.follow_changes:
        return ()
    recorded = record.follows_new if record else None
    cause = Cause.DRIFT if recorded == selection.follows_new else Cause.YAML
    after = selection.follows_new
    where = desired.mark("repositories")
    return (FieldChange("follows_new", not after, after, cause, where),)


def live_changes(record: Record, view: ConnectionView) -> tuple[FieldChange, ...]:
    """What somebody changed at the consumer, beside the selection."""
    if not isinstance(view.live, Present):
        return ()
    live = view.live.value
    changes: list[FieldChange] = []
    if live.kind is not None and live.kind is not record.method:
        changes.append(
            FieldChange("live.method", record.method.value, live.kind.value, Cause.DRIFT)
        )
    if live.username and record.username and live.username.lower() != record.username.lower():
        changes.append(FieldChange("live.username", record.username, live.username, Cause.DRIFT))
    return tuple(changes)
