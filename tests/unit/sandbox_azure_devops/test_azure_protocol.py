from __future__ import annotations

import json

import pytest

from tests.unit.sandbox_azure_devops.azure_hand import PATS, WHO, Hand, basic, bearer

PROJECTS = "/acme/_apis/projects"
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (f"{PROJECTS}?api-version=7.3", "VssVersionOutOfRangeException"),
        (f"{PROJECTS}?api-version=7.2", "VssInvalidPreviewVersionException"),
        ("/acme/_apis/connectionData?api-version=7.1", "VssInvalidPreviewVersionException"),
        ("/acme/_apis/resourceAreas?api-version=5.0", "VssInvalidPreviewVersionException"),
        (f"{PROJECTS}?api-version=newest", "VssPropertyValidationException"),
    ],
    ids=["too-new", "unreleased", "preview-only", "preview-only-old", "nonsense"],
)
def test_version_that_is_not_served_is_400(azure: Hand, path: str, key: str) -> None:
    reply = azure.get(path)
    assert (reply.status_code, reply.json()["typeKey"]) == (400, key)


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [("7.1", "7.1"), ("7.2-preview.4", "7.2-preview.4"), ("5.1", "5.1"), ("", "7.1")],
    ids=["released", "preview", "old", "none"],
)
def test_version_is_echoed_in_the_content_type(azure: Hand, asked: str, echoed: str) -> None:
    reply = azure.get(f"{PROJECTS}?api-version={asked}" if asked else PROJECTS)
    expected = f"application/json; charset=utf-8; api-version={echoed}"
    assert reply.headers["content-type"] == expected


def test_version_may_come_in_the_accept_header(azure: Hand) -> None:
    headers = basic(azure.secret("AZURE_SCM_PAT"))
    reply = azure.get(WHO.partition("?")[0], headers={**headers, "Accept": "a/b;api-version=7.1"})
    assert reply.status_code == 400
    fine = {**headers, "Accept": "application/json;api-version=7.1-preview.1"}
    assert azure.get(WHO.partition("?")[0], headers=fine).status_code == 200


def test_write_without_a_version_is_refused(azure: Hand) -> None:
    path = PATS.partition("?")[0]
    reply = azure.call("POST", path, headers=azure.signed_in(), json={})
    assert reply.json()["typeKey"] == "VssVersionNotSpecifiedException"
    assert 'for the "POST" request' in reply.json()["message"]


def test_older_server_serves_less(azure: Hand) -> None:
    azure.knobs.turn(highest_version="6.0", deployment="onPremises")
    assert azure.get(f"{PROJECTS}?api-version=7.1").status_code == 400
    assert azure.get(f"{PROJECTS}?api-version=6.0").status_code == 200
    listed = azure.call("OPTIONS", "/acme/_apis").json()["value"]
    assert {r["maxVersion"] for r in listed} == {"6.0"}
    assert "Pats" not in {r["resourceName"] for r in listed}


@pytest.mark.parametrize(
    "path",
    [
        "/ACME/_APIS/Projects",
        "/acme/DefaultCollection/_apis/projects",
        "/acme/payments/_apis/Git/Repositories",
        "/acme/_apis/ConnectionData",
    ],
    ids=["upper", "default-collection", "project", "recorded"],
)
def test_letter_case_of_a_path_does_not_count(azure: Hand, path: str) -> None:
    assert azure.get(path).status_code == 200


def test_path_that_nothing_serves_is_plain_text(azure: Hand) -> None:
    reply = azure.get("/acme/_apis/nonsense")
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/plain")
    assert "does not implement IController" in reply.text
    assert reply.headers["x-tfs-serviceerror"]
    assert reply.headers["x-vss-userdata"]
    assert azure.get("/globex/_apis/projects").headers["content-type"].startswith("text/html")


def test_every_answer_carries_the_usual_headers(azure: Hand) -> None:
    headers = {**basic(azure.secret("AZURE_SCM_PAT")), "X-TFS-Session": "abc"}
    reply = azure.get(PROJECTS, headers=headers)
    assert reply.headers["x-tfs-session"] == "abc"
    assert reply.headers["cache-control"] == "no-cache"
    other = azure.get(PROJECTS)
    assert other.headers["activityid"] != reply.headers["activityid"]
    assert "x-ratelimit-limit" not in other.headers


