"""Making, changing and ending tokens: what only Bitbucket Data Center does, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from reconciler.errors import Fault, RemoteError, SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.observed import IssuedCredential, Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import CredentialHome, IssuerLogin, Order
from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter
from reconciler.providers.bitbucket_data_center.tokens import token_id
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_data_center.bench import OWNER, READS, WRITES, Bench
from tests.providers.bitbucket_data_center.bench import bench as open_bench
from tests.unit.transport.rawserver import answer, in_turn, raw_server

VERSIONS = ("8.19.29", "9.4.24", "10.0.2", "10.2.6", "10.5.0")
KIND = MethodKind.HTTP_ACCESS_TOKEN
PROJECT = CredentialHome(KIND, "project", target="PAY")
REPOSITORY = CredentialHome(KIND, "repository", target="PAY/ledger")
DAY = timedelta(days=1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


def ada(bench: Bench) -> IssuerLogin:
    """Who administers PAY."""
    return IssuerLogin(IssuerKind.PASSWORD, Secret(bench.instance.set_password("ada")), "ada")


def order(
    home: CredentialHome, scopes: tuple[str, ...] = READS, ends: datetime | None = None
) -> Order:
    return Order(home, "ox-acme [reconciler 1a2b3c4d-1]", scopes, ends)


async def issued(bench: Bench, login: IssuerLogin, wanted: Order) -> IssuedCredential:
    async with bench.open_account() as provider:
        return (await provider.issue(login, wanted)).credential


async def refused(bench: Bench, login: IssuerLogin, wanted: Order) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await issued(bench, login, wanted)
    return caught.value


# Homes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("home", "scopes"), [(PROJECT, READS), (REPOSITORY, ("REPO_READ",))], ids=lambda v: str(v)[:40]
)
async def test_projects_and_repositories_have_tokens_of_their_own(
    bench: Bench, version: str, home: CredentialHome, scopes: tuple[str, ...]
) -> None:
    bench.instance.knobs.version = version
    login = ada(bench)
    async with bench.open_account() as provider:
        minted = await provider.issue(login, order(home, scopes))
        assert minted.credential.id == token_id(minted.secret)
        shown = bench.a_login(minted.secret.reveal(), home.level)
        works = await provider.verify(shown, reach=True)
        wider = tuple(name.replace("REPO_READ", "REPO_WRITE") for name in scopes)
        changed = await provider.rescope(login, home, minted.credential.id, wider)
        found = await provider.issued(login, home)
        await provider.revoke(login, home, minted.credential.id)
        dead = await provider.verify(shown, reach=False)
    assert (works.verdict, works.reaches, works.token_id) == (
        Verdict.WORKS,
        True,
        minted.credential.id,
    )
    assert changed.scopes == frozenset(wider)
    assert [credential.id for credential in found] == [minted.credential.id]
    assert dead.verdict is Verdict.DEAD


@pytest.mark.parametrize(
    ("home", "words"),
    [
        (replace(PROJECT, target=""), "project's tokens cannot live at ''"),
        (replace(PROJECT, target="PAY/ledger"), "cannot live at 'PAY/ledger'"),
        (replace(PROJECT, target="PAY/a/b"), "cannot live at 'PAY/a/b'"),
        (replace(PROJECT, level="workspace"), "no level 'workspace'"),
        (replace(PROJECT, kind=MethodKind.OAUTH_CONSUMER), "oauth-consumer"),
    ],
    ids=["nowhere", "too-deep", "far-too-deep", "level", "link"],
)
async def test_a_home_that_cannot_be_is_refused_unsent(
    bench: Bench, home: CredentialHome, words: str
) -> None:
    error = await refused(bench, ada(bench), order(home))
    assert error.fault is Fault.REJECTED
    assert words in error.cause
    assert bench.requests() == 0


async def test_users_are_found_by_their_exact_name_and_addressed_by_their_slug(
    bench: Bench,
) -> None:
    bench.instance.add_user("jane@example.org")
    password = bench.instance.add_user("jane@example")
    login = IssuerLogin(IssuerKind.PASSWORD, Secret(password), "jane@example")
    home = CredentialHome(KIND, "user", "jane@example")
    async with bench.open_account() as provider:
        await provider.issue(login, order(home))
        await provider.issued(login, home)
    paths = [entry.path for entry in bench.logged()]
    assert [path for path in paths if path.endswith("/users/jane_example")]
    assert sum("/users?filter=" in path for path in paths) == 1
    assert len(bench.instance.tokens("jane@example")) == 1


async def test_a_user_on_a_later_page_is_found(bench: Bench) -> None:
    for number in range(3):
        bench.instance.add_user(f"a-{OWNER}-{number}")
    bench.instance.knobs.page_limit = 1
    made = await issued(bench, bench.issuer(), order(bench.home()))
    assert made.id in bench.live_credentials()


async def test_an_unknown_owner_is_named(bench: Bench) -> None:
    home = CredentialHome(KIND, "user", "svc-scaner")
    error = await refused(bench, bench.issuer(), order(home))
    assert error.fault is Fault.NOT_FOUND
    assert "svc-scaner" in error.cause
    assert bench.creates() == 0


async def test_who_signs_in_is_the_owner_where_nobody_is_named(bench: Bench) -> None:
    home = CredentialHome(KIND, "user", "")
    made = await issued(bench, bench.issuer(IssuerKind.BEARER), order(home))
    assert made.id in bench.live_credentials()


# What is asked for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        (("PROJECT_READ",), ("PROJECT_READ", "REPO_READ")),
        (("REPO_READ",), ("REPO_READ",)),
        (("PROJECT_WRITE", "REPO_READ"), ("PROJECT_WRITE", "REPO_WRITE")),
        (("PROJECT_READ", "REPO_READ", "REPO_WRITE"), ("PROJECT_READ", "REPO_WRITE")),
        (("PROJECT_ADMIN",), ("PROJECT_ADMIN", "REPO_ADMIN")),
    ],
    ids="+".join,
)
async def test_both_parts_are_asked_for_and_no_project_right_that_nobody_wants(
    bench: Bench, wanted: tuple[str, ...], stored: tuple[str, ...]
) -> None:
    made = await issued(bench, bench.issuer(), order(bench.home(), wanted))
    assert made.scopes == frozenset(stored)
    assert set(bench.instance.token(made.id).permissions) == set(stored)


@pytest.mark.parametrize(
    ("home", "scopes", "words"),
    [
        (REPOSITORY, READS, "cannot hold PROJECT_READ"),
        (PROJECT, ("repository:read",), "repository:read"),
        (PROJECT, (), "nothing"),
    ],
    ids=["project-part", "strange", "none"],
)
async def test_permissions_that_no_such_token_can_hold_are_refused_unsent(
    bench: Bench, home: CredentialHome, scopes: tuple[str, ...], words: str
) -> None:
    error = await refused(bench, ada(bench), order(home, scopes))
    assert error.fault is Fault.REJECTED
    assert words in error.cause
    assert bench.requests() == 0


@pytest.mark.parametrize(
    ("life", "days"),
    [(30 * DAY, 30), (30.9 * DAY, 30), (DAY / 2, 1), (None, None)],
    ids=["whole", "part", "less-than-one", "endless"],
)
async def test_whole_days_are_asked_for_rounded_down(
    bench: Bench, life: timedelta | None, days: int | None
) -> None:
    now = datetime.now(UTC)
    async with bench.open_account(clock=lambda: now) as provider:
        wanted = order(bench.home(), ends=None if life is None else now + life)
        made = (await provider.issue(bench.issuer(), wanted)).credential
    stored = bench.instance.token(made.id)
    if days is None:
        assert (made.expires_at, stored.expires_at) == (None, None)
        return
    assert stored.expires_at == stored.created_at + days * DAY
    assert made.expires_at is not None
    assert abs(made.expires_at - stored.expires_at) < timedelta(seconds=1)


async def test_rescoping_keeps_secret_name_and_end(bench: Bench) -> None:
    async with bench.open_account() as provider:
        wanted = order(bench.home(), ends=datetime.now(UTC) + 30 * DAY)
        minted = await provider.issue(bench.issuer(), wanted)
        changed = await provider.rescope(
            bench.issuer(), bench.home(), minted.credential.id, ("PROJECT_READ", "REPO_WRITE")
        )
        login = replace(bench.login_of(minted.secret), scopes=WRITES)
        report = await provider.verify(login, reach=True)
    assert changed == replace(minted.credential, scopes=frozenset(WRITES))
    assert (report.verdict, report.lacking) == (Verdict.WORKS, frozenset())


async def test_the_last_use_is_listed(bench: Bench) -> None:
    async with bench.open_account() as provider:
        minted = await provider.issue(bench.issuer(), order(bench.home()))
        await provider.verify(bench.login_of(minted.secret), reach=False)
        found = await provider.issued(bench.issuer(), bench.home())
    used = {credential.id: credential.last_used for credential in found}
    assert minted.credential.last_used is None
    assert used[minted.credential.id] is not None


async def test_an_answer_without_the_secret_is_ambiguous(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_FIELDS, match="PUT *", value="token"))
    error = await refused(bench, bench.issuer(), order(bench.home()))
    assert error.fault is Fault.AMBIGUOUS
    assert bench.creates() == 1


async def test_a_time_of_an_unknown_kind_is_ambiguous_for_the_secret_is_lost_with_it(
    bench: Bench,
) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.OTHER_VALUES, match="PUT *", value="createdDate=yesterday")
    )
    error = await refused(bench, bench.issuer(), order(bench.home()))
    assert error.fault is Fault.AMBIGUOUS


async def test_a_repositorys_tokens_need_its_slug(bench: Bench) -> None:
    home = replace(REPOSITORY, target="PAY")
    error = await refused(bench, ada(bench), order(home, ("REPO_READ",)))
    assert "repository's tokens cannot live at 'PAY'" in error.cause
    assert bench.requests() == 0


# Refusals ----------------------------------------------------------------------------------------


async def test_a_full_home_asks_for_a_free_slot(bench: Bench) -> None:
    bench.instance.knobs.token_limit = len(bench.instance.tokens(OWNER))
    error = await refused(bench, bench.issuer(), order(bench.home()))
    assert error.fault is Fault.REJECTED
    assert "no slot is free: revoke a token" in error.hint


@pytest.mark.parametrize("ends", [None, 90], ids=["endless", "too-far"])
async def test_an_end_that_the_policy_forbids_names_the_policy(
    bench: Bench, ends: int | None
) -> None:
    bench.instance.knobs.max_expiry_days = 30
    at = None if ends is None else datetime.now(UTC) + ends * DAY
    error = await refused(bench, bench.issuer(), order(bench.home(), ends=at))
    assert error.fault is Fault.REJECTED
    assert "policy" in error.hint


@pytest.mark.parametrize("kind", list(IssuerKind), ids=str)
async def test_a_token_cannot_make_tokens(bench: Bench, kind: IssuerKind) -> None:
    token = Secret(bench.sandbox.credentials["DC_SCANNER_TOKEN"])
    error = await refused(bench, IssuerLogin(kind, token, OWNER), order(bench.home()))
    assert error.fault is Fault.PERMISSION
    assert "a token cannot make tokens" in error.cause
    assert "password or an OAuth" in error.hint


async def test_nobody_makes_tokens_for_others(bench: Bench) -> None:
    error = await refused(bench, ada(bench), order(bench.home()))
    assert error.fault is Fault.PERMISSION
    assert OWNER in error.hint


async def test_who_does_not_administer_the_project_is_told_so(bench: Bench) -> None:
    error = await refused(bench, bench.issuer(), order(PROJECT))
    assert error.fault is Fault.PERMISSION
    assert "administer PAY" in error.hint


async def test_revoking_at_an_address_that_leads_nowhere_is_no_success(bench: Bench) -> None:
    login = ada(bench)
    made = await issued(bench, login, order(PROJECT))
    async with bench.open_account(bench.account(path="/rest/nowhere")) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.revoke(login, PROJECT, made.id)
    assert caught.value.fault is Fault.NOT_FOUND
    assert bench.instance.tokens(project="PAY")


async def test_tokens_listed_without_an_end_are_an_error(bench: Bench) -> None:
    bench.fill_home(2 * bench.page_size)
    bench.sandbox.faults.add(
        Scripted(FaultKind.MISSING_FIELDS, match="GET */access-tokens/*", value="nextPageStart")
    )
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="does not say where") as caught:
            await provider.issued(bench.issuer(), bench.home())
    assert caught.value.fault is Fault.BAD_REPLY


@pytest.mark.parametrize("call", ["issue", "rescope", "revoke"])
async def test_a_home_that_was_renamed_is_told_and_nothing_is_done(bench: Bench, call: str) -> None:
    login = ada(bench)
    async with bench.open_account() as provider:
        made = (await provider.issue(login, order(REPOSITORY, ("REPO_READ",)))).credential
        bench.instance.rename_repository("PAY", "ledger", "General Ledger")
        assert made in await provider.issued(login, REPOSITORY)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "issue": lambda: provider.issue(login, order(REPOSITORY, ("REPO_READ",))),
            "rescope": lambda: provider.rescope(login, REPOSITORY, made.id, ("REPO_WRITE",)),
            "revoke": lambda: provider.revoke(login, REPOSITORY, made.id),
        }
        with pytest.raises(RemoteError, match="PAY/ledger has another address now") as caught:
            await calls[call]()
    assert caught.value.fault is Fault.NOT_FOUND
    (kept,) = bench.instance.tokens(repository="PAY/general-ledger")
    assert (kept.id, kept.permissions) == (made.id, ("REPO_READ",))


async def test_a_change_that_meets_the_sign_in_page_was_not_let_in() -> None:
    moved = answer("", 302, {"Location": "/login"})
    async with raw_server(in_turn(moved)) as server:
        account = DesiredAccount("git", "bitbucket-data-center", "git", server.url, SourceMark("a"))
        provider = BitbucketDataCenter(account, concurrency=1, hourly_requests=None)
        login = IssuerLogin(IssuerKind.BEARER, Secret("oauth-token"))
        with pytest.raises(RemoteError, match="sign-in page") as caught:
            await provider.revoke(login, PROJECT, "100000000001")
        await provider.aclose()
    assert caught.value.fault is Fault.CREDENTIAL
    assert len(server.seen) == 1


async def test_tokens_listed_in_a_circle_are_an_error() -> None:
    page = '{"values":[],"isLastPage":false,"nextPageStart":0}'
    async with raw_server(in_turn(answer(page))) as server:
        account = DesiredAccount("git", "bitbucket-data-center", "git", server.url, SourceMark("a"))
        provider = BitbucketDataCenter(account, concurrency=1, hourly_requests=None)
        with pytest.raises(RemoteError, match="without an end") as caught:
            await provider.issued(IssuerLogin(IssuerKind.BEARER, Secret("oauth-token")), PROJECT)
        await provider.aclose()
    assert caught.value.fault is Fault.BAD_REPLY
    assert len(server.seen) == 1


@pytest.mark.parametrize("secret", ["pass\nword", ""], ids=["line-break", "empty"])
async def test_a_password_that_cannot_be_sent_is_refused_unsent(bench: Bench, secret: str) -> None:
    login = IssuerLogin(IssuerKind.PASSWORD, Secret(secret), OWNER)
    error = await refused(bench, login, order(bench.home()))
    assert error.fault is Fault.CREDENTIAL
    assert bench.requests() == 0


async def test_an_issuer_that_is_answered_as_nobody_is_not_let_in(bench: Bench) -> None:
    bench.instance.knobs.anonymous_access = True
    bench.instance.knobs.bad_bearer_is_anonymous = True
    bench.end_issuer()
    login = bench.issuer(IssuerKind.BEARER)
    error = await refused(bench, login, order(CredentialHome(KIND, "user", "")))
    assert error.fault is Fault.CREDENTIAL
    assert bench.creates() == 0


# Passwords ---------------------------------------------------------------------------------------


async def test_one_refused_password_is_the_only_attempt_of_the_run(bench: Bench) -> None:
    """Further ones would lock the account behind a captcha."""
    bench.instance.knobs.captcha_after = 2
    wrong = IssuerLogin(IssuerKind.PASSWORD, Secret("wrong-password"), OWNER)
    errors: list[RemoteError] = []
    async with bench.open_account() as provider:

        async def attempt(login: IssuerLogin) -> None:
            with pytest.raises(RemoteError) as caught:
                await provider.issued(login, bench.home())
            errors.append(caught.value)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(attempt, wrong)
        await attempt(bench.issuer())
        assert await provider.issued(bench.issuer(IssuerKind.BEARER), bench.home())
    assert {error.fault for error in errors} == {Fault.CREDENTIAL}
    assert all("not tried again" in error.hint for error in errors)
    assert bench.instance.failed_logins == {OWNER: 1}


async def test_a_password_that_was_accepted_goes_side_by_side(bench: Bench) -> None:
    bench.fill_home(20)
    async with bench.open_account() as provider:
        await provider.issued(bench.issuer(), bench.home())
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(provider.issued, bench.issuer(), bench.home())
    assert bench.requests() == 1 + 5


async def test_a_locked_account_says_how_to_open_it(bench: Bench) -> None:
    bench.instance.knobs.captcha_after = 1
    bench.instance.failed_logins[OWNER] = 1
    error = await refused(bench, bench.issuer(), order(bench.home()))
    assert error.fault is Fault.CREDENTIAL
    assert "captcha" in error.hint


async def test_where_passwords_are_turned_off_the_other_way_is_named(bench: Bench) -> None:
    bench.instance.knobs.basic_disabled = True
    async with bench.open_account() as provider:
        for _ in range(2):
            with pytest.raises(RemoteError) as caught:
                await provider.issue(bench.issuer(), order(bench.home()))
            assert "type: bearer" in caught.value.hint
        minted = await provider.issue(bench.issuer(IssuerKind.BEARER), order(bench.home()))
    assert minted.credential.id in bench.live_credentials()
    statuses = [entry.status for entry in bench.logged()]
    assert statuses.count(403) == 1


async def test_an_issuer_without_a_seat_learns_why(bench: Bench) -> None:
    bench.instance.change_user(OWNER, licensed=False)
    error = await refused(bench, bench.issuer(), order(bench.home()))
    assert error.fault is Fault.CREDENTIAL
    assert "licence" in error.hint


async def test_an_oauth_token_that_ended_is_to_be_fetched_anew(bench: Bench) -> None:
    bench.end_issuer()
    error = await refused(bench, bench.issuer(IssuerKind.BEARER), order(bench.home()))
    assert error.fault is Fault.CREDENTIAL
    assert "fetch a new one" in error.hint


async def test_a_password_never_goes_with_a_token_of_ours(bench: Bench) -> None:
    """Reads show the token alone, issuing the password alone."""
    async with bench.open_account() as provider:
        await provider.verify(bench.token(), reach=True)
        await provider.issued(bench.issuer(), bench.home())
    shown = [entry.credential for entry in bench.logged()]
    assert [one.isdecimal() for one in shown] == [True, True, False, False]
