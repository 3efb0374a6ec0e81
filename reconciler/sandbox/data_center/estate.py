"""Users, projects and repositories of the emulated Data Center, and where each was before.

Plain data and rules, no HTTP. Numeric ids stay; keys and slugs follow names:
https://developer.atlassian.com/server/bitbucket/rest/ "Update repository" [documented, 2026-11-21].
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import count

from reconciler.errors import UsageError
from reconciler.sandbox.data_center.levels import GLOBAL
from reconciler.sandbox.identity import Ids

GLOBAL_GROUP = "stash-users"
"""Every licensed user is in it."""

READERS = "scm-readers"
"""The group that may read every project unless a project is made without it."""


def slug_of(name: str) -> str:
    """The address of a repository of that name."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or the service user behind the tokens of one project or repository.

    ``global_level`` is one of GLOBAL. ``email`` is empty for service users.
    """

    id: int
    name: str
    display_name: str
    email: str = ""
    groups: tuple[str, ...] = ()
    global_level: str = GLOBAL[0]
    type: str = "NORMAL"
    is_active: bool = True
    is_licensed: bool = True

    @property
    def slug(self) -> str:
        """The name as it stands in addresses."""
        return re.sub(r"[^a-z0-9._-]", "_", self.name.lower())

    @property
    def is_admin(self) -> bool:
        """Whether the user administers the instance."""
        return GLOBAL.index(self.global_level) >= GLOBAL.index("ADMIN")


@dataclass(frozen=True, slots=True)
class Project:
    """A project. ``owner`` is a user name for personal projects, whose key begins with ``~``."""

    id: int
    key: str
    name: str
    description: str = ""
    is_public: bool = False
    owner: str = ""

    @property
    def type(self) -> str:
        """``NORMAL`` or ``PERSONAL``."""
        return "PERSONAL" if self.owner else "NORMAL"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository. ``project`` and ``origin`` (0: no fork) are numeric ids."""

    id: int
    slug: str
    name: str
    project: int
    description: str = ""
    is_public: bool = False
    is_archived: bool = False
    origin: int = 0
    state: str = "AVAILABLE"


