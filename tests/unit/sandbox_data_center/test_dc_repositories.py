"""Projects and repositories: shapes, lists, filters, pages, rights, moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox_data_center.desk import Desk, context, exception

DEFAULT = [
    "PAY/payments-api",
    "PAY/payments-web",
    "PAY/ledger",
    "PAY/tools",
    "OPS/deploy",
    "OPS/shared-auth",
    "OPS/tools",
    "DOCS/handbook",
    "~ADA/sketches",
    "~ADA/ledger",
]
PLACE = "/projects/PAY/repos/ledger"


def test_a_repository_has_its_recorded_shape(desk: Desk) -> None:
    shown = desk.api("GET", PLACE).json()
    base, host = desk.base, "127.0.0.1"
    assert shown["id"] == desk.instance.repository("PAY", "ledger").id
    assert (shown["slug"], shown["archived"], shown["public"]) == ("ledger", False, False)
    assert shown["project"]["type"] == "NORMAL"
    assert {link["name"]: link["href"] for link in shown["links"]["clone"]} == {
        "http": f"{base}/scm/pay/ledger.git",
        "ssh": f"ssh://git@{host}:7999/pay/ledger.git",
    }
    assert "description" not in shown
    assert "origin" not in shown


def test_a_fork_names_its_origin_and_a_personal_project_its_owner(desk: Desk) -> None:
    shown = desk.api("GET", "/projects/~ada/repos/ledger").json()
    origin = desk.api("GET", PLACE).json()
    assert shown["origin"]["id"] == origin["id"]
    assert shown["hierarchyId"] == origin["hierarchyId"]
    assert shown["project"]["key"] == "~ADA"
    assert shown["project"]["type"] == "PERSONAL"
    assert shown["project"]["owner"]["name"] == "ada"
    assert shown["links"]["self"][0]["href"] == f"{desk.base}/users/ada/repos/ledger/browse"
    assert desk.api("GET", "/users/ada/repos/ledger").json()["id"] == shown["id"]
    assert desk.names(f"{PLACE}/forks") == ["~ADA/ledger"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", DEFAULT),
        ("archived=ARCHIVED", ["PAY/payments-legacy"]),
        ("archived=ALL&projectkey=pay", [*DEFAULT[:4], "PAY/payments-legacy"]),
        ("projectkey=OPS", DEFAULT[4:7]),
        ("projectkey=NOPE", []),
        ("name=%20TOOL%20", ["PAY/tools", "OPS/tools"]),
        ("projectname=oper", DEFAULT[4:7]),
        ("visibility=public", []),
        ("visibility=private&name=deploy", ["OPS/deploy"]),
        ("state=INITIALISING", []),
    ],
    ids=["none", "archived", "all", "key", "no key", "name", "project", "public", "two", "state"],
)
def test_the_list_of_repositories_is_filtered(desk: Desk, query: str, wanted: list[str]) -> None:
    assert desk.names(f"/repos?{query}") == wanted


@pytest.mark.parametrize(
    ("permission", "wanted"),
    [
        ("REPO_READ", DEFAULT),
        ("REPO_WRITE", [*DEFAULT[:4], "~ADA/sketches"]),
        ("REPO_ADMIN", ["~ADA/sketches"]),
    ],
    ids=["read", "write", "admin"],
)
def test_the_permission_asked_for_is_the_callers(
    desk: Desk, permission: str, wanted: list[str]
) -> None:
    desk.instance.create_repository("DOCS", "brochure", public=True)
    desk.instance.grant("REPO_ADMIN", user="svc-scanner", project="~ADA", repository="sketches")
    names = desk.names(f"/repos?permission={permission}", auth=desk.scanner)
    assert [name for name in names if name != "DOCS/brochure"] == wanted
    ceiling = desk.names(f"/repos?permission={permission}", token=desk.secret("DC_SCANNER_TOKEN"))
    assert bool(ceiling) == (permission == "REPO_READ")


def test_what_is_merely_public_is_listed_without_a_permission_only(desk: Desk) -> None:
    desk.instance.create_project("OPEN", readers=False)
    desk.instance.create_repository("OPEN", "site", public=True)
    assert "OPEN/site" in desk.names("/repos")
    assert "OPEN/site" not in desk.names("/repos?permission=REPO_READ")


@pytest.mark.parametrize(
    "query",
    [
        "visibility=secret",
        "archived=maybe",
        "permission=PROJECT_READ",
        "state=OFFLINE",
        "limit=0",
        "start=-1",
    ],
    ids=lambda query: query.partition("=")[0],
)
def test_a_filter_that_is_none_answers_400(desk: Desk, query: str) -> None:
    reply = desk.api("GET", f"/repos?{query}")
    assert (reply.status_code, context(reply)) == (400, query.partition("=")[0])


def test_before_release_8_the_newer_filters_are_ignored(desk: Desk) -> None:
    desk.knobs.version = "7.21.0"
    names = desk.names("/repos?projectkey=OPS&archived=ACTIVE")
    assert sorted(names) == sorted([*DEFAULT, "PAY/payments-legacy"])


def test_projects_are_listed_without_personal_ones(desk: Desk) -> None:
    keys = [p["key"] for p in desk.api("GET", "/projects").json()["values"]]
    assert keys == ["PAY", "OPS", "DOCS"]
    writable = desk.api("GET", "/projects?permission=PROJECT_WRITE", auth=desk.scanner).json()
    assert [p["key"] for p in writable["values"]] == ["PAY"]
    named = desk.api("GET", "/projects?name=pay").json()["values"]
    assert [p["key"] for p in named] == ["PAY"]
    assert desk.api("GET", "/projects?permission=REPO_READ").status_code == 400
    assert desk.api("GET", "/projects/~ada").json()["type"] == "PERSONAL"
    assert desk.names("/projects/pay/repos") == DEFAULT[:4]


@pytest.mark.parametrize(("limit", "applied"), [(2, 2), (9999, 3)], ids=["kept", "clamped"])
def test_a_larger_limit_is_clamped_silently(desk: Desk, limit: int, applied: int) -> None:
    desk.knobs.page_limit = 3
    page = desk.api("GET", f"/repos?limit={limit}").json()
    assert (page["limit"], page["size"], page["isLastPage"]) == (applied, applied, False)
    assert desk.api("GET", "/projects").json()["limit"] == 3


def walk(desk: Desk, path: str, **more: Any) -> tuple[list[str], list[int]]:
    """Every ``KEY/slug`` and every start, page by page."""
    found: list[str] = []
    starts = [0]
    while True:
        page = desk.api("GET", f"{path}&start={starts[-1]}", **more).json()
        assert page["start"] == starts[-1]
        found += [f"{r['project']['key']}/{r['slug']}" for r in page["values"]]
        if page["isLastPage"]:
            assert page["nextPageStart"] is None
            return found, starts
        starts.append(page["nextPageStart"])


def test_pages_join_into_the_whole_list(desk: Desk) -> None:
    assert walk(desk, "/repos?limit=3") == (DEFAULT, [0, 3, 6, 9])


def test_what_the_caller_cannot_see_leaves_gaps_between_starts(desk: Desk) -> None:
    found, starts = walk(desk, "/repos?limit=1&archived=ALL", auth=desk.as_ada())
    assert found == [*DEFAULT[:7], "PAY/payments-legacy", *DEFAULT[8:]]
    assert starts == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]
    made = desk.instance.mint_token(permissions=("REPO_READ",), repository="OPS/tools")
    assert walk(desk, "/repos?limit=1", token=made.token) == (["OPS/tools"], [0])
    desk.instance.create_project("ZED", readers=False)
    desk.instance.create_repository("ZED", "unseen")
    desk.instance.create_repository("OPS", "later")
    found, starts = walk(desk, "/repos?limit=10")
    assert (found[-1], starts) == ("OPS/later", [0, 11])


def test_gaps_can_be_forced_as_recorded(desk: Desk) -> None:
    desk.knobs.hidden = 1
    assert walk(desk, "/repos?limit=1")[1] == list(range(0, 20, 2))
    assert desk.api("GET", "/projects?limit=1").json()["nextPageStart"] == 2
    assert desk.names("/repos?limit=1&start=1") == ["PAY/payments-web"]


def test_lacking_the_right_and_not_being_there_differ(desk: Desk) -> None:
    desk.instance.create_project("HID", readers=False)
    desk.instance.create_repository("HID", "secret")
    for path in ("/projects/HID", "/projects/HID/repos", "/projects/HID/repos/secret"):
        reply = desk.api("GET", path)
        assert (reply.status_code, exception(reply)) == (401, "AuthorisationException")
        assert reply.headers["X-AUSERNAME"] == "svc-reader"
    for path, name in (
        ("/projects/NOPE", "NoSuchProjectException"),
        ("/projects/NOPE/repos/x", "NoSuchProjectException"),
        ("/projects/PAY/repos/x", "NoSuchRepositoryException"),
        ("/users/nobody", "NoSuchUserException"),
    ):
        reply = desk.api("GET", path)
        assert (reply.status_code, exception(reply)) == (404, name)


def test_a_path_that_leads_nowhere_has_no_errors(desk: Desk) -> None:
    reply = desk.api("GET", "/nothing")
    assert (reply.status_code, reply.json()["status-code"]) == (404, 404)
    assert "errors" not in reply.json()
    assert desk.call("GET", "/rest/api/9.9/repos").json() == reply.json()
    xml = desk.api("GET", "/nothing", headers={"Accept": "*/*"})
    assert xml.text.startswith("<?xml")


def test_wrong_forms_are_refused_before_anything_else(desk: Desk) -> None:
    assert desk.api("GET", "/repos", headers={"Accept": "text/html"}).status_code == 406
    plain = {"Content-Type": "text/plain"}
    place = "/users/svc-scanner"
    reply = desk.tokens("PUT", place, auth=desk.scanner, content=b"{}", headers=plain)
    assert reply.status_code == 415
    browser = {"User-Agent": "Mozilla/5.0"}
    wish = {"name": "n", "permissions": ["REPO_READ"]}
    forged = desk.tokens("PUT", place, auth=desk.scanner, json=wish, headers=browser)
    assert (forged.status_code, forged.text) == (403, "XSRF check failed")
    checked = browser | {"X-Atlassian-Token": "no-check"}
    reply = desk.tokens("PUT", place, auth=desk.scanner, json=wish, headers=checked)
    assert reply.status_code == 200
    headers = {"Content-Type": "application/json"}
    broken = desk.tokens("PUT", place, auth=desk.scanner, content=b"[", headers=headers)
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("change", "key", "slug"),
    [
        ({"name": "General Ledger"}, "PAY", "general-ledger"),
        ({"project": {"key": "OPS"}}, "OPS", "ledger"),
    ],
    ids=["renamed", "moved"],
)
def test_the_old_address_answers_307_until_it_is_used_again(
    desk: Desk, change: dict[str, Any], key: str, slug: str
) -> None:
    before = desk.api("GET", PLACE).json()["id"]
    changed = desk.api("PUT", PLACE, auth=desk.admin, json=change)
    assert (changed.status_code, changed.json()["id"]) == (201, before)
    moved = desk.api("GET", f"{PLACE}?a=b")
    assert moved.status_code == 307
    target = moved.headers["location"]
    assert target == f"{desk.base}/rest/api/latest/projects/{key}/repos/{slug}?a=b"
    tokens = desk.tokens("GET", f"{PLACE}/7", auth=desk.admin)
    assert tokens.headers["location"].endswith(f"/projects/{key}/repos/{slug}/7")
    made = desk.instance.create_repository("PAY", "ledger")
    assert desk.api("GET", PLACE).json()["id"] == made.id != before


def test_a_project_that_changed_its_key_answers_307_too(desk: Desk) -> None:
    reply = desk.api("PUT", "/projects/OPS", auth=desk.admin, json={"key": "RUN"})
    assert reply.status_code == 201
    moved = desk.api("GET", "/projects/OPS/repos/deploy")
    assert moved.headers["location"].endswith("/projects/RUN/repos/deploy")
    same = desk.api("PUT", "/projects/RUN", auth=desk.admin, json={"description": "Runs"})
    assert (same.status_code, same.json()["description"]) == (200, "Runs")
    taken = desk.api("PUT", "/projects/RUN", auth=desk.admin, json={"key": "PAY"})
    assert (taken.status_code, exception(taken)) == (409, "IntegrityException")
    desk.instance.create_project("OPS")
    assert desk.api("GET", "/projects/OPS/repos").json()["size"] == 0


def test_what_left_a_personal_project_fails_in_one_form_of_the_address(desk: Desk) -> None:
    """https://jira.atlassian.com/browse/BSERV-11763"""
    desk.instance.move_repository("~ADA", "sketches", "DOCS")
    assert desk.api("GET", "/projects/~ada/repos/sketches").status_code == 500
    other = desk.api("GET", "/users/ada/repos/sketches")
    assert other.headers["location"].endswith("/projects/DOCS/repos/sketches")


