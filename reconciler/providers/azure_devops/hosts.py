"""Which host serves which family of calls, and one session for each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from reconciler.model.desired import DesiredAccount
from reconciler.providers.azure_devops.limits import (
    API_URL,
    LISTING_BYTES,
    LISTING_S,
    ORDINARY_BYTES,
    PARTY,
    PREVIEW,
    VSAEX_URL,
    VSSPS_URL,
)
from reconciler.transport.budget import Budget
from reconciler.transport.pace import Pace
from reconciler.transport.reply import Reply
from reconciler.transport.retry import Patience
from reconciler.transport.session import Session
from reconciler.transport.wire import is_loopback


@dataclass(frozen=True, slots=True)
class Bases:
    """Base addresses: core and Git, tokens and profiles, members.

    ``is_public``: Azure DevOps Services. ``has_token_api`` is false where the host can only be an
    Azure DevOps Server, which has none.
    """

    core: str
    vssps: str
    vsaex: str
    is_public: bool
    has_token_api: bool


def bases_of(account: DesiredAccount) -> Bases:
    """The addresses of an account.

    The public service has a host for each family. Anything else, a Server or an emulator, has
    them all at its own address, unless ``vsspsUrl`` and ``vsaexUrl`` of the settings say where.
    """
    core = account.api_url or API_URL
    host = urlsplit(core).hostname or ""
    is_public = host == urlsplit(API_URL).hostname
    vssps = account.settings.get("vsspsUrl", "")
    vsaex = account.settings.get("vsaexUrl", "")
    return Bases(
        core=core,
        vssps=vssps or (VSSPS_URL if is_public else core),
        vsaex=vsaex or (VSAEX_URL if is_public else core),
        is_public=is_public,
        has_token_api=is_public or is_loopback(host) or bool(vssps),
    )


class Hosts:
    """The sessions of one account under one budget. Families at one address share a session.

    ``listing`` is ``core`` with room for an answer that holds every repository there is.

    No session follows a redirect: there is none but to sign-in pages, and following one would
    turn a refusal into a page that looks like success.
    """

    def __init__(
        self,
        account: DesiredAccount,
        *,
        concurrency: int,
        budget: Budget,
        sleep: Callable[[float], Awaitable[None]],
        patience: Patience | None,
    ) -> None:
        """Open nothing yet."""
        self.bases = bases_of(account)
        self.path = f"/{quote(account.workspace, safe='')}"
        pace = Pace()  # the service slows a user down, whichever host is asked

        def session(base_url: str, max_bytes: int, total_s: float, silence_s: float) -> Session:
            return Session(
                PARTY,
                base_url,
                concurrency=concurrency,
                budget=budget,
                sleep=sleep,
                patience=patience,
                ca_file=account.settings.get("caFile", ""),
                max_bytes=max_bytes,
                total_s=total_s,
                silence_s=silence_s,
                follow_redirects=False,
                pace=pace,
            )

        bases = self.bases
        ordinary = {
            url: session(url, ORDINARY_BYTES, 120.0, 30.0)
            for url in {bases.core, bases.vssps, bases.vsaex}
        }
        self.core = ordinary[bases.core]
        self.vssps = ordinary[bases.vssps]
        self.vsaex = ordinary[bases.vsaex]
        self.listing = session(bases.core, LISTING_BYTES, LISTING_S, LISTING_S)
        self._sessions = (*ordinary.values(), self.listing)

    async def connection(self, headers: Mapping[str, str]) -> Reply:
        """``connectionData``: who is shown by *headers*."""
        path = f"{self.path}/_apis/connectionData"
        return await self.core.get(path, params={"api-version": PREVIEW}, headers=headers)

    async def aclose(self) -> None:
        """Close connections."""
        for session in self._sessions:
            await session.aclose()
