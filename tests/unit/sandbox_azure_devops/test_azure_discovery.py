from __future__ import annotations

import pytest

from tests.unit.sandbox_azure_devops.azure_hand import WHO, Hand, basic

ALL = "/acme/_apis/git/repositories?api-version=7.1"
MANAGE = ("vso.code_manage", "vso.project_manage")


def test_projects_come_in_pages_with_the_token_in_a_header(azure: Hand) -> None:
    azure.organization.fill(projects=250, repositories_each=0)
    path, token, names = "/acme/_apis/projects?api-version=7.1", "", []
    calls = 0
    while calls < 9:
        calls += 1
        reply = azure.get(f"{path}&continuationToken={token}" if token else path)
        names += [p["name"] for p in reply.json()["value"]]
        assert "continuationToken" not in reply.json()
        token = reply.headers.get("x-ms-continuationtoken", "")
        if not token:
            break
    assert calls == 3
    assert len(set(names)) == 254
    skipped = azure.values(f"{path}&$top=2&$skip=1")
    assert [p["name"] for p in skipped] == ["Platform", "Legacy"]


def test_project_page_size_is_a_knob(azure: Hand) -> None:
    azure.knobs.project_page_size = 3
    reply = azure.get("/acme/_apis/projects?api-version=7.1")
    assert reply.json()["count"] == 3
    assert reply.headers["x-ms-continuationtoken"] == "3"


def test_capabilities_are_texts_and_only_of_a_single_project(azure: Hand) -> None:
    path = "/acme/_apis/projects/{}?includeCapabilities=true&api-version=7.1"
    kinds = {}
    for project in azure.values("/acme/_apis/projects?includeCapabilities=true"):
        assert "capabilities" not in project
        shown = azure.get(path.format(project["id"])).json()
        control = shown["capabilities"]["versioncontrol"]
        kinds[project["name"]] = tuple(control.values())
        assert shown["_links"]["collection"]["href"].endswith(azure.organization.id)
    assert kinds == {
        "Payments": ("Git", "True", "False"),
        "Platform": ("Git", "True", "False"),
        "Legacy": ("Tfvc", "False", "True"),
        "Mixed": ("Git", "True", "True"),
    }


def test_repositories_come_all_at_once_the_disabled_and_empty_ones_too(azure: Hand) -> None:
    reply = azure.get(ALL)
    assert reply.content.startswith(b'{"value":[')
    assert "x-ms-continuationtoken" not in reply.headers
    found = {(r["project"]["name"], r["name"]): r for r in reply.json()["value"]}
    assert set(found) == {
        ("Payments", "card-auth"),
        ("Payments", "ledger"),
        ("Payments", "new-service"),
        ("Platform", "shared-auth"),
        ("Platform", "tools"),
        ("Platform", "old-build"),
        ("Mixed", "tools"),
    }
    assert reply.json()["count"] == len(found)
    disabled, empty = found["Platform", "old-build"], found["Payments", "new-service"]
    assert disabled["isDisabled"] is True
    assert "defaultBranch" not in disabled
    assert (empty["size"], empty.get("defaultBranch")) == (0, None)
    ledger = found["Payments", "ledger"]
    assert ledger["defaultBranch"] == "refs/heads/main"
    assert ledger["remoteUrl"] == "https://acme@dev.azure.com/acme/Payments/_git/ledger"
    assert ledger["sshUrl"] == "git@ssh.dev.azure.com:v3/acme/Payments/ledger"
    assert azure.get(ledger["url"].removeprefix(azure.base)).json()["id"] == ledger["id"]


def test_options_of_the_repository_list(azure: Hand) -> None:
    path = "/acme/Payments/_apis/git/repositories?includeHidden=true&includeAllUrls=true"
    names = {r["name"]: r for r in azure.values(path)}
    assert "Payments.wiki" in names
    assert len(names["ledger"]["validRemoteUrls"]) == 2
    linked = azure.values("/acme/Payments/_apis/git/repositories?includeLinks=true")
    assert linked[0]["_links"]["self"]["href"] == linked[0]["url"]


