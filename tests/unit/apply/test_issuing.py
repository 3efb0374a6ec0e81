"""Rotations by API carried out on a real registry: to the end, killed anywhere, and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.errors import Fault, SecretError
from reconciler.model.action import Plan
from reconciler.model.desired import DesiredState
from reconciler.model.facts import MINTED, MINTED_AS, REVOKES
from reconciler.model.marker import mark
from reconciler.model.method import ActionKind
from reconciler.model.observed import Verdict
from reconciler.model.outcome import ApplyReport, Outcome, OutcomeState
from reconciler.model.record import Change, Lease, Operation, OperationState, Record
from reconciler.model.secret import Fingerprinter, Secret, SecretRef
from reconciler.pipeline.survey import RotateRequest
from reconciler.ports.registry import RegistryStore
from tests.builders import (
    NOW,
    SCOPES,
    a_connection,
    a_consumer,
    a_profile,
    a_state,
    an_account,
    an_address,
    an_issuer,
)
from tests.doubles import Calls, Desk, MemorySecrets, World, a_world, refused
from tests.seen import NEXT_REF, NO_RESCOPE, SECRET_REF, a_report, issued_method

READ, WRITE = SCOPES
READER_REF = SecretRef("file", ("/project/secrets/reader",))
AT_ONCE = timedelta(0)
HOUR = timedelta(hours=1)
HEARTBEAT_S = 20.0
"""A third of a lease's life: the one sleep that is left alone."""
BY_NAME = RotateRequest(names=frozenset({"ox-acme"}))
NOW_AT_ONCE = RotateRequest(names=frozenset({"ox-acme"}), immediate=True)
ABORT = RotateRequest(names=frozenset({"ox-acme"}), abort=True)


def a_reader() -> Any:
    return issued_method(
        name="", secret=READER_REF, successor=None, scopes=(), issuer=None, overlap=AT_ONCE
    )


def state_of(connection: dict[str, Any] | None = None, **method: Any) -> DesiredState:
    """One connection by a method whose credentials the provider makes; read by somebody else."""
    desired = a_connection(
        method=issued_method(**{"overlap": AT_ONCE, **method}),
        account=an_account(reader=a_reader()),
        **(connection or {}),
    )
    made = a_state(desired)
    return replace(made, settings=replace(made.settings, concurrency=1))


def prepared(world: World, **desk: Any) -> Desk:
    """No secret but the issuer's and the reader's."""
    made = world.issue(**desk)
    world.secrets.values.pop(SECRET_REF, None)
    world.secrets.values[READER_REF] = "reader-token"
    return made


async def applied(
    world: World, state: DesiredState | None = None, rotate: RotateRequest | None = None
) -> ApplyReport:
    report = await pipeline.apply(
        state or state_of(),
        world.ports,
        approve=lambda _: True,
        on_event=lambda *_: None,
        rotate=rotate,
    )
    assert report is not None
    return report


async def done(
    world: World, state: DesiredState | None = None, rotate: RotateRequest | None = None
) -> ApplyReport:
    report = await applied(world, state, rotate)
    assert [o.state for o in report.outcomes] == [OutcomeState.DONE], (report.outcomes, report.plan)
    return report


async def failed(
    world: World, state: DesiredState | None = None, rotate: RotateRequest | None = None
) -> Outcome:
    (outcome,) = (await applied(world, state, rotate)).outcomes
    assert outcome.state is OutcomeState.FAILED
    return outcome


async def planned(
    world: World, state: DesiredState | None = None, rotate: RotateRequest | None = None
) -> Plan:
    return await pipeline.plan(state or state_of(), world.ports, rotate=rotate)


def record(world: World) -> Record:
    return world.registry.snapshot().records[an_address()]


def operation(world: World) -> Operation | None:
    return world.registry.snapshot().operations.get(an_address())


def desk_of(world: World) -> Desk:
    assert world.desk is not None
    return world.desk


def in_use(world: World) -> set[str]:
    """The secrets that the consumer holds and the provider lets in."""
    tenant = world.tenant()
    return {tenant.given[id_] for id_ in tenant.live} & world.credentials.keys()


