from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Generate, Settings
from tests.unit.sandbox.hand import Hand, Minter, bearer


def message(reply: httpx2.Response) -> str:
    return str(reply.json()["error"]["message"])


def slugs(reply: httpx2.Response) -> list[str]:
    return [value["slug"] for value in reply.json()["values"]]


def test_pages_are_walked_by_following_next(hand: Hand) -> None:
    url, seen, pages = "/repositories/acme?pagelen=5&sort=-name", [], 0
    while url:
        reply = hand.get(url)
        seen += slugs(reply)
        url, pages = reply.json().get("next"), pages + 1
    assert pages == 3
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 12


def test_page_has_envelope_and_absolute_next_that_carries_the_question(hand: Hand) -> None:
    body = hand.get('/repositories/acme?q=project.key%3D"PAY"&pagelen=3').json()
    assert (body["size"], body["page"], body["pagelen"]) == (4, 1, 3)
    assert body["next"].startswith(f"{hand.base}/repositories/acme?q=project.key%3D%22PAY%22")
    second = hand.get(body["next"]).json()
    assert "next" not in second
    assert second["previous"].endswith("page=1")


def test_default_page_holds_ten(hand: Hand) -> None:
    assert len(hand.get("/repositories/acme").json()["values"]) == 10


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("pagelen=101", "Invalid pagelen"),
        ("pagelen=0", "Invalid pagelen"),
        ("pagelen=x", "Invalid pagelen"),
        ("page=0", "Invalid page"),
        ("page=-1", "Invalid page"),
        ("q=nickname%3D%22x%22", 'Field ".nickname" does not support filtering'),
        ("sort=nickname", 'Field ".nickname" does not support sorting'),
        ("q=name%20%3D", "Invalid query: it ends too early"),
        ("q=name%20%3E%203", "Invalid query: the types differ"),
        ("role=king", "Invalid role"),
    ],
)
def test_bad_questions_are_400(hand: Hand, query: str, text: str) -> None:
    reply = hand.get(f"/repositories/acme?{query}")
    assert (reply.status_code, message(reply)) == (400, text)


def test_page_beyond_the_end_is_empty(hand: Hand) -> None:
    assert hand.get("/repositories/acme?page=99").json()["values"] == []


def test_bare_field_list_loses_pagination_unless_it_is_named(hand: Hand) -> None:
    bare = hand.get("/repositories/acme?fields=values.slug,values.project.key").json()
    assert set(bare) == {"values"}
    assert bare["values"][0] == {"slug": "payments-api", "project": {"key": "PAY"}}
    kept = hand.get("/repositories/acme?fields=values.uuid,next,size,page&pagelen=5").json()
    assert set(kept) == {"values", "next", "size", "page"}
    again = hand.get(kept["next"]).json()
    assert set(again["values"][0]) == {"uuid"}


def test_minus_removes_and_plus_keeps_everything(hand: Hand) -> None:
    body = hand.get("/repositories/acme?fields=-values.links,-size").json()
    assert "size" not in body
    assert "links" not in body["values"][0]
    assert body["values"][0]["slug"] == "payments-api"
    assert "size" in hand.get("/repositories/acme?fields=%2Bvalues.owner").json()


def test_unencoded_plus_narrows_instead_of_adding(hand: Hand) -> None:
    assert set(hand.get("/repositories/acme?fields=+values.owner").json()) == {"values"}


