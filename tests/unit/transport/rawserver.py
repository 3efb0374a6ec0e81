"""A scripted HTTP server on loopback that may also break off, which no framework lets one do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as received. Header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Answer = bytes | None
"""Raw bytes to send; None breaks the connection off instead."""


def answer(
    body: bytes | str = b"{}", status: int = 200, headers: Mapping[str, str] | None = None
) -> bytes:
    """A whole HTTP/1.1 answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


@dataclass
class RawServer:
    """``answers`` is asked for every request; ``seen`` keeps them.

    ``hang_up`` closes the connection behind every answer.
    """

    answers: Callable[[Seen], Answer]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    flying: int = 0
    most_flying: int = 0
    pause_s: float = 0.0
    hang_up: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                seen = await _request(head, reader)
                self.seen.append(seen)
                self.flying += 1
                self.most_flying = max(self.most_flying, self.flying)
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
                reply = self.answers(seen)
                self.flying -= 1
                if reply is None:
                    return
                writer.write(reply)
                await writer.drain()
                if self.hang_up:
                    return
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


async def _request(head: str, reader: asyncio.StreamReader) -> Seen:
    first, *rest = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body)


@asynccontextmanager
async def raw_server(answers: Callable[[Seen], Answer]) -> AsyncIterator[RawServer]:
    """Serve on a free port until the block ends."""
    server = RawServer(answers)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def in_turn(*replies: Answer) -> Callable[[Seen], Answer]:
    """One reply after the other; the last is repeated."""
    left = list(replies)
    return lambda _seen: left.pop(0) if len(left) > 1 else left[0]
