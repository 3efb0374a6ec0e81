"""HTTP access tokens: made, listed, changed, ended."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.data_center.tokens import id_in
from reconciler.sandbox.state import Fault, FaultKind
from tests.unit.sandbox_data_center.desk import READ, Desk, context, exception

DAY_MS = 86_400_000
HOME = "/users/svc-scanner"
REPOS = "/rest/api/latest/repos"


def works(desk: Desk, secret: str) -> bool:
    return desk.call("GET", REPOS, token=secret).status_code == 200


def test_making_a_token_answers_200_with_the_secret_once(desk: Desk) -> None:
    reply = desk.mint(name="forge-ci @ scanner")
    made = reply.json()
    assert reply.status_code == 200
    assert made["name"] == "forge-ci @ scanner"
    assert isinstance(made["id"], str)
    assert made["id"].isdecimal()
    assert made["expiryDate"] - made["createdDate"] == 90 * DAY_MS
    assert made["user"]["name"] == "svc-scanner"
    assert "lastAuthenticated" not in made
    assert works(desk, made["token"])
    shown = desk.tokens("GET", f"{HOME}/{made['id']}", auth=desk.scanner).json()
    assert "token" not in shown
    assert shown["lastAuthenticated"] >= made["createdDate"]


def test_the_id_stands_inside_the_secret(desk: Desk) -> None:
    made = desk.mint().json()
    prefix, raw = made["token"][:5], base64.b64decode(made["token"][5:], validate=True)
    assert prefix == "BBDC-"
    assert raw.partition(b":")[0].decode() == made["id"] == id_in(made["token"])
    assert len(raw) == len(made["id"]) + 1 + 20
    assert id_in("BBDC-?") == id_in("BBDC-aGVsbG8=") == ""


def test_names_may_repeat_and_the_newest_comes_first(desk: Desk) -> None:
    ids = [desk.mint(name="same").json()["id"] for _ in range(2)]
    page = desk.tokens("GET", HOME, auth=desk.scanner).json()
    assert [t["id"] for t in page["values"]][:2] == ids[::-1]
    assert page["isLastPage"] is True
    assert desk.tokens("GET", f"{HOME}?limit=1", auth=desk.scanner).json()["nextPageStart"] == 1


def test_without_days_a_token_never_ends(desk: Desk) -> None:
    made = desk.mint(expiryDays=None).json()
    assert "expiryDate" not in made
    desk.sandbox.clock.advance(timedelta(days=5000))
    assert works(desk, made["token"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"permissions": None}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"permissions": ["REPO_SHRED"]}, "permissions"),
        ({"permissions": ["PROJECT_WRITE", "REPO_READ"]}, "permissions"),
        ({"permissions": ["PROJECT_ADMIN", "REPO_WRITE"]}, "permissions"),
        ({"expiryDays": 0}, "expiryDays"),
        ({"expiryDays": "7"}, "expiryDays"),
    ],
    ids=["no name", "blank", "none", "empty", "unknown", "below write", "below admin", "0", "text"],
)
def test_what_cannot_be_made_answers_400_and_names_the_field(
    desk: Desk, body: dict[str, Any], field: str
) -> None:
    before = len(desk.instance.tokens("svc-scanner"))
    reply = desk.mint(**body)
    assert (reply.status_code, context(reply)) == (400, field)
    assert len(desk.instance.tokens("svc-scanner")) == before


@pytest.mark.parametrize(
    "held",
    [
        ["PROJECT_READ", "REPO_READ"],
        ["PROJECT_READ", "REPO_ADMIN"],
        ["PROJECT_WRITE", "REPO_WRITE"],
        ["PROJECT_ADMIN", "REPO_ADMIN"],
        ["REPO_READ"],
        ["PROJECT_ADMIN"],
    ],
    ids="+".join,
)
def test_allowed_pairs_are_kept_as_they_came(desk: Desk, held: list[str]) -> None:
    assert desk.mint(permissions=held).json()["permissions"] == held


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["REPO_READ"], {"PROJECT_READ", "REPO_READ"}),
        (["PROJECT_WRITE"], {"PROJECT_WRITE", "REPO_WRITE"}),
        (["PROJECT_READ", "REPO_ADMIN"], {"PROJECT_READ", "REPO_ADMIN"}),
    ],
    ids=["repository", "project", "both"],
)
def test_the_missing_part_is_added_where_the_knob_says_so(
    desk: Desk, sent: list[str], kept: set[str]
) -> None:
    desk.knobs.implied_partner = True
    assert set(desk.mint(permissions=sent).json()["permissions"]) == kept


def test_the_instance_may_limit_life_and_number(desk: Desk) -> None:
    policy = "/admin"
    assert desk.tokens("PUT", policy, auth=desk.scanner, json={}).status_code == 401
    body = {"maxExpiryDays": 30}
    assert desk.tokens("PUT", policy, auth=desk.admin, json=body).json() == body
    assert context(desk.mint(expiryDays=31)) == "expiryDays"
    assert context(desk.mint(expiryDays=None)) == "expiryDays"
    assert desk.mint(expiryDays=30).status_code == 200
    for wrong in ({"maxExpiryDays": 0}, {}):
        assert desk.tokens("PUT", policy, auth=desk.admin, json=wrong).status_code == 400
    assert desk.tokens("DELETE", policy, auth=desk.admin).status_code == 204
    desk.knobs.expiry_required = True
    assert context(desk.mint(expiryDays=None)) == "expiryDays"
    desk.knobs.token_limit = len(desk.instance.tokens("svc-scanner"))
    full = desk.mint()
    assert full.status_code == 400
    assert "maximum" in full.json()["errors"][0]["message"]
    desk.instance.revoke(desk.instance.tokens("svc-scanner")[0].id)
    assert desk.mint().status_code == 200


def test_changing_keeps_secret_end_and_what_is_left_out(desk: Desk) -> None:
    made = desk.mint().json()
    place = f"{HOME}/{made['id']}"
    body = {"permissions": ["PROJECT_READ", "REPO_WRITE"], "expiryDays": 5}
    changed = desk.tokens("POST", place, auth=desk.scanner, json=body).json()
    assert changed["permissions"] == body["permissions"]
    assert (changed["name"], changed["expiryDate"]) == (made["name"], made["expiryDate"])
    assert "token" not in changed
    assert works(desk, made["token"])
    bad = desk.tokens("POST", place, auth=desk.scanner, json={"permissions": ["NO"]})
    assert bad.status_code == 400


@pytest.mark.parametrize(("version", "status"), [("9.4.24", 200), ("10.0.2", 400)], ids=["9", "10"])
def test_since_release_10_a_change_must_name_the_permissions(
    desk: Desk, version: str, status: int
) -> None:
    desk.knobs.version = version
    made = desk.mint().json()
    place = f"{HOME}/{made['id']}"
    reply = desk.tokens("POST", place, auth=desk.scanner, json={"name": "renamed"})
    assert reply.status_code == status
    assert desk.instance.token(made["id"]).permissions == tuple(READ)


def test_a_deleted_token_is_refused_and_deleting_again_is_404(desk: Desk) -> None:
    made = desk.mint().json()
    place = f"{HOME}/{made['id']}"
    assert desk.tokens("DELETE", place, auth=desk.scanner).status_code == 204
    dead = desk.call("GET", REPOS, token=made["token"])
    assert (dead.status_code, "X-AUSERNAME" in dead.headers) == (401, False)
    for method in ("DELETE", "GET"):
        gone = desk.tokens(method, place, auth=desk.scanner)
        assert (gone.status_code, exception(gone)) == (404, "")
    listed = desk.tokens("GET", HOME, auth=desk.scanner).json()["values"]
    assert made["id"] not in [t["id"] for t in listed]


def test_an_expired_token_is_refused(desk: Desk) -> None:
    made = desk.mint(expiryDays=1).json()
    desk.sandbox.clock.advance(timedelta(hours=23))
    assert works(desk, made["token"])
    desk.sandbox.clock.advance(timedelta(hours=2))
    assert not works(desk, made["token"])


def test_a_token_makes_lists_and_deletes_no_tokens(desk: Desk) -> None:
    own = desk.secret("DC_SCANNER_TOKEN")
    body = {"name": "n", "permissions": READ}
    made = desk.tokens("PUT", HOME, token=own, json=body)
    assert (made.status_code, exception(made)) == (401, "AuthorisationException")
    assert made.headers["X-AUSERNAME"] == "svc-scanner"
    assert desk.tokens("GET", HOME, token=own).status_code == 401
    desk.knobs.self_service = True
    listed = desk.tokens("GET", HOME, token=own)
    assert listed.status_code == 200
    number = listed.json()["values"][0]["id"]
    assert desk.tokens("PUT", HOME, token=own, json=body).status_code == 401
    assert desk.tokens("POST", f"{HOME}/{number}", token=own, json=body).status_code == 401
    assert desk.tokens("DELETE", f"{HOME}/{number}", token=own).status_code == 204


def test_an_oauth_grant_makes_tokens_and_needs_the_account_for_it(desk: Desk) -> None:
    body = {"name": "n", "permissions": READ}
    oauth = desk.secret("DC_SCANNER_OAUTH")
    assert desk.tokens("PUT", HOME, token=oauth, json=body).status_code == 200
    narrow = desk.instance.mint_oauth_grant("svc-scanner", ("REPO_READ",)).token
    assert desk.tokens("PUT", HOME, token=narrow, json=body).status_code == 401


def test_nobody_makes_tokens_for_others_but_administrators_see_and_end_them(desk: Desk) -> None:
    made = desk.mint().json()
    place, body = f"{HOME}/{made['id']}", {"name": "n", "permissions": READ}
    for auth in (desk.as_ada(), desk.admin):
        reply = desk.tokens("PUT", HOME, auth=auth, json=body)
        assert (reply.status_code, exception(reply)) == (401, "AuthorisationException")
    assert desk.tokens("GET", place, auth=desk.as_ada()).status_code == 401
    assert desk.tokens("GET", place, auth=desk.admin).status_code == 200
    assert desk.tokens("POST", place, auth=desk.admin, json=body).json()["name"] == "n"
    assert desk.tokens("DELETE", place, auth=desk.admin).status_code == 204
    missing = desk.tokens("GET", "/users/nobody", auth=desk.admin)
    assert (missing.status_code, exception(missing)) == (404, "NoSuchUserException")


def test_project_tokens_are_made_by_project_administrators(desk: Desk) -> None:
    body = {"name": "n", "permissions": READ}
    assert desk.tokens("PUT", "/projects/PAY", auth=desk.scanner, json=body).status_code == 401
    made = desk.tokens("PUT", "/projects/PAY", auth=desk.as_ada(), json=body).json()
    assert made["user"]["type"] == "SERVICE"
    assert "expiryDate" not in made
    names = desk.names("/repos", token=made["token"])
    assert {name.partition("/")[0] for name in names} == {"PAY"}
    missing = desk.tokens("GET", "/projects/NOPE", auth=desk.admin)
    assert exception(missing) == "NoSuchProjectException"


def test_repository_tokens_hold_repository_permissions_alone(desk: Desk) -> None:
    place = "/projects/PAY/repos/ledger"
    body: dict[str, Any] = {"name": "n", "permissions": ["REPO_READ"]}
    made = desk.tokens("PUT", place, auth=desk.as_ada(), json=body).json()
    assert desk.names("/repos?archived=ALL", token=made["token"]) == ["PAY/ledger"]
    other = desk.api("GET", "/projects/PAY/repos/tools", token=made["token"])
    assert (other.status_code, exception(other)) == (401, "AuthorisationException")
    bad = desk.tokens("PUT", place, auth=desk.as_ada(), json=body | {"permissions": READ})
    assert (bad.status_code, context(bad)) == (400, "permissions")
    elsewhere = desk.tokens("GET", f"/projects/PAY/{made['id']}", auth=desk.admin)
    assert elsewhere.status_code == 404


def test_a_project_may_bar_its_repository_administrators_since_8_8(desk: Desk) -> None:
    desk.instance.grant("REPO_ADMIN", user="svc-scanner", project="OPS", repository="deploy")
    place = "/projects/OPS/repos/deploy"
    assert desk.tokens("GET", place, auth=desk.scanner).status_code == 200
    desk.knobs.repo_admins_may_mint = False
    assert desk.tokens("GET", place, auth=desk.scanner).status_code == 401
    assert desk.tokens("GET", place, auth=desk.admin).status_code == 200
    desk.knobs.version = "8.7.0"
    assert desk.tokens("GET", place, auth=desk.scanner).status_code == 200


def test_making_and_ending_a_token_may_take_a_while_to_show(desk: Desk) -> None:
    desk.knobs.token_lag_s = 3600
    made = desk.mint().json()
    assert not works(desk, made["token"])
    desk.sandbox.clock.advance(timedelta(hours=1))
    assert works(desk, made["token"])
    desk.instance.revoke(made["id"])
    assert works(desk, made["token"])
    desk.sandbox.clock.advance(timedelta(hours=1))
    assert not works(desk, made["token"])


def test_a_token_ends_once(desk: Desk) -> None:
    made = desk.instance.mint_token()
    first = desk.instance.revoke(made.token)
    desk.sandbox.clock.advance(timedelta(hours=1))
    assert desk.instance.revoke(made.id) == first


def test_deleting_a_repository_ends_its_tokens(desk: Desk) -> None:
    made = desk.instance.mint_token(permissions=("REPO_READ",), repository="PAY/ledger")
    desk.instance.delete_repository("PAY", "ledger")
    assert not works(desk, made.token)


def test_a_lost_answer_leaves_a_token_that_nobody_holds(desk: Desk) -> None:
    path = "PUT /bitbucket/rest/access-tokens/*"
    desk.sandbox.faults.add(
        Fault(FaultKind.LOST_ANSWER, path, emulator="bitbucket-data-center", body="lost one")
    )
    with pytest.raises(httpx2.RemoteProtocolError):
        desk.mint(name="lost one")
    assert next(t.name for t in desk.instance.tokens("svc-scanner")) == "lost one"
    assert desk.mint(name="found one").status_code == 200


def test_faults_speak_in_the_shape_of_this_api_and_may_kill_the_caller(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault(FaultKind.ERROR, emulator="bitbucket-data-center", value=503))
    reply = desk.call("GET", REPOS)
    assert (reply.status_code, exception(reply)) == (503, "")
    desk.sandbox.faults.add(Fault(FaultKind.TOKEN_DIES, value="DC_SCANNER_TOKEN"))
    assert not works(desk, desk.secret("DC_SCANNER_TOKEN"))
    desk.sandbox.faults.add(Fault(FaultKind.TOKEN_DIES))
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 401
    desk.sandbox.faults.add(Fault(FaultKind.TOKEN_DIES))
    assert not works(desk, desk.secret("DC_SCANNER_OAUTH"))


def test_the_request_log_names_credentials_by_id(desk: Desk) -> None:
    desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN"))
    desk.call("GET", REPOS, auth=("svc-scanner", desk.secret("DC_SCANNER_TOKEN")))
    desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_OAUTH"))
    desk.call("GET", REPOS, auth=desk.scanner)
    desk.call("GET", REPOS, token="BBDC-unknown")
    number = desk.instance.token(desk.secret("DC_SCANNER_TOKEN")).id
    shown = [entry.credential for entry in desk.sandbox.requests]
    assert shown[:2] == [number, number]
    assert shown[2].startswith("oauth-")
    assert shown[3:] == ["svc-scanner", ""]


def test_a_consumer_tries_a_token_and_sees_what_it_may_read(desk: Desk) -> None:
    made = desk.instance.mint_token("svc-scanner", expiry_days=10)
    tried = desk.instance.try_token(made.token)
    assert tried.ok
    assert {(r.project, r.slug) for r in tried.repositories} >= {
        ("PAY", "ledger"),
        ("OPS", "tools"),
    }
    assert [r.slug for r in tried.repositories if r.is_archived] == ["payments-legacy"]
    assert all(isinstance(r.id, int) for r in tried.repositories)
    assert tried.expires_at == desk.instance.token(made.id).expires_at
    assert desk.instance.try_token(made.token, "svc-scanner").ok
    assert not desk.instance.try_token(made.token, "ada").ok
    desk.instance.expire(made.id)
    dead = desk.instance.try_token(made.token)
    assert (dead.ok, dead.repositories) == (False, ())
    assert made.token not in dead.reason


def test_no_secret_is_shown_by_what_holds_one(desk: Desk) -> None:
    made = desk.instance.mint_token()
    grant = desk.instance.mint_oauth_grant("ada")
    assert made.token not in repr(made)
    assert grant.token not in repr(grant)
    assert grant.refresh_token not in repr(grant)
    assert made.token not in json.dumps(desk.control("").json())


def test_hands_refuse_what_is_not_there(desk: Desk) -> None:
    for wrong in (
        lambda: desk.instance.mint_token("nobody"),
        lambda: desk.instance.mint_token(permissions=("ALL",)),
        lambda: desk.instance.token("1"),
        lambda: desk.instance.mint_oauth_grant("ada", ("ALL",)),
        lambda: desk.instance.grant("REPO_READ", user="ada", project="PAY"),
        lambda: desk.instance.grant("PROJECT_READ", project="PAY"),
        lambda: desk.instance.repository("PAY", "nothing"),
        lambda: desk.instance.repository("OPS", desk.instance.repository("PAY", "ledger").id),
        lambda: desk.instance.repository("NOPE", "ledger"),
        lambda: desk.instance.create_project("PAY"),
        lambda: desk.instance.create_repository("PAY", "ledger"),
        lambda: desk.sandbox.emulators["bitbucket-data-center"].revoke(""),
    ):
        with pytest.raises(UsageError):
            wrong()
