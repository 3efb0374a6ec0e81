from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.unit.sandbox_azure_devops.azure_hand import (
    ADA,
    PATS,
    SCM,
    WHO,
    Hand,
    basic,
    bearer,
)


def wish(azure: Hand, **more: Any) -> dict[str, Any]:
    end = azure.box.sandbox.now() + timedelta(days=90)
    usual = {
        "displayName": "scm-connect",
        "scope": "vso.code vso.project",
        "validTo": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "allOrgs": False,
    }
    return {**usual, **more}


def create(azure: Hand, **more: Any) -> dict[str, Any]:
    reply = azure.call("POST", PATS, headers=azure.signed_in(), json=wish(azure, **more))
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_pat_lives_from_creation_to_revocation(azure: Hand) -> None:
    made = create(azure)
    assert made["patTokenError"] == "none"
    pat = made["patToken"]
    assert pat["targetAccounts"] == [azure.get(WHO).json()["instanceId"]]
    headers = basic(pat["token"])
    assert azure.get(WHO, headers=headers).status_code == 200
    one = f"{PATS}&authorizationId={pat['authorizationId']}"
    read = azure.get(one, headers=azure.signed_in()).json()
    assert read == {"patToken": {**pat, "token": None}, "patTokenError": "none"}
    gone = azure.call("DELETE", one, headers=azure.signed_in())
    assert (gone.status_code, gone.content) == (204, b"")
    assert azure.get(WHO, headers=headers).status_code == 401
    assert azure.call("DELETE", one, headers=azure.signed_in()).status_code == 204
    revoked = azure.get(f"{PATS}&displayFilterOption=revoked", headers=azure.signed_in()).json()
    assert [p["authorizationId"] for p in revoked["patTokens"]] == [pat["authorizationId"]]


def test_unknown_id_is_revoked_with_204_and_found_by_nobody(azure: Hand) -> None:
    one = f"{PATS}&authorizationId=7c1e8f2e-3f0b-4a53-8a0e-0d4e1c1f9b77"
    assert azure.call("DELETE", one, headers=azure.signed_in()).status_code == 204
    body = azure.get(one, headers=azure.signed_in()).json()
    assert body == {"patToken": None, "patTokenError": "authorizationNotFound"}


def test_update_keeps_the_secret_and_does_not_show_it(azure: Hand) -> None:
    pat = create(azure)["patToken"]
    headers = basic(pat["token"])
    repositories = "/acme/_apis/git/repositories?api-version=7.1"
    assert azure.get(repositories, headers=headers).status_code == 200
    body = {"authorizationId": pat["authorizationId"], "scope": "vso.project", "displayName": "n"}
    reply = azure.call("PUT", PATS, headers=azure.signed_in(), json=body).json()
    assert reply["patToken"] == {**pat, "scope": "vso.project", "displayName": "n", "token": None}
    assert azure.get(WHO, headers=headers).status_code == 200
    assert azure.get(repositories, headers=headers).status_code == 401


def test_neither_revoked_nor_expired_pat_is_updated(azure: Hand) -> None:
    def update(identifier: str) -> str:
        body = {"authorizationId": identifier, "displayName": "again"}
        reply = azure.call("PUT", PATS, headers=azure.signed_in(), json=body)
        return str(reply.json()["patTokenError"])

    revoked, expired = azure.organization.mint_pat(SCM), azure.organization.mint_pat(SCM)
    azure.organization.revoke(revoked.id)
    azure.organization.expire(expired.id)
    assert update(revoked.id) == "authorizationNotFound"
    assert update(expired.id) == "expiredPatCannotBeExtended"
    assert update("") == "invalidAuthorizationId"


def test_times_have_the_precision_of_the_database(azure: Hand) -> None:
    day = (azure.box.sandbox.now() + timedelta(days=30)).date()
    pat = create(azure, validTo=f"{day}T23:46:23.319Z")
    assert pat["patToken"]["validTo"] == f"{day}T23:46:23.32Z"
    assert moment(pat["patToken"]["validFrom"]) <= azure.box.sandbox.now() + timedelta(seconds=1)


