from __future__ import annotations

from typing import Any

import pytest

from tests.sdk.azure_sdk import ADA, MEMBERS, PROJECTS, SCM, AzureSdk


def test_the_place_tells_who_is_calling(azure: AzureSdk) -> None:
    seen = azure.location(azure.connect()).get_connection_data()
    user = azure.organization.user(SCM)
    assert seen.authenticated_user.id == user.id
    assert seen.authenticated_user.provider_display_name == user.name
    assert seen.authenticated_user.properties["Account"]["$value"] == SCM
    assert seen.instance_id == azure.organization.id


def test_every_area_is_found_at_the_emulators_own_address(azure: AzureSdk) -> None:
    connection = azure.connect()
    connection.authenticate()
    areas = azure.location(connection).get_resource_areas()
    assert {"core", "git", "tfvc", "Tokens", "Profile"} <= {area.name for area in areas}
    assert {area.location_url for area in areas} == {f"{azure.url}/"}


@pytest.mark.parametrize("factory", ["clients", "clients_v7_0", "clients_v7_1"])
def test_each_generation_of_the_client_reads(azure: AzureSdk, factory: str) -> None:
    clients = getattr(azure.connect(), factory)
    projects = {project.name for project in clients.get_core_client().get_projects()}
    assert projects == {"Payments", "Platform", "Legacy", "Mixed"}
    assert len(clients.get_git_client().get_repositories()) == 7


def test_an_older_server_is_asked_in_its_own_version(azure: AzureSdk) -> None:
    azure.knobs.highest_version = "6.0"
    clients = azure.connect().clients_v7_1
    assert len(clients.get_core_client().get_projects()) == 4
    assert len(clients.get_git_client().get_repositories()) == 7


def test_a_server_without_areas_is_asked_at_its_own_address(azure: AzureSdk) -> None:
    azure.knobs.deployment, azure.knobs.highest_version = "onPremises", "7.0"
    clients = azure.connect().clients_v7_0
    assert len(clients.get_core_client().get_projects()) == 4
    assert clients.get_git_client().get_repository("ledger", "Payments").name == "ledger"
    assert azure.location(azure.connect()).get_connection_data().deployment_type == "onPremises"


def test_projects_are_read_page_by_page_with_the_token_of_the_header(azure: AzureSdk) -> None:
    azure.organization.fill(projects=120, repositories_each=0)
    core = azure.connect().clients.get_core_client()
    names, token, pages = [], None, 0
    while pages == 0 or token:
        # get_projects drops the header, so its page is asked for once more through the pipeline
        query = {"$top": 50, "continuationToken": token} if token else {"$top": 50}
        names += [p.name for p in core.get_projects(top=50, continuation_token=token)]
        reply = core._send("GET", PROJECTS, "7.1-preview.4", query_parameters=query)
        token, pages = core._get_continuation_token(reply), pages + 1
    assert (pages, len(names), len(set(names))) == (3, 124, 124)


def test_projects_are_read_page_by_page_by_skipping(azure: AzureSdk) -> None:
    azure.organization.fill(projects=50, repositories_each=0)
    core = azure.connect().clients.get_core_client()
    pages = [core.get_projects(top=30, skip=start) for start in (0, 30, 60)]
    assert [len(page) for page in pages] == [30, 24, 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Payments", ("Git", "True", "False")),
        ("Legacy", ("Tfvc", "False", "True")),
        ("Mixed", ("Git", "True", "True")),
    ],
    ids=["git", "tfvc", "both"],
)
def test_a_single_project_tells_its_version_control(
    azure: AzureSdk, name: str, expected: tuple[str, ...]
) -> None:
    core = azure.connect().clients.get_core_client()
    shown = core.get_project(name, include_capabilities=True)
    assert tuple(shown.capabilities["versioncontrol"].values()) == expected
    assert shown.id == azure.organization.project(name).id
    assert shown.default_team.name == f"{name} Team"


def test_a_renamed_project_is_found_by_its_old_name_on_demand(azure: AzureSdk) -> None:
    azure.organization.rename_project("Payments", "Money")
    core = azure.connect().clients.get_core_client()
    assert core.get_project("Payments", include_history=True).name == "Money"
    with pytest.raises(azure_error(), match="TF200016"):
        core.get_project("Payments")


def test_repositories_of_the_organization_come_all_at_once(azure: AzureSdk) -> None:
    azure.organization.fill(projects=20, repositories_each=10)
    found = azure.connect().clients.get_git_client().get_repositories()
    assert len(found) == 207
    states = {(r.project.name, r.name): r.is_disabled for r in found}
    assert states["Platform", "old-build"]
    assert not states["Payments", "ledger"]


