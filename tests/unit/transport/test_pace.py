"""Pauses on answers that succeed, redirects as replies, byte order marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.transport.pace import Pace, announced_s
from reconciler.transport.reply import Reply
from reconciler.transport.session import Session
from tests.unit.transport.rawserver import Answer, answer, in_turn, raw_server
from tests.unit.transport.sleeps import Sleeps, a_session


def slowed(seconds: str, name: str = "Retry-After", status: int = 200) -> bytes:
    return answer(status=status, headers={name: seconds})


@pytest.mark.parametrize("status", [200, 404], ids=["success", "refusal"])
async def test_the_request_after_an_announced_pause_waits_for_it_once(status: int) -> None:
    sleeps = Sleeps()
    async with raw_server(in_turn(slowed("7", status=status), answer())) as server:
        session = a_session(server, sleep=sleeps)
        await session.get("/")
        assert sleeps.taken == []
        await session.get("/")
        await session.get("/")
        await session.aclose()
    assert [round(seconds) for seconds in sleeps.taken] == [7]
    assert len(server.seen) == 3


async def test_a_change_waits_as_well() -> None:
    sleeps = Sleeps()
    async with raw_server(in_turn(slowed("3"), answer())) as server:
        session = a_session(server, sleep=sleeps)
        await session.get("/")
        await session.post_json("/", {})
        await session.aclose()
    assert [round(seconds) for seconds in sleeps.taken] == [3]


async def test_requests_that_come_during_the_pause_wait_behind_it() -> None:
    begun, go = anyio.Event(), anyio.Event()

    async def sleep(_seconds: float) -> None:
        begun.set()
        await go.wait()

    async with raw_server(in_turn(slowed("9"), answer())) as server:
        session = a_session(server, sleep=sleep)
        await session.get("/")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.get, "/a")
            tasks.start_soon(session.get, "/b")
            await begun.wait()
            assert len(server.seen) == 1
            go.set()
        await session.aclose()
    assert len(server.seen) == 3


async def test_a_pause_beyond_our_patience_is_said_and_nothing_is_sent() -> None:
    sleeps = Sleeps()
    async with raw_server(in_turn(slowed("600"), answer())) as server:
        session = a_session(server, sleep=sleeps)
        await session.get("/")
        with pytest.raises(RemoteError, match="600 s") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.THROTTLED
    assert sleeps.taken == []
    assert len(server.seen) == 1


async def test_a_pause_that_passed_by_itself_is_not_waited_for() -> None:
    now, sleeps = [100.0], Sleeps()
    pace = Pace(clock=lambda: now[0])
    pace.note(Reply(200, {"retry-after": "5"}, b""))
    now[0] += 6
    await pace.keep(sleeps, 60)
    assert sleeps.taken == []


async def test_of_two_pauses_the_later_end_counts() -> None:
    sleeps = Sleeps()
    pace = Pace(clock=lambda: 100.0)
    pace.note(Reply(200, {"retry-after": "20"}, b""))
    pace.note(Reply(200, {"retry-after": "5"}, b""))
    await pace.keep(sleeps, 60)
    assert sleeps.taken == [20.0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12", "x-ratelimit-delay": "0.5"}, 12.0),
        ({"x-ratelimit-delay": "3.172"}, 3.172),
        ({"x-ratelimit-delay": "0"}, None),
        ({"x-ratelimit-delay": "nan"}, None),
        ({"x-ratelimit-delay": "soon"}, None),
    ],
    ids=["none", "both", "delay", "zero", "nan", "word"],
)
def test_what_is_announced(headers: dict[str, str], seconds: float | None) -> None:
    assert announced_s(headers) == seconds


def test_a_date_is_a_pause_until_then() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    found = announced_s({"retry-after": then})
    assert found is not None
    assert 25 < found <= 30


@pytest.mark.parametrize("target", ["/new", "https://elsewhere.example/_signin"], ids=str)
async def test_without_following_a_redirect_is_a_reply(target: str) -> None:
    moved: Answer = answer(status=302, headers={"Location": target})
    async with raw_server(in_turn(moved)) as server:
        session = a_session(server, follow_redirects=False)
        reply = await session.get("/old")
        await session.aclose()
    assert (reply.status, reply.headers["location"]) == (302, target)
    assert len(server.seen) == 1


async def test_a_byte_order_mark_before_json_is_left_out() -> None:
    async with raw_server(in_turn(answer(b'\xef\xbb\xbf{"a":1}'))) as server:
        session = a_session(server)
        assert (await session.get("/")).json() == {"a": 1}
        await session.aclose()


async def test_a_server_that_stays_silent_for_too_long_is_unreachable() -> None:
    async with raw_server(in_turn(answer())) as server:
        server.pause_s = 5
        session = Session("ox", server.url, sleep=Sleeps(), silence_s=0.05)
        with pytest.raises(RemoteError, match="did not answer in time") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.UNREACHABLE
