from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.unit.sandbox.hand import Hand, Minter, bearer

HOOK = {
    "description": "scanner",
    "url": "https://hooks.example.test/bb",
    "active": True,
    "secret": "s3cr3t-canary",
    "events": ["repo:push", "pullrequest:created"],
}


@pytest.fixture
def admin(hand: Hand) -> dict[str, str]:
    scopes = ("repository", "repository:admin", "repository:delete", "webhook", "account")
    return bearer(hand.bitbucket.mint_access_token("acme", scopes).token)


def test_rename_keeps_the_uuid_and_redirects_the_old_slug(
    hand: Hand, admin: dict[str, str]
) -> None:
    before = hand.get("/repositories/acme/ledger").json()
    reply = hand.call("PUT", "/repositories/acme/ledger", headers=admin, json={"name": "My book"})
    assert reply.status_code == 200
    assert reply.headers["Location"] == f"{hand.base}/repositories/acme/my-book"
    assert reply.json()["uuid"] == before["uuid"]
    old = hand.get("/repositories/acme/ledger?fields=uuid")
    assert old.status_code == 301
    assert old.headers["Location"] == f"{hand.base}/repositories/acme/my-book"
    hand.sandbox.switches.redirect_renamed = False
    assert hand.get("/repositories/acme/ledger").status_code == 404


def test_slug_clash_is_refused_and_changes_nothing(hand: Hand, admin: dict[str, str]) -> None:
    reply = hand.call("PUT", "/repositories/acme/ledger", headers=admin, json={"name": "ci images"})
    assert reply.status_code == 400
    assert "slug" in reply.json()["error"]["fields"]
    assert hand.get("/repositories/acme/ledger").json()["name"] == "ledger"


def test_put_creates_what_is_missing(hand: Hand, admin: dict[str, str]) -> None:
    body = {"project": {"key": "WEB"}}
    made = hand.call("PUT", "/repositories/acme/brand-new", headers=admin, json=body)
    assert made.status_code == 201
    assert made.json()["project"]["key"] == "WEB"
    again = hand.call("POST", "/repositories/acme/brand-new", headers=admin, json={})
    assert again.status_code == 400
    post = hand.call("POST", "/repositories/acme/other-new", headers=admin, json={})
    assert post.status_code == 200


def test_put_changes_plain_fields(hand: Hand, admin: dict[str, str]) -> None:
    body = {"description": "books", "is_private": False, "project": {"key": "PLAT"}}
    reply = hand.call("PUT", "/repositories/acme/ledger", headers=admin, json=body)
    changed = reply.json()
    assert (changed["description"], changed["is_private"]) == ("books", False)
    assert changed["project"]["key"] == "PLAT"
    bad = hand.call(
        "PUT", "/repositories/acme/ledger", headers=admin, json={"project": {"key": "NO"}}
    )
    assert bad.status_code == 400


def test_delete_removes_the_repository(hand: Hand, admin: dict[str, str]) -> None:
    assert hand.call("DELETE", "/repositories/acme/ledger", headers=admin).status_code == 204
    assert hand.get("/repositories/acme/ledger").status_code == 404
    assert hand.get("/repositories/acme").json()["size"] == 11


def test_reader_may_not_write(hand: Hand) -> None:
    assert hand.call("DELETE", "/repositories/acme/ledger").status_code == 403


@pytest.mark.parametrize("subject", ["/repositories/acme/ledger", "/workspaces/acme"])
def test_hook_lives_through_create_read_update_delete(
    hand: Hand, admin: dict[str, str], subject: str
) -> None:
    made = hand.call("POST", f"{subject}/hooks", headers=admin, json=HOOK)
    assert made.status_code == 201
    assert "s3cr3t-canary" not in made.text
    body = made.json()
    assert body["secret_set"] is True
    assert body["type"] == "webhook_subscription"
    assert set(body["events"]) == {"repo:push", "pullrequest:created"}
    place = made.headers["Location"]
    assert place == f"{hand.base}{subject}/hooks/{quote(body['uuid'])}"
    assert hand.get(place, headers=admin).json() == body
    change = {key: value for key, value in HOOK.items() if key != "secret"} | {"active": False}
    changed = hand.call("PUT", place, headers=admin, json=change).json()
    assert (changed["active"], changed["secret_set"]) == (False, True)
    cleared = hand.call("PUT", place, headers=admin, json={"secret": None}).json()
    assert cleared["secret_set"] is False
    assert hand.call("DELETE", place, headers=admin).status_code == 204
    assert hand.get(place, headers=admin).status_code == 404


def test_repeated_creation_makes_a_second_hook(hand: Hand, admin: dict[str, str]) -> None:
    for _ in range(2):
        hand.call("POST", "/repositories/acme/ledger/hooks", headers=admin, json=HOOK)
    assert hand.get("/repositories/acme/ledger/hooks", headers=admin).json()["size"] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "not a url"), ("events", []), ("events", ["repo:no"]), ("secret", "x" * 129)],
    ids=["url", "no events", "unknown event", "long secret"],
)
def test_bad_hook_is_400_naming_the_field(
    hand: Hand, admin: dict[str, str], field: str, value: object
) -> None:
    reply = hand.call(
        "POST", "/repositories/acme/ledger/hooks", headers=admin, json=HOOK | {field: value}
    )
    assert reply.status_code == 400
    assert list(reply.json()["error"]["fields"]) == [field]


def test_body_that_is_no_object_is_400(hand: Hand, admin: dict[str, str]) -> None:
    reply = hand.call("POST", "/repositories/acme/ledger/hooks", headers=admin, content=b"[1")
    assert reply.status_code == 400


def test_workspace_hooks_are_for_owners(hand: Hand) -> None:
    assert hand.get("/workspaces/acme/hooks", auth=hand.bot()).status_code == 403


def test_hook_needs_read_and_write_scope(hand: Hand, minted: Minter) -> None:
    reply = hand.call(
        "POST",
        "/repositories/acme/ledger/hooks",
        auth=minted("write:webhook:bitbucket"),
        json=HOOK,
    )
    assert reply.json()["error"]["detail"]["required"] == [
        "read:webhook:bitbucket",
        "write:webhook:bitbucket",
    ]


def test_hook_events_are_public(hand: Hand) -> None:
    assert hand.get("/hook_events/repository?pagelen=100", headers={}).json()["size"] > 20


def test_transfer_keeps_the_uuid_and_kills_its_access_tokens(hand: Hand) -> None:
    token = hand.bitbucket.mint_access_token("acme", ("repository",), repository="ledger").token
    uuid = hand.bitbucket.repository("acme", "ledger").uuid
    moved = hand.control(
        "PATCH",
        "/bitbucket/repositories",
        {"workspace": "acme", "slug": "ledger", "to_workspace": "globex"},
    )
    assert moved.json()["uuid"] == uuid
    assert hand.get("/repositories/acme/ledger").status_code == 404
    globex = bearer(hand.secret("GLOBEX_READER_TOKEN"))
    assert hand.get("/repositories/globex/ledger", headers=globex).json()["uuid"] == uuid
    assert hand.get("/repositories/globex", headers=bearer(token)).status_code == 401