def test_repositories_of_a_project_leave_the_hidden_out_unless_asked(azure: AzureSdk) -> None:
    git = azure.connect().clients.get_git_client()
    named = {r.name for r in git.get_repositories("Payments")}
    every = {r.name for r in git.get_repositories("Payments", include_hidden=True)}
    assert (named, every - named) == ({"card-auth", "ledger", "new-service"}, {"Payments.wiki"})
    (first, *_) = git.get_repositories("Payments", include_all_urls=True)
    assert first.valid_remote_urls == [first.remote_url, first.ssh_url]


def test_one_repository_is_got_by_name_and_by_id(azure: AzureSdk) -> None:
    git = azure.connect().clients.get_git_client()
    kept = azure.organization.repository("Payments", "ledger")
    by_name, by_id = git.get_repository("ledger", "Payments"), git.get_repository(kept.id)
    assert by_name.as_dict() == by_id.as_dict()
    assert (by_id.id, by_id.default_branch) == (kept.id, "refs/heads/main")
    assert by_id.web_url == "https://dev.azure.com/acme/Payments/_git/ledger"


def test_the_branch_of_a_repository_is_read_unless_it_is_disabled(azure: AzureSdk) -> None:
    git = azure.connect().clients.get_git_client()
    assert [ref.name for ref in git.get_refs("ledger", "Payments")] == ["refs/heads/main"]
    assert git.get_refs("new-service", "Payments") == []
    with pytest.raises(azure_error(), match="TF401019"):
        git.get_refs("old-build", "Platform")


def test_somebody_sees_only_their_projects(azure: AzureSdk) -> None:
    azure.organization.limit_user(SCM, ("Payments",))
    clients = azure.connect().clients
    assert [p.name for p in clients.get_core_client().get_projects()] == ["Payments"]
    assert {r.project.name for r in clients.get_git_client().get_repositories()} == {"Payments"}
    with pytest.raises(azure_error(), match="TF401019"):
        clients.get_git_client().get_repository(
            azure.organization.repository("Platform", "tools").id
        )


def test_my_profile_has_the_id_of_the_caller(azure: AzureSdk) -> None:
    shown = azure.connect().clients_v7_1.get_profile_client().get_profile("me")
    assert shown.id == azure.organization.user(SCM).id


def test_the_callers_organizations_are_listed(azure: AzureSdk) -> None:
    accounts = azure.connect().clients_v7_1.get_accounts_client()
    (shown,) = accounts.get_accounts(member_id=azure.organization.user(SCM).id)
    assert (shown.account_name, shown.account_id) == ("acme", azure.organization.id)


def test_tfvc_items_are_listed_by_depth(azure: AzureSdk) -> None:
    tfvc = azure.connect().clients.get_tfvc_client()

    def paths(level: str) -> list[str]:
        return [item.path for item in tfvc.get_items("Legacy", recursion_level=level)]

    assert paths("none") == ["$/Legacy"]
    assert paths("oneLevel") == ["$/Legacy", "$/Legacy/Docs", "$/Legacy/Main"]
    assert "$/Legacy/Main/app.cs" in paths("full")
    assert tfvc.get_item("$/Legacy/Main/app.cs", "Legacy").size == 2048


def test_tfvc_branches_and_changesets_are_listed(azure: AzureSdk) -> None:
    tfvc = azure.connect().clients.get_tfvc_client()
    assert [branch.path for branch in tfvc.get_branches("Legacy")] == ["$/Legacy/Main"]
    newest = tfvc.get_changesets("Legacy", top=2)
    older = tfvc.get_changesets("Legacy", top=2, skip=2)
    assert [c.changeset_id for c in (*newest, *older)] == [4, 3, 2, 1]


def test_members_are_listed_to_the_last_page(azure: AzureSdk) -> None:
    azure.knobs.entitlement_page_size = 2
    people: Any = azure.connect().clients_v7_1.get_member_entitlement_management_client()
    first = people.search_user_entitlements()
    # the client's page has no place for the token, so it is read from the answer itself
    told = people._send("GET", MEMBERS, "7.1-preview.3").json()
    rest = people.search_user_entitlements(continuation_token=told["continuationToken"])
    names = [member.user.principal_name for member in (*first.members, *rest.members)]
    assert names == [user.email for user in azure.organization.estate.users.values()]
    assert told["totalCount"] == len(names)


def test_members_are_found_by_name_and_by_id(azure: AzureSdk) -> None:
    people: Any = azure.connect().clients_v7_1.get_member_entitlement_management_client()
    (found,) = people.search_user_entitlements(filter="name eq 'ada'").members
    assert found.user.principal_name == ADA
    shown = people.get_user_entitlement(found.id)
    assert shown.access_level.license_display_name == "Basic"


def azure_error() -> type[Exception]:
    from azure.devops.exceptions import AzureDevOpsServiceError

    kind: type[Exception] = AzureDevOpsServiceError
    return kind
