"""HTTP access tokens of Data Center; the client has no methods for them, only its HTTP layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from requests import HTTPError

from reconciler.sandbox.data_center import Instance, instance_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import DATA_CENTER

OWN = "rest/access-tokens/latest/users/svc-scanner"
WISH = {"name": "scan", "permissions": ["PROJECT_READ", "REPO_READ"], "expiryDays": 90}
Open = Callable[..., Any]


@pytest.fixture
def instance(box: RunningSandbox) -> Instance:
    return instance_in(box.sandbox)


@pytest.fixture
def server(box: RunningSandbox) -> Open:
    """Opens clients; with the scanner's password unless told otherwise."""
    from atlassian import Bitbucket

    def start(**login: Any) -> Any:
        own = {"username": "svc-scanner", "password": box.environment["DC_SCANNER_PASSWORD"]}
        return Bitbucket(box.urls[DATA_CENTER], **(login or own))

    return start


def test_a_users_token_is_made_used_changed_and_deleted(instance: Instance, server: Open) -> None:
    client = server()
    made = client.put(OWN, data=WISH)
    assert made["id"] in {token["id"] for token in client.get(OWN)["values"]}
    assert all("token" not in token for token in client.get(OWN)["values"])

    user = server(token=made["token"])
    assert user.get_repo("PAY", "ledger")["slug"] == "ledger"

    client.post(f"{OWN}/{made['id']}", data={"name": "later", "permissions": ["REPO_READ"]})
    kept = instance.token(made["id"])
    assert (kept.name, kept.permissions) == ("later", ("REPO_READ",))
    assert client.get(f"{OWN}/{made['id']}")["name"] == "later"

    client.delete(f"{OWN}/{made['id']}")
    assert made["id"] not in {token["id"] for token in client.get(OWN)["values"]}
    with pytest.raises(HTTPError, match="Authentication failed"):
        user.get_repo("PAY", "ledger")


def test_tokens_are_listed_to_the_last_page(instance: Instance, server: Open) -> None:
    made = {instance.mint_token("svc-scanner", name=f"t{n}").id for n in range(30)}
    client = server()
    listed = {token["id"] for token in client._get_paged(OWN, params={"limit": 7})}
    assert made < listed
    assert len(listed) == 31


@pytest.mark.parametrize(
    "home", ["projects/PAY", "projects/PAY/repos/ledger"], ids=["project", "repository"]
)
def test_a_token_of_a_project_or_repository_reads_there_alone(
    box: RunningSandbox, server: Open, home: str
) -> None:
    admin = server(username="admin", password=box.environment["DC_ADMIN_PASSWORD"])
    place = f"rest/access-tokens/latest/{home}"
    wish = {**WISH, "permissions": ["REPO_READ"] if "repos" in home else WISH["permissions"]}
    made = admin.put(place, data=wish)
    assert [token["id"] for token in admin.get(place)["values"]] == [made["id"]]
    user = server(token=made["token"])
    assert user.repo_exists("PAY", "ledger")
    assert not user.repo_exists("OPS", "deploy")
    admin.delete(f"{place}/{made['id']}")
    assert admin.get(place)["values"] == []


def test_a_token_makes_no_tokens(box: RunningSandbox, instance: Instance, server: Open) -> None:
    before = len(instance.tokens("svc-scanner"))
    with pytest.raises(HTTPError, match="not permitted") as refused:
        server(token=box.environment["DC_SCANNER_TOKEN"]).put(OWN, data=WISH)
    assert refused.value.response.status_code == 401
    assert len(instance.tokens("svc-scanner")) == before


def test_an_oauth_grant_makes_tokens(box: RunningSandbox, server: Open) -> None:
    granted = server(token=box.environment["DC_SCANNER_OAUTH"])
    assert granted.put(OWN, data=WISH)["permissions"] == WISH["permissions"]


def test_nobody_makes_tokens_for_somebody_else(server: Open) -> None:
    with pytest.raises(HTTPError) as refused:
        server().put("rest/access-tokens/latest/users/ada", data=WISH)
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"permissions": ["REPO_READ"]}, "name"),
        ({"name": "x", "permissions": ["REPO_WIRTE"]}, "REPO_WIRTE"),
    ],
    ids=["no name", "unknown permission"],
)
def test_a_bad_wish_becomes_the_clients_400(
    server: Open, wish: dict[str, object], words: str
) -> None:
    with pytest.raises(HTTPError, match=words) as refused:
        server().put(OWN, data=wish)
    assert refused.value.response.status_code == 400


def test_an_unknown_token_is_the_clients_404(server: Open) -> None:
    with pytest.raises(HTTPError, match="does not exist") as refused:
        server().delete(f"{OWN}/999999999999")
    assert refused.value.response.status_code == 404
