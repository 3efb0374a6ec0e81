"""The example ``ox-azure-devops`` lives on: everything that happens to its connection after the
first `apply`, with the shipped profile of OX and a token that Azure DevOps makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from anyio.from_thread import start_blocking_portal

from reconciler.model.address import ConnectionAddress
from reconciler.model.record import Record
from reconciler.model.secret import Fingerprinter, Secret
from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.ox_state import OxCredential
from tests.e2e.endstate import credentials, ensure_settled
from tests.e2e.issuing import AZURE, places
from tests.e2e.world import MANAGE_ALL, World
from tests.providers.azure_devops.tlsfront import tls_front

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "ox-azure-devops"
ADDRESS = "connection.ox-azure"
PLACE = "ox-azure.pat"
OWNER = "svc-scm@acme.example"
DECLARED = {
    "Payments/card-auth",
    "Payments/ledger",
    "Payments/new-service",
    "Platform/shared-auth",
    "Platform/tools",
}


@pytest.fixture
def azure(world: World) -> World:
    """The documents of the example; the overlap shortened and everything left to the reconciler."""
    (world.root / "secrets" / "ox-bot.token").unlink()
    world.documents.clear()
    for name in ("accounts", "consumers", "connections"):
        for document in yaml.safe_load_all((EXAMPLE / f"{name}.yaml").read_text()):
            world.documents[document["kind"], document["metadata"]["name"]] = document
    variables = ("AZURE_DEVOPS_URL", "OX_URL")
    world.project = {"variables": {name: world.environment[name] for name in variables}}
    world.spec("Method", "ox-pat")["overlap"] = "1s"
    world.connection("ox-azure").update(manage=MANAGE_ALL, protect=False)
    return world


@pytest.fixture
def connected(azure: World) -> World:
    assert azure.actions() == {ADDRESS: "connect"}
    azure.apply()
    ensure_as_declared(azure)
    return azure


def organization(world: World) -> Organization:
    return organization_in(world.sandbox)


def selected(world: World) -> set[str]:
    """What OX monitors through its one connection, disabled repositories included."""
    (live,) = credentials(world)
    estate = organization(world).estate
    every = (
        (repository.id, f"{project.name}/{repository.name}")
        for project in estate.visible(None)
        for repository in estate.live(project.id)
    )
    return {name for id_, name in every if id_ in live.selected}


def ours(world: World) -> list[str]:
    """Ids of the tokens that carry the connection's marker and work."""
    alive = (p for p in organization(world).pats(OWNER) if not organization(world).why_not(p))
    return [pat.id for pat in alive if pat.name.startswith("ox-azure [reconciler ")]


def ensure_as_declared(world: World, expected: set[str] = DECLARED) -> OxCredential:
    """An empty plan: one token of ours, in its place, in OX and on record, and the selection."""
    assert ensure_settled(world) == []
    (live,) = credentials(world)
    assert selected(world) == expected
    assert places(world) == {PLACE: live.secret}
    with world.registry() as registry:
        snapshot = registry.snapshot()
        assert registry.leases() == ()
    record: Record = snapshot.records[ConnectionAddress("ox-azure")]
    assert record.live_id == live.id
    assert ours(world) == [record.token_id]
    assert record.fingerprint == Fingerprinter(snapshot.key).of(Secret(live.secret))
    assert {chosen.name for chosen in record.selection.values()} == expected
    assert dict(snapshot.operations) == {}
    return live


def the_change(world: World) -> dict[str, Any]:
    (change,) = world.plan()["resource_changes"]
    found: dict[str, Any] = change
    return found


def notes(world: World) -> list[str]:
    return [note["message"] for note in world.plan()["notes"]]


def test_it_begins_with_a_token_for_this_organization_and_the_13_scopes(connected: World) -> None:
    (live,) = credentials(connected)
    pat = organization(connected).pat(live.secret)
    assert len(pat.scopes) == 13
    assert pat.targets == (organization(connected).id,)
    assert live.host_url == f"{connected.environment['AZURE_DEVOPS_URL']}/acme/"
    assert (live.credentials_type, live.username) == ("Token", "")
    assert live.secret not in "".join(connected.outputs)