class Estate:
    """What the instance holds. ``version`` grows with every change of what lists may show."""

    def __init__(self, seed: int) -> None:
        ids = Ids(seed, "bitbucket-data-center")
        self.version = 0
        self.users: dict[str, User] = {}
        self.projects: dict[int, Project] = {}
        self.repositories: dict[int, Repository] = {}
        self._project_numbers = count(ids.number(60, 99))
        self._repository_numbers = count(ids.number(1200, 1599))
        self._user_numbers = count(ids.number(300, 499))
        self._keys: dict[str, int] = {}
        self._old_keys: dict[str, int] = {}
        self._addresses: dict[tuple[int, str], int] = {}
        self._old_addresses: dict[tuple[int, str], int] = {}
        self._inside: dict[int, dict[int, None]] = {}

    # Users ------------------------------------------------------------------------------------

    def add_user(self, name: str, display_name: str = "", **more: object) -> User:
        """Make a user; *more* are fields of `User`."""
        user = User(next(self._user_numbers), name, display_name or name.title())
        return self.put_user(replace(user, **more))  # type: ignore[arg-type]  # fields by name

    def put_user(self, user: User) -> User:
        """Keep a user as given."""
        self.users[user.name] = user
        self.version += 1
        return user

    def user(self, name: str) -> User:
        """By name; raises UsageError when there is none."""
        found = self.users.get(name)
        if found is None:
            known = ", ".join(u.name for u in self.users.values() if u.type == "NORMAL")
            raise UsageError(f"the instance has no user {name}", hint=f"it has {known}")
        return found

    def people(self) -> list[User]:
        """Every user but service users."""
        return [user for user in tuple(self.users.values()) if user.type == "NORMAL"]

    @property
    def groups(self) -> list[str]:
        """Names of all groups."""
        return sorted({GLOBAL_GROUP, READERS, *(g for u in self.people() for g in u.groups)})

    def user_at(self, slug: str) -> User | None:
        """By slug, in whatever case."""
        return next((u for u in self.users.values() if u.slug == slug.lower()), None)

    def service_user(self, kind: int, target: int) -> User:
        """The user behind the tokens of a project (*kind* 1) or a repository (*kind* 2).

        Source: ``access-token-user/2/<repository id>`` is recorded; 1 for projects is assumed.
        """
        name = f"access-token-user/{kind}/{target}"
        return self.users.get(name) or self.add_user(name, name, type="SERVICE")

    # Projects ---------------------------------------------------------------------------------

    def create_project(
        self, key: str, name: str = "", *, owner: str = "", is_public: bool = False
    ) -> Project:
        """Make a project. Raises UsageError when the key is taken."""
        if key.upper() in self._keys:
            raise UsageError(f"project {key.upper()} exists already", hint="choose another key")
        made = Project(
            next(self._project_numbers), key.upper(), name or key, is_public=is_public, owner=owner
        )
        self._old_keys.pop(made.key, None)
        self._keys[made.key] = made.id
        self._inside[made.id] = {}
        return self.put_project(made)

    def put_project(self, project: Project) -> Project:
        """Keep a project; a changed key leaves the old one behind as a pointer."""
        before = self.projects.get(project.id)
        if before is not None and before.key != project.key:
            del self._keys[before.key]
            self._old_keys[before.key] = project.id
            self._old_keys.pop(project.key, None)
            self._keys[project.key] = project.id
        self.projects[project.id] = project
        self.version += 1
        return project

    def find_project(self, key: str) -> Project | None:
        """By its key, in whatever case."""
        return self.projects.get(self._keys.get(key.upper(), 0))

    def project_before(self, key: str) -> Project | None:
        """The project that had this key before."""
        return self.projects.get(self._old_keys.get(key.upper(), 0))

    def project(self, key: str) -> Project:
        """By key; raises UsageError when there is none."""
        found = self.find_project(key)
        if found is None:
            known = ", ".join(sorted(self._keys)[:20])
            raise UsageError(f"the instance has no project {key}", hint=f"it has {known}")
        return found

    def delete_project(self, project: Project) -> None:
        """Delete an empty project. Raises UsageError when it is not."""
        if self._inside[project.id]:
            raise UsageError(
                f'The project "{project.name}" cannot be deleted because it has repositories.',
                hint="delete or move its repositories first",
            )
        del self.projects[project.id], self._keys[project.key], self._inside[project.id]
        self.version += 1

    # Repositories -----------------------------------------------------------------------------

    def create_repository(
        self, project: Project, name: str, *, is_public: bool = False, origin: int = 0
    ) -> Repository:
        """Make a repository whose slug follows from its name. Raises UsageError when taken."""
        slug = slug_of(name)
        self._refuse_taken(project, slug)
        made = Repository(
            next(self._repository_numbers),
            slug,
            name,
            project.id,
            is_public=is_public,
            origin=origin,
        )
        return self.put_repository(made)

    def _refuse_taken(self, project: Project, slug: str) -> None:
        if not slug or (project.id, slug) in self._addresses:
            raise UsageError(f"{project.key}/{slug} exists already", hint="choose another name")

    def put_repository(self, repository: Repository) -> Repository:
        """Keep a repository; a changed address leaves a pointer behind until it is reused."""
        before = self.repositories.get(repository.id)
        address = (repository.project, repository.slug)
        if before is not None and (before.project, before.slug) != address:
            self._refuse_taken(self.projects[repository.project], repository.slug)
            self._leave(before)
            self._old_addresses[before.project, before.slug] = before.id
        self._old_addresses.pop(address, None)
        self._addresses[address] = repository.id
        self._inside[repository.project][repository.id] = None
        self.repositories[repository.id] = repository
        self.version += 1
        return repository

    def _leave(self, repository: Repository) -> None:
        del self._addresses[repository.project, repository.slug]
        del self._inside[repository.project][repository.id]

    def find_repository(self, project: Project, slug: str) -> Repository | None:
        """By its slug, in whatever case."""
        return self.repositories.get(self._addresses.get((project.id, slug.lower()), 0))

    def repository_before(self, project: Project, slug: str) -> Repository | None:
        """The repository that had this address before."""
        return self.repositories.get(self._old_addresses.get((project.id, slug.lower()), 0))

    def repository(self, project: str, slug_or_id: str | int) -> Repository:
        """By key and slug, or by id; raises UsageError when there is none."""
        home = self.project(project)
        found = self.find_repository(home, str(slug_or_id))
        if found is None and str(slug_or_id).isdecimal():
            found = self.repositories.get(int(slug_or_id))
        if found is None or found.project != home.id:
            raise UsageError(
                f"project {home.key} has no repository {slug_or_id}",
                hint="name it by its slug or its numeric id",
            )
        return found

    def inside(self, project: Project) -> list[Repository]:
        """Every repository of a project, oldest first."""
        return [self.repositories[number] for number in tuple(self._inside[project.id])]

    def delete_repository(self, repository: Repository) -> None:
        """Delete a repository; addresses that pointed to it lead nowhere."""
        self._leave(repository)
        del self.repositories[repository.id]
        self.version += 1

    def fill(self, prefix: str, projects: int, each: int) -> list[Project]:
        """Make projects with generated repositories."""
        first = sum(key.startswith(prefix) for key in self._keys)
        made = []
        for number in range(first, first + projects):
            project = self.create_project(f"{prefix}{number:04}", f"Generated {number:04}")
            made.append(project)
            for index in range(each):
                name = f"service-{number:04}-{index:03}"
                self.put_repository(
                    Repository(next(self._repository_numbers), name, name, project.id)
                )
        return made