def test_fields_narrow_a_single_repository(hand: Hand) -> None:
    assert hand.get("/repositories/acme/ledger?fields=slug,links.self").json() == {
        "slug": "ledger",
        "links": {"self": {"href": f"{hand.base}/repositories/acme/ledger"}},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('project.key="PAY" AND name ~ "API"', ["payments-api"]),
        ('name = "ledger" OR slug="ci-images"', ["ledger", "ci-images"]),
        ('project.key IN ("WEB") AND NOT_A', None),
        ('slug NOT IN ("storefront", "docs-site") AND project.key="WEB"', ["design-tokens"]),
        ('(name~"shared" AND language="python") AND parent = null', ["shared-utils"]),
        ("parent != null", ["shared-lib"]),
        ("updated_on > 2024-07-01T00:00:00Z", ["design-tokens"]),
        ('updated_on > "2024-07-01T00:00:00+00:00"', ["design-tokens"]),
        ('name !~ "a" AND size > 0', ["ledger", "storefront", "docs-site"]),
        ("is_private = false", ["docs-site"]),
        ("mainbranch.name = null", ["design-tokens"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_query_language_filters_repositories(
    hand: Hand, query: str, expected: list[str] | None
) -> None:
    reply = hand.get(f"/repositories/acme?q={quote(query)}")
    if expected is None:
        assert reply.status_code == 400
    else:
        assert slugs(reply) == expected


def test_repository_is_addressed_by_slug_uuid_and_without_workspace(hand: Hand) -> None:
    uuid = hand.get("/repositories/acme/ledger").json()["uuid"]
    workspace = hand.get("/workspaces/acme").json()["uuid"]
    for place in (f"acme/{quote(uuid)}", f"%7B%7D/{quote(uuid)}", f"{quote(workspace)}/ledger"):
        assert hand.get(f"/repositories/{place}").json()["full_name"] == "acme/ledger"


def test_next_keeps_the_uuid_form_of_the_workspace(hand: Hand) -> None:
    workspace = quote(hand.get("/workspaces/acme").json()["uuid"])
    assert f"/repositories/{workspace}?" in hand.get(f"/repositories/{workspace}").json()["next"]


def test_etag_answers_304_until_something_changes(hand: Hand) -> None:
    headers = bearer(hand.secret("ACME_READER_TOKEN"))
    first = hand.get("/repositories/acme", headers=headers)
    again = {**headers, "If-None-Match": first.headers["ETag"]}
    assert hand.get("/repositories/acme", headers=again).status_code == 304
    hand.bitbucket.push("acme", "ledger")
    assert hand.get("/repositories/acme", headers=again).status_code == 200


def test_unknown_things_are_404_with_their_texts(hand: Hand) -> None:
    assert message(hand.get("/repositories/nope")) == "No workspace with identifier 'nope'."
    assert "You may not have access" in message(hand.get("/repositories/acme/nope"))
    assert message(hand.get("/nothing/here")).startswith("There is no API hosted at this URL.")
    assert hand.get("/workspaces/acme/projects/NOPE").status_code == 404


def test_path_outside_the_api_is_403_for_valid_credentials(hand: Hand) -> None:
    reply = hand.get(hand.base.removesuffix("/2.0") + "/user")
    assert reply.status_code == 403
    assert reply.json() == {"type": "error", "error": {"message": "Forbidden"}}


@pytest.mark.parametrize(
    "path",
    ["/workspaces", "/repositories", "/user/permissions/workspaces"],
)
def test_removed_listings_are_410(hand: Hand, path: str) -> None:
    reply = hand.get(path)
    assert reply.status_code == 410
    assert message(reply) == "CHANGE-2770 - Functionality has been deprecated"
    assert reply.json()["data"]["announcement_url"].endswith("#CHANGE-2770")


def test_workspace_projects_members_and_emails(hand: Hand, minted: Minter) -> None:
    owner = minted("read:user:bitbucket", "read:workspace:bitbucket", "read:project:bitbucket")
    assert hand.get("/workspaces/acme", auth=owner).json()["slug"] == "acme"
    projects = hand.get("/workspaces/acme/projects", auth=owner).json()["values"]
    assert [p["key"] for p in projects] == ["PAY", "PLAT", "WEB"]
    assert hand.get("/workspaces/acme/projects/PAY", auth=owner).json()["name"] == "Payments"
    assert hand.get("/user/emails", auth=owner).json()["values"][0]["is_primary"] is True
    permission = hand.get("/user/workspaces/acme/permission", auth=owner).json()
    assert permission["permission"] == "owner"
    access = hand.get("/user/workspaces?administrator=true", auth=owner).json()
    assert access["pagelen"] == 25
    assert access["values"][0]["administrator"] is True
    assert "name" not in access["values"][0]["workspace"]
    assert hand.get("/user/workspaces/globex/permission", auth=owner).status_code == 403
    assert hand.get("/user/workspaces").status_code == 403
    assert hand.get("/user/emails").status_code == 403


def test_members_show_emails_only_to_administrators_who_ask(hand: Hand, minted: Minter) -> None:
    owner = minted("read:workspace:bitbucket")
    plain = hand.get("/workspaces/acme/members", auth=owner).json()["values"]
    assert all("email" not in member["user"] for member in plain)
    query = quote('user.email IN ("ox-bot@acme.example")')
    path = f"/workspaces/acme/members?q={query}&fields=%2Bvalues.user.email"
    found = hand.get(path, auth=owner).json()["values"]
    assert [member["user"]["email"] for member in found] == ["ox-bot@acme.example"]
    assert hand.get(path, auth=hand.bot()).status_code == 400


def test_role_is_relative_to_the_calling_user(hand: Hand) -> None:
    assert hand.get("/repositories/acme?role=member", auth=hand.bot()).json()["size"] == 12
    assert hand.get("/repositories/acme?role=admin", auth=hand.bot()).json()["size"] == 0


def test_deactivated_workspace_and_allowlist_are_403(hand: Hand) -> None:
    hand.control("PATCH", "/bitbucket/workspaces", {"workspace": "acme", "allowlist": True})
    reply = hand.get("/repositories/acme")
    assert reply.status_code == 403
    assert "whitelist your IP" in message(reply)
    assert hand.get("/repositories/acme/ledger").status_code == 403
    assert hand.get("/workspaces/acme").status_code == 200
    hand.control("PATCH", "/bitbucket/workspaces", {"workspace": "acme", "deactivated": True})
    assert "deactivated due to inactivity" in message(hand.get("/workspaces/acme"))


def test_size_can_be_hidden(hand: Hand) -> None:
    hand.control("PATCH", "/switches", {"hide_size": True})
    body = hand.get("/repositories/acme").json()
    assert "size" not in body
    assert "next" in body


def test_allowance_ends_with_429_and_returns_after_an_hour() -> None:
    with RunningSandbox(Settings(rate_limit=3)) as box:
        hand = Hand(box)
        statuses = [hand.get("/repositories/acme").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        reply = hand.get("/repositories/acme/ledger")
        assert reply.json() == {
            "type": "error",
            "error": {"message": "Rate limit for this resource has been exceeded"},
        }
        assert "Retry-After" not in reply.headers
        assert reply.headers["X-RateLimit-NearLimit"] == "true"
        assert hand.get("/workspaces/acme").status_code == 200
        globex = bearer(hand.secret("GLOBEX_READER_TOKEN"))
        assert hand.get("/repositories/globex", headers=globex).status_code == 200
        hand.control("PATCH", "/switches", {"retry_after": "seconds"})
        assert 3500 < int(hand.get("/repositories/acme").headers["Retry-After"]) <= 3600
        hand.control("PATCH", "/switches", {"retry_after": "date"})
        assert hand.get("/repositories/acme").headers["Retry-After"].endswith("GMT")
        hand.control("POST", "/clock", {"hours": 1})
        assert hand.get("/repositories/acme").status_code == 200
        hand.http.close()


def test_ten_thousand_repositories_are_served_whole() -> None:
    settings = Settings(generate=(Generate(10_000, 50),))
    with RunningSandbox(settings) as box:
        hand = Hand(box)
        fields = "fields=values.uuid,values.slug,next,size"
        seen: set[str] = set()
        body: dict[str, Any] = {}
        for number in range(1, 101):
            body = hand.get(f"/repositories/acme?pagelen=100&page={number}&{fields}").json()
            seen |= {value["uuid"] for value in body["values"]}
        assert body["size"] == len(seen) == 10_000
        assert "next" not in body
        assert hand.get("/workspaces/acme/projects").json()["size"] == 50
        hand.http.close()


def test_same_seed_gives_the_same_estate_and_other_secrets() -> None:
    def look(seed: int) -> tuple[list[object], str]:
        with RunningSandbox(Settings(seed=seed, generate=(Generate(50),))) as box:
            estate = box.sandbox.bitbucket.repositories("acme")
            return list(estate), box.environment["ACME_READER_TOKEN"]

    (first, token), (second, other), (third, _) = look(1), look(1), look(2)
    assert first == second
    assert token != other
    assert [r.uuid for r in first] != [r.uuid for r in third]  # type: ignore[attr-defined]  # rows


def test_generated_workspace_comes_with_its_reader() -> None:
    with RunningSandbox(Settings(generate=(Generate(7, 2, "big-corp"),))) as box:
        hand = Hand(box)
        headers = bearer(hand.secret("BIG_CORP_READER_TOKEN"))
        assert hand.get("/repositories/big-corp", headers=headers).json()["size"] == 7
        assert hand.get("/workspaces/big-corp/projects", headers=headers).json()["size"] == 2
        hand.http.close()