def test_list_has_pages_of_the_callers_own(azure: Hand) -> None:
    for number in range(45):
        azure.organization.mint_pat(SCM, name=f"n{number:02}", days=30 + number)
    azure.organization.mint_pat(ADA, name="of somebody else")
    query = f"{PATS}&displayFilterOption=active&sortByOption=displayName&isSortAscending=true"
    names: list[str] = []
    token, pages = "", 0
    while pages < 10:
        pages += 1
        reply = azure.get(f"{query}&$top=20&continuationToken={token}", headers=azure.signed_in())
        body = reply.json()
        names += [p["displayName"] for p in body["patTokens"]]
        token = body["continuationToken"]
        if token == "":
            break
    assert pages == 3
    assert names == sorted([*(f"n{number:02}" for number in range(45)), "scm"])


def test_continuation_token_belongs_to_its_filter(azure: Hand) -> None:
    azure.organization.mint_pat(SCM)
    first = azure.get(f"{PATS}&$top=1", headers=azure.signed_in()).json()
    token = first["continuationToken"]
    other = f"{PATS}&displayFilterOption=all&continuationToken={token}"
    assert azure.get(other, headers=azure.signed_in()).status_code == 400


def test_no_page_is_larger_than_100(azure: Hand) -> None:
    for _ in range(110):
        azure.organization.mint_pat(SCM)
    body = azure.get(f"{PATS}&$top=1000", headers=azure.signed_in()).json()
    assert len(body["patTokens"]) == 100


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"displayName": ""}, "displayNameRequired"),
        ({"displayName": "n" * 300}, "invalidDisplayName"),
        ({"scope": ""}, "invalidScope"),
        ({"scope": "vso.code vso.nonsense"}, "invalidScope"),
        ({"scope": "vso.pats"}, "invalidScope"),
        ({"validTo": "soon"}, "invalidValidTo"),
        ({"validTo": "2020-01-01T00:00:00Z"}, "invalidValidTo"),
        ({"validTo": "2199-01-01T00:00:00Z"}, "invalidValidTo"),
        ({"allOrgs": True}, "globalPATCreationBlocked"),
    ],
    ids=[
        "no-name",
        "long-name",
        "no-scope",
        "unknown-scope",
        "entra-scope",
        "no-time",
        "past",
        "over-a-year",
        "global",
    ],
)
def test_bad_wish_is_answered_with_its_error(
    azure: Hand, change: dict[str, Any], error: str
) -> None:
    before = len(azure.organization.pats(SCM))
    assert create(azure, **change) == {"patToken": None, "patTokenError": error}
    assert len(azure.organization.pats(SCM)) == before


@pytest.mark.parametrize(
    ("knobs", "change", "error"),
    [
        ({"creation_restricted": True}, {}, "disablePatCreationPolicyViolation"),
        ({"forbid_full_scope": True}, {"scope": "app_token"}, "fullScopePatPolicyViolation"),
        ({"forbid_global": True}, {"allOrgs": True}, "globalPatPolicyViolation"),
        ({"max_life_days": 30, "life_mode": "error"}, {}, "patLifespanPolicyViolation"),
    ],
    ids=["creation", "full-scope", "global", "lifespan"],
)
def test_policy_refuses_with_the_status_that_the_knob_says(
    azure: Hand, knobs: dict[str, Any], change: dict[str, Any], error: str
) -> None:
    azure.knobs.turn(pat_error_status=403, **knobs)
    reply = azure.call("POST", PATS, headers=azure.signed_in(), json=wish(azure, **change))
    assert reply.status_code == 403
    assert reply.json()["patTokenError"] == error


def test_over_long_life_is_shortened(azure: Hand) -> None:
    azure.knobs.max_life_days = 30
    pat = create(azure)["patToken"]
    made = moment(pat["validFrom"])
    assert abs(moment(pat["validTo"]) - made - timedelta(days=30)) < timedelta(seconds=2)
    azure.box.sandbox.clock.advance(timedelta(days=20))
    body = {"authorizationId": pat["authorizationId"], "validTo": wish(azure)["validTo"]}
    extended = azure.call("PUT", PATS, headers=azure.signed_in(), json=body).json()["patToken"]
    assert abs(moment(extended["validTo"]) - made - timedelta(days=30)) < timedelta(seconds=2)


