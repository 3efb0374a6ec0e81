"""What is particular to OX: discovery, methods, answers."""

from __future__ import annotations

import pytest

from reconciler.consumers.ox.client import OxConsumer
from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.faults import FaultKind
from reconciler.sandbox.ox_state import BITBUCKET_CLOUD, OxConnector, OxCredential
from tests.consumers.ox.bench import Bench, desired, no_pause
from tests.consumers.ox.ox_hand import asked, choose, ticked

# Discovery -------------------------------------------------------------------------------------


async def test_bitbucket_cloud_is_told_from_its_self_hosted_edition(
    bench: Bench, ox: Consumer
) -> None:
    added = await ox.connect(bench.request("a"))
    assert bench.tenant.credentials[added.id].connector_id == BITBUCKET_CLOUD


async def test_connector_is_found_in_whichever_family_it_is(bench: Bench) -> None:
    opened = bench.open(family="Code")
    added = await opened.connect(bench.request("a"))
    await opened.check(added.id)
    await opened.aclose()
    assert asked(bench)["GetConnectorsByFamily"] == 2


async def test_connector_id_of_the_settings_decides(bench: Bench) -> None:
    bench.tenant.connectors = (
        *bench.tenant.connectors,
        OxConnector("77", "BB", "BB", "https://api.bitbucket.org/2.0", ("UserPassword",)),
    )
    opened = bench.open(connectorId="77")
    added = await opened.connect(bench.request("a"))
    await opened.aclose()
    assert bench.tenant.credentials[added.id].credentials_type == "UserPassword"


async def test_missing_connector_names_those_there_are(bench: Bench) -> None:
    opened = bench.open(connectorId="999")
    with pytest.raises(RemoteError, match="no connector with the id 999") as caught:
        await opened.observe()
    await opened.aclose()
    assert caught.value.fault is Fault.NOT_FOUND
    assert "Bitbucket (52)" in caught.value.hint


async def test_endpoint_may_leave_out_the_path_of_the_gateway(bench: Bench) -> None:
    base = bench.running.urls["ox"].removesuffix("/api/apollo-gateway")
    opened = OxConsumer(desired(base), bench.key, 1, sleep=no_pause)
    assert await opened.observe() == ()
    await opened.aclose()


# Methods ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [MethodKind.OAUTH_APP, MethodKind.IDENTITY_PROVIDER], ids=lambda kind: kind.value
)
async def test_browser_grants_are_observed(bench: Bench, ox: Consumer, kind: MethodKind) -> None:
    granted = bench.person.grant(method=kind.value, workspace="globex", repositories=["notebooks"])
    (live,) = await ox.observe()
    assert (live.id, live.kind) == (granted["id"], kind)
    assert ticked(live) == {"notebooks"}


@pytest.mark.parametrize("kind", [MethodKind.OAUTH_APP, MethodKind.ACCESS_TOKEN])
async def test_only_user_name_and_token_can_be_connected(
    bench: Bench, ox: Consumer, kind: MethodKind
) -> None:
    asked_for = ConnectRequest("a", "bitbucket-cloud", kind, "", "acme", "", Secret("unused"))
    with pytest.raises(RemoteError, match=r"browser|BitbucketApp") as caught:
        await ox.connect(asked_for)
    assert caught.value.fault is Fault.REJECTED
    assert bench.count() == 0


async def test_unknown_kinds_of_credentials_are_shown_without_a_method(
    bench: Bench, ox: Consumer
) -> None:
    for number, kind in enumerate(["AppIdAndToken", "BotIdentityProvider"]):
        bench.tenant.add(OxCredential(f"c{number}", f"n{number}", BITBUCKET_CLOUD, kind, ""))
    known, unknown = await ox.observe()
    assert (known.id, known.kind, known.selection) == ("c0", None, None)
    assert (unknown.id, unknown.kind, unknown.selection) == ("unidentified-1", None, None)


# Answers ---------------------------------------------------------------------------------------


