"""Who is calling: credentials, the headers that say so, and what each may not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from tests.unit.sandbox_data_center.desk import Desk, exception

REPOS = "/rest/api/latest/repos"


@pytest.mark.parametrize("version", ["latest", "1.0"], ids=["latest", "numbered"])
@pytest.mark.parametrize(
    "path", ["api/{}/projects", "access-tokens/{}/users/svc-scanner"], ids=["api", "tokens"]
)
def test_both_names_of_the_version_work_below_the_context_path(
    desk: Desk, version: str, path: str
) -> None:
    assert desk.base.endswith("/bitbucket")
    reply = desk.call("GET", f"/rest/{path.format(version)}", auth=desk.scanner)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize(
    ("version", "build"),
    [("8.19.29", "8019029"), ("9.4.24", "9004024"), ("10.5.0", "10005000")],
    ids=["8", "9", "10"],
)
def test_application_properties_are_four_texts_for_anybody(
    desk: Desk, version: str, build: str
) -> None:
    desk.knobs.version = version
    reply = desk.api("GET", "/application-properties", anonymous=True)
    assert reply.json()["version"] == version
    assert reply.json()["buildNumber"] == build
    assert all(isinstance(value, str) for value in reply.json().values())
    assert "X-AUSERNAME" not in reply.headers
    known = desk.api("GET", "/application-properties")
    assert known.headers["X-AUSERNAME"] == "svc-reader"


def test_every_credential_is_told_who_it_is(desk: Desk) -> None:
    password = desk.call("GET", REPOS, auth=desk.scanner)
    token = desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN"))
    basic = desk.call("GET", REPOS, auth=("svc-scanner", desk.secret("DC_SCANNER_TOKEN")))
    oauth = desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_OAUTH"))
    user = desk.instance.estate.user("svc-scanner")
    for reply in (password, token, basic, oauth):
        assert reply.status_code == 200
        assert reply.headers["X-AUSERNAME"] == "svc-scanner"
        assert reply.headers["X-AUSERID"] == str(user.id)
        assert reply.headers["X-AREQUESTID"].startswith("@")


@pytest.mark.parametrize(
    ("home", "kind"),
    [({"repository": "PAY/ledger"}, 2), ({"project": "PAY"}, 1)],
    ids=["repository", "project"],
)
def test_narrow_tokens_act_as_a_service_user_and_not_as_basic_passwords(
    desk: Desk, home: dict[str, Any], kind: int
) -> None:
    made = desk.instance.mint_token(permissions=("REPO_READ",), **home)
    target = desk.instance.token(made.id).target
    reply = desk.call("GET", REPOS, token=made.token)
    assert reply.headers["X-AUSERNAME"] == f"access-token-user%2F{kind}%2F{target}"
    slug = f"access-token-user_{kind}_{target}"
    user = desk.api("GET", f"/users/{slug}").json()
    assert user["type"] == "SERVICE"
    assert "emailAddress" not in user
    assert user["links"]["self"][0]["href"] == f"{desk.base}/bots/{slug}"
    refused = desk.call("GET", REPOS, auth=(f"access-token-user/{kind}/{target}", made.token))
    assert refused.status_code == 401


def test_tokens_of_one_repository_share_their_user_and_its_id(desk: Desk) -> None:
    first = desk.instance.mint_token(permissions=("REPO_READ",), repository="PAY/ledger")
    second = desk.instance.mint_token(permissions=("REPO_WRITE",), repository="PAY/ledger")
    replies = [desk.call("GET", REPOS, token=made.token) for made in (first, second)]
    assert len({reply.headers["X-AUSERID"] for reply in replies}) == 1


def test_nothing_shown_and_something_wrong_shown_differ_in_the_exception(desk: Desk) -> None:
    nothing = desk.call("GET", REPOS, anonymous=True)
    wrong = desk.call("GET", REPOS, auth=("svc-scanner", "guess"))
    unknown = desk.call("GET", REPOS, token="BBDC-unknown")
    another = desk.call("GET", REPOS, auth=("ada", desk.secret("DC_SCANNER_TOKEN")))
    assert exception(nothing) == "AuthenticationRequiredException"
    for reply in (wrong, unknown, another):
        assert exception(reply) == "IncorrectPasswordAuthenticationException"
    for reply in (nothing, wrong, unknown, another):
        assert reply.status_code == 401
        assert "X-AUSERNAME" not in reply.headers


def test_a_user_without_a_seat_or_switched_off_is_not_let_in(desk: Desk) -> None:
    desk.instance.change_user("svc-scanner", licensed=False)
    for more in ({"auth": desk.scanner}, {"token": desk.secret("DC_SCANNER_TOKEN")}):
        reply = desk.call("GET", REPOS, **more)
        assert (reply.status_code, exception(reply)) == (401, "NoAccessAuthenticationException")
    desk.instance.change_user("svc-scanner", licensed=True, active=False)
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 401
    assert desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN")).status_code == 401


def test_public_repositories_answer_anonymously_only_where_that_is_on(desk: Desk) -> None:
    desk.instance.create_repository("DOCS", "brochure", public=True)
    assert desk.call("GET", REPOS, anonymous=True).status_code == 401
    desk.knobs.anonymous_access = True
    assert desk.names("/repos", anonymous=True) == ["DOCS/brochure"]
    assert desk.names("/repos?permission=REPO_READ", anonymous=True) == []
    assert [p["key"] for p in desk.api("GET", "/projects", anonymous=True).json()["values"]] == [
        "DOCS"
    ]
    closed = desk.api("GET", "/projects/PAY", anonymous=True)
    assert exception(closed) == "AuthenticationRequiredException"


def test_a_wrong_token_counts_as_none_where_the_knob_says_so(desk: Desk) -> None:
    desk.knobs.anonymous_access = desk.knobs.bad_bearer_is_anonymous = True
    reply = desk.call("GET", REPOS, token="BBDC-unknown")
    assert reply.status_code == 200
    assert "X-AUSERNAME" not in reply.headers


def test_basic_can_be_turned_off_and_bearer_stays(desk: Desk) -> None:
    config = "/rest/basicauth/latest/config"
    admin = desk.instance.mint_oauth_grant("admin", ("SYSTEM_ADMIN",)).token
    assert desk.call("GET", config, token=admin).json()["block-requests"] is False
    off = {"block-requests": True}
    assert desk.call("PUT", config, token=admin, json=off).status_code == 204
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 403
    assert desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN")).status_code == 200


def test_failed_logins_lead_to_a_captcha_until_an_administrator_clears_it(desk: Desk) -> None:
    desk.knobs.captcha_after = 2
    for _ in range(2):
        assert desk.call("GET", REPOS, auth=("svc-scanner", "guess")).status_code == 401
    locked = desk.call("GET", REPOS, auth=desk.scanner)
    assert (locked.status_code, exception(locked)) == (
        403,
        "CaptchaRequiredAuthenticationException",
    )
    assert "CAPTCHA_CHALLENGE" in locked.headers["X-Authentication-Denied-Reason"]
    assert desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN")).status_code == 200
    path = "/admin/users/captcha?name="
    assert desk.api("DELETE", f"{path}nobody", auth=desk.admin).status_code == 404
    assert desk.api("DELETE", f"{path}svc-scanner", auth=desk.admin).status_code == 204
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 200


def test_a_login_that_succeeds_forgets_the_failed_ones(desk: Desk) -> None:
    desk.knobs.captcha_after = 2
    for _ in range(3):
        assert desk.call("GET", REPOS, auth=("svc-scanner", "guess")).status_code == 401
        assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 200


def test_outside_of_rest_a_token_is_sent_to_the_login_page(desk: Desk) -> None:
    whoami = "/plugins/servlet/applinks/whoami"
    bearer = desk.call("GET", whoami)
    assert bearer.status_code == 302
    assert bearer.headers["location"].startswith(f"{desk.base}/login")
    token = desk.secret("DC_SCANNER_TOKEN")
    assert desk.call("GET", whoami, auth=("svc-scanner", token)).status_code == 401
    assert desk.instance.failed_logins == {"svc-scanner": 1}
    assert desk.call("GET", whoami, auth=desk.scanner).text == "svc-scanner"
    assert desk.call("GET", whoami, anonymous=True).text == ""
    assert desk.call("GET", "/dashboard", anonymous=True).status_code == 302
    assert desk.call("GET", "/dashboard", auth=desk.scanner).status_code == 404


@pytest.mark.parametrize(("limit", "calls"), [(3, 3), (1, 1)], ids=["three at once", "one at once"])
def test_each_user_has_a_bucket_and_an_empty_one_answers_429(
    desk: Desk, limit: int, calls: int
) -> None:
    desk.knobs.rate_capacity, desk.knobs.rate_fill = limit, 1
    assert [desk.call("GET", REPOS).status_code for _ in range(calls + 1)] == [
        *[200] * calls,
        429,
    ]
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 200
    desk.sandbox.clock.advance(timedelta(seconds=2))
    reply = desk.call("GET", REPOS)
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [("json", "application/json;charset=UTF-8"), ("html", "text/html; charset=utf-8")],
    ids=["json", "html"],
)
def test_too_many_requests_say_how_long_to_wait_whatever_the_body(
    desk: Desk, body: str, kind: str
) -> None:
    desk.knobs.rate_capacity = desk.knobs.rate_fill = 1
    desk.knobs.rate_body = body
    desk.call("GET", REPOS)
    reply = desk.call("GET", REPOS)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "5")
    assert reply.headers["content-type"] == kind


def test_a_rate_limit_of_ones_own_counts_only_while_the_switch_is_on(desk: Desk) -> None:
    settings = "/admin/rate-limit/settings"
    assert desk.api("GET", settings).json() == {
        "enabled": False,
        "defaultSettings": {"capacity": 60, "fillRate": 5},
    }
    own: dict[str, Any] = {"settings": {"capacity": 1, "fillRate": 1}}
    place = f"{settings}/users/svc-reader"
    assert desk.api("GET", place).status_code == 404
    assert desk.api("PUT", place, json=own).status_code == 401
    assert desk.api("PUT", place, json=own, auth=desk.admin).status_code == 200
    assert desk.api("GET", place).json()["settings"] == own["settings"]
    assert desk.api("GET", f"{settings}/users/ada").status_code == 401
    body = {"enabled": True, "defaultSettings": {"capacity": 50, "fillRate": 9}}
    assert desk.api("PUT", settings, json=body, auth=desk.admin).json() == body
    assert [desk.call("GET", REPOS).status_code for _ in range(2)] == [200, 429]
    free = {"whitelisted": True}
    assert "settings" not in desk.api("PUT", place, json=free, auth=desk.admin).json()
    assert [desk.call("GET", REPOS).status_code for _ in range(3)] == [200, 200, 200]
    both = free | own
    assert desk.api("PUT", place, json=both, auth=desk.admin).status_code == 400
    none = {"settings": {"capacity": 0}}
    assert desk.api("PUT", place, json=none, auth=desk.admin).status_code == 400
    assert desk.api("DELETE", place, auth=desk.admin).status_code == 204
    assert desk.api("DELETE", place, auth=desk.admin).status_code == 404
    assert desk.api("GET", f"{settings}/users/nobody", auth=desk.admin).status_code == 404


def test_secrets_differ_between_sandboxes_and_ids_do_not() -> None:
    with RunningSandbox(Settings(seed=3)) as one, RunningSandbox(Settings(seed=3)) as other:
        first, second = Desk(one), Desk(other)
        assert first.secret("DC_READER_TOKEN") != second.secret("DC_READER_TOKEN")
        assert first.secret("DC_ADMIN_PASSWORD") != second.secret("DC_ADMIN_PASSWORD")
        ids = [
            [r["id"] for r in d.api("GET", "/repos?archived=ALL").json()["values"]]
            for d in (first, second)
        ]
        assert ids[0] == ids[1]
        first.http.close()
        second.http.close()
