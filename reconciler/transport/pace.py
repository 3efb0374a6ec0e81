"""Pauses that a host announces on answers that succeed, kept by the requests that follow.

Azure DevOps slows a client down long before it refuses it, and says so on answers of status 200.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from time import monotonic

import anyio

from reconciler.transport import faults
from reconciler.transport.reply import Reply
from reconciler.transport.retry import parse_retry_after


class Pace:
    """What one host has asked of the requests to come."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        """Nothing was asked yet."""
        self._clock = clock
        self._lock = anyio.Lock()
        self._until = 0.0
        self._asked_by = Reply(0, {}, b"")

    def note(self, reply: Reply) -> None:
        """Remember the pause that an answer asks for, when it asks for one."""
        asked = announced_s(reply.headers)
        if asked and self._clock() + asked > self._until:
            self._until = self._clock() + asked
            self._asked_by = Reply(reply.status, {}, b"", reply.party, reply.url)

    async def keep(self, sleep: Callable[[float], Awaitable[None]], most_s: float) -> None:
        """Wait until the pause is over; requests that come meanwhile wait behind this one.

        Args:
            sleep: how to wait.
            most_s: seconds that are waited at most.

        Raises:
            RemoteError: THROTTLED; the pause is longer than that, and nothing was sent.
        """
        if self._left_s <= 0:
            return
        async with self._lock:
            left = self._left_s
            if left > most_s:
                raise faults.throttled(self._asked_by, left, 0.0)
            if left > 0:
                await sleep(left)
                self._until = 0.0

    @property
    def _left_s(self) -> float:
        return self._until - self._clock()


def announced_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait before the next request: ``Retry-After``, else ``X-RateLimit-Delay``.

    The second tells by how much this answer was held back; waiting as long ourselves keeps the
    next one from being held back as well.

    Source: https://learn.microsoft.com/azure/devops/integrate/concepts/rate-limits [documented,
    2026-11-21]; that both stand on answers of status 200 is documented there as well.
    """
    asked = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
    if asked is not None:
        return asked
    try:
        delay = float(headers.get("x-ratelimit-delay", ""))
    except ValueError:
        return None
    return delay if math.isfinite(delay) and delay > 0 else None
