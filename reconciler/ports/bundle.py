"""Everything outside that a run may touch, chosen by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.observed import Reads
from reconciler.ports.consumer import Consumer, ConsumerSpec
from reconciler.ports.provider import Progress, Provider, ProviderSpec, silent
from reconciler.ports.registry import RegistryStore
from reconciler.ports.secrets import SecretSource


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of one run.

    ``consumers`` has an entry for every consumer that code can drive. ``secrets`` maps the kind
    of source to its adapter. ``who`` and ``commit`` go into the audit log. ``now`` is UTC.
    """

    registry: RegistryStore
    providers: Mapping[str, ProviderSpec]
    consumers: Mapping[str, ConsumerSpec]
    secrets: Mapping[str, SecretSource]
    now: Callable[[], datetime]
    who: str
    commit: str
    progress: Progress = silent


@dataclass(slots=True)
class Handles:
    """The adapters opened for one run: providers by the reach of an account, consumers by name."""

    providers: dict[str, Provider]
    consumers: dict[str, Consumer]

    def reads(self) -> tuple[Reads, ...]:
        """What every adapter has cost so far."""
        providers = (p.reads() for p in self.providers.values())
        consumers = (c.reads() for c in self.consumers.values())
        return (*providers, *consumers)

    async def aclose(self) -> None:
        """Close every adapter."""
        for provider in self.providers.values():
            await provider.aclose()
        for consumer in self.consumers.values():
            await consumer.aclose()
