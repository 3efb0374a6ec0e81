"""Grants, users, administration, OAuth and webhooks."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from reconciler.sandbox.data_center.oauth import Link
from tests.unit.sandbox_data_center.desk import Desk, context, exception

PAY = "/projects/PAY/permissions"
LEDGER = "/projects/PAY/repos/ledger"
OAUTH = "/rest/oauth2/latest"
BACK = "https://tool.example/back"
HOOK: dict[str, Any] = {
    "name": "forge-ci",
    "url": "https://ci.example.org/hook",
    "events": ["repo:refs_changed", "pr:opened"],
    "configuration": {"secret": "whispered"},
    "credentials": {"username": "u", "password": "p"},
    "active": True,
}


def users(reply: httpx2.Response) -> list[str]:
    return [value["name"] for value in reply.json()["values"]]


def test_users_are_found_by_text_group_and_permission(desk: Desk) -> None:
    assert users(desk.api("GET", "/users?filter=SCANNER")) == ["svc-scanner"]
    assert users(desk.api("GET", "/users?group=scm-readers")) == ["svc-scanner", "svc-reader"]
    able = "/users?permission=PROJECT_WRITE&permission.projectKey=PAY"
    assert users(desk.api("GET", able)) == ["admin", "ada", "svc-scanner"]
    where = "permission.1.projectKey=~ada&permission.1.repositorySlug=ledger"
    one = f"/users?filter=svc&permission.1=REPO_READ&{where}"
    assert users(desk.api("GET", one)) == ["svc-scanner", "svc-reader"]
    assert users(desk.api("GET", "/users?permission=ADMIN")) == ["admin"]
    assert desk.api("GET", "/users?permission=REPO_SHRED").status_code == 400
    nowhere = "/users?permission=PROJECT_READ&permission.projectKey=NOPE"
    assert desk.api("GET", nowhere).status_code == 404
    missing = "/users?permission=REPO_READ&permission.projectKey=PAY&permission.repositorySlug=no"
    assert desk.api("GET", missing).status_code == 404


def test_a_name_that_is_no_slug_is_found_by_its_name(desk: Desk) -> None:
    desk.instance.add_user("Jane@example")
    (found,) = desk.api("GET", "/users?filter=jane@").json()["values"]
    assert (found["name"], found["slug"]) == ("Jane@example", "jane_example")
    assert desk.api("GET", "/users/jane_example").json()["name"] == "Jane@example"


def test_only_direct_grants_are_listed_and_only_to_administrators(desk: Desk) -> None:
    assert desk.api("GET", f"{PAY}/users", auth=desk.scanner).status_code == 401
    ada = desk.as_ada()
    page = desk.api("GET", f"{PAY}/users", auth=ada).json()
    assert [(v["user"]["name"], v["permission"]) for v in page["values"]] == [
        ("svc-scanner", "PROJECT_WRITE"),
        ("ada", "PROJECT_ADMIN"),
    ]
    groups = desk.api("GET", f"{PAY}/groups", auth=ada).json()["values"]
    assert groups == [{"group": {"name": "scm-readers"}, "permission": "PROJECT_READ"}]
    assert desk.api("GET", f"{PAY}/search", auth=ada).json()["size"] == 3
    assert desk.api("GET", f"{PAY}/users?filter=scan", auth=ada).json()["size"] == 1
    assert desk.api("GET", f"{LEDGER}/permissions/users", auth=ada).json()["size"] == 0


def test_granting_and_revoking_change_what_a_token_may_do(desk: Desk) -> None:
    place = "/projects/OPS/repos/deploy/permissions"
    wide = desk.instance.mint_token(permissions=("PROJECT_READ", "REPO_ADMIN")).token
    able = "/repos?permission=REPO_WRITE&projectkey=OPS"
    assert desk.names(able, token=wide) == []
    put = f"{place}/users?name=svc-scanner&permission=REPO_WRITE"
    assert desk.api("PUT", put, auth=desk.admin).status_code == 204
    assert desk.names(able, token=wide) == ["OPS/deploy"]
    drop = f"{place}/users?name=svc-scanner"
    assert desk.api("DELETE", drop, auth=desk.admin).status_code == 204
    assert desk.names(able, token=wide) == []
    group = f"{place}/groups?name=scm-readers"
    reply = desk.api("PUT", f"{group}&permission=REPO_ADMIN", auth=desk.admin)
    assert reply.status_code == 204
    assert desk.names(able, token=wide) == ["OPS/deploy"]
    assert desk.api("DELETE", group, auth=desk.admin).status_code == 204


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("PUT", "users?name=nobody&permission=PROJECT_READ", 404),
        ("PUT", "groups?name=nobody&permission=PROJECT_READ", 404),
        ("PUT", "users?name=ada&permission=REPO_READ", 400),
        ("PUT", "users?name=ada&permission=PROJECT_WRITE", 403),
        ("DELETE", "users?name=ada", 409),
        ("DELETE", "users?name=nobody", 404),
    ],
    ids=["unknown user", "unknown group", "wrong part", "own level", "own right", "nobody"],
)
def test_grants_that_cannot_be_change_nothing(
    desk: Desk, method: str, query: str, status: int
) -> None:
    ada = desk.as_ada()
    before = desk.api("GET", f"{PAY}/search", auth=ada).json()
    assert desk.api(method, f"{PAY}/{query}", auth=ada).status_code == status
    after = desk.api("GET", f"{PAY}/search", auth=ada).json()
    assert {v["permission"] for v in after["values"]} == {v["permission"] for v in before["values"]}


def test_a_token_changes_no_grants(desk: Desk) -> None:
    token = desk.instance.mint_token("ada", ("PROJECT_ADMIN", "REPO_ADMIN")).token
    assert desk.api("GET", f"{PAY}/users", token=token).status_code == 200
    put = f"{PAY}/users?name=svc-reader&permission=PROJECT_READ"
    reply = desk.api("PUT", put, token=token)
    assert (reply.status_code, exception(reply)) == (401, "AuthorisationException")
    oauth = desk.instance.mint_oauth_grant("ada", ("PROJECT_ADMIN",)).token
    assert desk.api("PUT", put, token=oauth).status_code == 204


def test_a_default_grant_holds_for_everybody(desk: Desk) -> None:
    desk.instance.create_project("HID", readers=False)
    place = "/projects/HID/permissions/PROJECT_READ/all"
    assert desk.api("GET", place, auth=desk.admin).json() == {"permitted": False}
    assert desk.api("POST", f"{place}?allow=true", auth=desk.admin).status_code == 204
    assert desk.api("GET", place, auth=desk.admin).json() == {"permitted": True}
    assert desk.api("GET", "/projects/HID").status_code == 200
    assert desk.api("POST", f"{place}?allow=false", auth=desk.admin).status_code == 204
    assert desk.api("GET", "/projects/HID").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/admin/permissions/users",
        "/admin/permissions/groups",
        "/admin/users",
        "/admin/groups",
        "/admin/groups/more-members?context=scm-readers",
    ],
    ids=["users with rights", "groups with rights", "users", "groups", "members"],
)
def test_administration_is_for_administrators_and_never_for_tokens(desk: Desk, path: str) -> None:
    assert desk.api("GET", path, auth=desk.admin).json()["size"] >= 1
    assert desk.api("GET", path, auth=desk.scanner).status_code == 401
    token = desk.instance.mint_token("admin", ("PROJECT_ADMIN", "REPO_ADMIN")).token
    reply = desk.api("GET", path, token=token)
    assert (reply.status_code, exception(reply)) == (401, "AuthorisationException")
    oauth = desk.instance.mint_oauth_grant("admin", ("ADMIN_WRITE",)).token
    assert desk.api("GET", path, token=oauth).status_code == 200
    narrow = desk.instance.mint_oauth_grant("admin", ("PROJECT_ADMIN",)).token
    assert desk.api("GET", path, token=narrow).status_code == 401


def test_groups_are_names(desk: Desk) -> None:
    assert desk.api("GET", "/groups?filter=read").json()["values"] == ["scm-readers"]


# OAuth ----------------------------------------------------------------------------------------


def link_of(desk: Desk, *scopes: str) -> tuple[Link, dict[str, str]]:
    link, secret = desk.instance.oauth.create_link("tool", BACK, scopes or ("REPO_READ",))
    return link, {"client_id": link.id, "client_secret": secret, "redirect_uri": BACK}


def consent(desk: Desk, link: Link, **more: str) -> dict[str, list[str]]:
    query = {"client_id": link.id, "response_type": "code", "redirect_uri": BACK, **more}
    reply = desk.call("GET", f"{OAUTH}/authorize?{urlencode(query)}", auth=desk.scanner)
    assert reply.status_code == 302
    assert reply.headers["location"].startswith(BACK)
    return parse_qs(urlsplit(reply.headers["location"]).query)


def redeem(desk: Desk, **form: str) -> httpx2.Response:
    return desk.call("POST", f"{OAUTH}/token", anonymous=True, data=form)


def test_a_code_becomes_a_grant_that_is_refreshed_once(desk: Desk) -> None:
    link, client = link_of(desk)
    verifier = "v" * 50
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    answer = consent(
        desk,
        link,
        state="s",
        code_challenge=hashed.rstrip(b"=").decode(),
        code_challenge_method="S256",
    )
    assert answer["state"] == ["s"]
    form = {"grant_type": "authorization_code", "code": answer["code"][0], **client}
    made = redeem(desk, **form, code_verifier=verifier).json()
    assert (made["token_type"], made["expires_in"], made["scope"]) == ("bearer", 3600, "REPO_READ")
    assert desk.api("GET", "/repos", token=made["access_token"]).status_code == 200
    assert redeem(desk, **form).json()["error"] == "invalid_grant"
    refresh = {"grant_type": "refresh_token", "refresh_token": made["refresh_token"], **client}
    again = redeem(desk, **refresh).json()
    assert again["access_token"] != made["access_token"]
    spent = redeem(desk, **refresh)
    assert (spent.status_code, spent.json()["error"]) == (400, "invalid_grant")
    desk.sandbox.clock.advance(timedelta(hours=1))
    assert desk.api("GET", "/repos", token=again["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "no"}, 401, "invalid_client"),
        ({"client_id": "no"}, 401, "invalid_client"),
        ({"code": "no"}, 400, "invalid_grant"),
        ({"redirect_uri": "https://other.example"}, 400, "invalid_grant"),
        ({"code_verifier": "no"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
    ids=["secret", "client", "code", "redirect", "verifier", "type"],
)
def test_the_token_endpoint_says_no_in_json(
    desk: Desk, change: dict[str, str], status: int, error: str
) -> None:
    link, client = link_of(desk)
    code = consent(desk, link, code_challenge="plain", code_challenge_method="plain")["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": "plain",
        **client,
    }
    reply = redeem(desk, **(form | change))
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert set(reply.json()) == {"error", "error_description"}


def test_codes_and_refresh_tokens_run_out_and_parameters_may_stand_in_the_query(
    desk: Desk,
) -> None:
    link, client = link_of(desk)
    late = {"grant_type": "authorization_code", "code": consent(desk, link)["code"][0], **client}
    desk.sandbox.clock.advance(timedelta(seconds=11))
    assert redeem(desk, **late).json()["error"] == "invalid_grant"
    form = {"grant_type": "authorization_code", "code": consent(desk, link)["code"][0], **client}
    made = desk.call("POST", f"{OAUTH}/token?{urlencode(form)}", anonymous=True).json()
    desk.sandbox.clock.advance(timedelta(days=91))
    refresh = {"grant_type": "refresh_token", "refresh_token": made["refresh_token"], **client}
    assert redeem(desk, **refresh).json()["error"] == "invalid_grant"


def test_consent_needs_a_known_link_a_person_and_scopes_of_the_link(desk: Desk) -> None:
    link, _ = link_of(desk)
    assert desk.call("GET", f"{OAUTH}/authorize", auth=desk.scanner).status_code == 400
    query = urlencode({"client_id": link.id, "response_type": "code"})
    login = desk.call("GET", f"{OAUTH}/authorize?{query}")
    assert login.headers["location"].endswith("/login")
    wrong = desk.call("GET", f"{OAUTH}/authorize?{query}", auth=("ada", "guess"))
    assert wrong.status_code == 401
    assert consent(desk, link, scope="SYSTEM_ADMIN") == {"error": ["invalid_scope"]}
    assert consent(desk, link, response_type="token") == {"error": ["unsupported_response_type"]}


def test_the_scope_is_a_ceiling(desk: Desk) -> None:
    narrow = desk.instance.mint_oauth_grant("svc-scanner", ("REPO_READ",)).token
    wide = desk.instance.mint_oauth_grant("svc-scanner", ("REPO_WRITE",)).token
    public = desk.instance.mint_oauth_grant("svc-scanner", ("PUBLIC_REPOS",)).token
    path = "/repos?permission=REPO_WRITE"
    assert desk.names(path, token=narrow) == []
    assert {name.partition("/")[0] for name in desk.names(path, token=wide)} == {"PAY"}
    assert desk.names("/repos", token=public) == []


# Webhooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("home", "scope"),
    [("/projects/PAY", "project"), (LEDGER, "repository")],
    ids=["project", "repository"],
)
def test_a_webhook_is_made_replaced_and_deleted(desk: Desk, home: str, scope: str) -> None:
    place, ada = f"{home}/webhooks", desk.as_ada()
    reply = desk.api("POST", place, auth=ada, json=HOOK)
    made = reply.json()
    assert reply.status_code == 200
    assert isinstance(made["id"], int)
    assert made["scopeType"] == scope
    assert made["configuration"] == {"secret": "whispered"}
    assert made["credentials"] == {"username": "u"}
    assert made["createdDate"] == made["updatedDate"]
    one = f"{place}/{made['id']}"
    bare = {"name": "n", "url": "https://other.example/", "events": ["pr:merged"]}
    changed = desk.api("PUT", one, auth=ada, json=bare).json()
    assert changed["configuration"] == {}
    assert "credentials" not in changed
    assert changed["events"] == ["pr:merged"]
    assert desk.api("GET", one, auth=ada).json() == changed
    assert desk.api("GET", f"{one}/latest", auth=ada).status_code == 204
    assert desk.api("GET", f"{place}?event=pr:opened", auth=ada).json()["size"] == 0
    assert desk.api("GET", f"{place}?event=pr:merged", auth=ada).json()["size"] == 1
    assert desk.api("DELETE", one, auth=ada).status_code == 204
    gone = desk.api("DELETE", one, auth=ada)
    assert (gone.status_code, exception(gone)) == (404, "NoSuchEntityException")


def test_the_secret_of_a_webhook_may_stay_unsaid(desk: Desk) -> None:
    desk.knobs.echo_webhook_secret = False
    made = desk.api("POST", f"{LEDGER}/webhooks", auth=desk.admin, json=HOOK)
    assert made.json()["configuration"] == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"events": ["pr:eaten"]}, "events"),
    ],
    ids=["name", "url", "no events", "unknown event"],
)
def test_a_webhook_that_lacks_something_answers_400(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    reply = desk.api("POST", f"{LEDGER}/webhooks", auth=desk.admin, json=HOOK | change)
    assert (reply.status_code, context(reply)) == (400, field)


def test_webhooks_are_for_administrators_of_the_place_also_by_token(desk: Desk) -> None:
    place = f"{LEDGER}/webhooks"
    assert desk.api("POST", place, auth=desk.scanner, json=HOOK).status_code == 401
    token = desk.instance.mint_token(permissions=("REPO_ADMIN",), repository="PAY/ledger").token
    assert desk.api("POST", place, token=token, json=HOOK).status_code == 200
    assert desk.api("GET", "/projects/PAY/webhooks", token=token).status_code == 401


def test_testing_a_webhook_without_the_address_fails(desk: Desk) -> None:
    place = f"{LEDGER}/webhooks"
    number = desk.api("POST", place, auth=desk.admin, json=HOOK).json()["id"]
    failed = desk.api("POST", f"{place}/test?webhookId={number}", auth=desk.admin)
    assert failed.status_code == 500
    url = urlencode({"url": HOOK["url"]})
    assert desk.api("POST", f"{place}/test?{url}", auth=desk.admin).status_code == 200


def test_the_search_covers_the_repository_and_its_project(desk: Desk) -> None:
    for home in ("/projects/PAY", LEDGER):
        desk.api("POST", f"{home}/webhooks", auth=desk.admin, json=HOOK)
    search = f"{LEDGER}/webhooks/search"
    both = desk.api("GET", search, auth=desk.admin).json()["values"]
    assert [hook["scopeType"] for hook in both] == ["project", "repository"]
    one = desk.api("GET", f"{search}?scopeType=project", auth=desk.admin).json()["values"]
    assert [hook["scopeType"] for hook in one] == ["project"]
    desk.instance.delete_repository("PAY", "ledger")
    assert desk.api("GET", "/projects/PAY/webhooks", auth=desk.admin).json()["size"] == 1
