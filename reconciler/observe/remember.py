"""What the registry knows of the accounts, read while the network keeps the run waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.desired import DesiredState
from reconciler.model.record import KnownRepositories, Snapshot
from reconciler.ports.bundle import Ports

_UNDER_WAY_S = 0.025
"""After that the first requests have been sent, and there is time for other work."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The records with their selections, and every account's repositories by its reach."""

    snapshot: Snapshot
    known: Mapping[str, KnownRepositories]

    def is_of(self, outline: Snapshot) -> bool:
        """Whether nobody applied since *outline* was read."""
        then, now = outline, self.snapshot
        return (then.lineage, then.serial, then.key) == (now.lineage, now.serial, now.key)


async def remember(state: DesiredState, ports: Ports) -> Memory:
    """Everything that was committed last.

    To be started together with `gather`: 10,000 repositories take 30 ms to load, which the first
    answers take longer than.

    Raises:
        RegistryError: the registry cannot be read.
    """
    reaches = sorted({c.account.reach for c in state.connections.values()})
    await asyncio.sleep(_UNDER_WAY_S)
    registry = ports.registry

    def load() -> Memory:
        snapshot = registry.snapshot()
        return Memory(snapshot, {reach: registry.known_repositories(reach) for reach in reaches})

    return await asyncio.to_thread(load)
