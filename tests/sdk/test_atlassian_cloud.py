from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from requests import HTTPError

from reconciler.sandbox.bitbucket import BitbucketEstate
from reconciler.sandbox.faults import Fault, FaultKind
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import BITBUCKET

BOT = "ox-bot@acme.example"
HOOKS = ("read:repository", "read:webhook", "write:webhook", "delete:webhook")
Open = Callable[..., Any]


@pytest.fixture
def cloud(box: RunningSandbox) -> Open:
    """Opens clients; the bot's with its API token unless told otherwise."""
    from atlassian.bitbucket import Cloud

    def start(**login: Any) -> Any:
        bot = {"username": BOT, "password": box.environment["OX_BOT_TOKEN"]}
        return Cloud(box.urls[BITBUCKET].removesuffix("/2.0"), **(login or bot))

    return start


def token_with(box: RunningSandbox, *names: str) -> dict[str, str]:
    """A login of the bot with an API token that holds just these scopes."""
    scopes = tuple(f"{name}:bitbucket" for name in names)
    return {"username": BOT, "password": estate(box).mint_api_token(BOT, scopes).token}


def estate(box: RunningSandbox) -> BitbucketEstate:
    return box.sandbox.bitbucket


def test_an_api_token_tells_whose_it_is(box: RunningSandbox, cloud: Open) -> None:
    shown = cloud().get("user")
    bot = estate(box).user(BOT)
    assert (shown["uuid"], shown["username"]) == (bot.uuid, "acme-ox-bot")


def test_an_access_token_has_no_user_but_reads(box: RunningSandbox, cloud: Open) -> None:
    client = cloud(token=box.environment["ACME_READER_TOKEN"])
    with pytest.raises(HTTPError, match="does not support authentication") as refused:
        client.get("user")
    assert refused.value.response.status_code == 403
    assert client.workspaces.get("acme").name == "Acme"


def test_workspaces_projects_and_repositories_are_read_to_the_last_page(
    box: RunningSandbox, cloud: Open
) -> None:
    for number in range(15):
        estate(box).create_project("acme", f"P{number:02}", f"Project {number}")
        estate(box).create_repository("acme", f"service-{number}", project=f"P{number:02}")
    (workspace,) = cloud().workspaces.each()
    keys = [project.key for project in workspace.projects.each()]
    slugs = [repository.slug for repository in workspace.repositories.each()]
    assert (workspace.slug, len(keys), len(set(keys))) == ("acme", 18, 18)
    assert sorted(slugs) == sorted(r.slug for r in estate(box).repositories("acme"))
    assert len(slugs) > 20


def test_the_members_of_a_workspace_are_listed(cloud: Open) -> None:
    members = cloud().workspaces.get("acme").members.each()
    assert {member.user["display_name"] for member in members} == {"Ada Okafor", "OX Bot"}


def test_a_project_lists_only_its_own_repositories(cloud: Open) -> None:
    project = cloud().workspaces.get("acme").projects.get("PAY")
    found = {repository.slug for repository in project.repositories.each()}
    assert found == {"payments-api", "payments-web", "payments-archive", "ledger"}


def test_a_query_filters_and_sorts_on_the_server(cloud: Open) -> None:
    repositories = cloud().workspaces.get("acme").repositories
    found = repositories.each(role="member", q='name~"shared"', sort="-name")
    assert [r.slug for r in found] == ["shared-utils", "shared-lib", "shared-auth"]


def test_one_repository_is_got_by_its_slug(box: RunningSandbox, cloud: Open) -> None:
    found = cloud().repositories.get("acme", "ledger")
    kept = estate(box).repository("acme", "ledger")
    assert (found.uuid, found.name, found.is_private) == (kept.uuid, "ledger", True)
    assert found.get_data("project")["key"] == "PAY"


def test_the_old_name_of_a_repository_leads_to_it(box: RunningSandbox, cloud: Open) -> None:
    estate(box).rename_repository("acme", "ledger", "general-ledger")
    assert cloud().repositories.get("acme", "ledger").slug == "general-ledger"


