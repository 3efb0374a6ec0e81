"""The nouns of an Azure DevOps organization, and where they are kept."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person, or an account used by machines.

    Args:
        id: guid of the identity in the organization.
        email: name at sign-in.
        name: shown to people.
        entra_id: object id in Entra.
        is_admin: Project Collection Administrator.
        may_edit_hooks: has the project permission to edit subscriptions.
        sees: ids of the projects visible to it; None sees all.
    """

    id: str
    email: str
    name: str
    entra_id: str
    is_admin: bool = False
    may_edit_hooks: bool = True
    sees: frozenset[str] | None = None

    @property
    def descriptor(self) -> str:
        """The subject descriptor."""
        return "aad." + base64.b64encode(self.id.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application of Entra that was added to the organization.

    Args:
        id: guid of the identity in the organization.
        client_id: guid of the application.
        entra_id: object id of the service principal.
        name: shown to people.
        secret_digest: of the client secret.
        federated: pairs of issuer and subject whose tokens stand for it.
        certificates: thumbprints, as ``x5t`` writes them.
        is_member: was added to the organization; Entra knows it without that.
    """

    id: str
    client_id: str
    entra_id: str
    name: str
    secret_digest: str
    federated: frozenset[tuple[str, str]] = frozenset()
    certificates: frozenset[str] = frozenset()
    is_member: bool = True

    @property
    def descriptor(self) -> str:
        """The subject descriptor."""
        return "aadsp." + base64.b64encode(self.id.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Project:
    """A project: Git repositories, a TFVC tree, or both.

    Args:
        id: guid; stays when it is renamed.
        state: ``wellFormed``, ``createPending``, ``deleted`` …
        revision: moves with every change.
        updated_at: UTC.
        team: guid of the default team.
        has_git: Git is enabled.
        has_tfvc: there is a tree ``$/NAME``.
        former_names: lower case, oldest first; they work in addresses until they are reused.
    """

    id: str
    name: str
    description: str
    state: str
    visibility: str
    revision: int
    updated_at: datetime
    team: str
    has_git: bool = True
    has_tfvc: bool = False
    former_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository.

    Args:
        id: guid; stays when it is renamed.
        project: guid.
        branch: default branch without ``refs/heads/``; empty for an empty repository.
        size: bytes.
        created_at: UTC.
        is_hidden: listed only when hidden ones are asked for, as those of wikis.
        parent: guid of what it was forked from; empty when it was not.
        deleted_at: in the recycle bin since then, UTC.
        deleted_by: id of the user.
    """

    id: str
    name: str
    project: str
    branch: str
    size: int
    created_at: datetime
    is_disabled: bool = False
    is_hidden: bool = False
    parent: str = ""
    deleted_at: datetime | None = None
    deleted_by: str = ""


@dataclass(frozen=True, slots=True)
class TfvcItem:
    """A file or folder of a TFVC tree; ``path`` is relative to ``$/PROJECT``, empty for it."""

    path: str
    changeset: int
    changed_at: datetime
    is_folder: bool = False
    is_branch: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """A queued change. ``polls_left`` counts how often it still says ``inProgress``."""

    id: str
    polls_left: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service hook: the body as it was sent, who sent it when, and whether it still calls."""

    id: str
    body: dict[str, object]
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    status: str = "enabled"


@dataclass(slots=True)
class Estate:
    """Everything in one organization that is not a credential.

    ``changes`` counts per project what concerns its repositories, so that answers can be kept.
    """

    projects: dict[str, Project] = field(default_factory=dict)
    repositories: dict[str, dict[str, Repository]] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    trees: dict[str, tuple[TfvcItem, ...]] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    version: int = 0
    _homes: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def put_project(self, project: Project) -> Project:
        """Keep a new or changed project."""
        before = self.projects.get(project.id)
        if before is not None and self._names.get(before.name.lower()) == before.id:
            del self._names[before.name.lower()]
        self.projects[project.id] = project
        self.repositories.setdefault(project.id, {})
        if project.state != "deleted":
            self._names[project.name.lower()] = project.id
        self._changed(project.id)
        return project

    def put_repositories(self, project: str, repositories: Iterable[Repository]) -> None:
        """Keep new or changed repositories of one project."""
        for repository in repositories:
            self.repositories[project][repository.id] = repository
            self._homes[repository.id] = project
        self._changed(project)

    def purge_repository(self, repository: Repository) -> None:
        """Forget a repository for good."""
        del self.repositories[repository.project][repository.id]
        del self._homes[repository.id]
        self._changed(repository.project)

    def _changed(self, project: str) -> None:
        self.version += 1
        self.changes[project] = self.version

    def find_project(self, identifier: str, *, former: bool = True) -> Project | None:
        """By id, name or, when *former*, by a name it had. Letter case does not count."""
        sought = identifier.lower()
        found = self.projects.get(sought) or self.projects.get(self._names.get(sought, ""))
        if found is None and former:
            for project in self.projects.values():
                if sought in project.former_names and project.state != "deleted":
                    found = project
        return None if found is None or found.state == "deleted" else found

    def find_repository(self, identifier: str, project: Project | None) -> Repository | None:
        """By guid, or within *project* by name; a deleted one is found by its guid alone."""
        home = self._homes.get(identifier.lower())
        if home is not None:
            elsewhere = project is not None and project.id != home
            return None if elsewhere else self.repositories[home][identifier.lower()]
        if project is None:
            return None
        sought = identifier.lower()
        for repository in self.repositories[project.id].values():
            if repository.name.lower() == sought and repository.deleted_at is None:
                return repository
        return None

    def live(self, project: str, *, hidden: bool = False) -> tuple[Repository, ...]:
        """The repositories of a project that are not in the recycle bin, oldest first."""
        return tuple(
            r
            for r in self.repositories[project].values()
            if r.deleted_at is None and (hidden or not r.is_hidden)
        )

    def visible(self, sees: frozenset[str] | None) -> tuple[Project, ...]:
        """The projects somebody sees, deleted ones included, oldest first."""
        return tuple(p for p in self.projects.values() if sees is None or p.id in sees)

    def find_user(self, identifier: str) -> User | None:
        """By id, e-mail, Entra object id or descriptor."""
        sought = identifier.lower()
        for user in self.users.values():
            keys = (user.id, user.email.lower(), user.entra_id, user.descriptor.lower())
            if sought in keys:
                return user
        return None

    def find_principal(self, identifier: str) -> ServicePrincipal | None:
        """By id, client id or Entra object id."""
        sought = identifier.lower()
        for principal in self.principals.values():
            if sought in (principal.id, principal.client_id, principal.entra_id):
                return principal
        return None
