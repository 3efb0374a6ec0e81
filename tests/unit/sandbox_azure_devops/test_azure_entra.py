from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.unit.sandbox_azure_devops.azure_hand import PATS, WHO, Hand, bearer

RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def ask(azure: Hand, *, tenant: str = "", **change: str) -> httpx2.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": azure.secret("AZURE_SP_CLIENT_ID"),
        "client_secret": azure.secret("AZURE_SP_CLIENT_SECRET"),
        "scope": f"{RESOURCE}/.default",
        **change,
    }
    where = tenant or azure.secret("AZURE_TENANT_ID")
    return azure.http.post(f"{azure.base}/{where}/oauth2/v2.0/token", data=form)


def jwt(claims: dict[str, Any], **header: str) -> str:
    parts = [{"alg": "RS256", **header}, claims]
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*texts, "c2ln"])


def test_application_gets_a_bearer_that_azure_devops_takes(azure: Hand) -> None:
    reply = ask(azure)
    body = reply.json()
    assert (reply.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 3599)
    who = azure.get(WHO, headers=bearer(body["access_token"])).json()
    found = azure.organization.application(azure.secret("AZURE_SP_CLIENT_ID"))
    assert who["authenticatedUser"]["id"] == found.id
    repositories = azure.get(
        "/acme/_apis/git/repositories?api-version=7.1", headers=bearer(body["access_token"])
    )
    assert repositories.status_code == 200


def test_application_that_is_no_member_is_refused_by_azure_devops_alone(azure: Hand) -> None:
    client = azure.secret("AZURE_SP_CLIENT_ID")
    azure.organization.set_membership(client, is_member=False)
    reply = ask(azure)
    assert reply.status_code == 200
    refused = azure.get(WHO, headers=bearer(reply.json()["access_token"]))
    assert refused.status_code == 401
    assert "TF400813" in refused.text


@pytest.mark.parametrize(
    ("change", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"scope": "vso.code"}, 400, "invalid_scope", 1002012),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"tenant": "elsewhere"}, 400, "invalid_request", 90002),
    ],
    ids=["secret", "client", "scope", "grant", "tenant"],
)
def test_token_endpoint_refuses_with_entras_codes(
    azure: Hand, change: dict[str, str], status: int, error: str, code: int
) -> None:
    reply = ask(azure, **change)
    body = reply.json()
    assert (reply.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert azure.secret("AZURE_SP_CLIENT_SECRET") not in reply.text


def test_workload_identity_stands_for_the_application(azure: Hand) -> None:
    client, issuer = azure.secret("AZURE_SP_CLIENT_ID"), "https://token.ci.example"
    azure.organization.federate(client, issuer, "repo:acme/x")
    ends = int(azure.box.sandbox.now().timestamp()) + 60

    def using(**change: Any) -> int:
        usual = {"iss": issuer, "sub": "repo:acme/x", "aud": "api://AzureADTokenExchange"}
        token = jwt({**usual, "exp": ends, **change})
        more = {"client_assertion_type": ASSERTION, "client_assertion": token}
        return ask(azure, client_secret="", **more).status_code

    assert using() == 200
    assert using(sub="repo:acme/y") == 400
    assert using(aud="elsewhere") == 400
    assert using(exp=ends - 100) == 401


def test_certificate_stands_for_the_application_once_registered(azure: Hand) -> None:
    client = azure.secret("AZURE_SP_CLIENT_ID")
    ends = int(azure.box.sandbox.now().timestamp()) + 60
    token = jwt({"iss": client, "sub": client, "exp": ends}, x5t="dGh1bWI")
    more = {"client_assertion_type": ASSERTION, "client_assertion": token, "client_secret": ""}
    assert ask(azure, **more).json()["error_codes"] == [700027]
    azure.organization.register_certificate(client, "dGh1bWI")
    assert ask(azure, **more).status_code == 200


def test_refresh_token_renews_a_signed_in_user(azure: Hand) -> None:
    def renew(token: str, scope: str) -> httpx2.Response:
        return ask(azure, grant_type="refresh_token", refresh_token=token, scope=scope)

    scopes = f"openid offline_access {RESOURCE}/vso.pats {RESOURCE}/vso.pats_manage"
    body = renew(azure.secret("AZURE_SCM_REFRESH_TOKEN"), scopes).json()
    assert azure.get(PATS, headers=bearer(body["access_token"])).status_code == 200
    again = renew(body["refresh_token"], f"{RESOURCE}/.default").json()
    assert azure.get(PATS, headers=bearer(again["access_token"])).status_code == 200
    assert renew("nonsense", scopes).json()["error"] == "invalid_grant"
    assert renew(body["refresh_token"], "nonsense").json()["error"] == "invalid_scope"


def test_discovery_documents_name_this_host_or_the_forwarded_one(azure: Hand) -> None:
    tenant = azure.secret("AZURE_TENANT_ID")
    path = f"/{tenant}/v2.0/.well-known/openid-configuration"
    known = azure.http.get(azure.base + path).json()
    assert known["token_endpoint"] == f"{azure.base}/{tenant}/oauth2/v2.0/token"
    forwarded = {"X-Forwarded-Host": "login.microsoftonline.com"}
    told = azure.http.get(azure.base + path, headers=forwarded).json()
    assert told["issuer"] == f"https://login.microsoftonline.com/{tenant}/v2.0"
    found = azure.http.get(f"{azure.base}/common/discovery/instance").json()
    assert found["tenant_discovery_endpoint"] == azure.base + path
    assert azure.http.get(known["jwks_uri"]).json() == {"keys": []}
    lost = azure.http.get(f"{azure.base}/elsewhere/v2.0/.well-known/openid-configuration")
    assert lost.status_code == 400
