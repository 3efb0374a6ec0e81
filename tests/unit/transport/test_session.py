from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.transport.budget import Budget
from reconciler.transport.retry import Patience
from reconciler.transport.session import Session
from tests.unit.transport.rawserver import Answer, Seen, answer, in_turn, raw_server
from tests.unit.transport.sleeps import Sleeps, a_session


async def test_a_read_carries_query_authorization_and_our_name() -> None:
    async with raw_server(in_turn(answer('{"a":1}'))) as server:
        session = a_session(server, authorization={"Authorization": "Bearer t"})
        reply = await session.get("/things", params={"q": 'a = "b"', "n": 2})
        await session.aclose()
    (seen,) = server.seen
    assert reply.json() == {"a": 1}
    assert seen.target == "/things?q=a+%3D+%22b%22&n=2"
    assert seen.headers["authorization"] == "Bearer t"
    assert seen.headers["user-agent"].startswith("scm-reconciler/")


async def test_authorization_is_made_anew_for_every_request() -> None:
    turns = iter(("one", "two"))
    async with raw_server(in_turn(answer())) as server:
        session = a_session(server, authorization=lambda: {"Authorization": next(turns)})
        await session.get("/")
        await session.get("/")
        await session.aclose()
    assert [seen.headers["authorization"] for seen in server.seen] == ["one", "two"]


async def test_json_and_forms_are_sent_as_declared() -> None:
    async with raw_server(in_turn(answer())) as server:
        session = a_session(server)
        await session.post_json("/graphql", {"query": "{a}"}, headers={"X-More": "yes"})
        await session.post_form("/token", {"grant_type": "a b"})
        await session.aclose()
    first, second = server.seen
    assert json.loads(first.body) == {"query": "{a}"}
    assert (first.headers["content-type"], first.headers["x-more"]) == ("application/json", "yes")
    assert second.body == b"grant_type=a+b"


async def test_a_refusal_below_500_is_a_reply_for_the_adapter() -> None:
    async with raw_server(in_turn(answer(status=404))) as server:
        session = a_session(server)
        assert (await session.get("/")).status == 404
        assert (await session.post_json("/", {})).status == 404
        await session.aclose()
    assert session.requests == 2


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    async with raw_server(in_turn(answer(headers={"Set-Cookie": "session=1; Path=/"}))) as server:
        session = a_session(server)
        await session.get("/")
        await session.get("/")
        await session.aclose()
    assert "cookie" not in server.seen[1].headers


# What is sent again ---------------------------------------------------------------------------


async def read(session: Session) -> int:
    return (await session.get("/")).status


async def change(session: Session) -> int:
    return (await session.post_json("/", {"a": 1})).status


async def query(session: Session) -> int:
    return (await session.post_json("/", {"a": 1}, safe=True)).status


Call = Callable[[Session], Any]


@pytest.mark.parametrize("call", [read, query], ids=["get", "safe-post"])
@pytest.mark.parametrize(
    "trouble",
    [answer(status=429), answer(status=503), answer(status=555), None],
    ids=["429", "503", "555", "broken-off"],
)
async def test_a_safe_request_is_sent_again(call: Call, trouble: Answer) -> None:
    async with raw_server(in_turn(trouble, trouble, answer())) as server:
        session = a_session(server)
        assert await call(session) == 200
        await session.aclose()
    assert (len(server.seen), session.requests) == (3, 3)


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (answer(status=503), Fault.AMBIGUOUS),
        (None, Fault.AMBIGUOUS),
        (answer(status=429), Fault.THROTTLED),
    ],
    ids=["503", "broken-off", "429"],
)
async def test_a_change_is_never_sent_twice(trouble: Answer, fault: Fault) -> None:
    async with raw_server(in_turn(trouble)) as server:
        session = a_session(server)
        with pytest.raises(RemoteError) as caught:
            await change(session)
        await session.aclose()
    assert caught.value.fault is fault
    assert len(server.seen) == 1


@pytest.mark.parametrize("call", [read, change], ids=["get", "post"])
async def test_without_a_connection_even_a_change_is_tried_again(call: Call) -> None:
    async with raw_server(in_turn(answer())) as server:
        pass
    sleeps = Sleeps()
    session = a_session(server, sleep=sleeps)
    with pytest.raises(RemoteError, match="cannot be reached") as caught:
        await call(session)
    await session.aclose()
    assert caught.value.fault is Fault.UNREACHABLE
    assert (session.requests, len(sleeps.taken)) == (4, 3)


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (answer(status=500), Fault.OUTAGE),
        (answer(status=429), Fault.THROTTLED),
        (None, Fault.BAD_REPLY),
        (answer()[:-1], Fault.BAD_REPLY),
        (b"not http\r\n\r\n", Fault.BAD_REPLY),
        (answer(b"not gzip", headers={"Content-Encoding": "gzip"}), Fault.BAD_REPLY),
    ],
    ids=["500", "429", "broken-off", "half-a-body", "not-http", "not-gzip"],
)
async def test_patience_ends_with_the_fault_that_stayed(trouble: Answer, fault: Fault) -> None:
    def reply(_seen: Seen) -> Answer:
        return trouble

    async with raw_server(reply) as server:
        server.hang_up = trouble is not None and trouble.endswith(b"{")
        session = a_session(server)
        with pytest.raises(RemoteError) as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is fault
    assert session.requests == 4
    assert caught.value.hint