def test_an_archived_repository_is_closed_until_it_is_brought_back(desk: Desk) -> None:
    assert desk.api("PUT", PLACE, auth=desk.admin, json={"archived": True}).json()["archived"]
    assert "PAY/ledger" not in desk.names("/repos")
    closed = desk.api("PUT", PLACE, auth=desk.admin, json={"name": "other"})
    assert closed.status_code == 409
    assert desk.api("GET", PLACE).status_code == 200
    body = {"archived": False, "public": True, "description": "Sums"}
    back = desk.api("PUT", PLACE, auth=desk.admin, json=body).json()
    assert {name: back[name] for name in body} == body
    assert desk.names("/repos?visibility=public") == ["PAY/ledger"]


def test_repositories_and_projects_come_and_go(desk: Desk) -> None:
    empty = desk.api("POST", "/projects", auth=desk.admin, json={})
    assert (empty.status_code, context(empty)) == (400, "key")
    body = {"key": "NEW", "name": "New", "description": "Fresh"}
    assert desk.api("POST", "/projects", auth=desk.scanner, json=body).status_code == 401
    made = desk.api("POST", "/projects", auth=desk.admin, json=body)
    assert (made.status_code, made.json()["description"]) == (201, "Fresh")
    assert desk.api("POST", "/projects", auth=desk.admin, json=body).status_code == 409
    repos = "/projects/NEW/repos"
    assert desk.api("POST", repos, auth=desk.admin, json={}).status_code == 400
    new = desk.api("POST", repos, auth=desk.admin, json={"name": "First One"})
    assert (new.status_code, new.json()["slug"]) == (201, "first-one")
    assert desk.api("POST", repos, auth=desk.admin, json={"name": "first one"}).status_code == 409
    full = desk.api("DELETE", "/projects/NEW", auth=desk.admin)
    assert (full.status_code, exception(full)) == (409, "IntegrityException")
    assert desk.api("DELETE", f"{repos}/first-one", auth=desk.scanner).status_code == 401
    assert desk.api("DELETE", f"{repos}/first-one", auth=desk.admin).status_code == 202
    assert desk.api("DELETE", f"{repos}/first-one", auth=desk.admin).status_code == 204
    assert desk.api("DELETE", "/projects/NEW", auth=desk.admin).status_code == 204
    assert desk.api("DELETE", f"{repos}/first-one", auth=desk.admin).status_code == 404


