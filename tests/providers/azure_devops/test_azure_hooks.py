"""Service hooks as webhooks: what only Azure DevOps does, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.model.marker import mark
from reconciler.model.secret import Secret
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.azure_devops.subscriptions import Tag, to_tag
from reconciler.sandbox.azure_devops.estate import Subscription
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from tests.providers.azure_devops.bench import SCM, Bench

NAME = str(mark("ox-acme", "1a2b3c4d-0000-4000-8000-000000000000", 2))
URL = "https://hooks.acme.example/azure?team=pay"
LEDGER = WebhookPlace(repository="Payments/ledger")
PULLS = frozenset({"git.pullrequest.created", "git.pullrequest.merged", "git.pullrequest.updated"})
BOTH = PULLS | {"git.push"}
HOOKS = "/acme/_apis/hooks/subscriptions"


def order(*events: str, name: str = NAME, url: str = URL, secret: str = "") -> WebhookOrder:
    signs = Secret(secret) if secret else None
    return WebhookOrder(name, url, events or ("push", "pull-request"), signs)


async def put(bench: Bench, wanted: WebhookOrder, id_: str = "", **other: Any) -> LiveWebhook:
    login: Login = other.get("login") or bench.watcher()
    async with bench.open_account() as provider:
        return await provider.put_webhook(login, other.get("place", LEDGER), wanted, id_)


async def refused(bench: Bench, wanted: WebhookOrder, id_: str = "", **other: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await put(bench, wanted, id_, **other)
    return caught.value


async def listed(bench: Bench, place: WebhookPlace = LEDGER) -> tuple[LiveWebhook, ...]:
    async with bench.open_account() as provider:
        return await provider.webhooks(bench.watcher(), place)


def keep(bench: Bench, subscription: Subscription) -> None:
    bench.organization.estate.subscriptions[subscription.id] = subscription


def events(bench: Bench, place: WebhookPlace = LEDGER) -> list[str]:
    return sorted(str(one.body["eventType"]) for one in bench.subscriptions(place))


async def test_a_webhook_is_a_subscription_for_each_event(bench: Bench) -> None:
    made = await put(bench, order(secret="hush-hush-1"))
    assert made.events == BOTH
    name = "ox-acme%20[reconciler%201a2b3c4d-2]"
    bodies = [one.body for one in bench.subscriptions(LEDGER)]
    assert {body["eventType"] for body in bodies} == BOTH
    for body in bodies:
        assert body["publisherInputs"] == bench.inputs(LEDGER)
        assert body["resourceVersion"] == "1.0"
        assert body["consumerInputs"] == {
            "url": URL,
            "httpHeaders": f"X-Reconciler-Connection:{name};{made.id};4",
            "basicAuthUsername": "reconciler",
            "basicAuthPassword": "hush-hush-1",
        }


@pytest.mark.parametrize(
    ("place", "requests"),
    [(LEDGER, 2), (WebhookPlace(project="Payments"), 2), (WebhookPlace(), 1)],
    ids=["repository", "project", "account"],
)
async def test_a_place_is_listed_in_two_requests_at_most(
    bench: Bench, place: WebhookPlace, requests: int
) -> None:
    await listed(bench, place)
    assert bench.requests() == requests


async def test_a_renamed_project_keeps_its_webhooks(bench: Bench) -> None:
    made = await put(bench, order())
    bench.organization.rename_project("Payments", "Billing")
    bench.organization.rename_repository("Billing", "ledger", "books")
    place = WebhookPlace(repository="Billing/books")
    assert await listed(bench, place) == (replace(made, place=place),)


async def test_what_a_person_deleted_is_made_again_and_nothing_else(bench: Bench) -> None:
    made = await put(bench, order())
    gone = bench.subscriptions(LEDGER)[0]
    del bench.organization.estate.subscriptions[gone.id]
    assert await listed(bench) == (
        replace(made, active=False, events=BOTH - {str(gone.body["eventType"])}),
    )
    before = bench.webhook_creates()
    assert await put(bench, order(), made.id) == made
    assert await listed(bench) == (made,)
    assert bench.webhook_creates() == before + 1


async def test_what_stands_there_twice_is_taken_away(bench: Bench) -> None:
    made = await put(bench, order("push"))
    (one,) = bench.subscriptions(LEDGER)
    keep(bench, replace(one, id=bench.unknown_id()))
    assert await listed(bench) == (replace(made, active=False),)
    assert await put(bench, order("push"), made.id) == made
    assert await listed(bench) == (made,)
    assert len(bench.subscriptions(LEDGER)) == 1


@pytest.mark.parametrize(
    ("kind", "active"), [(FaultKind.LOST_ANSWER, True), (FaultKind.DROP, False)], ids=str
)
async def test_past_a_lost_answer_the_others_are_made_and_the_rest_heals(
    bench: Bench, kind: FaultKind, *, active: bool
) -> None:
    bench.sandbox.faults.add(Scripted(kind, match=f"POST {HOOKS}*", after=1))
    assert (await refused(bench, order())).fault is Fault.AMBIGUOUS
    assert bench.webhook_creates() == 4
    (found,) = await listed(bench)
    assert (found.name, found.url, found.active) == (NAME, URL, active)
    healed = await put(bench, order(), found.id)
    assert healed == replace(found, active=True, events=BOTH)
    assert events(bench) == sorted(BOTH)


async def test_an_event_that_is_refused_takes_the_others_back(bench: Bench) -> None:
    error = await refused(bench, order("push", "zz.unknown"))
    assert error.fault is Fault.REJECTED
    assert "no registered handler" in error.cause
    assert bench.subscriptions(LEDGER) == []


async def test_an_order_that_is_refused_leaves_the_webhook_as_it_was(bench: Bench) -> None:
    made = await put(bench, order("push"))
    wanted = order("push", "pull-request", "zz.unknown", name="another", url=f"{URL}&n=2")
    assert (await refused(bench, wanted, made.id)).fault is Fault.REJECTED
    assert await listed(bench) == (made,)


async def test_while_it_is_replaced_by_halves_it_is_one_webhook_that_is_not_active(
    bench: Bench,
) -> None:
    made = await put(bench, order())
    bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match=f"PUT {HOOKS}*", value=403, after=2))
    wanted = order(name="another", url=f"{URL}&n=2")
    assert (await refused(bench, wanted, made.id)).fault is Fault.PERMISSION
    (found,) = await listed(bench)
    assert (found.id, found.active) == (made.id, False)
    changed = await put(bench, wanted, made.id)
    assert await listed(bench) == (changed,)
    assert (changed.name, changed.url, changed.active) == ("another", f"{URL}&n=2", True)


async def test_a_name_that_the_service_does_not_show_is_refused_and_taken_back(
    bench: Bench,
) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.OTHER_VALUES, match=f"POST {HOOKS}*", value="httpHeaders=********")
    )
    error = await refused(bench, order())
    assert error.fault is Fault.REJECTED
    assert "does not show the header" in error.cause
    assert bench.subscriptions(LEDGER) == []


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ("enabled", True),
        ("onProbation", True),
        ("disabledByUser", False),
        ("disabledBySystem", False),
        ("somethingNew", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_only_what_is_called_is_active_and_putting_switches_it_on(
    bench: Bench, status: str, *, active: bool
) -> None:
    made = await put(bench, order())
    keep(bench, replace(bench.subscriptions(LEDGER)[0], status=status))
    assert await listed(bench) == (replace(made, active=active),)
    await put(bench, order(), made.id)
    assert await listed(bench) == (made,)


@pytest.mark.parametrize("secret", ["two words", "x" * 257], ids=["blank", "long"])
async def test_a_secret_that_can_be_no_password_there_is_refused_unsent(
    bench: Bench, secret: str
) -> None:
    error = await refused(bench, order(secret=secret))
    assert error.fault is Fault.REJECTED
    assert "256" in error.cause
    assert secret not in str(error)
    assert bench.requests() == 0


async def test_a_webhook_without_events_is_refused_unsent(bench: Bench) -> None:
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError, match="without an event"):
            await provider.put_webhook(bench.watcher(), LEDGER, WebhookOrder(NAME, URL, ()), "")
    assert bench.requests() == 0


async def test_somebody_elses_are_listed_one_by_one_and_left_alone(bench: Bench) -> None:
    bench.add_webhooks(LEDGER, 2)
    theirs = bench.live_webhooks(LEDGER)
    made = await put(bench, order(url="https://by-hand.acme.example/0"))
    found = {webhook.id: webhook for webhook in await listed(bench)}
    assert found.keys() == theirs | {made.id}
    assert {(found[id_].name, found[id_].active) for id_ in theirs} == {("", True)}
    async with bench.open_account() as provider:
        await provider.delete_webhook(bench.watcher(), LEDGER, made.id)
    assert bench.live_webhooks(LEDGER) == theirs


async def test_who_may_not_edit_is_told_which_permission_it_takes(bench: Bench) -> None:
    error = await refused(bench, order(), login=bench.login)
    assert error.fault is Fault.PERMISSION
    assert "Edit subscriptions" in error.hint
    assert "project administrators" in error.hint


async def test_a_place_that_may_not_be_read_is_not_about_webhooks(bench: Bench) -> None:
    bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="GET *ledger*", value=403))
    error = await refused(bench, order())
    assert error.fault is Fault.PERMISSION
    assert "subscriptions" not in error.hint


async def test_the_whole_account_takes_an_administrator_of_the_collection(bench: Bench) -> None:
    project = WebhookPlace(project="Payments")
    login = bench.pat(("vso.code",), owner=SCM)
    await put(bench, order(), login=login, place=project)
    error = await refused(bench, order(), login=login, place=WebhookPlace())
    assert error.fault is Fault.PERMISSION
    assert "project collection" in error.hint


async def test_a_lacking_scope_is_told_from_a_dead_credential(bench: Bench) -> None:
    error = await refused(bench, order(), login=bench.lean_watcher())
    assert (error.fault, error.required) == (Fault.SCOPE, ("vso.code",))
    dead = bench.watcher()
    bench.organization.revoke(dead.secret.reveal())
    assert (await refused(bench, order(), login=dead)).fault is Fault.CREDENTIAL


async def test_a_404_that_is_not_about_the_webhook_does_not_pass_for_deleted(
    bench: Bench,
) -> None:
    made = await put(bench, order("push"))
    bench.sandbox.faults.add(Scripted(FaultKind.ERROR, match="DELETE *", value=404))
    async with bench.open_account() as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.delete_webhook(bench.watcher(), LEDGER, made.id)
    assert caught.value.fault is Fault.NOT_FOUND
    assert bench.live_webhooks(LEDGER) == {made.id}


async def test_one_that_goes_away_meanwhile_is_deleted(bench: Bench) -> None:
    """The answer to a first try is lost; the second finds nothing any more."""
    made = await put(bench, order())
    bench.sandbox.faults.add(Scripted(FaultKind.LOST_ANSWER, match="DELETE *"))
    async with bench.open_account() as provider:
        await provider.delete_webhook(bench.watcher(), LEDGER, made.id)
    assert bench.subscriptions(LEDGER) == []


async def test_a_place_is_looked_up_once_for_each_credential(bench: Bench) -> None:
    login = bench.watcher()
    async with bench.open_account() as provider:
        await provider.webhooks(login, LEDGER)
        await provider.webhooks(login, LEDGER)
        await provider.webhooks(bench.watcher(), LEDGER)
    path = "GET /acme/Payments/_apis/git/repositories/ledger"
    assert bench.lines().count(path) == 2


@pytest.mark.parametrize(
    ("headers", "tag"),
    [
        ("", Tag()),
        ("Authorization:Basic%20x", Tag()),
        ("X-Reconciler-Connection:ox-acme;AB;3", Tag("ox-acme", "ab", 3)),
        ("A:b\r\nx-reconciler-connection : ox%20[1];ab;3\r\nC:d", Tag("ox [1]", "ab", 3)),
        ("X-Reconciler-Connection:ox-acme", Tag("ox-acme")),
        ("X-Reconciler-Connection:ox-acme;ab;many", Tag("ox-acme", "ab")),
        ("X-Reconciler-Connection:a%3Bb;ab;1;later", Tag("a;b", "ab", 1)),
    ],
    ids=["none", "other", "ours", "among-others", "name-only", "no-number", "more-parts"],
)
def test_our_header_is_read_wherever_it_stands(headers: str, tag: Tag) -> None:
    assert to_tag(headers) == tag


@pytest.mark.parametrize(
    "inputs",
    [
        {"httpHeaders": "X-Name:two words"},
        {"httpHeaders": "no colon"},
        {"basicAuthPassword": "two words"},
        {"basicAuthPassword": "x" * 257},
        {"url": "ftp://hooks.acme.example"},
    ],
    ids=["blank-in-header", "no-header", "blank-in-password", "long-password", "no-web-address"],
)
async def test_the_emulator_refuses_inputs_that_the_service_refuses(
    bench: Bench, inputs: dict[str, str]
) -> None:
    body = {
        "publisherId": "tfs",
        "eventType": "git.push",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "publisherInputs": bench.inputs(LEDGER),
        "consumerInputs": {"url": URL, **inputs},
    }
    async with bench.open_account() as provider:
        reply = await provider._hooks._send(bench.watcher(), "POST", HOOKS, body, safe=False)
    assert reply.status == 400
    assert bench.subscriptions(LEDGER) == []
