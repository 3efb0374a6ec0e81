"""What people do in Data Center's own pages, for the control API: JSON in, JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.routing import Route

from reconciler.errors import UsageError
from reconciler.sandbox.data_center.estate import Project, Repository
from reconciler.sandbox.data_center.instance import Instance
from reconciler.sandbox.data_center.tokens import Token
from reconciler.sandbox.hands import hand_routes

CONTROL_PATH = "/_sandbox/data-center"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a browser. Every method raises UsageError for what is not there.

    ``credentials`` are those that the sandbox hands out: a token may be named by its NAME.
    """

    instance: Instance
    credentials: Mapping[str, str]

    def overview(self) -> dict[str, Any]:
        """The instance without any secret: projects, tokens, knobs."""
        estate = self.instance.estate
        return {
            "projects": len(estate.projects),
            "repositories": len(estate.repositories),
            "users": [user.name for user in estate.people()],
            "tokens": [_token(token) for token in self.instance.tokens()],
            "knobs": asdict(self.instance.knobs),
        }

    def add_user(
        self, *, name: str, groups: Sequence[str] = (), admin: bool = False
    ) -> dict[str, Any]:
        """Make a user; answers the password."""
        return {"name": name, "password": self.instance.add_user(name, groups=groups, admin=admin)}

    def set_password(self, *, name: str) -> dict[str, Any]:
        """Give a user a new password; answers it."""
        return {"name": name, "password": self.instance.set_password(name)}

    def change_user(
        self, *, name: str, active: bool | None = None, licensed: bool | None = None
    ) -> dict[str, Any]:
        """Deactivate a user or take the licence away, and back."""
        user = self.instance.change_user(name, active=active, licensed=licensed)
        return {"name": user.name, "active": user.is_active, "licensed": user.is_licensed}

    def grant(
        self,
        *,
        project: str,
        permission: str = "",
        repository: str = "",
        user: str = "",
        group: str = "",
    ) -> dict[str, Any]:
        """Grant a permission to a user or group; an empty one takes the grant away."""
        self.instance.grant(
            permission, user=user, group=group, project=project, repository=repository
        )
        return {"permission": permission, "user": user, "group": group}

    def create_project(
        self, *, key: str, name: str = "", owner: str = "", public: bool = False
    ) -> dict[str, Any]:
        """Make a project."""
        return _project(self.instance.create_project(key, name, owner=owner, public=public))

    def rename_project(self, *, key: str, to: str) -> dict[str, Any]:
        """Give a project another key; the old one answers 307."""
        return _project(self.instance.rename_project(key, to))

    def create_repository(
        self,
        *,
        project: str,
        slug: str,
        public: bool = False,
        archived: bool = False,
        fork_of: str = "",
    ) -> dict[str, Any]:
        """Make a repository; ``fork_of`` is KEY/slug."""
        made = self.instance.create_repository(
            project, slug, public=public, archived=archived, fork_of=fork_of
        )
        return self._repository(made)

    def rename_repository(self, *, project: str, slug: str, name: str) -> dict[str, Any]:
        """Give a repository a new name and slug."""
        return self._repository(self.instance.rename_repository(project, slug, name))

    def move_repository(self, *, project: str, slug: str, to: str) -> dict[str, Any]:
        """Move a repository to another project."""
        return self._repository(self.instance.move_repository(project, slug, to))

    def archive(self, *, project: str, slug: str, archived: bool = True) -> dict[str, Any]:
        """Archive a repository, or bring it back."""
        return self._repository(self.instance.archive(project, slug, archived=archived))

    def delete_repository(self, *, project: str, slug: str) -> dict[str, Any]:
        """Delete a repository."""
        return {"deleted": self.instance.delete_repository(project, slug).id}

    def fill(self, *, projects: int, repositories_each: int) -> dict[str, Any]:
        """Generate projects with repositories."""
        self.instance.fill(projects=projects, repositories_each=repositories_each)
        return {"repositories": len(self.instance.estate.repositories)}

    def mint_token(
        self,
        *,
        owner: str = "svc-scanner",
        permissions: Sequence[str] = ("PROJECT_READ", "REPO_READ"),
        expiry_days: float | None = 365,
        name: str = "made by hand",
        project: str = "",
        repository: str = "",
    ) -> dict[str, Any]:
        """Make a token of a user, a project or a repository; answers the secret."""
        made = self.instance.mint_token(
            owner, permissions, expiry_days, name=name, project=project, repository=repository
        )
        return {"token": made.token, **_token(self.instance.token(made.id))}

    def revoke(self, *, token: str) -> dict[str, Any]:
        """Delete a token, named by id, secret or NAME."""
        return _token(self.instance.revoke(self._named(token)))

    def expire(self, *, token: str, in_days: float = 0) -> dict[str, Any]:
        """Let a token end now, or in so many days."""
        return _token(self.instance.expire(self._named(token), in_days=in_days))

    def mint_oauth_grant(
        self, *, user: str, scopes: Sequence[str] = ("ACCOUNT_WRITE", "PROJECT_ADMIN")
    ) -> dict[str, Any]:
        """Consent for a user; answers an access token for an hour."""
        made = self.instance.mint_oauth_grant(user, scopes)
        return {"token": made.token, "id": made.id}

    def create_oauth_link(
        self, *, name: str, redirect_url: str, scopes: Sequence[str]
    ) -> dict[str, Any]:
        """Make an incoming link; answers client id and secret."""
        link, secret = self.instance.oauth.create_link(name, redirect_url, tuple(scopes))
        return {"client_id": link.id, "client_secret": secret}

    def turn(self, **knobs: Any) -> dict[str, Any]:
        """Turn knobs of the instance; answers them all."""
        known = asdict(self.instance.knobs)
        for name, value in knobs.items():
            if name not in known or not _fits(value, known[name]):
                raise UsageError(
                    f"{name} is no knob, or its value has the wrong type",
                    hint=f"knobs are {known}",
                )
        for name, value in knobs.items():
            setattr(self.instance.knobs, name, value)
        return asdict(self.instance.knobs)

    def _named(self, token: str) -> str:
        return self.credentials.get(token, token)

    def _repository(self, found: Repository) -> dict[str, Any]:
        key = self.instance.estate.projects[found.project].key
        return {
            "id": found.id,
            "slug": found.slug,
            "project": key,
            "archived": found.is_archived,
        }


def _fits(value: object, present: object) -> bool:
    is_number = isinstance(present, float) and type(value) is int
    return is_number or type(value) is type(present)


def _project(found: Project) -> dict[str, Any]:
    return {"id": found.id, "key": found.key, "name": found.name}


def _token(found: Token) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "owner": found.owner,
        "name": found.name,
        "permissions": list(found.permissions),
        "expires_at": found.expires_at.isoformat() if found.expires_at else None,
        "revoked": found.revoked_at is not None,
    }


def routes(person: Person) -> list[Route]:
    """``GET /_sandbox/data-center`` and ``POST /_sandbox/data-center/NAME`` for every doing."""
    return hand_routes(
        CONTROL_PATH,
        person.overview,
        person.add_user,
        person.set_password,
        person.change_user,
        person.grant,
        person.create_project,
        person.rename_project,
        person.create_repository,
        person.rename_repository,
        person.move_repository,
        person.archive,
        person.delete_repository,
        person.fill,
        person.mint_token,
        person.revoke,
        person.expire,
        person.mint_oauth_grant,
        person.create_oauth_link,
        person.turn,
    )
