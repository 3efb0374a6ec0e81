"""What the registry holds. No secret among it: only keyed fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.observed import Repository
from reconciler.model.webhook import KnownWebhook


class Selected(NamedTuple):
    """A repository as last applied.

    ``name`` is its name when last seen; ``matched_as`` the name under which the selection chose
    it, so that a rename does not undo the choice; ``orphaned`` when it has vanished live.
    """

    name: str
    matched_as: str
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One connection as last applied.

    ``live_id`` is the consumer's id of the connection, ``generation`` the number of credentials
    it has had: together with the registry's lineage it is the ownership marker.
    ``retired`` are fingerprints of earlier credentials, newest first. ``epoch`` is the registry
    serial at which the selection's meaning last changed: repositories first seen later are new.
    ``listed_at`` is the serial of the account's known repositories from which the selection was
    worked out, 0 when the listing was not complete: while both stand, nothing can have changed.
    ``stale_expiry`` is an ``expiresAt`` of the YAML that belongs to an earlier credential.
    ``version`` is the method's ``version`` that the credential in use answers to. ``webhooks``
    are those at the provider that are ours.
    ``serial`` is the registry serial at which this record last changed; 0 before it is stored.
    In a Change, THIS_COMMIT in ``epoch`` or ``listed_at`` means the serial of that very commit
    (for ``listed_at``: of the account's repositories after it).
    """

    address: ConnectionAddress
    consumer: str
    consumer_identity: str
    account: str
    account_identity: str
    provider: str
    profile: str
    method: MethodKind
    username: str
    live_id: str
    generation: int
    fingerprint: str
    identity: str
    scopes: tuple[str, ...]
    credential_since: datetime
    selection: Mapping[str, Selected]
    selection_digest: str
    epoch: int
    follows_new: bool
    manage: frozenset[ActionKind]
    protect: bool
    source: SourceMark
    token_id: str = ""
    expires_at: datetime | None = None
    retired: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    listed_at: int = 0
    stale_expiry: datetime | None = None
    version: int = 1
    webhooks: tuple[KnownWebhook, ...] = ()
    serial: int = 0


THIS_COMMIT = -1


class OperationState(StrEnum):
    """How far an action that outlives a run has come."""

    RUNNING = "running"  # a process is at it, or died at it
    WAITING = "waiting"  # for a person


@dataclass(frozen=True, slots=True)
class Operation:
    """An action begun and not yet finished. At most one per connection.

    ``facts`` are what the next run must know to finish or undo it: the generation being
    created, its fingerprint, the old connection's id. Never a secret. ``step`` is the step in
    flight or the manual step that waits, ``since`` when it began to.
    ``acknowledged`` holds the ids of manual steps that a person said, or a proof showed, are done.
    """

    id: str
    address: ConnectionAddress
    kind: ActionKind
    state: OperationState
    step: str
    since: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    acknowledged: frozenset[str] = frozenset()
    serial: int = 0


@dataclass(frozen=True, slots=True)
class KnownRepositories:
    """The repositories of one account as the registry last saw them.

    ``first_serial`` tells old from new: the registry serial of the commit that first saw the id.
    Both mappings have the same keys; ``repositories`` compares with a listing at C speed.
    ``serial`` is that of the last commit that changed any of them.
    """

    repositories: Mapping[str, Repository] = field(default_factory=dict)
    first_serial: Mapping[str, int] = field(default_factory=dict)
    serial: int = 0


class Phase(StrEnum):
    """The two sides of an outside call in the journal."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal. ``detail`` is scrubbed text. ``at`` is UTC."""

    operation: str
    address: ConnectionAddress
    step: str
    phase: Phase
    at: datetime
    detail: str = ""
    fence: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log: who did what, when, from which commit, by which plan.

    ``digest`` chains: sha256 over the previous digest and this entry's canonical JSON. The
    registry computes ``seq`` and ``digest``.
    """

    at: datetime
    who: str
    commit: str
    plan: str
    address: str
    action: str
    summary: str
    seq: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A timed exclusive right to write one name. ``fence`` grows with every grant."""

    name: str
    holder: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent reading of the registry.

    ``lineage`` is the registry's identity for life; ``serial`` counts its commits.
    ``key`` is the fingerprint key. ``environment`` is empty until the first commit names it.
    """

    lineage: str
    serial: int
    key: bytes = field(repr=False)
    environment: str
    records: Mapping[ConnectionAddress, Record]
    operations: Mapping[ConnectionAddress, Operation]


@dataclass(frozen=True, slots=True)
class Change:
    """One atomic commit to the registry: all of it or nothing, serial + 1.

    ``expected`` is the serial of the record as the plan read it (0: there must be none).
    ``record`` None keeps what is stored, unless ``forget``. ``operation`` None ends the
    operation. ``repositories`` are what a complete listing showed, replacing what was known of
    ``account_identity``; None leaves it. ``moved_from`` renames a record in the same commit.
    """

    address: ConnectionAddress
    expected: int
    audit: AuditEntry
    record: Record | None = None
    operation: Operation | None = None
    forget: bool = False
    moved_from: ConnectionAddress | None = None
    account_identity: str = ""
    repositories: Mapping[str, Repository] | None = None
    environment: str = ""


LEASE_TTL = timedelta(seconds=60)
"""Default life of a lease between heartbeats."""
