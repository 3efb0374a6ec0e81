"""Keeping webhooks: what only Bitbucket Cloud does, over HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.model.webhook import WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_cloud.hooks import to_body
from reconciler.sandbox.credentials import CredentialType
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.bitbucket_cloud.bench import READS, Bench
from tests.providers.bitbucket_cloud.bench import bench as open_bench

ORDER = WebhookOrder("ox-acme [reconciler 1a2b3c4d-1]", "https://hooks.acme.example/x", ("push",))
API = WebhookPlace(repository="payments-api")
ACCOUNT = WebhookPlace()
GRANULAR = tuple(f"{verb}:webhook:bitbucket" for verb in ("read", "write", "delete"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


def webhook_consumer(bench: Bench) -> Login:
    hands = bench.sandbox.bitbucket
    consumer, secret = hands.oauth.create_consumer(
        "hooks",
        hands.estate.workspace("acme").uuid,
        ("webhook", "repository"),
        callback="https://acme.example/",
    )
    return Login(MethodKind.OAUTH_CONSUMER, Secret(secret), consumer.key)


async def test_every_kind_of_credential_keeps_webhooks(bench: Bench) -> None:
    logins = (bench.watcher(), bench.api_token((*READS, *GRANULAR)), webhook_consumer(bench))
    async with bench.open_account(bench.account()) as provider:
        for login in logins:
            made = await provider.put_webhook(login, API, ORDER, "")
            assert made in await provider.webhooks(login, API)
            await provider.put_webhook(login, API, ORDER, made.id)
            await provider.delete_webhook(login, API, made.id)
    assert not bench.live_webhooks(API)


async def test_a_consumers_token_that_ended_is_replaced_and_one_webhook_is_made(
    bench: Bench,
) -> None:
    login = webhook_consumer(bench)
    async with bench.open_account(bench.account()) as provider:
        await provider.webhooks(login, API)
        for credential in bench.sandbox.bitbucket.vault.all():
            if credential.type is CredentialType.OAUTH:
                bench.sandbox.bitbucket.expire(credential.id)
        await provider.put_webhook(login, API, ORDER, "")
    assert len(bench.live_webhooks(API)) == 1


async def test_a_member_who_owns_no_workspace_cannot_watch_the_account(bench: Bench) -> None:
    login = bench.api_token((*READS, *GRANULAR))
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.put_webhook(login, ACCOUNT, ORDER, "")
    assert caught.value.fault is Fault.PERMISSION
    assert "workspace" in caught.value.hint


async def test_a_missing_scope_is_named_in_the_credentials_own_words(bench: Bench) -> None:
    login = bench.api_token((*READS, "read:webhook:bitbucket"))
    async with bench.open_account(bench.account()) as provider:
        assert await provider.webhooks(login, API) == ()
        with pytest.raises(RemoteError) as caught:
            await provider.put_webhook(login, API, ORDER, "")
    assert caught.value.fault is Fault.SCOPE
    assert "write:webhook:bitbucket" in caught.value.required


async def test_a_closed_workspace_is_told_apart_from_a_missing_right(bench: Bench) -> None:
    login = bench.watcher()
    bench.block()
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.webhooks(login, API)
    assert caught.value.fault is Fault.ALLOWLIST


@pytest.mark.parametrize("is_uuid", [False, True], ids=["slug", "uuid"])
async def test_a_repository_is_one_place_with_and_without_its_project(
    bench: Bench, is_uuid: bool
) -> None:
    home = bench.sandbox.bitbucket.estate.workspace("acme")
    account = bench.account(home.uuid if is_uuid else "acme")
    login = bench.watcher()
    async with bench.open_account(account) as provider:
        made = await provider.put_webhook(login, API, ORDER, "")
        long = WebhookPlace(repository="PAY/payments-api")
        assert await provider.webhooks(login, long) == (replace(made, place=long),)
        assert await provider.webhooks(login, ACCOUNT) == ()


async def test_a_repository_that_was_renamed_is_told_and_nothing_is_changed(bench: Bench) -> None:
    login = bench.watcher()
    async with bench.open_account(bench.account()) as provider:
        made = await provider.put_webhook(login, API, ORDER, "")
        renamed = bench.sandbox.bitbucket.rename_repository("acme", "payments-api", "billing")
        for call in (
            lambda: provider.put_webhook(login, API, ORDER, ""),
            lambda: provider.put_webhook(login, API, ORDER, made.id),
            lambda: provider.delete_webhook(login, API, made.id),
        ):
            with pytest.raises(RemoteError, match="another address now") as caught:
                await call()
            assert caught.value.fault is Fault.NOT_FOUND
    assert bench.live_webhooks(WebhookPlace(repository=renamed.slug)) == {made.id}


async def test_a_secret_that_is_too_long_is_refused_unsent(bench: Bench) -> None:
    login = bench.watcher()
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError, match="128 characters") as caught:
            await provider.put_webhook(login, API, replace(ORDER, secret=Secret("x" * 129)), "")
        assert caught.value.fault is Fault.REJECTED
        assert bench.requests() == 0
        await provider.put_webhook(login, API, replace(ORDER, secret=Secret("x" * 128)), "")


async def test_a_refusal_names_the_field_that_is_wrong(bench: Bench) -> None:
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError, match=r"url: Enter a valid URL") as caught:
            await provider.put_webhook(bench.watcher(), API, replace(ORDER, url="nowhere"), "")
    assert caught.value.fault is Fault.REJECTED


@pytest.mark.parametrize("field", ["uuid", "url", "events", "active", "values"])
async def test_without_what_tells_a_webhook_nothing_is_guessed(bench: Bench, field: str) -> None:
    bench.add_webhooks(API, 1)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_FIELDS, value=field, times=None))
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.webhooks(bench.watcher(), API)
    assert caught.value.fault is Fault.BAD_REPLY


async def test_a_webhook_without_an_id_is_refused(bench: Bench) -> None:
    bench.add_webhooks(API, 1)
    bench.sandbox.faults.add(Scripted(FaultKind.OTHER_VALUES, value="uuid=", times=None))
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError, match="without uuid"):
            await provider.webhooks(bench.watcher(), API)


async def test_somebodys_webhook_without_a_name_is_listed(bench: Bench) -> None:
    bench.add_webhooks(API, 1)
    bench.sandbox.faults.add(Scripted(FaultKind.MISSING_FIELDS, value="description", times=None))
    async with bench.open_account(bench.account()) as provider:
        (found,) = await provider.webhooks(bench.watcher(), API)
    assert found.name == ""
    assert found.url == "https://somebody.example/0"


async def test_a_page_that_leads_to_a_foreign_host_is_not_followed(bench: Bench) -> None:
    bench.add_webhooks(API, 150)
    bench.sandbox.faults.add(Scripted(FaultKind.FOREIGN_NEXT, times=None))
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.webhooks(bench.watcher(), API)
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert bench.trapped() == 0


async def test_a_list_that_leads_to_itself_ends(bench: Bench) -> None:
    bench.add_webhooks(API, 101)
    url = f"{bench.account().api_url}/repositories/acme/payments-api/hooks"
    bench.sandbox.faults.add(Scripted(FaultKind.OTHER_VALUES, value=f"next={url}", times=None))
    async with bench.open_account(bench.account()) as provider:
        with pytest.raises(RemoteError, match="without an end") as caught:
            await provider.webhooks(bench.watcher(), API)
    assert caught.value.fault is Fault.BAD_REPLY


async def test_three_hundred_webhooks_are_three_requests(bench: Bench) -> None:
    bench.add_webhooks(API, 300)
    async with bench.open_account(bench.account()) as provider:
        assert len(await provider.webhooks(bench.watcher(), API)) == 300
    assert bench.requests() == 3


def test_a_replaced_webhook_says_that_it_has_no_secret_and_a_new_one_leaves_it_out() -> None:
    signed = replace(ORDER, secret=Secret("sign-with-this-2"))
    assert to_body(ORDER)["secret"] is None
    assert "secret" not in to_body(ORDER, is_new=True)
    assert to_body(signed) == to_body(signed, is_new=True)
    assert to_body(signed)["secret"] == "sign-with-this-2"


def test_everything_is_sent_and_events_are_sent_once_in_a_fixed_order() -> None:
    wanted = replace(ORDER, events=("pull-request", "push", "repo:push", "issue:created"))
    assert to_body(wanted, is_new=True) == {
        "description": ORDER.name,
        "url": ORDER.url,
        "active": True,
        "events": [
            "issue:created",
            "pullrequest:created",
            "pullrequest:fulfilled",
            "pullrequest:rejected",
            "pullrequest:updated",
            "repo:push",
        ],
    }
