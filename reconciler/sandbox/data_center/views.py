"""How Data Center shows its things as JSON. Dates are milliseconds since 1970 [recorded]."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from reconciler.sandbox.answers import encode
from reconciler.sandbox.data_center.estate import Estate, Project, Repository, User
from reconciler.sandbox.data_center.hooks import Webhook
from reconciler.sandbox.data_center.tokens import Token


def millis(at: datetime) -> int:
    """A time as the API writes it."""
    return int(at.timestamp() * 1000)


class Views:
    """Shows things; *base* gives the instance's address with its context path."""

    def __init__(self, estate: Estate, base: Callable[[], str]) -> None:
        self._estate = estate
        self._base = base
        self._projects: dict[int, tuple[Project, bytes]] = {}

    @property
    def base(self) -> str:
        """The instance's address, without a slash at the end."""
        return self._base()

    def user(self, user: User) -> dict[str, Any]:
        """A user; service users have no e-mail, and a link of another kind."""
        kind = "bots" if user.type == "SERVICE" else "users"
        view = {
            "name": user.name,
            "emailAddress": user.email or None,
            "active": user.is_active,
            "displayName": user.display_name,
            "id": user.id,
            "slug": user.slug,
            "type": user.type,
            "links": {"self": [{"href": f"{self.base}/{kind}/{quote(user.slug)}"}]},
        }
        return {name: value for name, value in view.items() if value is not None}

    def project(self, project: Project) -> dict[str, Any]:
        """A project; ``description`` only when there is one, ``owner`` only in personal ones."""
        view: dict[str, Any] = {
            "key": project.key,
            "id": project.id,
            "name": project.name,
            "public": project.is_public,
            "type": project.type,
        }
        place = f"{self.base}/projects/{project.key}"
        if project.description:
            view["description"] = project.description
        if project.owner:
            view["owner"] = self.user(self._estate.users[project.owner])
            place = f"{self.base}/users/{quote(self._estate.users[project.owner].slug)}"
        return {**view, "links": {"self": [{"href": place}]}}

    def _project_bytes(self, number: int) -> bytes:
        project = self._estate.projects[number]
        kept = self._projects.get(number)
        if kept is None or kept[0] is not project:
            kept = self._projects[number] = (project, encode(self.project(project)))
        return kept[1]

    def repository(self, repository: Repository) -> bytes:
        """A repository, encoded; its project is encoded once for all."""
        view = self._own(repository)
        if repository.origin in self._estate.repositories:
            origin = self._estate.repositories[repository.origin]
            view["origin"] = {
                **self._own(origin),
                "project": self.project(self._estate.projects[origin.project]),
            }
        return b'%s,"project":%s}' % (
            encode(view)[:-1],
            self._project_bytes(repository.project),
        )

    def _own(self, repository: Repository) -> dict[str, Any]:
        project = self._estate.projects[repository.project]
        home, slug = project.key.lower(), repository.slug
        base = self.base
        root = repository.origin or repository.id
        place = f"projects/{project.key}"
        if project.owner:
            place = f"users/{quote(self._estate.users[project.owner].slug)}"
        view: dict[str, Any] = {
            "slug": slug,
            "id": repository.id,
            "name": repository.name,
            "hierarchyId": hashlib.sha256(str(root).encode()).hexdigest()[:20],
            "scmId": "git",
            "state": repository.state,
            "statusMessage": "Available",
            "forkable": True,
            "public": repository.is_public,
            "archived": repository.is_archived,
            "links": {
                "clone": [
                    {"href": f"{base}/scm/{home}/{slug}.git", "name": "http"},
                    {"href": f"ssh://git@{_host(base)}:7999/{home}/{slug}.git", "name": "ssh"},
                ],
                "self": [{"href": f"{base}/{place}/repos/{slug}/browse"}],
            },
        }
        if repository.description:
            view["description"] = repository.description
        return view

    def token(self, token: Token) -> dict[str, Any]:
        """A token without its secret; times that never came are absent."""
        view: dict[str, Any] = {
            "id": token.id,
            "createdDate": millis(token.created_at),
            "name": token.name,
            "permissions": list(token.permissions),
            "user": self.user(self._estate.users[token.owner]),
        }
        if token.expires_at is not None:
            view["expiryDate"] = millis(token.expires_at)
        if token.last_used_at is not None:
            view["lastAuthenticated"] = millis(token.last_used_at)
        return view

    def webhook(self, hook: Webhook, *, with_secret: bool) -> dict[str, Any]:
        """A webhook."""
        draft = hook.draft
        shown = {"secret": draft.secret} if draft.secret and with_secret else {}
        view: dict[str, Any] = {
            "id": hook.id,
            "name": draft.name,
            "createdDate": millis(hook.created_at),
            "updatedDate": millis(hook.updated_at),
            "events": list(draft.events),
            "configuration": shown,
            "url": draft.url,
            "active": draft.is_active,
            "scopeType": hook.home[0],
            "sslVerificationRequired": draft.checks_certificate,
        }
        if draft.login[0]:
            view["credentials"] = {"username": draft.login[0]}
        return view


def _host(base: str) -> str:
    return urlsplit(base).hostname or ""
