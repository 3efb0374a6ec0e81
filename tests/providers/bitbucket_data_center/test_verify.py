"""What only Bitbucket Data Center does with a token, on the emulator and on scripted answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from reconciler.errors import Fault, RemoteError, SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login, silent
from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_data_center.bench import READS, WRITES, Bench
from tests.providers.bitbucket_data_center.bench import bench as open_bench
from tests.unit.transport.rawserver import Answer, RawServer, Seen, answer, raw_server

VERSIONS = ("8.19.29", "9.4.24", "10.2.6", "10.5.0")
NAMED = {"X-AUSERNAME": "jane%40example", "X-AUSERID": "412"}
EMPTY = '{"size":0,"limit":1,"isLastPage":true,"values":[],"start":0}'


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


def refusal(name: str, message: str = "no") -> str:
    exception = f"com.atlassian.bitbucket.{name}" if name else None
    return json.dumps(
        {"errors": [{"context": None, "message": message, "exceptionName": exception}]}
    )


@asynccontextmanager
async def scripted(
    reply: Callable[[Seen], Answer],
) -> AsyncIterator[tuple[BitbucketDataCenter, RawServer]]:
    async with raw_server(reply) as server:
        account = DesiredAccount("git", "bitbucket-data-center", "git", server.url, SourceMark("a"))
        provider = BitbucketDataCenter(account, concurrency=8, hourly_requests=None)
        try:
            yield provider, server
        finally:
            await provider.aclose()


def a_token(secret: str = "BBDC-some-token") -> Login:  # noqa: S107  no real one
    return Login(MethodKind.HTTP_ACCESS_TOKEN, Secret(secret), level="user")


async def verified(bench: Bench, login: Login, *projects: str) -> CredentialReport:
    async with bench.open_account(bench.account(projects)) as provider:
        return await provider.verify(login, reach=True)


# Who it is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_token_shows_its_user_its_level_and_its_own_id(bench: Bench, version: str) -> None:
    bench.instance.knobs.version = version
    login = bench.token()
    async with bench.open() as provider:
        report = await provider.verify(login, reach=False)
    user = bench.instance.estate.user("svc-scanner")
    assert (report.verdict, report.cause) == (Verdict.WORKS, "")
    assert (report.identity, report.login) == (str(user.id), "svc-scanner")
    assert report.credential_type == "http-access-token (user)"
    assert report.token_id == bench.instance.token(login.secret.reveal()).id
    assert report.scopes is None


async def test_another_token_of_the_same_user_has_the_same_identity_and_another_id(
    bench: Bench,
) -> None:
    async with bench.open() as provider:
        old = await provider.verify(bench.token(), reach=False)
        new = await provider.verify(bench.token(), reach=False)
    assert old.identity == new.identity
    assert old.token_id != new.token_id


@pytest.mark.parametrize(
    ("target", "level"), [("PAY", "project"), ("PAY/ledger", "repository")], ids=str
)
async def test_a_token_of_a_project_or_repository_says_so(
    bench: Bench, target: str, level: str
) -> None:
    report = await verified(bench, bench.bound_token(target))
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)
    assert report.credential_type == f"http-access-token ({level})"
    assert report.login.startswith("access-token-user/")


@pytest.mark.parametrize(
    ("declared", "target"),
    [("user", "PAY"), ("user", "PAY/ledger"), ("project", "PAY/ledger"), ("repository", "PAY")],
    ids=str,
)
async def test_a_token_of_another_level_than_declared_gets_the_mend(
    bench: Bench, declared: str, target: str
) -> None:
    report = await verified(bench, bench.bound_token(target, level=declared))
    assert report.verdict is Verdict.WRONG_LOGIN
    assert f"one of a {declared} is declared" in report.cause
    assert f"create the token at the {declared}" in report.hint


async def test_a_users_token_where_a_projects_is_declared_sees_too_much(bench: Bench) -> None:
    report = await verified(bench, bench.token(level="project"))
    assert report.verdict is Verdict.WRONG_LOGIN


async def test_without_a_declared_level_any_will_do(bench: Bench) -> None:
    report = await verified(bench, replace(bench.bound_token("PAY"), level=""))
    assert report.verdict is Verdict.WORKS


async def test_the_name_is_told_as_the_instance_has_it(bench: Bench) -> None:
    bench.instance.add_user("jane@example", groups=("scm-readers",))
    login = replace(bench.token(owner="jane@example"), username="somebody-else")
    assert (await verified(bench, login)).login == "jane@example"


# Reach and permissions ---------------------------------------------------------------------------


async def test_without_wanted_scopes_nothing_is_tried(bench: Bench) -> None:
    report = await verified(bench, bench.token())
    assert (report.reaches, report.lacking) == (True, frozenset())
    assert bench.requests() == 2


@pytest.mark.parametrize(
    ("held", "wants", "lacking", "requests"),
    [
        (READS, READS, (), 3),
        (WRITES, ("PROJECT_READ", "REPO_READ", "REPO_WRITE"), (), 3),
        (READS, ("REPO_READ", "REPO_WRITE", "REPO_ADMIN"), ("REPO_ADMIN", "REPO_WRITE"), 5),
        (READS, ("PROJECT_ADMIN", "PROJECT_WRITE"), ("PROJECT_ADMIN", "PROJECT_WRITE"), 4),
        (("REPO_READ",), ("PROJECT_READ", "REPO_READ"), (), 3),
    ],
    ids=["read", "write", "too-little", "projects", "project-read-is-not-tried"],
)
async def test_wanted_permissions_are_tried_from_the_highest_down(
    bench: Bench,
    held: tuple[str, ...],
    wants: tuple[str, ...],
    lacking: tuple[str, ...],
    requests: int,
) -> None:
    report = await verified(bench, bench.token(held, wants=wants))
    assert (report.verdict, report.lacking) == (Verdict.WORKS, frozenset(lacking))
    assert all(name in report.cause for name in lacking)
    assert bench.requests() == requests


async def test_a_permission_counts_in_the_projects_of_the_account(bench: Bench) -> None:
    login = bench.token(WRITES, wants=WRITES)
    assert (await verified(bench, login, "PAY", "DOCS")).lacking == frozenset()
    assert (await verified(bench, login, "DOCS")).lacking == {"REPO_WRITE"}


async def test_what_only_the_owner_lacks_is_lacking_too_and_the_cause_names_both(
    bench: Bench,
) -> None:
    report = await verified(bench, bench.token(WRITES, owner="svc-reader", wants=WRITES))
    assert report.lacking == {"REPO_WRITE"}
    assert "the token or its owner lacks it" in report.cause


async def test_where_nothing_is_to_be_seen_nothing_is_concluded(bench: Bench) -> None:
    bench.instance.create_project("NEW")
    report = await verified(bench, bench.token(READS, wants=WRITES), "NEW")
    assert (report.reaches, report.lacking) == (True, frozenset())


@pytest.mark.parametrize("key", ["NOPE", "LOCKED"])
async def test_a_project_that_cannot_be_seen_is_not_reached(bench: Bench, key: str) -> None:
    bench.instance.create_project("LOCKED", readers=False)
    report = await verified(bench, bench.login, "PAY", key)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, False)
    assert f"project {key}" in report.cause
    assert report.hint


async def test_a_token_that_dies_between_the_questions_is_dead(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.TOKEN_DIES, match="*/repos?*"))
    report = await verified(bench, bench.token())
    assert (report.verdict, report.reaches) == (Verdict.DEAD, False)


async def test_a_permission_that_could_not_be_tried_is_not_lacking(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="*permission=*", value=400))
    report = await verified(bench, bench.token(READS, wants=WRITES))
    assert (report.verdict, report.lacking) == (Verdict.WORKS, frozenset())
    assert "400" in report.cause


# Who is not let in -------------------------------------------------------------------------------


async def test_a_dead_token_that_is_shown_public_things_is_dead(bench: Bench) -> None:
    bench.instance.knobs.anonymous_access = True
    bench.instance.knobs.bad_bearer_is_anonymous = True
    login = bench.token()
    bench.instance.revoke(login.secret.reveal())
    report = await verified(bench, login)
    assert report.verdict is Verdict.DEAD
    assert bench.requests() == 2


async def test_where_a_proxy_takes_the_user_away_nothing_is_known() -> None:
    async with scripted(lambda _: answer(EMPTY)) as (provider, server):
        report = await provider.verify(a_token(), reach=True)
    assert report.verdict is Verdict.UNKNOWN
    assert "X-AUSERNAME" in report.hint
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("status", "body", "headers", "verdict"),
    [
        (401, refusal("AuthorisationException"), NAMED, Verdict.WORKS),
        (401, refusal("AuthorisationException"), {}, Verdict.DEAD),
        (401, refusal("auth.IncorrectPasswordAuthenticationException"), {}, Verdict.DEAD),
        (401, "", {}, Verdict.DEAD),
        (401, refusal("auth.NoAccessAuthenticationException"), {}, Verdict.BLOCKED),
        (403, refusal("auth.CaptchaRequiredAuthenticationException"), {}, Verdict.BLOCKED),
        (403, "", {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; x"}, Verdict.BLOCKED),
        (403, "<html>blocked</html>", {}, Verdict.UNKNOWN),
        (404, '{"message":"HTTP 404 Not Found","status-code":404}', {}, Verdict.UNKNOWN),
        (200, EMPTY, NAMED, Verdict.WORKS),
        (200, "[]", NAMED, Verdict.UNKNOWN),
    ],
    ids=[
        "no-right", "nobody", "wrong", "empty", "no-seat", "captcha", "captcha-header", "proxy",
        "nowhere", "ok", "odd",
    ],
)  # fmt: skip
async def test_every_no_is_told_apart(
    status: int, body: str, headers: dict[str, str], verdict: Verdict
) -> None:
    async with scripted(lambda _: answer(body, status, headers)) as (provider, _):
        report = await provider.verify(a_token(), reach=False)
    assert report.verdict is verdict
    assert verdict is not Verdict.WORKS or (report.login, report.identity) == (
        "jane@example",
        "412",
    )


async def test_a_redirect_to_the_sign_in_page_is_not_a_token_that_works() -> None:
    def reply(seen: Seen) -> Answer:
        if seen.target.startswith("/login"):
            return answer("<html>sign in</html>", headers={"Content-Type": "text/html"})
        return answer("", 302, {"Location": "/login?next=x"})

    async with scripted(reply) as (provider, _):
        report = await provider.verify(a_token(), reach=True)
    assert report.verdict is Verdict.UNKNOWN
    assert "HTML" in report.cause


async def test_tokens_are_bearers_and_changes_are_marked_as_no_foreign_pages() -> None:
    async with scripted(lambda _: answer(EMPTY, headers=NAMED)) as (provider, server):
        await provider.verify(a_token(), reach=False)
    headers = server.seen[0].headers
    assert headers["authorization"] == "Bearer BBDC-some-token"
    assert headers["x-atlassian-token"] == "no-check"
    assert headers["accept"] == "application/json"


async def test_the_secret_of_an_incoming_link_is_not_shown(bench: Bench) -> None:
    login = Login(MethodKind.OAUTH_CONSUMER, Secret("link-secret"), "client-id")
    async with bench.open() as provider:
        report = await provider.verify(login, reach=True)
        with pytest.raises(RemoteError, match="consented") as caught:
            await provider.list_repositories(login, expected=None, progress=silent)
    assert report.verdict is Verdict.UNKNOWN
    assert "consented in a browser" in report.cause
    assert caught.value.fault is Fault.REJECTED
    assert bench.requests() == 0


async def test_a_secret_that_cannot_be_sent_is_dead_and_not_sent(bench: Bench) -> None:
    report = await verified(bench, bench.a_login("token with blanks"))
    assert report.verdict is Verdict.DEAD
    assert bench.requests() == 0
