from __future__ import annotations

import json
from datetime import timedelta

import httpx2
import pytest

from tests.unit.sandbox_azure_devops.azure_hand import (
    PATS,
    READER,
    SCM,
    WHO,
    Hand,
    basic,
    bearer,
)

PROJECTS = "/acme/_apis/projects?api-version=7.1"
BOM = b"\xef\xbb\xbf"


def is_silent(reply: httpx2.Response) -> bool:
    """The empty 401 that says neither why nor who."""
    return (
        reply.status_code == 401
        and reply.content == b""
        and "content-type" not in reply.headers
        and reply.headers["www-authenticate"].startswith("Basic realm=")
        and "x-vss-userdata" not in reply.headers
    )


def test_pat_works_whatever_the_user_name(azure: Hand) -> None:
    for name in ("", "anything"):
        reply = azure.get(WHO, headers=basic(azure.secret("AZURE_SCM_PAT"), name))
        assert reply.status_code == 200
        who = reply.json()["authenticatedUser"]
        assert who["properties"]["Account"]["$value"] == SCM
        assert reply.headers["x-vss-userdata"] == f"{who['id']}:{SCM}"


def test_secret_has_84_letters_and_its_mark(azure: Hand) -> None:
    token = azure.organization.mint_pat().token
    assert len(token) == 84
    assert token[76:80] == "AZDO"
    assert token.isalnum()
    assert token not in repr(azure.organization.mint_pat())


@pytest.mark.parametrize(
    "headers",
    [{}, basic("x" * 84), {"Authorization": "Basic %%%"}, {"Authorization": "Negotiate abc"}],
    ids=["none", "unknown", "malformed", "foreign-scheme"],
)
def test_bad_credential_gets_a_sign_in_page_that_looks_like_success(
    azure: Hand, headers: dict[str, str]
) -> None:
    reply = azure.get(PROJECTS, headers=headers)
    assert reply.status_code == 203
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "Azure DevOps Services | Sign In" in reply.text
    assert len(reply.content) > 16_000
    assert "x-vss-userdata" not in reply.headers
    assert reply.headers["activityid"] == reply.headers["x-vss-e2eid"]


def test_bad_credential_may_be_redirected_but_not_off_the_machine(azure: Hand) -> None:
    azure.knobs.bad_credential_style = "302"
    reply = azure.get(PROJECTS, headers={})
    assert reply.status_code == 302
    assert "Object moved" in reply.text
    assert reply.headers["location"].startswith("http://127.0.0.1:")
    assert "/_signin?realm=" in reply.headers["location"]


def test_bad_credential_may_be_refused_in_silence(azure: Hand) -> None:
    azure.knobs.bad_credential_style = "401"
    assert is_silent(azure.get(PROJECTS, headers={}))


def test_expired_revoked_and_unscoped_look_the_same(azure: Hand) -> None:
    for doing in (azure.organization.expire, azure.organization.revoke):
        made = azure.organization.mint_pat(SCM, ("vso.project",))
        doing(made.id)
        assert is_silent(azure.get(PROJECTS, headers=basic(made.token)))
    assert is_silent(azure.get(PROJECTS, headers=azure.holding("vso.graph")))


@pytest.mark.parametrize("style", ["json", "service-error-header"], ids=["json", "header"])
def test_expired_pat_may_be_told_so(azure: Hand, style: str) -> None:
    azure.knobs.expired_style = style
    made = azure.organization.mint_pat(SCM, ("vso.code",), days=10)
    azure.box.sandbox.clock.advance(timedelta(days=11))
    reply = azure.get(PROJECTS, headers=basic(made.token))
    assert reply.status_code == 401
    if style == "json":
        assert reply.json()["typeKey"] == "AccessCheckException"
        assert reply.json()["message"].endswith("has expired.")
    else:
        assert reply.headers["x-tfs-serviceerror"].startswith("Access%20Denied%3A")
        assert reply.content == b""


@pytest.mark.parametrize("has_bom", [True, False], ids=["bom", "plain"])
def test_refused_bearer_answers_json_behind_a_byte_order_mark(azure: Hand, has_bom: bool) -> None:
    azure.knobs.bom = has_bom
    reply = azure.get(PROJECTS, headers=bearer("eyJ.e30.x"))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["x-tfs-serviceerror"].startswith("TF400813%3A")
    assert reply.content.startswith(BOM) is has_bom
    assert json.loads(reply.content.removeprefix(BOM))["typeKey"] == "InvalidIdentityException"


def test_expired_bearer_may_get_the_sign_in_page_when_reading(azure: Hand) -> None:
    azure.knobs.expired_bearer_style = "203"
    headers = azure.signed_in()
    azure.box.sandbox.clock.advance(timedelta(hours=1))
    assert azure.get(PATS, headers=headers).status_code == 203
    assert azure.call("PUT", PATS, headers=headers, json={}).status_code == 401


def test_organization_without_entra_knows_no_bearer(azure: Hand) -> None:
    azure.knobs.entra_backed = False
    assert azure.get(WHO, headers=azure.signed_in()).status_code == 401
    assert azure.get(WHO).status_code == 200


def test_removed_owner_takes_the_pats_along(azure: Hand) -> None:
    azure.organization.remove_user(SCM)
    assert is_silent(azure.get(WHO))


