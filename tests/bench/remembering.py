"""A small server that stands before the consumer's emulator and remembers what it answered.

``python -m tests.bench.remembering UPSTREAM LATENCY_MS``; prints its own address. The emulator
works out every answer anew, for as long as a round trip lasts, and holds up the provider's pages
meanwhile: that would be the emulator's time in a row about ours. Answers to queries are kept until
a mutation passes.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import httpx2
import uvicorn
from starlette.types import Receive, Scope, Send

_QUERY = b'{"operationName":"Get'
_PASSED_ON = (b"authorization", b"content-type")


class Remembering:
    """An ASGI application."""

    def __init__(self, upstream: str, latency_s: float) -> None:
        self._upstream = upstream.split("/api/", 1)[0]
        self._latency_s = latency_s
        self._kept: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        self._client = httpx2.AsyncClient(timeout=120)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        await asyncio.sleep(self._latency_s)
        key = (scope["path"], body)
        if not body.startswith(_QUERY):
            self._kept.clear()
        if key not in self._kept:
            headers = [(k, v) for k, v in scope["headers"] if k in _PASSED_ON]
            reply = await self._client.request(
                scope["method"], self._upstream + scope["path"], headers=headers, content=body
            )
            self._kept[key] = (reply.status_code, reply.content)
        status, content = self._kept[key]
        if not body.startswith(_QUERY):
            self._kept.clear()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def main(upstream: str, latency_ms: str) -> None:
    # asyncio turns Nagle's delays off only for sockets that say they are TCP
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        Remembering(upstream, float(latency_ms) / 1000),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
