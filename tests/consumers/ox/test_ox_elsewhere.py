"""OX driven for Azure DevOps and Bitbucket Data Center, beside Bitbucket Cloud."""

from __future__ import annotations

import pytest

from reconciler.consumers.ox.client import OxConsumer
from reconciler.errors import Fault, RemoteError
from reconciler.model.drift import RepositoryLabel
from reconciler.model.matching import match_resources
from reconciler.model.method import MethodKind
from reconciler.model.observed import LiveConnection, Repository
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.ox_state import (
    AZURE_REPOS,
    BITBUCKET_CLOUD,
    BITBUCKET_SERVER,
    CONNECTORS,
    OxConnector,
    OxCredential,
)
from reconciler.sandbox.settings import AZURE, DATA_CENTER
from tests.consumers.ox.bench import Bench, desired, no_pause
from tests.consumers.ox.elsewhere import (
    a_pat,
    azure_labels,
    by_http_token,
    by_pat,
    data_center_labels,
    instance,
    organization,
)
from tests.consumers.ox.ox_hand import asked, choose, whole


def chosen(live: LiveConnection) -> set[str]:
    return {f"{r.owner}/{r.name}" for r in whole(live).resources if r.selected}


async def observed(ox: Consumer, live_id: str) -> LiveConnection:
    return next(live for live in await ox.observe() if live.id == live_id)


def without(bench: Bench, connector_id: str) -> None:
    """The tenant offers one kind of source control less."""
    bench.tenant.connectors = tuple(c for c in CONNECTORS if c.id != connector_id)


# Azure DevOps ----------------------------------------------------------------------------------


async def test_a_personal_access_token_is_connected_to_its_organization(
    bench: Bench, ox: Consumer
) -> None:
    added = await ox.connect(by_pat(bench, "a"))
    credential = bench.tenant.credentials[added.id]
    assert (credential.connector_id, credential.credentials_type) == (AZURE_REPOS, "Token")
    assert credential.host_url == f"{bench.sandbox.urls[AZURE]}/acme/"
    assert (await ox.check(added.id)).ok
    (live,) = await ox.observe()
    assert (live.id, live.name, live.provider) == (added.id, "a", AZURE)
    assert (live.kind, live.username) == (MethodKind.PERSONAL_ACCESS_TOKEN, "")
    assert live.expires_at is not None
    assert chosen(live) == set()


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
@pytest.mark.parametrize("numeric", [True, False], ids=["opaque-ids", "guids"])
async def test_repositories_of_one_name_in_two_projects_are_told_apart(
    bench: Bench, ox: Consumer, *, nested: bool, numeric: bool
) -> None:
    bench.person.switch(nested=nested, numeric_ids=numeric)
    labels = azure_labels(bench)
    added = await ox.connect(by_pat(bench, "a"))
    bench.tick(added.id, "Platform/tools", "Payments/ledger")
    await choose(ox, added.id, labels["Mixed/tools"], drop=(labels["Platform/tools"],))
    live = await observed(ox, added.id)
    assert chosen(live) == {"Mixed/tools", "Payments/ledger"}
    repositories = {label.id: Repository(name) for name, label in labels.items()}
    matched = match_resources(whole(live).resources, repositories, "acme")
    assert set(matched.values()) == repositories.keys()
    shown = {resource.repository_id for resource in whole(live).resources}
    assert shown == ({""} if numeric else repositories.keys())


async def test_a_repository_moved_to_another_project_is_matched_by_its_guid(
    bench: Bench, ox: Consumer
) -> None:
    ledger = azure_labels(bench)["Payments/ledger"]
    added = await ox.connect(by_pat(bench, "a"))
    await choose(ox, added.id, RepositoryLabel("Elsewhere/renamed", ledger.id))
    assert chosen(await observed(ox, added.id)) == {"Payments/ledger"}


async def test_a_successor_takes_over_the_selection_and_the_old_token_goes(
    bench: Bench, ox: Consumer
) -> None:
    labels = azure_labels(bench)
    old = await ox.connect(by_pat(bench, "a:1"))
    await choose(ox, old.id, labels["Payments/ledger"], labels["Platform/tools"], follow_new=True)
    new = await ox.connect(by_pat(bench, "a:2"))
    await choose(
        ox,
        new.id,
        labels["Payments/card-auth"],
        drop=(labels["Platform/tools"],),
        copy_from=old.id,
        follow_new=True,
    )
    await ox.disconnect(old.id)
    await ox.disconnect(old.id)
    (live,) = await ox.observe()
    assert (live.id, chosen(live)) == (new.id, {"Payments/ledger", "Payments/card-auth"})
    organization(bench).create_repository("Platform", "brand-new")
    assert "Platform/brand-new" in chosen(await observed(ox, new.id))