def test_one_repository_by_guid_or_by_name_within_its_project(azure: Hand) -> None:
    by_name = azure.get("/acme/Payments/_apis/git/repositories/LEDGER?api-version=7.1")
    guid = by_name.json()["id"]
    assert azure.get(f"/acme/_apis/git/repositories/{guid.upper()}").json()["id"] == guid
    lost = azure.get("/acme/_apis/git/repositories/ledger")
    assert (lost.status_code, lost.json()["typeKey"]) == (404, "GitRepositoryNotFoundException")
    assert azure.get(f"/acme/Platform/_apis/git/repositories/{guid}").status_code == 404


def test_fork_shows_its_parent_when_asked(azure: Hand) -> None:
    ledger = azure.organization.repository("Payments", "ledger")
    azure.organization.create_repository("Platform", "ledger", parent=ledger.id)
    path = "/acme/Platform/_apis/git/repositories/ledger?includeParent=true"
    shown = azure.get(path).json()
    assert shown["isFork"] is True
    assert shown["parentRepository"]["id"] == ledger.id


def test_content_of_a_disabled_repository_is_as_if_gone(azure: Hand) -> None:
    shown = azure.get("/acme/Platform/_apis/git/repositories/old-build")
    refs = azure.get("/acme/Platform/_apis/git/repositories/old-build/refs?api-version=7.1")
    assert shown.status_code == 200
    assert refs.status_code == 404
    assert refs.json()["message"].startswith("TF401019")
    assert refs.headers["x-vss-userdata"]
    live = azure.values("/acme/Platform/_apis/git/repositories/tools/refs?api-version=7.1")
    assert [ref["name"] for ref in live] == ["refs/heads/main"]
    empty = azure.values("/acme/Payments/_apis/git/repositories/new-service/refs")
    assert empty == []


def test_unknown_project_is_404_with_its_name(azure: Hand) -> None:
    for path in ("/acme/Nope/_apis/git/repositories", "/acme/_apis/projects/Nope"):
        reply = azure.get(path)
        assert reply.status_code == 404
        assert reply.json()["typeKey"] == "ProjectDoesNotExistWithNameException"
        assert "TF200016" in reply.json()["message"]
        assert reply.json()["eventId"] == 3000
        assert "api-version" not in reply.headers["content-type"]


def test_renames_keep_the_guids(azure: Hand) -> None:
    organization = azure.organization
    ledger = organization.repository("Payments", "ledger")
    headers = azure.holding(*MANAGE)
    path = f"/acme/_apis/git/repositories/{ledger.id}?api-version=7.1"
    renamed = azure.call("PATCH", path, headers=headers, json={"name": "books"})
    assert (renamed.status_code, renamed.json()["id"]) == (200, ledger.id)
    assert renamed.json()["webUrl"].endswith("/_git/books")
    assert azure.get("/acme/Payments/_apis/git/repositories/ledger").status_code == 404
    organization.rename_project("Payments", "Money")
    found = {r["id"]: r for r in azure.values(ALL)}
    assert found[ledger.id]["project"]["name"] == "Money"
    assert found[ledger.id]["name"] == "books"


def test_old_project_name_works_in_addresses_until_it_is_reused(azure: Hand) -> None:
    azure.organization.rename_project("Payments", "Money")
    path = "/acme/Payments/_apis/git/repositories"
    assert len(azure.values(path)) == 3
    assert azure.get("/acme/_apis/projects/Payments").status_code == 404
    assert azure.get("/acme/_apis/projects/Payments?includeHistory=true").json()["name"] == "Money"
    azure.organization.create_project("Payments")
    assert azure.values(path) == []


def test_name_that_is_taken_is_409(azure: Hand) -> None:
    path = "/acme/Payments/_apis/git/repositories?api-version=7.1"
    reply = azure.call("POST", path, headers=azure.holding(*MANAGE), json={"name": "Ledger"})
    assert reply.status_code == 409
    assert reply.json()["message"].startswith("TF400948")


