"""What only Bitbucket Cloud does with a credential, on the emulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.observed import Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login, silent
from reconciler.providers.bitbucket_cloud.client import _site_of
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_cloud.bench import READS, Bench
from tests.providers.bitbucket_cloud.bench import bench as open_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


async def test_an_api_token_shows_user_scopes_type_and_its_own_id(bench: Bench) -> None:
    login = bench.api_token()
    async with bench.open() as provider:
        report = await provider.verify(login, reach=False)
    assert report.identity.startswith("{")
    assert (report.login, report.credential_type) == ("acme-ox-bot", "api_token")
    assert report.scopes == frozenset(READS)
    assert report.token_id == bench.sandbox.bitbucket.credential(login.secret.reveal()).id


async def test_another_token_of_the_same_user_has_the_same_identity_and_another_id(
    bench: Bench,
) -> None:
    async with bench.open() as provider:
        old = await provider.verify(bench.api_token(), reach=False)
        new = await provider.verify(bench.api_token(), reach=False)
    assert old.identity == new.identity
    assert old.token_id != new.token_id


@pytest.mark.parametrize(
    ("project", "repository", "kind"),
    [
        ("", "", "workspace_access_token"),
        ("PAY", "", "project_access_token"),
        ("", "ledger", "repo_access_token"),
    ],
    ids=["workspace", "project", "repository"],
)
async def test_an_access_token_works_without_a_user_and_says_its_level(
    bench: Bench, project: str, repository: str, kind: str
) -> None:
    async with bench.open() as provider:
        login = bench.access_token(project=project, repository=repository)
        report = await provider.verify(login, reach=False)
    assert report.verdict is Verdict.WORKS
    assert (report.credential_type, report.identity) == (kind, f"{kind}@acme")
    assert report.scopes == frozenset({"repository"})


async def test_a_token_that_may_not_read_its_user_still_works(bench: Bench) -> None:
    login = bench.api_token(("read:repository:bitbucket",))
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert (report.verdict, report.reaches, report.identity) == (Verdict.WORKS, True, "")
    assert report.login == "ox-bot@acme.example"
    assert "read:user:bitbucket" in report.cause


async def test_a_token_that_may_not_read_repositories_does_not_reach(bench: Bench) -> None:
    login = bench.api_token(("read:user:bitbucket",))
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
        with pytest.raises(RemoteError, match="lacks read:repository:bitbucket") as caught:
            await provider.list_repositories(login, expected=None, progress=silent)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, False)
    assert "read:repository:bitbucket" in report.cause
    assert caught.value.fault is Fault.SCOPE
    assert caught.value.required == ("read:repository:bitbucket",)


async def test_an_unknown_workspace_is_not_reached_and_named(bench: Bench) -> None:
    async with bench.open_account(bench.account("acmee")) as provider:
        report = await provider.verify(bench.login, reach=True)
        with pytest.raises(RemoteError, match="acmee") as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, False)
    assert caught.value.fault is Fault.NOT_FOUND
    assert "spelling" in caught.value.hint


async def test_a_user_name_beside_an_api_token_gets_the_mend(bench: Bench) -> None:
    async with bench.open() as provider:
        report = await provider.verify(bench.api_token(username="acme-ox-bot"), reach=True)
    assert report.verdict is Verdict.WRONG_LOGIN
    assert "'acme-ox-bot' is not an e-mail" in report.cause
    assert "e-mail" in report.hint


async def test_a_token_for_another_atlassian_app_is_dead_and_the_hint_says_which_app(
    bench: Bench,
) -> None:
    minted = bench.sandbox.bitbucket.mint_api_token("ox-bot@acme.example", READS, product="jira")
    login = Login(MethodKind.API_TOKEN, Secret(minted.token), "ox-bot@acme.example")
    async with bench.open() as provider:
        report = await provider.verify(login, reach=False)
    assert report.verdict is Verdict.DEAD
    assert "app Bitbucket" in report.hint


async def test_an_app_password_is_retired_without_asking(bench: Bench) -> None:
    login = Login(MethodKind.APP_PASSWORD, Secret("app-password-1"), "acme-ox-bot")
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
        with pytest.raises(RemoteError, match="2026-07-28") as caught:
            await provider.list_repositories(login, expected=None, progress=silent)
    assert report.verdict is Verdict.RETIRED
    assert "api-token" in report.cause
    assert caught.value.fault is Fault.REJECTED
    assert bench.requests() == 0


async def test_a_deactivated_workspace_is_blocked_and_names_the_mend(bench: Bench) -> None:
    estate = bench.sandbox.bitbucket.estate
    estate.set_workspace(estate.workspace("acme"), deactivated=True)
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=True)
        with pytest.raises(RemoteError, match="deactivated") as caught:
            await provider.list_repositories(bench.login, expected=None, progress=silent)
    assert (report.verdict, report.reaches) == (Verdict.BLOCKED, False)
    assert "reactivate" in report.hint
    assert caught.value.fault is Fault.ALLOWLIST


async def test_a_removed_endpoint_is_retired(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.ERROR, value=410, times=None))
    async with bench.open() as provider:
        report = await provider.verify(bench.login, reach=False)
    assert report.verdict is Verdict.RETIRED


async def test_a_token_that_dies_between_the_two_questions_is_dead(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.TOKEN_DIES, match="*/repositories/*"))
    async with bench.open() as provider:
        report = await provider.verify(bench.access_token(), reach=True)
    assert (report.verdict, report.reaches) == (Verdict.DEAD, False)


async def test_an_address_without_the_version_is_told_from_a_dead_credential(
    bench: Bench,
) -> None:
    async with bench.open_account(bench.account(path="/nowhere")) as provider:
        report = await provider.verify(bench.login, reach=False)
    assert report.verdict is Verdict.UNKNOWN
    assert "/2.0" in report.hint


async def test_a_secret_that_cannot_stand_in_a_header_is_dead_without_asking(
    bench: Bench,
) -> None:
    login = Login(MethodKind.ACCESS_TOKEN, Secret("two lines\nof text"))
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
    assert report.verdict is Verdict.DEAD
    assert "line break" in report.cause
    assert bench.requests() == 0


# OAuth consumers -------------------------------------------------------------------------------


def paths(bench: Bench) -> list[str]:
    bench.requests()
    return [entry.path.partition("?")[0] for entry in bench.sandbox.requests]


async def test_a_consumer_fetches_one_token_for_many_requests(bench: Bench) -> None:
    async with bench.open() as provider:
        report = await provider.verify(bench.consumer(), reach=True)
        await provider.list_repositories(bench.consumer(), expected=None, progress=silent)
        assert provider.reads().requests == bench.requests()
    assert (report.verdict, report.credential_type) == (Verdict.WORKS, "oauth")
    assert report.scopes == frozenset({"account", "email", "repository"})
    assert paths(bench).count("/site/oauth2/access_token") == 1


@pytest.mark.parametrize("legacy", [False, True], ids=["scope", "scopes"])
async def test_a_consumer_without_account_scope_still_has_a_stable_identity(
    bench: Bench, legacy: bool
) -> None:
    bench.sandbox.switches.legacy_scopes_key = legacy
    bench.sandbox.bitbucket.oauth.edit_consumer(bench.consumer().username, scopes=("repository",))
    async with bench.open() as provider:
        report = await provider.verify(bench.consumer(), reach=True)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)
    assert report.identity == f"oauth-consumer:{bench.consumer().username}"
    assert report.scopes == frozenset({"repository"})


async def test_a_token_that_ends_early_is_replaced_once(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.TOKEN_DIES, match="*/repositories/*"))
    async with bench.open() as provider:
        await provider.verify(bench.consumer(), reach=False)
        listing = await provider.list_repositories(bench.consumer(), expected=None, progress=silent)
    assert listing.complete
    assert paths(bench).count("/site/oauth2/access_token") == 2


async def test_a_token_that_is_refused_again_is_an_error(bench: Bench) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.ERROR, match="*/repositories/*", value=401, times=None)
    )
    async with bench.open() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.list_repositories(bench.consumer(), expected=1, progress=silent)
    assert caught.value.fault is Fault.CREDENTIAL
    assert paths(bench).count("/site/oauth2/access_token") == 2


async def test_a_wrong_consumer_secret_is_dead(bench: Bench) -> None:
    async with bench.open() as provider:
        report = await provider.verify(bench.consumer("wrong-secret-123"), reach=True)
        with pytest.raises(RemoteError, match="does not accept the OAuth consumer"):
            await provider.list_repositories(
                bench.consumer("wrong-secret-123"), expected=None, progress=silent
            )
    assert report.verdict is Verdict.DEAD
    assert "key" in report.hint


async def test_a_public_consumer_is_blocked_and_told_to_become_private(bench: Bench) -> None:
    hands = bench.sandbox.bitbucket
    consumer, secret = hands.oauth.create_consumer(
        "public", hands.estate.workspace("acme").uuid, ("repository",), is_private=False
    )
    login = Login(MethodKind.OAUTH_CONSUMER, Secret(secret), consumer.key)
    async with bench.open() as provider:
        report = await provider.verify(login, reach=False)
    assert report.verdict is Verdict.BLOCKED
    assert "private consumer" in report.hint


@pytest.mark.parametrize(
    ("kind", "value"),
    [(FaultKind.ERROR, 503), (FaultKind.ERROR, 404), (FaultKind.HTML, None)],
    ids=["503", "404", "html"],
)
async def test_a_token_endpoint_in_trouble_teaches_nothing(
    bench: Bench, kind: FaultKind, value: int | None
) -> None:
    bench.sandbox.faults.add(Scripted(kind, match="*/access_token", value=value, times=None))
    async with bench.open() as provider:
        report = await provider.verify(bench.consumer(), reach=False)
    assert report.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("api_url", "site"),
    [
        ("https://api.bitbucket.org/2.0", "https://bitbucket.org"),
        ("http://127.0.0.1:7001/2.0", "http://127.0.0.1:7001"),
        ("http://[::1]:7001/2.0", "http://[::1]:7001"),
        ("https://mirror.acme.example/2.0", "https://bitbucket.org"),
        ("http://mirror.acme.example/2.0", "https://bitbucket.org"),
        ("", "https://bitbucket.org"),
    ],
    ids=["public", "loopback", "loopback-6", "mirror", "plain", "default"],
)
def test_the_consumers_secret_goes_to_bitbucket_or_to_loopback_alone(
    api_url: str, site: str
) -> None:
    assert _site_of(api_url) == site
