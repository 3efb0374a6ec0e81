"""OX's JSON ↔ our model. Pure.

Every field that is not needed to act is optional, every enumeration is text: what OX adds is
passed over, what it leaves out is not guessed.
Source of shapes: https://docs.ox.security/api-documentation/api-reference/api--connectors
[documented, 2026-11-21].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from reconciler.model.method import MethodKind
from reconciler.model.observed import LiveConnection, LiveResource, LiveSelection

T = TypeVar("T")
Text = str | int | None
"""Ids and dates: documented as text, accepted as numbers."""

PRINCIPAL = "ServicePrincipalCredentials"
"""The member of ``Credential`` for service principals [assumed, 2026-11-21]: after the type
``ServicePrincipal``, as the published members are called after theirs."""

_UUID = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")
_SPELLING = {"bitbucket-cloud": "{{{}}}", "azure-devops": "{}"}
"""How a provider writes the ids of its repositories."""
_CONTAINERS = frozenset({"workspace", "organization", "project", "group", "folder"})
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on count milliseconds: as seconds they would lie after the year 5000."""


class GraphError(msgspec.Struct):
    """One entry of ``errors``."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: Any = None

    @property
    def code(self) -> str:
        """``extensions.code`` in upper case; empty when there is none."""
        found = self.extensions.get("code") if isinstance(self.extensions, dict) else None
        return found.upper() if isinstance(found, str) else ""


class Answer(msgspec.Struct):
    """A GraphQL answer: ``data`` by field name or alias, still as text.

    Only what was asked for is decoded, so that additions do no harm.
    """

    data: dict[str, msgspec.Raw] | None = None
    errors: list[GraphError] | None = None

    def value(self, field: str, shape: type[T]) -> T | None:
        """The value of a field or alias; None when it is null or not there.

        Raises:
            msgspec.ValidationError: it is not of that shape.
        """
        raw = (self.data or {}).get(field)
        return None if raw is None else msgspec.json.decode(raw, type=shape | None)


class Credential(msgspec.Struct):
    """A member of the union ``Credential``; of members we do not ask for only the type's name."""

    typename: str = msgspec.field(default="", name="__typename")
    name: str | None = None
    credentials_id: Text = msgspec.field(default=None, name="credentialsId")
    credentials_name: str | None = msgspec.field(default=None, name="credentialsName")
    credentials_type: str | None = msgspec.field(default=None, name="credentialsType")
    expires: str | float | None = msgspec.field(default=None, name="tokenExpirationDate")
    host_url: str | None = msgspec.field(default=None, name="hostURL")
    follows_since: float | bool | None = msgspec.field(
        default=None, name="monitorAllNewlyCreatedResources"
    )
    monitored: Any = msgspec.field(default=None, name="monitoredResources")

    @property
    def id(self) -> str:
        """The id as text; empty when OX did not give one."""
        return "" if self.credentials_id is None else str(self.credentials_id)

    @property
    def type(self) -> str:
        """The type of credentials, if need be from the name of the union's member."""
        return self.credentials_type or self.typename.removesuffix("Credentials")


class Connector(msgspec.Struct):
    """One connector with its credentials. ``credentials`` is unset when the answer lacks it."""

    id: Text = None
    name: str | None = None
    display_name: str | None = msgspec.field(default=None, name="displayName")
    host_url: str | None = msgspec.field(default=None, name="hostURL")
    types: list[str | None] | None = msgspec.field(default=None, name="credentialsTypes")
    is_configured: bool | None = msgspec.field(default=None, name="isConfigured")
    credentials: list[Credential] | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def is_whole(self) -> bool:
        """Whether its connections were read: absent or null on a configured one is no reading."""
        if self.credentials is msgspec.UNSET:
            return False
        return self.credentials is not None or not self.is_configured

    @property
    def known(self) -> tuple[Credential, ...]:
        """Its credentials."""
        found = self.credentials
        return tuple(found) if isinstance(found, list) else ()


class ConnectorResponse(msgspec.Struct):
    """What holds a connector in answers."""

    connector: Connector | None = None


class Family(msgspec.Struct):
    """A family of connectors."""

    family: str | None = None
    connectors: list[ConnectorResponse | None] | None = None


class Resource(msgspec.Struct):
    """One thing that a credential can see; workspaces hold repositories as ``children``."""

    id: Text = None
    name: str | None = None
    owner: str | None = msgspec.field(default=None, name="resourceOrgName")
    is_monitored: bool | None = msgspec.field(default=None, name="isMonitored")
    kind: str | None = msgspec.field(default=None, name="resourceType")
    children: list[Resource] | None = None


