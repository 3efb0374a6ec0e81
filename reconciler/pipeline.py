"""The one place where stages meet: validate, plan, apply, drift, verify, ack, estimate."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.apply import Execution, execute
from reconciler.diff import Background, compare, drift_report, explain
from reconciler.errors import (
    PlanMovedError,
    PlanRefusedError,
    Problem,
    SourceMark,
    UsageError,
)
from reconciler.load import load
from reconciler.model.action import (
    ApplyReport,
    DriftReport,
    ManualStep,
    Plan,
    VerifyLine,
)
from reconciler.model.address import ConnectionAddress
from reconciler.model.bulk import collector_patient
from reconciler.model.desired import DesiredState
from reconciler.model.drift import Difference
from reconciler.model.observed import ObservedState, Reads
from reconciler.model.profile import Profile
from reconciler.model.record import AuditEntry, Change, OperationState, Snapshot
from reconciler.model.suggest import did_you_mean
from reconciler.observe import check_connections, gather, remember
from reconciler.plan import Setting, build
from reconciler.ports.bundle import Handles, Ports
from reconciler.ports.provider import ProviderSpec
from reconciler.report.plan_json import plan_document
from reconciler.resolve import resolve

PAGE_LENGTH = 100
"""Repositories a page, for estimates before anything was read."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found. ``state`` is None when anything is wrong."""

    state: DesiredState | None
    problems: tuple[Problem, ...]
    profiles: Mapping[str, Profile]
    documents: int
    files: int


@dataclass(frozen=True, slots=True)
class RotateRequest:
    """What `rotate` was asked for: connections by name, or whatever is due."""

    names: frozenset[str] = frozenset()
    due: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """The plan that was reviewed: its digest, and its document when it is at hand."""

    digest: str
    document: Mapping[str, Any] | None = None


def validate(
    paths: Sequence[str],
    *,
    env: str,
    registry_url: str | None,
    providers: Mapping[str, ProviderSpec],
    profiles: Mapping[str, Path],
    now: datetime,
) -> Validation:
    """Load and resolve, without a network. Every problem of the run is in the answer."""
    loaded = load(paths, env=env, registry_url=registry_url, shipped_profiles=profiles)
    state, found = resolve(loaded, providers, now=now)
    problems = sorted(
        {*loaded.problems, *found},
        key=lambda p: (p.where or SourceMark(""), p.code, p.cause),
    )
    return Validation(
        state=state,
        problems=tuple(problems),
        profiles=loaded.profiles,
        documents=len(loaded.documents),
        files=loaded.settings.files,
    )


@dataclass(slots=True)
class _Survey:
    """One look at the world, and the plan that follows from it."""

    plan: Plan
    snapshot: Snapshot
    observed: ObservedState
    differences: tuple[Difference, ...]
    handles: Handles


async def _survey(state: DesiredState, ports: Ports, rotate: RotateRequest | None) -> _Survey:
    with collector_patient():
        return await _look(state, ports, rotate)


async def _look(state: DesiredState, ports: Ports, rotate: RotateRequest | None) -> _Survey:
    snapshot = ports.registry.snapshot()
    _ensure_environment(state, snapshot)
    only = _requested(state, rotate)
    remembered = asyncio.create_task(remember(state, ports))
    try:
        observed, handles = await gather(state, ports, snapshot)
    except BaseException:
        remembered.cancel()
        raise
    try:
        background = Background(
            known=await remembered,
            implies={name: spec.implies for name, spec in ports.providers.items()},
            now=ports.now(),
            requested=only or frozenset(),
        )
        differences = compare(state, snapshot, observed, background)
        setting = Setting(
            state=state,
            snapshot=snapshot,
            observed=observed,
            providers=ports.providers,
            consumers=ports.consumers,
            writable=frozenset(n for n, s in ports.secrets.items() if s.can_write),
            now=background.now,
            only=only,
            only_rotations=rotate is not None,
        )
        return _Survey(build(differences, setting), snapshot, observed, differences, handles)
    except BaseException:
        await handles.aclose()
        raise


def _ensure_environment(state: DesiredState, snapshot: Snapshot) -> None:
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


async def plan(state: DesiredState, ports: Ports, *, rotate: RotateRequest | None = None) -> Plan:
    """What `apply` would do now. Writes nothing anywhere."""
    survey = await _survey(state, ports, rotate)
    await survey.handles.aclose()
    return replace(survey.plan, reads=survey.handles.reads())


async def apply(
    state: DesiredState,
    ports: Ports,
    *,
    approve: Callable[[Plan], bool],
    on_event: Callable[[str, str], None],
    expect: Expectation | None = None,
    accept_limits: str = "",
    rotate: RotateRequest | None = None,
    lock_timeout_s: float = 0,
) -> ApplyReport | None:
    """Plan, make sure it is the reviewed plan, ask, and carry it out.

    Args:
        state: as validated.
        ports: the outside world.
        approve: shown the plan; False ends here.
        on_event: told an address and what happens to it.
        expect: the reviewed plan; anything else is refused.
        accept_limits: the digest of a plan whose broken limits are accepted this once.
        rotate: limits the plan to rotations.
        lock_timeout_s: seconds to wait for somebody else's lease; when he changed anything of
            these connections, it is planned and approved again.

    Returns:
        What became of every action; None when it was not approved.

    Raises:
        PlanRefusedError: not the reviewed plan, or over a limit.
        LeaseHeldError: somebody else is applying.
    """
    until = ports.now() + timedelta(seconds=lock_timeout_s)
    while True:
        survey = await _survey(state, ports, rotate)
        try:
            if expect is not None:
                _ensure_holds(survey.plan, expect)
            approved = approve(survey.plan)
            _ensure_within_limits(survey.plan, accept_limits)
            if not approved:
                return None
            return await _carry_out(survey, state, ports, until, on_event)
        except PlanMovedError:
            if expect is not None or ports.now() >= until:
                raise
            on_event("registry", "somebody else applied meanwhile; planning again")
        finally:
            await survey.handles.aclose()


