"""One emulated instance of Bitbucket Data Center: its state, and a person's hands in it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.errors import UsageError
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.data_center.estate import (
    READERS,
    Estate,
    Project,
    Repository,
    User,
    slug_of,
)
from reconciler.sandbox.data_center.hooks import Hooks
from reconciler.sandbox.data_center.knobs import Knobs
from reconciler.sandbox.data_center.levels import PROJECT, REPO, Level, is_known, parse
from reconciler.sandbox.data_center.limits import Buckets
from reconciler.sandbox.data_center.oauth import OAuthDesk
from reconciler.sandbox.data_center.rights import GROUP, USER, Caller, Grants, Sight, as_user
from reconciler.sandbox.data_center.tokens import (
    PROJECT_LEVEL,
    REPOSITORY_LEVEL,
    USER_LEVEL,
    Minted,
    Shelf,
    Token,
)
from reconciler.sandbox.settings import Clock

READ_ALL = ("PROJECT_READ", "REPO_READ")


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository as a consumer sees it. ``project`` is the key."""

    id: int
    slug: str
    project: str
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a credential that somebody else's server tried.

    ``reason`` is empty on success and otherwise a sentence without any secret. ``repositories``
    are those it may read, archived ones among them. ``expires_at`` is UTC, None for never.
    """

    ok: bool
    reason: str = ""
    repositories: tuple[Seen, ...] = ()
    expires_at: datetime | None = None


class Instance:
    """Everything of the instance that can change."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.knobs = Knobs()
        self.estate = Estate(seed)
        self.grants = Grants()
        self.shelf = Shelf(clock, seed)
        self.oauth = OAuthDesk(clock)
        self.hooks = Hooks()
        self.buckets = Buckets(clock)
        self.failed_logins: dict[str, int] = {}
        self._passwords: dict[str, str] = {}

    # People -----------------------------------------------------------------------------------

    def add_user(
        self,
        name: str,
        *,
        display_name: str = "",
        groups: Sequence[str] = (),
        admin: bool = False,
    ) -> str:
        """Make a user; the password, which is shown this once."""
        self.estate.add_user(
            name,
            display_name,
            email=f"{name}@example.org",
            groups=tuple(groups),
            global_level="SYS_ADMIN" if admin else "LICENSED_USER",
        )
        return self.set_password(name)

    def set_password(self, name: str) -> str:
        """Give a user a new password; the old one stops."""
        password = secrets.token_urlsafe(18)
        self._passwords[self.estate.user(name).name] = digest(password)
        return password

    def has_password(self, name: str, password: str) -> bool:
        """Whether that is the user's password."""
        return self._passwords.get(name) == digest(password)

    def change_user(
        self, name: str, *, active: bool | None = None, licensed: bool | None = None
    ) -> User:
        """Deactivate a user or take the licence away, and back."""
        user = self.estate.user(name)
        changed = replace(
            user,
            is_active=user.is_active if active is None else active,
            is_licensed=user.is_licensed if licensed is None else licensed,
        )
        return self.estate.put_user(changed)

    def grant(
        self,
        permission: str,
        *,
        user: str = "",
        group: str = "",
        project: str,
        repository: str = "",
    ) -> None:
        """Grant a permission directly; an empty *permission* takes the grant away."""
        if not (user or group):
            raise UsageError("nobody is named", hint="name a user or a group")
        thing = self._thing(project, repository)
        part = REPO if isinstance(thing, Repository) else PROJECT
        level = parse(permission, part)
        if permission and level is None:
            raise UsageError(
                f"{permission} cannot be granted here", hint=f"{part}_READ, _WRITE or _ADMIN"
            )
        if user:
            self.estate.user(user)
        self.set_grant(thing, (USER, user) if user else (GROUP, group), level)

    def set_grant(
        self, thing: Project | Repository, subject: tuple[str, str], level: Level | None
    ) -> None:
        """Put a level for a subject, or take it away."""
        held = self.grants.on(thing)
        held.pop(subject, None)
        if level is not None:
            held[subject] = level
        self.estate.version += 1

    def sight(self, caller: Caller) -> Sight:
        """What the caller may do."""
        return Sight(self.estate, self.grants, caller)

    # Projects and repositories ----------------------------------------------------------------

    def create_project(
        self,
        key: str,
        name: str = "",
        *,
        owner: str = "",
        public: bool = False,
        readers: bool = True,
    ) -> Project:
        """Make a project; with *readers* the group of READERS may read it.

        A personal project has an *owner* and the key ``~NAME``; there readers are let into each
        repository, since nobody can be let into the project.
        """
        if owner:
            self.estate.user(owner)
        made = self.estate.create_project(key, name, owner=owner, is_public=public)
        if readers and not owner:
            self.set_grant(made, (GROUP, READERS), Level.READ)
        return made

    def create_repository(
        self,
        project: str,
        slug: str,
        *,
        public: bool = False,
        archived: bool = False,
        fork_of: str = "",
    ) -> Repository:
        """Make a repository; *fork_of* is ``KEY/slug``."""
        home = self.estate.project(project)
        origin = self.estate.repository(*_qualified(fork_of)).id if fork_of else 0
        made = self.estate.create_repository(home, slug, is_public=public, origin=origin)
        if home.owner:
            self.set_grant(made, (GROUP, READERS), Level.READ)
        return self.archive(project, made.slug) if archived else made

    def repository(self, project: str, slug_or_id: str | int) -> Repository:
        """By key and slug or id; raises UsageError when there is none."""
        return self.estate.repository(project, slug_or_id)

    def rename_repository(self, project: str, slug: str | int, name: str) -> Repository:
        """Give a repository a new name and so a new slug; its id stays."""
        found = self.repository(project, slug)
        return self.estate.put_repository(replace(found, name=name, slug=slug_of(name)))

    def move_repository(self, project: str, slug: str | int, to: str) -> Repository:
        """Move a repository to another project; the old address answers 307 until reused."""
        found = self.repository(project, slug)
        return self.estate.put_repository(replace(found, project=self.estate.project(to).id))

    def archive(self, project: str, slug: str | int, *, archived: bool = True) -> Repository:
        """Archive a repository, or bring it back."""
        found = self.repository(project, slug)
        return self.estate.put_repository(replace(found, is_archived=archived))

    def delete_repository(self, project: str, slug: str | int) -> Repository:
        """Delete a repository with its tokens."""
        found = self.repository(project, slug)
        self.discard(found)
        return found

    def discard(self, repository: Repository) -> None:
        """Delete a repository, and what lives only with it."""
        for token in self.shelf.at((REPOSITORY_LEVEL, repository.id)):
            self.shelf.revoke(token)
        for hook in self.hooks.at((REPOSITORY_LEVEL, repository.id)):
            self.hooks.delete(hook)
        self.estate.delete_repository(repository)

    def rename_project(self, key: str, new_key: str) -> Project:
        """Give a project another key; the old one answers 307 until reused."""
        return self.estate.put_project(replace(self.estate.project(key), key=new_key.upper()))

    def fill(self, *, projects: int, repositories_each: int) -> None:
        """Generate projects with repositories, readable to the group of READERS."""
        for project in self.estate.fill("GEN", projects, repositories_each):
            self.grants.on(project)[GROUP, READERS] = Level.READ
        self.estate.version += 1

    # Tokens -----------------------------------------------------------------------------------

    def mint_token(
        self,
        owner: str = "svc-scanner",
        permissions: Sequence[str] = READ_ALL,
        expiry_days: float | None = 365,
        name: str = "made by hand",
        project: str = "",
        repository: str = "",
    ) -> Minted:
        """Make a token as a person would in the web pages.

        Args:
            owner: the user, for a token of the user's own.
            permissions: such as ``PROJECT_READ`` and ``REPO_READ``.
            expiry_days: None never ends.
            name: free text.
            project: key; makes a project token, or with *repository* names the project.
            repository: slug in *project*, or ``KEY/slug``; makes a repository token.
        """
        unknown = [p for p in permissions if not is_known(p)]
        if unknown:
            raise UsageError(
                f"no permission is called {unknown[0]}", hint="PROJECT_ or REPO_READ, WRITE, ADMIN"
            )
        draft = self.draft(self._home(owner, project, repository), name, tuple(permissions))
        made, secret = self.shelf.mint(draft, expiry_days)
        return Minted(secret, made.id)

    def draft(self, home: User | Project | Repository, name: str, held: tuple[str, ...]) -> Token:
        """A token to be made at a home, with the user as whom it will act."""
        now = self.clock.now()
        if isinstance(home, User):
            return Token("", USER_LEVEL, home.name, home.id, name, held, now)
        is_project = isinstance(home, Project)
        kind = PROJECT_LEVEL if is_project else REPOSITORY_LEVEL
        service = self.estate.service_user(1 if is_project else 2, home.id)
        return Token("", kind, service.name, home.id, name, held, now)

    def tokens(self, owner: str = "", project: str = "", repository: str = "") -> tuple[Token, ...]:
        """Tokens that were not revoked, newest first; all of them when nothing is named."""
        if not (owner or project or repository):
            return tuple(t for t in reversed(self.shelf.all()) if t.revoked_at is None)
        home = self._home(owner, project, repository)
        kind = {User: USER_LEVEL, Project: PROJECT_LEVEL, Repository: REPOSITORY_LEVEL}[type(home)]
        return tuple(self.shelf.at((kind, home.id)))

    def token(self, secret_or_id: str) -> Token:
        """By its secret or id, dead or alive; raises UsageError when there is none."""
        found = self.shelf.get(secret_or_id)
        if found is None:
            raise UsageError(
                "the instance never made this token", hint="name it by its secret or its id"
            )
        return found

    def revoke(self, token_or_id: str) -> Token:
        """Delete a token."""
        return self.shelf.revoke(self.token(token_or_id))

    def expire(self, token_or_id: str, *, in_days: float = 0) -> Token:
        """Let a token end now, or in so many days."""
        ends = self.clock.now() + timedelta(days=in_days)
        return self.shelf.change(self.token(token_or_id), expires_at=ends)

    def mint_oauth_grant(
        self, user: str, scopes: Sequence[str] = ("ACCOUNT_WRITE", "PROJECT_ADMIN")
    ) -> Minted:
        """Consent for a user; ``.token`` is an access token for an hour, which may make tokens."""
        return self.oauth.grant(self.estate.user(user).name, tuple(scopes))

    def kill(self, named: str) -> None:
        """End a token, a grant, or the password of a user, whichever is named."""
        grant = self.oauth.get(named)
        if grant is not None:
            grant.is_revoked = True
        elif named in self._passwords:
            del self._passwords[named]
        else:
            self.revoke(named)

    def try_token(self, secret: str, username: str = "") -> Tried:
        """Use a token (with *username*: as Basic password), as a consumer's server would."""
        from reconciler.sandbox.answers import RefusedError
        from reconciler.sandbox.data_center.login import authenticate, basic_header

        header = basic_header(username, secret) if username else f"Bearer {secret}"
        try:
            caller = authenticate(self, header)
        except RefusedError as refusal:
            return Tried(False, f"{refusal.response.status_code}: the credential is not let in")
        sight, projects = self.sight(caller), self.estate.projects
        seen = tuple(
            Seen(r.id, r.slug, projects[r.project].key, r.is_archived)
            for r in tuple(self.estate.repositories.values())
            if sight.repository(r)
        )
        return Tried(True, "", seen, caller.token.expires_at if caller.token else None)

    # ------------------------------------------------------------------------------------------

    def _home(self, owner: str, project: str, repository: str) -> User | Project | Repository:
        if repository:
            where = _qualified(repository) if "/" in repository else (project, repository)
            return self.estate.repository(*where)
        return self.estate.project(project) if project else self.estate.user(owner)

    def _thing(self, project: str, repository: str) -> Project | Repository:
        if repository:
            return self.estate.repository(project, repository)
        return self.estate.project(project)

    def all_of(self, user: User) -> Sight:
        """What a user may do with all the user's rights."""
        return self.sight(as_user(user))


def _qualified(name: str) -> tuple[str, str]:
    key, _, slug = name.partition("/")
    return key, slug
