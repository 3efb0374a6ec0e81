from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sdk.azure_sdk import ADA, SCM, AzureSdk, Pats


def authentication_error() -> type[Exception]:
    from azure.devops.exceptions import AzureDevOpsAuthenticationError

    kind: type[Exception] = AzureDevOpsAuthenticationError
    return kind


def service_error() -> type[Exception]:
    from azure.devops.exceptions import AzureDevOpsServiceError

    kind: type[Exception] = AzureDevOpsServiceError
    return kind


def wish(azure: AzureSdk, scope: str = "vso.code", days: int = 90) -> dict[str, object]:
    end = azure.organization.clock.now() + timedelta(days=days)
    return {"displayName": "scan", "scope": scope, "validTo": end.isoformat(), "allOrgs": False}


def signed_in(azure: AzureSdk) -> Pats:
    return Pats(azure, azure.connect_as(azure.secret("AZURE_SCM_USER_TOKEN")))


def repositories(azure: AzureSdk, pat: str) -> Any:
    return azure.connect(pat).clients.get_git_client().get_repositories()


def test_a_pat_is_made_used_changed_and_revoked(azure: AzureSdk) -> None:
    pats = signed_in(azure)
    told = pats.send("POST", wish(azure))
    made = told["patToken"]
    assert told["patTokenError"] == "none"
    assert len(repositories(azure, made["token"])) == 7

    change = {"authorizationId": made["authorizationId"], "displayName": "later"}
    assert pats.send("PUT", change)["patToken"]["token"] is None
    kept = azure.organization.pat(made["authorizationId"])
    assert (kept.name, kept.scopes) == ("later", ("vso.code",))

    assert pats.send("DELETE", authorizationId=made["authorizationId"]) is None
    with pytest.raises(authentication_error()):
        repositories(azure, made["token"])
    shown = pats.send("GET", displayFilterOption="revoked")["patTokens"]
    assert [token["authorizationId"] for token in shown] == [made["authorizationId"]]


def test_pats_are_listed_to_the_last_page_without_secrets(azure: AzureSdk) -> None:
    for number in range(25):
        azure.organization.mint_pat(SCM, name=f"t{number}")
    pats, token = signed_in(azure), ""
    listed: list[dict[str, Any]] = []
    while not listed or token:
        query = {"continuationToken": token} if token else {}
        page = pats.send("GET", **query)
        listed += page["patTokens"]
        token = page["continuationToken"]
    assert {t["authorizationId"] for t in listed} == {p.id for p in azure.organization.pats(SCM)}
    assert len(listed) == 26
    assert all(token["token"] is None for token in listed)


def test_a_wish_that_policy_forbids_is_told_in_the_answer(azure: AzureSdk) -> None:
    before = azure.organization.pats(SCM)
    told = signed_in(azure).send("POST", wish(azure, scope="vso.coed"))
    assert (told["patToken"], told["patTokenError"]) == (None, "invalidScope")
    assert azure.organization.pats(SCM) == before


def test_a_pat_manages_no_pats(azure: AzureSdk) -> None:
    with pytest.raises(service_error(), match="not allowed"):
        Pats(azure, azure.connect()).send("GET")


def test_a_service_principal_reads(azure: AzureSdk) -> None:
    minted = azure.organization.mint_app_token(azure.secret("AZURE_SP_CLIENT_ID"))
    clients = azure.connect_as(minted.token).clients
    assert len(clients.get_core_client().get_projects()) == 4
    assert len(clients.get_git_client().get_repositories()) == 7


def test_a_signed_in_users_bearer_tells_who_that_is(azure: AzureSdk) -> None:
    connection = azure.connect_as(azure.secret("AZURE_SCM_USER_TOKEN"))
    seen = azure.location(connection).get_connection_data()
    assert seen.authenticated_user.id == azure.organization.user(SCM).id


def test_an_administrator_lists_and_revokes_other_peoples_pats(azure: AzureSdk) -> None:
    from azure.devops.v7_1.token_admin.models import TokenAdminRevocation

    admin = azure.connect(azure.mint("vso.tokenadministration", owner=ADA))
    desk = admin.clients_v7_1.get_token_admin_client()
    scm = azure.organization.user(SCM)
    (found,) = desk.list_personal_access_tokens(scm.descriptor).value
    assert (found.display_name, found.is_valid) == ("scm", True)
    desk.revoke_authorizations([TokenAdminRevocation(authorization_id=found.authorization_id)])
    assert azure.organization.pat(found.authorization_id).revoked_at is not None
    with pytest.raises(authentication_error()):
        repositories(azure, azure.secret("AZURE_SCM_PAT"))


def test_nobody_else_lists_other_peoples_pats(azure: AzureSdk) -> None:
    desk = azure.connect(azure.mint("app_token")).clients_v7_1.get_token_admin_client()
    with pytest.raises(service_error(), match="Project Collection Administrators"):
        desk.list_personal_access_tokens(azure.organization.user(ADA).descriptor)


@pytest.mark.parametrize("fate", ["revoked", "expired", "without the scope"])
def test_a_dead_or_weak_pat_becomes_the_clients_own_error(azure: AzureSdk, fate: str) -> None:
    pat = azure.mint("vso.packaging" if fate == "without the scope" else "vso.code")
    if fate == "revoked":
        azure.organization.revoke(pat)
    if fate == "expired":
        azure.organization.expire(pat)
    with pytest.raises(authentication_error(), match="requires user authentication"):
        repositories(azure, pat)


def test_an_unknown_pat_becomes_the_clients_own_error(azure: AzureSdk) -> None:
    azure.knobs.bad_credential_style = "401"
    with pytest.raises(authentication_error(), match="requires user authentication"):
        repositories(azure, "x" * 84)


def test_a_sign_in_page_is_no_answer_to_the_client(azure: AzureSdk) -> None:
    from msrest.exceptions import DeserializationError

    azure.knobs.bad_credential_style = "203"
    with pytest.raises(DeserializationError, match="text/html"):
        repositories(azure, "x" * 84)


def test_a_refused_bearer_is_an_error_in_spite_of_its_byte_order_mark(azure: AzureSdk) -> None:
    with pytest.raises(service_error(), match="TF400813"):
        azure.connect_as("invented").clients.get_core_client().get_projects()


def test_another_organization_is_not_found(azure: AzureSdk) -> None:
    from azure.devops.connection import Connection
    from azure.devops.exceptions import AzureDevOpsClientRequestError

    connection = azure.connect()
    elsewhere = Connection(base_url=azure.url.replace("acme", "globex"), creds=connection._creds)
    with pytest.raises(AzureDevOpsClientRequestError, match="404"):
        elsewhere.clients.get_core_client()


def test_the_client_comes_back_after_the_wait_of_a_429(azure: AzureSdk) -> None:
    core = azure.connect().clients.get_core_client()
    assert len(core.get_projects()) == 4
    azure.knobs.block_next, azure.knobs.retry_after_s = 1, 0
    assert len(core.get_projects()) == 4
    assert azure.knobs.block_next == 0
