"""Desired state: connections as declared, references resolved and defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import (
    ActionKind,
    CredentialForm,
    IssuerKind,
    MethodKind,
    Missing,
    NewRepositories,
)
from reconciler.model.profile import MethodRule, Profile
from reconciler.model.secret import SecretRef
from reconciler.model.webhook import DesiredWebhook

Settings = Mapping[str, str]


DEFAULT_OVERLAP = timedelta(hours=1)
"""How long a replaced credential goes on working where the YAML does not say."""


@dataclass(frozen=True, slots=True)
class DesiredIssuer:
    """The identity that has credentials made: it signs in as their owner, for a token cannot."""

    kind: IssuerKind
    secret: SecretRef
    where: SourceMark
    username: str = ""


@dataclass(frozen=True, slots=True)
class DesiredMethod:
    """How a consumer (or our own reader) authenticates at the provider.

    ``secret`` is where the credential in use lives. ``successor`` is where a new one may be put
    while the old still works: given in YAML, or derived (``PATH.next``, ``NAME_NEXT``); None
    where nothing can be derived. ``scopes`` is the exact set wanted of the credential; empty for
    methods whose scopes cannot be chosen. ``expires_at`` is UTC.

    ``target`` is what a credential of level ``project`` or ``repository`` belongs to: ``KEY`` or
    ``KEY/slug``. ``tenant`` and ``form`` are for service principals. ``issuer`` makes the
    credential through the provider's API; None where a person does. ``version`` is raised to have
    it replaced once; ``overlap`` is how long the replaced one goes on working.
    """

    name: str
    kind: MethodKind
    where: SourceMark
    username: str = ""
    level: str = ""
    secret: SecretRef | None = None
    successor: SecretRef | None = None
    scopes: tuple[str, ...] = ()
    max_age: timedelta | None = None
    rotate_before: timedelta = timedelta(days=30)
    expires_at: datetime | None = None
    target: str = ""
    tenant: str = ""
    form: CredentialForm = CredentialForm.SECRET
    issuer: DesiredIssuer | None = None
    version: int = 1
    overlap: timedelta = DEFAULT_OVERLAP
    marks: Mapping[str, SourceMark] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class DesiredAccount:
    """One container at a provider.

    ``reader`` is our own credential, with which repositories are listed; None when a
    connection's own credential has to serve. ``administrator`` is the one that manages webhooks;
    None: the reader. ``projects`` restricts the account; empty means all.
    """

    name: str
    provider: str
    workspace: str
    api_url: str
    where: SourceMark
    reader: DesiredMethod | None = None
    administrator: DesiredMethod | None = None
    projects: tuple[str, ...] = ()
    settings: Settings = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What makes it the same account whatever its name in YAML."""
        return f"{self.provider}|{self.api_url}|{self.workspace}"

    @property
    def reach(self) -> str:
        """What a listing of it covers: the identity and the projects it is limited to."""
        return "|".join((self.identity, *sorted(self.projects)))


@dataclass(frozen=True, slots=True)
class DesiredConsumer:
    """One tenant of a platform. ``credential`` is our own key to its API."""

    name: str
    profile: Profile
    endpoint: str
    where: SourceMark
    credential: SecretRef | None = None
    settings: Settings = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What makes it the same tenant whatever its name in YAML."""
        return f"{self.profile.name}|{self.endpoint}|{self.settings.get('tenant', self.name)}"


@dataclass(frozen=True, slots=True)
class Term:
    """One line of include or exclude. Exactly one of the fields is set.

    ``name`` is an anchored glob, exact when it holds none of ``*?[``. ``regex`` must match the
    whole name. ``id`` is the provider's stable id.
    """

    where: SourceMark
    name: str = ""
    project: str = ""
    regex: str = ""
    id: str = ""

    @property
    def is_exact(self) -> bool:
        """Names one repository."""
        return bool(self.id) or (bool(self.name) and not any(c in self.name for c in "*?["))

    def __str__(self) -> str:
        for key in ("name", "project", "regex", "id"):
            if value := getattr(self, key):
                return f"{key}: {value}"
        return "nothing"


@dataclass(frozen=True, slots=True)
class DesiredSelection:
    """Which repositories the consumer may read.

    ``everything`` is ``all: true``. ``archived`` and ``fork`` keep only repositories with that
    property; None does not ask. ``digest`` changes when the meaning of the selection changes.
    """

    name: str
    where: SourceMark
    digest: str
    everything: bool = False
    include: tuple[Term, ...] = ()
    exclude: tuple[Term, ...] = ()
    archived: bool | None = None
    fork: bool | None = None
    new_repositories: NewRepositories = NewRepositories.INCLUDE
    missing: Missing = Missing.ORPHAN


@dataclass(frozen=True, slots=True)
class DesiredConnection:
    """One consumer reading one account by one method, limited to one selection.

    ``rule`` is the profile's rule for the method. ``adopt`` names the live connection (its id or
    display name at the consumer) that may be taken over; empty takes over nothing.
    """

    address: ConnectionAddress
    consumer: DesiredConsumer
    account: DesiredAccount
    method: DesiredMethod
    rule: MethodRule
    selection: DesiredSelection
    where: SourceMark
    manage: frozenset[ActionKind]
    protect: bool = False
    adopt: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    previously: tuple[ConnectionAddress, ...] = ()
    webhooks: tuple[DesiredWebhook, ...] = ()
    marks: Mapping[str, SourceMark] = field(default_factory=dict, compare=False)

    def mark(self, part: str) -> SourceMark:
        """The place of a part: ``method``, ``repositories``, ``consumer``, …."""
        return self.marks.get(part, self.where)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may take away; see docs/guards.md.

    A limit in percent counts only where at least ``percent_from`` things exist, so that one of
    two is not "fifty percent".
    """

    removed_repositories: int = 25
    removed_percent: int = 30
    disconnects: int = 3
    disconnect_percent: int = 30
    percent_from: int = 10


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window (UTC) in which nothing is applied."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """``reconciler.yaml`` after ``--env`` was applied."""

    root: str
    registry_url: str
    environment: str = ""
    limits: Limits = Limits()
    freezes: tuple[Freeze, ...] = ()
    concurrency: int = 8
    hourly_requests: int | None = None
    lease_ttl: timedelta = timedelta(seconds=60)
    files: int = 0


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All that was declared. Connections in the order of their addresses.

    ``planned`` are the addresses that the given PATHs cover; records of other files are left
    alone. ``covers_all`` says that the PATHs cover the whole project. ``digest`` binds the
    meaning of every document, not its layout.
    """

    settings: ProjectSettings
    accounts: Mapping[str, DesiredAccount]
    consumers: Mapping[str, DesiredConsumer]
    connections: Mapping[ConnectionAddress, DesiredConnection]
    digest: str
    paths: tuple[str, ...] = ()
    covers_all: bool = True

    def covers(self, file: str) -> bool:
        """Whether a record declared in *file* (project-relative) belongs to this run."""
        return self.covers_all or any(
            file == path or file.startswith(f"{path}/") for path in self.paths
        )
