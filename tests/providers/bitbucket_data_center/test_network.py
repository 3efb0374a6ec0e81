"""Instances behind an authority of their own, and behind proxies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from reconciler.errors import SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter
from tests.unit.transport.rawserver import RawServer, answer, in_turn, raw_server
from tests.unit.transport.sleeps import Sleeps

EMPTY = '{"size":0,"limit":1,"isLastPage":true,"values":[],"start":0}'
NAMED = {"X-AUSERNAME": "svc-scanner", "X-AUSERID": "412"}


@asynccontextmanager
async def over_tls(authority: trustme.CA) -> AsyncIterator[str]:
    """The address of an instance whose certificate only *authority* vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = RawServer(in_turn(answer(EMPTY, headers=NAMED)))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/bitbucket"
    finally:
        listening.close()


async def verified(url: str, settings: dict[str, str]) -> CredentialReport:
    account = DesiredAccount(
        "git", "bitbucket-data-center", "git", url, SourceMark("a"), settings=settings
    )
    provider = BitbucketDataCenter(account, concurrency=1, hourly_requests=None, sleep=Sleeps())
    login = Login(MethodKind.HTTP_ACCESS_TOKEN, Secret("BBDC-some-token"))
    try:
        return await provider.verify(login, reach=False)
    finally:
        await provider.aclose()


async def test_an_authority_of_the_customers_own_is_trusted_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    async with over_tls(authority) as url:
        trusted = await verified(url, {"caFile": str(path)})
        strange = await verified(url, {})
    assert trusted.verdict is Verdict.WORKS
    assert strange.verdict is Verdict.UNKNOWN
    assert "certificate" in strange.cause
    assert "caFile" in strange.hint


async def test_the_proxy_of_the_environment_is_used_and_shown_no_credential(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with raw_server(in_turn(answer("busy", 502))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        report = await verified("https://git.example.org/bitbucket", {})
    assert report.verdict is Verdict.UNKNOWN
    assert {seen.method for seen in proxy.seen} == {"CONNECT"}
    assert {seen.target for seen in proxy.seen} == {"git.example.org:443"}
    assert not [seen for seen in proxy.seen if "authorization" in seen.headers]
