from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from tests.unit.sandbox.hand import Hand, bearer


def test_index_lists_every_call_with_an_example(hand: Hand) -> None:
    calls = hand.control("GET", "").json()["calls"]
    paths = {(call["method"], call["path"]) for call in calls}
    assert ("POST", "/_sandbox/bitbucket/repositories") in paths
    assert any(path.startswith("/_sandbox/ox/") for _, path in paths)
    assert all(call["does"] for call in calls)


def test_repository_is_created_renamed_pushed_and_deleted(hand: Hand) -> None:
    made = hand.control("POST", "/bitbucket/repositories", {"slug": "new-one", "project": "WEB"})
    assert made.json()["project"] == "WEB"
    hand.control("PATCH", "/bitbucket/repositories", {"slug": "new-one", "name": "Newer One"})
    found = hand.get("/repositories/acme/newer-one").json()
    assert found["uuid"] == made.json()["uuid"]
    hand.control("PATCH", "/bitbucket/repositories", {"slug": "newer-one", "push": True})
    assert hand.get("/repositories/acme/newer-one").json()["updated_on"] > found["updated_on"]
    hand.control("DELETE", "/bitbucket/repositories", {"slug": "newer-one"})
    assert hand.get("/repositories/acme/newer-one").status_code == 404


def test_token_is_made_listed_expired_and_revoked(hand: Hand) -> None:
    body = {"email": "ada@acme.example", "scopes": ["read:user:bitbucket"], "expires_in_days": 5}
    made = hand.control("POST", "/bitbucket/tokens", body).json()
    basic = ("ada@acme.example", made["token"])
    assert made["token"].startswith("ATATT3x")
    assert hand.get("/user", auth=basic).status_code == 200
    listed = hand.control("GET", "/bitbucket/tokens")
    assert made["id"] in listed.text
    assert made["token"] not in listed.text
    hand.control("POST", "/bitbucket/tokens/expire", {"token": made["id"]})
    assert hand.get("/user", auth=basic).status_code == 401
    gone = hand.control("POST", "/bitbucket/tokens/revoke", {"token": "ACME_READER_TOKEN"})
    assert gone.json()["revoked"] is True
    assert hand.get("/repositories/acme").status_code == 401


def test_access_token_is_made_for_a_project(hand: Hand) -> None:
    body = {"workspace": "acme", "project": "PAY", "scopes": ["repository"]}
    made = hand.control("POST", "/bitbucket/access-tokens", body).json()
    assert made["type"] == "project_access_token"
    seen = hand.get("/repositories/acme", headers=bearer(made["token"])).json()
    assert seen["size"] == 4


def test_project_is_created(hand: Hand) -> None:
    hand.control("POST", "/bitbucket/projects", {"workspace": "acme", "key": "NEW"})
    assert hand.get("/workspaces/acme/projects/NEW").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/bitbucket/repositories", {"slug": "ledger"}),
        ("POST", "/bitbucket/repositories", {"workspace": "nope", "slug": "x"}),
        ("POST", "/bitbucket/repositories", {"slug": "x", "project": "NOPE"}),
        ("POST", "/bitbucket/repositories", {}),
        ("POST", "/bitbucket/repositories", []),
        ("PATCH", "/bitbucket/repositories", {"slug": "ledger", "name": "ci images"}),
        ("POST", "/bitbucket/tokens", {"email": "nobody@acme.example", "scopes": []}),
        ("POST", "/bitbucket/tokens", {"email": "ada@acme.example", "scopes": "x"}),
        (
            "POST",
            "/bitbucket/tokens",
            {"email": "ada@acme.example", "scopes": [], "expires_in_days": 366},
        ),
        (
            "POST",
            "/bitbucket/tokens",
            {"email": "ada@acme.example", "scopes": [f"s{n}" for n in range(51)]},
        ),
        ("POST", "/bitbucket/tokens/revoke", {"token": "canary-secret"}),
        ("POST", "/faults", {"kind": "nonsense"}),
        ("POST", "/faults", {"kind": "drop", "when": "now"}),
        ("POST", "/faults", {"kind": "drop", "times": "many"}),
        ("PATCH", "/switches", {"nonsense": True}),
        ("PATCH", "/switches", {"hide_size": "yes"}),
        ("PATCH", "/bitbucket/repositories", {"slug": "shared-lib", "to_workspace": "globex"}),
    ],
    ids=str,
)
def test_wrong_calls_are_answered_with_cause_and_hint(
    hand: Hand, method: str, path: str, body: object
) -> None:
    reply = hand.control(method, path, body)
    assert reply.status_code == 400
    assert set(reply.json()) == {"error", "hint"}
    assert "canary" not in reply.text


def test_request_log_names_credentials_by_id_and_holds_no_secret(hand: Hand) -> None:
    hand.get("/repositories/acme?page=1")
    hand.get("/user", auth=hand.bot())
    hand.get("/user", headers=bearer("ATCTT3x-canary-unknown"))
    reply = hand.control("GET", "/requests")
    log = reply.json()
    assert log["counts"] == {"bitbucket-cloud": 3}
    assert [(r["path"], r["status"]) for r in log["requests"]] == [
        ("/2.0/repositories/acme?page=1", 200),
        ("/2.0/user", 200),
        ("/2.0/user", 401),
    ]
    bot = hand.bitbucket.credential(hand.secret("OX_BOT_TOKEN")).id
    assert [r["credential"] for r in log["requests"]][1:] == [bot, ""]
    secrets = [value for name, value in hand.box.environment.items() if "TOKEN" in name]
    for secret in (*secrets, hand.secret("BITBUCKET_OAUTH_SECRET"), "canary"):
        assert secret not in reply.text
        assert secret not in repr(hand.sandbox)
    hand.control("DELETE", "/requests")
    assert hand.sandbox.requests == []


def test_most_requests_in_flight_are_remembered() -> None:
    with RunningSandbox(Settings(latency_ms=40)) as box:
        hand = Hand(box)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: hand.get("/repositories/acme"), range(4)))
        assert box.sandbox.log.peaks["bitbucket-cloud"] > 1
        hand.http.close()