async def test_the_selection_of_a_dead_token_is_taken_over(bench: Bench, ox: Consumer) -> None:
    labels, secret = azure_labels(bench), a_pat(bench)
    old = await ox.connect(by_pat(bench, "a:1", secret))
    bench.tick(old.id, "Mixed/tools")
    organization(bench).revoke(secret.reveal())
    new = await ox.connect(by_pat(bench, "a:2"))
    await choose(ox, new.id, labels["Payments/ledger"], copy_from=old.id)
    assert chosen(await observed(ox, new.id)) == {"Mixed/tools", "Payments/ledger"}


@pytest.mark.parametrize(
    ("workspace", "scope", "said"),
    [
        ("acme", "", "unknown"),
        ("globex", "vso.code", "no such organization"),
        ("acme", "vso.wiki", "lacks the scope"),
    ],
    ids=["unknown-token", "other-organization", "without-code"],
)
async def test_a_token_that_does_not_serve_is_refused_with_what_to_check(
    bench: Bench, ox: Consumer, workspace: str, scope: str, said: str
) -> None:
    secret = a_pat(bench, scope) if scope else Secret("never-issued-by-anybody")
    with pytest.raises(RemoteError, match=said) as caught:
        await ox.connect(by_pat(bench, "a", secret, workspace=workspace))
    assert caught.value.fault is Fault.CREDENTIAL
    assert "organization" in caught.value.hint
    assert bench.count() == 0


async def test_a_revoked_token_is_told_by_checking(bench: Bench, ox: Consumer) -> None:
    secret = a_pat(bench)
    added = await ox.connect(by_pat(bench, "a", secret))
    organization(bench).revoke(secret.reveal())
    verdict = await ox.check(added.id)
    assert not verdict.ok
    assert "revoked" in verdict.cause
    assert "organization" in verdict.hint


async def test_a_grant_by_the_identity_provider_is_observed_and_selected(
    bench: Bench, ox: Consumer
) -> None:
    granted = bench.person.grant(
        provider=AZURE, method="identity-provider", workspace="acme", repositories=["ledger"]
    )
    (live,) = await ox.observe()
    assert (live.provider, live.kind) == (AZURE, MethodKind.IDENTITY_PROVIDER)
    assert live.host_url == f"{bench.sandbox.urls[AZURE]}/acme/"
    assert chosen(live) == {"Payments/ledger"}
    await choose(ox, granted["id"], azure_labels(bench)["Mixed/tools"])
    assert chosen(await observed(ox, granted["id"])) == {"Payments/ledger", "Mixed/tools"}


# Bitbucket Data Center -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "type_"), [("", "Token"), ("svc-scanner", "UserPassword")], ids=["token", "user"]
)
async def test_an_http_access_token_is_connected_with_and_without_its_user(
    bench: Bench, ox: Consumer, username: str, type_: str
) -> None:
    labels = data_center_labels(bench)
    added = await ox.connect(by_http_token(bench, "a", username=username))
    credential = bench.tenant.credentials[added.id]
    assert (credential.connector_id, credential.credentials_type) == (BITBUCKET_SERVER, type_)
    assert (await ox.check(added.id)).ok
    await choose(ox, added.id, labels["PAY/tools"], labels["OPS/deploy"])
    live = await observed(ox, added.id)
    assert (live.provider, live.kind) == (DATA_CENTER, MethodKind.HTTP_ACCESS_TOKEN)
    assert (live.username, chosen(live)) == (username, {"PAY/tools", "OPS/deploy"})


async def test_resources_of_data_center_match_by_project_and_name(
    bench: Bench, ox: Consumer
) -> None:
    """The numbers that OX shows are its own, even where one is a repository's number."""
    labels = data_center_labels(bench)
    added = await ox.connect(by_http_token(bench, "a"))
    resources = whole(await observed(ox, added.id)).resources
    assert all(r.id.isdigit() and not r.repository_id for r in resources)
    repositories = {label.id: Repository(name) for name, label in labels.items()}
    matched = match_resources(resources, repositories, "acme-git")
    assert set(matched.values()) == repositories.keys()
    by_id = {r.id: f"{r.owner}/{r.name}" for r in resources}
    assert all(repositories[id_].name == by_id[key] for key, id_ in matched.items())


async def test_a_revoked_http_access_token_is_told(bench: Bench, ox: Consumer) -> None:
    minted = instance(bench).mint_token("svc-scanner", name="short-lived")
    added = await ox.connect(by_http_token(bench, "a", Secret(minted.token)))
    instance(bench).revoke(minted.token)
    verdict = await ox.check(added.id)
    assert not verdict.ok
    assert "host URL" in verdict.hint


# Several providers in one tenant ---------------------------------------------------------------


