"""Observed state: what the APIs answered. Every read is Present, Absent or Unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from reconciler.errors import Fault
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret, SecretRef
from reconciler.model.webhook import LiveWebhook

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Present(Generic[T_co]):
    """It is there, and this is what it looks like."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Absent:
    """It was looked for where it would be, and is not there."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """We could not look. Nothing may be concluded from it."""

    reason: str
    hint: str
    fault: Fault | None = None


Observation: TypeAlias = Present[T_co] | Absent | Unreadable


class Repository(NamedTuple):
    """One repository at the provider. A tuple, so that 100,000 compare at the speed of C.

    ``name`` is the slug, or ``PROJECT/slug`` where a slug is unique within its project only.
    ``project`` is the project's key or name, empty where there is none.
    """

    name: str
    project: str = ""
    fork: bool = False
    archived: bool = False


Repositories: TypeAlias = Mapping[str, Repository]
"""Stable id → repository. Ids keep the provider's spelling (Bitbucket Cloud: ``{uuid}``)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The repositories of one account, with the certificate of completeness.

    ``complete`` only when every page was read, the last page was reached, none failed and the
    count agrees with what the provider said; else ``gap`` says what is missing.
    ``expected`` is the provider's own count; None when it gave none. ``remarks`` are sentences
    about what was seen there and is no repository, or is one that nobody can read.
    """

    repositories: Repositories
    complete: bool
    gap: str = ""
    expected: int | None = None
    pages: int = 0
    remarks: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What became of a credential that was shown to its provider."""

    WORKS = "works"
    DEAD = "dead"  # wrong, revoked or expired
    WRONG_LOGIN = "wrong-login"  # the user name cannot belong to this kind of credential
    UNSCOPED = "unscoped"
    BLOCKED = "blocked"  # IP allowlist, two-step verification, deactivated workspace
    RETIRED = "retired"
    UNKNOWN = "unknown"  # rate limit, outage: nothing was learnt


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """What the provider said of a credential.

    ``scopes`` are as the provider spelt them; None when it did not say. ``identity`` is the
    stable id of whom it acts for, ``login`` a readable name. ``token_id`` is the provider's
    opaque id of this very credential, where it tells. ``reaches`` says whether it can read the
    account; None when that was not asked. ``lacking`` are wanted scopes that were tried and
    refused, where the whole set is not told.
    """

    verdict: Verdict
    cause: str = ""
    hint: str = ""
    identity: str = ""
    login: str = ""
    credential_type: str = ""
    scopes: frozenset[str] | None = None
    token_id: str = ""
    expires_at: datetime | None = None
    reaches: bool | None = None
    lacking: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A credential as its provider lists it; never with its secret.

    ``name`` is its display name, which carries our ownership marker when it is ours. Times are
    UTC; ``expires_at`` None: never; ``last_used`` None: never, or not told.
    """

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used: datetime | None = None


class LiveResource(NamedTuple):
    """One thing the consumer could read, as the consumer lists it. A tuple: there are 100,000.

    ``repository_id`` is the provider's stable id where the consumer keeps it; else empty and the
    match goes by ``owner`` and ``name``.
    """

    id: str
    name: str
    owner: str
    selected: bool
    kind: str = ""
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class LiveSelection:
    """What a connection may read at the consumer.

    ``complete`` only when every resource that counts as selected was read: a write replaces the
    whole selection, so an incomplete reading must never be written back.
    """

    resources: tuple[LiveResource, ...]
    follows_new: bool | None
    complete: bool
    gap: str = ""


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """One connection as the consumer has it.

    ``name`` is its display name there, which carries our ownership marker when it is ours.
    ``expires_at`` (UTC) is the consumer's own idea of the credential's end.
    """

    id: str
    name: str
    provider: str
    kind: MethodKind | None
    username: str = ""
    host_url: str = ""
    expires_at: datetime | None = None
    selection: LiveSelection | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One place a secret was read from, and what it holds. The value stays in memory only."""

    ref: SecretRef
    fingerprint: str
    secret: Secret = field(repr=False, compare=False)
    report: CredentialReport

    @property
    def place(self) -> str:
        """Where it lies, in words."""
        return self.ref.place


@dataclass(frozen=True, slots=True)
class CredentialView:
    """The credentials of one method as found.

    ``held`` is the one the registry recorded (or, before the first apply, the one to use);
    ``candidate`` is another that appeared and was never retired; ``missing`` says why the
    source of ``secret`` gave nothing. ``old`` is a retired one that can still be read, so that
    its death can be proven.
    """

    held: Slot | None = None
    candidate: Slot | None = None
    old: Slot | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """All that was observed for one connection.

    ``live`` is the consumer's connection that is ours (by record, marker or `adopt`);
    ``strays`` carry our marker but are neither it nor recorded: left by an interrupted run;
    ``strangers`` look like this connection, without our marker; of a recorded connection, the one
    that a person granted in its place after we asked for it. ``tenant`` is the consumer at which
    strays were found that neither the YAML nor a record knows any more; else empty.
    ``issued`` are the credentials at the provider that carry this connection's marker; Absent
    where no issuer is declared. ``webhooks`` are those with its marker; Absent where none was
    looked for. ``hook_numbers`` are the numbers that the declared ones shall have, in their order.
    """

    listing: Observation[Listing]
    live: Observation[LiveConnection]
    credential: CredentialView = CredentialView()
    strays: tuple[LiveConnection, ...] = ()
    strangers: tuple[LiveConnection, ...] = ()
    tenant: str = ""
    issued: Observation[tuple[IssuedCredential, ...]] = Absent()
    webhooks: Observation[tuple[LiveWebhook, ...]] = Absent()
    hook_numbers: tuple[int, ...] = ()

    def issued_as(self, credential_id: str) -> IssuedCredential | None:
        """The credential of that id, where the provider lists it among ours."""
        found = self.issued.value if isinstance(self.issued, Present) else ()
        return next((c for c in found if credential_id and c.id == credential_id), None)


@dataclass(frozen=True, slots=True)
class Reads:
    """What the run cost one remote party. ``limit`` is per hour; None when unknown."""

    party: str
    requests: int
    limit: int | None = None
    expected: int | None = None
    seen: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ObservedState:
    """Everything one run read. ``unmanaged`` are live connections nobody declared.

    ``own_access`` are the fingerprints of the credentials that we ourselves read with.
    """

    views: Mapping[str, ConnectionView]
    unmanaged: Mapping[str, tuple[LiveConnection, ...]] = field(default_factory=dict)
    reads: tuple[Reads, ...] = ()
    own_access: frozenset[str] = frozenset()

    @property
    def requests(self) -> int:
        """Requests of the whole run."""
        return sum(r.requests for r in self.reads)