@pytest.mark.parametrize("status", [429, 503], ids=str)
async def test_retry_after_in_seconds_is_obeyed_to_the_letter(status: int) -> None:
    sleeps = Sleeps()
    trouble = answer(status=status, headers={"Retry-After": "7"})
    async with raw_server(in_turn(trouble, answer())) as server:
        session = a_session(server, sleep=sleeps)
        await session.get("/")
        await session.aclose()
    assert sleeps.taken == [7]


async def test_retry_after_as_a_date_is_obeyed() -> None:
    sleeps = Sleeps()
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    async with raw_server(
        in_turn(answer(status=429, headers={"Retry-After": date}), answer())
    ) as server:
        session = a_session(server, sleep=sleeps)
        await session.get("/")
        await session.aclose()
    assert 20 < sleeps.taken[0] <= 30


async def test_being_asked_to_wait_too_long_gives_up_at_once_and_says_how_long() -> None:
    sleeps = Sleeps()
    async with raw_server(in_turn(answer(status=429, headers={"Retry-After": "3000"}))) as server:
        session = a_session(server, sleep=sleeps)
        with pytest.raises(RemoteError, match="asks to wait 3000 s") as caught:
            await session.get("/")
        await session.aclose()
    assert (caught.value.fault, caught.value.retry_after_s) == (Fault.THROTTLED, 3000)
    assert (sleeps.taken, len(server.seen)) == ([], 1)
    assert "50 min" in caught.value.hint


# Bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_a_body_over_the_bound_is_not_read_to_its_end(packed: bool) -> None:
    body = b"x" * 300_000
    reply = (
        answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})
        if packed
        else answer(body)
    )
    async with raw_server(in_turn(reply)) as server:
        session = a_session(server, max_bytes=100_000)
        with pytest.raises(RemoteError, match="more than 100000 bytes") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.BAD_REPLY
    assert len(server.seen) == 1


async def test_a_slow_answer_meets_the_bound_on_time() -> None:
    async with raw_server(in_turn(answer())) as server:
        server.pause_s = 5
        session = a_session(server, total_s=0.05, patience=Patience(tries=1))
        with pytest.raises(RemoteError, match="did not answer in time") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.UNREACHABLE


async def test_no_more_requests_fly_than_allowed() -> None:
    async with raw_server(in_turn(answer())) as server:
        server.pause_s = 0.01
        session = a_session(server, concurrency=3)
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(session.get, "/")
        await session.aclose()
    assert server.most_flying == 3
    assert session.requests == 12


async def test_over_the_hourly_allowance_nothing_is_sent() -> None:
    async with raw_server(in_turn(answer())) as server:
        session = a_session(server, hourly_requests=1)
        await session.get("/")
        with pytest.raises(RemoteError) as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.BUDGET
    assert (len(server.seen), session.requests) == (1, 1)


async def test_sessions_may_share_one_allowance_and_retries_count() -> None:
    budget = Budget(3)
    async with raw_server(in_turn(answer(status=503), answer())) as server:
        first, second = a_session(server, budget=budget), a_session(server, budget=budget)
        await first.get("/")
        await second.get("/")
        with pytest.raises(RemoteError, match="allowance"):
            await first.get("/")
        await first.aclose()
        await second.aclose()
    assert budget.requests == 3


@pytest.mark.parametrize(
    ("headers", "limit", "near"),
    [
        ({"X-RateLimit-Limit": "2500", "X-RateLimit-NearLimit": "true"}, 2500, True),
        ({"X-RateLimit-Limit": "60, 60;w=3600", "X-RateLimit-NearLimit": "0"}, 60, False),
        ({"X-RateLimit-Limit": "lots", "X-RateLimit-NearLimit": "1"}, None, True),
        ({}, None, False),
    ],
    ids=["documented", "list-form", "unreadable", "absent"],
)
async def test_what_the_other_side_says_of_its_limits_is_remembered(
    headers: dict[str, str], limit: int | None, near: bool
) -> None:
    async with raw_server(in_turn(answer(headers=headers))) as server:
        session = a_session(server)
        await session.get("/")
        await session.aclose()
    assert (session.hourly_limit, session.near_limit) == (limit, near)