def test_delayed_answers_say_so_with_200(azure: Hand) -> None:
    azure.knobs.turn(delay_next=1, retry_after_s=7)
    reply = azure.get(PROJECTS)
    assert reply.status_code == 200
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["x-ratelimit-delay"] == "7.000"
    assert "retry-after" not in azure.get(PROJECTS).headers


def test_blocked_requests_get_429_with_the_wait(azure: Hand) -> None:
    azure.knobs.turn(block_next=2, retry_after_s=3)
    for _ in range(2):
        reply = azure.get(PROJECTS)
        assert reply.status_code == 429
        assert reply.json()["typeKey"] == "RequestBlockedException"
        assert reply.json()["message"].startswith("TF400733")
        assert reply.headers["retry-after"] == "3"
    assert azure.get(PROJECTS).status_code == 200


def test_suspended_organization_is_503_behind_a_byte_order_mark(azure: Hand) -> None:
    azure.knobs.suspended = True
    reply = azure.get(PROJECTS)
    assert reply.status_code == 503
    assert reply.content.startswith(BOM)
    body = json.loads(reply.content.removeprefix(BOM))
    assert (body["typeKey"], body["message"][:7]) == ("VssServiceException", "TF24668")
    assert reply.headers["x-tfs-serviceerror"].startswith("TF24668")
    assert "x-vss-userdata" not in reply.headers


def test_server_has_pats_and_ntlm_and_nothing_of_the_cloud(azure: Hand) -> None:
    azure.knobs.deployment = "onPremises"
    assert azure.get(PROJECTS).status_code == 200
    assert azure.get(WHO).json()["deploymentType"] == "onPremises"
    bad = azure.get(PROJECTS, headers=basic("x" * 52))
    assert (bad.status_code, bad.content) == (401, b"")
    assert bad.headers.get_list("www-authenticate")[-2:] == ["Negotiate", "NTLM"]
    assert azure.get(PROJECTS, headers=azure.signed_in()).status_code == 401
    for path in (PATS, "/acme/_apis/userentitlements", "/acme/_apis/profile/profiles/me"):
        assert azure.get(path).status_code == 404
    assert azure.get("/acme/_apis/resourceAreas").json() == {"count": 0, "value": []}
    repository = azure.values("/acme/Payments/_apis/git/repositories")[0]
    assert repository["remoteUrl"] == f"{azure.base}/acme/Payments/_git/card-auth"


def test_scripted_faults_strike_in_the_shape_of_azure(azure: Hand) -> None:
    from reconciler.sandbox.faults import fault_from

    azure.box.sandbox.faults.add(
        fault_from({"kind": "error", "match": "GET /acme/_apis/projects*", "value": 503})
    )
    reply = azure.get(PROJECTS)
    assert (reply.status_code, reply.json()["typeKey"]) == (503, "VssServiceException")
    azure.box.sandbox.faults.add(
        fault_from({"kind": "token-dies", "match": "GET /acme*", "value": "AZURE_SCM_PAT"})
    )
    assert azure.get(PROJECTS).status_code == 401


