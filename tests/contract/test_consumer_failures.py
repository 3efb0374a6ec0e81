"""How every consumer that code can drive fails: in our words, without a secret, never twice."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from reconciler.consumers import names
from reconciler.errors import Fault, RemoteError
from reconciler.model.secret import Secret
from reconciler.ports.consumer import Consumer
from reconciler.sandbox.faults import FaultKind
from tests.contract.consumer_bench import ConsumerBench, choose, open_bench

DOINGS = ("observe", "check", "select", "disconnect")


@pytest.fixture(params=names())
def bench(request: pytest.FixtureRequest) -> Iterator[ConsumerBench]:
    with open_bench(request.param) as found:
        yield found


@pytest.fixture
async def consumer(bench: ConsumerBench) -> AsyncIterator[Consumer]:
    opened = bench.open()
    yield opened
    await opened.aclose()


async def do(doing: str, bench: ConsumerBench, consumer: Consumer, live_id: str) -> None:
    if doing == "observe":
        await consumer.observe()
    elif doing == "check":
        await consumer.check(live_id)
    elif doing == "select":
        await choose(bench, consumer, live_id, want=bench.labels()[:1])
    else:
        await consumer.disconnect(live_id)
        assert not bench.has(live_id)


# Failures --------------------------------------------------------------------------------------

BROKEN = {
    "html": (FaultKind.HTML, None, Fault.BAD_REPLY),
    "truncated": (FaultKind.TRUNCATED, None, Fault.BAD_REPLY),
    "errors-after-commit": (FaultKind.ERROR_AFTER_COMMIT, 502, Fault.OUTAGE),
    "server-error": (FaultKind.ERROR, 500, Fault.OUTAGE),
    "forbidden": (FaultKind.ERROR, 403, Fault.PERMISSION),
    "bad-request": (FaultKind.ERROR, 400, Fault.REJECTED),
    "rate-limit": (FaultKind.RATE_LIMIT, 1, Fault.THROTTLED),
    "closed": (FaultKind.DROP, None, Fault.BAD_REPLY),
    "lost-answer": (FaultKind.LOST_ANSWER, None, Fault.BAD_REPLY),
    "redirected": (FaultKind.FOREIGN_REDIRECT, None, Fault.FOREIGN_HOST),
}


@pytest.mark.parametrize("doing", DOINGS)
@pytest.mark.parametrize("broken", BROKEN)
async def test_every_lasting_failure_is_ours_to_tell(
    bench: ConsumerBench, consumer: Consumer, broken: str, doing: str
) -> None:
    added = await consumer.connect(bench.request("a"))
    kind, value, fault = BROKEN[broken]
    bench.arm(kind, value=value, times=1000)
    with pytest.raises(RemoteError) as caught:
        await do(doing, bench, consumer, added.id)
    assert caught.value.fault is fault
    assert caught.value.cause
    assert caught.value.hint
    assert bench.trapped() == 0


@pytest.mark.parametrize(
    "broken",
    ["html", "truncated", "errors-after-commit", "server-error", "closed", "lost-answer"],
)
async def test_connecting_without_an_answer_is_ambiguous_and_never_repeated(
    bench: ConsumerBench, consumer: Consumer, broken: str
) -> None:
    kind, value, _ = BROKEN[broken]
    bench.arm(kind, body=bench.adding, value=value)
    with pytest.raises(RemoteError) as caught:
        await consumer.connect(bench.request("a"))
    assert caught.value.fault is Fault.AMBIGUOUS
    assert bench.count() <= 1


@pytest.mark.parametrize("doing", DOINGS)
@pytest.mark.parametrize(
    "broken", ["errors-after-commit", "server-error", "rate-limit", "closed", "lost-answer"]
)
async def test_passing_failure_is_survived(
    bench: ConsumerBench, consumer: Consumer, broken: str, doing: str
) -> None:
    added = await consumer.connect(bench.request("a"))
    kind, value, _ = BROKEN[broken]
    bench.arm(kind, value=value, times=1)
    await do(doing, bench, consumer, added.id)


@pytest.mark.parametrize("doing", DOINGS)
async def test_undocumented_fields_do_no_harm(
    bench: ConsumerBench, consumer: Consumer, doing: str
) -> None:
    bench.arm(FaultKind.UNKNOWN_FIELDS, times=1000)
    added = await consumer.connect(bench.request("a"))
    assert [(c.id, c.name) for c in await consumer.observe()] == [(added.id, added.name)]
    await do(doing, bench, consumer, added.id)


@pytest.mark.parametrize("doing", DOINGS)
async def test_optional_fields_may_be_missing(
    bench: ConsumerBench, consumer: Consumer, doing: str
) -> None:
    added = await consumer.connect(bench.request("a"))
    await consumer.aclose()
    fresh = bench.open_where_fields_are_missing()
    bench.arm(FaultKind.MISSING_FIELDS, value=bench.optional_fields, times=1000)
    try:
        assert [c.id for c in await fresh.observe()] == [added.id]
        await do(doing, bench, fresh, added.id)
    finally:
        await fresh.aclose()


# Secrets ---------------------------------------------------------------------------------------


async def test_no_secret_in_anything_that_is_shown(
    bench: ConsumerBench, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = bench.mint()
    request = bench.request("a", secret)
    await consumer.connect(request)
    shown = [repr(request), repr(consumer), repr(await consumer.observe()), caplog.text]
    bench.arm(FaultKind.TRUNCATED, body=bench.adding)
    with pytest.raises(RemoteError) as caught:
        await consumer.connect(bench.request("b", secret))
    bench.kill(secret)
    with pytest.raises(RemoteError) as refused:
        await consumer.connect(bench.request("c", secret))
    shown += [str(e.value) + e.value.hint + repr(e.value) for e in (caught, refused)]
    for text in shown:
        assert secret.reveal() not in text
        assert bench.key.reveal() not in text


async def test_wrong_key_is_not_shown(bench: ConsumerBench) -> None:
    key = Secret("wrong-key-0123456789abcdef")
    opened = bench.open_by_spec(key)
    with pytest.raises(RemoteError) as caught:
        await opened.observe()
    await opened.aclose()
    assert key.reveal() not in str(caught.value) + caught.value.hint


async def test_secrets_go_to_no_other_host(bench: ConsumerBench, consumer: Consumer) -> None:
    bench.arm(FaultKind.FOREIGN_REDIRECT, body=bench.adding)
    with pytest.raises(RemoteError) as caught:
        await consumer.connect(bench.request("a"))
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert bench.trapped() == 0
