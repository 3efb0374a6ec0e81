"""One GraphQL endpoint over a session: documents out, typed answers back, refusals of HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from reconciler.consumers.ox.convert import Answer
from reconciler.consumers.ox.refusals import KEY_HINT, PARTY, bad_reply, failure
from reconciler.errors import RemoteError
from reconciler.model.observed import Reads
from reconciler.model.secret import Secret
from reconciler.transport.faults import quoted, refused
from reconciler.transport.reply import Reply
from reconciler.transport.session import Session

PATH = "/api/apollo-gateway"
HOURLY = 1000
"""Requests a key may make in an hour.
https://docs.ox.security/api-documentation/api-reference/ox-api-authentication [documented,
2026-11-21]."""

_LARGEST = 256 * 1024 * 1024
"""Bytes of one answer: 50 connections of some 20,000 resources each."""

_KEY_REFUSED = frozenset({401, 403})

T = TypeVar("T")


class Gateway:
    """Asks OX.

    Args:
        endpoint: base address, with or without the gateway's path.
        key: the API key, sent raw and only to that host.
        concurrency: requests in flight at once.
        ca_file: certificates to trust beside those of the machine.
        sleep: how to wait between tries.
    """

    def __init__(
        self,
        endpoint: str,
        key: Secret,
        *,
        concurrency: int,
        ca_file: str,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Open nothing yet."""
        self._limit = HOURLY
        self._session = Session(
            PARTY,
            endpoint.rstrip("/").removesuffix(PATH),
            authorization=lambda: {"Authorization": key.reveal()},
            concurrency=concurrency,
            hourly_requests=HOURLY,
            sleep=sleep,
            ca_file=ca_file,
            max_bytes=_LARGEST,
        )

    async def ask(
        self,
        document: str,
        variables: Mapping[str, Any],
        doing: str,
        *,
        safe: bool = True,
    ) -> Answer:
        """Send one document.

        Args:
            document: with one named operation.
            variables: its variables.
            doing: what it is for, for errors, as in "listing the connections".
            safe: it may be sent twice; not so for adding.

        Returns:
            The answer, which may hold errors beside or instead of data.

        Raises:
            RemoteError: as `Session.request`; CREDENTIAL and PERMISSION when the key is refused
                by status, BAD_REPLY when the answer is not GraphQL.
        """
        operation = document.split("(", 1)[0].split()[1]
        body = {"operationName": operation, "query": document, "variables": variables}
        reply = await self._session.post_json(PATH, body, safe=safe)
        self._note_limit(reply)
        if reply.status in _KEY_REFUSED:
            raise refused(reply, doing, hint=KEY_HINT)
        answer = self._decoded(reply, doing)
        if answer.data is None and not answer.errors:
            raise refused(reply, doing)
        return answer

    def _decoded(self, reply: Reply, doing: str) -> Answer:
        try:
            return reply.decode(Answer)
        except RemoteError as error:
            if not reply.is_ok:
                raise refused(reply, doing) from error
            raise

    def _note_limit(self, reply: Reply) -> None:
        said = reply.headers.get("ratelimit-hourlimit", "")
        if said.isascii() and said.isdigit():
            self._limit = int(said)

    def reads(self) -> Reads:
        """What it has cost so far."""
        return Reads(PARTY, self._session.requests, self._limit)

    async def aclose(self) -> None:
        """Close connections."""
        await self._session.aclose()


def value_of(answer: Answer, field: str, shape: type[T], doing: str) -> T | None:
    """The value of *field*; None when it is null or not there.

    Raises:
        RemoteError: BAD_REPLY; it is not of that shape.
    """
    try:
        return answer.value(field, shape)
    except msgspec.ValidationError as error:
        raise bad_reply(
            f"OX answered JSON of an unknown shape to {doing}: {quoted(str(error))}",
            "check the API address; if it is right, the API has changed: report this",
        ) from error


def required(answer: Answer, field: str, shape: type[T], doing: str) -> T:
    """The value of *field*; any error in the answer makes all of it untrustworthy.

    Raises:
        RemoteError: the answer holds errors, lacks the field, or holds something else.
    """
    value = None if answer.errors else value_of(answer, field, shape, doing)
    if value is None:
        raise failure(answer.errors or (), doing)
    return value
