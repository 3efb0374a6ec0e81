from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.unit.sandbox.hand import Hand, Minter, bearer

INVALID = "Token is invalid, expired, or not supported for this endpoint."


def message(reply: httpx2.Response) -> str:
    return str(reply.json()["error"]["message"])


def test_api_token_is_shown_with_its_granular_scopes_type_and_id(
    hand: Hand, minted: Minter
) -> None:
    email, token = minted("read:user:bitbucket", "read:repository:bitbucket")
    reply = hand.get("/user", auth=(email, token))
    assert reply.status_code == 200
    assert reply.json()["username"] == "ada-acme"
    assert reply.headers["X-OAuth-Scopes"] == "read:user:bitbucket, read:repository:bitbucket"
    assert reply.headers["X-Accepted-OAuth-Scopes"] == "account"
    assert reply.headers["X-Credential-Type"] == "api_token"
    assert reply.headers["X-Token-Id"] == hand.bitbucket.credential(token).id


def test_api_token_gets_no_allowance_headers_and_access_token_does(hand: Hand) -> None:
    assert "X-RateLimit-Limit" not in hand.get("/repositories/acme", auth=hand.bot()).headers
    reply = hand.get("/repositories/acme")
    assert reply.headers["X-RateLimit-Limit"] == "1000"
    assert reply.headers["X-RateLimit-Resource"] == "api"
    assert reply.headers["X-RateLimit-NearLimit"] == "false"
    assert "X-Token-Id" not in reply.headers


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        ({}, "workspace_access_token"),
        ({"project": "PAY"}, "project_access_token"),
        ({"repository": "ledger"}, "repo_access_token"),
    ],
    ids=["workspace", "project", "repository"],
)
def test_access_token_has_no_user_but_says_what_it_is(
    hand: Hand, level: dict[str, Any], kind: str
) -> None:
    made = hand.bitbucket.mint_access_token("acme", ("account", "repository"), **level)
    reply = hand.get("/user", headers=bearer(made.token))
    assert reply.status_code == 403
    assert reply.headers["X-Credential-Type"] == kind
    assert reply.headers["X-OAuth-Scopes"] == "account, repository"
    assert made.token.startswith("ATCTT3x")


def test_narrow_access_tokens_see_only_their_part(hand: Hand) -> None:
    project = hand.bitbucket.mint_access_token("acme", ("repository",), project="PAY")
    single = hand.bitbucket.mint_access_token("acme", ("repository",), repository="ledger")
    assert hand.get("/repositories/acme", headers=bearer(project.token)).json()["size"] == 4
    seen = hand.get("/repositories/acme", headers=bearer(single.token)).json()
    assert [r["slug"] for r in seen["values"]] == ["ledger"]
    hidden = hand.get("/repositories/acme/payments-api", headers=bearer(single.token))
    assert hidden.status_code == 404


def test_user_name_instead_of_email_is_401_without_body(hand: Hand) -> None:
    reply = hand.get("/user", auth=("acme-ox-bot", hand.secret("OX_BOT_TOKEN")))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Basic realm="Bitbucket.org HTTP"'
    assert reply.headers["server"] == "envoy"
    assert reply.content == b""


def test_api_token_as_bearer_is_refused(hand: Hand) -> None:
    reply = hand.get("/user", headers=bearer(hand.secret("OX_BOT_TOKEN")))
    assert (reply.status_code, message(reply)) == (401, INVALID)


def test_access_token_as_basic_is_refused(hand: Hand) -> None:
    reply = hand.get("/user", auth=("x-token-auth", hand.secret("ACME_READER_TOKEN")))
    assert (reply.status_code, reply.content) == (401, b"")


def test_unscoped_api_token_gets_the_odd_error_shape(hand: Hand, minted: Minter) -> None:
    reply = hand.get("/user", auth=minted())
    assert reply.status_code == 401
    assert reply.json() == {"error": "API Token provided has no Bitbucket scopes."}


def test_api_token_of_another_product_is_refused(hand: Hand, minted: Minter) -> None:
    reply = hand.get("/user", auth=minted("read:user:bitbucket", product="jira"))
    assert (reply.status_code, message(reply)) == (401, INVALID)


def test_unknown_scheme_is_refused(hand: Hand) -> None:
    assert hand.get("/user", headers={"Authorization": "JWT x.y.z"}).status_code == 401


