"""Azure DevOps and Bitbucket Data Center of a bench's sandbox, as OX and we meet them."""

from __future__ import annotations

from reconciler.model.drift import RepositoryLabel
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest
from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.data_center import Instance, instance_in
from reconciler.sandbox.settings import AZURE, DATA_CENTER
from tests.consumers.ox.bench import Bench

CODE = ("vso.code",)


def organization(bench: Bench) -> Organization:
    return organization_in(bench.sandbox)


def instance(bench: Bench) -> Instance:
    return instance_in(bench.sandbox)


def a_pat(bench: Bench, *scopes: str) -> Secret:
    return Secret(organization(bench).mint_pat(scopes=scopes or CODE).token)


def by_pat(
    bench: Bench, name: str, secret: Secret | None = None, *, workspace: str = "acme"
) -> ConnectRequest:
    """A connection to the organization, as the YAML's account has it: without it in the host."""
    return ConnectRequest(
        name=name,
        provider=AZURE,
        kind=MethodKind.PERSONAL_ACCESS_TOKEN,
        host_url=bench.sandbox.urls[AZURE],
        workspace=workspace,
        username="",
        secret=secret or a_pat(bench),
    )


def by_http_token(
    bench: Bench, name: str, secret: Secret | None = None, *, username: str = ""
) -> ConnectRequest:
    return ConnectRequest(
        name=name,
        provider=DATA_CENTER,
        kind=MethodKind.HTTP_ACCESS_TOKEN,
        host_url=bench.sandbox.urls[DATA_CENTER],
        workspace="acme-git",
        username=username,
        secret=secret or Secret(bench.running.environment["DC_SCANNER_TOKEN"]),
    )


def azure_labels(bench: Bench) -> dict[str, RepositoryLabel]:
    """The repositories of the organization by their qualified names."""
    tried = organization(bench).try_pat(a_pat(bench).reveal())
    names = ((f"{r.project}/{r.name}", r.id) for r in tried.repositories)
    return {name: RepositoryLabel(name, id_) for name, id_ in names}


def data_center_labels(bench: Bench) -> dict[str, RepositoryLabel]:
    """The repositories that the scanner sees, by their qualified names."""
    tried = instance(bench).try_token(bench.running.environment["DC_SCANNER_TOKEN"])
    names = ((f"{r.project}/{r.slug}", str(r.id)) for r in tried.repositories)
    return {name: RepositoryLabel(name, id_) for name, id_ in names}
