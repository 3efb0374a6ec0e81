"""Leases around an apply, and what stops it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler import pipeline
from reconciler.errors import (
    LeaseHeldError,
    LeaseLostError,
    PlanRefusedError,
    RegistryError,
)
from reconciler.model.desired import DesiredState
from reconciler.model.observed import Repository
from reconciler.model.outcome import OutcomeState
from reconciler.model.record import AuditEntry, Change
from tests.builders import NOW, a_connection, a_state, an_address
from tests.doubles import World
from tests.seen import REPOSITORIES, a_listing

ADDRESS = str(an_address())


def state_with(ttl: timedelta = timedelta(seconds=60), *names: str) -> DesiredState:
    made = a_state(*(a_connection(address=an_address(n)) for n in names or ("ox-acme",)))
    return replace(made, settings=replace(made.settings, lease_ttl=ttl))


async def applied(
    world: World, state: DesiredState | None = None, *, patience_s: float = 0
) -> list[OutcomeState]:
    told: list[str] = []
    report = await pipeline.apply(
        state or state_with(),
        world.ports,
        approve=lambda _: True,
        on_event=lambda address, what: told.append(f"{address}: {what}"),
        lock_timeout_s=patience_s,
    )
    assert report is not None
    return [o.state for o in report.outcomes]


async def test_leases_are_given_back_also_after_a_failure(world: World) -> None:
    world.calls.faults["connect"] = RegistryError("x", hint="y")
    assert await applied(world) == [OutcomeState.FAILED]
    assert world.registry.leases() == ()


async def test_somebody_elses_lease_is_respected(world: World) -> None:
    world.registry.acquire(ADDRESS, "other", timedelta(hours=1), NOW)
    with pytest.raises(LeaseHeldError):
        await applied(world)
    assert "connect" not in world.calls.made
    assert [lease.holder for lease in world.registry.leases()] == ["other"]


async def test_a_lease_is_waited_for_with_patience(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = world.registry.acquire(ADDRESS, "other", timedelta(hours=1), NOW)
    real_sleep = asyncio.sleep

    async def nap(seconds: float) -> None:
        if seconds == 1:
            world.registry.release(theirs)
        await real_sleep(0 if seconds == 1 else seconds)

    monkeypatch.setattr(asyncio, "sleep", nap)
    assert await applied(world, patience_s=5) == [OutcomeState.DONE]


async def test_a_lease_that_was_taken_stops_the_run_before_anything_else_is_written(
    world: World,
) -> None:
    world.calls.before["connect"] = lambda: (world.registry.break_lease(ADDRESS), None)[1]
    with pytest.raises(LeaseLostError):
        await applied(world, state_with(timedelta(seconds=60), "ox-acme", "ox-two"))
    assert "ox-acme" not in {a.name for a in world.registry.snapshot().records}


async def test_a_heartbeat_that_finds_the_lease_gone_stops_a_call_in_flight(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenant()
    begun = asyncio.Event()

    async def hang(live_id: str) -> object:
        begun.set()
        world.registry.break_lease(ADDRESS)
        await asyncio.Event().wait()
        raise AssertionError(live_id)

    monkeypatch.setattr(tenant, "check", hang)
    with pytest.raises(LeaseLostError):
        await applied(world, state_with(timedelta(milliseconds=30)))
    assert begun.is_set()


async def test_a_heartbeat_keeps_a_short_lease_alive_and_survives_a_busy_registry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, registry = world.tenant(), world.registry
    renew, check, beats = registry.renew, tenant.check, asyncio.Semaphore(0)
    made: list[object] = []

    def busy_once(*arguments: object) -> object:
        made.append(arguments)
        beats.release()
        if len(made) == 1:
            raise RegistryError("database is locked", hint="wait")
        return renew(*arguments)  # type: ignore[arg-type]  # passed through as they came

    async def after_three_beats(live_id: str) -> object:
        for _ in range(3):
            await beats.acquire()
        return await check(live_id)

    monkeypatch.setattr(registry, "renew", busy_once)
    monkeypatch.setattr(tenant, "check", after_three_beats)
    assert await applied(world, state_with(timedelta(milliseconds=60))) == [OutcomeState.DONE]


async def test_a_cancelled_run_is_cancelled_and_gives_its_leases_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def hang(live_id: str) -> object:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError(live_id)

    monkeypatch.setattr(world.tenant(), "check", hang)
    run = asyncio.create_task(applied(world))
    await begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert world.registry.leases() == ()


async def test_a_registry_that_moved_under_the_plan_refuses_it(world: World) -> None:
    await applied(world)
    world.listing = a_listing({**REPOSITORIES, "{c3}": Repository("shop", "PAY")})
    state = state_with()

    def meanwhile() -> None:
        lease = world.registry.acquire(ADDRESS, "other", timedelta(60), NOW)
        found = world.registry.snapshot().records[an_address()]
        audit = AuditEntry(NOW, "other", "", "", ADDRESS, "rescope", "meanwhile")
        changed = replace(found, protect=True)
        world.registry.commit(Change(an_address(), found.serial, audit, changed), lease)
        world.registry.release(lease)

    def approve(_: object) -> bool:
        meanwhile()
        return True

    with pytest.raises(PlanRefusedError, match="somebody else applied"):
        await pipeline.apply(state, world.ports, approve=approve, on_event=lambda *_: None)
    assert "select ox-prod-1" not in world.calls.made[-3:]
