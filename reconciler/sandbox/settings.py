"""How a sandbox is set up: frozen at the start, and the switches that may move later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BITBUCKET = "bitbucket-cloud"
DATA_CENTER = "bitbucket-data-center"
AZURE = "azure-devops"
OX = "ox"
VAULT = "vault"
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Generate:
    """Make a workspace hold exactly *repositories* repositories in at least *projects* projects.

    The repositories of the default estate count; the rest is generated from the seed.
    """

    repositories: int
    projects: int = 1
    workspace: str = "acme"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a sandbox starts with.

    Args:
        seed: everything but secrets is derived from it.
        generate: workspaces to be filled up.
        latency_ms: added to every reply of every emulator.
        rate_limit: requests per rolling hour and identity to ``/repositories/*``; 0 turns it off.
        port_base: first of consecutive ports; None takes free ones.
        log_requests: print one line per request to stderr.
    """

    seed: int = 7
    generate: tuple[Generate, ...] = ()
    latency_ms: float = 0
    rate_limit: int = 1000
    port_base: int | None = None
    log_requests: bool = False


@dataclass(slots=True)
class Switches:
    """Behaviour of Bitbucket Cloud that is not settled by its documentation, or varies.

    Args:
        retry_after: what a 429 carries: ``none``, ``seconds`` or ``date``. Not documented.
        redirect_renamed: an old slug answers 301 to the new one instead of 404.
        hide_size: leave ``size`` out of pages; only ``values`` and ``next`` are guaranteed.
        refresh_overlap_s: how long a used refresh token still works.
        oauth_expires_in_s: life of an OAuth access token; 3600 or 7200 are seen.
        legacy_scopes_key: answer ``scopes`` instead of ``scope`` at the token endpoint.
    """

    retry_after: str = "none"
    redirect_renamed: bool = True
    hide_size: bool = False
    refresh_overlap_s: int = 600
    oauth_expires_in_s: int = 7200
    legacy_scopes_key: bool = False


@dataclass(slots=True)
class Clock:
    """Wall time that can be moved forward, so that tokens expire without waiting."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """The sandbox's time, UTC."""
        return datetime.now(UTC) + self.offset

    def advance(self, by: timedelta) -> None:
        """Move the clock of every emulator forward."""
        self.offset += by
