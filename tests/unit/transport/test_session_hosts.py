"""Credentials stay with their host: redirects, links, plain http, proxies."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.transport.session import Session
from reconciler.transport.wire import is_loopback
from tests.unit.transport.rawserver import Answer, Seen, answer, in_turn, raw_server
from tests.unit.transport.sleeps import Sleeps, a_session


async def test_a_redirect_within_the_host_is_followed_with_the_credential() -> None:
    def reply(seen: Seen) -> Answer:
        moved = answer(status=301, headers={"Location": "/new?x=1"})
        return moved if seen.target == "/old" else answer('{"there":true}')

    async with raw_server(reply) as server:
        session = a_session(server, authorization={"Authorization": "Bearer t"})
        got = await session.get("/old")
        await session.aclose()
    assert got.json() == {"there": True}
    assert got.url.endswith("/new?x=1")
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer t", "Bearer t"]
    assert session.requests == 2


@pytest.mark.parametrize("target", ["http://[", "//evil.example/a", "https:"], ids=str)
async def test_a_redirect_to_no_address_of_ours_is_refused(target: str) -> None:
    async with raw_server(in_turn(answer(status=302, headers={"Location": target}))) as server:
        session = a_session(server)
        with pytest.raises(RemoteError, match="redirects to") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert len(server.seen) == 1


async def test_redirects_in_a_circle_end() -> None:
    async with raw_server(in_turn(answer(status=302, headers={"Location": "/"}))) as server:
        session = a_session(server)
        with pytest.raises(RemoteError, match="redirects") as caught:
            await session.get("/")
        await session.aclose()
    assert caught.value.fault is Fault.BAD_REPLY
    assert len(server.seen) == 4


async def test_a_change_is_not_carried_along_a_redirect() -> None:
    async with raw_server(in_turn(answer(status=307, headers={"Location": "/b"}))) as server:
        session = a_session(server)
        with pytest.raises(RemoteError, match="cannot be followed"):
            await session.post_json("/a", {})
        await session.aclose()
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_to_another_host_is_refused_and_nothing_is_sent_there(
    method: str,
) -> None:
    async with raw_server(in_turn(answer())) as trap:
        moved = answer(status=302, headers={"Location": f"{trap.url}/steal"})
        async with raw_server(in_turn(moved)) as server:
            session = a_session(server, authorization={"Authorization": "Bearer t"})
            with pytest.raises(RemoteError, match="redirects to") as caught:
                await session.request(method, "/")
            await session.aclose()
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert trap.seen == []


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/a",
        "https://127.0.0.1:{port}/a",
        "http://localhost:{port}/a",
        "http://user@127.0.0.1:{port}/a",
        "http://127.0.0.1:{port}@evil.example/a",
        "http://evil.example\\@127.0.0.1:{port}/a",
        "ftp://127.0.0.1:{port}/a",
        "evil",
        "http://[",
        "http://127.0.0.1:port/a",
        "",
    ],
    ids=[
        "port", "scheme", "name", "user", "user-trick", "backslash", "ftp", "word",
        "broken", "bad-port", "empty",
    ],
)  # fmt: skip
async def test_a_link_that_is_not_exactly_our_host_is_refused(link: str) -> None:
    async with raw_server(in_turn(answer())) as server:
        session = a_session(server)
        with pytest.raises(RemoteError) as caught:
            await session.get(link.replace("{port}", str(server.port)))
        await session.aclose()
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert server.seen == []


async def test_a_link_without_scheme_is_a_path_of_our_host() -> None:
    async with raw_server(in_turn(answer())) as server:
        session = a_session(server)
        await session.get("//evil.example/a")
        await session.aclose()
    assert server.seen[0].target == "//evil.example/a"


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("http://api.example", "not https"),
        ("ftp://127.0.0.1", "not https"),
        ("api.example", "not https"),
        ("https://api.example:port", "api.example:port"),
        ("https://ada:pw@api.example", "user name or password"),
    ],
    ids=["plain-http", "ftp", "no-scheme", "bad-port", "userinfo"],
)
async def test_an_address_that_would_expose_credentials_is_refused(base: str, words: str) -> None:
    session = Session("ox", base)
    with pytest.raises(RemoteError, match=words) as caught:
        await session.get("/")
    assert caught.value.fault is Fault.FOREIGN_HOST
    assert session.requests == 0
    assert "pw" not in caught.value.cause.replace("password", "")


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["absent", "not-pem"])
async def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Any, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    session = Session("ox", "https://127.0.0.1:1", ca_file=str(path))
    with pytest.raises(RemoteError, match="CA file") as caught:
        await session.get("/")
    assert caught.value.fault is Fault.UNREACHABLE


async def test_over_https_an_absent_server_is_unreachable() -> None:
    session = Session("ox", "https://127.0.0.1:1", sleep=Sleeps())
    with pytest.raises(RemoteError) as caught:
        await session.get("/")
    await session.aclose()
    assert caught.value.fault is Fault.UNREACHABLE


async def test_proxies_of_the_environment_are_not_used_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with raw_server(in_turn(answer())) as proxy, raw_server(in_turn(answer())) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        session = a_session(server)
        await session.get("/")
        await session.aclose()
    assert (proxy.seen, len(server.seen)) == ([], 1)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
    ids=str,
)
def test_only_what_must_be_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
