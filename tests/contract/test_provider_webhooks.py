"""The laws of listing, putting and deleting webhooks, for every provider that declares it can."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

import pytest

from reconciler import providers
from reconciler.errors import Fault, RemoteError
from reconciler.model.marker import mark, read_marker
from reconciler.model.method import MethodKind
from reconciler.model.secret import KNOWN, Secret
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.capability import Capability
from reconciler.ports.provider import Login, Provider, WebhookKeeper
from tests.contract.provider_bench import (
    ProviderBench,
    Trouble,
    WatchingBench,
    declared,
    open_bench,
    open_watching_bench,
    shown,
    that_can,
)

WATCHING = that_can(Capability.WEBHOOKS)

NEUTRAL = frozenset({"push", "pull-request"})
LINEAGE = "1a2b3c4d-0000-4000-8000-000000000000"
NAME = str(mark("ox-acme", LINEAGE, 1))
OTHER_NAME = str(mark("ox-acme", LINEAGE, 2))
URL = "https://hooks.acme.example/scan?source=code&team=pay"
OTHER_URL = "https://elsewhere.acme.example/deliveries"
MANY = 205
"""Webhooks of one place: more than one answer holds anywhere."""

LOST = frozenset({Trouble.BREAKS_OFF, Trouble.TRUNCATED, Trouble.STATUS_500, Trouble.STATUS_503})
"""Troubles after which nobody knows whether a write was carried out."""

CALLS = ("webhooks", "make", "replace", "delete")
WAYS = ("webhooks", "put_webhook", "delete_webhook")


class Keeper(Provider, WebhookKeeper, Protocol):
    """A provider that keeps webhooks."""


@pytest.fixture(params=WATCHING)
def bench(request: pytest.FixtureRequest) -> Iterator[WatchingBench]:
    with open_watching_bench(request.param) as opened:
        yield opened


@asynccontextmanager
async def opened(bench: WatchingBench) -> AsyncIterator[Keeper]:
    async with bench.open() as provider:
        assert isinstance(provider, WebhookKeeper)
        yield provider


def order(
    name: str = NAME,
    *,
    url: str = URL,
    events: tuple[str, ...] = ("push",),
    secret: Secret | None = None,
) -> WebhookOrder:
    return WebhookOrder(name, url, events, secret)


def own(bench: WatchingBench, *events: str) -> frozenset[str]:
    """What the provider calls these events."""
    known = providers.spec(bench.name).events
    return frozenset[str]().union(*(known.get(event, {event}) for event in events))


def calls(
    keeper: WebhookKeeper, login: Login, place: WebhookPlace, webhook_id: str, wanted: WebhookOrder
) -> dict[str, Callable[[], Awaitable[object]]]:
    """What a keeper may be asked, not yet asked."""
    return {
        "webhooks": lambda: keeper.webhooks(login, place),
        "make": lambda: keeper.put_webhook(login, place, wanted, ""),
        "replace": lambda: keeper.put_webhook(login, place, wanted, webhook_id),
        "delete": lambda: keeper.delete_webhook(login, place, webhook_id),
    }


async def refusal(call: Callable[[], Awaitable[object]]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call()
    assert caught.value.cause
    assert caught.value.hint
    return caught.value


async def settled(call: Callable[[], Awaitable[object]]) -> Fault | None:
    try:
        await call()
    except RemoteError as error:
        return error.fault
    return None


def seen(bench: WatchingBench) -> dict[WebhookPlace, frozenset[str]]:
    """Every webhook, as the provider has it."""
    return {place: bench.live_webhooks(place) for place in bench.places()}


# Who keeps webhooks ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", providers.names())
def test_neutral_events_are_named_by_those_that_keep_webhooks_and_no_other(name: str) -> None:
    events = providers.spec(name).events
    assert set(events) == (NEUTRAL if name in WATCHING else frozenset())
    assert all(events.values())
    assert not frozenset(events) & frozenset[str]().union(*events.values())


@pytest.mark.parametrize("name", providers.names())
async def test_webhooks_are_kept_by_those_that_declare_it_and_no_other(name: str) -> None:
    plain: ProviderBench
    with open_bench(name) as plain:
        async with plain.open() as provider:
            assert isinstance(provider, WebhookKeeper) is (name in WATCHING)
            assert {hasattr(provider, way) for way in WAYS} == {name in WATCHING}


def test_a_bench_offers_places_that_hold_no_webhook(bench: WatchingBench) -> None:
    assert len(bench.places()) > 1
    assert bench.unknown_places()
    assert bench.weak_watchers()
    assert not any(seen(bench).values())
    assert bench.own_event() not in own(bench, *NEUTRAL)


@pytest.mark.parametrize("call", CALLS)
async def test_a_credential_of_another_provider_is_refused_unsent(
    bench: WatchingBench, call: str
) -> None:
    spec = providers.spec(bench.name)
    strange = next(k for k in MethodKind if k not in spec.methods and k not in spec.retired)
    login = Login(strange, Secret("strange-secret"), "ada")
    async with opened(bench) as keeper:
        error = await refusal(calls(keeper, login, bench.places()[0], "1", order())[call])
    assert error.fault is Fault.REJECTED
    assert strange in error.cause
    assert bench.requests() == 0


# Putting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events", [("push",), ("pull-request",), ("push", "pull-request")], ids="+".join
)
async def test_what_was_put_is_listed_as_it_was_ordered(
    bench: WatchingBench, events: tuple[str, ...]
) -> None:
    login = bench.watcher()
    async with opened(bench) as keeper:
        for place in bench.places():
            made = await keeper.put_webhook(login, place, order(events=events), "")
            assert made == LiveWebhook(made.id, NAME, URL, own(bench, *events), True, place)
            assert await keeper.webhooks(login, place) == (made,)
            assert bench.live_webhooks(place) == {made.id}


async def test_an_event_of_the_providers_own_is_passed_through(bench: WatchingBench) -> None:
    login, place = bench.watcher(), bench.places()[0]
    wanted = order(events=(bench.own_event(), "push"))
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, wanted, "")
        assert made.events == own(bench, "push") | {bench.own_event()}
        assert await keeper.webhooks(login, place) == (made,)


async def test_an_event_that_nobody_knows_is_rejected(bench: WatchingBench) -> None:
    async with opened(bench) as keeper:
        error = await refusal(
            lambda: keeper.put_webhook(
                bench.watcher(), bench.places()[0], order(events=("nonsense:happened",)), ""
            )
        )
    assert error.fault is Fault.REJECTED
    assert not any(seen(bench).values())


async def test_a_marked_name_survives_the_way_there_and_back(bench: WatchingBench) -> None:
    login, place = bench.watcher(), bench.places()[0]
    name = str(mark("ox-acme-prod-1", LINEAGE, 999_999_999))
    async with opened(bench) as keeper:
        await keeper.put_webhook(login, place, order(name), "")
        (found,) = await keeper.webhooks(login, place)
    assert found.name == name
    assert read_marker(found.name, LINEAGE) == mark("ox-acme-prod-1", LINEAGE, 999_999_999)


async def test_replacing_keeps_the_id_and_changes_everything_else(bench: WatchingBench) -> None:
    login = bench.watcher()
    wanted = order(OTHER_NAME, url=OTHER_URL, events=("pull-request",))
    async with opened(bench) as keeper:
        for place in bench.places():
            made = await keeper.put_webhook(login, place, order(), "")
            changed = await keeper.put_webhook(login, place, wanted, made.id)
            assert changed == replace(
                made, name=OTHER_NAME, url=OTHER_URL, events=own(bench, "pull-request")
            )
            assert await keeper.webhooks(login, place) == (changed,)


async def test_replacing_twice_is_as_replacing_once(bench: WatchingBench) -> None:
    login, place = bench.watcher(), bench.places()[0]
    wanted = order(OTHER_NAME, url=OTHER_URL, events=("push", "pull-request"))
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, order(), "")
        once = await keeper.put_webhook(login, place, wanted, made.id)
        twice = await keeper.put_webhook(login, place, wanted, made.id)
        assert once == twice
        assert await keeper.webhooks(login, place) == (twice,)


async def test_replacing_what_is_gone_is_not_found_and_makes_nothing(bench: WatchingBench) -> None:
    login, place = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, order(), "")
        await keeper.delete_webhook(login, place, made.id)
        error = await refusal(lambda: keeper.put_webhook(login, place, order(), made.id))
    assert error.fault is Fault.NOT_FOUND
    assert not any(seen(bench).values())


async def test_a_webhook_is_signed_exactly_when_the_last_order_holds_a_secret(
    bench: WatchingBench,
) -> None:
    """Where none can be given, an order with a secret is rejected and changes nothing."""
    login, is_offered = bench.watcher(), declared(bench.name).webhook_secrets
    signed, plain = order(secret=Secret("sign-with-this-1")), order()
    async with opened(bench) as keeper:
        for place in bench.places():
            made = await keeper.put_webhook(login, place, plain, "")
            for wanted in (signed, signed, plain, plain, signed):
                asked = calls(keeper, login, place, made.id, wanted)["replace"]
                fault = await settled(asked)
                assert fault is (None if is_offered or wanted is plain else Fault.REJECTED)
                assert bench.is_signed(made.id) is (is_offered and wanted is signed)
            await keeper.delete_webhook(login, place, made.id)
            await settled(calls(keeper, login, place, "", signed)["make"])
            live = bench.live_webhooks(place)
            assert [bench.is_signed(id_) for id_ in live] == [True] * is_offered


# Listing -----------------------------------------------------------------------------------------


async def test_a_place_lists_only_its_own_and_those_of_whoever_made_them(
    bench: WatchingBench,
) -> None:
    login = bench.watcher()
    async with opened(bench) as keeper:
        for number, place in enumerate(bench.places(), start=1):
            bench.add_webhooks(place, number)
            await keeper.put_webhook(login, place, order(), "")
        for number, place in enumerate(bench.places(), start=1):
            found = await keeper.webhooks(login, place)
            assert {hook.id for hook in found} == bench.live_webhooks(place)
            assert len(found) == number + 1
            assert {hook.place for hook in found} == {place}
            assert [hook.name for hook in found].count(NAME) == 1


async def test_every_webhook_of_a_crowded_place_is_listed(bench: WatchingBench) -> None:
    place = bench.places()[0]
    bench.add_webhooks(place, MANY)
    async with opened(bench) as keeper:
        found = await keeper.webhooks(bench.watcher(), place)
    assert len(found) == MANY
    assert {hook.id for hook in found} == bench.live_webhooks(place)


# Deleting ----------------------------------------------------------------------------------------


async def test_deleting_takes_one_away_and_may_be_done_twice(bench: WatchingBench) -> None:
    login = bench.watcher()
    async with opened(bench) as keeper:
        for place in bench.places():
            bench.add_webhooks(place, 1)
            before = bench.live_webhooks(place)
            made = await keeper.put_webhook(login, place, order(), "")
            await keeper.delete_webhook(login, place, made.id)
            assert bench.live_webhooks(place) == before
            await keeper.delete_webhook(login, place, made.id)
            assert bench.live_webhooks(place) == before


# An answer that is lost --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["lost", "garbled"])
async def test_after_a_lost_answer_the_webhook_is_found_by_its_name(
    bench: WatchingBench, how: str
) -> None:
    login, place = bench.watcher(), bench.places()[0]
    bench.add_webhooks(place, 2)
    (bench.lose_next_webhook if how == "lost" else bench.garble_next_webhook)()
    async with opened(bench) as keeper:
        error = await refusal(lambda: keeper.put_webhook(login, place, order(), ""))
        assert error.fault is Fault.AMBIGUOUS
        assert bench.webhook_creates() == 1
        found = [hook for hook in await keeper.webhooks(login, place) if hook.name == NAME]
        assert len(found) == 1
        replaced = await keeper.put_webhook(login, place, order(), found[0].id)
        assert replaced.id == found[0].id
    assert len(bench.live_webhooks(place)) == 3


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_making_one_is_never_sent_twice(bench: WatchingBench, trouble: Trouble) -> None:
    """One is made before, so that the one in trouble has nothing to look up."""
    login, place = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        await keeper.put_webhook(login, place, order("before"), "")
        before = bench.webhook_creates()
        bench.trouble(trouble)
        error = await refusal(lambda: keeper.put_webhook(login, place, order(), ""))
    assert bench.webhook_creates() == before + 1
    wanted = declared(bench.name).faults_of(trouble)
    if trouble in LOST:
        wanted = frozenset({Fault.AMBIGUOUS})
    elif trouble is Trouble.HTML:
        wanted |= {Fault.AMBIGUOUS}
    assert error.fault in wanted
    assert error.party == bench.name
    assert bench.trapped() == 0


# The way in, and the place -----------------------------------------------------------------------


async def test_who_may_not_manage_webhooks_is_told_so(bench: WatchingBench) -> None:
    async with opened(bench) as keeper:
        for place in bench.places():
            made = await keeper.put_webhook(bench.watcher(), place, order(), "")
            for login in bench.weak_watchers():
                asked = calls(keeper, login, place, made.id, order(OTHER_NAME))
                for call in ("make", "replace", "delete"):
                    error = await refusal(asked[call])
                    assert error.fault in {Fault.PERMISSION, Fault.SCOPE}, (call, error)
            assert bench.live_webhooks(place) == {made.id}
            assert await keeper.webhooks(bench.watcher(), place) == (made,)


@pytest.mark.parametrize("call", CALLS)
async def test_a_place_that_is_not_there_is_not_found(bench: WatchingBench, call: str) -> None:
    login, home = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, home, order(), "")
        for place in bench.unknown_places():
            error = await refusal(calls(keeper, login, place, made.id, order())[call])
            assert error.fault is Fault.NOT_FOUND, (place, error)
    assert bench.live_webhooks(home) == {made.id}


@pytest.mark.parametrize("call", CALLS)
async def test_a_place_that_cannot_be_watched_is_rejected_unsent_with_a_mend(
    bench: WatchingBench, call: str
) -> None:
    login = bench.watcher()
    async with opened(bench) as keeper:
        for place in bench.unwatched_places():
            error = await refusal(calls(keeper, login, place, "1", order())[call])
            assert error.fault is Fault.REJECTED, (place, error)
    assert bench.requests() == 0


@pytest.mark.parametrize("repository", ["a/b/c", "/ledger", "PAY/"])
@pytest.mark.parametrize("call", CALLS)
async def test_what_cannot_name_a_repository_is_refused(
    bench: WatchingBench, call: str, repository: str
) -> None:
    place = WebhookPlace(repository=repository)
    async with opened(bench) as keeper:
        error = await refusal(calls(keeper, bench.watcher(), place, "1", order())[call])
    assert error.fault in {Fault.REJECTED, Fault.NOT_FOUND}
    assert not any(seen(bench).values())


# Failures and secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
@pytest.mark.parametrize("call", ["webhooks", "replace"])
async def test_every_http_failure_becomes_our_error(
    bench: WatchingBench, call: str, trouble: Trouble
) -> None:
    login, place = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, order(), "")
        bench.trouble(trouble)
        error = await refusal(calls(keeper, login, place, made.id, order())[call])
    wanted = declared(bench.name).faults_of(trouble)
    if call == "replace" and trouble in LOST:
        wanted |= {Fault.AMBIGUOUS}
    assert error.fault in wanted
    assert error.party == bench.name
    assert bench.trapped() == 0


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_deleting_claims_nothing_that_did_not_happen(
    bench: WatchingBench, trouble: Trouble
) -> None:
    login, place = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, order(), "")
        bench.trouble(trouble)
        fault = await settled(lambda: keeper.delete_webhook(login, place, made.id))
    wanted = declared(bench.name).faults_of(trouble) | {Fault.AMBIGUOUS}
    assert fault in wanted or (fault is None and not bench.live_webhooks(place))
    assert bench.trapped() == 0


@pytest.mark.parametrize("call", CALLS)
async def test_over_the_hourly_allowance_nothing_is_sent(bench: WatchingBench, call: str) -> None:
    async with bench.open(hourly_requests=1) as provider:
        assert isinstance(provider, WebhookKeeper)
        await provider.verify(bench.login, reach=False)
        asked = calls(provider, bench.login, bench.places()[0], "1", order())
        assert await settled(asked[call]) is Fault.BUDGET
    assert bench.requests() == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("call", ["replace", "delete"])
async def test_retry_after_is_obeyed(bench: WatchingBench, call: str, form: str) -> None:
    login, place = bench.watcher(), bench.places()[0]
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, order(), "")
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        bench.throttle_next_webhook("40" if form == "seconds" else date)
        await calls(keeper, login, place, made.id, order(OTHER_NAME))[call]()
    assert len(bench.sleeps) == 1
    assert 30 < bench.sleeps[0] <= 40


async def test_a_throttled_making_says_how_long_to_wait(bench: WatchingBench) -> None:
    login, place = bench.watcher(), bench.places()[0]
    bench.throttle_next_webhook("40")
    async with opened(bench) as keeper:
        error = await refusal(lambda: keeper.put_webhook(login, place, order(), ""))
    assert (error.fault, error.retry_after_s) == (Fault.THROTTLED, 40)
    assert bench.sleeps == []
    assert not bench.live_webhooks(place)


@pytest.mark.parametrize("trouble", [None, *Trouble], ids=str)
async def test_no_secret_is_in_any_webhook_error_or_repr(
    bench: WatchingBench, trouble: Trouble | None
) -> None:
    login, place = bench.watcher(), bench.places()[0]
    signing = Secret('sign"with"this\\1') if declared(bench.name).webhook_secrets else None
    wanted = order(secret=signing)
    known = {login.secret.reveal(), *bench.secrets(), *({signing.reveal()} if signing else ())}
    secrets = known | {base64.b64encode(f":{value}".encode()).decode() for value in known}
    secrets |= {json.dumps(value)[1:-1] for value in known}
    bench.add_webhooks(place, 2)
    async with opened(bench) as keeper:
        made = await keeper.put_webhook(login, place, wanted, "")
        texts = [repr(login), repr(wanted), repr(made)]
        if trouble is not None:
            bench.trouble(trouble)
        for call in calls(keeper, login, place, made.id, wanted).values():
            try:
                texts.append(repr(await call()))
            except RemoteError as error:
                texts.append(shown(error))
        texts.append(repr(keeper) + repr(keeper.reads()))
    text = "\n".join(texts)
    assert len(texts) == 3 + len(CALLS) + 1
    assert not [secret for secret in secrets if secret in text]
    assert KNOWN.scrub(text) == text
