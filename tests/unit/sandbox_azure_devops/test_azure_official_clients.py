"""Microsoft's own clients against the emulator: `azure-devops` (through msrest) and MSAL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.unit.sandbox_azure_devops.azure_hand import PATS, SCM, WHO, Hand, bearer

RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
LOGIN = "https://login.microsoftonline.com"
Connect = Callable[[str], Any]


@pytest.fixture
def connect(azure: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connections of the official client. It keeps what it learns on disk and in its classes."""
    monkeypatch.setenv("AZURE_DEVOPS_CACHE_DIR", str(tmp_path))
    connection = import_module("azure.devops.connection")
    caches = import_module("azure.devops._file_cache")
    for cache in (caches.OPTIONS_CACHE, caches.RESOURCE_CACHE):
        monkeypatch.setattr(cache, "file_name", str(tmp_path / Path(cache.file_name).name))
        monkeypatch.setattr(cache, "data", {})
    client = import_module("azure.devops.client").Client
    monkeypatch.setattr(client, "_locations_cache", {})
    basic = import_module("msrest.authentication").BasicAuthentication

    opened = _remembered(monkeypatch)

    def open_as(pat: str) -> Any:
        return connection.Connection(base_url=f"{azure.base}/acme", creds=basic("", pat))

    yield open_as
    for one in reversed(opened):
        one.close()


def _remembered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Sessions and replies of requests from now on: the official client closes neither."""
    kind, opened = import_module("requests").Session, list[Any]()
    begin, send = kind.__init__, kind.send

    def remember(session: Any) -> None:
        begin(session)
        opened.append(session)

    def remember_reply(session: Any, request: Any, **more: Any) -> Any:
        opened.append(send(session, request, **more))
        return opened[-1]

    monkeypatch.setattr(kind, "__init__", remember)
    monkeypatch.setattr(kind, "send", remember_reply)
    return opened


@pytest.fixture
def official(azure: Hand, connect: Connect) -> Any:
    """The official clients of svc-scm."""
    return connect(azure.secret("AZURE_SCM_PAT")).clients_v7_1


def models(area: str) -> ModuleType:
    return import_module(f"azure.devops.v7_1.{area}.models")


def test_official_client_finds_projects_and_repositories(official: Any) -> None:
    core, git = official.get_core_client(), official.get_git_client()
    assert [p.name for p in core.get_projects()] == ["Payments", "Platform", "Legacy", "Mixed"]
    mixed = core.get_project("Mixed", include_capabilities=True)
    assert mixed.capabilities["versioncontrol"]["tfvcEnabled"] == "True"
    found = {(r.project.name, r.name): r for r in git.get_repositories()}
    assert len(found) == 7
    assert found["Platform", "old-build"].is_disabled
    ledger = git.get_repository("ledger", "Payments")
    assert ledger.id == found["Payments", "ledger"].id
    assert [ref.name for ref in git.get_refs(ledger.id)] == ["refs/heads/main"]


def test_official_client_makes_renames_and_deletes(azure: Hand, connect: Connect) -> None:
    pat = azure.organization.mint_pat(SCM, ("vso.code_manage", "vso.project_manage")).token
    clients = connect(pat).clients_v7_1
    git, made = clients.get_git_client(), models("git")
    new = git.create_repository(made.GitRepositoryCreateOptions(name="fresh"), project="Payments")
    git.update_repository(made.GitRepository(name="stale"), new.id, project="Payments")
    assert azure.organization.repository("Payments", new.id).name == "stale"
    git.delete_repository(new.id, project="Payments")
    assert [r.name for r in git.get_recycle_bin_repositories("Payments")] == ["stale"]
    project = models("core").TeamProject(
        name="Fresh", capabilities={"versioncontrol": {"sourceControlType": "Git"}}
    )
    queued = clients.get_core_client().queue_create_project(project)
    operations = clients.get_operations_client()
    states = [operations.get_operation(queued.id).status for _ in range(2)]
    assert states == ["inProgress", "succeeded"]


def test_official_client_knows_who_it_is(azure: Hand, official: Any) -> None:
    told = official.get_location_client().get_connection_data()
    assert told.instance_id == azure.organization.id
    me = official.get_profile_client().get_profile("me")
    assert me.id == told.authenticated_user.id
    accounts = official.get_accounts_client().get_accounts(member_id=me.id)
    assert [a.account_name for a in accounts] == ["acme"]
    members = official.get_member_entitlement_management_client().search_user_entitlements()
    assert SCM in [m.user.principal_name for m in members.members]


def test_official_client_reads_tfvc(official: Any) -> None:
    tfvc = official.get_tfvc_client()
    items = tfvc.get_items("Legacy", "$/Legacy", "OneLevel")
    assert [i.path for i in items] == ["$/Legacy", "$/Legacy/Docs", "$/Legacy/Main"]
    assert [b.path for b in tfvc.get_branches("Legacy")] == ["$/Legacy/Main"]
    assert [c.changeset_id for c in tfvc.get_changesets("Legacy", top=1)] == [4]
    assert tfvc.get_item("$/Legacy/Main/app.cs", project="Legacy").size == 2048


def test_official_client_manages_hooks(azure: Hand, official: Any) -> None:
    hooks, made = official.get_service_hooks_client(), models("service_hooks")
    subscription = hooks.create_subscription(
        made.Subscription(
            publisher_id="tfs",
            event_type="git.push",
            consumer_id="webHooks",
            consumer_action_id="httpRequest",
            publisher_inputs={"projectId": azure.organization.project("Payments").id},
            consumer_inputs={"url": "https://hooks.example.test/ado"},
        )
    )
    assert [s.id for s in hooks.list_subscriptions(publisher_id="tfs")] == [subscription.id]
    query = made.SubscriptionsQuery(publisher_id="tfs")
    assert len(hooks.create_subscriptions_query(query).results) == 1
    told = hooks.create_test_notification(made.Notification(subscription_id=subscription.id))
    assert told.result == "succeeded"
    hooks.delete_subscription(subscription.id)
    assert hooks.list_subscriptions() == []


def test_official_client_raises_what_the_emulator_refuses(azure: Hand, connect: Connect) -> None:
    errors = import_module("azure.devops.exceptions")
    git = connect(azure.secret("AZURE_SCM_PAT")).clients_v7_1.get_git_client()
    with pytest.raises(errors.AzureDevOpsServiceError, match="TF401019"):
        git.get_repository("nope", "Payments")
    azure.organization.revoke(azure.secret("AZURE_SCM_PAT"))
    with pytest.raises(errors.AzureDevOpsAuthenticationError):
        git.get_repositories()


def test_official_client_works_with_a_server(azure: Hand, connect: Connect) -> None:
    azure.knobs.turn(deployment="onPremises", highest_version="7.0")
    clients = connect(azure.secret("AZURE_SCM_PAT")).clients_v7_1
    assert len(clients.get_core_client().get_projects()) == 4
    assert clients.get_location_client().get_connection_data().deployment_type == "onPremises"


class Transport:
    """What MSAL asks the network with. It takes nothing but https, so this plays a proxy."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = import_module("requests").Session()
        self._session.headers["X-Forwarded-Host"] = LOGIN.removeprefix("https://")

    def get(self, url: str, **more: Any) -> Any:
        return self._session.get(url.replace(LOGIN, self._base), **more)

    def post(self, url: str, **more: Any) -> Any:
        return self._session.post(url.replace(LOGIN, self._base), **more)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def transport(azure: Hand) -> Iterator[Transport]:
    made = Transport(azure.base)
    yield made
    made.close()