def test_hook_lives_from_creation_to_deletion(azure: Hand) -> None:
    project = azure.get(f"{PROJECTS}/Payments").json()["id"]
    base = "/acme/_apis/hooks/subscriptions"
    body = {
        "publisherId": "tfs",
        "eventType": "git.push",
        "resourceVersion": "1.0",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "publisherInputs": {"projectId": project, "repository": "", "branch": ""},
        "consumerInputs": {"url": "https://hooks.example.test/ado", "basicAuthPassword": "hush"},
    }
    made = azure.call("POST", f"{base}?api-version=7.1", json=body)
    assert made.status_code == 200
    shown = made.json()
    assert shown["publisherInputs"]["hostId"] == azure.organization.id
    assert shown["publisherInputs"].items() >= body["publisherInputs"].items()  # type: ignore[attr-defined]
    assert shown["consumerInputs"]["basicAuthPassword"] == "********"
    assert shown["status"] == "enabled"
    assert len(azure.values(f"{base}?publisherId=tfs&eventType=git.push")) == 1
    assert azure.values(f"{base}?eventType=tfvc.checkin") == []
    condition = {"inputId": "projectId", "operator": "equals", "inputValue": project}
    asked = {"publisherId": "tfs", "publisherInputFilters": [{"conditions": [condition]}]}
    query = "/acme/_apis/hooks/subscriptionsquery?api-version=7.1"
    assert len(azure.call("POST", query, json=asked).json()["results"]) == 1
    condition["inputValue"] = "elsewhere"
    assert azure.call("POST", query, json=asked).json()["results"] == []
    one = f"{base}/{shown['id']}?api-version=7.1"
    changed = azure.call("PUT", one, json={**body, "eventType": "git.pullrequest.created"})
    assert changed.json()["eventType"] == "git.pullrequest.created"
    assert azure.get(one).json()["id"] == shown["id"]
    notify = "/acme/_apis/hooks/testnotifications?api-version=7.1"
    told = azure.call("POST", notify, json={"subscriptionId": shown["id"]})
    assert told.json()["result"] == "succeeded"
    reader = basic(azure.secret("AZURE_READER_PAT"))
    assert azure.call("DELETE", one, headers=reader).status_code == 403
    assert azure.call("DELETE", one).status_code == 204
    assert azure.get(one).status_code == 404


def test_hook_without_an_address_or_project_is_refused(azure: Hand) -> None:
    path = "/acme/_apis/hooks/subscriptions?api-version=7.1"
    body = {
        "publisherId": "tfs",
        "eventType": "git.push",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
    }
    assert azure.call("POST", path, json=body).status_code == 400
    inputs = {"publisherInputs": {"projectId": "nope"}, "consumerInputs": {"url": "https://x.test"}}
    assert azure.call("POST", path, json={**body, **inputs}).status_code == 404


def test_control_calls_do_what_people_do(azure: Hand) -> None:
    made = azure.control("POST", "/mint-pat", {"owner": "ada@acme.example", "scopes": ["vso.code"]})
    headers = basic(made.json()["token"])
    assert azure.get(WHO, headers=headers).status_code == 200
    assert azure.control("POST", "/revoke", {"token": made.json()["id"]}).status_code == 200
    assert azure.get(WHO, headers=headers).status_code == 401
    assert azure.control("POST", "/expire", {"token": "AZURE_READER_PAT"}).status_code == 200
    assert azure.get(WHO, headers=basic(azure.secret("AZURE_READER_PAT"))).status_code == 401
    where = {"project": "Payments", "repository": "ledger"}
    azure.control("POST", "/rename-repository", {**where, "name": "books"})
    azure.control("POST", "/rename-project", {"project": "Payments", "name": "Money"})
    assert azure.get("/acme/Money/_apis/git/repositories/books").status_code == 200
    turned = azure.control("PATCH", "/knobs", {"suspended": True})
    assert turned.json()["suspended"] is True
    assert azure.get(WHO).status_code == 503
    overview = azure.control("GET", "").json()
    assert overview["knobs"]["suspended"] is True
    assert azure.secret("AZURE_SCM_PAT") not in json.dumps(overview)
    user = azure.control("POST", "/mint-user-token", {"user": "ada@acme.example"}).json()
    azure.control("PATCH", "/knobs", {"suspended": False})
    assert azure.get(PATS, headers=bearer(user["token"])).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mint-pat", {"owner": "nobody"}),
        ("/mint-pat", {"scopes": ["vso.nonsense"]}),
        ("/mint-pat", {"unknown": 1}),
        ("/create-repository", {"project": "Payments", "name": "ledger"}),
        ("/revoke", {"token": "made-up"}),
    ],
    ids=["owner", "scope", "argument", "taken", "token"],
)
def test_control_call_that_makes_no_sense_is_400(
    azure: Hand, path: str, body: dict[str, object]
) -> None:
    reply = azure.control("POST", path, body)
    assert reply.status_code == 400
    assert reply.json()["hint"]
    assert "made-up" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        {"nonsense": 1},
        {"life_mode": "never"},
        {"suspended": 1},
        {"highest_version": "newest"},
        {"delay_next": "1"},
    ],
    ids=["name", "choice", "type", "form", "text"],
)
def test_knob_that_cannot_be_turned_so_is_400(azure: Hand, body: dict[str, object]) -> None:
    assert azure.control("PATCH", "/knobs", body).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        f"{PROJECTS}?stateFilter=sleeping",
        f"{PROJECTS}?$top=many",
        "/acme/Legacy/_apis/tfvc/items?recursionLevel=deep",
        "/acme/_apis/userentitlements?continuationToken=users-x",
        "/acme/_apis/userentitlements?$filter=licenseId ne 'x'",
    ],
    ids=["state", "number", "depth", "token", "filter"],
)
def test_parameter_that_cannot_be_used_is_400(azure: Hand, path: str) -> None:
    reply = azure.get(path)
    assert (reply.status_code, reply.json()["typeKey"]) == (400, "VssPropertyValidationException")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PROJECTS, b"{"),
        ("POST", PROJECTS, b"[]"),
        ("POST", PROJECTS, b"{}"),
        ("POST", PROJECTS, b'{"name":"Payments"}'),
        ("PATCH", f"{PROJECTS}/Payments", b'{"name":"Platform"}'),
        ("POST", "/acme/Payments/_apis/git/repositories", b'{"name":""}'),
        ("POST", "/acme/_apis/tokenadmin/revocations", b"{}"),
        ("POST", "/acme/_apis/hooks/subscriptionsquery", b'{"publisherInputFilters":[1]}'),
    ],
    ids=[
        "no-json",
        "no-object",
        "no-name",
        "project-taken",
        "rename-taken",
        "repository-no-name",
        "no-list",
        "filters",
    ],
)
def test_body_that_cannot_be_used_is_400(azure: Hand, method: str, path: str, body: bytes) -> None:
    inputs = {"url": "https://hooks.example.test/ado"}
    hook = {
        "publisherId": "tfs",
        "eventType": "git.push",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "consumerInputs": inputs,
    }
    azure.call("POST", "/acme/_apis/hooks/subscriptions?api-version=7.1", json=hook)
    headers = azure.holding("app_token", owner="ada@acme.example")
    reply = azure.call(method, f"{path}?api-version=7.1", headers=headers, content=body)
    assert reply.status_code == 400
    assert reply.json()["typeKey"]


