"""Platforms that read source code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.model.desired import DesiredConsumer
from reconciler.model.drift import RepositoryLabel
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.model.observed import LiveConnection, Reads
from reconciler.model.secret import Secret
from reconciler.ports.capability import Ability, Capability


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A new connection. ``name`` is its display name, unique by our ownership marker.

    ``tenant`` and ``form`` are those of a service principal.
    """

    name: str
    provider: str
    kind: MethodKind
    host_url: str
    workspace: str
    username: str
    secret: Secret = field(repr=False)
    tenant: str = ""
    form: CredentialForm = CredentialForm.SECRET


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """The consumer's answer to "verify connectivity"."""

    ok: bool
    cause: str = ""
    hint: str = ""


class Consumer(Protocol):
    """One tenant. Every call raises RemoteError when the answer cannot be trusted."""

    async def observe(self) -> tuple[LiveConnection, ...]:
        """Every connection of the tenant to a provider we know, selections included."""
        ...

    async def connect(self, request: ConnectRequest) -> LiveConnection:
        """Add a connection. The caller has looked for *request.name* first."""
        ...

    async def check(self, live_id: str) -> ConnectionCheck:
        """Have the consumer try the connection."""
        ...

    async def select(
        self,
        live_id: str,
        *,
        want: tuple[RepositoryLabel, ...],
        drop: tuple[RepositoryLabel, ...],
        copy_from: str,
        workspace: str,
        follow_new: bool,
    ) -> None:
        """Make the selection hold *want* and not *drop*.

        Repositories match by id, or by *workspace* and name where the consumer keeps no id of
        the provider. Reads the selection afresh and writes it whole, keeping every selected
        resource that is neither wanted nor dropped; with *copy_from* also those of that other
        connection.

        Raises:
            RemoteError: REJECTED when the consumer does not list a wanted repository.
        """
        ...

    async def disconnect(self, live_id: str) -> None:
        """Remove a connection. Already gone is success."""
        ...

    def reads(self) -> Reads:
        """What this object has cost so far."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """What is known of a kind of consumer before any call.

    ``browser_url`` is where a person grants a browser method.
    """

    name: str
    title: str
    abilities: Mapping[Capability, Ability]
    browser_url: Mapping[MethodKind, str]
    open: Callable[[DesiredConsumer, Secret, int], Consumer]
