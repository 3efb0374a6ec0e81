"""How one request to the Data Center emulator is handled: caller, allowance, rights, reply."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError, encode
from reconciler.sandbox.data_center import listing, wire
from reconciler.sandbox.data_center.estate import Project, Repository, User
from reconciler.sandbox.data_center.instance import Instance
from reconciler.sandbox.data_center.levels import Level
from reconciler.sandbox.data_center.login import authenticate
from reconciler.sandbox.data_center.rights import Caller, Shown, Sight
from reconciler.sandbox.data_center.views import Views
from reconciler.sandbox.paging import Page, PageCache
from reconciler.sandbox.settings import DATA_CENTER
from reconciler.sandbox.state import Sandbox

Item = TypeVar("Item")
CONTEXT = "/bitbucket"
VERSIONS = ("latest", "1.0")
VARY = "x-ausername,x-auserid,cookie,accept-encoding"
DEMO = "https://git.example.org/bitbucket"


class Api:
    """The emulator's parts, shared by all its requests."""

    def __init__(self, sandbox: Sandbox, instance: Instance) -> None:
        self.sandbox = sandbox
        self.instance = instance
        self.views = Views(instance.estate, lambda: sandbox.urls.get(DATA_CENTER, DEMO))
        self.cache: PageCache[Any] = PageCache()
        self.numbers = count(1)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that passed the door."""

    api: Api
    caller: Caller
    request: Request = field(repr=False)
    body: bytes = field(repr=False, default=b"")

    @property
    def instance(self) -> Instance:
        """The state."""
        return self.api.instance

    @property
    def params(self) -> Mapping[str, str]:
        """The query string."""
        return self.request.query_params

    @property
    def sight(self) -> Sight:
        """What the caller may do."""
        return self.instance.sight(self.caller)

    @property
    def user(self) -> User:
        """The calling user; 401 when there is none."""
        if self.caller.user is None:
            raise wire.no_login()
        return self.caller.user

    def param(self, name: str) -> str:
        """A parameter of the path, decoded."""
        return str(self.request.path_params[name])

    def json(self) -> dict[str, Any]:
        """The body as an object; 400 when it is none."""
        try:
            body = json.loads(self.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise wire.refuse(400, "The request body is not a JSON object.")
        return body

    # What the path names ----------------------------------------------------------------------

    def project(self, need: Level = Level.READ) -> Project:
        """The project of the path; 404 when unknown, 401 when the right is missing."""
        found = self._project()
        sight = self.sight
        is_enough = sight.sees(found) if need is Level.READ else sight.project(found) >= need
        self._demand(is_enough)
        return found

    def _project(self) -> Project:
        key = self.key
        estate = self.instance.estate
        found = estate.find_project(key)
        if found is not None:
            return found
        moved = estate.project_before(key)
        if moved is None:
            raise wire.no_project(key)
        raise self._moved(moved.key)

    @property
    def key(self) -> str:
        """The key, also where the path names a user instead: ``/users/{slug}/repos/…``."""
        if "key" in self.request.path_params:
            return self.param("key")
        return f"~{self.param('user').removeprefix('~')}"

    def repository(self, need: Level = Level.READ) -> Repository:
        """The repository of the path; 404 when unknown, 401 when the right is missing."""
        home, slug = self._project(), self.param("slug")
        estate = self.instance.estate
        found = estate.find_repository(home, slug)
        if found is None:
            moved = estate.repository_before(home, slug)
            if moved is None:
                raise wire.no_repository(home.key, slug)
            if home.owner and "key" in self.request.path_params:
                # https://jira.atlassian.com/browse/BSERV-11763: the form with ~ fails
                raise wire.refuse(500, "An error occurred")
            raise self._moved(estate.projects[moved.project].key, moved.slug)
        is_public = need is Level.READ and self.is_public(found)
        self._demand(is_public or self.sight.repository(found) >= need)
        return found

    def is_public(self, repository: Repository) -> bool:
        """Whether anybody may read it who gets as far as this."""
        return repository.is_public or self.instance.estate.projects[repository.project].is_public

    def _demand(self, is_enough: bool) -> None:
        if not is_enough:
            raise self.denial()

    def denial(self) -> RefusedError:
        """401 in the shape that fits the caller."""
        return wire.no_login() if self.caller.user is None else wire.no_right()

    def demand_admin(self) -> None:
        """Let only administrators pass, who did not show a token: 401 for the others."""
        if not self.caller.is_admin:
            raise self.denial()

    def _moved(self, key: str, slug: str = "") -> RefusedError:
        raw: bytes = self.request.scope.get("raw_path") or self.request.url.path.encode()
        parts = raw.decode("ascii").split("/")
        at = parts.index("projects" if "key" in self.request.path_params else "users")
        parts[at : at + 2] = ["projects", quote(key, safe="~")]
        if slug:
            parts[at + 3] = quote(slug)
        query = self.request.scope["query_string"].decode("latin-1")
        origin = self.api.views.base.removesuffix(CONTEXT)
        target = origin + "/".join(parts) + (f"?{query}" if query else "")
        return RefusedError(Response(status_code=307, headers={"Location": target}))

    # Replies ----------------------------------------------------------------------------------

    def page(self, every: Iterable[Item], view: Callable[[Item], object]) -> Response:
        """A page of a short list, built afresh."""
        selection = listing.select(every, lambda _: True, self.instance.knobs.hidden)
        start, limit = listing.read_page(self.params, self.instance.knobs.page_limit)
        body = listing.page(selection, start, limit, lambda item: encode(view(item)))
        return Response(body, media_type=wire.JSON)

    def kept_page(
        self,
        key: tuple[object, ...],
        build: Callable[[], listing.Selection[Item]],
        view: Callable[[Item], bytes],
    ) -> Response:
        """A page of a long list; selections and pages are kept until anything changes."""
        start, limit = listing.read_page(self.params, self.instance.knobs.page_limit)
        kept = (
            *key,
            self.instance.estate.version,
            self.instance.knobs.hidden,
            self.caller.view,
            self.api.views.base,
        )

        def make() -> Page:
            found = self.api.cache.selection(kept, lambda: [build()])[0]
            return Page(listing.page(found, start, limit, view), "")

        page = self.api.cache.page((*kept, start, limit), make)
        return Response(page.body, media_type=wire.JSON)


Handler: TypeAlias = Callable[[Ask], Response]
OPEN, PUBLIC, USERS = "open", "public", "users"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``door``: OPEN to all, PUBLIC by the instance's choice, or for USERS."""

    handler: Handler
    door: str = USERS


