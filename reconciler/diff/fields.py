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
    if (
        record.account == desired.account.name
        and record.account_identity != desired.account.identity
    ):
        changes.append(
            FieldChange(
                "account.identity",
                record.account_identity,
                desired.account.identity,
                Cause.YAML,
                desired.account.where,
            )
        )
    if (
        record.consumer == desired.consumer.name
        and record.consumer_identity != desired.consumer.identity
    ):
        changes.append(
            FieldChange(
                "consumer.identity",
                record.consumer_identity,
                desired.consumer.identity,
                Cause.YAML,
                desired.consumer.where,
            )
        )
    return tuple(changes)


def _same_set(before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    one, other = before["scopes"], after["scopes"]
    return isinstance(one, tuple) and isinstance(other, tuple) and set(one) == set(other)


def selection_changes(
    desired: DesiredConnection, record: Record | None, selection: SelectionChange
) -> tuple[FieldChange, ...]:
    """The selection as field changes, grouped by cause."""
    where = desired.mark("repositories")
    edited = record is not None and record.selection_digest != desired.selection.digest
    held = record.selection if record else {}
    changes: list[FieldChange] = []

    def add(labels: tuple[RepositoryLabel, ...], cause: Cause, note: str, *, gains: bool) -> None:
        names = tuple(label.name for label in labels)
        if names:
            before, after = ((), names) if gains else (names, ())
            changes.append(FieldChange("repositories", before, after, cause, where, note))

    first = record is None
    fresh = tuple(r for r in selection.add if r.id not in held)
    lost = tuple(r for r in selection.add if r.id in held)
    add(
        fresh,
        Cause.YAML if edited or first else Cause.PROVIDER,
        "" if edited or first else "new at the provider",
        gains=True,
    )
    add(lost, Cause.DRIFT, "taken out at the consumer", gains=True)
    known = tuple(r for r in selection.remove if r.id in held)
    foreign = tuple(r for r in selection.remove if r.id not in held)
    add(
        known,
        Cause.YAML if edited else Cause.PROVIDER,
        "" if edited else "no longer matches",
        gains=False,
    )
    add(foreign, Cause.DRIFT if not first else Cause.YAML, "added at the consumer", gains=False)
    add(
        selection.adopted,
        Cause.PROVIDER if not edited else Cause.YAML,
        "already selected at the consumer",
        gains=True,
    )
    changes += [
        FieldChange(
            "repository.name", old.name, new, Cause.PROVIDER, where, f"renamed; id {old.id}"
        )
        for old, new in selection.renamed
    ]
    add(selection.orphaned, Cause.PROVIDER, "vanished at the provider", gains=False)
    if selection.follow_changes:
        recorded = record.follows_new if record else None
        cause = Cause.DRIFT if recorded == selection.follows_new else Cause.YAML
        changes.append(
            FieldChange(
                "follows_new", not selection.follows_new, selection.follows_new, cause, where
            )
        )
    return tuple(changes)


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
