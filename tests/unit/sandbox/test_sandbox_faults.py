from __future__ import annotations

import json
import time

import httpx2
import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.state import Fault, FaultKind
from tests.unit.sandbox.hand import Hand

LIST = "/repositories/acme"


@pytest.mark.parametrize("value", [None, 3, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_rate_limit_strikes_once_with_its_retry_after(hand: Hand, value: object) -> None:
    hand.arm("rate-limit", match="GET /2.0/repositories/*", value=value)
    reply = hand.get(LIST)
    assert reply.status_code == 429
    assert reply.headers.get("Retry-After") == (None if value is None else str(value))
    assert hand.get(LIST).status_code == 200


def test_error_is_not_executed_and_error_after_commit_is(hand: Hand) -> None:
    body = {"workspace": "acme", "slug": "ledger"}
    owner = hand.bitbucket.mint_access_token("acme", ("repository", "repository:delete")).token
    headers = {"Authorization": f"Bearer {owner}"}
    hand.arm("error", match="DELETE *", value=503)
    assert hand.call("DELETE", f"{LIST}/ledger", headers=headers).status_code == 503
    assert hand.get(f"{LIST}/ledger").status_code == 200
    hand.arm("error-after-commit", match="DELETE *")
    assert hand.call("DELETE", f"{LIST}/ledger", headers=headers).status_code == 502
    assert hand.get(f"{LIST}/ledger").status_code == 404
    assert body


@pytest.mark.parametrize(("kind", "gone"), [("drop", False), ("lost-answer", True)])
def test_closed_connection_tells_nothing_about_execution(hand: Hand, kind: str, gone: bool) -> None:
    owner = hand.bitbucket.mint_access_token("acme", ("repository", "repository:delete")).token
    hand.arm(kind, match="DELETE *")
    with pytest.raises(httpx2.RemoteProtocolError):
        hand.call("DELETE", f"{LIST}/ledger", headers={"Authorization": f"Bearer {owner}"})
    assert (hand.get(f"{LIST}/ledger").status_code == 404) is gone
    assert hand.sandbox.requests[0].status == 0


def test_html_sign_in_page_is_a_200(hand: Hand) -> None:
    hand.arm("html")
    reply = hand.get(LIST)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert "Log in" in reply.text


def test_truncated_json_does_not_parse(hand: Hand) -> None:
    hand.arm("truncated")
    with pytest.raises(json.JSONDecodeError):
        hand.get(LIST).json()


def test_slow_waits_and_a_stopping_sandbox_does_not(hand: Hand) -> None:
    hand.arm("slow", value=0.05)
    begun = time.perf_counter()
    assert hand.get(LIST).status_code == 200
    assert time.perf_counter() - begun >= 0.05


def test_sandbox_stops_at_once_in_the_middle_of_a_slow_answer() -> None:
    with RunningSandbox() as box:
        hand = Hand(box)
        hand.arm("slow", value=60)
        with pytest.raises(httpx2.ReadTimeout):
            hand.get(LIST, headers={}, timeout=0.05)
        begun = time.perf_counter()
        hand.http.close()
    assert time.perf_counter() - begun < 2


def test_next_can_vanish_or_point_elsewhere(hand: Hand) -> None:
    hand.arm("missing-next")
    assert "next" not in hand.get(LIST).json()
    hand.arm("foreign-next")
    foreign = hand.get(LIST).json()["next"]
    assert foreign.startswith(hand.box.urls["control"] + "/trap/2.0/repositories/acme?")
    assert hand.http.get(foreign, headers={"Authorization": "Bearer canary"}).status_code == 200
    assert [hit.has_authorization for hit in hand.sandbox.trapped] == [True]
    assert "canary" not in hand.control("GET", "/requests").text


def test_redirect_points_at_the_trap_or_where_it_is_told(hand: Hand) -> None:
    hand.arm("foreign-redirect")
    reply = hand.get(f"{LIST}?page=1")
    assert reply.status_code == 302
    assert reply.headers["Location"].endswith("/trap/2.0/repositories/acme?page=1")
    hand.arm("foreign-redirect", value="http://127.0.0.1:9")
    assert hand.get(LIST).headers["Location"] == "http://127.0.0.1:9/2.0/repositories/acme"


def test_fields_appear_and_disappear_everywhere(hand: Hand) -> None:
    hand.arm("unknown-fields")
    body = hand.get(LIST).json()
    assert "x_rollout" in body
    assert "x_rollout" in body["values"][0]["project"]
    hand.arm("missing-fields", value="uuid,slug")
    first = hand.get(LIST).json()["values"][0]
    assert not {"uuid", "slug"} & set(first)


def test_lost_page_stays_lost_and_others_do_not(hand: Hand) -> None:
    hand.arm("lost-page", match="*page=2*")
    assert [hand.get(f"{LIST}?page=2").status_code for _ in range(3)] == [500] * 3
    assert hand.get(f"{LIST}?page=1").status_code == 200


def test_shrink_claims_more_than_the_pages_give(hand: Hand) -> None:
    hand.arm("shrink", value=2)
    body = hand.get(f"{LIST}?pagelen=100").json()
    assert (body["size"], len(body["values"])) == (14, 12)


def test_token_dies_after_some_requests(hand: Hand) -> None:
    hand.arm("token-dies", match="GET *", after=2)
    assert [hand.get(LIST).status_code for _ in range(4)] == [200, 200, 401, 401]


def test_named_token_dies_at_another_ones_request(hand: Hand) -> None:
    hand.arm("token-dies", value="OX_BOT_TOKEN")
    assert hand.get(LIST).status_code == 200
    assert hand.get("/user", auth=hand.bot()).status_code == 401


def test_unknown_victim_harms_nobody(hand: Hand) -> None:
    hand.arm("token-dies", value="nobody")
    assert hand.get(LIST).status_code == 200


def test_body_selects_the_request(hand: Hand) -> None:
    hand.arm("error", emulator="ox", body="getConnectorsByFamily", times=None)
    url = hand.box.urls["ox"]
    key = {"Authorization": hand.secret("OX_API_KEY")}
    sent = {"query": "{ getConnectorsByFamily { family } }"}
    assert hand.http.post(url, headers=key, json=sent).status_code == 500
    other = hand.http.post(url, headers=key, json={"query": "{ __typename }"})
    assert other.status_code == 200
    assert hand.get(LIST).status_code == 200


def test_faults_are_counted_listed_and_cleared(hand: Hand) -> None:
    hand.sandbox.faults.add(Fault(FaultKind.ERROR, "GET *", times=2))
    hand.get(LIST)
    listed = hand.control("GET", "/faults").json()["faults"]
    assert [(fault["kind"], fault["struck"]) for fault in listed] == [("error", 1)]
    hand.control("DELETE", "/faults")
    assert hand.get(LIST).status_code == 200


def test_latency_is_added_to_every_reply() -> None:
    with RunningSandbox(Settings(latency_ms=30)) as box:
        hand = Hand(box)
        begun = time.perf_counter()
        hand.get(LIST)
        assert time.perf_counter() - begun >= 0.03
        hand.http.close()