async def ensure_one(world: World, state: DesiredState | None = None) -> str:
    """One credential, one connection, one place, nothing begun, nothing to do; returns its id."""
    plan = await planned(world, state)
    assert (plan.actions, plan.withheld, plan.waiting) == ((), (), ())
    found, desk = record(world), desk_of(world)
    assert list(desk.issued) == [found.token_id]
    value = desk.values[found.token_id]
    key = Fingerprinter(world.registry.snapshot().key)
    assert found.fingerprint == key.of(Secret(value))
    assert world.secrets.values.get(SECRET_REF) == value
    assert NEXT_REF not in world.secrets.values
    assert list(world.tenant().live) == [found.live_id]
    assert world.tenant().given[found.live_id] == value
    assert operation(world) is None
    return found.token_id


def writes(world: World) -> list[str]:
    """Calls since the last look at them, without those that only look before a plan."""
    looks = ("close", "list", "observe", "verify", "issued")
    made = world.calls.take()
    return [c for c in made if not c.startswith(looks) or c.startswith("verify and")]


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return sleepless(monkeypatch)


def sleepless(patch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; what was asked for is kept."""
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds == HEARTBEAT_S:
            await real(seconds)
        slept.append(seconds)
        await real(0)

    patch.setattr(asyncio, "sleep", sleep)
    return slept


class TestToTheEnd:
    async def test_the_first_credential_is_made_checked_kept_and_given_away(
        self, world: World
    ) -> None:
        prepared(world)
        await done(world)
        assert writes(world) == [
            "issue ox-acme",
            "verify and reach",
            "connect",
            "check ox-prod-1",
            "select ox-prod-1",
        ]
        assert await ensure_one(world) == "t1"
        lineage = world.registry.snapshot().lineage
        assert desk_of(world).issued["t1"].name == str(mark("ox-acme", lineage, 1))
        found = record(world)
        assert (found.generation, found.version, found.scopes) == (1, 1, SCOPES)
        assert found.expires_at == NOW + timedelta(days=365)

    async def test_a_rotation_switches_before_it_revokes_and_then_tidies_up(
        self, world: World
    ) -> None:
        prepared(world)
        await done(world)
        writes(world)
        await done(world, state_of(version=2))
        assert writes(world) == [
            "issue ox-acme",
            "verify and reach",
            "connect",
            "check ox-prod-2",
            "select ox-prod-2",
            "disconnect ox-prod-1",
            "revoke t1",
        ]
        assert await ensure_one(world, state_of(version=2)) == "t2"
        found = record(world)
        assert (found.version, found.generation, len(found.retired)) == (2, 2, 1)

    async def test_the_home_of_a_credential_is_the_users_own(self, world: World) -> None:
        desk = prepared(world)
        await done(world)
        assert {(home.level, home.owner) for home in desk.homes} == {
            ("user", "ox-bot@acme.example")
        }

    async def test_a_dead_credential_is_replaced_in_its_place(self, world: World) -> None:
        desk = prepared(world)
        await done(world)
        desk.issued.clear()
        world.credentials.clear()
        await done(world)
        assert await ensure_one(world) == "t2"

    async def test_an_overlap_is_left_to_the_first_run_after_it(self, world: World) -> None:
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=HOUR)
        report = await applied(world, state)
        assert [o.waits.id for o in report.outcomes if o.waits] == ["drain"]
        found = operation(world)
        assert found is not None
        assert (found.state, found.step) == (OperationState.WAITING, "drain")
        assert found.facts[REVOKES] == "t1"
        assert set(desk_of(world).issued) == {"t1", "t2"}
        world.clock.at += timedelta(minutes=59)
        plan = await planned(world, state)
        assert (plan.actions, [w.step.id for w in plan.waiting]) == ((), ["drain"])
        world.clock.at += timedelta(minutes=1)
        await done(world, state)
        assert await ensure_one(world, state) == "t2"

    @pytest.mark.parametrize("way", ["at once", "acknowledged"])
    async def test_an_overlap_is_ended_early(self, world: World, way: str) -> None:
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=HOUR)
        await applied(world, state)
        if way == "acknowledged":
            pipeline.acknowledge(state, world.ports, "ox-acme", "drain")
        await done(world, state, NOW_AT_ONCE if way == "at once" else None)
        assert await ensure_one(world, state) == "t2"

    async def test_a_short_overlap_is_waited_for(self, world: World, naps: list[float]) -> None:
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=timedelta(seconds=45))
        await done(world, state)
        assert 45.0 in naps
        assert await ensure_one(world, state) == "t2"

    async def test_a_leaked_credential_is_revoked_without_an_overlap(self, world: World) -> None:
        prepared(world)
        state = state_of(overlap=HOUR)
        await done(world, state)
        await done(world, state, NOW_AT_ONCE)
        assert await ensure_one(world, state) == "t2"

    async def test_what_is_asked_for_by_name_is_done_once(self, world: World) -> None:
        prepared(world)
        await done(world)
        await done(world, rotate=BY_NAME)
        assert await ensure_one(world) == "t2"

    async def test_a_new_credential_that_dies_in_the_overlap_costs_nobody_the_old_one(
        self, world: World
    ) -> None:
        """The overlap is over, but only the replaced credential works."""
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=HOUR)
        await applied(world, state)
        world.credentials["minted-2"] = a_report(verdict=Verdict.UNKNOWN, cause="429")
        world.clock.at += HOUR
        plan = await planned(world, state)
        assert (plan.actions, [w.step.id for w in plan.waiting]) == ((), ["drain"])
        assert "t1" in desk_of(world).issued

    async def test_a_dead_credential_is_replaced_even_within_an_overlap(self, world: World) -> None:
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=HOUR)
        await applied(world, state)
        desk = desk_of(world)
        del desk.issued["t2"], world.credentials["minted-2"]
        await applied(world, state)
        await applied(world, state)
        assert await ensure_one(world, state) == "t3"


class TestScopes:
    async def test_they_are_changed_in_place(self, world: World) -> None:
        prepared(world)
        await done(world)
        state = state_of(scopes=(READ,))
        writes(world)
        report = await done(world, state)
        assert [a.kind for a in report.plan.actions] == [ActionKind.RESCOPE]
        assert writes(world) == ["rescope t1", "verify and reach"]
        assert await ensure_one(world, state) == "t1"
        assert record(world).scopes == (READ,)

    @pytest.mark.parametrize("tells", [True, False], ids=["told", "listed"])
    async def test_what_somebody_added_is_taken_away_again(self, world: World, tells: bool) -> None:
        desk = prepared(world, tells=tells)
        await done(world)
        wide = desk.issued["t1"].scopes | {"admin:repository:bitbucket"}
        desk.issued["t1"] = replace(desk.issued["t1"], scopes=wide)
        if tells:
            world.credentials["minted-1"] = a_report(scopes=wide, token_id="t1")
        await done(world)
        assert desk.issued["t1"].scopes == frozenset(SCOPES)
        await ensure_one(world)

    async def test_without_an_api_for_it_they_take_a_rotation(self, world: World) -> None:
        prepared(world)
        world.abilities = NO_RESCOPE
        await done(world)
        state = state_of(scopes=(READ,))
        report = await done(world, state)
        (action,) = report.plan.actions
        assert (action.kind, action.reason_code) == (
            ActionKind.ROTATE,
            "rotate_because_cannot_rescope",
        )
        assert "cannot be changed in place" in action.reason
        assert await ensure_one(world, state) == "t2"
        assert record(world).scopes == (READ,)

    async def test_of_a_credential_whose_secret_is_not_at_hand(self, world: World) -> None:
        """Nothing can be shown to the provider, and no other value is taken for it."""
        desk = prepared(world)
        await done(world)
        before = record(world)
        world.secrets.values[SECRET_REF] = "somebody-elses"
        world.credentials["somebody-elses"] = a_report(identity="557058:ada", scopes=None)
        state = state_of(scopes=(READ,))
        await done(world, state)
        assert desk.issued["t1"].scopes == frozenset({READ})
        assert record(world).fingerprint == before.fingerprint
        plan = await planned(world, state)
        assert plan.actions == ()

    async def test_a_consumer_without_an_api_learns_of_them_once(self, world: World) -> None:
        prepared(world)
        world.abilities = NO_RESCOPE
        by_hand = {"consumer": a_consumer(profile=replace(a_profile(), name="nx", adapter=""))}
        for scopes in (SCOPES, (READ,)):
            state = state_of(by_hand, scopes=scopes)
            await applied(world, state)
            pipeline.acknowledge(state, world.ports, "ox-acme", "enter")
            await applied(world, state)
            plan = await planned(world, state)
            assert (plan.actions, plan.waiting) == ((), ())
        assert record(world).scopes == (READ,)
        assert set(desk_of(world).issued) == {record(world).token_id}


class TestWhatGoesWrong:
    async def test_a_lost_answer_is_looked_for_ended_and_asked_for_again(
        self, world: World
    ) -> None:
        prepared(world, lost=1)
        await done(world)
        made = [c for c in world.calls.made if c.startswith(("issue ", "issued t", "revoke"))]
        assert made == ["issue ox-acme", "revoke t1", "issue ox-acme", "issued t2"]
        assert await ensure_one(world) == "t2"

    async def test_an_answer_lost_twice_fails_and_is_cleared_up_by_the_next_run(
        self, world: World
    ) -> None:
        prepared(world)
        await done(world)
        desk_of(world).lost = 2
        state = state_of(version=2)
        assert (await failed(world, state)).detail == "the answer was lost"
        await done(world, state)
        await ensure_one(world, state)

    @pytest.mark.parametrize("lost", [True, False], ids=["refuses", "forgets"])
    async def test_a_secret_that_cannot_be_kept_is_taken_back(
        self, world: World, lost: bool
    ) -> None:
        prepared(world)
        await done(world)
        world.secrets = Stubborn(world.secrets.values, refuses=lost, forgetful=not lost)
        state = state_of(version=2)
        await failed(world, state)
        assert list(desk_of(world).issued) == ["t1"]
        assert operation(world) is None
        assert in_use(world) == {"minted-1"}
        world.secrets = MemorySecrets(world.secrets.values)
        await done(world, state)
        assert await ensure_one(world, state) == "t3"

    @pytest.mark.usefixtures("naps")
    async def test_a_credential_that_turns_out_unfit_is_taken_back(self, world: World) -> None:
        prepared(world)
        await done(world)
        short = a_report(scopes=frozenset({READ}))
        world.calls.before["issued t2"] = lambda: world.credentials.update({"minted-2": short})
        outcome = await failed(world, state_of(version=2))
        assert f"lacks {WRITE}" in outcome.detail
        assert list(desk_of(world).issued) == ["t1"]
        assert operation(world) is None

    async def test_a_provider_that_learns_of_a_credential_late_is_given_time(
        self, world: World, naps: list[float]
    ) -> None:
        prepared(world)
        await done(world)
        looks: list[str] = []

        def late() -> None:
            looks.append("x")
            verdict = Verdict.DEAD if len(looks) < 3 else Verdict.WORKS
            world.credentials["minted-2"] = a_report(verdict=verdict, scopes=None)

        world.calls.before["verify and reach"] = late
        await done(world, state_of(version=2))
        assert [n for n in naps if n >= 0.2] == [0.2, 0.5]

    async def test_an_end_that_takes_time_is_waited_for(
        self, world: World, naps: list[float]
    ) -> None:
        desk = prepared(world)
        await done(world)
        desk.values["t1"] = "forgotten"  # `revoke` leaves the secret working

        def late() -> None:
            if 0.5 in naps:
                world.credentials.pop("minted-1", None)

        world.calls.before["verify"] = late
        await done(world, state_of(version=2))
        assert [n for n in naps if n >= 0.2] == [0.2, 0.5]

    async def test_a_revocation_that_fails_is_made_up_for(self, world: World) -> None:
        prepared(world)
        await done(world)
        state = state_of(version=2)
        world.calls.faults["revoke t1"] = refused(Fault.OUTAGE, "503")
        await failed(world, state)
        assert set(desk_of(world).issued) == {"t1", "t2"}
        report = await done(world, state)
        assert [a.reason_code for a in report.plan.actions] == ["resume_interrupted"]
        assert await ensure_one(world, state) == "t2"

    async def test_one_that_cannot_be_taken_back_is_found_by_its_mark(self, world: World) -> None:
        prepared(world)
        await done(world)
        world.secrets = Stubborn(world.secrets.values, refuses=True)
        world.calls.faults["revoke t2"] = refused(Fault.OUTAGE, "503")
        await failed(world, state_of(version=2))
        assert set(desk_of(world).issued) == {"t1", "t2"}
        world.secrets = MemorySecrets(world.secrets.values)
        state = state_of(version=2)
        await done(world, state)
        assert await ensure_one(world, state) == "t3"

    async def test_an_issuer_that_lost_its_password_between_plan_and_apply(
        self, world: World
    ) -> None:
        prepared(world)
        await done(world)

        def forget(_: Plan) -> bool:
            return bool(world.secrets.values.pop(an_issuer().secret))

        report = await pipeline.apply(
            state_of(version=2),
            world.ports,
            approve=forget,
            on_event=lambda *_: None,
        )
        assert report is not None
        (outcome,) = report.outcomes
        assert "the issuer of 'ox-bot-token' has no secret" in outcome.detail
        assert in_use(world) == {"minted-1"}

    async def test_the_credential_in_use_is_never_revoked_whatever_the_plan_says(
        self, world: World
    ) -> None:
        """An operation that names the recorded credential as the replaced one."""
        prepared(world)
        await done(world)
        state = state_of(version=2, overlap=HOUR)
        await applied(world, state)
        found = operation(world)
        assert found is not None
        wrong = replace(found, facts={**found.facts, REVOKES: "t2"})
        lease = world.registry.acquire("x", "test", HOUR, world.clock.at)
        world.registry.commit(change_of(world, wrong), lease)
        world.registry.release(lease)
        world.clock.at += HOUR
        await applied(world, state)
        assert "t2" in desk_of(world).issued

    async def test_the_life_that_was_granted_counts(self, world: World) -> None:
        prepared(world, life=timedelta(days=90))
        await done(world)
        assert record(world).expires_at == NOW + timedelta(days=90)
        await ensure_one(world)

    async def test_a_life_shorter_than_the_notice_is_not_replaced_at_every_run(
        self, world: World
    ) -> None:
        prepared(world, life=timedelta(days=20))
        await done(world)
        await ensure_one(world)
        world.clock.at += timedelta(days=14)
        await done(world)

    async def test_a_declared_end_is_of_the_credential_before(self, world: World) -> None:
        prepared(world)
        await done(world)
        state = state_of(expires_at=NOW + timedelta(days=10))
        await done(world, state)
        assert await ensure_one(world, state) == "t2"


class TestMeanwhile:
    """What else changes while a rotation is under way."""

    async def test_a_rename_of_the_connection(self, world: World) -> None:
        prepared(world)
        await done(world)
        await applied(world, state_of(version=2, overlap=HOUR))
        renamed = {"address": an_address("ox-new"), "previously": (an_address(),)}
        state = state_of(renamed, version=2, overlap=HOUR)
        await applied(world, state)
        world.clock.at += HOUR
        await applied(world, state)
        plan = await planned(world, state)
        assert (plan.actions, plan.waiting) == ((), ())
        assert list(desk_of(world).issued) == ["t2"]
        assert world.secrets.values.get(SECRET_REF) == "minted-2"
        snapshot = world.registry.snapshot()
        assert (list(snapshot.records), list(snapshot.operations)) == ([an_address("ox-new")], [])

    async def test_a_rename_together_with_the_rotation(self, world: World) -> None:
        prepared(world)
        await done(world)
        renamed = {"address": an_address("ox-new"), "previously": (an_address(),)}
        state = state_of(renamed, version=2)
        await done(world, state)
        plan = await planned(world, state)
        assert plan.actions == ()
        assert list(desk_of(world).issued) == ["t2"]
        assert list(world.registry.snapshot().records) == [an_address("ox-new")]

    async def test_another_tenant_is_moved_to_after_the_rotation_was_finished(
        self, world: World
    ) -> None:
        prepared(world)
        await done(world)
        world.calls.faults["disconnect ox-prod-1"] = refused(Fault.OUTAGE, "503")
        await failed(world, state_of(version=2))
        eu = a_consumer(name="ox-eu", endpoint="https://eu.ox.security/")
        state = state_of({"consumer": eu}, version=2)
        state = replace(state, consumers={**state.consumers, "ox-prod": a_consumer()})
        await done(world, state)
        assert record(world).consumer == "ox-prod"
        await done(world, state)
        assert record(world).consumer == "ox-eu"
        assert world.tenant().live == {}
        assert list(world.tenant("ox-eu").live) == ["ox-eu-1"]
        assert list(desk_of(world).issued) == [record(world).token_id]

    async def test_another_user_is_not_taken_for_recorded_with_the_end_of_the_old_one(
        self, world: World
    ) -> None:
        await hand_rotated(world)
        del world.credentials["ATATT-one"]
        ada = by_person(username="ada@acme.example")
        await done(world, ada)
        assert record(world).username == "ox-bot@acme.example"
        plan = await planned(world, ada)
        assert [a.kind for a in plan.actions] == [ActionKind.RECONNECT]

    async def test_a_connection_that_vanishes_in_the_overlap_keeps_the_end_in_mind(
        self, world: World
    ) -> None:
        """It is made anew with a credential that lies ready; the replaced one is still revoked."""
        prepared(world)
        await done(world)
        world.calls.faults["check ox-prod-2"] = refused(Fault.REJECTED)
        state = state_of(version=2, overlap=HOUR)
        await failed(world, state)
        world.tenant().live.clear()
        await applied(world, state)
        found = operation(world)
        assert found is not None
        assert (found.step, found.facts[REVOKES]) == ("drain", "t1")
        world.clock.at += HOUR
        await done(world, state)
        assert await ensure_one(world, state) == "t2"

    async def test_scopes_are_as_declared_once_a_person_entered_the_new_one(
        self, world: World
    ) -> None:
        """A provider that tells no scopes: only the record can say that they were reached."""
        consumer = {"consumer": a_consumer(profile=replace(a_profile(), name="nx", adapter=""))}
        world.secrets.values[READER_REF] = "reader-token"
        world.put("ATATT-one", scopes=None)
        state = by_person(consumer)
        await applied(world, state)
        pipeline.acknowledge(state, world.ports, "ox-acme", "enter")
        await done(world, state)
        narrow = by_person(consumer, scopes=(READ,))
        await applied(world, narrow)
        world.put("ATATT-two", beside=True, scopes=None)
        await applied(world, narrow)
        pipeline.acknowledge(narrow, world.ports, "ox-acme", "enter")
        await applied(world, narrow)
        assert record(world).scopes == (READ,)

    async def test_a_token_undone_by_hand_is_revoked_and_taken_away_by_hand(
        self, world: World
    ) -> None:
        """Nothing is left begun once a person has done both."""
        await hand_rotated(world)
        state = by_person()
        report = await applied(world, state, ABORT)
        assert [o.waits.id for o in report.outcomes if o.waits] == ["revoke-unused"]
        assert in_use(world) == {"ATATT-one"}
        del world.credentials["ATATT-two"]
        await done(world, state)
        assert operation(world) is None
        assert world.secrets.values.get(SECRET_REF) == "ATATT-one"
        assert NEXT_REF not in world.secrets.values
        plan = await planned(world, state)
        assert (plan.actions, plan.waiting) == ((), ())


def by_person(connection: dict[str, Any] | None = None, **method: Any) -> DesiredState:
    """The same without an issuer: a person makes the credentials."""
    return state_of(connection, issuer=None, **method)


async def hand_rotated(world: World) -> None:
    """Switched to a token that a person made, whose predecessor still works."""
    world.secrets.values[READER_REF] = "reader-token"
    world.put("ATATT-one")
    state = by_person()
    await done(world, state)
    world.put("ATATT-two", beside=True)
    await applied(world, state)


class TestAbort:
    async def test_before_the_switch_the_old_one_stays_and_nothing_is_left(
        self, world: World
    ) -> None:
        await connect_and_publish(world)
        await done(world, state_of(), ABORT)
        assert await ensure_one(world) == "t1"
        assert writes(world)[-1] == "revoke t2"

    async def test_after_it_the_consumer_goes_back(self, world: World) -> None:
        prepared(world)
        state = state_of(overlap=HOUR)
        await done(world, state)
        await applied(world, state, BY_NAME)
        await done(world, state, ABORT)
        assert await ensure_one(world, state) == "t1"
        assert record(world).generation == 3

    async def test_a_rotation_that_was_undone_can_be_begun_again(self, world: World) -> None:
        prepared(world)
        state = state_of(overlap=HOUR)
        await done(world, state)
        await applied(world, state, BY_NAME)
        await done(world, state, ABORT)
        await done(world, state, NOW_AT_ONCE)
        assert await ensure_one(world, state) == "t3"

    async def test_where_the_old_one_ended_already_it_can_only_go_on(self, world: World) -> None:
        prepared(world)
        state = state_of(overlap=HOUR)
        await done(world, state)
        await applied(world, state, BY_NAME)
        del world.credentials["minted-1"]
        plan = await planned(world, state, ABORT)
        assert plan.actions == ()
        assert [w.code.value for w in plan.withheld] == ["withheld_cannot_abort"]


async def connect_and_publish(world: World) -> None:
    """Made and kept, and refused by the consumer."""
    prepared(world)
    await done(world)
    world.calls.faults["check ox-prod-2"] = refused(Fault.REJECTED)
    await failed(world, state_of(), BY_NAME)
    found = operation(world)
    assert found is not None
    assert (found.facts[MINTED], MINTED_AS in found.facts) == ("t2", True)


def change_of(world: World, found: Operation) -> Change:
    snapshot = world.registry.snapshot()
    (entry, *_) = world.registry.history(an_address())
    return Change(an_address(), snapshot.records[an_address()].serial, entry, operation=found)


@dataclass
class Stubborn(MemorySecrets):
    """Refuses to be written."""

    refuses: bool = False

    def write(self, ref: SecretRef, secret: Secret) -> None:
        if self.refuses:
            raise SecretError("the disk is full", hint="make room")
        super().write(ref, secret)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Fuse:
    """Kills the run at its *left*-th step outside; None never."""

    left: int | None = None
    burnt: bool = False

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.burnt = True
            raise Killed


@dataclass
class MortalCalls(Calls):
    fuse: Fuse = field(default_factory=Fuse)

    def note(self, call: str) -> None:
        super().note(call)
        if not call.startswith("close"):
            self.fuse.burn()


@dataclass
class MortalSecrets(MemorySecrets):
    """A process may die before and after every write."""

    fuse: Fuse = field(default_factory=Fuse)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        self.fuse.burn()
        super().write(ref, secret)
        self.fuse.burn()

    def remove(self, ref: SecretRef) -> None:
        self.fuse.burn()
        super().remove(ref)
        self.fuse.burn()


class MortalRegistry:
    """Likewise before and after every commit."""

    def __init__(self, registry: RegistryStore, fuse: Fuse) -> None:
        self._registry = registry
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def commit(self, change: Change, lease: Lease) -> int:
        self._fuse.burn()
        serial = self._registry.commit(change, lease)
        self._fuse.burn()
        return serial


async def killed(world: World, fuse: Fuse, story: Story, at: int) -> bool:
    """Begin the story and die at step *at*; False when it ended before that."""
    fuse.left, fuse.burnt = at, False
    try:
        await applied(world, story.state, story.rotate)
    except* Killed:
        pass
    fuse.left = None
    return fuse.burnt


@dataclass(frozen=True)
class Story:
    """What a run is at when it is killed. ``before`` brings the world there.

    ``loses`` says that nothing works while it lasts. ``state`` is what is declared.
    """

    before: Callable[[World], Any]
    state: DesiredState
    rotate: RotateRequest | None = None
    loses: bool = False


async def connected(world: World) -> None:
    await done(world, state_of(overlap=HOUR))


async def connected_and_dead(world: World) -> None:
    await connected(world)
    desk_of(world).issued.clear()
    world.credentials.clear()


async def connected_and_gone(world: World) -> None:
    await connected(world)
    world.tenant().live.clear()


async def draining(world: World) -> None:
    await connected(world)
    await applied(world, state_of(version=2, overlap=HOUR))


async def drained(world: World) -> None:
    await draining(world)
    world.clock.at += HOUR


async def published(world: World) -> None:
    """Made and kept, and refused by the consumer."""
    await connected(world)
    world.calls.faults["check ox-prod-2"] = refused(Fault.REJECTED)
    await failed(world, state_of(overlap=HOUR), BY_NAME)


async def without_rescoping(world: World) -> None:
    world.abilities = NO_RESCOPE
    await connected(world)


async def gone_without_rescoping(world: World) -> None:
    await without_rescoping(world)
    world.tenant().live.clear()


async def nothing(world: World) -> None:
    del world


STORIES = {
    "the first credential": Story(nothing, state_of(), loses=True),
    "a rotation at once": Story(connected, state_of(version=2)),
    "a rotation with an overlap": Story(connected, state_of(version=2, overlap=HOUR)),
    "an overlap that is over": Story(drained, state_of(version=2, overlap=HOUR)),
    "one asked for by name": Story(connected, state_of(overlap=HOUR), BY_NAME),
    "a leak": Story(connected, state_of(overlap=HOUR), NOW_AT_ONCE),
    "a dead one": Story(connected_and_dead, state_of(overlap=HOUR), loses=True),
    "gone at the consumer": Story(connected_and_gone, state_of(version=2), loses=True),
    "gone, and of other scopes": Story(
        gone_without_rescoping, state_of(scopes=(*SCOPES, "read:account")), loses=True
    ),
    "other scopes in place": Story(connected, state_of(scopes=(READ,))),
    "other scopes by rotation": Story(without_rescoping, state_of(scopes=(READ,))),
    "taken up again": Story(published, state_of(overlap=HOUR)),
    "given up": Story(published, state_of(overlap=HOUR), ABORT),
    "switched back": Story(draining, state_of(version=2, overlap=HOUR), ABORT),
}


WHERE_IDS_MATTER = ("a rotation with an overlap", "taken up again", "given up", "switched back")
"""Told again with a provider that says which credential it was shown."""


async def converged(world: World, state: DesiredState) -> None:
    """Ordinary runs, and an hour of time between them, are all that it takes."""
    for _ in range(4):
        report = await applied(world, state)
        assert not report.failed, report.outcomes
        world.clock.at += HOUR


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tells"),
    [*((name, False) for name in STORIES), *((name, True) for name in WHERE_IDS_MATTER)],
    ids=[*STORIES, *(f"{name}, ids told" for name in WHERE_IDS_MATTER)],
)
async def test_killed_at_any_step_the_next_runs_leave_one_credential_and_nothing_else(
    name: str, tells: bool, tmp_path: Path, naps: list[float]
) -> None:
    story, at, was_killed = STORIES[name], 0, True
    while was_killed:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        for world, fuse in mortal(folder, tells=tells):
            await story.before(world)
            was_killed = await killed(world, fuse, story, at)
            assert story.loses or in_use(world), (name, at)
            await converged(world, story.state)
            await ensure_one(world, story.state)
    assert at > 5


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(STORIES)), min_size=1, max_size=3),
    kills=st.lists(st.integers(1, 32), min_size=1, max_size=4),
    waits=st.lists(st.booleans(), min_size=4, max_size=4),
    tells=st.booleans(),
)
def test_killed_again_and_again_it_comes_to_the_same_end(
    names: list[str], kills: list[int], waits: list[bool], tells: bool
) -> None:
    """One thing is asked for after another, and every run dies somewhere, until they are let be."""

    async def live_through(world: World, fuse: Fuse) -> None:
        stories = [STORIES[name] for name in names]
        await stories[0].before(world)
        for turn, at in enumerate(kills):
            story = stories[min(turn, len(stories) - 1)]
            await killed(world, fuse, story, at)
            world.clock.at += HOUR if waits[turn] else timedelta(minutes=1)
        await converged(world, stories[-1].state)
        await ensure_one(world, stories[-1].state)

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        sleepless(patch)
        for world, fuse in mortal(Path(folder), tells=tells):
            asyncio.run(live_through(world, fuse))


def mortal(folder: Path, *, tells: bool) -> Iterator[tuple[World, Fuse]]:
    fuse = Fuse()
    for world in a_world(folder):
        prepared(world, tells=tells)
        registry = world.registry
        world.calls = MortalCalls(fuse=fuse)
        world.secrets = MortalSecrets(world.secrets.values, fuse=fuse)
        world.registry = MortalRegistry(registry, fuse)
        yield world, fuse
        world.registry = registry
