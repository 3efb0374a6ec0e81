"""Differences between desired, record and observed, field by field, each with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reconciler.errors import Severity, SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredConnection
from reconciler.model.observed import ConnectionView
from reconciler.model.record import Operation, Record, Selected
from reconciler.model.webhook import KnownWebhook, LiveWebhook

Value: TypeAlias = str | int | bool | tuple[str, ...] | None


class Cause(StrEnum):
    """Why something differs. A change of the YAML and drift are never mixed up."""

    YAML = "yaml"  # desired differs from the record
    DRIFT = "drift"  # observed differs from the record
    PROVIDER = "provider"  # the provider changed a label: a rename, a new repository
    EXPIRY = "expiry"  # time passed


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what is (``before``), what shall be (``after``), and why they differ."""

    path: str
    before: Value
    after: Value
    cause: Cause
    where: SourceMark | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, order=True)
class RepositoryLabel:
    """A repository in words: the stable id and the name a person knows."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class SelectionChange:
    """What shall be selected, and how that differs from what is.

    ``target`` is the selection to record. ``add`` and ``remove`` are outside writes;
    ``adopted`` are in the target and already selected live, so only the record moves.
    ``kept`` would be removed were it allowed; ``kept_why`` says what withholds it.
    ``renamed`` pairs a label with its new name. ``applies`` is false when the declared selection
    is withheld and the recorded one is only carried along.
    """

    target: Mapping[str, Selected]
    follows_new: bool
    add: tuple[RepositoryLabel, ...] = ()
    remove: tuple[RepositoryLabel, ...] = ()
    adopted: tuple[RepositoryLabel, ...] = ()
    orphaned: tuple[RepositoryLabel, ...] = ()
    kept: tuple[RepositoryLabel, ...] = ()
    kept_why: str = ""
    renamed: tuple[tuple[RepositoryLabel, str], ...] = ()
    follow_changes: bool = False
    record_changes: bool = False
    applies: bool = True

    @property
    def writes(self) -> bool:
        """Whether the consumer has to be told anything."""
        return bool(self.add or self.remove or self.follow_changes)


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What has to be done about webhooks.

    ``put`` pairs each one with the id of the live one that it replaces, or an empty text;
    ``drop`` are ours that nobody declares; ``target`` is what to record afterwards.
    """

    put: tuple[tuple[KnownWebhook, str], ...] = ()
    drop: tuple[LiveWebhook, ...] = ()
    target: tuple[KnownWebhook, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know that is not by itself a change."""

    code: str
    severity: Severity
    message: str
    hint: str = ""
    where: SourceMark | None = None


class CredentialNeed(StrEnum):
    """What the connection's credential needs."""

    NOTHING = "nothing"
    FIRST = "first"  # none yet: its secret is not in its source
    NEW_APPEARED = "new-appeared"  # a successor lies ready
    EXPIRING = "expiring"
    DEAD = "dead"
    SCOPES = "scopes"  # lacks a wanted scope, or the wanted set was changed
    REQUESTED = "requested"  # `rotate NAME`


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything `plan` needs to decide about one connection.

    ``moved_from`` is the record's address before the YAML renamed it. ``parts`` says which of
    ``consumer``, ``account``, ``method``, ``username`` changed, which needs a `reconnect`.
    ``expires_at`` (UTC) is the earliest end of the credential that anybody knows of.
    ``webhooks`` are those to be made, replaced and removed.
    """

    address: ConnectionAddress
    desired: DesiredConnection | None
    record: Record | None
    view: ConnectionView
    operation: Operation | None = None
    moved_from: ConnectionAddress | None = None
    parts: tuple[str, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    selection: SelectionChange | None = None
    need: CredentialNeed = CredentialNeed.NOTHING
    need_why: str = ""
    findings: tuple[Finding, ...] = ()
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)
    expires_at: datetime | None = None
    webhooks: WebhookChange = WebhookChange()
