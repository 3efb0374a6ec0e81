"""Bitbucket Cloud's world: workspaces, projects, repositories, users, webhooks. No HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.errors import UsageError


@dataclass(frozen=True, slots=True)
class User:
    """A person. ``uuid`` is in braces; ``account_id`` is not."""

    uuid: str
    account_id: str
    email: str
    username: str
    nickname: str
    display_name: str
    created_on: datetime


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace. ``members`` maps user uuids to ``owner``, ``create-project`` or ``member``."""

    uuid: str
    slug: str
    name: str
    created_on: datetime
    members: Mapping[str, str] = field(default_factory=dict)
    is_deactivated: bool = False
    has_allowlist: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A project of a workspace, addressed by its key."""

    uuid: str
    key: str
    name: str
    workspace: str
    created_on: datetime
    is_private: bool = True


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository. ``workspace`` and ``parent`` are uuids, ``project`` is a key.

    ``size`` counts bytes; ``main_branch`` is empty while the repository is.
    """

    uuid: str
    slug: str
    name: str
    workspace: str
    project: str
    created_on: datetime
    updated_on: datetime
    parent: str = ""
    is_private: bool = True
    main_branch: str = "main"
    size: int = 0
    language: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook on a repository or workspace. Its secret is write-only, so only kept as a fact."""

    uuid: str
    subject: str
    url: str
    description: str
    is_active: bool
    events: tuple[str, ...]
    has_secret: bool
    created_at: datetime


def slug_of(name: str) -> str:
    """The slug that a repository's name gives: lower case, other runs become one dash."""
    return re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-")


class Estate:
    """All of it, with the indexes that make lookups cheap.

    ``version`` moves with every change, so that pages can be cached.
    """

    def __init__(self) -> None:
        self.workspaces: dict[str, Workspace] = {}
        self.users: dict[str, User] = {}
        self.hooks: dict[str, Hook] = {}
        self._projects: dict[str, dict[str, Project]] = {}
        self._repositories: dict[str, dict[str, Repository]] = {}
        self._by_slug: dict[tuple[str, str], str] = {}
        self._home: dict[str, str] = {}
        self.version = 0

    def touch(self) -> None:
        """Something changed. One count for all: forks show names of other workspaces."""
        self.version += 1

    def find_workspace(self, identifier: str) -> Workspace | None:
        """By slug or by uuid in braces."""
        if identifier in self.workspaces:
            return self.workspaces[identifier]
        return next((w for w in self.workspaces.values() if w.slug == identifier), None)

    def workspace(self, identifier: str) -> Workspace:
        """By slug or uuid; raises UsageError when there is none."""
        found = self.find_workspace(identifier)
        if found is None:
            raise UsageError(
                f"the sandbox has no workspace {identifier}",
                hint="it has " + ", ".join(w.slug for w in self.workspaces.values()),
            )
        return found

    def put_workspace(self, workspace: Workspace) -> Workspace:
        """Add or replace a workspace."""
        self.workspaces[workspace.uuid] = workspace
        self.touch()
        return workspace

    def find_user(self, identifier: str) -> User | None:
        """By uuid, e-mail, account id or user name."""
        if identifier in self.users:
            return self.users[identifier]
        return next(
            (u for u in self.users.values() if identifier in (u.email, u.account_id, u.username)),
            None,
        )

    def projects(self, workspace: Workspace) -> tuple[Project, ...]:
        """The projects of a workspace, by key."""
        mine = self._projects.get(workspace.uuid, {})
        return tuple(mine[key] for key in sorted(mine))

    def find_project(self, workspace: Workspace, key: str) -> Project | None:
        """By key."""
        return self._projects.get(workspace.uuid, {}).get(key)

    def put_project(self, project: Project) -> Project:
        """Add or replace a project."""
        self._projects.setdefault(project.workspace, {})[project.key] = project
        self.touch()
        return project

    def repositories(self, workspace: Workspace) -> tuple[Repository, ...]:
        """The repositories of a workspace, oldest first."""
        return tuple(self._repositories.get(workspace.uuid, {}).values())

    def count(self, workspace: Workspace) -> int:
        """How many repositories a workspace has."""
        return len(self._repositories.get(workspace.uuid, {}))

    def find_repository(self, workspace: Workspace | None, identifier: str) -> Repository | None:
        """By slug, present or former, or by uuid; any workspace's when *workspace* is None."""
        if workspace is None:
            return self.repository_by_uuid(identifier)
        mine = self._repositories.get(workspace.uuid, {})
        return mine.get(identifier) or mine.get(self._by_slug.get((workspace.uuid, identifier), ""))

    def repository_by_uuid(self, uuid: str) -> Repository | None:
        """By uuid, wherever it lives now."""
        return self._repositories.get(self._home.get(uuid, ""), {}).get(uuid)

    def put_repositories(self, repositories: Iterable[Repository]) -> None:
        """Add or replace repositories, moving those that lived in another workspace."""
        for repository in repositories:
            old = self._home.get(repository.uuid, repository.workspace)
            if old != repository.workspace:
                self._repositories[old].pop(repository.uuid, None)
            self._home[repository.uuid] = repository.workspace
            shelf = self._repositories.setdefault(repository.workspace, {})
            shelf[repository.uuid] = repository
            self._by_slug[repository.workspace, repository.slug] = repository.uuid
        self.touch()

    def is_slug_free(self, workspace: Workspace, slug: str) -> bool:
        """Whether no repository of the workspace has that slug now."""
        found = self.find_repository(workspace, slug)
        return found is None or found.slug != slug

    def remove_repository(self, repository: Repository) -> None:
        """Delete a repository and its webhooks."""
        self._repositories[repository.workspace].pop(repository.uuid, None)
        self._home.pop(repository.uuid, None)
        self.hooks = {k: h for k, h in self.hooks.items() if h.subject != repository.uuid}
        self.touch()

    def remove_project(self, workspace: Workspace, key: str) -> None:
        """Delete a project."""
        self._projects.get(workspace.uuid, {}).pop(key, None)
        self.touch()

    def set_workspace(
        self,
        workspace: Workspace,
        *,
        deactivated: bool | None = None,
        allowlist: bool | None = None,
    ) -> Workspace:
        """Deactivate a workspace or close it behind an IP allowlist; None leaves as is."""
        return self.put_workspace(
            replace(
                workspace,
                is_deactivated=workspace.is_deactivated if deactivated is None else deactivated,
                has_allowlist=workspace.has_allowlist if allowlist is None else allowlist,
            )
        )
