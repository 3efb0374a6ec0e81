"""`stashy` 0.7: a client from the days of Stash that is still used on Data Center."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.data_center import Instance, instance_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import DATA_CENTER

Open = Callable[..., Any]


@pytest.fixture
def instance(box: RunningSandbox) -> Instance:
    return instance_in(box.sandbox)


@pytest.fixture
def stash(box: RunningSandbox) -> Open:
    """Opens clients; with the reader's token unless told otherwise."""
    import stashy

    def start(**login: Any) -> Any:
        held = login or {"token": box.environment["DC_READER_TOKEN"]}
        return stashy.Stash(box.urls[DATA_CENTER], **held)

    return start


@pytest.fixture
def admin(box: RunningSandbox, stash: Open) -> Any:
    return stash(username="admin", password=box.environment["DC_ADMIN_PASSWORD"])


@pytest.mark.parametrize("hidden", [0, 3], ids=["dense", "with gaps"])
def test_projects_and_repositories_are_read_to_the_last_page(
    instance: Instance, stash: Open, hidden: int
) -> None:
    instance.knobs.hidden = hidden
    instance.fill(projects=30, repositories_each=2)
    client = stash()
    assert len({project["key"] for project in client.projects}) == 33
    assert len({repository["id"] for repository in client.repos}) == 70
    slugs = [repository["slug"] for repository in client.projects["PAY"].repos]
    assert slugs == ["payments-api", "payments-web", "ledger", "tools"]


def test_one_repository_is_got(instance: Instance, stash: Open) -> None:
    found = stash().projects["PAY"].repos["ledger"].get()
    assert found["id"] == instance.repository("PAY", "ledger").id


def test_a_repository_is_created_moved_and_deleted(instance: Instance, admin: Any) -> None:
    made = admin.projects["PAY"].repos.create("fresh")
    admin.projects["PAY"].repos["fresh"].move("DOCS", "fresher")
    assert instance.repository("DOCS", "fresher").id == made["id"]
    admin.projects["DOCS"].repos["fresher"].delete()
    assert made["id"] not in instance.estate.repositories


def test_a_permission_is_granted_and_taken_away(admin: Any, stash: Open, box: Any) -> None:
    ops = admin.projects["OPS"].permissions.users
    assert {row["user"]["name"] for row in ops} == {"ada"}
    ops.grant("svc-scanner", "PROJECT_ADMIN")
    scanner = stash(username="svc-scanner", password=box.environment["DC_SCANNER_PASSWORD"])
    assert scanner.projects["OPS"].repos["deploy"].webhooks.list() == []
    ops.revoke("svc-scanner")
    assert {row["user"]["name"] for row in ops} == {"ada"}


def test_a_webhook_is_created_and_listed(instance: Instance, admin: Any) -> None:
    hooks = admin.projects["PAY"].repos["ledger"].webhooks
    made = hooks.create("scanner", "https://hooks.example/", ["pr:merged"])
    assert [hook["id"] for hook in hooks] == [made["id"]]
    (kept,) = instance.hooks.at(("repository", instance.repository("PAY", "ledger").id))
    assert (kept.draft.name, kept.draft.events) == ("scanner", ("pr:merged",))


def test_what_is_not_there_is_the_clients_own_error(stash: Open) -> None:
    from stashy.errors import NotFoundException

    with pytest.raises(NotFoundException, match="Repository PAY/nowhere does not exist"):
        stash().projects["PAY"].repos["nowhere"].get()


def test_an_unknown_token_is_the_clients_own_error(stash: Open) -> None:
    from stashy.errors import AuthenticationException

    with pytest.raises(AuthenticationException, match="401"):
        stash(token="invented").projects.list()


def test_a_taken_name_is_the_clients_own_error(admin: Any) -> None:
    from stashy.errors import GenericException

    with pytest.raises(GenericException, match="409"):
        admin.projects["PAY"].repos.create("ledger")
