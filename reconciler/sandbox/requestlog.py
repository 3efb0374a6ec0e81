"""What was asked of the emulators. Never a header, never a secret."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition

KEPT = 20_000
"""Requests remembered; counters go on counting."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request. ``status`` 0: the connection was closed without an answer.

    ``credential`` is the id of the credential that was shown, empty when none or unknown.
    ``note`` says what the path does not, such as the GraphQL operation.
    """

    emulator: str
    method: str
    path: str
    status: int
    credential: str
    note: str
    at: datetime


@dataclass(slots=True)
class RequestLog:
    """The requests of one sandbox, oldest first, with counters per emulator."""

    entries: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[str] = field(default_factory=Counter)
    peaks: dict[str, int] = field(default_factory=dict)
    _flying: Counter[str] = field(default_factory=Counter)
    _changed: Condition = field(default_factory=Condition)

    def begin(self, emulator: str) -> None:
        """A request arrived."""
        with self._changed:
            self._flying[emulator] += 1
            flying = self._flying[emulator]
            self.peaks[emulator] = max(flying, self.peaks.get(emulator, 0))

    def end(self, entry: LoggedRequest) -> None:
        """It was answered or dropped."""
        with self._changed:
            self._flying[entry.emulator] -= 1
            self.counts[entry.emulator] += 1
            self.entries.append(entry)
            self._changed.notify_all()

    def settled(self, emulator: str, within: float = 1.0) -> int:
        """How many requests are over, once none is in flight or ``within`` seconds have passed.

        A request is over a moment after it was answered: whoever has the answer may be earlier.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._flying[emulator], within)
            return self.counts[emulator]

    def clear(self) -> None:
        """Forget everything but what is in flight."""
        with self._changed:
            self.entries.clear()
            self.counts.clear()
            self.peaks.clear()
