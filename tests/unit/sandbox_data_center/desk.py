"""A desk for the tests: a running sandbox and a client for its Data Center."""

from __future__ import annotations

from typing import Any

import httpx2

from reconciler.sandbox.data_center import Instance, Knobs, instance_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import CONTROL, DATA_CENTER

READ = ["PROJECT_READ", "REPO_READ"]


class Desk:
    """A running sandbox with a client for it."""

    def __init__(self, box: RunningSandbox) -> None:
        self.box = box
        self.sandbox = box.sandbox
        self.http = httpx2.Client(trust_env=False, timeout=10)

    @property
    def base(self) -> str:
        return self.box.urls[DATA_CENTER]

    @property
    def instance(self) -> Instance:
        return instance_in(self.sandbox)

    @property
    def knobs(self) -> Knobs:
        return self.instance.knobs

    def secret(self, name: str) -> str:
        return self.box.environment[name]

    @property
    def scanner(self) -> tuple[str, str]:
        return "svc-scanner", self.secret("DC_SCANNER_PASSWORD")

    @property
    def admin(self) -> tuple[str, str]:
        return "admin", self.secret("DC_ADMIN_PASSWORD")

    def as_ada(self) -> tuple[str, str]:
        return "ada", self.instance.set_password("ada")

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A call as the reader, unless told otherwise by `auth`, `token` or `headers`."""
        headers = {"Accept": "application/json", **more.pop("headers", {})}
        token = more.pop("token", "")
        if token or not ("auth" in more or more.pop("anonymous", False)):
            headers["Authorization"] = f"Bearer {token or self.secret('DC_READER_TOKEN')}"
        return self.http.request(method, self.base + path, headers=headers, **more)

    def api(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return self.call(method, f"/rest/api/latest{path}", **more)

    def tokens(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return self.call(method, f"/rest/access-tokens/latest{path}", **more)

    def mint(self, **body: Any) -> httpx2.Response:
        """Ask for a token of the scanner with the scanner's password."""
        wish = {"name": "new", "permissions": READ, "expiryDays": 90, **body}
        sent = {name: value for name, value in wish.items() if value is not None}
        return self.tokens("PUT", "/users/svc-scanner", auth=self.scanner, json=sent)

    def names(self, path: str, **more: Any) -> list[str]:
        """``KEY/slug`` of every repository on the first page of a list."""
        values = self.api("GET", path, **more).json()["values"]
        return [f"{value['project']['key']}/{value['slug']}" for value in values]

    def control(self, doing: str, body: object = None) -> httpx2.Response:
        url = f"{self.box.urls[CONTROL]}/_sandbox/data-center"
        if not doing:
            return self.http.get(url)
        return self.http.post(f"{url}/{doing}", json=body or {})


def exception(reply: httpx2.Response) -> str:
    """The short name of the one exception that an error names; empty without."""
    (error,) = reply.json()["errors"]
    assert set(error) == {"context", "message", "exceptionName"}
    return str(error["exceptionName"] or "").rpartition(".")[2]


def context(reply: httpx2.Response) -> str:
    (error,) = reply.json()["errors"]
    return str(error["context"] or "")