async def test_connectivity_without_repositories_is_a_failure(bench: Bench, ox: Consumer) -> None:
    added = await ox.connect(bench.request("a"))
    for repository in bench.sandbox.bitbucket.repositories("acme"):
        bench.sandbox.bitbucket.delete_repository("acme", repository.slug)
    verdict = await ox.check(added.id)
    assert not verdict.ok
    assert "no repositories" in verdict.cause
    assert "workspace" in verdict.hint


async def test_checking_what_is_not_there_is_an_error(ox: Consumer) -> None:
    with pytest.raises(RemoteError, match="not found") as caught:
        await ox.check("cred-0")
    assert caught.value.fault is Fault.NOT_FOUND


@pytest.mark.parametrize("as_200", [True, False], ids=["in-the-body", "by-status"])
async def test_refused_key_is_told_from_refused_token(
    bench: Bench, ox: Consumer, *, as_200: bool
) -> None:
    await ox.observe()
    bench.tenant.errors_as_200 = as_200
    bench.kill_key()
    with pytest.raises(RemoteError) as caught:
        await ox.connect(bench.request("a"))
    assert caught.value.fault is Fault.CREDENTIAL
    assert "API Key Settings" in caught.value.hint


async def test_refused_token_says_what_to_check(bench: Bench, ox: Consumer) -> None:
    request = bench.request("a", Secret("not-a-token-at-all"))
    with pytest.raises(RemoteError) as caught:
        await ox.connect(request)
    assert caught.value.fault is Fault.CREDENTIAL
    assert "e-mail" in caught.value.hint


async def test_used_up_allowance_is_told(bench: Bench, ox: Consumer) -> None:
    bench.tenant.hourly_limit = 1
    await ox.observe()
    with pytest.raises(RemoteError) as caught:
        await ox.observe()
    assert caught.value.fault is Fault.THROTTLED
    assert ox.reads().limit == 1


async def test_connector_without_its_connections_is_no_reading(bench: Bench, ox: Consumer) -> None:
    await ox.connect(bench.request("a"))
    bench.arm(FaultKind.MISSING_FIELDS, value="credentials", times=9)
    with pytest.raises(RemoteError, match="did not list the connections") as caught:
        await ox.observe()
    assert caught.value.fault is Fault.BAD_REPLY


async def test_added_connection_is_found_although_the_answer_lacks_it(
    bench: Bench, ox: Consumer
) -> None:
    await ox.observe()
    bench.arm(FaultKind.MISSING_FIELDS, body=bench.adding, value="credentials")
    added = await ox.connect(bench.request("a"))
    assert bench.has(added.id)


@pytest.mark.parametrize("lasting", [1, 9], ids=["not-listed", "not-readable"])
async def test_added_connection_that_cannot_be_found_is_ambiguous(
    bench: Bench, ox: Consumer, lasting: int
) -> None:
    await ox.observe()
    missing = "credentialsName" if lasting == 1 else "credentials"
    bench.arm(FaultKind.MISSING_FIELDS, value=missing, times=9)
    with pytest.raises(RemoteError, match="OX accepted the connection") as caught:
        await ox.connect(bench.request("a"))
    assert caught.value.fault is Fault.AMBIGUOUS
    assert bench.count() == 1


async def test_selection_that_ox_does_not_take_is_an_error(bench: Bench, ox: Consumer) -> None:
    added = await ox.connect(bench.request("a"))
    bench.person.switch(takes_selections=False)
    with pytest.raises(RemoteError, match="did not accept the selection") as caught:
        await choose(ox, added.id, bench.labels()[0])
    assert caught.value.fault is Fault.REJECTED


async def test_connection_that_stays_after_its_removal_is_an_error(
    bench: Bench, ox: Consumer
) -> None:
    added = await ox.connect(bench.request("a"))
    bench.arm(FaultKind.ERROR, body="RemoveCredentials", value=400, times=9)
    with pytest.raises(RemoteError, match="Something went wrong"):
        await ox.disconnect(added.id)
    assert bench.has(added.id)


async def test_answer_without_data_is_a_bad_reply(bench: Bench, ox: Consumer) -> None:
    bench.arm(FaultKind.MISSING_FIELDS, value="data")
    with pytest.raises(RemoteError) as caught:
        await ox.observe()
    assert caught.value.fault is Fault.BAD_REPLY