def test_resource_areas_all_lead_here(azure: Hand) -> None:
    areas = azure.values("/acme/_apis/resourceAreas")
    assert {a["locationUrl"] for a in areas} == {f"{azure.base}/acme/"}
    one = azure.get(f"/acme/_apis/resourceAreas/{areas[0]['id']}")
    assert one.json() == areas[0]
    assert azure.get(f"/acme/_apis/resourceAreas/{azure.organization.id}").status_code == 404


def test_control_calls_move_repositories_and_people(azure: Hand) -> None:
    where = {"project": "Payments", "repository": "ledger"}
    for path, body in (
        ("/create-project", {"name": "Fresh", "tfvc": True}),
        ("/create-repository", {"project": "Fresh", "name": "one"}),
        ("/disable-repository", where),
        ("/delete-project", {"project": "Legacy"}),
        ("/fill", {"projects": 2, "repositories_each": 3}),
    ):
        assert azure.control("POST", path, body).status_code == 200
    found = {
        (r["project"]["name"], r["name"]): r for r in azure.values("/acme/_apis/git/repositories")
    }
    assert found["Payments", "ledger"]["isDisabled"] is True
    assert ("Fresh", "one") in found
    assert len(found) == 7 + 1 + 6
    deleted = azure.control("POST", "/delete-repository", where).json()
    assert azure.get("/acme/Payments/_apis/git/repositories/ledger").status_code == 404
    back = {"project": "Payments", "repository": deleted["id"]}
    assert azure.control("POST", "/restore-repository", back).json()["name"] == "ledger"
    azure.control("POST", "/limit-user", {"user": "svc-scm@acme.example", "projects": ["Fresh"]})
    assert len(azure.values("/acme/_apis/git/repositories")) == 1
    token = azure.control("POST", "/mint-refresh-token", {"user": "ada@acme.example"}).json()
    assert token["token"] not in azure.control("GET", "").text
