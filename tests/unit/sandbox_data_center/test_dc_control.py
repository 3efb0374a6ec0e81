"""The control API of the Data Center emulator: what people do in its pages."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.settings import CONTROL
from tests.unit.sandbox_data_center.desk import Desk

REPOS = "/rest/api/latest/repos"


def did(desk: Desk, doing: str, **body: Any) -> dict[str, Any]:
    reply = desk.control(doing, body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def test_every_doing_is_listed_with_what_it_does(desk: Desk) -> None:
    index = desk.http.get(f"{desk.box.urls[CONTROL]}/_sandbox").json()["calls"]
    own = [call for call in index if "/data-center" in call["path"]]
    assert len(own) == 19
    assert all(call["does"] for call in own)


def test_repositories_are_made_moved_and_deleted(desk: Desk) -> None:
    did(desk, "create-project", key="NEW", name="New")
    did(desk, "rename-project", key="NEW", to="NEWER")
    made = did(desk, "create-repository", project="NEWER", slug="thing")
    assert did(desk, "rename-repository", project="NEWER", slug="thing", name="Gadget") == {
        **made,
        "slug": "gadget",
    }
    moved = did(desk, "move-repository", project="NEWER", slug="gadget", to="PAY")
    assert (moved["id"], moved["project"]) == (made["id"], "PAY")
    assert did(desk, "archive", project="PAY", slug="gadget")["archived"] is True
    assert did(desk, "delete-repository", project="PAY", slug="gadget")["deleted"] == made["id"]
    assert did(desk, "fill", projects=2, repositories_each=3)["repositories"] == 17


def test_people_and_grants_come_and_go(desk: Desk) -> None:
    made = did(desk, "add-user", name="bob")
    bob = ("bob", made["password"])
    assert desk.call("GET", REPOS, auth=bob).json()["size"] == 0
    did(desk, "grant", permission="PROJECT_READ", user="bob", project="DOCS")
    assert desk.names("/repos", auth=bob) == ["DOCS/handbook"]
    did(desk, "grant", user="bob", project="DOCS")
    assert desk.names("/repos", auth=bob) == []
    number = str(desk.instance.repository("OPS", "tools").id)
    one = {"project": "OPS", "repository": number}
    did(desk, "grant", permission="REPO_READ", group="friends", **one)
    did(desk, "add-user", name="eve", groups=["friends"])
    eve = ("eve", did(desk, "set-password", name="eve")["password"])
    assert desk.names("/repos", auth=eve) == ["OPS/tools"]
    fresh = did(desk, "set-password", name="bob")["password"]
    assert desk.call("GET", REPOS, auth=bob).status_code == 401
    assert desk.call("GET", REPOS, auth=("bob", fresh)).status_code == 200
    did(desk, "change-user", name="bob", active=False)
    assert desk.call("GET", REPOS, auth=("bob", fresh)).status_code == 401


def test_tokens_are_made_and_ended_by_id_secret_or_name(desk: Desk) -> None:
    made = did(desk, "mint-token", owner="ada", permissions=["REPO_READ"], name="by hand")
    assert desk.call("GET", REPOS, token=made["token"]).status_code == 200
    did(desk, "expire", token=made["id"])
    assert desk.call("GET", REPOS, token=made["token"]).status_code == 401
    assert did(desk, "revoke", token="DC_SCANNER_TOKEN")["revoked"] is True
    assert desk.call("GET", REPOS, token=desk.secret("DC_SCANNER_TOKEN")).status_code == 401
    shown = desk.control("").json()
    assert [token["name"] for token in shown["tokens"]] == ["by hand", "reader of the reconciler"]
    oauth = did(desk, "mint-oauth-grant", user="ada")
    assert desk.call("GET", REPOS, token=oauth["token"]).status_code == 200
    link = did(desk, "create-oauth-link", name="t", redirect_url="https://t", scopes=["REPO_READ"])
    assert set(link) == {"client_id", "client_secret"}


def test_knobs_turn_while_it_is_served(desk: Desk) -> None:
    turned = did(desk, "turn", version="9.4.24", token_lag_s=2, basic_disabled=True)
    assert (turned["version"], turned["token_lag_s"]) == ("9.4.24", 2)
    assert desk.call("GET", REPOS, auth=desk.scanner).status_code == 403


@pytest.mark.parametrize(
    ("doing", "body"),
    [
        ("turn", {"gravity": 1}),
        ("turn", {"hidden": "many"}),
        ("revoke", {"token": "1"}),
        ("revoke", {"nothing": "1"}),
        ("create-project", {"key": "PAY"}),
        ("create-project", []),
    ],
    ids=["unknown knob", "wrong type", "unknown token", "unknown field", "taken", "no object"],
)
def test_misuse_answers_400_with_cause_and_hint(desk: Desk, doing: str, body: object) -> None:
    reply = desk.control(doing, body)
    if body == []:
        reply = desk.http.post(
            f"{desk.box.urls[CONTROL]}/_sandbox/data-center/{doing}", content=b"[]"
        )
    assert reply.status_code == 400
    assert set(reply.json()) == {"error", "hint"}