def test_repository_goes_to_the_recycle_bin_and_back(azure: Hand) -> None:
    headers = azure.holding(*MANAGE)
    project = azure.get("/acme/_apis/projects/Payments").json()
    made = azure.call(
        "POST", ALL, headers=headers, json={"name": "short", "project": {"id": project["id"]}}
    )
    assert made.status_code == 201
    path = f"/acme/Payments/_apis/git/repositories/{made.json()['id']}?api-version=7.1"
    assert azure.call("DELETE", path, headers=headers).status_code == 204
    assert azure.get(path).status_code == 404
    binned = "/acme/Payments/_apis/git/recycleBin/repositories"
    assert [r["name"] for r in azure.values(f"{binned}?api-version=7.1")] == ["short"]
    one = f"{binned}/{made.json()['id']}?api-version=7.1"
    back = azure.call("PATCH", one, headers=headers, json={"deleted": False})
    assert back.json()["id"] == made.json()["id"]
    assert azure.get(path).status_code == 200
    azure.organization.delete_repository("Payments", "short")
    assert azure.call("DELETE", one, headers=headers).status_code == 204
    assert azure.values(binned) == []


def test_disabling_over_http_needs_the_scope_to_manage(azure: Hand) -> None:
    path = "/acme/Payments/_apis/git/repositories/ledger?api-version=7.1"
    assert azure.call("PATCH", path, json={"isDisabled": True}).status_code == 401
    reply = azure.call("PATCH", path, headers=azure.holding(*MANAGE), json={"isDisabled": True})
    assert reply.json()["isDisabled"] is True
    assert azure.organization.repository("Payments", "ledger").is_disabled


def test_project_is_made_renamed_deleted_and_restored_by_queued_operations(azure: Hand) -> None:
    headers, base = azure.holding(*MANAGE), "/acme/_apis/projects"
    body = {
        "name": "Fresh",
        "capabilities": {"versioncontrol": {"sourceControlType": "Git"}},
    }
    queued = azure.call("POST", f"{base}?api-version=7.1", headers=headers, json=body)
    assert (queued.status_code, queued.json()["status"]) == (202, "notSet")
    assert "Fresh" not in [p["name"] for p in azure.values(base)]
    poll = queued.json()["url"].removeprefix(azure.base)
    assert azure.get(poll).json()["status"] == "inProgress"
    assert azure.get(poll).json()["status"] == "succeeded"
    made = azure.get(f"{base}/Fresh").json()
    assert [r["name"] for r in azure.values("/acme/Fresh/_apis/git/repositories")] == ["Fresh"]
    one = f"{base}/{made['id']}?api-version=7.1"
    assert azure.call("PATCH", one, headers=headers, json={"name": "Old"}).status_code == 202
    assert azure.get(f"{base}/{made['id']}").json()["name"] == "Old"
    assert azure.call("DELETE", one, headers=headers).status_code == 202
    assert azure.get(f"{base}/{made['id']}").status_code == 404
    deleted = azure.values(f"{base}?stateFilter=deleted")
    assert [p["name"] for p in deleted] == ["Old"]
    restored = azure.call("PATCH", one, headers=headers, json={"state": "wellFormed"})
    assert restored.status_code == 202
    assert azure.get(f"{base}/{made['id']}").status_code == 200


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        (
            "/acme/Legacy/_apis/tfvc/items?scopePath=$/Legacy&recursionLevel=OneLevel",
            ["$/Legacy", "$/Legacy/Docs", "$/Legacy/Main"],
        ),
        (
            "/acme/_apis/tfvc/items?scopePath=$/&recursionLevel=OneLevel",
            ["$/", "$/Legacy", "$/Mixed"],
        ),
        ("/acme/Legacy/_apis/tfvc/items?scopePath=%24/Legacy/Main", ["$/Legacy/Main"]),
        ("/acme/Legacy/_apis/tfvc/branches", ["$/Legacy/Main"]),
        ("/acme/Payments/_apis/tfvc/items?scopePath=$/Payments&recursionLevel=Full", []),
        ("/acme/Payments/_apis/tfvc/branches", []),
    ],
    ids=["project", "organization", "single", "branches", "git-only", "git-only-branches"],
)
def test_tfvc_trees(azure: Hand, path: str, paths: list[str]) -> None:
    assert [item["path"] for item in azure.values(path)] == paths


