"""The plan as data: actions of idempotent steps, what is withheld, what waits, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.drift import FieldChange, Finding, SelectionChange, Value
from reconciler.model.method import ActionKind
from reconciler.model.observed import Reads
from reconciler.model.webhook import KnownWebhook, LiveWebhook


@dataclass(frozen=True, slots=True)
class CheckCredential:
    """Show the credential to the provider: who, which scopes, can it read the account.

    ``candidate`` means the new one, ``old`` the one that was replaced.
    """

    candidate: bool = False
    old: bool = False
    code: str = "check-credential"


@dataclass(frozen=True, slots=True)
class Mint:
    """Have the provider make a credential, marked as ours under *name* and *generation*.

    ``days`` is the life to ask for.
    """

    name: str
    generation: int
    scopes: tuple[str, ...]
    days: int
    code: str = "mint"


@dataclass(frozen=True, slots=True)
class Publish:
    """Put the minted secret into its place and read it back.

    ``successor`` says that it goes beside the one in use; ``place`` names the place in words.
    """

    successor: bool
    place: str
    code: str = "publish"


@dataclass(frozen=True, slots=True)
class RescopeCredential:
    """Change what the credential in use may do; its secret stays."""

    id: str
    scopes: tuple[str, ...]
    code: str = "rescope-credential"


@dataclass(frozen=True, slots=True)
class AddCredential:
    """Give the credential to the consumer, marked as ours under *name* and *generation*."""

    name: str
    generation: int
    code: str = "add-credential"


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take an existing connection of the consumer into the registry."""

    live_id: str
    code: str = "take-over"


@dataclass(frozen=True, slots=True)
class CheckConnection:
    """Ask the consumer whether it can connect."""

    code: str = "check-connection"


@dataclass(frozen=True, slots=True)
class Select:
    """Replace the selection; everything the reconciler did not read is kept."""

    change: SelectionChange
    copy_from: str = ""
    code: str = "select"


@dataclass(frozen=True, slots=True)
class RemoveCredential:
    """Take a connection away from the consumer. Already gone is success.

    ``consumer`` is the name of the tenant when it is not the connection's present one.
    """

    live_id: str
    name: str
    consumer: str = ""
    code: str = "remove-credential"


@dataclass(frozen=True, slots=True)
class Drain:
    """Leave the replaced credential working for so long after the switch.

    ``wait`` is what a run shows that ends before that.
    """

    seconds: int
    wait: ManualStep
    code: str = "drain"


@dataclass(frozen=True, slots=True)
class RevokeCredential:
    """End a credential at its provider. Already gone is success."""

    id: str
    name: str
    code: str = "revoke-credential"


@dataclass(frozen=True, slots=True)
class ProveDead:
    """Show the old credential to the provider and demand that it fails.

    With ``live_id`` the secret is no longer readable: the consumer, which still holds it, is
    asked instead, and a credential that still works is left for a person to revoke.
    """

    fingerprint: str
    live_id: str = ""
    code: str = "prove-dead"


@dataclass(frozen=True, slots=True)
class Promote:
    """Move the new secret into the place of the old one and clear the successor's place."""

    code: str = "promote"


@dataclass(frozen=True, slots=True)
class Discard:
    """Take a secret that nobody uses out of the successor's place, named in words."""

    place: str
    code: str = "discard"


@dataclass(frozen=True, slots=True)
class PutWebhook:
    """Make a webhook at the provider, or replace the one of ``live_id``, as declared.

    ``webhook`` names it with the number of its marker.
    """

    webhook: KnownWebhook
    live_id: str
    code: str = "put-webhook"


@dataclass(frozen=True, slots=True)
class DropWebhook:
    """Take a webhook of ours away from the provider. Already gone is success."""

    webhook: LiveWebhook
    code: str = "drop-webhook"


@dataclass(frozen=True, slots=True)
class Remember:
    """Write the outcome to the registry; ``note`` is the audit line."""

    note: str
    code: str = "remember"


@dataclass(frozen=True, slots=True)
class ManualStep:
    """What only a person can do, with the exact values.

    ``id`` is unique within the connection and stable between runs, so that `ack` can name it.
    ``detected_by`` says in words what the next run looks at; empty when only `ack` will do.
    """

    id: str
    title: str
    url: str
    who: str
    fields: tuple[tuple[str, str], ...] = ()
    scopes: tuple[str, ...] = ()
    detected_by: str = ""
    code: str = "manual"


