"""Patience: what may be sent again, after how long, and when to give up. Pure; time is an argument.

A safe request is sent again after 429, 5xx, a lost connection or a time-out. Any other is sent
again only when no connection was made, because whatever was sent may have been done.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TOO_MANY_REQUESTS = 429
SERVER_FAILED = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """How much may be borne. All times in seconds.

    ``tries`` counts the first one. A pause grows from ``base_s`` by doubling to ``longest_s`` and
    is then shortened at random by up to half, so that many runners do not come back together.
    ``total_s`` bounds all pauses of one request, those that the other side asked for included.
    """

    tries: int = 4
    base_s: float = 0.5
    longest_s: float = 8.0
    total_s: float = 60.0


class Waits:
    """The pauses of one request."""

    __slots__ = ("_patience", "_random", "spent_s", "tries")

    def __init__(self, patience: Patience, *, random_: Callable[[], float] = random.random) -> None:
        """Start with one try made."""
        self._patience = patience
        self._random = random_
        self.tries = 1
        self.spent_s = 0.0

    def next(self, asked_s: float | None = None) -> float | None:
        """Seconds to wait before the next try; None when it is time to give up.

        Args:
            asked_s: what the other side asked for; never shortened, and refused as a whole when
                it does not fit into what is left.
        """
        patience = self._patience
        if self.tries >= patience.tries:
            return None
        grown = min(patience.base_s * 2.0 ** (self.tries - 1), patience.longest_s)
        pause = grown * (1 - self._random() / 2) if asked_s is None else asked_s
        if self.spent_s + pause > patience.total_s:
            return None
        self.tries += 1
        self.spent_s += pause
        return pause


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for; None when it says nothing readable.

    Both forms are understood: whole seconds and an HTTP-date, of which the past means 0.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after [documented, 2026-11-21]
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
