"""Release 0.2.4 of `bitbucket-python`: the last one that needs nothing but requests."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import BITBUCKET


@pytest.fixture
def client(box: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    from bitbucket.client import Client

    monkeypatch.setattr(Client, "BASE_URL", box.urls[BITBUCKET].removesuffix("2.0"))
    return Client("ox-bot@acme.example", box.environment["OX_BOT_TOKEN"], "acme")


def test_the_owner_defaults_to_the_users_own_name(box: RunningSandbox, client: Any) -> None:
    alone = type(client)("ox-bot@acme.example", box.environment["OX_BOT_TOKEN"])
    assert alone.username == "acme-ox-bot"
    assert client.get_user()["display_name"] == "OX Bot"


def test_repositories_come_in_pages_of_the_size_asked_for(client: Any) -> None:
    first = client.get_repositories({"pagelen": 5, "page": 1})
    last = client.get_repositories({"pagelen": 5, "page": 3})
    assert (first["size"], len(first["values"]), len(last["values"])) == (12, 5, 2)
    assert "next" in first
    assert "next" not in last


def test_one_repository_is_got_and_an_unknown_one_is_the_clients_error(
    box: RunningSandbox, client: Any
) -> None:
    from bitbucket.exceptions import NotFoundIDError

    kept = box.sandbox.bitbucket.repository("acme", "ledger")
    assert client.get_repository("ledger")["uuid"] == kept.uuid
    with pytest.raises(NotFoundIDError):
        client.get_repository("nowhere")


def test_a_webhook_is_created_and_found_again(box: RunningSandbox, client: Any) -> None:
    wish = {"url": "https://hooks.example/", "events": ["repo:push"], "description": "scanner"}
    made = client.create_webhook("ledger", wish)
    assert set(box.sandbox.bitbucket.estate.hooks) == {made["uuid"]}
    assert client.get_webhook("ledger", made["uuid"]) == made
    assert client.get_webhooks("ledger")["values"] == [made]


def test_what_the_token_may_not_do_is_the_clients_error(client: Any) -> None:
    from bitbucket.exceptions import PermissionError as NotPermittedError

    wish = {"url": "https://hooks.example/", "events": ["repo:push"]}
    made = client.create_webhook("ledger", wish)
    with pytest.raises(NotPermittedError):
        client.delete_webhook("ledger", made["uuid"])


def test_a_bad_webhook_is_the_clients_error(box: RunningSandbox, client: Any) -> None:
    from bitbucket.exceptions import InvalidIDError

    with pytest.raises(InvalidIDError):
        client.create_webhook("ledger", {"url": "https://hooks.example/", "events": ["no:such"]})
    assert not box.sandbox.bitbucket.estate.hooks