def test_version_7_2_adds_a_message(azure: Hand) -> None:
    path = PATS.replace("7.1-preview.1", "7.2-preview.1")
    body = wish(azure, displayName="")
    reply = azure.call("POST", path, headers=azure.signed_in(), json=body).json()
    assert reply["patTokenErrorMessage"]
    made = azure.call("POST", path, headers=azure.signed_in(), json=wish(azure)).json()
    assert made["patTokenErrorMessage"] is None


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        (("vso.pats", "vso.pats_manage"), 200, 200),
        (("user_impersonation",), 200, 200),
        (("vso.pats",), 200, 401),
        (("vso.pats_manage",), 401, 401),
        (("vso.tokens",), 401, 401),
    ],
    ids=["both", "impersonation", "read-only", "manage-alone", "retired"],
)
def test_signed_in_user_needs_the_scopes_for_pats(
    azure: Hand, scopes: tuple[str, ...], reads: int, writes: int
) -> None:
    headers = azure.signed_in(*scopes)
    assert azure.get(PATS, headers=headers).status_code == reads
    made = azure.call("POST", PATS, headers=headers, json=wish(azure))
    assert made.status_code == writes


def test_pat_manages_no_pats(azure: Hand) -> None:
    reply = azure.call("POST", PATS, headers=azure.holding("app_token"), json=wish(azure))
    assert reply.status_code == 401
    assert reply.json()["typeKey"] == "InvalidAccessException"


def test_service_principal_is_shown_the_sign_in_page(azure: Hand) -> None:
    made = azure.organization.mint_app_token(azure.secret("AZURE_SP_CLIENT_ID"))
    reply: httpx2.Response = azure.get(PATS, headers=bearer(made.token))
    assert reply.status_code == 302
    assert "Object moved" in reply.text
    assert azure.get(WHO, headers=bearer(made.token)).status_code == 200


def test_administrator_lists_and_revokes_what_others_hold(azure: Hand) -> None:
    tokens = [azure.organization.mint_pat(SCM, name=f"n{number}") for number in range(3)]
    headers = azure.holding("vso.tokenadministration", owner=ADA)
    whose = azure.get(WHO).json()["authenticatedUser"]["subjectDescriptor"]
    base = "/acme/_apis/tokenadmin/personalaccesstokens"
    path = f"{base}/{whose}?api-version=7.1&pageSize=3"
    first = azure.get(path, headers=headers).json()
    assert [p["displayName"] for p in first["value"]] == ["scm", "n0", "n1"]
    assert {p["token"] for p in first["value"]} == {None}
    token = first["continuationToken"]
    second = azure.get(f"{path}&continuationToken={token}", headers=headers).json()
    assert ([p["displayName"] for p in second["value"]], second["continuationToken"]) == (
        ["n2"],
        None,
    )
    revocations = "/acme/_apis/tokenadmin/revocations?api-version=7.1&isPublic=false"
    body = [{"authorizationId": tokens[0].id}, {"authorizationId": tokens[1].id}]
    assert azure.call("POST", revocations, headers=headers, json=body).status_code == 204
    assert azure.get(WHO, headers=basic(tokens[0].token)).status_code == 401
    assert azure.get(WHO, headers=basic(tokens[2].token)).status_code == 200
    meek = azure.holding("vso.tokenadministration")
    assert azure.call("POST", revocations, headers=meek, json=body).status_code == 403


def test_revocation_rule_kills_by_scope(azure: Hand) -> None:
    code = azure.organization.mint_pat(SCM, ("vso.code_full",))
    project = azure.organization.mint_pat(SCM, ("vso.project",))
    azure.box.sandbox.clock.advance(timedelta(seconds=1))
    path = "/acme/_apis/tokenadmin/revocationrules?api-version=7.1"
    headers = azure.holding("vso.tokenadministration", owner=ADA)
    assert azure.call("POST", path, headers=headers, json={"scopes": "vso.code"}).status_code == 201
    assert azure.get(WHO, headers=basic(code.token)).status_code == 401
    assert azure.get(WHO, headers=basic(project.token)).status_code == 200