def test_a_repository_is_created_described_and_deleted(box: RunningSandbox, cloud: Open) -> None:
    names = ("read:workspace", "read:repository", "admin:repository", "delete:repository")
    repositories = cloud(**token_with(box, *names)).workspaces.get("acme").repositories
    made = repositories.create("fresh", project_key="PLAT", is_private=True)
    assert estate(box).repository("acme", "fresh").uuid == made.uuid
    made.update(description="made by a client")
    assert estate(box).repository("acme", "fresh").description == "made by a client"
    made.delete()
    assert not repositories.exists("fresh")


def test_a_webhook_is_created_listed_updated_and_deleted(box: RunningSandbox, cloud: Open) -> None:
    repository = cloud(**token_with(box, *HOOKS)).repositories.get("acme", "ledger")
    made = repository.hooks.create("https://hooks.example/scan", "scanner", ["repo:push"])
    assert [hook.uuid() for hook in repository.hooks.each()] == [made.uuid()]
    made.update(active=False, events=["repo:push", "pullrequest:created"])
    kept = estate(box).estate.hooks[made.uuid()]
    assert (kept.url, kept.description) == ("https://hooks.example/scan", "scanner")
    assert (kept.is_active, set(kept.events)) == (False, {"repo:push", "pullrequest:created"})
    made.delete()
    assert not estate(box).estate.hooks
    assert list(repository.hooks.each()) == []


def test_more_webhooks_than_a_page_holds_are_all_listed(box: RunningSandbox, cloud: Open) -> None:
    repository = cloud(**token_with(box, *HOOKS)).repositories.get("acme", "ledger")
    made = {
        repository.hooks.create(f"https://hooks.example/{n}", "", ["repo:push"]).uuid()
        for n in range(12)
    }
    assert {hook.uuid() for hook in repository.hooks.each()} == made


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("repositories/acme/nowhere", 404, "no longer exists in this workspace"),
        ("workspaces/nowhere", 404, "No workspace with identifier 'nowhere'"),
        ("workspaces/acme/projects/NOPE", 404, "NOPE"),
        ("workspaces", 410, "CHANGE-2770"),
        ("nowhere", 404, "There is no API hosted at this URL"),
    ],
    ids=["repository", "workspace", "project", "removed listing", "no such path"],
)
def test_what_is_not_there_becomes_the_clients_error(
    cloud: Open, path: str, status: int, words: str
) -> None:
    with pytest.raises(HTTPError, match=words) as refused:
        cloud().get(path)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ({"token": "invented"}, "Token is invalid, expired, or not supported"),
        ({"username": BOT, "password": "invented"}, "401 Client Error"),
    ],
    ids=["bearer", "basic"],
)
def test_an_unknown_credential_becomes_the_clients_401(
    cloud: Open, login: dict[str, str], words: str
) -> None:
    with pytest.raises(HTTPError, match=words) as refused:
        cloud(**login).get("user")
    assert refused.value.response.status_code == 401


def test_a_missing_scope_is_named_in_the_clients_error(box: RunningSandbox, cloud: Open) -> None:
    repository = cloud(**token_with(box, "read:repository")).repositories.get("acme", "ledger")
    with pytest.raises(HTTPError, match="write:webhook") as refused:
        repository.hooks.create("https://hooks.example/", "", ["repo:push"])
    assert refused.value.response.status_code == 403
    assert not estate(box).estate.hooks


def test_a_revoked_token_stops_a_client_in_the_middle(box: RunningSandbox, cloud: Open) -> None:
    client = cloud()
    assert client.workspaces.exists("acme")
    estate(box).revoke_now(box.environment["OX_BOT_TOKEN"])
    with pytest.raises(HTTPError):
        client.get("user")


def test_a_client_comes_back_after_the_wait_of_a_429(box: RunningSandbox, cloud: Open) -> None:
    box.sandbox.faults.add(Fault(FaultKind.RATE_LIMIT, match="GET /2.0/user", value="0"))
    assert cloud().get("user")["type"] == "user"
    assert [struck for _, struck in box.sandbox.faults.armed()] == [1]
