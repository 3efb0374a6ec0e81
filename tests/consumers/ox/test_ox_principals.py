"""Service principals at OX: the union's member for them is not published, so they are asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.consumers.ox.client import OxConsumer
from reconciler.consumers.ox.convert import PRINCIPAL
from reconciler.consumers.ox.queries import documents
from reconciler.errors import Fault, RemoteError
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.ox_state import AZURE_REPOS, OxCredential
from reconciler.sandbox.settings import AZURE
from tests.consumers.ox.bench import Bench, desired, no_pause
from tests.consumers.ox.elsewhere import azure_labels, by_pat
from tests.consumers.ox.ox_hand import asked, choose, whole

MEMBERS = {
    "TokenAndUserCredentials",
    "UserPasswordCredentials",
    "UserPasswordOnlyCredentials",
    "TokenCredentials",
    "TokenOnlyCredentials",
    "BitbucketAppCredentials",
    "IdentityProvider",
}
"""What the documents have always named."""


def by_application(bench: Bench, **parts: Any) -> ConnectRequest:
    environment = bench.running.environment
    given: dict[str, Any] = {
        "name": "a",
        "provider": AZURE,
        "kind": MethodKind.SERVICE_PRINCIPAL,
        "host_url": bench.sandbox.urls[AZURE],
        "workspace": "acme",
        "username": environment["AZURE_SP_CLIENT_ID"],
        "secret": Secret(environment["AZURE_SP_CLIENT_SECRET"]),
        "tenant": environment["AZURE_TENANT_ID"],
    }
    return ConnectRequest(**given | parts)


def that_exists(bench: Bench) -> OxCredential:
    """Somebody has connected an application in the pages of OX."""
    environment = bench.running.environment
    return bench.tenant.add(
        OxCredential(
            "sp-1",
            "by application",
            AZURE_REPOS,
            "ServicePrincipal",
            f"{bench.sandbox.urls[AZURE]}/acme/",
            username=environment["AZURE_SP_CLIENT_ID"],
            secret=environment["AZURE_SP_CLIENT_SECRET"],
            tenant=environment["AZURE_TENANT_ID"],
        )
    )


@pytest.mark.parametrize("principals", [False, True], ids=["plain", "with-principals"])
def test_the_documents_name_no_member_unasked(*, principals: bool) -> None:
    expected = MEMBERS | {PRINCIPAL} if principals else MEMBERS
    for document in documents(principals=principals):
        assert set(re.findall(r"\.\.\. on (\w+)", document)) == expected


# Without the setting ---------------------------------------------------------------------------


async def test_a_service_principal_is_not_connected_unasked(bench: Bench, ox: Consumer) -> None:
    with pytest.raises(RemoteError, match="nothing was sent") as caught:
        await ox.connect(by_application(bench))
    assert caught.value.fault is Fault.REJECTED
    assert '`servicePrincipals: "yes"`' in caught.value.hint
    assert not bench.requests()


async def test_other_methods_work_whatever_the_member_is_called(bench: Bench, ox: Consumer) -> None:
    """OX refuses a whole document for one name that it does not know."""
    bench.person.switch(principals_renamed=True)
    that_exists(bench)
    cloud, azure = await ox.connect(bench.request("cloud")), await ox.connect(by_pat(bench, "pat"))
    bench.tick(cloud.id, bench.labels()[0].name)
    bench.kill(Secret(bench.tenant.credentials[cloud.id].secret))
    successor = await ox.connect(bench.request("successor"))
    await choose(ox, successor.id, copy_from=cloud.id)
    await ox.disconnect(cloud.id)
    found = {live.id: live.kind for live in await ox.observe()}
    assert found[successor.id] is MethodKind.API_TOKEN
    assert found[azure.id] is MethodKind.PERSONAL_ACCESS_TOKEN
    assert asked(bench)["GetMonitoredResources"] == 1


@pytest.mark.parametrize(
    ("renamed", "kind"),
    [(False, MethodKind.SERVICE_PRINCIPAL), (True, None)],
    ids=["name-as-assumed", "other-name"],
)
async def test_one_that_exists_is_shown_and_no_more(
    bench: Bench, ox: Consumer, *, renamed: bool, kind: MethodKind | None
) -> None:
    bench.person.switch(principals_renamed=renamed)
    that_exists(bench)
    (live,) = await ox.observe()
    assert (live.id, live.kind, live.selection) == ("unidentified-0", kind, None)
    assert asked(bench) == {"GetConnectorsByFamily": 1}


@pytest.mark.parametrize("value", ["no", "true", "YES", ""], ids=["no", "true", "capitals", "none"])
async def test_a_setting_that_is_not_yes_is_refused(bench: Bench, value: str) -> None:
    opened = bench.open(servicePrincipals=value)
    for doing in (
        opened.observe(),
        opened.connect(bench.request("a")),
        opened.connect(by_application(bench)),
    ):
        with pytest.raises(RemoteError, match="servicePrincipals") as caught:
            await doing
        assert caught.value.fault is Fault.REJECTED
        assert '"yes"' in caught.value.hint
    await opened.aclose()
    assert not bench.requests()


# With the setting ------------------------------------------------------------------------------


@pytest.fixture
def agreed(bench: Bench) -> OxConsumer:
    settings = desired(bench.running.urls["ox"], servicePrincipals="yes")
    return OxConsumer(settings, bench.key, 8, sleep=no_pause)


async def test_a_service_principal_is_connected_with_its_tenant(
    bench: Bench, agreed: OxConsumer
) -> None:
    added = await agreed.connect(by_application(bench))
    held = bench.tenant.credentials[added.id]
    assert (held.credentials_type, held.tenant) == (
        "ServicePrincipal",
        bench.running.environment["AZURE_TENANT_ID"],
    )
    await choose(agreed, added.id, azure_labels(bench)["Mixed/tools"])
    (live,) = await agreed.observe()
    assert (live.id, live.kind) == (added.id, MethodKind.SERVICE_PRINCIPAL)
    assert {r.name for r in whole(live).resources if r.selected} == {"tools"}
    await agreed.disconnect(added.id)
    await agreed.aclose()
    assert bench.count() == 0


async def test_a_service_principal_that_exists_is_observed(
    bench: Bench, agreed: OxConsumer
) -> None:
    that_exists(bench)
    (live,) = await agreed.observe()
    assert (live.id, live.kind) == ("sp-1", MethodKind.SERVICE_PRINCIPAL)
    assert len(whole(live).resources) == len(azure_labels(bench))
    assert (await agreed.check("sp-1")).ok
    await agreed.aclose()


async def test_where_the_member_has_another_name_the_setting_is_to_go(
    bench: Bench, agreed: OxConsumer
) -> None:
    bench.person.switch(principals_renamed=True)
    with pytest.raises(RemoteError, match=PRINCIPAL) as caught:
        await agreed.observe()
    await agreed.aclose()
    assert caught.value.fault is Fault.BAD_REPLY
    assert "take `servicePrincipals` out of the settings" in caught.value.hint


@pytest.mark.parametrize(
    "form",
    [CredentialForm.CERTIFICATE, CredentialForm.FEDERATED, CredentialForm.TOKEN],
    ids=lambda form: form.value,
)
async def test_no_private_key_or_token_of_an_application_is_sent_to_ox(
    bench: Bench, agreed: OxConsumer, form: CredentialForm
) -> None:
    with pytest.raises(RemoteError, match="nothing was sent") as caught:
        await agreed.connect(by_application(bench, form=form))
    await agreed.aclose()
    assert caught.value.fault is Fault.REJECTED
    assert "AddCredentials" not in asked(bench)


async def test_an_application_without_its_tenant_is_not_sent(
    bench: Bench, agreed: OxConsumer
) -> None:
    with pytest.raises(RemoteError, match="needs the tenant") as caught:
        await agreed.connect(by_application(bench, tenant=""))
    await agreed.aclose()
    assert "`tenant`" in caught.value.hint
    assert "AddCredentials" not in asked(bench)