async def _carry_out(
    survey: _Survey,
    state: DesiredState,
    ports: Ports,
    until: datetime,
    tell: Callable[[str, str], None],
) -> ApplyReport:
    run = Execution(
        plan=survey.plan,
        state=state,
        snapshot=survey.snapshot,
        observed=survey.observed,
        ports=ports,
        handles=survey.handles,
        holder=ports.who,
        lock_timeout=until - ports.now(),
        tell=tell,
    )
    outcomes = await execute(run) if survey.plan.actions else ()
    after = ports.registry.snapshot()
    return ApplyReport(
        plan=survey.plan,
        outcomes=outcomes,
        serial_before=survey.plan.inputs.serial,
        serial_after=after.serial,
        lineage=after.lineage,
    )


def _ensure_holds(plan: Plan, expect: Expectation) -> None:
    """Refuse anything but the plan that was reviewed, and say what moved since."""
    if plan.digest == expect.digest:
        return
    moved: tuple[str, ...] = (
        "the reviewed plan is not at hand; `apply PLAN_FILE` says what moved",
    )
    if expect.document is not None:
        before = expect.document.get("inputs", {})
        moved = explain(before, plan_document(plan, version="")["inputs"]) or (
            "what is due or frozen has changed",
        )
    raise PlanRefusedError(
        f"the reviewed plan {expect.digest[:19]}… no longer holds; now it is {plan.digest[:19]}…",
        hint="look at the new plan with `reconciler plan`, and apply that one",
        moved=moved,
    )


def _ensure_within_limits(plan: Plan, accepted: str) -> None:
    if accepted and accepted != plan.digest:
        raise PlanRefusedError(
            f"the accepted plan {accepted[:19]}… is not this one, {plan.digest[:19]}…",
            hint="accept the digest that the plan shows",
        )
    if plan.refusals and not accepted:
        raise PlanRefusedError(
            "the plan breaks a limit: " + "; ".join(r.why for r in plan.refusals),
            hint=f"to accept this plan once: reconciler apply --accept-limits {plan.digest}",
        )


async def drift(state: DesiredState, ports: Ports) -> DriftReport:
    """Live against recorded. Holds nothing that could write."""
    survey = await _survey(state, ports, None)
    await survey.handles.aclose()
    return drift_report(
        survey.differences,
        survey.observed,
        survey.snapshot,
        waiting=survey.plan.waiting,
        reads=survey.handles.reads(),
        now=survey.plan.created_at,
    )


async def verify(state: DesiredState, ports: Ports) -> tuple[VerifyLine, ...]:
    """Try every connection end to end: the provider's word and the consumer's."""
    survey = await _survey(state, ports, None)
    try:
        return await check_connections(survey.differences, survey.handles)
    finally:
        await survey.handles.aclose()


def acknowledge(state: DesiredState, ports: Ports, name: str, step: str | None) -> ManualStep:
    """Record that a person did a manual step which cannot be observed.

    Raises:
        UsageError: nothing waits under that name or step.
    """
    snapshot = ports.registry.snapshot()
    open_steps = {
        a.name: o for a, o in snapshot.operations.items() if o.state is OperationState.WAITING
    }
    operation = open_steps.get(name.removeprefix("connection."))
    if operation is None or step not in (None, operation.step):
        waiting = [f"{known} {o.step}" for known, o in open_steps.items()]
        raise UsageError(
            f"no step {step or ''} of {name!r} waits for a person".replace("  ", " "),
            hint=f"waiting: {', '.join(sorted(waiting)) or 'nothing'}",
        )
    address = operation.address
    lease = ports.registry.acquire(str(address), ports.who, state.settings.lease_ttl, ports.now())
    try:
        record = snapshot.records.get(address)
        done = replace(operation, acknowledged=operation.acknowledged | {operation.step})
        ports.registry.commit(
            Change(
                address=address,
                expected=record.serial if record else 0,
                audit=AuditEntry(
                    at=ports.now(),
                    who=ports.who,
                    commit=ports.commit,
                    plan="",
                    address=str(address),
                    action="ack",
                    summary=f"acknowledged {operation.step}",
                ),
                operation=done,
                environment=state.settings.environment,
            ),
            lease,
        )
    finally:
        ports.registry.release(lease)
    return ManualStep(operation.step, operation.step, "", ports.who)


async def estimate(state: DesiredState, ports: Ports) -> tuple[Reads, ...]:
    """What a plan would cost, from what the registry knows, before anything is asked."""
    accounts = {c.account.reach: c.account for c in state.connections.values()}
    found = []
    for reach, account in accounts.items():
        count = ports.registry.repository_count(reach)
        pages = max(1, math.ceil((count or 0) / PAGE_LENGTH))
        methods = {c.method.secret for c in state.connections.values() if c.account.reach == reach}
        found.append(
            Reads(
                party=f"{account.provider} {account.workspace}",
                requests=pages + len(methods - {None}),
                limit=state.settings.hourly_requests,
                expected=count,
                complete=count is not None,
            )
        )
    return tuple(found)