def test_tfvc_flags_are_left_out_when_false(azure: Hand) -> None:
    path = "/acme/Legacy/_apis/tfvc/items?scopePath=$/Legacy&recursionLevel=full&api-version=7.1"
    items = {item["path"]: item for item in azure.values(path)}
    assert items["$/Legacy/Main"]["isBranch"] is True
    assert "isBranch" not in items["$/Legacy/Docs"]
    assert "isFolder" not in items["$/Legacy/Main/app.cs"]
    one = azure.get("/acme/Legacy/_apis/tfvc/items/%24/Legacy/Main/app.cs")
    assert one.json()["size"] == 2048
    assert azure.get("/acme/Legacy/_apis/tfvc/items?scopePath=$/Legacy/No").status_code == 404


def test_tfvc_changesets_come_newest_first(azure: Hand) -> None:
    path = "/acme/Legacy/_apis/tfvc/changesets?searchCriteria.itemPath=$/Legacy&$top={}&$skip={}"
    assert [c["changesetId"] for c in azure.values(path.format(1, 0))] == [4]
    assert [c["changesetId"] for c in azure.values(path.format(2, 1))] == [3, 2]


def test_profile_accounts_and_members(azure: Hand) -> None:
    me = azure.get("/acme/_apis/profile/profiles/me?api-version=7.1").json()
    assert me["id"] == azure.get(WHO).json()["authenticatedUser"]["id"]
    accounts = azure.values(f"/acme/_apis/accounts?memberId={me['id']}&api-version=7.1")
    assert [a["accountId"] for a in accounts] == [azure.organization.id]
    assert azure.get("/acme/_apis/accounts?api-version=7.1").status_code == 400
    one = azure.get(f"/acme/_apis/userentitlements/{me['id']}?api-version=7.1").json()
    assert one["user"]["principalName"] == me["emailAddress"]


def test_members_come_in_pages_under_both_names(azure: Hand) -> None:
    azure.knobs.entitlement_page_size = 2
    path = "/acme/_apis/UserEntitlements?api-version=7.1"
    first = azure.get(path).json()
    assert first["members"] == first["items"]
    assert (len(first["items"]), first["totalCount"]) == (2, 3)
    token = first["continuationToken"]
    last = azure.get(f"{path}&continuationToken={token}").json()
    assert (len(last["items"]), last["continuationToken"]) == (1, "")
    azure.knobs.duplicate_members = False
    assert "members" not in azure.get(path).json()
    named = azure.get(f"{path}&$filter=name eq 'svc-scm'").json()
    assert [m["user"]["principalName"] for m in named["items"]] == ["svc-scm@acme.example"]


def test_service_principal_has_an_entitlement(azure: Hand) -> None:
    found = azure.organization.application(azure.secret("AZURE_SP_CLIENT_ID"))
    path = f"/acme/_apis/serviceprincipalentitlements/{found.id}?api-version=7.1-preview.1"
    assert azure.get(path).json()["servicePrincipal"]["originId"] == found.entra_id


def test_hundred_thousand_repositories_are_one_answer(azure: Hand) -> None:
    azure.organization.fill(projects=5000, repositories_each=20)
    body = azure.get(ALL, timeout=120).json()
    assert body["count"] == len(body["value"]) == 100_007
    assert len({r["id"] for r in body["value"]}) == 100_007
    azure.organization.rename_repository("Team 00100", "service-0003", "moved")
    names = {r["name"] for r in azure.values("/acme/Team%2000100/_apis/git/repositories")}
    assert "moved" in names
    assert b'"name":"moved"' in azure.get(ALL, timeout=120).content


def test_reader_of_the_default_estate_reads_it_all(azure: Hand) -> None:
    headers = basic(azure.secret("AZURE_READER_PAT"))
    assert len(azure.values(ALL, headers=headers)) == 7
    assert azure.get("/acme/_apis/userentitlements", headers=headers).status_code == 200
