"""The one place where stages meet: expectations, consent, acknowledgements, estimates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import PlanRefusedError, UsageError
from reconciler.model.action import Plan
from reconciler.model.desired import DesiredState, Limits
from reconciler.model.method import ActionKind
from reconciler.model.observed import Repository
from reconciler.model.record import OperationState, Snapshot
from reconciler.model.standing import DriftStatus
from reconciler.pipeline import Expectation, RotateRequest
from reconciler.report.plan_json import plan_document
from tests.builders import NOW, a_connection, a_method, a_state, an_account, an_address
from tests.doubles import World, a_world
from tests.seen import a_listing, some, term


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from a_world(tmp_path)


async def applied(world: World, state: DesiredState | None = None, **more: Any) -> Any:
    given = {"approve": lambda _: True, "on_event": lambda *_: None, **more}
    return await pipeline.apply(state or a_state(), world.ports, **given)


def changed(**settings: Any) -> DesiredState:
    made = a_state()
    return replace(made, settings=replace(made.settings, **settings))


class TestExpectations:
    async def test_the_reviewed_plan_is_carried_out(self, world: World) -> None:
        plan = await pipeline.plan(a_state(), world.ports)
        report = await applied(world, expect=Expectation(plan.digest))
        assert report.plan.digest == plan.digest
        assert not report.failed

    async def test_anything_else_is_refused_with_what_moved(self, world: World) -> None:
        plan = await pipeline.plan(a_state(), world.ports)
        document = plan_document(plan, version="1")
        state = changed(environment="prod")
        with pytest.raises(PlanRefusedError) as refusal:
            await applied(world, state, expect=Expectation(plan.digest, document))
        assert refusal.value.moved == ("environment: none → prod",)
        with pytest.raises(PlanRefusedError) as refusal:
            await applied(world, state, expect=Expectation(plan.digest))
        assert "PLAN_FILE" in refusal.value.moved[0]
        assert "connect" not in world.calls.made

    async def test_the_same_inputs_with_other_decisions_say_so(self, world: World) -> None:
        plan = await pipeline.plan(a_state(), world.ports)
        document = plan_document(plan, version="1")
        with pytest.raises(PlanRefusedError) as refusal:
            await applied(world, expect=Expectation("sha256:other", document))
        assert refusal.value.moved == ("what is due or frozen has changed",)


class TestConsent:
    async def test_without_approval_nothing_is_written(self, world: World) -> None:
        shown: list[Plan] = []

        def refuse(plan: Plan) -> bool:
            shown.append(plan)
            return False

        assert await applied(world, approve=refuse) is None
        assert len(shown) == 1
        assert "connect" not in world.calls.made
        assert world.registry.snapshot().serial == 0

    async def test_an_empty_plan_takes_no_lease(self, world: World) -> None:
        await applied(world)
        report = await applied(world)
        assert (report.outcomes, report.serial_before) == ((), report.serial_after)

    async def test_a_broken_limit_is_accepted_once_by_its_digest(self, world: World) -> None:
        await applied(world)
        narrow = a_state(a_connection(selection=some(term(name="pay-*"))))
        settings = replace(narrow.settings, limits=Limits(removed_repositories=0))
        state = replace(narrow, settings=settings)
        shown: list[Plan] = []

        def approve(plan: Plan) -> bool:
            shown.append(plan)
            return True

        with pytest.raises(PlanRefusedError, match="would lose 1 repositories"):
            await applied(world, state, approve=approve)
        assert len(shown) == 1, "it is printed before it is refused"
        with pytest.raises(PlanRefusedError, match="is not this one"):
            await applied(world, state, accept_limits="sha256:another")
        report = await applied(world, state, accept_limits=shown[0].digest)
        assert not report.failed


class TestRotating:
    async def test_one_by_name_and_nothing_else(self, world: World) -> None:
        state = a_state(a_connection(), a_connection(address=an_address("ox-two")))
        await applied(world, state)
        request = RotateRequest(frozenset({"connection.ox-two"}))
        plan = await pipeline.plan(state, world.ports, rotate=request)
        assert [(a.address.name, a.reason_code) for a in plan.actions] == [
            ("ox-two", "rotate_by_request")
        ]
        assert plan.command == "rotate"

    async def test_whatever_is_due(self, world: World) -> None:
        await applied(world)
        request = RotateRequest(due=True)
        assert (await pipeline.plan(a_state(), world.ports, rotate=request)).actions == ()
        world.clock.at += timedelta(days=340)
        (action,) = (await pipeline.plan(a_state(), world.ports, rotate=request)).actions
        assert (action.kind, action.reason_code) == (ActionKind.ROTATE, "rotate_because_expiring")

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("ox-acne", 'did you mean "ox-acme"?'), ("zzz", "declared are: ox-acme")],
    )
    def test_an_unknown_name_is_a_usage_error(self, name: str, hint: str) -> None:
        with pytest.raises(UsageError) as error:
            pipeline.find(a_state(), name)
        assert error.value.hint == hint


async def test_a_registry_of_another_environment_is_not_touched(world: World) -> None:
    await applied(world, changed(environment="prod"))
    with pytest.raises(UsageError, match="environment 'prod'"):
        await pipeline.plan(changed(environment="test"), world.ports)


async def test_what_somebody_else_applied_meanwhile_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read under one registry is never compared with another."""
    await applied(world)
    look, looks = world.registry.outline, 0

    def outline() -> Snapshot:
        nonlocal looks
        looks += 1
        seen = look()
        return replace(seen, serial=seen.serial - 1) if looks == 1 else seen

    monkeypatch.setattr(world.registry, "outline", outline)
    plan = await pipeline.plan(a_state(), world.ports)
    assert looks == 2
    assert plan.actions == ()


