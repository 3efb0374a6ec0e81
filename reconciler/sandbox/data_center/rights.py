"""Who may do what: grants to users and groups, and the ceiling of the credential shown. Pure.

A token or OAuth grant never exceeds its owner: the effective right is the lower of the two.
https://confluence.atlassian.com/bitbucketserver091/http-access-tokens-1443038354.html [documented,
2026-11-21]; that the lists obey it too is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from reconciler.sandbox.data_center.estate import Estate, Project, Repository, User
from reconciler.sandbox.data_center.levels import Level
from reconciler.sandbox.data_center.tokens import Token

USER = "user"
GROUP = "group"
Subject: TypeAlias = tuple[str, str]
"""USER or GROUP, and the name."""


class Shown(StrEnum):
    """What the caller showed."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105  the name of a kind
    TOKEN = "token"  # noqa: S105  likewise
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and the ceiling of what was shown.

    ``may_administer`` and ``may_change_account`` say whether the credential reaches that far;
    whether the user does is another question.
    """

    shown: Shown = Shown.NOTHING
    user: User | None = None
    project_ceiling: Level = Level.NONE
    repository_ceiling: Level = Level.NONE
    may_administer: bool = False
    may_change_account: bool = False
    token: Token | None = None

    @property
    def view(self) -> tuple[object, ...]:
        """What distinguishes what this caller sees from what others see."""
        scope = (self.token.kind, self.token.target) if self.token is not None else ()
        name = self.user.name if self.user is not None else ""
        return (name, self.project_ceiling, self.repository_ceiling, scope)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may administer the instance with what was shown."""
        return self.may_administer and self.user is not None and self.user.is_admin


def as_user(user: User) -> Caller:
    """A user with all that the user may do."""
    return Caller(Shown.PASSWORD, user, Level.ADMIN, Level.ADMIN, True, True)


@dataclass(slots=True)
class Grants:
    """Who was granted what. ``defaults`` holds for every licensed user of the instance."""

    projects: dict[int, dict[Subject, Level]] = field(default_factory=dict)
    repositories: dict[int, dict[Subject, Level]] = field(default_factory=dict)
    defaults: dict[int, Level] = field(default_factory=dict)

    def on(self, thing: Project | Repository) -> dict[Subject, Level]:
        """The direct grants on a project or repository, to be read or changed."""
        held = self.projects if isinstance(thing, Project) else self.repositories
        return held.setdefault(thing.id, {})


class Sight:
    """What one caller may do; remembers projects, so that long lists are cheap."""

    def __init__(self, estate: Estate, grants: Grants, caller: Caller) -> None:
        self._estate = estate
        self._grants = grants
        self._caller = caller
        self._projects: dict[int, Level] = {}
        user, token = caller.user, caller.token
        self._subjects: tuple[Subject, ...] = ()
        if user is not None:
            self._subjects = ((USER, user.name), *((GROUP, name) for name in user.groups))
        self._scope = ("", 0) if token is None else (token.kind, token.target)
        self._is_service = user is not None and user.type == "SERVICE"

    def of(self, thing: Project | Repository) -> Level:
        """The effective level at either."""
        return self.project(thing) if isinstance(thing, Project) else self.repository(thing)

    def project(self, project: Project) -> Level:
        """The effective level at a project."""
        return min(self._caller.project_ceiling, self._base(project.id))

    def repository(self, repository: Repository) -> Level:
        """The effective level at a repository."""
        if self._scope == ("repository", repository.id):
            return self._caller.repository_ceiling
        level = self._base(repository.project)
        granted = self._grants.repositories.get(repository.id)
        if granted and not self._is_service:
            level = max(level, self._granted(granted))
        return min(level, self._caller.repository_ceiling)

    def sees(self, project: Project) -> bool:
        """Whether the project is shown: by right, or because something inside is."""
        if project.is_public or self.project(project):
            return True
        return any(r.is_public or self.repository(r) for r in self._estate.inside(project))

    def _base(self, project: int) -> Level:
        level = self._projects.get(project)
        if level is None:
            level = self._projects[project] = self._find(project)
        return level

    def _find(self, project: int) -> Level:
        user = self._caller.user
        if user is None:
            return Level.NONE
        if self._is_service:
            return Level.ADMIN if self._scope == ("project", project) else Level.NONE
        if user.is_admin or self._estate.projects[project].owner == user.name:
            return Level.ADMIN
        granted = self._granted(self._grants.projects.get(project, {}))
        return max(granted, self._grants.defaults.get(project, Level.NONE))

    def _granted(self, granted: Mapping[Subject, Level]) -> Level:
        return max((granted.get(s, Level.NONE) for s in self._subjects), default=Level.NONE)
