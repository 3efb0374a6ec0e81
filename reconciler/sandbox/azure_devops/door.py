"""How one request to the Azure DevOps emulator is handled: path, caller, scope, version, answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, unquote
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.azure_devops import access, faces
from reconciler.sandbox.azure_devops.ask import Ask, Caller, Operation, Resource
from reconciler.sandbox.azure_devops.faces import Faces
from reconciler.sandbox.azure_devops.organization import Organization
from reconciler.sandbox.azure_devops.versions import Offer, version_of
from reconciler.sandbox.azure_devops.views import Views
from reconciler.sandbox.settings import AZURE, CONTROL
from reconciler.sandbox.state import Sandbox

_APIS = "_apis"
_OK = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A path, taken apart: what stands before ``_apis`` and what after it.

    ``organization`` is empty for what belongs to no organization, ``project`` at the organization.
    """

    organization: str
    project: str
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A resource whose pattern fits, and the parameters of the path."""

    resource: Resource
    operations: dict[str, Operation]
    params: dict[str, str]


def place_of(path: str) -> Place | None:
    """Take a percent-encoded path apart; None without ``_apis``.

    An optional ``DefaultCollection`` after the organization is dropped; so is a team after the
    project.
    """
    segments = [unquote(segment) for segment in path.split("/") if segment]
    lowered = [segment.lower() for segment in segments]
    if _APIS not in lowered:
        return None
    at = lowered.index(_APIS)
    before = [s for s in segments[:at] if s.lower() != "defaultcollection"]
    organization, project = (*before, "", "")[:2]
    return Place(organization, project, tuple(segments[at + 1 :]))


class Table:
    """Finds the resource of a path. Letter case does not count."""

    def __init__(self, resources: tuple[Resource, ...]) -> None:
        self._by_length: dict[
            int, list[tuple[tuple[str, ...], Resource, dict[str, Operation]]]
        ] = {}
        self._open: list[tuple[tuple[str, ...], Resource, dict[str, Operation]]] = []
        for resource in resources:
            for pattern, operations in resource.paths.items():
                parts = tuple(part for part in pattern.split("/") if part)
                row = (parts, resource, operations)
                if parts and parts[-1].startswith("{*"):
                    self._open.append(row)
                else:
                    self._by_length.setdefault(len(parts), []).append(row)

    def find(self, rest: tuple[str, ...]) -> Match | None:
        """The match for what stands after ``_apis``."""
        for parts, resource, operations in (*self._by_length.get(len(rest), ()), *self._open):
            params = _fit(parts, rest)
            if params is not None:
                return Match(resource, operations, params)
        return None


def _fit(parts: tuple[str, ...], rest: tuple[str, ...]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    if parts and parts[-1].startswith("{*"):
        if len(rest) < len(parts):
            return None
        tail = "/".join(rest[len(parts) - 1 :])
        params[parts[-1][2:-1]] = tail
        parts, rest = parts[:-1], rest[: len(parts) - 1]
    for part, segment in zip(parts, rest, strict=True):
        if part.startswith("{"):
            params[part[1:-1]] = segment
        elif part.lower() != segment.lower():
            return None
    return params


class Door:
    """Takes every request below an ``_apis``."""

    def __init__(self, sandbox: Sandbox, organization: Organization, table: Table) -> None:
        self._sandbox = sandbox
        self._organization = organization
        self._table = table
        self._views = Views(organization, self._base)

    def _base(self) -> str:
        return self._sandbox.urls.get(AZURE, "https://dev.azure.com")

    async def __call__(self, request: Request) -> Response:
        """Serve one request."""
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        body = b"" if request.method == "GET" else await request.body()
        return self._serve(request, raw.decode("latin-1"), body)

    def _serve(self, request: Request, path: str, body: bytes) -> Response:
        caller: Caller | None = None
        face = self._face(path)
        try:
            place = self._place(path, face)
            match = self._match(place)
            operation = match.operations.get(request.method) if match else None
            caller = self._admit(request, place, operation, face)
            if match is None or operation is None:
                raise faces.not_served(path)
            response = operation.handler(self._ask(request, body, (caller, place, match)))
        except RefusedError as refusal:
            response = refusal.response
        self._delay(response, face)
        session = request.headers.get("x-tfs-session", "")
        return access.dress(response, caller, session, str(uuid4()))

    def _face(self, path: str) -> Faces:
        trap = self._sandbox.urls.get(CONTROL, "http://127.0.0.1:9")
        target = f"{trap}/trap/_signin?realm=dev.azure.com&reply_to={quote(path, safe='')}"
        name, now = self._organization.name, self._sandbox.now()
        return Faces(self._organization.knobs, self._base(), target, name, now)

    def _place(self, path: str, face: Faces) -> Place:
        knobs = self._organization.knobs
        place = place_of(path)
        if place is None:
            raise faces.not_served(path)
        if place.organization.lower() not in ("", self._organization.name.lower()):
            raise faces.no_organization()
        if knobs.suspended:
            raise face.suspended()
        if knobs.block_next > 0:
            knobs.block_next -= 1
            raise face.blocked()
        return place

    def _match(self, place: Place) -> Match | None:
        match = self._table.find(place.rest)
        is_server = self._organization.knobs.is_server
        return None if match and match.resource.is_hosted and is_server else match

    def _admit(
        self, request: Request, place: Place, operation: Operation | None, face: Faces
    ) -> Caller:
        header = request.headers.get("authorization", "")
        is_open = request.method == "OPTIONS" and not header
        if operation is not None and operation.is_open:
            is_open = self._organization.knobs.anonymous_connection_data
        try:
            caller = access.authenticate(self._organization, header, request.method, face)
        except RefusedError:
            if is_open:
                return Caller()
            raise
        if not place.organization and caller.pat is not None and caller.pat.targets is not None:
            raise face.empty()  # a PAT of one organization is refused where there is none
        if operation is not None:
            access.demand(caller, operation, face)
        return caller

    def _ask(self, request: Request, body: bytes, admitted: tuple[Caller, Place, Match]) -> Ask:
        caller, place, match = admitted
        highest = self._organization.knobs.highest_version
        offer = Offer(highest, match.resource.is_released, match.resource.revision)
        is_list = request.method == "OPTIONS"
        ask = Ask(
            organization=self._organization,
            views=self._views,
            caller=caller,
            request=request,
            body=body,
            params=match.params,
            version=offer.default if is_list else version_of(request, request.method, offer),
        )
        return replace(ask, project=ask.see_project(place.project)) if place.project else ask

    def _delay(self, response: Response, face: Faces) -> None:
        knobs = self._organization.knobs
        if response.status_code == _OK and knobs.delay_next > 0:
            knobs.delay_next -= 1
            response.headers.update(face.delayed())
