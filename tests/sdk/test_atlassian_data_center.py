from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from requests import HTTPError

from reconciler.sandbox.data_center import Instance, instance_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import DATA_CENTER

Open = Callable[..., Any]


@pytest.fixture
def instance(box: RunningSandbox) -> Instance:
    return instance_in(box.sandbox)


@pytest.fixture
def server(box: RunningSandbox) -> Open:
    """Opens clients; with the reader's token unless told otherwise."""
    from atlassian import Bitbucket

    def start(**login: Any) -> Any:
        held = login or {"token": box.environment["DC_READER_TOKEN"]}
        return Bitbucket(box.urls[DATA_CENTER], **held)

    return start


@pytest.fixture
def admin(box: RunningSandbox, server: Open) -> Any:
    return server(username="admin", password=box.environment["DC_ADMIN_PASSWORD"])


LOGINS = {
    "token as bearer": lambda env: {"token": env["DC_SCANNER_TOKEN"]},
    "token as password": lambda env: {
        "username": "svc-scanner",
        "password": env["DC_SCANNER_TOKEN"],
    },
    "password": lambda env: {"username": "svc-scanner", "password": env["DC_SCANNER_PASSWORD"]},
    "oauth grant": lambda env: {"token": env["DC_SCANNER_OAUTH"]},
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS.keys())
def test_every_kind_of_login_reads(
    box: RunningSandbox, server: Open, login: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    client = server(**login(box.environment))
    assert {project["key"] for project in client.project_list()} == {"PAY", "OPS", "DOCS"}
    assert client.get_repo("PAY", "ledger")["project"]["key"] == "PAY"
    who = client.get("rest/api/latest/users/svc-scanner", advanced_mode=True)
    assert who.headers["X-AUSERNAME"] == "svc-scanner"


@pytest.mark.parametrize("hidden", [0, 3], ids=["dense", "with gaps"])
def test_projects_are_read_to_the_last_page(instance: Instance, server: Open, hidden: int) -> None:
    instance.knobs.hidden = hidden
    instance.fill(projects=30, repositories_each=0)
    keys = [project["key"] for project in server().project_list(limit=7)]
    assert len(keys) == len(set(keys)) == 33


@pytest.mark.parametrize("hidden", [0, 3], ids=["dense", "with gaps"])
def test_repositories_of_a_project_are_read_to_the_last_page(
    instance: Instance, server: Open, hidden: int
) -> None:
    instance.knobs.hidden = hidden
    instance.fill(projects=1, repositories_each=60)
    client = server()
    paged = [repository["slug"] for repository in client.repo_list("GEN0000", limit=7)]
    whole = [repository["slug"] for repository in client.repo_all_list("GEN0000")]
    assert paged == whole == [f"service-0000-{number:03}" for number in range(60)]


def test_a_page_is_never_larger_than_the_instance_allows(instance: Instance, server: Open) -> None:
    instance.knobs.page_limit = 10
    instance.fill(projects=1, repositories_each=25)
    assert len(list(server().repo_list("GEN0000", limit=1000))) == 25


def test_one_repository_is_got_by_its_slug(instance: Instance, server: Open) -> None:
    client = server()
    found = client.get_repo("PAY", "ledger")
    assert found["id"] == instance.repository("PAY", "ledger").id
    assert client.repo_exists("PAY", "ledger")
    assert not client.repo_exists("PAY", "nowhere")
    assert client.project_exists("PAY")
    assert not client.project_exists("NOPE")


def test_a_moved_repository_is_found_at_its_old_address(instance: Instance, server: Open) -> None:
    instance.move_repository("PAY", "ledger", "OPS")
    instance.rename_repository("OPS", "ledger", "general-ledger")
    found = server().get_repo("PAY", "ledger")
    assert (found["project"]["key"], found["slug"]) == ("OPS", "general-ledger")


def test_personal_repositories_are_found_by_their_owner(
    instance: Instance, server: Open, admin: Any
) -> None:
    client = server()
    assert {found["slug"] for found in client.repo_list("~ada")} == {"sketches", "ledger"}
    sketches = instance.repository("~ADA", "sketches")
    assert client.get_repo("~ada", "sketches")["id"] == sketches.id
    login = ("~ada", "sketches", "scanner", ["pr:merged"], "https://hooks.example/", True)
    made = admin.create_webhook(*login)
    assert [hook.id for hook in instance.hooks.at(("repository", sketches.id))] == [made["id"]]


def test_a_client_that_leaves_the_api_with_a_token_ends_at_the_login_page(server: Open) -> None:
    assert "Log in" in server().get("plugins/servlet/applinks/whoami")


def test_personal_repositories_stand_under_the_users_own_project(server: Open) -> None:
    found = server().get("rest/api/latest/projects/~ada/repos")["values"]
    assert {repository["slug"] for repository in found} == {"sketches", "ledger"}


def test_users_are_looked_up_by_anybody_and_listed_by_administrators(
    server: Open, admin: Any
) -> None:
    (ada,) = server().get_users("ada")["values"]
    assert (ada["slug"], ada["displayName"], ada["type"]) == ("ada", "Ada Okafor", "NORMAL")
    listed = {user["name"] for user in admin.get_users_info(limit=2)}
    assert listed == {"admin", "ada", "svc-scanner", "svc-reader"}
    with pytest.raises(HTTPError, match="not permitted"):
        list(server().get_users_info())


def test_groups_and_permissions_are_read(admin: Any) -> None:
    assert "scm-readers" in admin.get_groups()
    (granted,) = admin.project_groups("PAY")
    assert granted == {"group": {"name": "scm-readers"}, "permission": "PROJECT_READ"}
    held = {row["user"]["name"]: row["permission"] for row in admin.project_users("PAY")}
    assert held == {"svc-scanner": "PROJECT_WRITE", "ada": "PROJECT_ADMIN"}


def test_a_permission_is_granted_and_taken_away(admin: Any, server: Open, box: Any) -> None:
    login = {"username": "svc-scanner", "password": box.environment["DC_SCANNER_PASSWORD"]}
    scanner = server(**login)
    admin.repo_grant_user_permissions("OPS", "deploy", "svc-scanner", "REPO_ADMIN")
    assert list(scanner.get_webhooks("OPS", "deploy")) == []
    admin.repo_remove_user_permissions("OPS", "deploy", "svc-scanner")
    with pytest.raises(HTTPError, match="not permitted"):
        list(scanner.get_webhooks("OPS", "deploy"))


def test_a_project_and_a_repository_are_created_changed_and_deleted(
    instance: Instance, admin: Any
) -> None:
    admin.create_project("NEW", "New things", "what is new")
    made = admin.create_repo("NEW", "First Service")
    assert instance.repository("NEW", "first-service").id == made["id"]
    changed = admin.update_repo("NEW", "first-service", name="Second Service")
    assert (changed["slug"], changed["id"]) == ("second-service", made["id"])
    admin.delete_repo("NEW", "second-service")
    assert not admin.repo_exists("NEW", "second-service")
    assert instance.estate.project("NEW").name == "New things"


def test_a_fork_names_its_origin(admin: Any) -> None:
    made = admin.fork_repository("PAY", "ledger", "ledger-copy")
    assert made["origin"]["slug"] == "ledger"
    assert made["hierarchyId"] == made["origin"]["hierarchyId"]


def test_a_repositorys_webhook_is_created_listed_updated_and_deleted(
    instance: Instance, admin: Any
) -> None:
    events, url = ["repo:refs_changed"], "https://hooks.example/scan"
    made = admin.create_webhook("PAY", "ledger", "scanner", events, url, True, secret="invented")
    assert [hook["id"] for hook in admin.get_webhooks("PAY", "ledger")] == [made["id"]]
    assert list(admin.get_webhooks("PAY", "ledger", event="pr:merged")) == []
    wish = {"name": "scanner", "url": url, "events": ["pr:merged"], "active": False}
    admin.update_webhook("PAY", "ledger", made["id"], **wish)
    home = ("repository", instance.repository("PAY", "ledger").id)
    (kept,) = instance.hooks.at(home)
    assert (kept.draft.events, kept.draft.is_active) == (("pr:merged",), False)
    assert admin.get_webhook("PAY", "ledger", made["id"])["events"] == ["pr:merged"]
    admin.delete_webhook("PAY", "ledger", made["id"])
    assert instance.hooks.at(home) == []


def test_a_projects_webhook_is_created_listed_and_deleted(instance: Instance, admin: Any) -> None:
    place = "rest/api/latest/projects/PAY/webhooks"
    wish = {"name": "scanner", "url": "https://hooks.example/", "events": ["pr:opened"]}
    made = admin.post(place, data=wish)
    assert [hook["id"] for hook in admin.get(place)["values"]] == [made["id"]]
    assert made["scopeType"] == "project"
    admin.delete(f"{place}/{made['id']}")
    assert instance.hooks.at(("project", instance.estate.project("PAY").id)) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("projects/NOPE", "Project NOPE does not exist"),
        ("projects/PAY/repos/nowhere", "Repository PAY/nowhere does not exist"),
        ("users/nobody", "User nobody does not exist"),
        ("nowhere", "Unknown error"),
    ],
    ids=["project", "repository", "user", "no such path"],
)
def test_what_is_not_there_becomes_the_clients_404(server: Open, path: str, words: str) -> None:
    with pytest.raises(HTTPError, match=words) as refused:
        server().get(f"rest/api/latest/{path}")
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    "login",
    [{"token": "invented"}, {"username": "ada", "password": "invented"}],
    ids=["bearer", "basic"],
)
def test_an_unknown_credential_becomes_the_clients_401(server: Open, login: dict[str, str]) -> None:
    with pytest.raises(HTTPError, match="Authentication failed") as refused:
        list(server(**login).project_list())
    assert refused.value.response.status_code == 401


