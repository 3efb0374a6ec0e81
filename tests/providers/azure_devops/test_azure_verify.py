"""What only Azure DevOps does with a credential, on the emulator over HTTP."""

from __future__ import annotations

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login, silent
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.azure_devops.bench import SCM, SCOPES, Bench

UNKNOWN = Login(MethodKind.PERSONAL_ACCESS_TOKEN, Secret("never-issued-" + "b" * 39))


async def test_a_token_shows_its_owner_and_nothing_of_its_scopes(bench: Bench) -> None:
    async with bench.open() as provider:
        report = await provider.verify(bench.pat(), reach=True)
    assert report.identity == bench.organization.user(SCM).id
    assert report.login == SCM
    assert (report.scopes, report.expires_at, report.token_id) == (None, None, "")
    assert (report.reaches, report.lacking, report.cause) == (True, frozenset(), "")


async def test_a_replaced_token_has_the_same_identity(bench: Bench) -> None:
    async with bench.open() as provider:
        old = await provider.verify(bench.pat(), reach=False)
        new = await provider.verify(bench.pat(), reach=False)
    assert old.identity == new.identity


@pytest.mark.parametrize("style", ["203", "302", "401"])
async def test_every_face_of_an_unknown_token_is_one_verdict(bench: Bench, style: str) -> None:
    bench.organization.knobs.turn(bad_credential_style=style)
    async with bench.open() as provider:
        report = await provider.verify(UNKNOWN, reach=True)
        with pytest.raises(RemoteError, match="refused the credential") as caught:
            await provider.list_repositories(UNKNOWN, expected=None, progress=silent)
    assert (report.verdict, report.reaches) == (Verdict.DEAD, None)
    assert "expired, revoked, or of another organization" in report.cause
    assert style in report.cause
    assert caught.value.fault is Fault.CREDENTIAL
    assert caught.value.required == ("vso.code",)
    assert bench.trapped() == 0


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("empty-401", "expired, revoked, or of another organization"),
        ("json", "it has expired"),
        ("service-error-header", "it has expired"),
    ],
    ids=["empty", "json", "header"],
)
async def test_every_face_of_an_expired_token_is_one_verdict(
    bench: Bench, style: str, words: str
) -> None:
    bench.organization.knobs.turn(expired_style=style)
    login = bench.pat()
    bench.organization.expire(login.secret.reveal())
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert report.verdict is Verdict.DEAD
    assert words in report.cause


@pytest.mark.parametrize("style", ["401", "203"])
@pytest.mark.parametrize("bom", [True, False], ids=["bom", "plain"])
async def test_every_face_of_an_ended_bearer_is_one_verdict(
    bench: Bench, style: str, bom: bool
) -> None:
    bench.organization.knobs.turn(expired_bearer_style=style, bom=bom)
    login = bench.app_token()
    bench.organization.expire(login.secret.reveal())
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert report.verdict is Verdict.DEAD
    assert style == "203" or "TF400813" in report.cause


async def test_an_answer_to_nobody_is_no_login(bench: Bench) -> None:
    bench.organization.knobs.turn(anonymous_connection_data=True)
    async with bench.open() as provider:
        report = await provider.verify(UNKNOWN, reach=True)
    assert report.verdict is Verdict.DEAD
    assert "nobody" in report.cause


async def test_a_stopped_organization_is_blocked_and_says_so(bench: Bench) -> None:
    bench.block()
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
        with pytest.raises(RemoteError, match="TF24668"):
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert report.verdict is Verdict.BLOCKED
    assert "TF24668" in report.cause
    assert "start the organization" in report.hint


async def test_an_unknown_organization_is_not_a_dead_credential(bench: Bench) -> None:
    async with bench.open_account(bench.account(organization="acmee")) as provider:
        report = await provider.verify(bench.login, reach=True)
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert report.verdict is Verdict.UNKNOWN
    assert "spelling" in report.hint
    assert caught.value.fault is Fault.NOT_FOUND
    assert "spelling" in caught.value.hint


async def test_wanted_scopes_are_tried_by_the_calls_that_need_them(bench: Bench) -> None:
    login = bench.pat(("vso.graph",), wants=(*SCOPES, "vso.graph"))
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, False)
    assert report.lacking == frozenset(SCOPES)
    assert all(scope in report.cause for scope in SCOPES)
    assert bench.requests() == 5


async def test_a_scope_without_a_call_is_not_tried(bench: Bench) -> None:
    async with bench.open() as provider:
        report = await provider.verify(bench.pat(wants=("vso.graph", "vso.wiki")), reach=True)
    assert (report.reaches, report.lacking) == (True, frozenset())
    assert bench.requests() == 2


async def test_reading_projects_does_not_prove_the_scope_for_projects(bench: Bench) -> None:
    """``vso.profile`` is enough for that call, so that nothing speaks against ``vso.project``."""
    async with bench.open() as provider:
        login = bench.pat(("vso.profile",), wants=("vso.project",))
        report = await provider.verify(login, reach=True)
    assert (report.reaches, report.lacking) == (True, frozenset())


async def test_code_is_tried_in_one_project_and_not_in_the_whole_organization(
    bench: Bench,
) -> None:
    async with bench.open() as provider:
        await provider.verify(bench.pat(("vso.code",)), reach=True)
    project = bench.organization.project("Payments").id
    assert f"GET /acme/{project}/_apis/git/repositories" in bench.lines()
    assert "GET /acme/_apis/git/repositories" not in bench.lines()


async def test_lacking_permissions_of_the_owner_are_no_lacking_scope(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="*/userentitlements*", value=403, times=None)
    )
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
    assert (report.reaches, report.lacking) == (True, frozenset())
    assert "403" in report.cause
    assert "owner lacks access" in report.hint


async def test_a_call_without_an_answer_leaves_the_others_standing(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="*/userentitlements*", value=500, times=None)
    )
    async with bench.open() as provider:
        report = await provider.verify(bench.pat(("vso.profile",), wants=SCOPES), reach=True)
        lucky = await provider.verify(bench.login, reach=True)
    assert report.lacking == frozenset({"vso.code"})
    assert (lucky.reaches, lucky.lacking) == (True, frozenset())
    assert "500" in lucky.cause


async def test_a_bearer_is_shown_without_asking_for_suppressed_redirects(bench: Bench) -> None:
    bench.organization.knobs.turn(bad_credential_style="302")
    async with bench.open() as provider:
        report = await provider.verify(bench.app_token(), reach=True)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)


@pytest.mark.parametrize(
    ("username", "tenant"), [("", "t"), ("client", "")], ids=["no-client", "no-tenant"]
)
async def test_a_service_principal_needs_client_id_and_tenant(
    bench: Bench, username: str, tenant: str
) -> None:
    login = Login(
        MethodKind.SERVICE_PRINCIPAL,
        Secret("client-secret-1"),
        username,
        tenant=tenant,
        form=CredentialForm.SECRET,
    )
    async with bench.open() as provider:
        report = await provider.verify(login, reach=False)
    assert report.verdict is Verdict.UNKNOWN
    assert "tenant" in report.hint
    assert bench.requests() == 0


async def test_a_secret_that_cannot_stand_in_a_header_is_dead_without_asking(
    bench: Bench,
) -> None:
    login = bench.bearer("two lines\nof text")
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert report.verdict is Verdict.DEAD
    assert bench.requests() == 0
