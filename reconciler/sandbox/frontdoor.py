"""The front door of every emulator: log, latency, requests in flight, scripted faults."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.errors import UsageError
from reconciler.sandbox.answers import TOO_MANY, answer, encode
from reconciler.sandbox.faults import Fault, FaultKind
from reconciler.sandbox.mutations import elsewhere, mutate
from reconciler.sandbox.requestlog import LoggedRequest
from reconciler.sandbox.settings import CONTROL
from reconciler.sandbox.state import Sandbox

HANG_UP = "sandbox.hang_up"
"""Key of the ASGI scope under which the server offers to close the connection."""

NOTE = "sandbox.note"
"""Key of the ASGI scope under which an emulator may leave a word for the request log."""

SIGN_IN = (
    b"<!DOCTYPE html><html><head><title>Log in with Atlassian account</title></head>"
    b"<body><form action='/login' method='post'></form></body></html>"
)

_INSTEAD = frozenset(
    {
        FaultKind.DROP,
        FaultKind.RATE_LIMIT,
        FaultKind.ERROR,
        FaultKind.LOST_PAGE,
        FaultKind.HTML,
        FaultKind.FOREIGN_REDIRECT,
        FaultKind.ECHO,
    }
)
"""Faults that answer in place of the emulator."""


@dataclass(slots=True)
class _Visit:
    """One request on its way through the door."""

    line: str
    method: str
    path: str
    credential: str
    status: int = 0


@dataclass(slots=True)
class _Recorder:
    """Keeps a reply instead of sending it."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")

    async def play(self, send: Send, body: bytes) -> None:
        kept = [(k, v) for k, v in self.headers if k.lower() != b"content-length"]
        kept.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": kept})
        await send({"type": "http.response.body", "body": body})


class FrontDoor:
    """Stands before an emulator's application."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, name: str) -> None:
        self._app = app
        self._sandbox = sandbox
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP goes straight through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = self._visit(scope)
        is_noted = False

        def note() -> None:
            nonlocal is_noted
            if not is_noted:
                is_noted = True
                self._end(visit, str(scope.get(NOTE, "")))

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
            if message["type"] == "http.response.body" and not message.get("more_body"):
                note()  # first, so that who has read the answer finds it in the log
            await send(message)

        self._sandbox.log.begin(self._name)
        try:
            if self._sandbox.settings.latency_ms:
                await asyncio.sleep(self._sandbox.settings.latency_ms / 1000)
            await self._serve(visit, scope, receive, noted)
        finally:
            note()

    def _visit(self, scope: Scope) -> _Visit:
        headers = dict(scope["headers"])
        header = headers.get(b"authorization", b"").decode("latin-1")
        emulator = self._sandbox.emulators.get(self._name)
        credential = emulator.identify(header) if header and emulator else ""
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        full = f"{path}?{query}" if query else path
        return _Visit(f"{scope['method']} {full}", scope["method"], full, credential)

    def _end(self, visit: _Visit, note: str) -> None:
        entry = LoggedRequest(
            emulator=self._name,
            method=visit.method,
            path=visit.path,
            status=visit.status,
            credential=visit.credential,
            note=note,
            at=self._sandbox.now(),
        )
        self._sandbox.log.end(entry)
        if self._sandbox.settings.log_requests:
            words = (self._name, visit.line, str(visit.status), visit.credential or "-", note)
            sys.stderr.write(" ".join(words).rstrip() + "\n")

    async def _serve(self, visit: _Visit, scope: Scope, receive: Receive, send: Send) -> None:
        body = ""
        if self._sandbox.faults.needs_body(self._name):
            body, receive = await _peek(receive)
        struck = self._sandbox.faults.take(self._name, visit.line, body)
        for fault in struck:
            await self._prepare(fault, visit)
            if fault.kind in _INSTEAD:
                await self._instead(fault, visit, (scope, receive, send))
                return
        if not struck:
            await self._app(scope, receive, send)
            return
        await self._after(struck, visit, (scope, receive, send))

    async def _prepare(self, fault: Fault, visit: _Visit) -> None:
        if fault.kind is FaultKind.SLOW:
            await asyncio.sleep(float(fault.value or 1))
        emulator = self._sandbox.emulators.get(self._name)
        if fault.kind is FaultKind.TOKEN_DIES and emulator is not None:
            name = str(fault.value or visit.credential)
            with suppress(UsageError):
                emulator.revoke(self._sandbox.credentials.get(name, name))

    async def _instead(self, fault: Fault, visit: _Visit, asgi: _Asgi) -> None:
        if fault.kind is FaultKind.DROP:
            await _hang_up(visit, asgi)
            return
        scope, receive, send = asgi
        if fault.kind is FaultKind.ECHO:
            response = await self._echo(fault, scope, receive)
        else:
            response = self._reply(fault, visit)
        await response(scope, receive, send)

    async def _echo(self, fault: Fault, scope: Scope, receive: Receive) -> Response:
        """What a careless service answers: the request's own credential, in full."""
        shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        body, _ = await _peek(receive)
        message = f"cannot serve Authorization: {shown} with body {body}"
        return answer(self._error_body(message), int(fault.value or 400))

    def _reply(self, fault: Fault, visit: _Visit) -> Response:
        if fault.kind is FaultKind.HTML:
            return Response(SIGN_IN, 200, media_type="text/html")
        if fault.kind is FaultKind.FOREIGN_REDIRECT:
            target = elsewhere(visit.path, fault, self._trap)
            return Response(status_code=302, headers={"Location": target})
        if fault.kind is FaultKind.RATE_LIMIT:
            wait = {} if fault.value is None else {"Retry-After": str(fault.value)}
            return answer(self._error_body(TOO_MANY), 429, wait)
        status = int(fault.value or 500)
        return answer(self._error_body("Something went wrong"), status)

    def _error_body(self, message: str) -> object:
        return self._sandbox.emulators[self._name].error_body(message)

    @property
    def _trap(self) -> str:
        return self._sandbox.urls.get(CONTROL, "http://127.0.0.1:9") + "/trap"

    async def _after(self, struck: tuple[Fault, ...], visit: _Visit, asgi: _Asgi) -> None:
        scope, receive, send = asgi
        reply = _Recorder()
        await self._app(scope, receive, reply.send)
        kinds = {fault.kind: fault for fault in struck}
        if FaultKind.LOST_ANSWER in kinds:
            await _hang_up(visit, asgi)
            return
        late = kinds.get(FaultKind.ERROR_AFTER_COMMIT)
        if late is not None:
            reply = _Recorder(int(late.value or 502), [(b"content-type", b"application/json")])
            reply.body = encode(self._error_body("Bad gateway"))
        body = reply.body
        for fault in struck:
            body = mutate(body, fault, self._trap)
        await reply.play(send, body)


_Asgi: TypeAlias = tuple[Scope, Receive, Send]


async def _peek(receive: Receive) -> tuple[str, Receive]:
    """The whole request body, and a channel that delivers it once more."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    is_replayed = False

    async def again() -> Message:
        nonlocal is_replayed
        if is_replayed:
            return await receive()
        is_replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body.decode(errors="replace"), again


async def _hang_up(visit: _Visit, asgi: _Asgi) -> None:
    """Close the connection without a word and wait until the server has noticed."""
    scope, receive, _ = asgi
    hang_up: Callable[[], None] | None = scope.get(HANG_UP)
    visit.status = 0
    if hang_up is None:
        return
    hang_up()
    wait: Awaitable[Message] = receive()
    while (await wait)["type"] != "http.disconnect":
        wait = receive()