async def test_adapters_are_closed_when_the_comparison_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(world.registry, "known_repositories", broken)
    with pytest.raises(ZeroDivisionError):
        await pipeline.plan(a_state(), world.ports)
    assert {"close provider", "close ox-prod"} <= set(world.calls.made)


async def test_a_look_that_breaks_leaves_nothing_behind(world: World) -> None:
    world.calls.faults["observe"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await pipeline.plan(a_state(), world.ports)
    assert {"close provider", "close ox-prod"} <= set(world.calls.made)


async def test_drift_and_verify_look_and_write_nothing(world: World) -> None:
    await applied(world)
    serial = world.registry.snapshot().serial
    world.tenant().live.clear()
    report = await pipeline.drift(a_state(), world.ports)
    assert [i.status for i in report.items] == [DriftStatus.GONE]
    assert report.reads
    (line,) = await pipeline.verify(a_state(), world.ports)
    assert (line.ok, line.summary) == (False, "gone at the consumer")
    assert world.registry.snapshot().serial == serial


class TestAcknowledging:
    async def waiting(self, world: World) -> DesiredState:
        await applied(world)
        world.clock.at += timedelta(days=340)
        await applied(world)
        return a_state()

    @pytest.mark.parametrize("name", ["ox-acme", "connection.ox-acme"])
    @pytest.mark.parametrize("step", [None, "mint"])
    async def test_a_step_that_waits_is_acknowledged(
        self, world: World, name: str, step: str | None
    ) -> None:
        state = await self.waiting(world)
        assert pipeline.acknowledge(state, world.ports, name, step).id == "mint"
        operation = world.registry.snapshot().operations[an_address()]
        assert operation.acknowledged == {"mint"}
        assert operation.state is OperationState.WAITING
        assert world.registry.leases() == ()
        assert world.registry.history(an_address())[-1].summary == "acknowledged mint"

    @pytest.mark.parametrize(
        ("name", "step"), [("ox-two", None), ("ox-acme", "grant"), ("Not a Name", None)]
    )
    async def test_anything_else_is_a_usage_error_naming_what_waits(
        self, world: World, name: str, step: str | None
    ) -> None:
        state = await self.waiting(world)
        with pytest.raises(UsageError) as error:
            pipeline.acknowledge(state, world.ports, name, step)
        assert error.value.hint == "waiting: ox-acme mint"

    def test_when_nothing_waits_it_says_so(self, world: World) -> None:
        with pytest.raises(UsageError) as error:
            pipeline.acknowledge(a_state(), world.ports, "ox-acme", None)
        assert error.value.hint == "waiting: nothing"


class TestEstimating:
    async def test_it_counts_pages_and_credentials_from_what_is_known(self, world: World) -> None:
        two = a_connection(
            address=an_address("ox-two"), method=a_method(secret=None, successor=None)
        )
        state = a_state(a_connection(), two)
        (before,) = await pipeline.estimate(state, world.ports)
        assert (before.requests, before.expected, before.complete) == (2, None, False)
        many = {f"{{{n}}}": Repository(f"r{n}") for n in range(250)}
        world.listing, world.tenant().resources = a_listing(many), many
        await applied(world)
        world.calls.take()
        (after,) = await pipeline.estimate(state, world.ports)
        assert (after.requests, after.expected, after.complete) == (4, 250, True)
        assert world.calls.made == []

    async def test_every_account_has_its_line(self, world: World) -> None:
        other = a_connection(
            address=an_address("ox-two"), account=an_account(name="globex", workspace="globex")
        )
        found = await pipeline.estimate(a_state(a_connection(), other), world.ports)
        assert [r.party for r in found] == ["bitbucket-cloud acme", "bitbucket-cloud globex"]


def test_a_project_that_cannot_be_resolved_has_its_problems_in_order(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: x}\nspec: {}\n"
    )
    (tmp_path / "a.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Connection\nmetadata: {name: c}\n"
        "spec: {consumer: nope, account: neither, method: nor-this, repositories: {all: true}}\n"
    )
    found = pipeline.validate(
        [str(tmp_path)], env="", registry_url=None, providers={}, profiles={}, now=NOW
    )
    assert found.state is None
    assert [p.code for p in found.problems] == ["unknown-reference"] * 3
