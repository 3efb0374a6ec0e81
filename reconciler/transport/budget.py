"""The hourly allowance of requests, counted before sending. Pure; the clock is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from reconciler.errors import Fault, RemoteError

_HOUR_S = 3600.0


class Budget:
    """At most *limit* requests in any rolling hour; without a limit it only counts.

    Several sessions may share one budget. ``requests`` is the number sent in all.
    """

    def __init__(self, limit: int | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        """Start with nothing spent."""
        self.limit = limit
        self.requests = 0
        self._clock = clock
        self._sent: deque[float] = deque()

    def spend(self, party: str) -> None:
        """Count one request that is about to be sent.

        Raises:
            RemoteError: BUDGET; the allowance is used up and the request must not be sent.
        """
        if self.limit is not None:
            now = self._clock()
            while self._sent and now - self._sent[0] >= _HOUR_S:
                self._sent.popleft()
            if len(self._sent) >= self.limit:
                raise self._exceeded(party, now)
            self._sent.append(now)
        self.requests += 1

    def _exceeded(self, party: str, now: float) -> RemoteError:
        wait_s = _HOUR_S - (now - self._sent[0]) if self._sent else _HOUR_S
        return RemoteError(
            party,
            Fault.BUDGET,
            f"{party}: the allowance of {self.limit} requests an hour is used up; nothing was sent",
            hint=(
                f"run again in {wait_s / 60:.0f} minutes, read fewer accounts in one run, "
                "or raise the allowance if the provider grants you more"
            ),
            retry_after_s=wait_s,
        )
