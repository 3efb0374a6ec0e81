"""What only looks: drift, verify, rotations, forecast, estimate; and ack, which only records."""

from __future__ import annotations

import math
from dataclasses import replace

from reconciler.diff import drift_report
from reconciler.diff.forecast import forecast as forecast_of
from reconciler.diff.rotations import rotations as rotations_of
from reconciler.errors import (
    UsageError,
)
from reconciler.model.action import ManualStep
from reconciler.model.desired import DesiredState
from reconciler.model.forecast import Forecast, RotationStatus
from reconciler.model.observed import Reads
from reconciler.model.record import AuditEntry, Change, OperationState
from reconciler.model.standing import DriftReport, VerifyLine
from reconciler.observe import check_connections
from reconciler.pipeline.survey import (
    ensure_environment,
    survey_of,
    writable_of,
)
from reconciler.ports.bundle import Ports


async def drift(state: DesiredState, ports: Ports) -> DriftReport:
    """Live against recorded. Holds nothing that could write."""
    survey = await survey_of(state, ports, None)
    await survey.handles.aclose()
    begun = rotations(state, ports)
    return drift_report(
        survey.differences,
        survey.observed,
        survey.snapshot,
        stuck={r.address: f"its rotation is stuck: {r.next_step}" for r in begun if r.stuck},
        waiting=survey.plan.waiting,
        reads=survey.handles.reads(),
        now=survey.plan.created_at,
    )


async def verify(state: DesiredState, ports: Ports) -> tuple[VerifyLine, ...]:
    """Try every connection end to end: the provider's word and the consumer's."""
    survey = await survey_of(state, ports, None)
    try:
        return await check_connections(survey.differences, survey.handles)
    finally:
        await survey.handles.aclose()


def rotations(state: DesiredState, ports: Ports) -> tuple[RotationStatus, ...]:
    """Every rotation that was begun and is not finished, from the registry alone."""
    snapshot = ports.registry.outline()
    ensure_environment(state, snapshot)
    leases = ports.registry.leases()
    return rotations_of(state, snapshot, leases=leases, now=ports.now())


def forecast(state: DesiredState, ports: Ports, days: int) -> Forecast:
    """What happens to credentials within *days*, from the YAML and the registry alone."""
    snapshot = ports.registry.outline()
    ensure_environment(state, snapshot)
    return forecast_of(
        state,
        snapshot,
        ports.providers,
        days=days,
        now=ports.now(),
        writable=writable_of(ports),
    )


def acknowledge(state: DesiredState, ports: Ports, name: str, step: str | None) -> ManualStep:
    """Record that a person did a manual step which cannot be observed.

    Raises:
        UsageError: nothing waits under that name or step.
    """
    snapshot = ports.registry.outline()
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
        page = ports.providers[account.provider].page_size
        pages = max(1, math.ceil((count or 0) / page)) if page else 1
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