def test_a_changed_choice_of_repositories_is_rescoped_with_the_token_that_there_is(
    connected: World,
) -> None:
    before = places(connected)
    connected.spec("RepositorySelection", "payments")["include"] = [
        {"project": "Mixed"},
        {"name": "Payments/ledger"},
    ]
    change = the_change(connected)
    assert change["action"] == "rescope"
    assert change["repositories"]["added"] == ["Mixed/tools"]
    assert len(change["repositories"]["removed"]) == 4
    connected.apply()
    ensure_as_declared(connected, {"Mixed/tools", "Payments/ledger"})
    assert places(connected) == before


def test_what_appears_is_taken_up_where_a_pattern_means_it_in_any_project(
    connected: World,
) -> None:
    organization(connected).create_repository("Mixed", "shared-extra")
    organization(connected).create_repository("Mixed", "ledger")
    assert the_change(connected)["repositories"]["added"] == ["Mixed/shared-extra"]
    connected.apply()
    ensure_as_declared(connected, DECLARED | {"Mixed/shared-extra"})


def test_a_rotation_runs_to_its_end_and_takes_the_selection_along(connected: World) -> None:
    (first,) = credentials(connected)
    run = connected.run("rotate", "ox-azure", "--auto-approve")
    assert run.code == 0, run.out + run.err
    second = ensure_as_declared(connected)
    assert second.id != first.id
    assert "the old one works for 1 second more and is then revoked" in run.out
    assert not AZURE.works(connected, first.secret)
    said = "".join(connected.outputs)
    assert first.secret not in said
    assert second.secret not in said


def test_a_renamed_repository_is_noted_and_stays_selected(connected: World) -> None:
    organization(connected).rename_repository("Platform", "tools", "toolbox")
    change = the_change(connected)
    assert (change["action"], change["reason"]) == (
        "relink",
        "renamed at the provider: Platform/tools → Platform/toolbox",
    )
    said = "'Platform/tools' is called 'Platform/toolbox' now; it stays selected by its id"
    assert said in notes(connected)
    connected.apply()
    renamed = DECLARED - {"Platform/tools"} | {"Platform/toolbox"}
    ensure_as_declared(connected, renamed)
    include = connected.spec("RepositorySelection", "payments")["include"]
    include[include.index({"name": "Platform/tools"})] = {"name": "Platform/toolbox"}
    assert [step["code"] for step in the_change(connected)["steps"]] == ["remember"]
    connected.apply()
    ensure_as_declared(connected, renamed)
    assert said not in notes(connected)


def test_what_is_disabled_or_no_git_is_said_and_what_is_disabled_leaves_the_selection(
    connected: World,
) -> None:
    def disabled() -> str:
        (found,) = [note for note in notes(connected) if "disabled" in note]
        return found.partition(": ")[2]

    for project in ("Legacy", "Mixed"):
        said = f"project {project} keeps its source in TFVC ($/{project}), which is not a Git"
        assert any(note.startswith(said) for note in notes(connected))
    assert disabled() == "Platform/old-build"
    organization(connected).disable_repository("Platform", "shared-auth")
    assert disabled() == "Platform/old-build, Platform/shared-auth"
    assert the_change(connected)["repositories"]["removed"] == ["Platform/shared-auth"]
    connected.apply()
    ensure_as_declared(connected, DECLARED - {"Platform/shared-auth"})
    assert disabled() == "Platform/old-build, Platform/shared-auth"


def test_what_a_person_changes_in_ox_is_seen_and_set_right(connected: World) -> None:
    (live,) = credentials(connected)
    connected.ox.select(connection=live.id, add=["Mixed/tools"], remove=["Payments/ledger"])
    plan = connected.plan()
    (drift,) = plan["resource_drift"]
    (change,) = plan["resource_changes"]
    assert (drift["address"], change["action"]) == (ADDRESS, "rescope")
    assert change["reason"] == "somebody changed the selection at the consumer"
    repositories = change["repositories"]
    assert (repositories["added"], repositories["removed"]) == (
        ["Payments/ledger"],
        ["Mixed/tools"],
    )
    connected.apply()
    assert ensure_as_declared(connected).id == live.id