class Resources(msgspec.Struct):
    """The resources of one credential."""

    resources: list[Resource] | None = None
    follows_new: bool | None = msgspec.field(default=None, name="monitorAllNewlyCreatedResources")
    total: int | None = None
    selected: int | None = None


class Verified(msgspec.Struct):
    """The answer to "verify connectivity"."""

    is_valid: bool = msgspec.field(name="credentialsAreValid")
    no_repositories: bool | None = msgspec.field(default=None, name="noReposFound")
    message: str | None = msgspec.field(default=None, name="validationMessage")


class Monitored(msgspec.Struct):
    """The answer to writing a selection."""

    success: bool | None = None


def alias(number: int) -> str:
    """The alias of one of several fields in a query."""
    return f"r{number}"


def connectors(families: Iterable[Family]) -> tuple[Connector, ...]:
    """Every connector of *families*."""
    return tuple(
        held.connector
        for family in families
        for held in family.connectors or ()
        if held is not None and held.connector is not None
    )


def live_connection(
    credential: Credential,
    number: int,
    provider: str,
    kind: MethodKind | None,
    selection: LiveSelection | None,
) -> LiveConnection:
    """A credential as a connection. *number* is its place, for those that OX gives no id."""
    return LiveConnection(
        id=credential.id or f"unidentified-{number}",
        name=credential.credentials_name or "",
        provider=provider,
        kind=kind,
        username=credential.name or "",
        host_url=credential.host_url or "",
        expires_at=instant(credential.expires),
        selection=selection,
    )


def instant(value: str | float | None) -> datetime | None:
    """A date as OX writes it: ISO 8601, or seconds or milliseconds since 1970; None if neither."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except ValueError:
        return _iso(str(value))
    if abs(number) >= _MILLISECONDS_FROM:
        number /= 1000
    try:
        return datetime.fromtimestamp(number, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def live_selection(found: Resources, provider: str) -> LiveSelection:
    """Resources as a selection, with the certificate that nothing selected is missing from it."""
    rows = tuple(_leaves(found.resources or ()))
    resources = tuple(_live_resource(row, provider) for row in rows if row.id is not None)
    gap = _gap(found, rows, resources)
    return LiveSelection(resources, found.follows_new, complete=not gap, gap=gap)


def _leaves(rows: Iterable[Resource]) -> Iterator[Resource]:
    for row in rows:
        if row.children:
            yield from _leaves(row.children)
        elif row.kind is None or row.kind.lower() not in _CONTAINERS:
            yield row


def _live_resource(row: Resource, provider: str) -> LiveResource:
    id_ = str(row.id)
    return LiveResource(
        id_,
        row.name or "",
        row.owner or "",
        row.is_monitored is True,
        row.kind or "",
        repository_id(id_, provider),
    )


def repository_id(resource_id: str, provider: str) -> str:
    """The provider's id of a repository in its own spelling; empty when the id is not that.

    Only what looks like an id of the provider is taken for one [assumed, 2026-11-21]. Data Center
    numbers its repositories, and a number may as well be one of OX's own: there the name decides.
    """
    found = _UUID.fullmatch(resource_id) if provider in _SPELLING else None
    return _SPELLING[provider].format(found[1].lower()) if found else ""


def _gap(found: Resources, rows: tuple[Resource, ...], read: tuple[LiveResource, ...]) -> str:
    if found.resources is None:
        return "OX listed no resources at all"
    if len(read) < len(rows) or any(row.is_monitored is None for row in rows):
        return "OX left out ids or marks of some resources"
    if found.selected is None or found.total is None:
        return "OX did not say how many resources there are"
    selected = sum(resource.selected for resource in read)
    if found.selected != selected:
        return f"OX counts {found.selected} selected resources and listed {selected}"
    if found.total != len(read):
        return f"OX counts {found.total} resources and listed {len(read)}"
    return ""


def resource_input(resource: LiveResource, live_id: str) -> dict[str, Any]:
    """A selected resource as it is written back."""
    row: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "isMonitored": True,
        "credentialsId": live_id,
    }
    return row | {"resourceType": resource.kind} if resource.kind else row


def monitored_ids(value: Any) -> frozenset[str] | None:
    """Ids in ``monitoredResources``; None when they cannot be told.

    Its shape is not published: understood are a list of ids or of objects with an id, and an
    object keyed by id.
    """
    if isinstance(value, dict):
        return frozenset(str(key) for key in value)
    if not isinstance(value, list):
        return None
    return frozenset(str(entry.get("id") if isinstance(entry, dict) else entry) for entry in value)