def test_missing_scope_is_told_in_the_vocabulary_of_the_credential(
    hand: Hand, minted: Minter
) -> None:
    granular = hand.get("/repositories/acme/ledger/hooks", auth=minted("read:user:bitbucket"))
    assert granular.status_code == 403
    assert granular.json()["error"] == {
        "message": "Your credentials lack one or more required privilege scopes.",
        "detail": {"required": ["read:webhook:bitbucket"], "granted": ["read:user:bitbucket"]},
    }
    classic = hand.get("/repositories/acme/ledger/hooks")
    assert classic.json()["error"]["detail"]["required"] == ["webhook"]
    assert classic.headers["X-OAuth-Scopes"] == "repository, project, account"


def test_classic_scopes_imply_and_granular_scopes_do_not(hand: Hand, minted: Minter) -> None:
    implied = hand.bitbucket.mint_access_token("acme", ("pullrequest:write",))
    assert hand.get("/repositories/acme", headers=bearer(implied.token)).status_code == 200
    reply = hand.get("/repositories/acme", auth=minted("write:repository:bitbucket"))
    assert reply.status_code == 403


def test_repository_admin_implies_nothing(hand: Hand) -> None:
    admin = hand.bitbucket.mint_access_token("acme", ("repository:admin",))
    assert hand.get("/repositories/acme", headers=bearer(admin.token)).status_code == 403


def test_revoked_and_expired_tokens_are_401(hand: Hand, minted: Minter) -> None:
    email, token = minted("read:user:bitbucket", expires_in_days=30)
    assert hand.get("/user", auth=(email, token)).status_code == 200
    hand.sandbox.clock.advance(timedelta(days=31))
    assert hand.get("/user", auth=(email, token)).status_code == 401
    hand.bitbucket.revoke(hand.secret("ACME_READER_TOKEN"))
    assert message(hand.get("/repositories/acme")) == INVALID


def test_api_token_limited_to_a_workspace_sees_no_other(hand: Hand) -> None:
    home = hand.bitbucket.estate.workspace("globex")
    ada = hand.bitbucket.user("ada@acme.example")
    hand.bitbucket.estate.put_workspace(
        type(home)(home.uuid, home.slug, home.name, home.created_on, {ada.uuid: "member"})
    )
    made = hand.bitbucket.mint_api_token(
        "ada@acme.example", ("read:workspace:bitbucket",), workspace="acme"
    )
    seen = hand.get("/user/workspaces", auth=("ada@acme.example", made.token)).json()
    assert [v["workspace"]["slug"] for v in seen["values"]] == ["acme"]


def test_reader_of_one_workspace_sees_nothing_private_of_another(hand: Hand) -> None:
    reply = hand.get("/repositories/globex")
    assert (reply.status_code, reply.json()["values"]) == (200, [])
    assert hand.get("/repositories/globex/billing-core").status_code == 404
    assert hand.get("/workspaces/globex").status_code == 404


def test_anonymous_callers_see_public_things_and_their_own_allowance(hand: Hand) -> None:
    reply = hand.get("/repositories/acme", headers={})
    assert [r["slug"] for r in reply.json()["values"]] == ["docs-site"]
    assert reply.headers["x-ratelimit-limit"] == "60, 60;w=3600"
    assert reply.headers["x-ratelimit-remaining"] == "59"
    assert int(reply.headers["x-ratelimit-reset"]) <= 3600
    assert reply.headers["X-Accepted-OAuth-Scopes"] == "repository"
    assert hand.get("/repositories/acme/ledger", headers={}).status_code == 404
    assert hand.get("/user", headers={}).status_code == 401


def test_login_of_another_server_is_judged_as_over_http(hand: Hand) -> None:
    login, (email, token) = hand.bitbucket.try_login, hand.bot()
    good = login(hand.base, "api-token", email, token)
    assert good.ok
    assert len(good.repositories) == 12
    assert login("https://api.bitbucket.org/2.0/", "api-token", email, token).ok
    assert not login("https://elsewhere.example/2.0", "api-token", email, token).ok
    assert not login(hand.base, "api-token", "acme-ox-bot", token).ok
    assert not login(hand.base, "access-token", "", token).ok
    assert "2026-07-28" in login(hand.base, "app-password", "x", "y").reason
    assert login(hand.base, "access-token", "", hand.secret("GLOBEX_READER_TOKEN")).ok
    scopeless = hand.bitbucket.mint_api_token(email, ("read:user:bitbucket",)).token
    assert login(hand.base, "api-token", email, scopeless).repositories == ()
    hand.bitbucket.revoke(token)
    assert "revoked" in login(hand.base, "api-token", email, token).reason
