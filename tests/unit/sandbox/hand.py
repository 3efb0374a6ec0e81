"""A hand for the tests: a running sandbox with clients for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import BITBUCKET, CONTROL

Minter = Callable[..., tuple[str, str]]


class Hand:
    """A running sandbox with clients for it."""

    def __init__(self, box: RunningSandbox) -> None:
        self.box = box
        self.sandbox = box.sandbox
        self.bitbucket = box.sandbox.bitbucket
        self.http = httpx2.Client(trust_env=False, timeout=10)

    @property
    def base(self) -> str:
        return self.box.urls[BITBUCKET]

    def secret(self, name: str) -> str:
        return self.box.environment[name]

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A call as acme's reader, unless told otherwise by `auth` or `headers`."""
        url = path if path.startswith("http") else self.base + path
        if "auth" not in more and "headers" not in more:
            more["headers"] = bearer(self.secret("ACME_READER_TOKEN"))
        return self.http.request(method, url, **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.call("GET", path, **more)

    def control(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return self.http.request(method, f"{self.box.urls[CONTROL]}/_sandbox{path}", json=body)

    def arm(self, kind: str, **fields: object) -> None:
        reply = self.control("POST", "/faults", {"kind": kind, **fields})
        assert reply.status_code == 200, reply.text

    def bot(self) -> tuple[str, str]:
        return self.secret("OX_BOT_EMAIL"), self.secret("OX_BOT_TOKEN")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