Step: TypeAlias = (
    CheckCredential
    | Mint
    | Publish
    | RescopeCredential
    | AddCredential
    | TakeOver
    | CheckConnection
    | Select
    | RemoveCredential
    | Drain
    | RevokeCredential
    | ProveDead
    | Promote
    | Discard
    | PutWebhook
    | DropWebhook
    | Remember
    | ManualStep
)


@dataclass(frozen=True, slots=True)
class Risk:
    """What a reader of the plan should weigh.

    ``overlap`` is words; ``gains`` and ``loses`` count repositories.
    """

    reversible: bool = True
    overlap: str = ""
    gains: int = 0
    loses: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to one connection.

    ``reason_code`` is stable (``rotate_because_expiring``); ``reason`` is the sentence.
    ``facts`` is what the operation must remember between runs. ``webhooks`` are those to record
    afterwards; None leaves what is recorded.
    """

    address: ConnectionAddress
    kind: ActionKind
    reason_code: str
    reason: str
    steps: tuple[Step, ...]
    source: SourceMark | None
    changes: tuple[FieldChange, ...] = ()
    selection: SelectionChange | None = None
    risk: Risk = Risk()
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)
    moved_from: ConnectionAddress | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    webhooks: tuple[KnownWebhook, ...] | None = None

    @property
    def takes_away(self) -> bool:
        """Whether the consumer loses anything."""
        return self.kind is ActionKind.DISCONNECT or self.risk.loses > 0


class WithheldCode(StrEnum):
    """Why an action that would mend a difference is not in the plan."""

    DELETIONS_DISABLED = "withheld_deletions_disabled"
    INCOMPLETE_READ = "withheld_incomplete_read"
    UNREADABLE = "withheld_unreadable"
    PROTECTED = "withheld_protected"
    NOT_MANAGED = "withheld_not_managed"
    NOT_OURS = "withheld_not_ours"
    FREEZE = "withheld_freeze"
    MISSING_REPOSITORY = "withheld_missing_repository"
    OWN_ACCESS = "withheld_own_access"
    CANNOT_ABORT = "withheld_cannot_abort"
    SUCCESSOR_TAKEN = "withheld_successor_taken"


@dataclass(frozen=True, slots=True)
class Withheld:
    """An action that is shown and not taken."""

    address: ConnectionAddress
    kind: ActionKind
    code: WithheldCode
    why: str
    hint: str
    source: SourceMark | None = None
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A manual step that was announced by an earlier apply and is not done yet."""

    address: ConnectionAddress
    kind: ActionKind
    step: ManualStep
    since: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that the plan as a whole breaks."""

    limit: str
    why: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the digest binds.

    ``lineage`` is empty until the registry's first commit. ``live`` holds, for every connection
    read, the fingerprints of its parts: connection, selection, repositories, credential.
    """

    config: str
    lineage: str
    serial: int
    policy: str
    environment: str
    live: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Note:
    """A finding with the connection it is about (None: about the run)."""

    address: ConnectionAddress | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` would do: pure data, no secret in it.

    ``complete`` says that every read succeeded; ``errors`` are the reads that did not.
    ``digest`` (``sha256:…``) binds inputs and actions and nothing that changes by itself.
    ``unchanged`` are connections that agree everywhere.
    """

    digest: str
    inputs: Inputs
    actions: tuple[Action, ...]
    withheld: tuple[Withheld, ...]
    waiting: tuple[Waiting, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[Note, ...]
    unchanged: tuple[ConnectionAddress, ...]
    reads: tuple[Reads, ...]
    errors: tuple[Note, ...]
    created_at: datetime
    command: str = "plan"

    @property
    def complete(self) -> bool:
        """Every read succeeded."""
        return not self.errors

    @property
    def applyable(self) -> bool:
        """There is something to apply and no limit forbids it."""
        return bool(self.actions) and not self.refusals

    def count(self, *kinds: ActionKind) -> int:
        """How many actions are of *kinds*."""
        return sum(action.kind in kinds for action in self.actions)
