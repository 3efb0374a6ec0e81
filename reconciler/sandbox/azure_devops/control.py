"""What a person does in the pages of Azure DevOps, as routes of the control application.

``GET /_sandbox/azure-devops`` shows the organization; ``POST /_sandbox/azure-devops/NAME`` with a
JSON object does what the method of that name of `Organization` does, dashes for underscores.
``PATCH /_sandbox/azure-devops/knobs`` turns knobs. Misuse is 400 with cause and hint.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.errors import UsageError
from reconciler.sandbox.answers import answer
from reconciler.sandbox.azure_devops.organization import Organization
from reconciler.sandbox.azure_devops.tokens import Minted, Pat, wire_time
from reconciler.sandbox.state import Sandbox

PATH = "/_sandbox/azure-devops"


class Person:
    """Somebody who works in the pages, seen from the control API. Answers hold JSON alone."""

    def __init__(self, sandbox: Sandbox, organization: Organization) -> None:
        self._sandbox = sandbox
        self._organization = organization

    def overview(self) -> dict[str, Any]:
        """The organization: people, PATs without secrets, projects, knobs."""
        org = self._organization
        return {
            "organization": org.name,
            "id": org.id,
            "tenant": org.tenant,
            "users": [user.email for user in org.estate.users.values()],
            "projects": [
                {
                    "id": project.id,
                    "name": project.name,
                    "state": project.state,
                    "git": project.has_git,
                    "tfvc": project.has_tfvc,
                    "repositories": len(org.estate.live(project.id)),
                }
                for project in org.estate.projects.values()
            ],
            "pats": [self._pat(pat) for pat in org.pats()],
            "knobs": asdict(org.knobs),
        }

    def _pat(self, pat: Pat) -> dict[str, Any]:
        return {
            "id": pat.id,
            "name": pat.name,
            "scope": pat.scope,
            "owner": pat.owner,
            "validTo": wire_time(pat.valid_to),
            "status": pat.status(self._organization.clock.now()),
        }

    def knobs(self, **values: Any) -> dict[str, Any]:
        """Turn knobs; answers all of them."""
        return self._organization.knobs.turn(**values)

    def mint_pat(self, **values: Any) -> dict[str, Any]:
        """Make a PAT: owner, scopes, days, name, all_orgs; the secret is answered once."""
        return _minted(self._organization.mint_pat(**_tuples(values)))

    def mint_user_token(self, **values: Any) -> dict[str, Any]:
        """A signed-in user's bearer: user, scopes; the secret is answered once."""
        return _minted(self._organization.mint_user_token(**_tuples(values)))

    def mint_refresh_token(self, user: str) -> dict[str, Any]:
        """A refresh token of somebody who signed in: user."""
        return {"token": self._organization.mint_refresh_token(user)}

    def revoke(self, token: str) -> dict[str, Any]:
        """Kill a credential, named by token, id or the NAME it was handed out under."""
        self._organization.revoke(self._which(token))
        return {"revoked": True}

    def expire(self, token: str, in_days: float = 0) -> dict[str, Any]:
        """Let a credential end in some days; 0 is now."""
        at = self._organization.clock.now() + timedelta(days=in_days)
        self._organization.expire(self._which(token), at)
        return {"ends": wire_time(at)}

    def _which(self, token: str) -> str:
        return self._sandbox.credentials.get(token, token)

    def create_project(self, **values: Any) -> dict[str, Any]:
        """Create a project: name, tfvc, git."""
        return _named(self._organization.create_project(**values))

    def rename_project(self, project: str, name: str) -> dict[str, Any]:
        """Rename a project."""
        return _named(self._organization.rename_project(project, name))

    def delete_project(self, project: str) -> dict[str, Any]:
        """Delete a project."""
        return _named(self._organization.delete_project(project))

    def create_repository(self, **values: Any) -> dict[str, Any]:
        """Create a repository: project, name; branch and size empty for one without a commit."""
        return _named(self._organization.create_repository(**values))

    def rename_repository(self, project: str, repository: str, name: str) -> dict[str, Any]:
        """Rename a repository."""
        return _named(self._organization.rename_repository(project, repository, name))

    def disable_repository(
        self, project: str, repository: str, *, is_disabled: bool = True
    ) -> dict[str, Any]:
        """Disable a repository, or enable it again (is_disabled: false)."""
        return _named(
            self._organization.disable_repository(project, repository, is_disabled=is_disabled)
        )

    def delete_repository(self, project: str, repository: str) -> dict[str, Any]:
        """Put a repository into the recycle bin."""
        return _named(self._organization.delete_repository(project, repository))

    def restore_repository(self, project: str, repository: str) -> dict[str, Any]:
        """Take a repository, named by id, out of the recycle bin."""
        return _named(self._organization.restore_repository(project, repository))

    def limit_user(self, user: str, projects: list[str] | None = None) -> dict[str, Any]:
        """Let somebody see only some projects; without projects, all again."""
        seen = None if projects is None else tuple(projects)
        self._organization.limit_user(user, seen)
        return {"user": user, "projects": projects}

    def fill(self, projects: int, repositories_each: int) -> dict[str, Any]:
        """Add so many projects with so many repositories each."""
        self._organization.fill(projects, repositories_each)
        return {"projects": len(self._organization.estate.projects)}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _minted(minted: Minted) -> dict[str, Any]:
    return {"token": minted.token, "id": minted.id}


def _named(made: object) -> dict[str, Any]:
    shown = asdict(made) if is_dataclass(made) and not isinstance(made, type) else {}
    return {key: shown[key] for key in ("id", "name") if key in shown}


def routes(sandbox: Sandbox, organization: Organization) -> list[Route]:
    """The routes."""
    person = Person(sandbox, organization)
    acts: tuple[Callable[..., dict[str, Any]], ...] = (
        person.mint_pat,
        person.mint_user_token,
        person.mint_refresh_token,
        person.revoke,
        person.expire,
        person.create_project,
        person.rename_project,
        person.delete_project,
        person.create_repository,
        person.rename_repository,
        person.disable_repository,
        person.delete_repository,
        person.restore_repository,
        person.limit_user,
        person.fill,
    )
    return [
        _route(PATH, person.overview, "GET"),
        _route(f"{PATH}/knobs", person.knobs, "PATCH"),
        *(_route(f"{PATH}/{act.__name__.replace('_', '-')}", act, "POST") for act in acts),
    ]


def _route(path: str, act: Callable[..., dict[str, Any]], method: str) -> Route:
    async def handle(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
            return answer(act(**body))
        except UsageError as error:
            return answer({"error": error.cause, "hint": error.hint}, 400)
        except (TypeError, ValueError, AttributeError) as error:
            kind = type(error).__name__
            hint = "send a JSON object with the arguments of this doing"
            return answer({"error": f"bad body ({kind})", "hint": hint}, 400)

    handle.__doc__ = (act.__doc__ or "").split("\n", 1)[0]
    endpoint: Callable[[Request], Awaitable[Response]] = handle
    return Route(path, endpoint, methods=[method])