def test_basic_authentication_that_is_turned_off_becomes_the_clients_403(
    instance: Instance, admin: Any
) -> None:
    instance.knobs.basic_disabled = True
    with pytest.raises(HTTPError, match="disabled") as refused:
        list(admin.project_list())
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("body", ["json", "html", "empty"])
def test_a_rate_limit_becomes_the_clients_429_whatever_it_carries(
    box: RunningSandbox, instance: Instance, server: Open, body: str
) -> None:
    instance.knobs.rate_capacity, instance.knobs.rate_fill = 1, 1
    instance.knobs.rate_body = body
    client = server(token=box.environment["DC_READER_TOKEN"], retry_with_header=False)
    with pytest.raises(HTTPError) as refused:
        [client.project("PAY") for _ in range(20)]
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "5"


def test_the_object_client_lists_projects_and_who_administers(box: RunningSandbox) -> None:
    from atlassian.bitbucket.server import Server

    login = {"username": "admin", "password": box.environment["DC_ADMIN_PASSWORD"]}
    client = Server(box.urls[DATA_CENTER], **login)
    assert {project.key for project in client.projects.each()} == {"PAY", "OPS", "DOCS"}
    assert client.projects.get("Payments", by="name").key == "PAY"
    assert [(user.name, user.permission) for user in client.users.each()] == [
        ("admin", "SYS_ADMIN")
    ]
