"""Runs the emulators: one process, one loopback port each.

`RunningSandbox` serves from a thread, for tests and demonstrations; `serve` serves the command
until it is told to stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reconciler.errors import UsageError
from reconciler.sandbox.app import applications
from reconciler.sandbox.frontdoor import HANG_UP
from reconciler.sandbox.settings import (
    AZURE,
    BITBUCKET,
    CONTROL,
    DATA_CENTER,
    OX,
    VAULT,
    Settings,
)
from reconciler.sandbox.state import Sandbox

LOOPBACK = "127.0.0.1"
STOP_PATIENCE_S = 10
DRAIN_S = 0.2
"""How long requests in flight may go on when the sandbox stops."""

PATHS = {
    BITBUCKET: "/2.0",
    OX: "/api/apollo-gateway",
    CONTROL: "",
    DATA_CENTER: "/bitbucket",
    AZURE: "",
    VAULT: "",
}
"""What follows host and port in the base address of each emulator."""


class _Protocol(HttpToolsProtocol):
    """Offers the application to close its connection, which ASGI does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class declares it
        super().connection_made(transport)
        inner: ASGIApp = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope[HANG_UP] = transport.close
            try:
                await inner(scope, receive, send)
            except asyncio.CancelledError:  # the sandbox stops in the middle of a slow answer
                transport.abort()
                while (await receive())["type"] != "http.disconnect":
                    pass

        self.app = app


class _Server(uvicorn.Server):
    """A server whose signals are somebody else's business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()
        self.accepts = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when the port accepts."""
        await super().startup(sockets)
        self.accepts.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Tick for the Date header as the base class does, but leave at once when told to."""
        while not self._leave.is_set():
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close at once; the base class always waits a tenth of a second, many tests do not."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        if tasks:
            _, slow = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    def leave(self) -> None:
        """End the main loop."""
        self.should_exit = True
        self._leave.set()


class _Group:
    """The servers of one sandbox on one event loop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sockets = _bind(sandbox.settings.port_base)
        for name, listener in self._sockets.items():
            port = listener.getsockname()[1]
            sandbox.urls[name] = f"http://{LOOPBACK}:{port}{PATHS[name]}"
        sandbox.bitbucket.host_urls.add(sandbox.urls[BITBUCKET])
        apps = applications(sandbox)
        self._servers = {name: _Server(_config(apps[name])) for name in self._sockets}

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        tasks = [
            asyncio.create_task(server.serve(sockets=[self._sockets[name]]))
            for name, server in self._servers.items()
        ]
        await asyncio.gather(*(server.accepts.wait() for server in self._servers.values()))
        try:
            ready()
            await stop.wait()
        finally:
            for server in self._servers.values():
                server.leave()
            await asyncio.gather(*tasks)


def _bind(port_base: int | None) -> dict[str, socket.socket]:
    listeners: dict[str, socket.socket] = {}
    for number, name in enumerate(PATHS):
        port = 0 if port_base is None else port_base + number
        # asyncio turns Nagle's delays off only for sockets that say they are TCP
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            for bound in (*listeners.values(), listener):
                bound.close()
            raise UsageError(
                f"port {port} of {LOOPBACK} cannot be used: {error.strerror}",
                hint="choose another --port-base, or leave it out to take free ports",
            ) from error
        listener.listen(1024)
        listeners[name] = listener
    return listeners


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        loop="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("server", "envoy")],
        timeout_keep_alive=75,
    )


def environment_of(sandbox: Sandbox) -> dict[str, str]:
    """NAME → value of everything a user of the sandbox needs."""
    urls = sandbox.urls
    return {
        "BITBUCKET_CLOUD_URL": urls[BITBUCKET],
        "BITBUCKET_URL": urls[BITBUCKET],
        "DATA_CENTER_URL": urls[DATA_CENTER],
        "AZURE_DEVOPS_URL": urls[AZURE],
        "OX_URL": urls[OX],
        "VAULT_ADDR": urls[VAULT],
        "SANDBOX_CONTROL_URL": urls[CONTROL],
        **sandbox.credentials,
    }


class RunningSandbox:
    """A sandbox served from a background thread for as long as the ``with`` block lasts."""

    def __init__(self, settings: Settings | None = None, *, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox(settings or Settings())
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def urls(self) -> dict[str, str]:
        """Base address of every emulator."""
        return self.sandbox.urls

    @property
    def environment(self) -> dict[str, str]:
        """NAME → value, as in the ready file."""
        return environment_of(self.sandbox)

    def __enter__(self) -> Self:
        group = _Group(self.sandbox)
        self._thread = threading.Thread(
            target=self._run, args=(group,), name="sandbox", daemon=True
        )
        self._thread.start()
        self._ready.wait(STOP_PATIENCE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_S)

    def _run(self, group: _Group) -> None:
        async def main() -> None:
            self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
            await group.run(self._stop, self._ready.set)

        asyncio.run(main())


def serve(
    settings: Settings, ready_file: Path | None, announce: Callable[[Mapping[str, str]], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: how the sandbox begins.
        ready_file: written atomically, mode 0600, when every port accepts; removed at the end.
        announce: called with NAME → value when every port accepts.

    Raises:
        UsageError: a port is taken, or the ready file cannot be written.
    """
    sandbox = Sandbox(settings)
    group = _Group(sandbox)

    def ready() -> None:
        lines = environment_of(sandbox)
        if ready_file is not None:
            write_ready_file(ready_file, lines)
        announce(lines)

    async def main() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await group.run(stop, ready)

    try:
        asyncio.run(main())
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def write_ready_file(target: Path, lines: Mapping[str, str]) -> None:
    """Write ``NAME=value`` lines so that nobody ever sees half of them, or is not the owner."""
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as draft:
            draft.write(text)
        Path(name).replace(target)
    except OSError as error:
        raise UsageError(
            f"the ready file {target} cannot be written: {error.strerror}",
            hint="name a file in a folder that exists and is yours",
        ) from error
