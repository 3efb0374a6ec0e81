"""The OX adapter: connections of one organization to Bitbucket Cloud, over GraphQL.

Source: https://docs.ox.security/api-documentation/api-reference/api--connectors [documented,
2026-11-21]. There is no mutation that changes credentials: a rotation adds new ones, verifies
them, moves the selection and removes the old ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import anyio

from reconciler.consumers.ox import convert, queries, refusals
from reconciler.consumers.ox.convert import (
    Connector,
    ConnectorResponse,
    Credential,
    Family,
    Monitored,
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

    Settings: ``family`` (of connectors), ``connectorId`` (when the name does not tell),
    ``caFile``.
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
        self._family: str | None = consumer.settings.get("family", FAMILY)
        self._connector_id = consumer.settings.get("connectorId", "")
        self._connector: Connector | None = None
        self._now = now
        self._gateway = Gateway(
            consumer.endpoint,
            key,
            concurrency=concurrency,
            ca_file=consumer.settings.get("caFile", ""),
            sleep=sleep,
        )

    async def observe(self) -> tuple[LiveConnection, ...]:
        """Every connection to Bitbucket Cloud, in the order in which OX lists them.

        Costs one request, and one for each connection up to ten or each fifty beyond. A
        connection whose resources OX cannot list has no selection.
        """
        connector = await self._read_connector()
        credentials = connector.known
        ids = tuple(credential.id for credential in credentials if credential.id)
        found = await read_resources(self._gateway, str(connector.id), ids)
        return tuple(
            convert.live_connection(credential, number, _selection(found.get(credential.id)))
            for number, credential in enumerate(credentials)
        )

    async def connect(self, request: ConnectRequest) -> LiveConnection:
        """Add a user name and token under *request.name*.

        Raises:
            RemoteError: CREDENTIAL when OX tried the token in vain, REJECTED for methods that
                need a browser, AMBIGUOUS when the answer was lost.
        """
        connector = self._connector or await self._read_connector()
        chosen = convert.credentials_type(connector)
        if request.kind is not MethodKind.API_TOKEN or chosen is None:
            raise _not_by_token(request.kind, connector)
        kind, secret_field = chosen
        given = {
            "connectorID": str(connector.id),
            "hostURL": request.host_url or connector.host_url,
            "credentialsType": kind,
            "credentialsInput": {
                "name": request.username,
                secret_field: request.secret.reveal(),
            },
            "credentialsName": request.name,
        }
        added = _named(await self._add(given), request.name) or await self._again(request.name)
        return convert.live_connection(added, 0, None)

    async def _again(self, name: str) -> Credential:
        """Look for a connection that was added and is not in the answer to that."""
        try:
            added = _named(await self._read_connector(), name)
        except RemoteError as error:
            raise refusals.lost(f"OX accepted the connection; {error}") from error
        if added is None:
            raise refusals.lost("OX accepted the connection and does not list it")
        return added

    async def _add(self, given: dict[str, Any]) -> Connector:
        doing = "adding the connection"
        try:
            answer = await self._gateway.ask(
                queries.ADD, {"addCredentialsInput": given}, doing, safe=False
            )
            held = value_of(answer, "addCredentials", ConnectorResponse, doing)
        except RemoteError as error:
            if error.fault is not Fault.BAD_REPLY:
                raise
            raise refusals.lost(f"the answer to {doing} is unreadable ({error})") from error
        if answer.errors:
            raise refusals.adding_failed(answer.errors)
        return (held.connector if held else None) or Connector()

    async def check(self, live_id: str) -> ConnectionCheck:
        """Have OX verify the connectivity."""
        doing = "verifying the connection"
        asked = {"connectorID": await self._id(), "credentialsID": live_id}
        answer = await self._gateway.ask(queries.VERIFY, {"verifyCredentialsInput": asked}, doing)
        verified = required(answer, "verifySingleConnectorCredentials", Verified, doing)
        said = quoted(verified.message or "")
        if not verified.is_valid:
            cause = f"OX cannot connect: {said}" if said else "OX cannot connect"
            return ConnectionCheck(ok=False, cause=cause, hint=refusals.REFUSED_HINT)
        if verified.no_repositories:
            return ConnectionCheck(
                ok=False,
                cause="OX connects and finds no repositories",
                hint="give the credential's user access to the workspace's repositories, or "
                "check that the token is of the right workspace",
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
        connector_id = await self._id()
        ids = (live_id, copy_from) if copy_from else (live_id,)
        found = await read_resources(self._gateway, connector_id, ids)
        mine = _whole(found[live_id])
        carried = await self._carried(copy_from, found[copy_from], mine) if copy_from else ()
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
        self, live_id: str, found: Found, mine: LiveSelection
    ) -> tuple[LiveResource, ...]:
        """Selected resources of the connection that is taken over from.

        OX cannot list the resources of a credential that is dead; what it remembers of the
        selection is read instead, as far as the new connection sees it.
        """
        if not isinstance(found, RemoteError):
            return tuple(resource for resource in _whole(found).resources if resource.selected)
        every = await self._families(queries.MONITORED)
        connector = convert.find_connector(convert.connectors(every), await self._id())
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
            connector = await self._read_connector()
            since = next((c.follows_since for c in connector.known if c.id == live_id), None)
            if since and not isinstance(since, bool):
                return since
        return int(self._now().timestamp() * _MS)

    async def disconnect(self, live_id: str) -> None:
        """Remove a connection. Whatever OX answers, it is done when OX lists it no more."""
        doing = "removing the connection"
        asked = {"connectorID": await self._id(), "credentialsId": live_id}
        answer = await self._gateway.ask(queries.REMOVE, {"removeCredentialsInput": asked}, doing)
        held = value_of(answer, "removeCredentials", ConnectorResponse, doing)
        if answer.errors or held is None:
            connector = await self._read_connector()
            if any(credential.id == live_id for credential in connector.known):
                raise refusals.failure(answer.errors or (), doing)

    def reads(self) -> Reads:
        """What this object has cost so far."""
        return self._gateway.reads()

    async def aclose(self) -> None:
        """Close connections."""
        await self._gateway.aclose()

    async def _id(self) -> str:
        return str((self._connector or await self._read_connector()).id)

    async def _read_connector(self) -> Connector:
        every = convert.connectors(await self._families(queries.CONNECTORS))
        found = convert.find_connector(every, self._connector_id)
        if found is None and self._family is not None:
            self._family = None  # the family's name is not published: look through all of them
            return await self._read_connector()
        if found is None:
            raise _no_connector(every, self._connector_id)
        if not found.is_whole:
            raise refusals.bad_reply("OX did not list the connections of its Bitbucket connector")
        self._connector = found
        return found

    async def _families(self, document: str) -> list[Family]:
        doing = "listing the connections"
        variables = {} if self._family is None else {"family": self._family}
        answer = await self._gateway.ask(document, variables, doing)
        if answer.errors:
            raise refusals.failure(answer.errors, doing)
        return value_of(answer, "getConnectorsByFamily", list[Family], doing) or []


def _selection(found: Found | None) -> LiveSelection | None:
    if found is None or isinstance(found, RemoteError):
        return None
    return convert.live_selection(found)


def _whole(found: Found) -> LiveSelection:
    if isinstance(found, RemoteError):
        raise found
    selection = convert.live_selection(found)
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


def _not_by_token(kind: MethodKind, connector: Connector) -> RemoteError:
    offered = ", ".join(filter(None, connector.types or ())) or "none"
    return refusals.rejected(
        f"OX cannot be connected by {kind} through its API (the connector offers: {offered})",
        "connect in a browser, or use the method api-token where the connector offers it",
    )


def _no_connector(every: tuple[Connector, ...], connector_id: str) -> RemoteError:
    wanted = f"with the id {connector_id}" if connector_id else "for Bitbucket Cloud"
    names = ", ".join(f"{c.name} ({c.id})" for c in every if c.name) or "none"
    return RemoteError(
        refusals.PARTY,
        Fault.NOT_FOUND,
        f"OX lists no connector {wanted}",
        hint=quoted(f"set `connectorId` in the settings of this Consumer to one of: {names}"),
    )