def test_a_repository_moves_only_where_the_caller_may_put_it(desk: Desk) -> None:
    ada = desk.as_ada()
    for key, status in (("OPS", 401), ("NOPE", 404), ("~ADA", 409), ("PAY", 201)):
        reply = desk.api("PUT", PLACE, auth=ada, json={"project": {"key": key}})
        assert reply.status_code == status
    assert desk.api("PUT", PLACE, auth=ada, json={"name": "!"}).status_code == 400


def test_a_fork_goes_to_the_callers_personal_project(desk: Desk) -> None:
    place = "/projects/OPS/repos/deploy"
    made = desk.api("POST", place, auth=desk.as_ada(), json={"name": "my-deploy"})
    assert (made.status_code, made.json()["project"]["key"]) == (201, "~ADA")
    assert desk.api("POST", place, auth=desk.scanner, json={}).status_code == 404
    body = {"project": {"key": "DOCS"}}
    assert desk.api("POST", place, auth=desk.as_ada(), json=body).status_code == 401


def test_an_instance_is_filled_and_listed_to_the_end(desk: Desk) -> None:
    desk.instance.fill(projects=50, repositories_each=20)
    found, starts = walk(desk, "/repos?limit=500&archived=ALL")
    assert (len(found), len(set(found)), len(starts)) == (1011, 1011, 3)
    desk.instance.fill(projects=1, repositories_each=1)
    assert len(walk(desk, "/repos?limit=500&archived=ALL")[0]) == 1012
