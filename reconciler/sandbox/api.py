"""How one request to the Bitbucket Cloud emulator is handled: caller, allowance, scopes, reply."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox import answers, limits
from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.auth import Caller, authenticate, demand, scope_headers
from reconciler.sandbox.bitbucket import BitbucketEstate, may_see
from reconciler.sandbox.estate import Repository, Workspace
from reconciler.sandbox.paging import PageCache
from reconciler.sandbox.scopes import Need
from reconciler.sandbox.settings import BITBUCKET
from reconciler.sandbox.state import Sandbox
from reconciler.sandbox.views import Views

REPOSITORIES = "repositories"
WEBHOOKS = "webhooks"


class Api:
    """The emulator's parts, shared by all its requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.cache: PageCache[Repository] = PageCache()
        self.meter = limits.Meter()
        self.views = Views(sandbox.bitbucket.estate, self._base)

    def _base(self) -> str:
        return self.sandbox.urls.get(BITBUCKET, "https://api.bitbucket.org/2.0")

    @property
    def bitbucket(self) -> BitbucketEstate:
        """The state."""
        return self.sandbox.bitbucket


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that passed the front door."""

    api: Api
    caller: Caller
    request: Request = field(repr=False)
    body: bytes = field(repr=False, default=b"")

    @property
    def path(self) -> str:
        """The path as it was sent, percent-encoded, after ``/2.0``."""
        raw: bytes = self.request.scope.get("raw_path") or self.request.url.path.encode()
        return raw.decode("ascii").removeprefix("/2.0")

    @property
    def place(self) -> str:
        """The absolute address of what was asked for."""
        return self.api.views.base + self.path

    def param(self, name: str) -> str:
        """A parameter of the path, decoded."""
        return str(self.request.path_params[name])

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises RefusedError (400) when it is none."""
        try:
            body = json.loads(self.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise answers.refuse(400, "Bad request: the body is not a JSON object")
        return body

    def workspace(self) -> Workspace:
        """The workspace of the path, refused where its private content is closed.

        Source: 403 of a deactivated workspace is recorded; that of an IP allowlist is the text
        that git shows, assumed for REST.
        """
        identifier = self.param("workspace")
        found = self.api.bitbucket.estate.find_workspace(identifier)
        if found is None:
            raise answers.no_workspace(identifier)
        if found.is_deactivated:
            raise answers.refuse(403, answers.DEACTIVATED)
        return found

    def repository(self) -> Repository:
        """The repository of the path; 404 when it is unknown or invisible alike."""
        is_anywhere = self.param("workspace") == "{}"
        home = None if is_anywhere else self.workspace()
        found = self.api.bitbucket.estate.find_repository(home, self.param("slug"))
        if found is None or not sees(self.api.bitbucket, self.caller, found):
            raise answers.refuse(404, answers.NO_REPOSITORY)
        home = self.api.bitbucket.estate.workspaces[found.workspace]
        refuse_closed(home)
        self._follow_rename(found)
        return found

    def _follow_rename(self, found: Repository) -> None:
        asked = self.param("slug")
        if asked in (found.slug, found.uuid):
            return
        if not self.api.sandbox.switches.redirect_renamed:
            raise answers.refuse(404, answers.NO_REPOSITORY)
        target = self.path.replace(f"/{asked}", f"/{found.slug}", 1)
        raise RefusedError(
            Response(status_code=301, headers={"Location": self.api.views.base + target})
        )


def refuse_closed(workspace: Workspace) -> None:
    """Refuse private content behind an IP allowlist."""
    if workspace.has_allowlist:
        raise answers.refuse(403, answers.ALLOWLIST)


def sees(bitbucket: BitbucketEstate, caller: Caller, repository: Repository) -> bool:
    """Whether the repository is public or the caller's to see."""
    if not repository.is_private:
        return True
    home = bitbucket.estate.workspaces[repository.workspace]
    credential = caller.credential
    return credential is not None and caller.reaches(home) and may_see(credential, repository)


Handler: TypeAlias = Callable[[Ask], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the scopes it wants, the group it is counted in, who may call it."""

    handler: Handler
    need: Need
    group: str = ""
    is_public: bool = False


def endpoint(api: Api, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The operation as a Starlette endpoint."""

    async def run(request: Request) -> Response:
        body = b"" if request.method == "GET" else await request.body()
        return _handle(api, operation, request, body)

    return run


def _handle(api: Api, operation: Operation, request: Request, body: bytes) -> Response:
    try:
        caller = authenticate(api.bitbucket, request.headers.get("authorization"))
    except RefusedError as refusal:
        return refusal.response
    headers = scope_headers(caller, operation.need)
    try:
        headers |= _count(api, operation, caller, request)
        if caller.credential is None and not operation.is_public:
            raise answers.bad_basic()
        demand(caller, operation.need)
        response = operation.handler(Ask(api, caller, request, body))
    except RefusedError as refusal:
        response = refusal.response
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _count(api: Api, operation: Operation, caller: Caller, request: Request) -> dict[str, str]:
    is_anonymous = caller.credential is None
    group = "anonymous" if is_anonymous else operation.group
    setting = api.sandbox.settings.rate_limit
    if not group or not setting:
        return {}
    limit = limits.ANONYMOUS if is_anonymous else setting
    address = request.client.host if request.client else ""
    identity, now = limits.identity_of(caller, address), api.sandbox.now()
    used = api.meter.count(identity, group, now)
    wait_s = api.meter.seconds_left(identity, group, now)
    headers = limits.limit_headers(caller, limit, used, wait_s)
    if used > limit:
        api.meter.refund(identity, group)
        response = limits.too_many(wait_s, api.sandbox.switches.retry_after, now)
        response.headers.update(headers)
        raise RefusedError(response)
    return headers
