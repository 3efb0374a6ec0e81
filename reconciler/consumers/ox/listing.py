"""Reading the resources of many connections with few requests.

A key may make 1,000 requests an hour, so that one request per connection is not affordable for a
thousand connections: GraphQL aliases put fifty into one. An answer that is too large or refused as
a whole is asked for again in halves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import anyio

from reconciler.consumers.ox import queries
from reconciler.consumers.ox.convert import Answer, Resources, alias
from reconciler.consumers.ox.gateway import Gateway, value_of
from reconciler.consumers.ox.refusals import failure, is_about
from reconciler.errors import Fault, RemoteError

SINGLE_UP_TO = 10
"""Up to here each connection has its own request: they run side by side and fail apart."""
BATCH = 50

_DOING = "listing the resources"
_SPLIT = frozenset({Fault.BAD_REPLY, Fault.REJECTED})

Found: TypeAlias = Resources | RemoteError
"""The resources of a connection, or why OX could not list them."""


async def read_resources(gateway: Gateway, homes: Mapping[str, str]) -> dict[str, Found]:
    """The resources of every connection in *homes*, which says the connector of each.

    Raises:
        RemoteError: OX as a whole could not be asked. That one connection's resources cannot be
            listed is in the result instead.
    """
    ids = tuple(homes)
    size = 1 if len(ids) <= SINGLE_UP_TO else BATCH
    parts = [ids[start : start + size] for start in range(0, len(ids), size)]
    found: dict[str, Found] = {}
    failures: list[RemoteError] = []
    async with anyio.create_task_group() as group:

        async def read(part: Sequence[str]) -> None:
            try:
                found.update(await _read_part(gateway, homes, part))
            except RemoteError as error:
                failures.append(error)
                group.cancel_scope.cancel()

        for part in parts:
            group.start_soon(read, part)
    if failures:
        raise failures[0]
    return found


async def _read_part(
    gateway: Gateway, homes: Mapping[str, str], ids: Sequence[str]
) -> dict[str, Found]:
    variables = {
        f"i{n}": {"connectorID": homes[id_], "credentialsId": id_} for n, id_ in enumerate(ids)
    }
    try:
        answer = await gateway.ask(queries.resources(len(ids)), variables, _DOING)
        return _sorted_out(answer, ids)
    except RemoteError as error:
        if len(ids) == 1 or error.fault not in _SPLIT:
            raise
    half = len(ids) // 2
    first = await _read_part(gateway, homes, ids[:half])
    return first | await _read_part(gateway, homes, ids[half:])


def _sorted_out(answer: Answer, ids: Sequence[str]) -> dict[str, Found]:
    errors = answer.errors or []
    of_all = [error for error in errors if not error.path]
    if of_all or (answer.data is None and len(ids) > 1):
        raise failure(of_all or errors, _DOING)
    return {
        id_: value_of(answer, alias(n), Resources, _DOING)
        or failure([error for error in errors if is_about(error, alias(n))], _DOING)
        for n, id_ in enumerate(ids)
    }
