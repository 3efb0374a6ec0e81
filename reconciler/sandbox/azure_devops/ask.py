"""One request to the Azure DevOps emulator, and what answers it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.answers import encode
from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.estate import Project, Repository, ServicePrincipal, User
from reconciler.sandbox.azure_devops.organization import Organization
from reconciler.sandbox.azure_devops.tokens import Bearer, Pat
from reconciler.sandbox.azure_devops.views import Views

ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The identity of nobody; seen in github.com/microsoft/azure-devops-mcp issue 977."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and with what. Nobody when there is neither user nor principal."""

    user: User | None = None
    principal: ServicePrincipal | None = None
    pat: Pat | None = None
    bearer: Bearer | None = None

    @property
    def identity(self) -> User | ServicePrincipal | None:
        """The user or the service principal."""
        return self.user or self.principal

    @property
    def id(self) -> str:
        """The guid of the identity."""
        return self.identity.id if self.identity else ANONYMOUS

    @property
    def account(self) -> str:
        """The name at sign-in, or the application's object id."""
        if self.user is not None:
            return self.user.email
        return self.principal.entra_id if self.principal else "Anonymous"

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the credential holds."""
        held = self.pat or self.bearer
        return held.scopes if held else ()

    @property
    def sees(self) -> frozenset[str] | None:
        """The projects that are visible; None is all."""
        return self.user.sees if self.user else None

    @property
    def is_admin(self) -> bool:
        """Administers the whole organization."""
        return self.user is not None and self.user.is_admin


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that was admitted.

    Args:
        params: parameters of the path.
        version: the answer's api-version.
        project: the project of the path; None at the organization.
    """

    organization: Organization
    views: Views
    caller: Caller
    request: Request = field(repr=False)
    body: bytes = field(repr=False)
    params: dict[str, str]
    version: str
    project: Project | None = None

    def query(self, name: str, default: str = "") -> str:
        """A query parameter; letter case of its name does not count."""
        sought = name.lower()
        for key, value in self.request.query_params.items():
            if key.lower() == sought:
                return value
        return default

    def flag(self, name: str) -> bool:
        """A boolean query parameter; absent is false."""
        return self.query(name).lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A query parameter that counts. Raises RefusedError (400) when it does not."""
        text = self.query(name, str(default))
        if not (text.isascii() and text.isdigit()):
            raise faces.bad_argument(f"The value {text[:20]} of {name} is not valid.")
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises RefusedError (400) when it is none."""
        body = self.json_value()
        if not isinstance(body, dict):
            raise faces.bad_argument("The request body is not a JSON object.")
        return body

    def json_value(self) -> Any:
        """The body, whatever it is. Raises RefusedError (400) when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise faces.bad_argument("The request body is not valid JSON.") from None

    def home(self) -> Project:
        """The project of the path. Raises RefusedError (404) when the path has none."""
        if self.project is None:
            raise faces.not_served(self.request.url.path)
        return self.project

    def see_project(self, identifier: str, *, former: bool = True) -> Project:
        """A project by id or name. Raises RefusedError (404) when the caller sees none."""
        found = self.organization.estate.find_project(identifier, former=former)
        sees = self.caller.sees
        if found is None or (sees is not None and found.id not in sees):
            raise faces.no_project(identifier)
        return found

    def repository(self) -> tuple[Repository, Project]:
        """The repository of the path. Raises RefusedError (404) when the caller sees none."""
        name = self.params["repository"]
        found = self.organization.estate.find_repository(name, self.project)
        if found is None or found.deleted_at is not None:
            raise faces.no_repository(name)
        sees, home = self.caller.sees, self.organization.estate.projects[found.project]
        if (sees is not None and home.id not in sees) or home.state == "deleted":
            raise faces.no_repository(name)
        return found, home

    def reply(
        self, body: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """A JSON answer in the version that was asked for."""
        return self.encoded(encode(body), status, headers)

    def encoded(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """The same from bytes that are JSON already."""
        response = Response(body, status, headers)
        response.headers["Content-Type"] = f"{faces.JSON}; api-version={self.version}"
        return response


def listed(values: list[Any]) -> dict[str, Any]:
    """The wrapper of most lists."""
    return {"count": len(values), "value": values}


def inner(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object under those names, one within the other; empty when there is none."""
    for name in names:
        found = body.get(name)
        body = found if isinstance(found, dict) else {}
    return body


def nothing() -> Response:
    """204."""
    return Response(status_code=204)


Handler: TypeAlias = Callable[[Ask], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a resource.

    Args:
        handler: what answers.
        scopes: any of these suffices; none needed when empty.
        is_for_pats: the token API, which takes nothing but a signed-in user's bearer.
        is_open: answers nobody as well, when the knobs say so.
    """

    handler: Handler
    scopes: tuple[str, ...] = ()
    is_for_pats: bool = False
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as ``OPTIONS _apis`` tells of it, with its paths.

    Args:
        id: guid that the official clients know it by.
        area: the first word after ``_apis``, but for letter case.
        name: the second.
        template: route template for the official clients.
        paths: pattern after ``_apis`` → method → operation.
        revision: newest revision of its preview.
        is_released: some version needs no ``-preview``.
        is_hosted: only Services have it.
    """

    id: str
    area: str
    name: str
    template: str
    paths: dict[str, dict[str, Operation]]
    revision: int = 1
    is_released: bool = True
    is_hosted: bool = False
