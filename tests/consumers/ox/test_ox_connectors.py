"""Connectors ↔ providers, and ways to give a credential, as tables."""

from __future__ import annotations

import pytest

from reconciler.consumers.ox.connectors import (
    AZURE_DEVOPS,
    BITBUCKET_CLOUD,
    BITBUCKET_DATA_CENTER,
    SETTINGS,
    TITLES,
    credentials_input,
    host_url,
    kind_of,
    provider_of,
    setting_of,
    sort_out,
    unknown_ids,
    way,
)
from reconciler.consumers.ox.convert import Connector
from reconciler.consumers.ox.refusals import refused_hint
from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest

ORGANIZATION_URL = "https://dev.azure.com/acme/"


def a_request(
    provider: str = BITBUCKET_CLOUD,
    kind: MethodKind = MethodKind.API_TOKEN,
    *,
    host: str = "",
    workspace: str = "acme",
    username: str = "",
) -> ConnectRequest:
    return ConnectRequest("a", provider, kind, host, workspace, username, Secret("hush"))


@pytest.mark.parametrize(
    ("name", "display", "provider"),
    [
        ("Bitbucket", "Bitbucket Cloud", BITBUCKET_CLOUD),
        ("BITBUCKET_CLOUD", None, BITBUCKET_CLOUD),
        ("bit-bucket", None, BITBUCKET_CLOUD),
        ("Bitbucket", "Bitbucket Data Center", BITBUCKET_DATA_CENTER),
        ("bitbucketServer", None, BITBUCKET_DATA_CENTER),
        ("Bitbucket On-Prem", None, BITBUCKET_DATA_CENTER),
        ("AzureRepos", "Azure Repos", AZURE_DEVOPS),
        ("AZURE_DEVOPS", None, AZURE_DEVOPS),
        ("AzureDevOpsServer", "Azure DevOps Server", ""),
        ("Azure Pipelines", "Azure DevOps Pipelines", ""),
        ("Bitbucket Pipelines", None, ""),
        ("AzureCloud", "Azure", ""),
        ("GitHub", "GitHub", ""),
        (None, None, ""),
    ],
    ids=str,
)
def test_the_provider_of_a_connector_is_known_by_its_name(
    name: str | None, display: str | None, provider: str
) -> None:
    connector = Connector(id=5, name=name, display_name=display)
    assert provider_of(connector) == provider
    assert sort_out([connector], {}) == ({provider: connector} if provider else {})


CLOUD = Connector(id="1", name="Bitbucket")
SERVER = Connector(id=2, name="BitbucketServer")
AZURE = Connector(id="3", name="AzureRepos")
NAMELESS = Connector(id="4", name="Code Host")
SECOND = Connector(id="5", name="Bitbucket", display_name="Bitbucket (new)")
EVERY = (AZURE, NAMELESS, SERVER, CLOUD, SECOND, Connector(name="Bitbucket"))
BY_NAME = {BITBUCKET_CLOUD: CLOUD, AZURE_DEVOPS: AZURE, BITBUCKET_DATA_CENTER: SERVER}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {}),
        ({"connectorId": "5"}, {BITBUCKET_CLOUD: SECOND}),
        ({"connectorId": "4"}, {BITBUCKET_CLOUD: NAMELESS}),
        ({"connectorId": "3"}, {}),
        ({"azureConnectorId": "4"}, {AZURE_DEVOPS: NAMELESS}),
        ({"dataCenterConnectorId": "5"}, {BITBUCKET_DATA_CENTER: SECOND}),
        (
            {"connectorId": "5", "azureConnectorId": "4"},
            {BITBUCKET_CLOUD: SECOND, AZURE_DEVOPS: NAMELESS},
        ),
    ],
    ids=["none", "other", "nameless", "of-azure-by-name", "azure", "data-center", "two"],
)
def test_a_setting_decides_for_its_provider(
    settings: dict[str, str], changed: dict[str, Connector]
) -> None:
    found = sort_out(EVERY, settings)
    assert found == BY_NAME | changed
    assert list(found) == list(SETTINGS)
    assert unknown_ids(EVERY, settings) == []


def test_an_id_that_no_connector_has_is_told_with_its_setting() -> None:
    settings = {"azureConnectorId": "9", "connectorId": "1"}
    assert unknown_ids(EVERY, settings) == ["9"]
    assert setting_of("9", settings) == "azureConnectorId"


def test_everything_is_known_of_every_provider() -> None:
    assert SETTINGS.keys() == TITLES.keys()
    assert all(refused_hint(provider) for provider in SETTINGS)


@pytest.mark.parametrize(
    ("provider", "type_", "kind"),
    [
        (BITBUCKET_CLOUD, "TokenAndUser", MethodKind.API_TOKEN),
        (BITBUCKET_CLOUD, "BitbucketApp", MethodKind.OAUTH_APP),
        (BITBUCKET_CLOUD, "IdentityProvider", MethodKind.IDENTITY_PROVIDER),
        (BITBUCKET_CLOUD, "ServicePrincipal", None),
        (AZURE_DEVOPS, "Token", MethodKind.PERSONAL_ACCESS_TOKEN),
        (AZURE_DEVOPS, "UserPassword", MethodKind.PERSONAL_ACCESS_TOKEN),
        (AZURE_DEVOPS, "IdentityProvider", MethodKind.IDENTITY_PROVIDER),
        (AZURE_DEVOPS, "ServicePrincipal", MethodKind.SERVICE_PRINCIPAL),
        (AZURE_DEVOPS, "BitbucketApp", None),
        (BITBUCKET_DATA_CENTER, "UserPassword", MethodKind.HTTP_ACCESS_TOKEN),
        (BITBUCKET_DATA_CENTER, "Token", MethodKind.HTTP_ACCESS_TOKEN),
        (BITBUCKET_DATA_CENTER, "Hologram", None),
    ],
    ids=str,
)
def test_the_method_follows_from_provider_and_type(
    provider: str, type_: str, kind: MethodKind | None
) -> None:
    assert kind_of(provider, type_) is kind


