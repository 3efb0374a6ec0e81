"""What tests/providers/<name>/bench.py must offer, so that one suite holds for every provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from reconciler.errors import Fault
from reconciler.model.observed import Verdict
from reconciler.ports.provider import Login, Provider


class Trouble(StrEnum):
    """What a bench can make go wrong with every request until it is mended."""

    BREAKS_OFF = "breaks-off"
    HTML = "html"
    TRUNCATED = "truncated"
    FOREIGN_REDIRECT = "foreign-redirect"
    STATUS_400 = "400"
    STATUS_401 = "401"
    STATUS_403 = "403"
    STATUS_404 = "404"
    STATUS_410 = "410"
    STATUS_418 = "418"
    STATUS_429 = "429"
    STATUS_500 = "500"
    STATUS_503 = "503"


class PageTrouble(StrEnum):
    """What a bench can make go wrong with one page of a listing."""

    LOST = "lost"  # fails however often it is asked for
    HTML = "html"
    TRUNCATED = "truncated"
    FOREIGN_LINK = "foreign-link"  # its link leads to the trap
    COUNT_TOO_HIGH = "count-too-high"  # the provider counts one more than it shows


class ProviderBench(Protocol):
    """One account at a simulated provider, served over real HTTP.

    ``name`` is the provider's, ``page_size`` its largest page. ``login`` works and reads
    everything. ``sleeps`` are the waits of every provider opened here, which take no time.
    """

    name: str
    page_size: int
    login: Login
    sleeps: list[float]

    def open(
        self, *, concurrency: int = 8, hourly_requests: int | None = None
    ) -> AbstractAsyncContextManager[Provider]:
        """The adapter on the account, closed at the end of the block."""
        ...

    def logins(self) -> Mapping[Verdict, tuple[Login, ...]]:
        """Credentials for every verdict that a credential by itself can meet."""
        ...

    def block(self) -> None:
        """Close the account to every credential by a rule about the way in."""
        ...

    def fill(self, repositories: int) -> None:
        """Make the account hold exactly so many."""
        ...

    def ids(self) -> frozenset[str]:
        """Stable ids of the account's repositories."""
        ...

    def trouble(self, what: Trouble) -> None:
        """From now on every request meets this."""
        ...

    def page_trouble(self, what: PageTrouble, page: int) -> None:
        """From now on this page of a listing meets this."""
        ...

    def throttle_once(self, retry_after: str) -> None:
        """The next request is told to come again, with this ``Retry-After``."""
        ...

    def requests(self) -> int:
        """Requests that the provider has received."""
        ...

    def trapped(self) -> int:
        """Requests that reached the host where none belongs."""
        ...

    def secrets(self) -> Iterator[str]:
        """Everything that may never be shown."""
        ...


FAULTS: Mapping[Trouble, frozenset[Fault]] = {
    Trouble.BREAKS_OFF: frozenset({Fault.UNREACHABLE, Fault.BAD_REPLY}),
    Trouble.HTML: frozenset({Fault.BAD_REPLY}),
    Trouble.TRUNCATED: frozenset({Fault.BAD_REPLY}),
    Trouble.FOREIGN_REDIRECT: frozenset({Fault.FOREIGN_HOST}),
    Trouble.STATUS_400: frozenset({Fault.REJECTED}),
    Trouble.STATUS_401: frozenset({Fault.CREDENTIAL}),
    Trouble.STATUS_403: frozenset({Fault.PERMISSION}),
    Trouble.STATUS_404: frozenset({Fault.NOT_FOUND}),
    Trouble.STATUS_410: frozenset({Fault.GONE}),
    Trouble.STATUS_418: frozenset({Fault.REJECTED}),
    Trouble.STATUS_429: frozenset({Fault.THROTTLED}),
    Trouble.STATUS_500: frozenset({Fault.OUTAGE}),
    Trouble.STATUS_503: frozenset({Fault.OUTAGE}),
}
"""The faults that a listing may end with under each trouble."""