def test_msal_gets_tokens_for_an_application(azure: Hand, transport: Transport) -> None:
    client = azure.secret("AZURE_SP_CLIENT_ID")
    azure.organization.federate(client, "https://token.ci.example", "repo:acme/x")

    def assertion() -> str:
        claims = {
            "iss": "https://token.ci.example",
            "sub": "repo:acme/x",
            "aud": "api://AzureADTokenExchange",
            "exp": time.time() + 60,
        }
        return str(import_module("jwt").encode(claims, "k" * 32))

    for credential in (azure.secret("AZURE_SP_CLIENT_SECRET"), {"client_assertion": assertion}):
        application = import_module("msal").ConfidentialClientApplication(
            client,
            client_credential=credential,
            authority=f"{LOGIN}/{azure.secret('AZURE_TENANT_ID')}",
            http_client=transport,
        )
        got = application.acquire_token_for_client([f"{RESOURCE}/.default"])
        assert azure.get(WHO, headers=bearer(got["access_token"])).status_code == 200


def test_msal_renews_a_signed_in_user(azure: Hand, transport: Transport) -> None:
    application = import_module("msal").PublicClientApplication(
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        authority=f"{LOGIN}/{azure.secret('AZURE_TENANT_ID')}",
        http_client=transport,
    )
    scopes = [f"{RESOURCE}/vso.pats", f"{RESOURCE}/vso.pats_manage"]
    got = application.acquire_token_by_refresh_token(
        azure.secret("AZURE_SCM_REFRESH_TOKEN"), scopes
    )
    assert azure.get(PATS, headers=bearer(got["access_token"])).status_code == 200