@pytest.mark.parametrize(
    ("kind", "username", "offered", "expected"),
    [
        (MethodKind.API_TOKEN, "bot", ["UserPassword", "TokenAndUser"], "TokenAndUser"),
        (MethodKind.API_TOKEN, "bot", ["BitbucketApp", "UserPassword"], "UserPassword"),
        (MethodKind.API_TOKEN, "bot", ["BitbucketApp", "Token", None], None),
        (MethodKind.API_TOKEN, "bot", None, None),
        (MethodKind.HTTP_ACCESS_TOKEN, "bot", ["Token", "UserPassword"], "UserPassword"),
        (MethodKind.HTTP_ACCESS_TOKEN, "", ["UserPassword", "Token"], "Token"),
        (MethodKind.HTTP_ACCESS_TOKEN, "", ["UserPassword"], "UserPassword"),
        (MethodKind.PERSONAL_ACCESS_TOKEN, "svc", ["TokenAndUser", "TokenOnly"], "TokenOnly"),
        (
            MethodKind.PERSONAL_ACCESS_TOKEN,
            "",
            ["IdentityProvider", "TokenAndUser"],
            "TokenAndUser",
        ),
        (MethodKind.SERVICE_PRINCIPAL, "app", ["Token", "ServicePrincipal"], "ServicePrincipal"),
        (MethodKind.SERVICE_PRINCIPAL, "app", ["Token"], None),
        (MethodKind.IDENTITY_PROVIDER, "", ["IdentityProvider"], None),
    ],
    ids=[
        "token-before-password",
        "password",
        "user-is-needed",
        "nothing-offered",
        "user-given",
        "no-user",
        "no-user-and-no-other-way",
        "only-the-token",
        "token-with-empty-user",
        "application",
        "no-application",
        "browser",
    ],
)
def test_the_way_is_chosen_from_what_the_connector_offers(
    kind: MethodKind, username: str, offered: list[str | None] | None, expected: str | None
) -> None:
    found = way(Connector(types=offered), kind, username)
    assert (found.type if found else None) == expected


@pytest.mark.parametrize(
    ("type_", "kind", "given"),
    [
        ("TokenAndUser", MethodKind.API_TOKEN, {"name": "bot", "token": "hush"}),
        ("UserPassword", MethodKind.API_TOKEN, {"name": "bot", "password": "hush"}),
        ("Token", MethodKind.PERSONAL_ACCESS_TOKEN, {"token": "hush"}),
    ],
    ids=["token-and-user", "user-and-password", "token"],
)
def test_a_credential_fills_the_fields_of_its_type(
    type_: str, kind: MethodKind, given: dict[str, str]
) -> None:
    found = way(Connector(types=[type_]), kind, "bot")
    assert found is not None
    assert credentials_input(found, a_request(kind=kind, username="bot")) == given


def test_an_application_without_its_tenant_is_refused() -> None:
    kind = MethodKind.SERVICE_PRINCIPAL
    found = way(Connector(types=["ServicePrincipal"]), kind, "app")
    assert found is not None
    with pytest.raises(RemoteError, match="needs the tenant") as caught:
        credentials_input(found, a_request(AZURE_DEVOPS, kind, username="app"))
    assert caught.value.fault is Fault.REJECTED


@pytest.mark.parametrize(
    ("provider", "host", "connector", "expected"),
    [
        (BITBUCKET_CLOUD, "", "https://api.bitbucket.org/2.0", "https://api.bitbucket.org/2.0"),
        (BITBUCKET_DATA_CENTER, "https://git.acme.example/x", None, "https://git.acme.example/x"),
        (AZURE_DEVOPS, "https://dev.azure.com", None, ORGANIZATION_URL),
        (AZURE_DEVOPS, "", "https://dev.azure.com/", ORGANIZATION_URL),
        (AZURE_DEVOPS, "https://dev.azure.com/Acme", None, "https://dev.azure.com/Acme"),
        (
            AZURE_DEVOPS,
            "https://acme.visualstudio.com",
            None,
            "https://acme.visualstudio.com",
        ),
        (AZURE_DEVOPS, "https://tfs.example/tfs", None, "https://tfs.example/tfs/acme/"),
        (AZURE_DEVOPS, "", None, None),
    ],
    ids=[
        "cloud",
        "data-center",
        "azure",
        "azure-by-connector",
        "azure-with-organization",
        "azure-by-host",
        "azure-server",
        "azure-unknown",
    ],
)
def test_the_host_url_of_azure_ends_in_the_organization(
    provider: str, host: str, connector: str | None, expected: str | None
) -> None:
    assert host_url(a_request(provider, host=host), Connector(host_url=connector)) == expected
