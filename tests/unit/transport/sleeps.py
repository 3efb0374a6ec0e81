"""Sessions that wait for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.transport.session import Session
from tests.unit.transport.rawserver import RawServer


@dataclass
class Sleeps:
    """Waits for nothing and remembers for how long."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def a_session(server: RawServer, **options: Any) -> Session:
    options.setdefault("sleep", Sleeps())
    return Session("ox", server.url, **options)
