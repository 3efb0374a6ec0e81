"""A hand for the tests: a running sandbox, and clients for its Azure DevOps."""

from __future__ import annotations

import base64
from typing import Any

import httpx2

from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import AZURE, CONTROL

SCM = "svc-scm@acme.example"
READER = "svc-reader@acme.example"
ADA = "ada@acme.example"
PATS = "/acme/_apis/tokens/pats?api-version=7.1-preview.1"
WHO = "/acme/_apis/connectionData?api-version=7.1-preview.1"


class Hand:
    """A running sandbox with clients for it."""

    def __init__(self, box: RunningSandbox) -> None:
        self.box = box
        self.organization: Organization = organization_in(box.sandbox)
        self.knobs = self.organization.knobs
        self.http = httpx2.Client(trust_env=False, timeout=30)

    @property
    def base(self) -> str:
        return self.box.urls[AZURE]

    def secret(self, name: str) -> str:
        return self.box.environment[name]

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A call with the PAT of svc-scm, unless told otherwise by `headers`."""
        more.setdefault("headers", basic(self.secret("AZURE_SCM_PAT")))
        return self.http.request(method, self.base + path, **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.call("GET", path, **more)

    def values(self, path: str, **more: Any) -> list[dict[str, Any]]:
        reply = self.get(path, **more)
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["value"]
        return found

    def holding(self, *scopes: str, owner: str = SCM) -> dict[str, str]:
        """The header of a fresh PAT."""
        return basic(self.organization.mint_pat(owner, scopes).token)

    def signed_in(self, *scopes: str, user: str = SCM) -> dict[str, str]:
        """The header of a signed-in user's bearer."""
        held = scopes or ("vso.pats", "vso.pats_manage")
        return bearer(self.organization.mint_user_token(user, held).token)

    def control(self, method: str, path: str, body: object = None) -> httpx2.Response:
        address = f"{self.box.urls[CONTROL]}/_sandbox/azure-devops{path}"
        return self.http.request(method, address, json=body)


def basic(pat: str, user: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{pat}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
