"""Keeping webhooks: what only Bitbucket Data Center does, over HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from reconciler.errors import Fault, RemoteError, SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter
from reconciler.providers.bitbucket_data_center.hooks import to_body
from reconciler.sandbox.data_center.hooks import Draft
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_data_center.bench import ADMINISTERS, Bench
from tests.providers.bitbucket_data_center.bench import bench as open_bench
from tests.unit.transport.rawserver import answer, in_turn, raw_server

ORDER = WebhookOrder("ox-acme [reconciler 1a2b3c4d-1]", "https://hooks.acme.example/x", ("push",))
PAY = WebhookPlace(project="PAY")
LEDGER = WebhookPlace(repository="PAY/ledger")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


@pytest.mark.parametrize("echoes", [True, False], ids=["echoed", "hidden"])
@pytest.mark.parametrize("place", [PAY, LEDGER], ids=str)
async def test_a_webhook_reads_the_same_whether_or_not_its_secret_is_shown(
    bench: Bench, place: WebhookPlace, echoes: bool
) -> None:
    bench.instance.knobs.echo_webhook_secret = echoes
    login, signed = bench.watcher(), replace(ORDER, secret=Secret("sign-with-this-3"))
    async with bench.open_account() as provider:
        made = await provider.put_webhook(login, place, signed, "")
        changed = await provider.put_webhook(login, place, signed, made.id)
        assert made == changed
        assert await provider.webhooks(login, place) == (made,)
    assert made == LiveWebhook(
        made.id, ORDER.name, ORDER.url, frozenset({"repo:refs_changed"}), True, place
    )
    assert "sign-with-this-3" not in repr(made)
    assert bench.webhook(made.id).draft.secret == "sign-with-this-3"


async def test_what_a_person_left_behind_is_replaced_as_a_whole(bench: Bench) -> None:
    left = Draft(
        "old",
        "https://old.example",
        ("pr:deleted",),
        is_active=False,
        checks_certificate=False,
        secret="old-secret",
        login=("ada", "old-password"),
    )
    made = bench.instance.hooks.create(bench.webhook_home(PAY), left, bench.sandbox.now())
    login = bench.watcher()
    async with bench.open_account() as provider:
        (found,) = await provider.webhooks(login, PAY)
        assert (found.name, found.active) == ("old", False)
        changed = await provider.put_webhook(login, PAY, ORDER, found.id)
    assert changed.active
    assert bench.webhook(str(made.id)).draft == Draft(ORDER.name, ORDER.url, ("repo:refs_changed",))


@pytest.mark.parametrize("place", [PAY, LEDGER], ids=str)
async def test_tokens_of_projects_and_repositories_keep_the_webhooks_there(
    bench: Bench, place: WebhookPlace
) -> None:
    is_repository = bool(place.repository)
    minted = bench.instance.mint_token(
        permissions=("REPO_ADMIN",) if is_repository else ADMINISTERS,
        project=place.project,
        repository=place.repository,
    )
    login = bench.a_login(minted.token, "repository" if is_repository else "project")
    async with bench.open_account() as provider:
        made = await provider.put_webhook(login, place, ORDER, "")
        await provider.put_webhook(login, place, ORDER, made.id)
        assert await provider.webhooks(login, place) == (made,)
        await provider.delete_webhook(login, place, made.id)
        await provider.delete_webhook(login, place, made.id)
    assert not bench.live_webhooks(place)


async def test_a_webhook_of_a_project_is_none_of_its_repositories(bench: Bench) -> None:
    login = bench.watcher()
    async with bench.open_account() as provider:
        made = await provider.put_webhook(login, PAY, ORDER, "")
        assert await provider.webhooks(login, LEDGER) == ()
        with pytest.raises(RemoteError) as caught:
            await provider.put_webhook(login, LEDGER, ORDER, made.id)
        assert caught.value.fault is Fault.NOT_FOUND
        await provider.delete_webhook(login, LEDGER, made.id)
    assert bench.live_webhooks(PAY) == {made.id}


def weak_token(bench: Bench) -> Login:
    return bench.token(("PROJECT_WRITE", "REPO_WRITE"), owner="admin")


def seatless(bench: Bench) -> Login:
    login = bench.token(ADMINISTERS, owner="ada")
    bench.instance.change_user("ada", licensed=False)
    return login


def ended(bench: Bench) -> Login:
    login = bench.token(ADMINISTERS, owner="ada")
    bench.instance.expire(login.secret.reveal())
    return login


@pytest.mark.parametrize(
    ("shown", "fault", "mend"),
    [
        (weak_token, Fault.PERMISSION, "PROJECT_ADMIN"),
        (seatless, Fault.ALLOWLIST, "licence"),
        (ended, Fault.CREDENTIAL, "secret"),
    ],
    ids=["weak", "seatless", "ended"],
)
async def test_refusals_are_told_apart(
    bench: Bench, shown: Callable[[Bench], Login], fault: Fault, mend: str
) -> None:
    login = shown(bench)
    async with bench.open_account() as provider:
        for call in (
            lambda: provider.webhooks(login, PAY),
            lambda: provider.put_webhook(login, PAY, ORDER, ""),
            lambda: provider.delete_webhook(login, PAY, "1"),
        ):
            with pytest.raises(RemoteError) as caught:
                await call()
            assert caught.value.fault is fault
            assert mend in caught.value.hint
    assert not bench.live_webhooks(PAY)


async def test_a_place_that_was_renamed_is_told_and_nothing_is_changed(bench: Bench) -> None:
    login = bench.watcher()
    async with bench.open_account() as provider:
        made = await provider.put_webhook(login, LEDGER, ORDER, "")
        bench.instance.rename_repository("PAY", "ledger", "General Ledger")
        for call in (
            lambda: provider.put_webhook(login, LEDGER, ORDER, ""),
            lambda: provider.put_webhook(login, LEDGER, ORDER, made.id),
            lambda: provider.delete_webhook(login, LEDGER, made.id),
        ):
            with pytest.raises(RemoteError, match="another address now") as caught:
                await call()
            assert caught.value.fault is Fault.NOT_FOUND
    assert bench.live_webhooks(WebhookPlace(repository="PAY/general-ledger")) == {made.id}


async def test_a_sign_in_page_is_a_matter_of_the_credential(bench: Bench) -> None:
    url = bench.account().api_url
    bench.sandbox.faults.add(
        Scripted(FaultKind.FOREIGN_REDIRECT, match="POST *", value=url, times=None)
    )
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="sign-in page") as caught:
            await provider.put_webhook(bench.watcher(), PAY, ORDER, "")
    assert caught.value.fault is Fault.CREDENTIAL


@pytest.mark.parametrize("field", ["id", "name", "url", "events", "active", "values", "isLastPage"])
async def test_without_what_tells_a_webhook_nothing_is_guessed(bench: Bench, field: str) -> None:
    bench.add_webhooks(PAY, 1)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_FIELDS, value=field, times=None))
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.webhooks(bench.watcher(), PAY)
    assert caught.value.fault is Fault.BAD_REPLY
    assert "somebodys-secret" not in str(caught.value)


async def test_a_page_that_does_not_say_where_to_go_on_is_no_list(bench: Bench) -> None:
    bench.add_webhooks(PAY, 101)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_FIELDS, value="nextPageStart", times=None))
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="without an end") as caught:
            await provider.webhooks(bench.watcher(), PAY)
    assert caught.value.fault is Fault.BAD_REPLY


async def test_the_account_is_told_to_be_named_project_by_project(bench: Bench) -> None:
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="whole account") as caught:
            await provider.put_webhook(bench.watcher(), WebhookPlace(), ORDER, "")
    assert caught.value.fault is Fault.REJECTED
    assert "project" in caught.value.hint


@pytest.mark.parametrize("status", [200, 201], ids=str)
async def test_a_webhook_is_made_whichever_success_is_answered(status: int) -> None:
    shown = (
        '{"id": 10, "name": "n", "url": "https://x.example", "events": ["pr:opened"], '
        '"active": true, "configuration": {"secret": "theirs-1"}}'
    )
    async with raw_server(in_turn(answer(shown, status))) as server:
        account = DesiredAccount("git", "bitbucket-data-center", "git", server.url, SourceMark("a"))
        provider = BitbucketDataCenter(account, concurrency=1, hourly_requests=None)
        login = Login(MethodKind.HTTP_ACCESS_TOKEN, Secret("admin-token"))
        made = await provider.put_webhook(login, PAY, ORDER, "")
        await provider.aclose()
    assert made == LiveWebhook("10", "n", "https://x.example", frozenset({"pr:opened"}), True, PAY)
    assert len(server.seen) == 1


def test_everything_is_sent_and_events_are_sent_once_in_a_fixed_order() -> None:
    events = ("push", "repo:refs_changed", "pull-request", "pr:deleted")
    wanted = replace(ORDER, events=events, secret=Secret("sign-with-this-4"))
    assert to_body(wanted) == {
        "name": ORDER.name,
        "url": ORDER.url,
        "active": True,
        "sslVerificationRequired": True,
        "events": [
            "pr:declined",
            "pr:deleted",
            "pr:from_ref_updated",
            "pr:merged",
            "pr:modified",
            "pr:opened",
            "repo:refs_changed",
        ],
        "configuration": {"secret": "sign-with-this-4"},
    }
    assert to_body(replace(wanted, secret=None))["configuration"] == {}