def endpoint(api: Api, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The operation as a Starlette endpoint."""

    async def run(request: Request) -> Response:
        body = b"" if request.method == "GET" else await request.body()
        return _handle(api, operation, request, body)

    return run


def _handle(api: Api, operation: Operation, request: Request, body: bytes) -> Response:
    caller = Caller()
    try:
        _check_form(request, body)
        header = request.headers.get("authorization")
        login_url = f"{api.views.base}/login"
        caller = authenticate(api.instance, header, login_url=login_url)
        _check_caller(api.instance, operation, caller)
        response = operation.handler(Ask(api, caller, request, body))
    except RefusedError as refusal:
        response = refusal.response
    response.headers["Vary"] = VARY
    if caller.user is not None:
        response.headers.update(_identity(api, caller.user))
    return response


def _identity(api: Api, user: User) -> dict[str, str]:
    """Who the instance takes the caller for [recorded]; anonymous answers lack it [assumed]."""
    number = next(api.numbers)
    at = api.sandbox.now()
    return {
        "X-AUSERNAME": quote(user.name, safe=""),
        "X-AUSERID": str(user.id),
        "X-AREQUESTID": f"@1SBX{number:X}x{at.hour * 60 + at.minute}x{number}x0",
    }


def _check_caller(instance: Instance, operation: Operation, caller: Caller) -> None:
    if caller.shown is Shown.NOTHING:
        is_let_in = operation.door == OPEN or (
            operation.door == PUBLIC and instance.knobs.anonymous_access
        )
        if not is_let_in:
            raise wire.no_login()
    elif caller.user is not None and not instance.buckets.take(caller.user.name, instance.knobs):
        raise RefusedError(wire.too_many(instance.knobs.rate_body))


def _check_form(request: Request, body: bytes) -> None:
    """Refuse what the API does not even look at: unknown versions, forms, Accept headers."""
    headers = request.headers
    accept = headers.get("accept", "*/*")
    if request.path_params.get("version", "latest") not in VERSIONS:
        raise RefusedError(wire.unrouted(accept))
    if not any(kind in accept for kind in ("*/*", "application/*", "application/json")):
        raise RefusedError(wire.empty(406))
    if request.method == "GET":
        return
    is_browser = "mozilla" in headers.get("user-agent", "").lower()
    if is_browser and headers.get("x-atlassian-token", "") != "no-check":
        raise RefusedError(Response("XSRF check failed", 403))
    if body and "json" not in headers.get("content-type", ""):
        raise RefusedError(wire.empty(415))
