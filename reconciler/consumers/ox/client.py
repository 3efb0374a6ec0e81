"""The OX adapter: connections of one organization to source control, over GraphQL.

Source: https://docs.ox.security/api-documentation/api-reference/api--connectors [documented,
2026-11-21]. There is no mutation that changes credentials: a rotation adds new ones, verifies
them, moves the selection and removes the old ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import anyio

from reconciler.consumers.ox import connectors, convert, queries, refusals
from reconciler.consumers.ox.connectors import Home
from reconciler.consumers.ox.convert import (
    Connector,
    ConnectorResponse,
    Credential,
    Family,
    Monitored,
    Resources,
    Verified,
)
from reconciler.consumers.ox.gateway import Gateway, required, value_of
from reconciler.consumers.ox.listing import Found, read_resources
from reconciler.consumers.ox.selecting import compose
from reconciler.errors import Fault, RemoteError
from reconciler.model.desired import DesiredConsumer
from reconciler.model.drift import RepositoryLabel
from reconciler.model.method import MethodKind
from reconciler.model.observed import LiveConnection, LiveResource, LiveSelection, Reads
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectionCheck, ConnectRequest
from reconciler.transport.faults import quoted

FAMILY = "SourceControl"
"""The family that holds the source-control connectors [assumed]; `family` in settings overrides."""

_MS = 1000


def _utc() -> datetime:
    return datetime.now(UTC)


class OxConsumer:
    """One OX organization; implements `reconciler.ports.consumer.Consumer`.

    Settings: ``family`` (of connectors; empty for all of them), ``caFile``, ``servicePrincipals``
    ("yes" to connect and observe them), and where a connector's name does not tell its provider
    ``connectorId``, ``azureConnectorId`` or ``dataCenterConnectorId``.
    """

    def __init__(
        self,
        consumer: DesiredConsumer,
        key: Secret,
        concurrency: int,
        *,
        now: Callable[[], datetime] = _utc,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Open nothing yet."""
        self._family: str | None = consumer.settings.get("family", FAMILY) or None
        self._settings = consumer.settings
        self._connectors: dict[str, Connector] = {}
        self._homes: dict[str, Home] = {}
        self._listed = "none"
        self._now = now
        self._gateway = Gateway(
            consumer.endpoint,
            key,
            concurrency=concurrency,
            ca_file=consumer.settings.get("caFile", ""),
            sleep=sleep,
        )

    async def observe(self) -> tuple[LiveConnection, ...]:
        """Every connection to a provider that we know: Bitbucket Cloud first, each as OX lists it.

        Costs one request, and one for each connection up to ten or each fifty beyond. A
        connection whose resources OX cannot list has no selection.
        """
        every = await self._read_connectors()
        found = await read_resources(self._gateway, _connector_ids(self._homes))
        credentials = ((p, c) for p, connector in every.items() for c in connector.known)
        return tuple(
            _live(provider, credential, number, found.get(credential.id))
            for number, (provider, credential) in enumerate(credentials)
        )

    async def connect(self, request: ConnectRequest) -> LiveConnection:
        """Add a credential under *request.name* to the connector of *request.provider*.

        Raises:
            RemoteError: CREDENTIAL when OX tried the credential in vain, REJECTED for methods
                that need a browser and for service principals without their setting, NOT_FOUND
                when OX lists no connector for the provider, AMBIGUOUS when the answer was lost.
        """
        is_principal = request.kind is MethodKind.SERVICE_PRINCIPAL
        if is_principal and not connectors.takes_principals(self._settings):
            raise refusals.principals_off()
        connector = await self._connector(request.provider)
        way = connectors.way(connector, request.kind, request.username)
        if way is None:
            raise refusals.not_by_api(request.kind, connector.types or ())
        given = {
            "connectorID": str(connector.id),
            "hostURL": connectors.host_url(request, connector),
            "credentialsType": way.type,
            "credentialsInput": connectors.credentials_input(way, request),
            "credentialsName": request.name,
        }
        held = await self._add(given, request.provider)
        added = _named(held, request.name) or await self._again(request)
        self._homes[added.id] = Home(request.provider, str(connector.id))
        return _live(request.provider, added, 0, None)

    async def _again(self, request: ConnectRequest) -> Credential:
        """Look for a connection that was added and is not in the answer to that."""
        try:
            every = await self._read_connectors()
        except RemoteError as error:
            raise refusals.lost(f"OX accepted the connection; {error}") from error
        added = _named(every.get(request.provider, Connector()), request.name)
        if added is None:
            raise refusals.lost("OX accepted the connection and does not list it")
        return added

    async def _add(self, given: dict[str, Any], provider: str) -> Connector:
        doing = "adding the connection"
        try:
            answer = await self._gateway.ask(
                self._documents().add, {"addCredentialsInput": given}, doing, safe=False
            )
            held = value_of(answer, "addCredentials", ConnectorResponse, doing)
        except RemoteError as error:
            if error.fault is not Fault.BAD_REPLY:
                raise
            raise refusals.lost(f"the answer to {doing} is unreadable ({error})") from error
        if answer.errors:
            raise refusals.adding_failed(answer.errors, provider)
        return (held.connector if held else None) or Connector()

    async def check(self, live_id: str) -> ConnectionCheck:
        """Have OX verify the connectivity."""
        doing = "verifying the connection"
        home = await self._home(live_id)
        asked = {"connectorID": home.connector_id, "credentialsID": live_id}
        answer = await self._gateway.ask(queries.VERIFY, {"verifyCredentialsInput": asked}, doing)
        verified = required(answer, "verifySingleConnectorCredentials", Verified, doing)
        said = quoted(verified.message or "")
        if not verified.is_valid:
            cause = f"OX cannot connect: {said}" if said else "OX cannot connect"
            return ConnectionCheck(ok=False, cause=cause, hint=refusals.refused_hint(home.provider))
        if verified.no_repositories:
            return ConnectionCheck(
                ok=False,
                cause="OX connects and finds no repositories",
                hint="give the credential's user access to the repositories, or check that the "
                "token is of the right workspace or organization",
            )
        return ConnectionCheck(ok=True)

    async def select(
        self,
        live_id: str,
        *,
        want: tuple[RepositoryLabel, ...],
        drop: tuple[RepositoryLabel, ...],
        copy_from: str,
        workspace: str,
        follow_new: bool,
    ) -> None:
        """Replace the selection after reading it afresh; see the port.

        Raises:
            RemoteError: BAD_REPLY when a reading is not proven complete, REJECTED when OX does
                not list what shall be selected; nothing was written then.
        """
        homes = {live_id: await self._home(live_id)}
        if copy_from and (old := await self._look_for(copy_from)):
            homes[copy_from] = old
        found = await read_resources(self._gateway, _connector_ids(homes))
        provider, connector_id = homes[live_id]
        mine = _whole(found[live_id], provider)
        carried = (
            await self._carried(copy_from, homes[copy_from], found[copy_from], mine)
            if copy_from in homes
            else ()
        )
        chosen = compose(mine.resources, carried=carried, want=want, drop=drop, workspace=workspace)
        asked = {
            "connectorID": connector_id,
            "credentialsId": live_id,
            "resources": [convert.resource_input(resource, live_id) for resource in chosen],
            "monitorAllResources": False,
            "monitorAllNewlyCreatedResources": (
                await self._since(live_id, is_following=bool(mine.follows_new))
                if follow_new
                else None
            ),
        }
        doing = "writing the selection"
        answer = await self._gateway.ask(
            queries.MONITOR, {"monitorConnectorResourceInput": asked}, doing
        )
        if not required(answer, "monitorConnectorResources", Monitored, doing).success:
            raise refusals.rejected(
                "OX did not accept the selection and gave no reason",
                "look at the connection in OX, then run `reconciler plan`",
            )

    async def _carried(
        self, live_id: str, home: Home, found: Found, mine: LiveSelection
    ) -> tuple[LiveResource, ...]:
        """Selected resources of the connection that is taken over from.

        OX cannot list the resources of a credential that is dead; what it remembers of the
        selection is read instead, as far as the new connection sees it.
        """
        if not isinstance(found, RemoteError):
            held = _whole(found, home.provider).resources
            return tuple(resource for resource in held if resource.selected)
        every = convert.connectors(await self._families(self._documents().monitored))
        connector = next((c for c in every if str(c.id) == home.connector_id), None)
        if connector is None or not connector.is_whole:
            raise found
        old = next((c for c in connector.known if c.id == live_id), None)
        if old is None:
            return ()
        remembered = convert.monitored_ids(old.monitored)
        if remembered is None:
            raise refusals.bad_reply(
                f"the selection of the old connection cannot be read ({found})",
                "note its repositories in OX, add them to the selection in YAML, remove the old "
                "connection in OX and run again",
            )
        return tuple(resource for resource in mine.resources if resource.id in remembered)

    async def _since(self, live_id: str, *, is_following: bool) -> float:
        """Milliseconds since 1970 from which new repositories count; kept where it is known."""
        if is_following:
            every = (await self._read_connectors()).values()
            known = (credential for connector in every for credential in connector.known)
            since = next((c.follows_since for c in known if c.id == live_id), None)
            if since and not isinstance(since, bool):
                return since
        return int(self._now().timestamp() * _MS)

    async def disconnect(self, live_id: str) -> None:
        """Remove a connection. Whatever OX answers, it is done when OX lists it no more."""
        home = await self._look_for(live_id)
        if home is None:
            return
        doing = "removing the connection"
        asked = {"connectorID": home.connector_id, "credentialsId": live_id}
        answer = await self._gateway.ask(queries.REMOVE, {"removeCredentialsInput": asked}, doing)
        held = value_of(answer, "removeCredentials", ConnectorResponse, doing)
        if answer.errors or held is None:
            await self._read_connectors()
            if live_id in self._homes:
                raise refusals.failure(answer.errors or (), doing)
        self._homes.pop(live_id, None)

    def reads(self) -> Reads:
        """What this object has cost so far."""
        return self._gateway.reads()

    async def aclose(self) -> None:
        """Close connections."""
        await self._gateway.aclose()

    async def _home(self, live_id: str) -> Home:
        home = await self._look_for(live_id)
        if home is None:
            raise refusals.unknown_connection(live_id)
        return home

    async def _look_for(self, live_id: str) -> Home | None:
        """Where a connection lives; OX is asked again about one that was not there before."""
        if live_id not in self._homes:
            await self._read_connectors()
        return self._homes.get(live_id)

    async def _connector(self, provider: str) -> Connector:
        every = self._connectors or await self._read_connectors()
        if provider not in every:
            title, setting = connectors.TITLES[provider], connectors.SETTINGS[provider]
            raise refusals.no_connector(self._listed, f"for {title}", setting)
        return every[provider]

    async def _read_connectors(self) -> dict[str, Connector]:
        """The connector of each provider that we know, and where every connection lives."""
        every = convert.connectors(await self._families(self._documents().connectors))
        self._listed = ", ".join(f"{c.name} ({c.id})" for c in every if c.name) or "none"
        found = connectors.sort_out(every, self._settings)
        unknown = connectors.unknown_ids(every, self._settings)
        if self._family is not None and (unknown or not found):
            self._family = None  # the family's name is not published: look through all of them
            return await self._read_connectors()
        if unknown or not found:
            wanted = f"with the id {unknown[0]}" if unknown else "for a provider that we know"
            setting = (
                connectors.setting_of(unknown[0], self._settings) if unknown else "connectorId"
            )
            raise refusals.no_connector(self._listed, wanted, setting)
        for provider, connector in found.items():
            if not connector.is_whole:
                title = connectors.TITLES[provider]
                raise refusals.bad_reply(f"OX did not list the connections of {title}")
        self._connectors = found
        self._homes = {
            credential.id: Home(provider, str(connector.id))
            for provider, connector in found.items()
            for credential in connector.known
            if credential.id
        }
        return found

    def _documents(self) -> queries.Documents:
        """Those that the settings allow; a wrong setting is this Consumer's trouble alone."""
        return queries.documents(principals=connectors.takes_principals(self._settings))

    async def _families(self, document: str) -> list[Family]:
        doing = "listing the connections"
        variables = {} if self._family is None else {"family": self._family}
        answer = await self._gateway.ask(document, variables, doing)
        if answer.errors:
            raise refusals.failure(answer.errors, doing)
        return value_of(answer, "getConnectorsByFamily", list[Family], doing) or []


def _connector_ids(homes: Mapping[str, Home]) -> dict[str, str]:
    return {live_id: home.connector_id for live_id, home in homes.items()}


def _live(
    provider: str, credential: Credential, number: int, found: Found | None
) -> LiveConnection:
    selection = convert.live_selection(found, provider) if isinstance(found, Resources) else None
    kind = connectors.kind_of(provider, credential.type)
    return convert.live_connection(credential, number, provider, kind, selection)


def _whole(found: Found, provider: str) -> LiveSelection:
    if isinstance(found, RemoteError):
        raise found
    selection = convert.live_selection(found, provider)
    if not selection.complete:
        raise refusals.bad_reply(
            f"the selection cannot be read completely ({selection.gap}); nothing was written",
            "run again; if it stays, look at the connection's resources in OX",
        )
    return selection


def _named(connector: Connector, name: str) -> Credential | None:
    """The newest connection of that display name."""
    found = (c for c in reversed(connector.known) if c.credentials_name == name and c.id)
    return next(found, None)