def test_a_connection_that_a_person_removes_in_ox_comes_back_with_the_same_token(
    connected: World,
) -> None:
    (live,) = credentials(connected)
    connected.ox.remove(connection=live.id)
    assert connected.actions() == {ADDRESS: "connect"}
    connected.apply()
    again = ensure_as_declared(connected)
    assert again.id != live.id
    assert again.secret == live.secret


def test_disconnecting_leaves_the_token_and_the_plan_says_so(connected: World) -> None:
    """Nothing but the connection goes: the token works on, and its secret stays where it is.

    Whoever declares the connection again takes the same token up.
    """
    document = connected.documents.pop(("Connection", "ox-azure"))
    kept = places(connected)
    change = the_change(connected)
    assert change["change"]["actions"] == ["delete"]
    assert "its credential works at the provider until somebody revokes it" in change["reason"]
    assert [step["code"] for step in change["steps"]] == ["remove-credential", "remember"]
    connected.apply()
    assert ensure_settled(connected) == []
    assert credentials(connected) == []
    assert places(connected) == kept
    assert AZURE.works(connected, kept[PLACE])
    assert len(ours(connected)) == 1
    connected.documents["Connection", "ox-azure"] = document
    assert connected.actions() == {ADDRESS: "connect"}
    connected.apply()
    assert ensure_settled(connected) == []
    (again,) = credentials(connected)
    assert again.secret == kept[PLACE]
    assert selected(connected) == DECLARED
    assert len(ours(connected)) == 1


@pytest.fixture
def by_application(azure: World, tmp_path: Path) -> Iterator[World]:
    """OX signs in as an application of Entra instead; Entra is asked over TLS only."""
    port = urlsplit(azure.environment["AZURE_DEVOPS_URL"]).port
    assert port is not None
    del azure.documents["Method", "ox-pat"]
    azure.connection("ox-azure")["method"] = {
        "type": "service-principal",
        "username": azure.environment["AZURE_SP_CLIENT_ID"],
        "tenant": azure.environment["AZURE_TENANT_ID"],
        "secret": {"env": "AZURE_SP_CLIENT_SECRET"},
    }
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(tls_front(port, tmp_path)) as front,
    ):
        azure.sandbox.urls[AZURE.emulator] = front.url
        azure.project["variables"]["AZURE_DEVOPS_URL"] = front.url
        settings = {"entraUrl": front.url, "caFile": front.ca_file}
        azure.spec("Account", "acme")["settings"] = settings
        yield azure


def test_an_application_is_connected_where_its_setting_allows_it(by_application: World) -> None:
    by_application.spec("Consumer", "ox-prod")["settings"] = {"servicePrincipals": "yes"}
    by_application.apply()
    assert ensure_settled(by_application) == []
    (live,) = credentials(by_application)
    assert (live.credentials_type, live.tenant) == (
        "ServicePrincipal",
        by_application.environment["AZURE_TENANT_ID"],
    )
    assert selected(by_application) == DECLARED


def test_an_application_is_not_connected_without_its_setting(by_application: World) -> None:
    run = by_application.run("apply", "--auto-approve")
    assert run.code == 1
    assert '`servicePrincipals: "yes"`' in run.out + run.err
    assert credentials(by_application) == []


def test_a_setting_that_cannot_be_is_told_by_the_plan(by_application: World) -> None:
    by_application.spec("Consumer", "ox-prod")["settings"] = {"servicePrincipals": "true"}
    plan = by_application.plan()
    said = str(plan["errors"]) + str(plan["withheld"]) + str(plan["notes"])
    assert "the setting `servicePrincipals` of this Consumer is 'true'" in said
    assert 'write `servicePrincipals: "yes"`, or leave it out' in said
