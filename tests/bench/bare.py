"""What any client must pay: the same answers over bare sockets, and through a plain HTTP client.

``python -m tests.bench.bare (wire|msgspec|json) IN_FLIGHT RUNS`` reads a JSON object on standard
input: ``authorization``, ``addresses`` that are asked for at once and ``chain``, one after the
other. Prints the seconds that each run took, as JSON. *wire* counts bytes and looks at none;
*msgspec* and *json* are httpx2, and those decoders into plain values. A first run is not counted.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

_ROOM = 1 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """Addresses to read at once, at most *in_flight* of them, and a chain beside them."""

    addresses: Sequence[str]
    chain: Sequence[str]
    authorization: str
    in_flight: int

    async def run(self, get: Callable[[str], Awaitable[None]]) -> None:
        waiting = list(reversed(self.addresses))

        async def work() -> None:
            while waiting:
                await get(waiting.pop())

        async def follow() -> None:
            for address in self.chain:
                await get(address)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow())
            for _ in range(min(self.in_flight, len(waiting))):
                tasks.create_task(work())


class _Answer(asyncio.BufferedProtocol):
    """Takes answers off one connection as fast as they come; their length must be declared."""

    def __init__(self) -> None:
        self._room = bytearray(_ROOM)
        self._head = b""
        self._left = -1
        self._transport: asyncio.Transport | None = None
        self._whole: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  as the base class declares it
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        if self._left < 0:
            self._begin(nbytes)
        else:
            self._left -= nbytes
        if self._left == 0 and self._whole is not None:
            self._whole.set_result(None)

    def _begin(self, nbytes: int) -> None:
        self._head += self._room[:nbytes]
        head, gap, body = self._head.partition(b"\r\n\r\n")
        if not gap:
            return
        status, *lines = head.split(b"\r\n")
        fields = {k.lower(): v for k, _, v in (line.partition(b":") for line in lines)}
        if b" 200 " not in status + b" " or b"content-length" not in fields:
            raise RuntimeError(f"an answer that cannot be counted: {status.decode()}")
        self._left = int(fields[b"content-length"]) - len(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(exc or ConnectionError("hung up in the middle"))

    async def ask(self, request: bytes) -> None:
        if self._transport is None:
            raise RuntimeError("not connected")
        self._head, self._left = b"", -1
        self._whole = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._whole

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _wire(task: Task) -> float:
    loop = asyncio.get_running_loop()
    where = urlsplit((*task.addresses, *task.chain)[0])
    host, port = where.hostname or "", where.port or 80
    count = task.in_flight + bool(task.chain)
    begun = time.perf_counter()
    made = [await loop.create_connection(_Answer, host, port) for _ in range(count)]
    free = [protocol for _, protocol in made]

    async def get(address: str) -> None:
        connection = free.pop()
        target = address.partition(where.netloc)[2]
        lines = (f"GET {target} HTTP/1.1", f"Host: {where.netloc}")
        text = "\r\n".join((*lines, f"Authorization: {task.authorization}", "", ""))
        await connection.ask(text.encode())
        free.append(connection)

    await task.run(get)
    took = time.perf_counter() - begun
    for connection in free:
        connection.close()
    return took


async def _plain(decode: Callable[[bytes], Any], task: Task) -> float:
    begun = time.perf_counter()
    count = task.in_flight + bool(task.chain)
    async with httpx2.AsyncClient(
        headers={"Authorization": task.authorization},
        limits=httpx2.Limits(max_connections=count, max_keepalive_connections=count),
        timeout=120,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # not used on loopback, and cheap
    ) as client:

        async def get(address: str) -> None:
            reply = await client.get(address)
            decode(reply.raise_for_status().content)

        await task.run(get)
    return time.perf_counter() - begun


_WAYS: dict[str, Callable[[Task], Coroutine[Any, Any, float]]] = {
    "wire": _wire,
    "msgspec": partial(_plain, msgspec.json.decode),
    "json": partial(_plain, json.loads),
}


def main(what: str, in_flight: str, runs: str) -> None:
    asked = json.loads(sys.stdin.read())
    task = Task(asked["addresses"], asked["chain"], asked["authorization"], int(in_flight))
    took = [asyncio.run(_WAYS[what](task)) for _ in range(int(runs) + 1)]
    sys.stdout.write(json.dumps(took[1:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
