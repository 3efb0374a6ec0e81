"""Personal access tokens through the API of their life cycle: what only Azure DevOps does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.provider import CredentialHome, IssuerLogin, Order
from reconciler.providers.azure_devops.client import AzureDevOps
from reconciler.providers.azure_devops.pats import Pats
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.azure_devops.bench import ADMIN, SCM, SCOPES, Bench

DAY = timedelta(days=1)


def order(bench: Bench, scopes: tuple[str, ...] = SCOPES, days: float = 30) -> Order:
    return Order(bench.home(), "ox-acme", scopes, datetime.now(UTC) + days * DAY)


async def change(provider: AzureDevOps, bench: Bench, call: str, id_: str) -> None:
    if call == "revoke":
        await provider.revoke(bench.issuer(), bench.home(), id_)
    else:
        await provider.rescope(bench.issuer(), bench.home(), id_, ("vso.profile",))


async def test_a_token_is_made_for_this_organization_alone(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
    made = bench.organization.pat(minted.credential.id)
    assert made.targets == (bench.organization.id,)
    assert made.scope == "vso.code vso.memberentitlementmanagement vso.profile vso.project"
    assert bench.organization.user(SCM).id == made.owner
    assert minted.credential.created_at is not None


@pytest.mark.parametrize("days", [364.5, 400, 4000], ids=str)
async def test_no_more_than_364_days_are_asked_for(bench: Bench, days: float) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench, days=days))
    ends = minted.credential.expires_at
    assert ends is not None
    assert abs(ends - datetime.now(UTC) - 364 * DAY) < timedelta(minutes=1)


async def test_the_services_clock_counts_where_the_end_is_near_the_limit(bench: Bench) -> None:
    async with bench.open_account() as provider:
        pats: Pats = provider._pats
        await provider.issued(bench.issuer(), bench.home())
        assert abs(pats._skew or DAY) < timedelta(minutes=1)
        pats._skew = -3 * DAY
        minted = await provider.issue(bench.issuer(), order(bench, days=364))
    ends = minted.credential.expires_at
    assert ends is not None
    assert abs(ends - datetime.now(UTC) - 361 * DAY) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("knobs", "scopes", "policy"),
    [
        ({"creation_restricted": True}, SCOPES, "Restrict personal access token creation"),
        (
            {"forbid_full_scope": True},
            ("app_token",),
            "Restrict full-scoped personal access token creation",
        ),
        (
            {"max_life_days": 7, "life_mode": "error"},
            SCOPES,
            "Enforce maximum personal access token lifespan",
        ),
    ],
    ids=["creation", "full-scope", "lifespan"],
)
@pytest.mark.parametrize("status", [200, 400], ids=str)
async def test_a_policy_is_named_with_the_way_out(
    bench: Bench, knobs: dict[str, object], scopes: tuple[str, ...], policy: str, status: int
) -> None:
    bench.organization.knobs.turn(**knobs, pat_error_status=status)
    before = bench.live_credentials()
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench, scopes))
    assert caught.value.fault is Fault.REJECTED
    assert policy in caught.value.cause
    assert "allow list" in caught.value.hint
    assert bench.live_credentials() == before
    assert bench.creates() == 1


async def test_a_scope_that_no_token_can_hold_is_refused(bench: Bench) -> None:
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="invalidScope") as caught:
            await provider.issue(bench.issuer(), order(bench, ("vso.pats",)))
    assert caught.value.fault is Fault.REJECTED


async def test_a_change_of_scopes_does_not_make_a_token_global(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        await provider.rescope(bench.issuer(), bench.home(), minted.credential.id, ("vso.code",))
    made = bench.organization.pat(minted.credential.id)
    assert (made.scope, made.targets) == ("vso.code", (bench.organization.id,))


async def test_an_expired_token_cannot_be_changed(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.expire(minted.credential.id)
        with pytest.raises(RemoteError, match="cannot be changed any more") as caught:
            await provider.rescope(
                bench.issuer(), bench.home(), minted.credential.id, ("vso.code",)
            )
    assert caught.value.fault is Fault.REJECTED


@pytest.mark.parametrize("call", ["rescope", "revoke"])
async def test_a_refusal_without_a_word_is_no_success(bench: Bench, call: str) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.sandbox.faults.add(Scripted(FaultKind.ERROR, value=403, times=None))
        with pytest.raises(RemoteError) as caught:
            await change(provider, bench, call, minted.credential.id)
    assert caught.value.fault is Fault.PERMISSION
    assert minted.credential.id in bench.live_credentials()


@pytest.mark.parametrize("call", ["rescope", "revoke"])
async def test_a_success_that_says_nothing_of_the_token_is_a_bad_reply(
    bench: Bench, call: str
) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.sandbox.faults.add(
            Scripted(
                FaultKind.MISSING_FIELDS,
                match="PUT *",
                value="patToken,patTokenError",
            )
        )
        bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="DELETE *", value=200, times=None))
        with pytest.raises(RemoteError, match="what became of it") as caught:
            await change(provider, bench, call, minted.credential.id)
    assert caught.value.fault is Fault.BAD_REPLY


async def test_an_answer_without_the_secret_is_ambiguous(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, match="POST *tokens/pats*", value="token")
    )
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="no secret") as caught:
            await provider.issue(bench.issuer(), order(bench))
    assert caught.value.fault is Fault.AMBIGUOUS


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("failedToIssueAccessToken", Fault.OUTAGE),
        ("accessDenied", Fault.PERMISSION),
        ("somethingNew", Fault.REJECTED),
    ],
    ids=["retryable", "identity", "unknown"],
)
async def test_an_error_in_an_answer_of_200_is_no_success_and_not_repeated(
    bench: Bench, error: str, fault: Fault
) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.OTHER_VALUES, match="POST *tokens/pats*", value=f"patTokenError={error}")
    )
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match=error) as caught:
            await provider.issue(bench.issuer(), order(bench))
    assert caught.value.fault is fault
    assert bench.creates() == 1


async def test_a_404_that_is_not_about_the_token_does_not_pass_for_revoked(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="DELETE *", value=404))
        with pytest.raises(RemoteError):
            await provider.revoke(bench.issuer(), bench.home(), minted.credential.id)
        assert minted.credential.id in bench.live_credentials()
        bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="DELETE *", value=404))
        await provider.revoke(bench.issuer(), bench.home(), bench.unknown_id())


async def test_a_page_in_the_place_of_an_answer_does_not_pass_for_revoked(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.sandbox.faults.add(Scripted(FaultKind.HTML, match="DELETE *"))
        with pytest.raises(RemoteError) as caught:
            await provider.revoke(bench.issuer(), bench.home(), minted.credential.id)
    assert caught.value.fault is Fault.BAD_REPLY
    assert minted.credential.id in bench.live_credentials()


@pytest.mark.parametrize("who", ["app", "reads-only"])
async def test_an_issuer_that_is_somebody_but_may_not_is_told_how_to_sign_in(
    bench: Bench, who: str
) -> None:
    reads_only, app, _ = bench.weak_issuers()
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.issue(app if who == "app" else reads_only, order(bench))
    assert caught.value.fault is Fault.PERMISSION
    assert "vso.pats_manage" in caught.value.hint
    assert bench.trapped() == 0


CALLS = ("issued", "issue", "rescope", "revoke")


async def ask(provider: AzureDevOps, login: IssuerLogin, home: CredentialHome, call: str) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    if call == "issued":
        await provider.issued(login, home)
    elif call == "issue":
        await provider.issue(login, Order(home, "ox-acme", SCOPES, datetime.now(UTC) + DAY))
    elif call == "rescope":
        await provider.rescope(login, home, unknown, SCOPES)
    else:
        await provider.revoke(login, home, unknown)


@pytest.mark.parametrize("call", CALLS)
async def test_an_issuer_that_is_not_the_owner_is_refused_before_anything_is_made(
    bench: Bench, call: str
) -> None:
    before = bench.live_credentials()
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await ask(provider, bench.issuer(), bench.home(ADMIN), call)
    assert caught.value.fault is Fault.REJECTED
    assert f"signs in as {SCM}" in caught.value.cause
    assert ADMIN in caught.value.cause
    assert f"a token of {ADMIN}" in caught.value.hint
    assert bench.live_credentials() == before
    assert {line.partition(" ")[0] for line in bench.lines()} == {"GET"}


@pytest.mark.parametrize("owner", [SCM, SCM.upper(), "id"], ids=["account", "case", "id"])
async def test_the_owner_is_known_by_account_or_id_and_asked_for_once(
    bench: Bench, owner: str
) -> None:
    home = bench.home(bench.organization.user(SCM).id if owner == "id" else owner)
    async with bench.open_account() as provider:
        await provider.issued(bench.issuer(), home)
        await ask(provider, bench.issuer(), home, "issue")
    assert bench.lines().count("GET /acme/_apis/connectionData") == 1
    assert bench.creates() == 1


async def test_every_issuer_is_asked_for_itself(bench: Bench) -> None:
    other = IssuerLogin(
        IssuerKind.BEARER, Secret(bench.organization.mint_user_token(ADMIN).token), SCM
    )
    async with bench.open_account() as provider:
        await provider.issued(bench.issuer(), bench.home(SCM))
        with pytest.raises(RemoteError, match=f"signs in as {ADMIN}"):
            await ask(provider, other, bench.home(SCM), "issue")
    assert bench.creates() == 0


@pytest.mark.parametrize("call", CALLS)
async def test_an_issuer_that_can_own_no_token_is_told_so_and_not_whose_it_is(
    bench: Bench, call: str
) -> None:
    app = IssuerLogin(IssuerKind.BEARER, bench.app_token().secret)
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await ask(provider, app, bench.home(SCM), call)
    assert caught.value.fault is Fault.PERMISSION
    assert "vso.pats_manage" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (FaultKind.ERROR, 403, Fault.PERMISSION),
        (FaultKind.ERROR, 404, Fault.NOT_FOUND),
        (FaultKind.HTML, None, Fault.BAD_REPLY),
        (FaultKind.OTHER_VALUES, "id=aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", Fault.CREDENTIAL),
    ],
    ids=["refused", "absent", "page", "nobody"],
)
async def test_an_owner_that_cannot_be_learnt_stops_everything(
    bench: Bench, kind: FaultKind, value: str | int | None, fault: Fault
) -> None:
    bench.sandbox.faults.add(Scripted(kind, match="*connectionData*", value=value, times=None))
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await ask(provider, bench.issuer(), bench.home(SCM), "issue")
    assert caught.value.fault is fault
    assert bench.creates() == 0


async def test_a_token_as_issuer_is_refused_unsent(bench: Bench) -> None:
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="cannot be used to make") as caught:
            await provider.issued(IssuerLogin(IssuerKind.BEARER, bench.login.secret), bench.home())
    assert caught.value.fault is Fault.PERMISSION
    assert bench.requests() == 0


async def test_a_dead_issuer_is_told_by_its_own_word(bench: Bench) -> None:
    login = IssuerLogin(IssuerKind.BEARER, Secret("e30.e30.not-a-token"))
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="TF400813") as caught:
            await provider.issued(login, bench.home())
    assert caught.value.fault is Fault.CREDENTIAL


async def test_only_personal_access_tokens_are_made(bench: Bench) -> None:
    home = CredentialHome(MethodKind.SERVICE_PRINCIPAL)
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="service-principal") as caught:
            await provider.issued(bench.issuer(), home)
    assert caught.value.fault is Fault.REJECTED
    assert bench.requests() == 0


@pytest.mark.parametrize("owner", ["", SCM], ids=["no-owner", "owner"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_server_is_recognized_by_how_it_refuses(
    bench: Bench, call: str, owner: str
) -> None:
    bench.organization.knobs.turn(deployment="onPremises")
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="only Azure DevOps Services") as caught:
            await ask(provider, bench.issuer(), bench.home(owner), call)
    assert "person" in caught.value.hint


async def test_a_server_has_no_such_api_and_nothing_is_sent_there(bench: Bench) -> None:
    far = bench.account(api_url="https://tfs.acme.example/tfs")
    async with bench.open_account(far) as provider:
        with pytest.raises(RemoteError, match="only Azure DevOps Services") as caught:
            await provider.issued(bench.issuer(), bench.home())
    assert caught.value.fault is Fault.REJECTED
    assert "person" in caught.value.hint
    assert bench.requests() == 0


async def test_pages_that_never_end_are_an_error(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(
            FaultKind.OTHER_VALUES,
            match="GET *tokens/pats*",
            value="continuationToken=active.0",
            times=None,
        )
    )
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="do not come to an end"):
            await provider.issued(bench.issuer(), bench.home())
    assert bench.requests() == 2


async def test_a_bearer_never_leaves_in_a_query_or_body(bench: Bench) -> None:
    async with bench.open_account() as provider:
        await provider.issue(bench.issuer(), order(bench))
    secret = bench.issuer().secret.reveal()
    assert secret not in json.dumps([entry.path for entry in bench.sandbox.requests])
