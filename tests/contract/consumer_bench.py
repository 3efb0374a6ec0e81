"""What tests/consumers/<name>/bench.py must offer, so that one suite holds for every consumer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from importlib import import_module
from typing import Protocol

import pytest

from reconciler.model.drift import RepositoryLabel
from reconciler.model.observed import LiveConnection
from reconciler.model.secret import Secret
from reconciler.ports.consumer import ConnectRequest, Consumer
from reconciler.sandbox.faults import FaultKind
from reconciler.sandbox.state import LoggedRequest


class ConsumerBench(Protocol):
    """One tenant at an emulated platform, served over real HTTP.

    ``adding`` and ``listing`` are texts in the bodies of the requests that add a connection and
    that read a selection. ``optional_fields`` (comma-separated) may be missing everywhere;
    without ``certifying_field`` a selection is not proven complete. ``key`` is our own key.
    """

    provider: str
    workspace: str
    adding: str
    listing: str
    optional_fields: str
    certifying_field: str
    key: Secret

    def open(self) -> Consumer:
        """The adapter, which waits for nothing."""
        ...

    def open_where_fields_are_missing(self) -> Consumer:
        """The adapter with settings that stand in for what optional fields would tell."""
        ...

    def open_by_spec(self, key: Secret | None = None) -> Consumer:
        """The adapter as the command line opens it."""
        ...

    def mint(self) -> Secret:
        """A fresh working credential of the provider."""
        ...

    def request(self, name: str, secret: Secret | None = None) -> ConnectRequest:
        """A connection to be made."""
        ...

    def labels(self) -> tuple[RepositoryLabel, ...]:
        """The repositories of the workspace."""
        ...

    def create_repository(self, slug: str) -> RepositoryLabel:
        """Somebody makes a repository at the provider."""
        ...

    def tick(self, live_id: str, *slugs: str) -> None:
        """Somebody selects repositories by hand."""
        ...

    def kill(self, secret: Secret) -> None:
        """The provider revokes a credential."""
        ...

    def kill_key(self) -> None:
        """The platform revokes our own key."""
        ...

    def arm(
        self, kind: FaultKind, *, body: str = "", value: str | float | None = None, times: int = 1
    ) -> None:
        """Script a fault of the platform."""
        ...

    def disarm(self) -> None:
        """Mend everything."""
        ...

    def has(self, live_id: str) -> bool:
        """Whether the platform holds that connection, seen from inside."""
        ...

    def count(self) -> int:
        """How many connections the platform holds, seen from inside."""
        ...

    def trapped(self) -> int:
        """How many requests reached a host where none belongs."""
        ...

    def requests(self) -> list[LoggedRequest]:
        """What the platform was asked."""
        ...

    def now(self) -> datetime:
        """The platform's time, UTC."""
        ...


def open_bench(name: str) -> AbstractContextManager[ConsumerBench]:
    """The bench of a consumer; a missing one fails the test by name."""
    folder = name.replace("-", "_")
    try:
        module = import_module(f"tests.consumers.{folder}.bench")
    except ModuleNotFoundError as error:
        pytest.fail(f"consumer {name} has no tests/consumers/{folder}/bench.py: {error}")
    opened: AbstractContextManager[ConsumerBench] = module.bench()
    return opened


async def choose(
    bench: ConsumerBench,
    consumer: Consumer,
    live_id: str,
    *,
    want: Sequence[RepositoryLabel],
    drop: Sequence[RepositoryLabel] = (),
    copy_from: str = "",
    follow_new: bool = False,
) -> None:
    """Change the selection of a connection."""
    await consumer.select(
        live_id,
        want=tuple(want),
        drop=tuple(drop),
        copy_from=copy_from,
        workspace=bench.workspace,
        follow_new=follow_new,
    )


async def only(consumer: Consumer) -> LiveConnection:
    """The one connection there is."""
    (found,) = await consumer.observe()
    return found


def selected(live: LiveConnection) -> set[str]:
    """Names of what a connection has selected; its selection must be proven complete."""
    assert live.selection is not None
    assert live.selection.complete, live.selection.gap
    return {resource.name for resource in live.selection.resources if resource.selected}