def test_connection_data_may_answer_nobody_with_200(azure: Hand) -> None:
    azure.knobs.anonymous_connection_data = True
    reply = azure.get(WHO, headers={})
    assert reply.status_code == 200
    assert reply.json()["authenticatedUser"]["id"] == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
    assert "x-vss-userdata" not in reply.headers
    assert azure.get(PROJECTS, headers={}).status_code == 203


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("vso.code", "/acme/_apis/profile/profiles/me?api-version=7.1"),
        ("vso.code", PROJECTS),
        ("vso.code", "/acme/_apis/hooks/subscriptions?api-version=7.1"),
        ("vso.code_full", "/acme/_apis/git/repositories?api-version=7.1"),
        ("vso.profile", PROJECTS),
        ("vso.work_full", "/acme/_apis/hooks/subscriptions?api-version=7.1"),
        ("vso.extension_manage", "/acme/_apis/profile/profiles/me?api-version=7.1"),
        ("app_token", "/acme/_apis/userentitlements?api-version=7.1"),
    ],
    ids=[
        "code-includes-profile",
        "code-lists-projects",
        "code-reads-hooks",
        "full-includes-read",
        "profile-lists-projects",
        "work-includes-itself",
        "extensions-include-profile",
        "full-access",
    ],
)
def test_scope_includes_what_it_inherits(azure: Hand, scope: str, path: str) -> None:
    assert azure.get(path, headers=azure.holding(scope)).status_code == 200


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("vso.project", "/acme/_apis/git/repositories?api-version=7.1"),
        ("vso.code", "/acme/_apis/userentitlements?api-version=7.1"),
        ("vso.project", "/acme/_apis/profile/profiles/me?api-version=7.1"),
        ("vso.hooks_write", "/acme/_apis/hooks/subscriptions?api-version=7.1"),
    ],
    ids=["project-no-code", "code-no-members", "project-no-profile", "hooks-not-listed"],
)
def test_scope_that_does_not_suffice_is_refused(azure: Hand, scope: str, path: str) -> None:
    assert is_silent(azure.get(path, headers=azure.holding(scope)))


def test_pat_is_refused_where_there_is_no_organization(azure: Hand) -> None:
    path = "/_apis/profile/profiles/me?api-version=7.1"
    assert is_silent(azure.get(path))
    everywhere = azure.organization.mint_pat(SCM, ("vso.profile",), all_orgs=True)
    azure.knobs.global_pats_end = "2999-01-01"
    assert azure.get(path, headers=basic(everywhere.token)).status_code == 200
    azure.knobs.global_pats_end = "2026-01-01"
    assert is_silent(azure.get(path, headers=basic(everywhere.token)))


def test_new_pat_may_be_unknown_for_a_while_and_revoked_one_go_on(azure: Hand) -> None:
    azure.knobs.creation_lag_s = 30
    azure.knobs.revocation_delay_s = 60
    clock, made = azure.box.sandbox.clock, azure.organization.mint_pat(SCM, ("vso.code",))
    assert azure.get(WHO, headers=basic(made.token)).status_code == 203
    clock.advance(timedelta(seconds=31))
    assert azure.get(WHO, headers=basic(made.token)).status_code == 200
    azure.organization.revoke(made.token)
    assert azure.get(WHO, headers=basic(made.token)).status_code == 200
    clock.advance(timedelta(seconds=61))
    assert is_silent(azure.get(WHO, headers=basic(made.token)))


def test_somebody_who_sees_less_is_told_of_less(azure: Hand) -> None:
    azure.organization.limit_user(READER, ("Platform",))
    headers = basic(azure.secret("AZURE_READER_PAT"))
    assert [p["name"] for p in azure.values(PROJECTS, headers=headers)] == ["Platform"]
    seen = azure.values("/acme/_apis/git/repositories?api-version=7.1", headers=headers)
    assert {r["project"]["name"] for r in seen} == {"Platform"}
    hidden = azure.get("/acme/Payments/_apis/git/repositories", headers=headers)
    assert hidden.status_code == 404
    assert hidden.headers["x-vss-userdata"].endswith(READER)


def test_try_pat_says_what_a_consumer_would_find(azure: Hand) -> None:
    organization = azure.organization
    tried = organization.try_pat(azure.secret("AZURE_SCM_PAT"))
    assert tried.ok
    assert {(r.project, r.name) for r in tried.repositories} >= {
        ("Platform", "tools"),
        ("Mixed", "tools"),
    }
    assert tried.expires_at is not None
    made = organization.mint_pat(SCM, ("vso.project",))
    assert "vso.code" in organization.try_pat(made.token).reason
    organization.revoke(azure.secret("AZURE_SCM_PAT"))
    assert organization.try_pat(azure.secret("AZURE_SCM_PAT")).reason == "the token is revoked"
    assert organization.try_pat("nothing").reason == "the token is unknown"


def test_request_log_holds_the_id_of_the_pat_and_no_secret(azure: Hand) -> None:
    azure.get(WHO)
    azure.control("GET", "")  # served after the answer above was noted
    entry = azure.box.sandbox.requests[-1]
    assert entry.credential == azure.organization.pat(azure.secret("AZURE_SCM_PAT")).id
    assert azure.secret("AZURE_SCM_PAT") not in repr(entry)
