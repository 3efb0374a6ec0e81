"""One look at the world, and the plan that follows from it: what plan, apply and drift share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.diff import Background, compare
from reconciler.errors import UsageError
from reconciler.model.action import Plan
from reconciler.model.address import ConnectionAddress
from reconciler.model.bulk import collector_patient
from reconciler.model.desired import DesiredState
from reconciler.model.drift import Difference
from reconciler.model.observed import ObservedState
from reconciler.model.record import Snapshot
from reconciler.model.suggest import did_you_mean
from reconciler.observe import gather, remember
from reconciler.plan import Setting, build
from reconciler.ports.bundle import Handles, Ports


@dataclass(frozen=True, slots=True)
class RotateRequest:
    """What `rotate` was asked for: connections by name, or whatever is due.

    ``immediate`` leaves no overlap; ``abort`` undoes what was begun instead.
    """

    names: frozenset[str] = frozenset()
    due: bool = False
    immediate: bool = False
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """The plan that was reviewed: its digest, and its document when it is at hand."""

    digest: str
    document: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Survey:
    """One look at the world, and the plan that follows from it."""

    plan: Plan
    snapshot: Snapshot
    observed: ObservedState
    differences: tuple[Difference, ...]
    handles: Handles


async def survey_of(state: DesiredState, ports: Ports, rotate: RotateRequest | None) -> Survey:
    """Read everything, compare, and plan. The caller closes ``handles``."""
    with collector_patient():
        while True:
            survey = await _look(state, ports, rotate)
            if survey is not None:
                return survey


async def _look(state: DesiredState, ports: Ports, rotate: RotateRequest | None) -> Survey | None:
    """None when somebody applied while we looked: then what was read does not fit together."""
    outline = ports.registry.outline()
    ensure_environment(state, outline)
    only = _requested(state, rotate)
    remembered = asyncio.create_task(remember(state, ports))
    try:
        observed, handles = await gather(state, ports, outline)
    except BaseException:
        remembered.cancel()
        raise
    try:
        memory = await remembered
        snapshot = memory.snapshot
        if not memory.is_of(outline):
            await handles.aclose()
            return None
        background = Background(
            known=memory.known,
            implies={name: spec.implies for name, spec in ports.providers.items()},
            partners={name: spec.partners for name, spec in ports.providers.items()},
            now=ports.now(),
            requested=only if only and rotate and not rotate.abort else frozenset(),
        )
        differences = compare(state, snapshot, observed, background)
        setting = Setting(
            state=state,
            snapshot=snapshot,
            observed=observed,
            providers=ports.providers,
            consumers=ports.consumers,
            writable=writable_of(ports),
            now=background.now,
            only=only,
            only_rotations=rotate is not None,
            immediate=rotate is not None and rotate.immediate,
            abort=rotate is not None and rotate.abort,
        )
        return Survey(build(differences, setting), snapshot, observed, differences, handles)
    except BaseException:
        await handles.aclose()
        raise


def ensure_environment(state: DesiredState, snapshot: Snapshot) -> None:
    """Raise UsageError when the registry is another environment's."""
    wanted, found = state.settings.environment, snapshot.environment
    if snapshot.serial and wanted != found:
        raise UsageError(
            f"this registry belongs to environment {found!r}, and this run is for {wanted!r}",
            hint="give each environment a registry of its own: environments.NAME.registry.url",
        )


def _requested(
    state: DesiredState, rotate: RotateRequest | None
) -> frozenset[ConnectionAddress] | None:
    if rotate is None or not rotate.names:
        return None
    return frozenset(find(state, name) for name in sorted(rotate.names))


def find(state: DesiredState, name: str) -> ConnectionAddress:
    """The address of a declared connection. Raises UsageError with a suggestion."""
    known = {a.name: a for a in state.connections}
    bare = name.removeprefix("connection.")
    if bare not in known:
        raise UsageError(
            f"no connection is called {bare!r}",
            hint=did_you_mean(bare, known) or f"declared are: {', '.join(sorted(known)[:10])}",
        )
    return known[bare]


def writable_of(ports: Ports) -> frozenset[str]:
    """The kinds of secret source that can be written."""
    return frozenset(name for name, source in ports.secrets.items() if source.can_write)
