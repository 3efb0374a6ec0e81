"""Microsoft's own Python client, `azure-devops`, pointed at a running sandbox.

It is imported late: its import already makes a folder for its caches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import AZURE

SCM = "svc-scm@acme.example"
READER = "svc-reader@acme.example"
ADA = "ada@acme.example"

PROJECTS = "603fe2ac-9723-48b9-88ad-09305aa6c6e1"
"""How the client knows the list of projects."""
MEMBERS = "387f832c-dbf2-4643-88e9-c1aa94dbb737"
"""How the client knows the list of members."""
PATS = "55967393-20ef-45c6-a96c-b5d5d5986a9a"
"""How `OPTIONS _apis` names the token API, for which the client has no class."""


class AzureSdk:
    """A running sandbox and connections to its organization."""

    def __init__(self, box: RunningSandbox) -> None:
        self.box = box
        self.organization: Organization = organization_in(box.sandbox)
        self.knobs = self.organization.knobs

    @property
    def url(self) -> str:
        return f"{self.box.urls[AZURE]}/{self.organization.name}"

    def isolate(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Nothing of an earlier test is remembered, and nothing can be asked of the real host."""
        from azure.devops import _file_cache, connection
        from azure.devops.client import Client

        for name in ("OPTIONS_CACHE", "RESOURCE_CACHE"):
            kept = getattr(_file_cache, name)
            monkeypatch.setattr(kept, "file_name", str(folder / f"{name}.json"))
            monkeypatch.setattr(kept, "data", {})
        monkeypatch.setattr(Client, "_locations_cache", {})
        monkeypatch.setattr(connection, "_deployment_level_resource_areas", {})
        monkeypatch.setattr(connection, "sps_url", self.url)

    def secret(self, name: str) -> str:
        return self.box.environment[name]

    def mint(self, *scopes: str, owner: str = SCM) -> str:
        return self.organization.mint_pat(owner, scopes or ("app_token",)).token

    def connect(self, pat: str = "") -> Any:
        """A connection with a PAT, that of svc-scm unless told otherwise."""
        from azure.devops.connection import Connection
        from msrest.authentication import BasicAuthentication

        login = BasicAuthentication("", pat or self.secret("AZURE_SCM_PAT"))
        return Connection(base_url=self.url, creds=login)

    def connect_as(self, bearer: str) -> Any:
        """A connection with an access token of Entra."""
        from azure.devops.connection import Connection
        from msrest.authentication import BasicTokenAuthentication

        login = BasicTokenAuthentication({"access_token": bearer})
        return Connection(base_url=self.url, creds=login)

    def location(self, connection: Any) -> Any:
        """The client for the place itself; `clients` offers none."""
        from azure.devops.v7_1.location.location_client import LocationClient

        return LocationClient(self.url, connection._creds)


class Pats:
    """The token API through the client's own pipeline: routes, versions, errors and all."""

    def __init__(self, sdk: AzureSdk, connection: Any) -> None:
        from azure.devops.client import Client

        self._client: Any = Client(sdk.url, connection._creds)

    def send(self, method: str, body: object = None, **query: str) -> Any:
        """One call; what it answers, None without a body."""
        reply = self._client._send(
            http_method=method,
            location_id=PATS,
            version="7.1-preview.1",
            query_parameters=query,
            content=body,
        )
        return reply.json() if reply.content else None
