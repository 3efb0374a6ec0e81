"""The one place of state: everything in a sandbox that can change, and the hands to change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from reconciler.sandbox.bitbucket import BitbucketEstate
from reconciler.sandbox.defaults import furnish
from reconciler.sandbox.faults import Fault, FaultKind, Faults
from reconciler.sandbox.requestlog import LoggedRequest, RequestLog
from reconciler.sandbox.settings import BITBUCKET, CONTROL, OX, Clock, Settings, Switches

__all__ = [
    "BITBUCKET",
    "CONTROL",
    "OX",
    "Emulator",
    "Fault",
    "FaultKind",
    "LoggedRequest",
    "Sandbox",
    "Settings",
    "TrapHit",
]

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Emulator:
    """What the front door must know of an emulator.

    Args:
        identify: the value of an Authorization header to the credential's id, empty if unknown.
        revoke: kill the credential with that id.
        error_body: an error message in the shape in which this API answers it.
    """

    identify: Callable[[str], str]
    revoke: Callable[[str], None]
    error_body: Callable[[str], object] = lambda message: {"errors": [{"message": message}]}


@dataclass(frozen=True, slots=True)
class TrapHit:
    """A request that reached the host where none belongs. Says whether a credential came along."""

    method: str
    path: str
    has_authorization: bool
    at: datetime


@dataclass(slots=True)
class Sandbox:
    """One sandbox.

    Args:
        settings: how it began.
        urls: base address of every emulator, filled when it is served; keys are the names in
            `settings`.
        credentials: NAME → secret of the credentials it hands out; each emulator adds its own.
        emulators: how the front door identifies and revokes credentials.
    """

    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    switches: Switches = field(default_factory=Switches)
    faults: Faults = field(default_factory=Faults)
    log: RequestLog = field(default_factory=RequestLog)
    urls: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict, repr=False)
    emulators: dict[str, Emulator] = field(default_factory=dict)
    trapped: list[TrapHit] = field(default_factory=list)
    bitbucket: BitbucketEstate = field(init=False)
    _parts: dict[type, object] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Furnish the default estate."""
        self.bitbucket = BitbucketEstate(self.clock, self.settings.seed)
        furnish(self.bitbucket, self.settings, self.credentials)

    @property
    def requests(self) -> list[LoggedRequest]:
        """What was asked of the emulators, oldest first."""
        return list(self.log.entries)

    def part(self, kind: type[Part], build: Callable[[], Part]) -> Part:
        """The state of another emulator, built when first asked for."""
        if kind not in self._parts:
            self._parts[kind] = build()
        return cast("Part", self._parts[kind])

    def now(self) -> datetime:
        """The sandbox's time, UTC."""
        return self.clock.now()
