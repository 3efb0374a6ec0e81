"""The emulated OX at work with the emulated Azure DevOps and Bitbucket Data Center."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.ox_state import AZURE_REPOS, BITBUCKET_SERVER
from reconciler.sandbox.settings import AZURE, DATA_CENTER
from tests.unit.sandbox_ox.test_ox_emulator import LIST, VERIFY, Desk, desk

__all__ = ["desk"]


def azure(desk: Desk, **parts: Any) -> dict[str, Any]:
    """Add an application's credentials; *parts* replace what is given."""
    environment = desk.running.environment
    given = {
        "clientId": environment["AZURE_SP_CLIENT_ID"],
        "clientSecret": environment["AZURE_SP_CLIENT_SECRET"],
        "tenantId": environment["AZURE_TENANT_ID"],
    }
    answer: dict[str, Any] = desk.add(
        connectorID=AZURE_REPOS,
        hostURL=parts.pop("host", f"{desk.running.urls[AZURE]}/acme/"),
        credentialsType="ServicePrincipal",
        credentialsInput=given | parts,
    )
    return answer


def test_an_application_sees_the_organization(desk: Desk) -> None:
    assert "errors" not in azure(desk)
    (credential,) = desk.tenant.credentials.values()
    assert credential.secret not in repr(desk.tenant)
    asked = {"connectorID": AZURE_REPOS, "credentialsId": credential.id}
    found = desk.ask(LIST, asked)["data"]["getConnectorResources"]
    owners = {(row["resourceOrgName"], row["name"]) for row in found["resources"]}
    assert {("Mixed", "tools"), ("Platform", "tools")} <= owners
    assert not {name for _, name in owners if name.endswith(".wiki")}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"clientSecret": "wrong"}, "the client id or the client secret is wrong"),
        ({"clientId": "nobody"}, "the client id or the client secret is wrong"),
        ({"tenantId": "elsewhere"}, "the tenant does not know"),
        ({"host": "https://dev.azure.com/globex/"}, "no such organization"),
        ({"host": "https://elsewhere.example/acme/"}, "nothing answers"),
    ],
    ids=["secret", "application", "tenant", "organization", "host"],
)
def test_an_application_that_does_not_serve_is_refused(
    desk: Desk, parts: dict[str, str], said: str
) -> None:
    assert said in azure(desk, **parts)["errors"][0]["message"]
    assert not desk.tenant.credentials


def test_the_numbers_of_data_center_are_not_shown(desk: Desk) -> None:
    token = desk.running.environment["DC_SCANNER_TOKEN"]
    desk.add(
        connectorID=BITBUCKET_SERVER,
        hostURL=desk.running.urls[DATA_CENTER],
        credentialsType="Token",
        credentialsInput={"token": token},
    )
    (credential,) = desk.tenant.credentials.values()
    asked = {"connectorID": BITBUCKET_SERVER, "credentialsId": credential.id}
    rows = desk.ask(LIST, asked)["data"]["getConnectorResources"]["resources"]
    assert rows
    assert not {row["key"] for row in rows} & credential.seen
    assert {row["resourceOrgName"] for row in rows} >= {"PAY", "OPS"}


def test_data_center_answers_at_its_own_address_alone(desk: Desk) -> None:
    answer = desk.add(
        connectorID=BITBUCKET_SERVER,
        hostURL=desk.running.urls[DATA_CENTER] + "/elsewhere",
        credentialsType="Token",
        credentialsInput={"token": desk.running.environment["DC_SCANNER_TOKEN"]},
    )
    assert "nothing answers" in answer["errors"][0]["message"]


def test_a_person_grants_and_withdraws_for_azure_devops(desk: Desk) -> None:
    granted = desk.person.grant(
        provider=AZURE,
        method="identity-provider",
        workspace="acme",
        repositories=["Platform/tools"],
    )
    organization = organization_in(desk.running.sandbox)
    tools = organization.repository("Platform", "tools")
    assert granted["selected"] == [tools.id]
    query = """query A($i: GetApplicationsInput) { getApplications(getApplicationsInput: $i) {
      applications { appName link } } }"""
    (found,) = desk.ask(query, {})["data"]["getApplications"]["applications"]
    assert found["appName"] == "Platform/tools"
    desk.person.withdraw(connection=granted["id"])
    verified = desk.ask(VERIFY, {"connectorID": AZURE_REPOS, "credentialsID": granted["id"]})
    assert not verified["data"]["verifySingleConnectorCredentials"]["credentialsAreValid"]


@pytest.mark.parametrize(
    ("provider", "method", "workspace"),
    [
        (AZURE, "oauth-app", "acme"),
        (AZURE, "identity-provider", "globex"),
        (DATA_CENTER, "identity-provider", "acme"),
    ],
    ids=["no-such-method", "no-such-organization", "no-browser"],
)
def test_a_grant_that_cannot_be_is_told_with_a_hint(
    desk: Desk, provider: str, method: str, workspace: str
) -> None:
    with pytest.raises(UsageError) as caught:
        desk.person.grant(provider=provider, method=method, workspace=workspace)
    assert caught.value.hint
