"""The emulated OX gateway, asked over HTTP with hand-written GraphQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.ox import person_in, tenant_of
from reconciler.sandbox.ox_person import Person
from reconciler.sandbox.ox_state import OxTenant
from reconciler.sandbox.server import RunningSandbox

FIND = """{ getConnectorsByFamily(family: "SourceControl") { family connectors { connector {
  id name credentialsTypes isConfigured credentials { __typename
    ... on TokenAndUserCredentials { credentialsId credentialsName name token iv hostURL
      tokenExpirationDate monitoredResources monitorAllNewlyCreatedResources }
    ... on BitbucketAppCredentials { credentialsId credentialsName }
} } } } }"""
ADD = """mutation Add($i: AddCredentialsInput!) { addCredentials(addCredentialsInput: $i) {
  connector { credentials { ... on TokenAndUserCredentials { credentialsId } } } } }"""
LIST = """query List($i: GetConnectorResourcesInput!) {
  getConnectorResources(getConnectorResourcesInput: $i) {
    resources { key: id name resourceOrgName isMonitored resourceType __typename
      children { id name } }
    monitorAllNewlyCreatedResources total selected } }"""
SET = """mutation Set($i: MonitorConnectorResourceInput!) {
  monitorConnectorResources(monitorConnectorResourceInput: $i) { success } }"""
DROP = """mutation Drop($i: RemoveCredentialsInput!) {
  removeCredentials(removeCredentialsInput: $i) { connector { isConfigured } } }"""
VERIFY = """mutation Verify($i: VerifyCredentialsInput!) {
  verifySingleConnectorCredentials(verifyCredentialsInput: $i) {
    credentialsAreValid noReposFound validationMessage } }"""


class Desk:
    """Somebody with the API key and an HTTP client."""

    def __init__(self, running: RunningSandbox) -> None:
        self.running = running
        self.key = running.environment["OX_API_KEY"]

    @property
    def tenant(self) -> OxTenant:
        return tenant_of(self.running.sandbox)

    @property
    def person(self) -> Person:
        return person_in(self.running.sandbox)

    def post(self, url: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.netloc, timeout=10)
        connection.request("POST", parts.path, body, headers)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, json.loads(text)

    def ask(self, query: str, variables: Any = None) -> Any:
        body = json.dumps({"query": query, "variables": {"i": variables}}).encode()
        return self.post(self.running.urls["ox"], body, Authorization=self.key)[2]

    def act(self, name: str, /, **body: Any) -> tuple[int, Any]:
        url = f"{self.running.urls['control']}/_sandbox/ox/{name}"
        status, _, answer = self.post(url, json.dumps(body).encode())
        return status, answer

    def add(self, **parts: Any) -> Any:
        environment = self.running.environment
        given = {
            "connectorID": "52",
            "hostURL": "https://api.bitbucket.org/2.0",
            "credentialsType": "TokenAndUser",
            "credentialsInput": {
                "name": environment["OX_BOT_EMAIL"],
                "token": environment["OX_BOT_TOKEN"],
            },
            "credentialsName": "bot",
        }
        return self.ask(ADD, given | parts)

    def added(self) -> str:
        connector = self.add()["data"]["addCredentials"]["connector"]
        return str(connector["credentials"][-1]["credentialsId"])

    def listed(self, id_: str) -> Any:
        answer = self.ask(LIST, {"connectorID": "52", "credentialsId": id_})
        return answer["data"]["getConnectorResources"]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with RunningSandbox() as running:
        yield Desk(running)


def bitbucket(answer: Any) -> Any:
    (family,) = answer["data"]["getConnectorsByFamily"]
    every = [held["connector"] for held in family["connectors"]]
    return next(connector for connector in every if connector["id"] == "52")


def test_family_holds_several_connectors(desk: Desk) -> None:
    (family,) = desk.ask(FIND)["data"]["getConnectorsByFamily"]
    names = [held["connector"]["name"] for held in family["connectors"]]
    assert names == ["GitHub", "AzureRepos", "BitbucketServer", "Bitbucket"]
    assert all(held["connector"]["id"].isdigit() for held in family["connectors"])


def test_without_a_family_every_family_is_listed(desk: Desk) -> None:
    answer = desk.ask("{ getConnectorsByFamily { family familyDisplayName } }")
    assert [f["family"] for f in answer["data"]["getConnectorsByFamily"]] == [
        "SourceControl",
        "CICD",
    ]


def test_added_credentials_are_listed_without_their_secret(desk: Desk) -> None:
    id_ = desk.added()
    connector = bitbucket(desk.ask(FIND))
    (shown,) = connector["credentials"]
    assert (shown["credentialsId"], shown["credentialsName"]) == (id_, "bot")
    assert shown["__typename"] == "TokenAndUserCredentials"
    assert shown["tokenExpirationDate"]
    assert shown["iv"]
    assert connector["isConfigured"]
    assert desk.running.environment["OX_BOT_TOKEN"] not in json.dumps(shown)


def test_expiry_is_told_only_where_it_is_known(desk: Desk) -> None:
    desk.person.switch(knows_expiry=False)
    desk.added()
    (shown,) = bitbucket(desk.ask(FIND))["credentials"]
    assert shown["tokenExpirationDate"] is None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"connectorID": "404"}, "Connector 404 not found"),
        ({"credentialsType": "AzureCloud"}, "does not support"),
        ({"credentialsType": "BitbucketApp"}, "identity provider"),
        ({"credentialsInput": {"name": "x", "token": "y"}}, "Invalid credentials: 401"),
        ({"hostURL": "https://elsewhere.example"}, "nothing answers"),
    ],
    ids=["connector", "type", "browser", "token", "host"],
)
def test_unfit_credentials_are_refused(desk: Desk, parts: dict[str, Any], message: str) -> None:
    answer = desk.add(**parts)
    assert answer["data"] == {"addCredentials": None}
    assert message in answer["errors"][0]["message"]
    assert answer["errors"][0]["path"] == ["addCredentials"]
    assert not desk.tenant.credentials


def test_token_without_the_reading_scope_is_refused(desk: Desk) -> None:
    bitbucket_state = desk.running.sandbox.bitbucket
    minted = bitbucket_state.mint_api_token("ox-bot@acme.example", ("read:account",))
    answer = desk.add(credentialsInput={"name": "ox-bot@acme.example", "token": minted.token})
    assert "lacks the scope read:repository:bitbucket" in answer["errors"][0]["message"]


def test_listing_shows_what_the_credential_sees_now(desk: Desk) -> None:
    id_ = desk.added()
    before = desk.listed(id_)
    made = desk.running.sandbox.bitbucket.create_repository("acme", "late")
    after = desk.listed(id_)
    assert (before["total"], after["total"]) == (12, 13)
    assert after["resources"][-1] == {
        "key": made.uuid.strip("{}"),
        "name": "late",
        "resourceOrgName": "acme",
        "isMonitored": False,
        "resourceType": "repo",
        "__typename": "ConnectorResource",
        "children": None,
    }


def test_nested_listing_hangs_repositories_under_their_workspace(desk: Desk) -> None:
    desk.person.switch(nested=True, numeric_ids=True)
    found = desk.listed(desk.added())
    (workspace,) = found["resources"]
    assert (workspace["name"], workspace["resourceType"]) == ("acme", "workspace")
    assert len(workspace["children"]) == found["total"] == 12
    assert all(child["id"].isdigit() for child in workspace["children"])


def test_writing_replaces_the_whole_selection(desk: Desk) -> None:
    id_ = desk.added()
    one, two, *_ = (row["key"] for row in desk.listed(id_)["resources"])
    for wanted in (one, two):
        row = {"id": wanted, "name": "n", "isMonitored": True}
        answer = desk.ask(SET, {"connectorID": "52", "credentialsId": id_, "resources": [row, row]})
        assert answer == {"data": {"monitorConnectorResources": {"success": True}}}
    found = desk.listed(id_)
    assert [row["key"] for row in found["resources"] if row["isMonitored"]] == [two]
    assert found["selected"] == 1
    (shown,) = bitbucket(desk.ask(FIND))["credentials"]
    assert shown["monitoredResources"] == [two]


def test_everything_and_unknown_ids(desk: Desk) -> None:
    id_ = desk.added()
    ghost = {"id": "ghost", "name": "ghost", "isMonitored": True}
    asked = {"connectorID": "52", "credentialsId": id_, "resources": [ghost]}
    desk.ask(SET, asked)
    assert desk.listed(id_)["selected"] == 0
    desk.ask(SET, asked | {"monitorAllResources": True})
    assert desk.listed(id_)["selected"] == 12


def test_following_is_a_number_to_write_and_a_boolean_to_read(desk: Desk) -> None:
    id_ = desk.added()
    asked = {"connectorID": "52", "credentialsId": id_, "resources": []}
    desk.ask(SET, asked | {"monitorAllNewlyCreatedResources": 1_800_000_000_000})
    assert desk.listed(id_)["monitorAllNewlyCreatedResources"] is True
    desk.running.sandbox.bitbucket.create_repository("acme", "late")
    assert desk.listed(id_)["selected"] == 1
    desk.ask(SET, asked | {"monitorAllNewlyCreatedResources": 0})
    desk.running.sandbox.bitbucket.create_repository("acme", "later")
    found = desk.listed(id_)
    assert (found["monitorAllNewlyCreatedResources"], found["selected"]) == (False, 0)


def test_credential_that_died_is_told_by_verifying(desk: Desk) -> None:
    id_ = desk.added()
    asked = {"connectorID": "52", "credentialsID": id_}
    verified = desk.ask(VERIFY, asked)["data"]["verifySingleConnectorCredentials"]
    assert (verified["credentialsAreValid"], verified["noReposFound"]) == (True, False)
    desk.running.sandbox.bitbucket.revoke(desk.running.environment["OX_BOT_TOKEN"])
    verified = desk.ask(VERIFY, asked)["data"]["verifySingleConnectorCredentials"]
    assert not verified["credentialsAreValid"]
    assert "revoked" in verified["validationMessage"]
    listing = desk.ask(LIST, {"connectorID": "52", "credentialsId": id_})
    assert listing["data"] == {"getConnectorResources": None}
    assert listing["errors"][0]["path"] == ["getConnectorResources"]


@pytest.mark.parametrize("by", ["credentialsId", "credentialsIndex"])
def test_credentials_are_removed_once(desk: Desk, by: str) -> None:
    id_ = desk.added()
    asked = {"connectorID": "52", by: id_ if by == "credentialsId" else 0}
    assert desk.ask(DROP, asked)["data"]["removeCredentials"] == {
        "connector": {"isConfigured": False}
    }
    assert "not found" in desk.ask(DROP, asked)["errors"][0]["message"]


def test_monitored_repositories_are_applications(desk: Desk) -> None:
    desk.person.grant(method="oauth-app", workspace="globex", repositories=["notebooks"])
    query = """query A($i: GetApplicationsInput) { getApplications(getApplicationsInput: $i) {
      applications { appName } total } }"""
    found = desk.ask(query, {"limit": 5, "search": "note"})["data"]["getApplications"]
    assert found == {"applications": [{"appName": "globex/notebooks"}], "total": 1}
    assert desk.ask(query, {"search": "zzz"})["data"]["getApplications"]["total"] == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [("{", "GRAPHQL_PARSE_FAILED"), ("{ nobody }", "GRAPHQL_VALIDATION_FAILED")],
    ids=["syntax", "field"],
)
def test_documents_are_checked_against_the_schema(desk: Desk, query: str, code: str) -> None:
    assert desk.ask(query)["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"[]", b'{"query": 5}'], ids=["none", "list", "no-text"])
def test_bodies_that_are_no_request_are_refused(desk: Desk, body: bytes) -> None:
    status, _, answer = desk.post(desk.running.urls["ox"], body, Authorization=desk.key)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("{key}", 200), ("Bearer {key}", 401), ("wrong", 401), ("", 401)],
    ids=["raw", "bearer", "wrong", "none"],
)
def test_key_is_taken_raw(desk: Desk, authorization: str, status: int) -> None:
    body = json.dumps({"query": FIND}).encode()
    header = authorization.format(key=desk.key)
    assert desk.post(desk.running.urls["ox"], body, Authorization=header)[0] == status


def test_allowance_of_the_hour_is_shown_and_enforced(desk: Desk) -> None:
    desk.person.switch(hourly_limit=2)
    body = json.dumps({"query": FIND}).encode()
    seen = [desk.post(desk.running.urls["ox"], body, Authorization=desk.key)[:2] for _ in range(3)]
    assert [status for status, _ in seen] == [200, 200, 429]
    assert [h["ratelimit-remaining"] for _, h in seen] == ["1", "0", "0"]
    headers = seen[0][1]
    assert headers["ratelimit-hourlimit"] == headers["ratelimit-limit"] == "2"
    assert headers["ratelimit-daylimit"] == "15000"
    assert 3590 <= int(headers["ratelimit-reset"]) <= 3600
    desk.running.sandbox.clock.advance(timedelta(hours=1))
    assert "errors" not in desk.ask(FIND)


# A person's hand -------------------------------------------------------------------------------


def test_person_grants_edits_renames_and_removes_over_the_control_api(desk: Desk) -> None:
    status, granted = desk.act("grant", method="identity-provider", workspace="globex", name="idp")
    assert (status, granted["type"]) == (200, "IdentityProvider")
    desk.act("select", connection="idp", add=["notebooks", "billing-core"], follow_new=True)
    _, edited = desk.act("select", connection="idp", remove=["notebooks"])
    assert (len(edited["selected"]), edited["followsNew"]) == (1, True)
    _, renamed = desk.act("rename", connection="idp", name="theirs")
    assert renamed["name"] == "theirs"
    assert desk.act("remove", connection="theirs")[0] == 200
    assert desk.person.overview()["connections"] == []


def test_person_revokes_and_restores_the_key(desk: Desk) -> None:
    assert desk.act("revoke-key")[1]["keyAlive"] is False
    assert desk.ask(FIND)["errors"][0]["message"] == "Unauthorized"
    desk.act("restore-key")
    assert "errors" not in desk.ask(FIND)


def test_withdrawn_grant_leaves_a_dead_connection(desk: Desk) -> None:
    _, granted = desk.act("grant", method="oauth-app", workspace="acme")
    desk.act("withdraw", connection=granted["id"])
    verified = desk.ask(VERIFY, {"connectorID": "52", "credentialsID": granted["id"]})
    answer = verified["data"]["verifySingleConnectorCredentials"]
    assert answer["credentialsAreValid"] is False


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("grant", {"method": "api-token", "workspace": "acme"}),
        ("grant", {"method": "oauth-app", "workspace": "nowhere"}),
        ("select", {"connection": "ghost"}),
        ("switch", {"warp": 9}),
        ("rename", {"colour": "red"}),
    ],
    ids=["method", "workspace", "connection", "switch", "argument"],
)
def test_misuse_is_told_with_a_hint(desk: Desk, name: str, body: dict[str, Any]) -> None:
    status, answer = desk.act(name, **body)
    assert status == 400
    assert answer["error"]
    assert answer["hint"]


def test_person_cannot_select_what_is_not_seen_nor_withdraw_a_token(desk: Desk) -> None:
    id_ = desk.added()
    with pytest.raises(UsageError, match="does not see notebooks"):
        desk.person.select(connection=id_, add=["notebooks"])
    with pytest.raises(UsageError, match="not granted in a browser"):
        desk.person.withdraw(connection=id_)


def test_every_doing_is_in_the_index_of_the_control_api(desk: Desk) -> None:
    parts = urlsplit(desk.running.urls["control"])
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", "/_sandbox")
    calls = json.loads(connection.getresponse().read())["calls"]
    connection.request("GET", "/_sandbox/ox")
    overview = json.loads(connection.getresponse().read())
    connection.close()
    assert overview == {"keyAlive": True, "connections": []}
    mine = {call["path"]: call["does"] for call in calls if "/ox" in call["path"]}
    assert "/_sandbox/ox/grant" in mine
    assert all(mine.values())


def test_no_secret_in_what_the_tenant_shows(desk: Desk) -> None:
    desk.added()
    token = desk.running.environment["OX_BOT_TOKEN"]
    assert token not in repr(desk.tenant) + json.dumps(desk.person.overview())
    assert desk.key not in repr(desk.tenant)
