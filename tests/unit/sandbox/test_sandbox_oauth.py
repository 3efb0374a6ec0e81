from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.unit.sandbox.hand import Hand, bearer

Poster = Callable[..., httpx2.Response]
Granter = Callable[[], httpx2.Response]


@pytest.fixture
def ask(hand: Hand) -> Poster:
    place = hand.base.removesuffix("/2.0") + "/site/oauth2/access_token"

    def post(client: tuple[str, str] | None = None, **form: str) -> httpx2.Response:
        key = client or (hand.secret("BITBUCKET_OAUTH_KEY"), hand.secret("BITBUCKET_OAUTH_SECRET"))
        return hand.http.post(place, auth=key, data=form)

    return post


@pytest.fixture
def grant(hand: Hand, ask: Poster) -> Granter:
    def run() -> httpx2.Response:
        url = hand.base.removesuffix("/2.0") + "/site/oauth2/authorize"
        key = hand.secret("BITBUCKET_OAUTH_KEY")
        params = {"client_id": key, "response_type": "code", "state": "st"}
        callback = hand.http.get(url, params=params).headers["Location"]
        answer = parse_qs(urlsplit(callback).query)
        assert answer["state"] == ["st"]
        return ask(grant_type="authorization_code", code=answer["code"][0])

    return run


def test_client_credentials_give_an_app_user_and_no_refresh_token(hand: Hand, ask: Poster) -> None:
    body = ask(grant_type="client_credentials").json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 7200)
    assert body["scope"] == "account email repository"
    assert body["state"] == "client_credentials"
    assert "refresh_token" not in body
    reply = hand.get("/user", headers=bearer(body["access_token"]))
    assert reply.json()["type"] == "app_user"
    assert reply.headers["X-Credential-Type"] == "oauth"
    assert "X-RateLimit-Limit" not in reply.headers
    listing = hand.get("/repositories/acme", headers=bearer(body["access_token"]))
    assert listing.json()["size"] == 12


def test_wrong_client_is_unauthorized_client(ask: Poster) -> None:
    reply = ask(client=("x", "y"), grant_type="client_credentials")
    assert reply.status_code == 400
    assert reply.json() == {
        "error_description": "Invalid OAuth client credentials",
        "error": "unauthorized_client",
    }


def test_missing_grant_type_is_named_none(ask: Poster) -> None:
    body = ask().json()
    assert body["error_description"] == "Unsupported grant type: None"
    assert body["error"] == "invalid_grant"


def test_public_consumer_may_not_use_client_credentials(hand: Hand, ask: Poster) -> None:
    made = hand.control(
        "POST",
        "/bitbucket/oauth-consumers",
        {"workspace": "acme", "scopes": ["account"], "is_private": False},
    ).json()
    client = (made["key"], made["secret"])
    reply = ask(client=client, grant_type="client_credentials")
    assert reply.status_code == 400
    assert 'marked as "public"' in reply.json()["error_description"]
    code = ask(client=client, grant_type="authorization_code", code="x").json()
    assert code["error_description"] == "No callback uri defined for the OAuth client."


def test_code_works_once_and_gives_a_user_with_a_long_refresh_token(
    hand: Hand, grant: Granter, ask: Poster
) -> None:
    body = grant().json()
    assert len(body["refresh_token"]) > 2500
    me = hand.get("/user", headers=bearer(body["access_token"])).json()
    assert me["username"] == "ada-acme"
    again = ask(grant_type="authorization_code", code="used")
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_refresh_token_rotates_and_the_old_one_works_for_ten_minutes(
    hand: Hand, grant: Granter, ask: Poster
) -> None:
    old = grant().json()["refresh_token"]
    new = ask(grant_type="refresh_token", refresh_token=old).json()["refresh_token"]
    assert new != old
    hand.sandbox.clock.advance(timedelta(minutes=9))
    assert ask(grant_type="refresh_token", refresh_token=old).status_code == 200
    hand.sandbox.clock.advance(timedelta(minutes=2))
    late = ask(grant_type="refresh_token", refresh_token=old)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
    assert ask(grant_type="refresh_token", refresh_token=new).status_code == 200


def test_unused_refresh_token_dies_after_three_months(
    hand: Hand, grant: Granter, ask: Poster
) -> None:
    token = grant().json()["refresh_token"]
    hand.sandbox.clock.advance(timedelta(days=91))
    assert ask(grant_type="refresh_token", refresh_token=token).status_code == 400


def test_expired_access_token_asks_for_a_refresh(hand: Hand, ask: Poster) -> None:
    token = ask(grant_type="client_credentials").json()["access_token"]
    hand.sandbox.clock.advance(timedelta(seconds=7201))
    reply = hand.get("/user", headers=bearer(token))
    assert reply.status_code == 401
    assert reply.json()["error"]["message"].startswith("Access token expired.")


def test_consumer_scopes_are_fixed_and_edits_reach_new_tokens(hand: Hand, ask: Poster) -> None:
    key = hand.secret("BITBUCKET_OAUTH_KEY")
    assert ask(grant_type="client_credentials", scope="repository:admin").json()["scope"] == (
        "account email repository"
    )
    hand.bitbucket.oauth.edit_consumer(key, scopes=("account",))
    hand.sandbox.switches.legacy_scopes_key = True
    assert ask(grant_type="client_credentials").json()["scopes"] == "account"


def test_consent_is_refused_for_a_foreign_redirect(hand: Hand) -> None:
    url = hand.base.removesuffix("/2.0") + "/site/oauth2/authorize"
    key = hand.secret("BITBUCKET_OAUTH_KEY")
    params = {"client_id": key, "response_type": "code", "redirect_uri": "https://evil.example/"}
    assert hand.http.get(url, params=params).status_code == 400
    assert hand.http.get(url, params={"client_id": "nobody"}).status_code == 400