async def test_every_connection_is_asked_for_at_its_own_connector(
    bench: Bench, ox: Consumer
) -> None:
    first, *_ = bench.labels()
    added = {
        "azure": await ox.connect(by_pat(bench, "azure")),
        "server": await ox.connect(by_http_token(bench, "server")),
        "cloud": await ox.connect(bench.request("cloud")),
    }
    found = await ox.observe()
    assert [live.name for live in found] == ["cloud", "azure", "server"]
    assert [live.provider for live in found] == ["bitbucket-cloud", AZURE, DATA_CENTER]
    later = OxConsumer(desired(bench.running.urls["ox"]), bench.key, 8, sleep=no_pause)
    for live in added.values():
        assert (await later.check(live.id)).ok
    await choose(later, added["cloud"].id, first)
    await choose(later, added["azure"].id, azure_labels(bench)["Mixed/tools"])
    await choose(later, added["server"].id, data_center_labels(bench)["PAY/tools"])
    assert [chosen(live) for live in await later.observe()] == [
        {f"acme/{first.name}"},
        {"Mixed/tools"},
        {"PAY/tools"},
    ]
    for live in added.values():
        await later.disconnect(live.id)
    await later.aclose()
    assert bench.count() == 0


async def test_what_somebody_added_meanwhile_is_looked_up_once(bench: Bench, ox: Consumer) -> None:
    await ox.observe()
    other = bench.open()
    added = await other.connect(by_pat(bench, "a"))
    await other.aclose()
    before = asked(bench)["GetConnectorsByFamily"]
    for _ in range(3):
        assert (await ox.check(added.id)).ok
    assert asked(bench)["GetConnectorsByFamily"] - before == 1


async def test_connections_of_all_providers_share_their_requests(
    bench: Bench, ox: Consumer
) -> None:
    for number in range(40):
        connector = (BITBUCKET_CLOUD, AZURE_REPOS)[number % 2]
        bench.tenant.add(
            OxCredential(
                f"c{number}", f"n{number}", connector, "IdentityProvider", "", workspace="acme"
            )
        )
    found = await ox.observe()
    assert len(found) == 40
    assert all(whole(live).resources for live in found)
    assert ox.reads().requests == 2


async def test_other_connectors_cost_a_bitbucket_tenant_nothing(bench: Bench, ox: Consumer) -> None:
    added = await ox.connect(bench.request("a"))
    await ox.observe()
    await ox.check(added.id)
    await choose(ox, added.id, bench.labels()[0])
    await ox.disconnect(added.id)
    counted = asked(bench)
    assert counted["GetConnectorsByFamily"] == 2  # before connecting, and to observe
    assert counted["GetConnectorResources"] == 2  # to observe, and before selecting
    assert sum(counted.values()) == 8


async def test_a_tenant_without_bitbucket_is_observed(bench: Bench, ox: Consumer) -> None:
    without(bench, BITBUCKET_CLOUD)
    added = await ox.connect(by_pat(bench, "a"))
    assert [live.id for live in await ox.observe()] == [added.id]
    with pytest.raises(RemoteError, match="no connector for Bitbucket Cloud") as caught:
        await ox.connect(bench.request("b"))
    assert caught.value.fault is Fault.NOT_FOUND
    assert "`connectorId`" in caught.value.hint


async def test_a_provider_without_a_connector_names_its_setting(bench: Bench, ox: Consumer) -> None:
    without(bench, BITBUCKET_SERVER)
    with pytest.raises(RemoteError, match="no connector for Bitbucket Data Center") as caught:
        await ox.connect(by_http_token(bench, "a"))
    assert caught.value.fault is Fault.NOT_FOUND
    assert "`dataCenterConnectorId`" in caught.value.hint


async def test_a_connector_whose_name_tells_nothing_is_named_by_its_setting(bench: Bench) -> None:
    without(bench, AZURE_REPOS)
    bench.tenant.connectors += (
        OxConnector(AZURE_REPOS, "Host", "Code Host", "https://dev.azure.com", ("TokenOnly",)),
    )
    opened = bench.open(azureConnectorId=AZURE_REPOS)
    added = await opened.connect(by_pat(bench, "a"))
    assert bench.tenant.credentials[added.id].credentials_type == "TokenOnly"
    assert [live.provider for live in await opened.observe()] == [AZURE]
    await opened.aclose()


async def test_an_empty_family_searches_all_of_them(bench: Bench) -> None:
    opened = bench.open(family="")
    added = await opened.connect(by_pat(bench, "a"))
    assert (await opened.check(added.id)).ok
    await opened.aclose()
    assert asked(bench)["GetConnectorsByFamily"] == 1


async def test_a_method_that_the_connector_does_not_offer_is_refused(
    bench: Bench, ox: Consumer
) -> None:
    asked_for = ConnectRequest(
        "a", AZURE, MethodKind.API_TOKEN, "", "acme", "bot", Secret("unused-here")
    )
    bench.tenant.connectors = tuple(
        OxConnector(c.id, c.name, c.display_name, c.host_url, ("IdentityProvider",))
        for c in CONNECTORS
    )
    with pytest.raises(RemoteError, match="offers: IdentityProvider") as caught:
        await ox.connect(asked_for)
    assert caught.value.fault is Fault.REJECTED
