"""The emulated Vault, asked over HTTP with hand-written requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import CONTROL, VAULT
from reconciler.sandbox.state import Fault, FaultKind
from reconciler.sandbox.vault import vault_in
from reconciler.sandbox.vault_state import VaultState

DATA = "/v1/secret/data/ox/bot"
ABOUT = "/v1/secret/metadata/ox/bot"


class Desk:
    """Somebody with the token and an HTTP client."""

    def __init__(self, box: RunningSandbox) -> None:
        self.box = box
        self.token = box.environment["VAULT_TOKEN"]
        self.http = httpx2.Client(trust_env=False, timeout=10)

    @property
    def state(self) -> VaultState:
        return vault_in(self.box.sandbox)

    def call(self, method: str, path: str, body: object = None) -> httpx2.Response:
        headers = {"X-Vault-Token": self.token} if self.token else {}
        return self.http.request(method, self.box.urls[VAULT] + path, json=body, headers=headers)

    def get(self, path: str) -> httpx2.Response:
        return self.call("GET", path)

    def store(self, data: dict[str, Any], cas: int | None = None) -> httpx2.Response:
        options = {} if cas is None else {"cas": cas}
        return self.call("POST", DATA, {"data": data, "options": options})

    def control(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return self.http.request(method, f"{self.box.urls[CONTROL]}/_sandbox{path}", json=body)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with RunningSandbox() as box:
        made = Desk(box)
        with made.http:
            yield made


def errors(reply: httpx2.Response, status: int) -> list[str]:
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    found: list[str] = reply.json()["errors"]
    return found


def test_what_is_stored_is_read_in_vaults_envelope(desk: Desk) -> None:
    made = desk.store({"token": "a-value"})
    assert made.json()["data"] == {
        "created_time": made.json()["data"]["created_time"],
        "custom_metadata": None,
        "deletion_time": "",
        "destroyed": False,
        "version": 1,
    }
    found = desk.get(DATA).json()
    assert found["data"] == {"data": {"token": "a-value"}, "metadata": made.json()["data"]}
    assert (found["mount_type"], found["lease_id"], found["warnings"]) == ("kv", "", None)


def test_what_was_never_stored_is_404_without_words(desk: Desk) -> None:
    assert errors(desk.get(DATA), 404) == []
    assert errors(desk.get(ABOUT), 404) == []
    assert errors(desk.get("/v1/secret/other/ox"), 404) == []


def test_a_mount_that_is_not_there_has_no_handler(desk: Desk) -> None:
    (words,) = errors(desk.get("/v1/kv/data/ox"), 404)
    assert words == 'no handler for route "kv/data/ox". route entry not found.'


@pytest.mark.parametrize("cas", [0, 2, 7], ids=["only a new one", "of the future", "far off"])
def test_check_and_set_wants_the_current_version(desk: Desk, cas: int) -> None:
    desk.store({"token": "a-value"}, cas=0)
    (words,) = errors(desk.store({"token": "b-value"}, cas=cas), 400)
    assert words == "check-and-set parameter did not match the current version"
    assert desk.store({"token": "b-value"}, cas=1).json()["data"]["version"] == 2


def test_a_secret_may_demand_check_and_set(desk: Desk) -> None:
    desk.store({"token": "a-value"})
    assert desk.call("POST", ABOUT, {"cas_required": True}).status_code == 204
    assert "required" in errors(desk.store({"token": "b-value"}), 400)[0]
    assert desk.store({"token": "b-value"}, cas=1).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param({"token": "a-value"}, "no data provided", id="the fields alone"),
        pytest.param(["a"], "failed to parse JSON input", id="a list"),
    ],
)
def test_a_body_of_another_shape_is_refused(desk: Desk, body: object, words: str) -> None:
    assert errors(desk.call("POST", DATA, body), 400) == [words]


def test_a_deletion_hides_the_latest_version_and_can_be_undone(desk: Desk) -> None:
    desk.store({"token": "a-value"})
    assert desk.call("DELETE", DATA).status_code == 204
    gone = desk.get(DATA)
    assert gone.status_code == 404
    assert gone.json()["data"]["data"] is None
    assert gone.json()["data"]["metadata"]["deletion_time"]
    assert desk.state.value("secret/ox/bot", "token") is None
    assert desk.call("POST", "/v1/secret/undelete/ox/bot", {"versions": [1]}).status_code == 204
    assert desk.get(DATA).json()["data"]["data"] == {"token": "a-value"}


def test_the_versions_count_on_after_a_deletion(desk: Desk) -> None:
    desk.store({"token": "a-value"})
    desk.call("POST", "/v1/secret/delete/ox/bot", {"versions": [1]})
    assert errors(desk.store({"token": "b-value"}, cas=0), 400)
    assert desk.store({"token": "b-value"}, cas=1).json()["data"]["version"] == 2
    assert desk.get(f"{DATA}?version=1").status_code == 404


def test_what_is_destroyed_does_not_come_back(desk: Desk) -> None:
    desk.store({"token": "a-value"})
    desk.call("PUT", "/v1/secret/destroy/ox/bot", {"versions": [1]})
    desk.call("POST", "/v1/secret/undelete/ox/bot", {"versions": [1]})
    gone = desk.get(DATA).json()["data"]
    assert (gone["data"], gone["metadata"]["destroyed"]) == (None, True)
    assert "a-value" not in str(desk.state.entries["secret/ox/bot"].versions[1].data)


def test_the_oldest_of_more_than_ten_versions_is_forgotten(desk: Desk) -> None:
    for number in range(12):
        desk.store({"token": f"value-{number}"})
    history = desk.get(ABOUT).json()["data"]
    assert (history["current_version"], history["oldest_version"]) == (12, 3)
    assert [int(number) for number in history["versions"]] == list(range(3, 13))
    assert errors(desk.get(f"{DATA}?version=2"), 404) == []


def test_metadata_keep_words_and_limits_and_end_with_the_secret(desk: Desk) -> None:
    desk.call("POST", ABOUT, {"max_versions": 2, "custom_metadata": {"owner": "shop"}})
    for number in range(4):
        desk.store({"token": f"value-{number}"})
    history = desk.get(ABOUT).json()["data"]
    assert (history["max_versions"], sorted(history["versions"])) == (2, ["3", "4"])
    assert desk.get(DATA).json()["data"]["metadata"]["custom_metadata"] == {"owner": "shop"}
    assert desk.call("DELETE", ABOUT).status_code == 204
    assert desk.store({"token": "a-value"}, cas=0).json()["data"]["version"] == 1


def test_folders_are_listed(desk: Desk) -> None:
    for path in ("ox/bot", "ox/team/bot", "ci"):
        desk.state.put(f"secret/{path}", "token", "a-value")
    assert desk.get("/v1/secret/metadata/?list=true").json()["data"] == {"keys": ["ci", "ox/"]}
    assert desk.get("/v1/secret/metadata/ox?list=true").json()["data"] == {"keys": ["bot", "team/"]}
    assert errors(desk.get("/v1/secret/metadata/none?list=true"), 404) == []


@pytest.mark.parametrize("token", ["", "hvs." + "wrong"], ids=["none", "wrong"])
def test_without_the_token_everything_but_health_is_denied(desk: Desk, token: str) -> None:
    desk.token = token
    assert "permission denied" in errors(desk.get(DATA), 403)[0]
    assert "permission denied" in errors(desk.get("/v1/auth/token/lookup-self"), 403)[0]
    assert desk.get("/v1/sys/health").status_code == 200


def test_a_fault_may_kill_the_token(desk: Desk) -> None:
    desk.box.sandbox.faults.add(Fault(FaultKind.TOKEN_DIES, value="VAULT_TOKEN", emulator=VAULT))
    assert errors(desk.get(DATA), 403)
    desk.state.restore_token()
    assert desk.get("/v1/auth/token/lookup-self").json()["data"]["display_name"] == "token"


@pytest.mark.parametrize(
    ("lacking", "method", "path"),
    [
        ("read", "GET", DATA),
        ("update", "POST", DATA),
        ("create", "POST", "/v1/secret/data/new"),
        ("delete", "DELETE", DATA),
        ("list", "GET", "/v1/secret/metadata/?list=true"),
    ],
    ids=["read", "update", "create", "delete", "list"],
)
def test_each_capability_can_be_taken_away(
    desk: Desk, lacking: str, method: str, path: str
) -> None:
    desk.store({"token": "a-value"})
    desk.state.switch(allowed=sorted({"read", "update", "create", "delete", "list"} - {lacking}))
    body = {"data": {"token": "b-value"}} if method == "POST" else None
    assert "permission denied" in errors(desk.call(method, path, body), 403)[0]


def test_a_sealed_server_answers_503_and_says_so(desk: Desk) -> None:
    desk.state.switch(sealed=True)
    assert errors(desk.get(DATA), 503) == ["Vault is sealed"]
    assert desk.get("/v1/sys/health").status_code == 503
    assert desk.get("/v1/sys/seal-status").json()["sealed"] is True


def test_a_standby_points_to_another_server(desk: Desk) -> None:
    desk.state.switch(standby=True)
    reply = desk.get(DATA)
    assert (reply.status_code, reply.headers["location"]) == (
        307,
        f"{desk.box.urls[CONTROL]}/trap{DATA}",
    )
    assert desk.get("/v1/sys/health").status_code == 429


def test_the_mount_of_a_path_is_told(desk: Desk) -> None:
    desk.state.enable("team/kv")
    told = desk.get("/v1/sys/internal/ui/mounts/team/kv/ox/bot").json()["data"]
    assert (told["path"], told["type"], told["options"]) == ("team/kv/", "kv", {"version": "2"})
    (words,) = errors(desk.get("/v1/sys/internal/ui/mounts/elsewhere/ox"), 403)
    assert 'path "elsewhere/ox/"' in words


def test_a_store_of_version_1_keeps_what_it_is_sent(desk: Desk) -> None:
    desk.state.enable("old", version=1)
    assert errors(desk.get("/v1/old/ox"), 404) == []
    assert desk.call("POST", "/v1/old/ox", {"token": "a-value"}).status_code == 204
    assert desk.get("/v1/old/ox").json()["data"] == {"token": "a-value"}
    assert desk.call("DELETE", "/v1/old/ox").status_code == 204
    assert errors(desk.get("/v1/old/ox"), 404) == []
    assert errors(desk.call("PATCH", "/v1/old/ox", {}), 405)
    desk.state.switch(allowed=[])
    assert errors(desk.get("/v1/old/ox"), 403)


@pytest.mark.parametrize("path", [DATA, ABOUT, "/v1/secret/delete/ox/bot"], ids=str)
def test_what_no_path_does_is_405(desk: Desk, path: str) -> None:
    assert "unsupported operation" in errors(desk.call("PATCH", path, {}), 405)[0]


def test_versions_are_named_to_be_deleted(desk: Desk) -> None:
    assert errors(desk.call("POST", "/v1/secret/delete/ox/bot", {}), 400)
    unknown = desk.call("POST", "/v1/secret/delete/ox/bot", {"versions": [1]})
    assert unknown.status_code == 204


def test_times_are_the_sandboxs(desk: Desk) -> None:
    desk.box.sandbox.clock.advance(timedelta(days=30))
    made = desk.store({"token": "a-value"}).json()["data"]["created_time"]
    assert made[:10] == desk.box.sandbox.now().date().isoformat()


def test_a_person_works_through_the_control_api_and_sees_no_value(desk: Desk) -> None:
    body = {"path": "secret/ox/bot", "field": "token", "value": "a-value"}
    assert desk.control("POST", "/vault/put", body).json() == {
        "path": "secret/ox/bot",
        "version": 1,
    }
    assert desk.control("POST", "/vault/enable", {"path": "team/kv"}).status_code == 200
    assert desk.control("POST", "/vault/switch", {"sealed": True}).json()["sealed"] is True
    assert desk.control("POST", "/vault/revoke-token").json()["token_alive"] is False
    assert desk.control("POST", "/vault/restore-token").json()["token_alive"] is True
    shown = desk.control("GET", "/vault")
    assert shown.json()["secrets"] == {"secret/ox/bot": {"version": 1, "fields": ["token"]}}
    assert shown.json()["mounts"] == {"secret/": 2, "team/kv/": 2}
    assert "a-value" not in shown.text
    assert desk.token not in shown.text
    listed = {call["path"]: call["does"] for call in desk.control("GET", "").json()["calls"]}
    assert listed["/_sandbox/vault/put"] == "Set one field of a secret, and keep the others."


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("put", {"path": "nowhere/ox", "field": "a", "value": "b"}, id="no mount"),
        pytest.param("put", {"path": "secret/ox"}, id="too little"),
        pytest.param("switch", {"open": True}, id="no such switch"),
    ],
)
def test_misuse_of_the_control_api_is_400_with_a_hint(
    desk: Desk, path: str, body: dict[str, str]
) -> None:
    reply = desk.control("POST", f"/vault/{path}", body)
    assert reply.status_code == 400
    assert reply.json()["hint"]


def test_a_secret_is_put_only_where_versions_are_kept(desk: Desk) -> None:
    desk.state.enable("old", version=1)
    with pytest.raises(UsageError, match="no key-value store of version 2"):
        desk.state.put("old/ox", "token", "a-value")


def test_the_token_is_new_in_every_sandbox_and_shown_nowhere(desk: Desk) -> None:
    with RunningSandbox() as other:
        assert other.environment["VAULT_TOKEN"] != desk.token
    desk.store({"token": "a-value"})
    assert desk.token not in repr(desk.box.sandbox.requests)
    assert "a-value" not in repr(desk.state.entries)
