"""Plans carried out on a real registry against a world in memory: order, undo, and the record."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.errors import Fault, RegistryError, SourceMark
from reconciler.model.action import Plan
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredConnection, DesiredState
from reconciler.model.method import ActionKind, MethodKind, NewRepositories
from reconciler.model.observed import CredentialReport, Repository, Verdict
from reconciler.model.outcome import ApplyReport, Outcome, OutcomeState
from reconciler.model.record import Operation, OperationState, Phase, Record
from reconciler.model.secret import Fingerprinter, Secret, SecretRef
from tests.builders import (
    NOW,
    a_connection,
    a_consumer,
    a_method,
    a_profile,
    a_state,
    an_account,
    an_address,
)
from tests.doubles import World, refused
from tests.seen import (
    NEXT_REF,
    REPOSITORIES,
    SECRET_REF,
    a_listing,
    a_live,
    a_resource,
    some,
    term,
)

ALL_MANAGED = frozenset(
    {ActionKind.CONNECT, ActionKind.RESCOPE, ActionKind.ROTATE, ActionKind.DISCONNECT}
)
BROWSER = a_connection(
    method=a_method(kind=MethodKind.OAUTH_APP, username="", secret=None, successor=None, scopes=()),
    account=an_account(reader=a_method(name="", secret=SECRET_REF, successor=None, scopes=())),
    manage=ALL_MANAGED,
)
THREE = {**REPOSITORIES, "{c3}": Repository("shop", "PAY")}


def state_of(*connections: DesiredConnection, **parts: Any) -> DesiredState:
    chosen = connections or (a_connection(manage=ALL_MANAGED, **parts),)
    made = a_state(*chosen)
    return replace(made, settings=replace(made.settings, concurrency=1))


async def applied(world: World, state: DesiredState | None = None, **more: Any) -> ApplyReport:
    report = await pipeline.apply(
        state or state_of(),
        world.ports,
        approve=lambda _: True,
        on_event=lambda *_: None,
        **more,
    )
    assert report is not None
    return report


async def done(world: World, state: DesiredState | None = None) -> ApplyReport:
    report = await applied(world, state)
    assert [o.state for o in report.outcomes] == [OutcomeState.DONE] * len(report.outcomes), report
    return report


async def planned(world: World, state: DesiredState | None = None) -> Plan:
    return await pipeline.plan(state or state_of(), world.ports)


async def failed(world: World, state: DesiredState | None = None) -> Outcome:
    (outcome,) = (await applied(world, state)).outcomes
    assert outcome.state is OutcomeState.FAILED
    return outcome


async def settled(world: World, state: DesiredState | None = None) -> Plan:
    """Nothing is left to do."""
    plan = await planned(world, state)
    assert (plan.actions, plan.withheld) == ((), ())
    return plan


def record(world: World, name: str = "ox-acme") -> Record:
    return world.registry.snapshot().records[ConnectionAddress(name)]


def operation(world: World) -> Operation | None:
    return world.registry.snapshot().operations.get(an_address())


def writes(world: World) -> list[str]:
    """Calls of the apply alone: what was only looked at before it is left out."""
    made = [c for c in world.calls.take() if not c.startswith(("close", "list"))]
    while made and made[0] in ("observe", "verify"):
        made.pop(0)
    return made


def summaries(world: World) -> list[str]:
    return [entry.summary for entry in world.registry.history(an_address())]


class TestConnect:
    async def test_it_is_checked_added_tried_filled_and_recorded(self, world: World) -> None:
        report = await done(world)
        assert writes(world) == [
            "verify and reach",
            "connect",
            "check ox-prod-1",
            "select ox-prod-1",
        ]
        assert world.tenant().selected("ox-prod-1") == {"pay-api", "web"}
        assert (report.serial_before, report.serial_after) == (0, 1)
        assert not report.failed
        await settled(world)

    async def test_the_record_holds_what_was_applied(self, world: World) -> None:
        await done(world)
        found = record(world)
        assert found.live_id == "ox-prod-1"
        assert found.fingerprint == fingerprint_under(world, "ATATT-one")
        assert (found.generation, found.retired) == (1, ())
        assert (found.identity, found.scopes) == ("557058:ox-bot", a_method().scopes)
        assert (found.credential_since, found.expires_at) == (NOW, NOW + timedelta(days=365))
        assert (found.epoch, found.listed_at, found.follows_new) == (1, 1, True)
        assert found.manage == ALL_MANAGED
        assert set(found.selection) == set(REPOSITORIES)
        assert operation(world) is None
        assert summaries(world) == ["connected"]

    async def test_the_name_at_the_consumer_carries_our_marker(self, world: World) -> None:
        await done(world)
        lineage = world.registry.snapshot().lineage.replace("-", "")[:8]
        assert world.tenant().live["ox-prod-1"].name == f"ox-acme [reconciler {lineage}-1]"

    async def test_every_step_is_journalled_before_and_after(self, world: World) -> None:
        ids: list[str] = []
        world.calls.before["select ox-prod-1"] = lambda: ids.append("x")
        await done(world)
        entries = journal(world)
        steps = ["check-credential", "add-credential", "check-connection", "select", "remember"]
        assert [(e.step, e.phase) for e in entries] == [
            (step, phase) for step in steps for phase in (Phase.INTENT, Phase.DONE)
        ]

    async def test_a_lost_answer_is_looked_for_under_its_marker(self, world: World) -> None:
        world.tenant().lose_answer = True
        await done(world)
        assert list(world.tenant().live) == ["ox-prod-1"]
        await settled(world)

    async def test_an_answer_lost_with_nothing_made_is_a_failure(self, world: World) -> None:
        world.calls.faults["connect"] = refused(Fault.AMBIGUOUS, "the answer was lost")
        assert (await failed(world)).detail == "the answer was lost"
        assert world.tenant().live == {}

    @pytest.mark.parametrize("broken", ["check ox-prod-1", "select ox-prod-1"])
    async def test_what_cannot_be_brought_into_service_is_taken_back(
        self, world: World, broken: str
    ) -> None:
        world.calls.faults[broken] = refused(Fault.REJECTED, "no such repository")
        outcome = await failed(world)
        assert (outcome.detail, outcome.hint) == ("no such repository", "mend it")
        assert world.tenant().live == {}
        assert world.registry.snapshot().records == {}
        await done(world)
        await settled(world)

    async def test_what_cannot_be_taken_back_is_cleared_away_by_the_next_run(
        self, world: World
    ) -> None:
        world.calls.faults = {
            "check ox-prod-1": refused(Fault.REJECTED),
            "disconnect ox-prod-1": refused(Fault.OUTAGE, "503"),
        }
        await failed(world)
        assert list(world.tenant().live) == ["ox-prod-1"]
        assert [(e.step, e.phase) for e in journal(world)][-2:] == [
            ("undo", Phase.INTENT),
            ("undo", Phase.FAILED),
        ]
        await done(world)
        assert list(world.tenant().live) == ["ox-prod-2"]
        assert record(world).generation == 2
        await settled(world)

    async def test_a_connection_that_the_consumer_cannot_use_is_a_failure(
        self, world: World
    ) -> None:
        world.tenant().works = lambda _: False
        outcome = await failed(world)
        assert outcome.detail == "the consumer cannot connect: it says 401"
        assert outcome.steps_done == ("check-credential", "add-credential")

    @pytest.mark.parametrize(
        ("report", "says"),
        [
            ({"verdict": Verdict.BLOCKED, "cause": "allowlist"}, "does not work: allowlist"),
            ({"reaches": False}, "cannot read 'acme'"),
            ({"scopes": frozenset()}, "lacks read:repository:bitbucket"),
        ],
        ids=["blocked", "reach", "scopes"],
    )
    async def test_a_credential_that_turned_unfit_since_the_plan_is_not_given_away(
        self, world: World, report: dict[str, Any], says: str
    ) -> None:
        world.calls.before["verify and reach"] = lambda: world.put("ATATT-one", **report)
        assert says in (await failed(world)).detail
        assert world.tenant().live == {}

    async def test_without_a_secret_it_waits_for_a_person_once(self, world: World) -> None:
        world.secrets.values.clear()
        state = with_reader(world, state_of())
        report = await applied(world, state)
        assert [o.state for o in report.outcomes] == [OutcomeState.WAITING]
        assert report.outcomes[0].waits is not None
        since = world.clock.at
        found = operation(world)
        assert found is not None
        assert (found.state, found.step, found.since) == (OperationState.WAITING, "mint", since)
        plan = await settled(world, state)
        assert [w.since for w in plan.waiting] == [since]
        serial = world.registry.snapshot().serial
        assert (await applied(world, state)).outcomes == ()
        assert world.registry.snapshot().serial == serial
        world.put("ATATT-one")
        await done(world, state)
        assert operation(world) is None
        await settled(world, state)

    async def test_an_incomplete_listing_is_not_remembered_as_whole(self, world: World) -> None:
        world.listing = a_listing(gap="page 2 was lost")
        await done(world)
        assert record(world).listed_at == 0
        assert world.registry.repository_count(a_connection().account.reach) is None
        world.listing = a_listing()
        await settled(world)


def with_reader(world: World, state: DesiredState) -> DesiredState:
    """The account is read with a token of its own."""
    ref = SecretRef("file", ("/project/secrets/reader",))
    world.secrets.values[ref] = "reader-token"
    account = an_account(reader=a_method(name="", secret=ref, successor=None, scopes=()))
    made = {a: replace(c, account=account) for a, c in state.connections.items()}
    return replace(state, connections=made, accounts={account.name: account})


def fingerprint_under(world: World, value: str) -> str:
    return Fingerprinter(world.registry.snapshot().key).of(Secret(value))


def journal(world: World) -> tuple[Any, ...]:
    path = world.registry.path  # type: ignore[attr-defined]  # the SQLite registry's own
    with sqlite3.connect(path) as connection:
        rows = connection.execute("select distinct operation from journal order by seq").fetchall()
    connection.close()
    return world.registry.journal_of(rows[-1][0])


class TestRescope:
    async def test_a_new_repository_is_selected_and_recorded(self, world: World) -> None:
        await done(world)
        world.listing = a_listing(THREE)
        world.tenant().resources = THREE
        live = world.tenant().live["ox-prod-1"]
        assert live.selection is not None
        more = (*live.selection.resources, a_resource("{c3}", "shop", selected=False))
        world.tenant().live["ox-prod-1"] = replace(
            live, selection=replace(live.selection, resources=more)
        )
        before = record(world)
        writes(world)
        await done(world)
        assert writes(world) == ["select ox-prod-1"]
        after = record(world)
        assert set(after.selection) == set(THREE)
        assert (after.epoch, after.listed_at) == (before.epoch, 2)
        assert (after.fingerprint, after.credential_since) == (
            before.fingerprint,
            before.credential_since,
        )
        await settled(world)

    async def test_an_edited_selection_begins_a_new_epoch(self, world: World) -> None:
        await done(world)
        state = state_of(selection=some(term(name="pay-*")))
        await done(world, state)
        found = record(world)
        assert (set(found.selection), found.epoch, found.follows_new) == ({"{a1}"}, 2, False)
        assert world.tenant().selected("ox-prod-1") == {"pay-api"}
        await settled(world, state)

    async def test_what_was_there_at_the_epoch_stays_and_what_came_later_is_ignored(
        self, world: World
    ) -> None:
        selection = some(term(name="*"), new_repositories=NewRepositories.IGNORE)
        state = state_of(selection=selection)
        await done(world, state)
        world.listing = a_listing(THREE)
        await settled(world, state)
        other = state_of(
            a_connection(manage=ALL_MANAGED, selection=selection),
            a_connection(address=an_address("ox-two"), selection=some(term(name="web"))),
        )
        await done(world, other)
        assert record(world, "ox-two").listed_at == 2
        await settled(world, other)

    async def test_a_rename_only_teaches_the_registry(self, world: World) -> None:
        await done(world)
        world.listing = a_listing({**REPOSITORIES, "{b2}": Repository("site", "WEB")})
        writes(world)
        await done(world)
        assert writes(world) == []
        assert record(world).selection["{b2}"] == ("site", "web", False)
        await settled(world)

    async def test_a_renamed_connection_moves_its_record(self, world: World) -> None:
        await done(world)
        state = state_of(
            a_connection(
                address=an_address("ox-new"), previously=(an_address(),), manage=ALL_MANAGED
            )
        )
        await done(world, state)
        assert list(world.registry.snapshot().records) == [an_address("ox-new")]
        await settled(world, state)

    async def test_settings_are_remembered_while_the_selection_is_blocked(
        self, world: World
    ) -> None:
        await done(world)
        nope = some(term(name="nope"))
        await done(world, state_of(protect=True, selection=nope, where=SourceMark("b.yaml", 9)))
        found = record(world)
        assert (found.protect, found.source) == (True, SourceMark("b.yaml", 9))
        assert set(found.selection) == set(REPOSITORIES)
        assert found.selection_digest == "sha256:5e1ec7ed"


class TestRotate:
    async def test_new_before_old_and_the_old_one_waits_for_its_end(self, world: World) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        writes(world)
        report = await applied(world)
        assert writes(world) == [
            "verify and reach",
            "connect",
            "check ox-prod-2",
            "select ox-prod-2",
            "disconnect ox-prod-1",
        ]
        assert [o.waits.id for o in report.outcomes if o.waits] == ["revoke-old"]
        found = record(world)
        assert found.fingerprint == fingerprint_under(world, "ATATT-two")
        assert found.retired == (fingerprint_under(world, "ATATT-one"),)
        assert (found.generation, found.live_id) == (2, "ox-prod-2")
        assert world.tenant().selected("ox-prod-2") == {"pay-api", "web"}
        await settled(world)

    async def test_when_the_old_one_is_dead_the_new_one_takes_its_place(self, world: World) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        await applied(world)
        del world.credentials["ATATT-one"]
        await done(world)
        assert world.secrets.values == {SECRET_REF: "ATATT-two"}
        assert operation(world) is None
        plan = await settled(world)
        assert plan.waiting == ()

    async def test_an_old_one_that_still_works_is_never_written_over(self, world: World) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        await applied(world)
        pipeline.acknowledge(state_of(), world.ports, "ox-acme", "revoke-old")
        outcome = await failed(world)
        assert "still works" in outcome.detail
        assert world.secrets.values == {SECRET_REF: "ATATT-one", NEXT_REF: "ATATT-two"}
        world.credentials["ATATT-one"] = CredentialReport(Verdict.UNKNOWN, cause="503")
        assert "could not be checked" in (await failed(world)).detail

    async def test_a_store_that_does_not_keep_what_it_was_given_loses_nothing(
        self, world: World
    ) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        del world.credentials["ATATT-one"]
        world.secrets.forgetful = True
        assert "does not give back" in (await failed(world)).detail
        assert world.secrets.values[NEXT_REF] == "ATATT-two"
        world.secrets.forgetful = False
        await done(world)
        await settled(world)

    async def test_a_secret_overwritten_in_its_place_is_asked_about_at_the_consumer(
        self, world: World
    ) -> None:
        await done(world)
        world.tenant().works = lambda live: live.id != "ox-prod-1"
        world.put("ATATT-two")
        await done(world)
        assert record(world).retired == (fingerprint_under(world, "ATATT-one"),)
        assert operation(world) is None
        await settled(world)

    async def test_a_failed_switch_leaves_the_old_one_in_service(self, world: World) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        world.calls.faults["check ox-prod-2"] = refused(Fault.REJECTED)
        await failed(world)
        assert list(world.tenant().live) == ["ox-prod-1"]
        assert record(world).live_id == "ox-prod-1"

    async def test_what_was_not_cleared_away_is_finished_by_the_next_run(
        self, world: World
    ) -> None:
        await done(world)
        world.put("ATATT-two", beside=True)
        world.calls.faults["disconnect ox-prod-1"] = refused(Fault.OUTAGE, "503")
        await failed(world)
        assert set(world.tenant().live) == {"ox-prod-1", "ox-prod-2"}
        found = operation(world)
        assert found is not None
        assert (found.state, found.facts["removes"]) == (OperationState.RUNNING, "ox-prod-1")
        await applied(world)
        assert list(world.tenant().live) == ["ox-prod-2"]
        await settled(world)

    async def test_a_successor_that_disappeared_is_not_replaced_by_the_old_one(
        self, world: World
    ) -> None:
        """`ack mint` without a new secret must not connect the same credential again."""
        await done(world)
        world.clock.at += timedelta(days=340)
        assert [o.state for o in (await applied(world)).outcomes] == [OutcomeState.WAITING]
        pipeline.acknowledge(state_of(), world.ports, "ox-acme", None)
        assert "there is no credential to use" in (await failed(world)).detail
        assert list(world.tenant().live) == ["ox-prod-1"]

    async def test_scopes_stay_as_recorded_until_they_are_reached(self, world: World) -> None:
        await done(world)
        narrow = a_method(scopes=("read:repository:bitbucket",))
        state = state_of(method=narrow, protect=True)
        await applied(world, state)
        await done(world, state)
        found = record(world)
        assert (found.protect, found.scopes) == (True, a_method().scopes)
        await settled(world, state)
        world.put("ATATT-two", beside=True, scopes=frozenset(narrow.scopes))
        await applied(world, state)
        assert record(world).scopes == narrow.scopes
        await settled(world, state)

    async def test_the_declared_end_of_the_old_one_is_not_taken_for_the_new_ones(
        self, world: World
    ) -> None:
        await done(world)
        end = NOW + timedelta(days=10)
        state = state_of(method=a_method(expires_at=end))
        await applied(world, state)
        await applied(world, state)
        assert record(world).expires_at == end
        world.put("ATATT-two", beside=True)
        await applied(world, state)
        found = record(world)
        assert (found.stale_expiry, found.expires_at) == (end, NOW + timedelta(days=365))
        await settled(world, state)
        later = NOW + timedelta(days=200)
        state = state_of(method=a_method(expires_at=later))
        await done(world, state)
        assert record(world).expires_at == later
        await settled(world, state)

    async def test_only_so_many_retired_fingerprints_are_kept(self, world: World) -> None:
        await done(world)
        for number in range(7):
            world.credentials.clear()
            world.put(f"ATATT-{number}")
            await applied(world)
            if operation(world) is not None:
                pipeline.acknowledge(state_of(), world.ports, "ox-acme", "revoke-old")
                await applied(world)
        found = record(world)
        assert len(found.retired) == 5
        assert found.retired[0] == fingerprint_under(world, "ATATT-5")
        assert found.generation == 8


class TestReconnect:
    async def test_another_tenant_is_served_before_the_old_one_is_left(self, world: World) -> None:
        await done(world)
        eu = a_consumer(name="ox-eu", endpoint="https://eu.ox.security/")
        state = state_of(consumer=eu)
        state = replace(state, consumers={**state.consumers, "ox-prod": a_consumer()})
        await done(world, state)
        assert world.tenant().live == {}
        assert list(world.tenant("ox-eu").live) == ["ox-eu-1"]
        assert record(world).consumer == "ox-eu"
        await settled(world, state)

    async def test_an_interrupted_move_is_finished_at_the_old_tenant(self, world: World) -> None:
        await done(world)
        eu = a_consumer(name="ox-eu", endpoint="https://eu.ox.security/")
        state = state_of(consumer=eu)
        state = replace(state, consumers={**state.consumers, "ox-prod": a_consumer()})
        world.calls.faults["disconnect ox-prod-1"] = refused(Fault.OUTAGE, "503")
        await failed(world, state)
        await done(world, state)
        assert world.tenant().live == {}
        await settled(world, state)

    async def test_another_account_begins_its_own_epoch(self, world: World) -> None:
        await done(world)
        world.listing = a_listing({"{x9}": Repository("other")})
        world.tenant().resources = {"{x9}": Repository("other")}
        state = state_of(account=an_account(workspace="globex"))
        await done(world, state)
        found = record(world)
        assert set(found.selection) == {"{x9}"}
        assert (found.epoch, found.serial) == (2, 3)
        assert list(world.tenant().live) == ["ox-prod-2"]
        await settled(world, state)

    async def test_a_grant_in_the_browser_replaces_a_token_only_once_it_is_there(
        self, world: World
    ) -> None:
        await done(world)
        state = with_reader(world, state_of(BROWSER))
        await applied(world, state)
        pipeline.acknowledge(state, world.ports, "ox-acme", "grant")
        assert "no live connection" in (await failed(world, state)).detail
        assert list(world.tenant().live) == ["ox-prod-1"]
        world.tenant().live["g1"] = a_live(
            id="g1", name="ox-acme", kind=MethodKind.OAUTH_APP, username=""
        )
        await applied(world, state)
        assert world.registry.snapshot().operations[an_address()].step == "revoke-former"
        pipeline.acknowledge(state, world.ports, "ox-acme", "revoke-former")
        await done(world, state)
        assert list(world.tenant().live) == ["g1"]
        found = record(world)
        assert (found.live_id, found.fingerprint) == ("g1", "")
        await settled(world, state)


class TestLeaving:
    async def test_an_undeclared_connection_is_removed_and_forgotten(self, world: World) -> None:
        await done(world)
        state = replace(state_of(), connections={})
        writes(world)
        await done(world, state)
        assert writes(world) == ["disconnect ox-prod-1"]
        assert world.registry.snapshot().records == {}
        assert summaries(world) == ["connected", "disconnected"]
        await settled(world, state)

    async def test_one_that_is_gone_already_is_only_forgotten(self, world: World) -> None:
        await done(world)
        world.tenant().live.clear()
        state = replace(state_of(), connections={})
        writes(world)
        await done(world, state)
        assert writes(world) == []
        assert world.registry.snapshot().records == {}

    async def test_a_leftover_of_nobody_is_removed_at_its_own_tenant(self, world: World) -> None:
        await done(world)
        lineage = world.registry.snapshot().lineage[:8]
        other = a_consumer(name="a-first", endpoint="https://first/")
        two = a_connection(address=an_address("ox-two"), consumer=other)
        state = state_of(a_connection(manage=ALL_MANAGED), two)
        await done(world, state)
        world.tenant().live["left"] = a_live(id="left", name=f"ox-left [reconciler {lineage}-1]")
        await done(world, state)
        assert "left" not in world.tenant().live
        await settled(world, state)

    async def test_a_consumer_without_an_api_is_left_by_a_person(self, world: World) -> None:
        by_hand = a_consumer(profile=replace(a_profile(), name="nx", adapter=""))
        state = state_of(consumer=by_hand)
        await applied(world, state)
        assert [w.step.id for w in (await settled(world, state)).waiting] == ["enter"]
        pipeline.acknowledge(state, world.ports, "ox-acme", "enter")
        await done(world, state)
        await settled(world, state)
        gone = replace(state, connections={})
        await applied(world, gone)
        assert [w.step.id for w in (await settled(world, gone)).waiting] == ["remove-by-hand"]
        pipeline.acknowledge(gone, world.ports, "ox-acme", None)
        await done(world, gone)
        assert world.registry.snapshot().records == {}


class TestAdopt:
    async def test_a_connection_made_by_hand_is_taken_into_the_registry(self, world: World) -> None:
        world.tenant().live["h1"] = a_live(id="h1", name="by hand")
        state = state_of(adopt="h1")
        writes(world)
        await done(world, state)
        assert "connect" not in world.calls.made
        found = record(world)
        assert (found.live_id, found.generation) == ("h1", 1)
        assert found.fingerprint == fingerprint_under(world, "ATATT-one")
        await settled(world, state)

    async def test_one_that_vanished_since_the_plan_is_not_made_up(self, world: World) -> None:
        world.tenant().live["h1"] = a_live(id="h1", name="by hand")
        world.calls.before["verify and reach"] = world.tenant().live.clear
        outcome = await failed(world, state_of(adopt="h1"))
        assert outcome.state is OutcomeState.FAILED
        assert world.registry.snapshot().records == {}


def two_more() -> DesiredState:
    return state_of(*(a_connection(address=an_address(n)) for n in ("a-one", "b-two", "c-three")))


class TestStopping:
    @pytest.mark.parametrize(
        ("fault", "states"),
        [
            (Fault.CREDENTIAL, ["failed", "skipped", "skipped"]),
            (Fault.BUDGET, ["failed", "skipped", "skipped"]),
            (Fault.REJECTED, ["failed", "done", "done"]),
            (Fault.OUTAGE, ["failed", "done", "done"]),
        ],
    )
    async def test_a_tenant_that_shuts_us_out_is_not_tried_again(
        self, world: World, fault: Fault, states: list[str]
    ) -> None:
        world.calls.faults["connect"] = refused(fault, "shut")
        report = await applied(world, two_more())
        assert [o.state.value for o in report.outcomes] == states
        assert report.failed
        skipped = [o.detail for o in report.outcomes if o.state is OutcomeState.SKIPPED]
        assert all(detail == "not begun: shut" for detail in skipped)

    async def test_a_failing_connection_does_not_stop_the_others(self, world: World) -> None:
        world.calls.faults["check ox-prod-1"] = refused(Fault.CREDENTIAL, "its token is bad")
        report = await applied(world, two_more())
        assert [o.state.value for o in report.outcomes] == ["failed", "done", "done"]

    async def test_a_registry_that_fails_fails_the_action_and_takes_back_the_connection(
        self, world: World
    ) -> None:
        def move() -> None:
            lease = world.registry.acquire("x", "other", timedelta(60), NOW)
            world.registry.release(lease)
            raise RegistryError("disk full", hint="make room")

        world.calls.before["select ox-prod-1"] = move
        assert (await failed(world)).detail == "disk full"
        assert world.tenant().live == {}
