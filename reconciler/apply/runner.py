"""Carries out a plan: leases, order, concurrency, stop rules, one Outcome for every action."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.apply.bench import Bench
from reconciler.apply.issuing import take_back
from reconciler.apply.steps import perform
from reconciler.errors import (
    Fault,
    LeaseHeldError,
    LeaseLostError,
    PlanMovedError,
    ReconcilerError,
    RegistryError,
    RemoteError,
)
from reconciler.model.action import Action, ManualStep, Plan, Step
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredAccount, DesiredConnection, DesiredState
from reconciler.model.observed import ObservedState
from reconciler.model.outcome import Outcome, OutcomeState
from reconciler.model.record import Lease, Phase, Record, Snapshot
from reconciler.model.secret import KNOWN, Fingerprinter
from reconciler.ports.bundle import Handles, Ports

Tell = Callable[[str, str], None]
"""Called with an address and what is happening to it."""

_HOPELESS = frozenset({Fault.CREDENTIAL, Fault.BUDGET, Fault.THROTTLED, Fault.UNREACHABLE})
"""Faults of a consumer under which its other actions are not even begun."""


@dataclass(slots=True)
class Execution:
    """A plan with everything needed to carry it out."""

    plan: Plan
    state: DesiredState
    snapshot: Snapshot
    observed: ObservedState
    ports: Ports
    handles: Handles
    holder: str
    lock_timeout: timedelta
    tell: Tell
    leases: dict[ConnectionAddress, Lease] = field(default_factory=dict)
    hopeless: dict[str, str] = field(default_factory=dict)


async def execute(run: Execution) -> tuple[Outcome, ...]:
    """Carry out every action, in the plan's order, several connections at a time.

    Raises:
        LeaseHeldError: somebody else is at one of these connections.
        LeaseLostError: our lease was lost; what was in flight is in the journal.
        PlanMovedError: the registry moved since the plan was made.
    """
    async with _leases(run):
        _ensure_unmoved(run)
        gate = asyncio.Semaphore(run.state.settings.concurrency)

        async def one(action: Action) -> Outcome:
            async with gate:
                return await _act(run, action)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(a)) for a in run.plan.actions]
        except BaseExceptionGroup as group:
            # Raised from `except*` it would come out in a group again.
            lost, others = group.split(LeaseLostError)
            if lost is None or others is not None:
                raise
            raise _first(lost) from None
        return tuple(task.result() for task in tasks)


def _first(lost: BaseExceptionGroup[LeaseLostError]) -> BaseException:
    """One of the equal reasons in a group."""
    found = lost.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _ensure_unmoved(run: Execution) -> None:
    """Under the leases, the registry must know of these connections what the plan knew."""
    before = run.snapshot
    run.snapshot = now = run.ports.registry.snapshot()
    # Two first runs may each have made up a key: fingerprints only hold under the one that stays.
    is_same = before.key == now.key and before.lineage in ("", now.lineage)
    addresses = {a for action in run.plan.actions for a in (action.address, action.moved_from) if a}
    moved = [str(a) for a in sorted(addresses) if _version(before, a) != _version(now, a)]
    if moved or not is_same:
        raise PlanMovedError(
            "somebody else applied between this plan and its apply",
            hint="look at the new plan with `reconciler plan`, and apply that one",
            moved=(f"registry serial: {before.serial} → {now.serial}", *moved),
        )


def _version(snapshot: Snapshot, address: ConnectionAddress) -> tuple[int, int]:
    """When the record and the operation of a connection last changed; 0 where there is none."""
    record, operation = snapshot.records.get(address), snapshot.operations.get(address)
    return (record.serial if record else 0, operation.serial if operation else 0)


@asynccontextmanager
async def _leases(run: Execution) -> AsyncIterator[None]:
    """Hold a lease for every connection of the plan, with a heartbeat."""
    addresses = sorted({a.address for a in run.plan.actions})
    deadline = run.ports.now() + run.lock_timeout
    try:
        for address in addresses:
            run.leases[address] = await _acquire(run, address, deadline)
        worker = asyncio.current_task()
        lost: list[LeaseLostError] = []
        heart = asyncio.create_task(_heartbeat(run, worker, lost))
        try:
            yield
        except asyncio.CancelledError:
            if lost:
                raise lost[0] from None
            raise
        finally:
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart
    finally:
        for lease in run.leases.values():
            run.ports.registry.release(lease)


async def _acquire(run: Execution, address: ConnectionAddress, deadline: datetime) -> Lease:
    while True:
        now = run.ports.now()
        try:
            return run.ports.registry.acquire(
                str(address), run.holder, run.state.settings.lease_ttl, now
            )
        except LeaseHeldError:
            if now >= deadline:
                raise
            run.tell(str(address), "waiting for the lease")
            await asyncio.sleep(1)


async def _heartbeat(
    run: Execution, worker: asyncio.Task[object] | None, lost: list[LeaseLostError]
) -> None:
    """Renew every lease at a third of its life; losing one stops the whole run."""
    ttl = run.state.settings.lease_ttl
    while True:
        await asyncio.sleep(ttl.total_seconds() / 3)
        try:
            for address, lease in list(run.leases.items()):
                run.leases[address] = run.ports.registry.renew(lease, ttl, run.ports.now())
        except LeaseLostError as error:
            lost.append(error)
            if worker is not None:
                worker.cancel()
            return
        except RegistryError as error:  # busy just now: the next beat still comes in time
            run.tell("registry", error.cause)


def _account(
    run: Execution, desired: DesiredConnection | None, record: Record | None
) -> DesiredAccount | None:
    if desired is not None:
        return desired.account
    return run.state.accounts.get(record.account) if record is not None else None


def _bench(run: Execution, action: Action) -> Bench:
    desired = run.state.connections.get(action.address)
    source = action.moved_from or action.address
    operation = run.snapshot.operations.get(source)
    return Bench(
        action=action,
        plan=run.plan,
        desired=desired,
        record=run.snapshot.records.get(source),
        operation=operation,
        view=run.observed.views[str(action.address)],
        account=_account(run, desired, run.snapshot.records.get(source)),
        lineage=run.snapshot.lineage,
        fingerprinter=Fingerprinter(run.snapshot.key),
        ports=run.ports,
        handles=run.handles,
        lease=run.leases[action.address],
        id=operation.id if operation else uuid.uuid4().hex,
    )


async def _act(run: Execution, action: Action) -> Outcome:
    """One action from its first step to its last, or to the step at which it stops."""
    bench = _bench(run, action)
    tenant = bench.desired.consumer.name if bench.desired else bench.record_consumer
    if tenant in run.hopeless:
        why = f"not begun: {run.hopeless[tenant]}"
        return Outcome(action.address, action.kind, OutcomeState.SKIPPED, why)
    step_code = ""
    try:
        for step in action.steps:
            step_code = step.code
            bench.lease = run.leases[action.address]
            waits = await _step(run, bench, step_code, step)
            if waits is not None:
                return _outcome(bench, OutcomeState.WAITING, waits.title, waits=waits)
    except LeaseLostError:
        raise
    except ReconcilerError as error:
        _note_hopeless(run, bench, tenant, error)
        await _undo(bench, step_code, error)
        return _outcome(bench, OutcomeState.FAILED, KNOWN.scrub(error.cause), error.hint)
    return _outcome(bench, OutcomeState.DONE)


async def _step(run: Execution, bench: Bench, code: str, step: Step) -> ManualStep | None:
    """One step between its two lines in the journal."""
    run.tell(str(bench.action.address), code)
    bench.journal(code, Phase.INTENT)
    waits = await perform(bench, step)
    bench.journal(code, Phase.DONE, "waits for a person" if waits else "")
    bench.done.append(code)
    return waits


def _note_hopeless(run: Execution, bench: Bench, tenant: str, error: ReconcilerError) -> None:
    """When the consumer itself shuts us out, its other actions would fail the same way."""
    party = bench.desired.consumer.profile.name if bench.desired else ""
    own_key = isinstance(error, RemoteError) and error.party == party and bench.live is None
    if isinstance(error, RemoteError) and own_key and error.fault in _HOPELESS:
        run.hopeless[tenant] = error.cause


async def _undo(bench: Bench, step: str, error: ReconcilerError) -> None:
    """Take back what this action made and could not bring into service.

    What cannot be taken back now carries our marker, and the next run clears it away.
    """
    bench.journal(step, Phase.FAILED, error.cause)
    if bench.added is None and (bench.minted is None or bench.published):
        return
    bench.journal("undo", Phase.INTENT)
    try:
        if bench.added is not None:
            await bench.consumer.disconnect(bench.added.id)
        if bench.minted is not None and not bench.published:
            await take_back(bench)
    except ReconcilerError as failed:
        bench.journal("undo", Phase.FAILED, failed.cause)
    else:
        bench.journal("undo", Phase.DONE)


def _outcome(
    bench: Bench,
    state: OutcomeState,
    detail: str = "",
    hint: str = "",
    waits: ManualStep | None = None,
) -> Outcome:
    action = bench.action
    return Outcome(action.address, action.kind, state, detail, hint, waits, tuple(bench.done))
