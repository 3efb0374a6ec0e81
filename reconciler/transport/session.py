"""One host, one session: every request counted, bounded, retried where that is safe.

Credentials go to the base host and nowhere else: not after a redirect, not along a link, not over
plain http except to loopback.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx2
import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.transport import faults
from reconciler.transport.budget import Budget
from reconciler.transport.pace import Pace
from reconciler.transport.reply import Reply
from reconciler.transport.retry import (
    SERVER_FAILED,
    TOO_MANY_REQUESTS,
    Patience,
    Waits,
    parse_retry_after,
)
from reconciler.transport.wire import open_client

MOST_IN_FLIGHT = 32
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_BOM = b"\xef\xbb\xbf"

Authorization = Mapping[str, str] | Callable[[], Mapping[str, str]]


class Session:
    """Requests to one host.

    Args:
        party: who is on the other side, for errors: ``bitbucket-cloud``, ``ox``.
        base_url: https, or http on loopback; its path is put before every relative path.
        authorization: headers that show who we are, or what makes them anew for each request.
        concurrency: requests in flight at once, at most 32.
        hourly_requests: our allowance; None counts without limit. Ignored when *budget* is given.
        sleep: how to wait; tests hand in one that does not.
        budget: an allowance shared with other sessions.
        ca_file: certificates to trust beside those of the machine.
        max_bytes: the largest body that is read.
        total_s: the longest that one try may take, reading included.
        silence_s: the longest that nothing may arrive.
        follow_redirects: go along with redirects within the host; else they are replies.
        pace: announced pauses shared with other sessions.

    A pause that a success asks for (``Retry-After``) is kept before anything more is sent.
    ``requests`` counts everything sent, retries and redirects included. ``hourly_limit`` is what
    the other side last said it allows, None when it did not.
    """

    def __init__(
        self,
        party: str,
        base_url: str,
        *,
        authorization: Authorization | None = None,
        concurrency: int = 8,
        hourly_requests: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        budget: Budget | None = None,
        ca_file: str = "",
        patience: Patience | None = None,
        max_bytes: int = 32 * 1024 * 1024,
        total_s: float = 120.0,
        silence_s: float = 30.0,
        follow_redirects: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """Open nothing yet: the client is made at the first request."""
        self.party = party
        self.requests = 0
        self.hourly_limit: int | None = None
        self.near_limit = False
        self._base_text = base_url.rstrip("/")
        self._base = _parsed(self._base_text)
        self._origin = self._base_text.removesuffix(self._base.raw_path.decode().rstrip("/")) + "/"
        self._authorization = authorization if authorization is not None else {}
        self._concurrency = max(1, min(concurrency, MOST_IN_FLIGHT))
        self._slots = anyio.Semaphore(self._concurrency, fast_acquire=True)
        self._sleep = sleep
        self._budget = budget if budget is not None else Budget(hourly_requests)
        self._ca_file = ca_file
        self._patience = patience or Patience()
        self._max_bytes = max_bytes
        self._total_s = total_s
        self._timeout = httpx2.Timeout(silence_s, connect=10.0, pool=None)
        self._follow_redirects = follow_redirects
        self._pace = pace or Pace()
        self._client: httpx2.AsyncClient | None = None

    async def get(
        self,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Read. *params* are for an address that has no query yet."""
        return await self.request("GET", path_or_url, params=params, headers=headers, safe=True)

    async def post_json(
        self,
        path_or_url: str,
        body: Any,
        *,
        safe: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send JSON. *safe* says that sending it twice does no harm: a query, not a change."""
        return await self.request(
            "POST",
            path_or_url,
            headers={"Content-Type": "application/json", **(headers or {})},
            content=msgspec.json.encode(body),
            safe=safe,
        )

    async def post_form(
        self,
        path_or_url: str,
        data: Mapping[str, str],
        *,
        safe: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a form, as OAuth token endpoints want it."""
        return await self.request(
            "POST",
            path_or_url,
            headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
            content=urlencode(data).encode(),
            safe=safe,
        )

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        safe: bool = False,
    ) -> Reply:
        """Send anything. *safe*: may be sent again after it may have been received.

        Returns:
            The reply, whatever its status below 500, except 429.

        Raises:
            RemoteError: FOREIGN_HOST, BUDGET (both: nothing was sent), THROTTLED, OUTAGE,
                UNREACHABLE, BAD_REPLY, and AMBIGUOUS for an unsafe request whose answer was lost.
        """
        url = self._own(path_or_url + _query(params), "was asked for an address at")
        if self._client is None:
            self._client = open_client(
                self.party, self._base, concurrency=self._concurrency, ca_file=self._ca_file
            )
        own = self._authorization() if callable(self._authorization) else self._authorization
        request = self._client.build_request(
            method,
            url,
            headers={**own, **(headers or {})},
            content=content,
            timeout=self._timeout,
        )
        async with self._slots:
            return await self._follow(self._client, request, safe=safe)

    def check_link(self, url: str) -> None:
        """Make sure that a link stays at this host.

        Raises:
            RemoteError: FOREIGN_HOST; it does not, and nothing may be sent there.
        """
        if not url.startswith(self._origin):
            self._own(url, "links to")

    async def aclose(self) -> None:
        """Close connections. The session may be used again afterwards."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def _own(self, path_or_url: str, why: str) -> httpx2.URL:
        """The address, which must be at the base host; what is checked here is what is sent."""
        try:
            if path_or_url.startswith("/"):
                return httpx2.URL(self._base_text + path_or_url)
            url = httpx2.URL(path_or_url)
        except httpx2.InvalidURL as error:
            at = self._base_text if path_or_url.startswith("/") else path_or_url
            raise faults.foreign(self.party, at.rpartition("@")[2], why) from error
        base = self._base
        if (url.scheme, url.host, url.port, url.userinfo) != (
            base.scheme,
            base.host,
            base.port,
            b"",
        ):
            raise faults.foreign(self.party, url.host or path_or_url, why)
        return url

    async def _follow(
        self, client: httpx2.AsyncClient, request: httpx2.Request, *, safe: bool
    ) -> Reply:
        for _ in range(_MOST_REDIRECTS + 1):
            reply = await self._patiently(client, request, safe=safe)
            target = reply.headers.get("location", "")
            if not (self._follow_redirects and target and reply.status in _REDIRECTS):
                return reply
            url = self._own(_joined(request.url, target), "redirects to")
            if request.method != "GET":
                break
            headers = {k: v for k, v in request.headers.items() if k != "host"}
            request = client.build_request("GET", url, headers=headers, timeout=self._timeout)
        raise RemoteError(
            self.party,
            Fault.BAD_REPLY,
            f"{self.party} redirects in a way that cannot be followed",
            hint="check the API address in the configuration",
        )

    async def _patiently(
        self, client: httpx2.AsyncClient, request: httpx2.Request, *, safe: bool
    ) -> Reply:
        waits = Waits(self._patience)
        while True:
            await self._pace.keep(self._sleep, self._patience.total_s)
            self._budget.spend(self.party)
            self.requests += 1
            try:
                with anyio.fail_after(self._total_s):
                    reply = await self._once(client, request)
            except (httpx2.TransportError, httpx2.DecodingError, TimeoutError) as error:
                pause = self._after_loss(error, waits, safe=safe)
            else:
                if reply.status < SERVER_FAILED and reply.status != TOO_MANY_REQUESTS:
                    self._pace.note(reply)
                    return reply
                pause = self._after_no(reply, waits, safe=safe)
            await self._sleep(pause)

    def _after_loss(self, error: Exception, waits: Waits, *, safe: bool) -> float:
        """Seconds to wait after no answer came; raises when it may not be asked again."""
        if not safe and not isinstance(error, faults.NEVER_CONNECTED):
            raise faults.ambiguous(self.party, type(error).__name__) from error
        pause = None if faults.is_certificate_fault(error) else waits.next()
        if pause is None:
            raise faults.lost(self.party, self._base.host, error, waits.tries) from error
        return pause

    def _after_no(self, reply: Reply, waits: Waits, *, safe: bool) -> float:
        """Seconds to wait after 429 or 5xx; raises when it may not be asked again."""
        asked = parse_retry_after(reply.headers.get("retry-after"), datetime.now(UTC))
        is_throttle = reply.status == TOO_MANY_REQUESTS
        if not safe and not is_throttle:
            raise faults.ambiguous(self.party, f"status {reply.status}")
        pause = waits.next(asked) if safe else None
        if pause is None:
            if is_throttle or asked is not None:
                raise faults.throttled(reply, asked, waits.spent_s)
            raise faults.refused(reply, f"a request made {waits.tries} times")
        return pause

    async def _once(self, client: httpx2.AsyncClient, request: httpx2.Request) -> Reply:
        response = await client.send(request, stream=True)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        self._note_limits(response.headers)
        return Reply(response.status_code, response.headers, body, self.party, str(request.url))

    async def _read(self, response: httpx2.Response) -> bytes:
        """The body without a byte order mark, which JSON may be read without (RFC 8259, 8.1)."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._max_bytes:
                raise RemoteError(
                    self.party,
                    Fault.BAD_REPLY,
                    f"{self.party} sent more than {self._max_bytes} bytes in one answer; "
                    "the rest was not read",
                    hint="check the API address; no answer of this API should be that long",
                )
            chunks.append(chunk)
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return body.removeprefix(_BOM)

    def _note_limits(self, headers: Mapping[str, str]) -> None:
        """Remember what the other side says of its limits; unreadable values are passed over."""
        if (limit := headers.get("x-ratelimit-limit")) is not None:
            first = limit.split(",", 1)[0].strip()
            self.hourly_limit = int(first) if first.isascii() and first.isdigit() else None
        if (near := headers.get("x-ratelimit-nearlimit")) is not None:
            self.near_limit = near.strip().lower() not in {"", "0", "false"}


def _parsed(base_url: str) -> httpx2.URL:
    """The address, or an empty one, which every request then refuses by name."""
    try:
        return httpx2.URL(base_url)
    except httpx2.InvalidURL:
        return httpx2.URL("")


def _joined(url: httpx2.URL, target: str) -> str:
    """Where a redirect leads; a target that is no address stands for itself."""
    try:
        return str(url.join(target))
    except httpx2.InvalidURL:
        return target


def _query(params: Mapping[str, str | int] | None) -> str:
    return f"?{urlencode(params)}" if params else ""
