"""Pure: which live connection belongs to which declared or recorded one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredAccount, DesiredConnection
from reconciler.model.marker import read_marker
from reconciler.model.observed import LiveConnection
from reconciler.model.record import Operation, Record


@dataclass(frozen=True, slots=True)
class Match:
    """The live connections that have to do with one address."""

    live: LiveConnection | None
    strays: tuple[LiveConnection, ...]
    strangers: tuple[LiveConnection, ...]


@dataclass(slots=True)
class Matcher:
    """All live connections of one tenant, seen from one registry.

    ``claimed`` are the live ids that some record holds: nobody else may match them.
    """

    tenant: tuple[LiveConnection, ...]
    lineage: str
    claimed: frozenset[str]
    _ids: dict[str, LiveConnection] = field(init=False, default_factory=dict)
    _marked: dict[str, list[LiveConnection]] = field(init=False, default_factory=dict)
    _unmarked: list[LiveConnection] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Read every marker once: a thousand addresses each look for theirs.

        ``_marked`` and ``_unmarked`` leave out what some record holds.
        """
        for connection in self.tenant:
            self._ids.setdefault(connection.id, connection)
            if connection.id in self.claimed:
                continue
            marker = read_marker(connection.name, self.lineage)
            if marker is None:
                self._unmarked.append(connection)
            else:
                self._marked.setdefault(marker.name, []).append(connection)

    def find(
        self,
        names: Iterable[str],
        desired: DesiredConnection | None,
        record: Record | None,
        operation: Operation | None,
    ) -> Match:
        """Match one address, known under *names* (its own and earlier ones)."""
        strays = tuple(c for name in sorted(set(names)) for c in self._marked.get(name, ()))
        if record is not None:
            live = self._ids.get(record.live_id)
            if desired is None or operation is None or not _is_replaced(live, record, desired):
                return Match(live, strays, ())
            instead = _by_grant(self._free(desired), desired)
            return Match(live, strays, (instead,) if instead else ())
        if desired is None:
            return Match(None, strays, ())
        free = self._free(desired)
        granted = _by_grant(free, desired) if operation is not None else None
        live = _by_adoption(free, desired) or granted
        strangers = () if live else tuple(c for c in free if _resembles(c, desired))
        return Match(live, strays, strangers)

    def _free(self, desired: DesiredConnection) -> tuple[LiveConnection, ...]:
        """Of the account's provider, in no record and without our marker."""
        return tuple(c for c in self._unmarked if c.provider == desired.account.provider)

    def leftovers(self, known: frozenset[str]) -> Mapping[ConnectionAddress, list[LiveConnection]]:
        """Ours by marker, of connections that are neither declared nor recorded any more."""
        return {
            ConnectionAddress(name): found
            for name, found in self._marked.items()
            if name not in known
        }

    def unmanaged(self, matched: frozenset[str]) -> tuple[LiveConnection, ...]:
        """Live connections that no record, marker or adoption accounts for."""
        return tuple(c for c in self._unmarked if c.id not in matched)


def _by_adoption(
    free: tuple[LiveConnection, ...], desired: DesiredConnection
) -> LiveConnection | None:
    if not desired.adopt:
        return None
    found = [c for c in free if desired.adopt in (c.id, c.name)]
    return found[0] if len(found) == 1 else None


def _is_replaced(live: LiveConnection | None, record: Record, desired: DesiredConnection) -> bool:
    """Whether a person may have been asked to grant a connection in place of the recorded one."""
    return (
        live is None
        or record.method is not desired.method.kind
        or record.account_identity != desired.account.identity
    )


def _by_grant(
    free: tuple[LiveConnection, ...], desired: DesiredConnection
) -> LiveConnection | None:
    """What a person granted in the browser after we asked for it: by name, else by workspace."""
    if not desired.method.kind.is_browser_grant:
        return None
    grants = [c for c in free if c.kind is desired.method.kind]
    named = [c for c in grants if c.name == desired.address.name]
    here = [c for c in grants if _reaches(c, desired.account)]
    found = named or here
    return found[0] if len(found) == 1 else None


def _reaches(connection: LiveConnection, account: DesiredAccount) -> bool:
    """Whether a connection is to *account*: its address tells, or else the owners of what it sees.

    An address that goes on behind the account's names the workspace, as an organization of Azure
    DevOps; owners are projects there, and one may be called as another organization is.
    """
    workspace, selection = account.workspace.lower(), connection.selection
    base, address = (u.rstrip("/").lower() for u in (account.api_url, connection.host_url))
    if address.startswith(f"{base}/"):
        return address == f"{base}/{workspace}"
    return selection is not None and any(r.owner.lower() == workspace for r in selection.resources)


def _resembles(connection: LiveConnection, desired: DesiredConnection) -> bool:
    """Looks as if a person had made this very connection by hand."""
    if connection.name == desired.address.name:
        return True
    return (
        connection.kind is desired.method.kind
        and bool(connection.username)
        and connection.username.lower() == desired.method.username.lower()
        and _reaches(connection, desired.account)
    )
