"""Limits, freeze windows, and the plan as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.action import Action, Plan, Select, WithheldCode
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredState, Freeze, Limits
from reconciler.model.drift import RepositoryLabel, SelectionChange
from reconciler.model.method import ActionKind
from reconciler.model.observed import (
    Absent,
    CredentialView,
    ObservedState,
    Present,
    Unreadable,
    Verdict,
)
from reconciler.model.record import Selected
from reconciler.plan import build
from reconciler.plan.guards import frozen, refusals
from tests.builders import NOW, a_connection, a_reads, a_state, an_action, an_address
from tests.seen import (
    a_live,
    a_setting,
    a_slot,
    a_snapshot,
    a_successor,
    a_view,
    differences,
    live_selection,
    planned,
    recorded,
    some,
    term,
)


def losing(gone: int, staying: int, new: int = 0, orphans: int = 0) -> Action:
    target = {f"s{n}": Selected(f"s{n}", f"s{n}") for n in range(staying + new)}
    target |= {f"o{n}": Selected(f"o{n}", f"o{n}", orphaned=True) for n in range(orphans)}
    change = SelectionChange(
        target,
        follows_new=False,
        add=tuple(RepositoryLabel(f"s{n}", f"s{n}") for n in range(staying, staying + new)),
        remove=tuple(RepositoryLabel(f"g{n}", f"g{n}") for n in range(gone)),
    )
    return an_action(selection=change, steps=(Select(change),))


def ending(count: int) -> tuple[Action, ...]:
    return tuple(
        an_action(address=an_address(f"c{n}"), kind=ActionKind.DISCONNECT, selection=None)
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("action", "limits"),
    [
        (losing(0, 0), []),
        (losing(1, 1), []),
        (losing(25, 200), []),
        (losing(26, 200), ["removedRepositories"]),
        (losing(3, 7), []),
        (losing(4, 6), ["removedPercent"]),
        (losing(4, 5), []),
        (losing(1, 0), ["lastRepository"]),
        (losing(1, 0, new=1), []),
        (losing(1, 0, orphans=2), ["lastRepository"]),
        (losing(40, 0), ["removedRepositories", "removedPercent", "lastRepository"]),
    ],
    ids=[
        "nothing",
        "one-of-two",
        "count-reached",
        "count-broken",
        "percent-reached",
        "percent-broken",
        "too-few-for-percent",
        "last",
        "last-but-replaced",
        "orphans-do-not-count",
        "everything",
    ],
)
def test_a_connection_loses_only_so_many_repositories(action: Action, limits: list[str]) -> None:
    assert [r.limit for r in refusals((action,), Limits(), 1)] == limits


@pytest.mark.parametrize(
    ("count", "recorded_", "limits"),
    [
        (0, 0, []),
        (1, 1, []),
        (2, 2, ["lastConnection"]),
        (3, 9, []),
        (4, 9, ["disconnects"]),
        (3, 10, []),
        (4, 12, ["disconnects", "disconnectPercent"]),
        (10, 10, ["disconnects", "disconnectPercent", "lastConnection"]),
    ],
)
def test_a_run_ends_only_so_many_connections(count: int, recorded_: int, limits: list[str]) -> None:
    assert [r.limit for r in refusals(ending(count), Limits(), recorded_)] == limits


def test_what_an_interrupted_run_left_behind_is_no_connection_that_ends() -> None:
    leftovers = tuple(replace(a, source=None) for a in ending(9))
    assert refusals(leftovers, Limits(), 9) == ()


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_taking_more_away_never_pleases_a_limit(gone: int, staying: int, more: int) -> None:
    before = {r.limit for r in refusals((losing(gone, staying + more),), Limits(), 1)}
    after = {r.limit for r in refusals((losing(gone + more, staying),), Limits(), 1)}
    assert before <= after


@pytest.mark.parametrize(
    ("minutes", "is_frozen"), [(-1, False), (0, True), (59, True), (60, False)]
)
def test_inside_a_window_everything_is_withheld(minutes: int, is_frozen: bool) -> None:
    window = Freeze(NOW, NOW + timedelta(hours=1), "release week")
    actions = (an_action(), *ending(1))
    left, held = frozen(actions, (window,), NOW + timedelta(minutes=minutes))
    assert left == (() if is_frozen else actions)
    assert [w.code for w in held] == ([WithheldCode.FREEZE] * 2 if is_frozen else [])
    assert all("release week" in w.why for w in held)


def state_of(*names: str, **settings: Any) -> DesiredState:
    made = a_state(*(a_connection(address=an_address(n)) for n in names))
    return replace(made, settings=replace(made.settings, **settings))


def mixed(**setting: Any) -> Plan:
    """One connection of each kind of action."""
    state = state_of("a-rotate", "b-rescope", "c-new", "d-agrees", "e-moved", "f-gone")
    manage = frozenset({ActionKind.DISCONNECT})
    names = ["a-rotate", "b-rescope", "d-agrees", "e-old", "f-gone", "y-ends", "z-forgotten"]
    snapshot = a_snapshot(
        *(recorded(address=an_address(n), manage=a_connection().manage) for n in names[:5]),
        *(recorded(address=an_address(n), manage=manage) for n in names[5:]),
    )
    moved = a_connection(address=an_address("e-moved"), previously=(an_address("e-old"),))
    state = replace(state, connections={**state.connections, moved.address: moved})
    absent = a_view(live=Absent())
    views = {
        "connection.a-rotate": a_view(credential=CredentialView(a_slot(), a_successor())),
        "connection.b-rescope": a_view(live=Present(a_live(selection=live_selection("{a1}")))),
        "connection.c-new": absent,
        "connection.d-agrees": a_view(),
        "connection.e-moved": a_view(),
        "connection.f-gone": absent,
        "connection.y-ends": a_view(listing=Absent()),
        "connection.z-forgotten": a_view(listing=Absent(), live=Absent()),
    }
    observed = ObservedState(views, {"ox-prod": (a_live(id="x", name="by hand"),)}, (a_reads(),))
    found = differences(state, snapshot, views)
    return build(found, a_setting(state, snapshot, observed=observed, **setting))


def test_what_teaches_the_registry_goes_first_and_what_takes_away_last() -> None:
    assert [(a.kind.value, a.address.name) for a in mixed().actions] == [
        ("forget", "z-forgotten"),
        ("relink", "e-moved"),
        ("connect", "c-new"),
        ("connect", "f-gone"),
        ("rescope", "b-rescope"),
        ("rotate", "a-rotate"),
        ("disconnect", "y-ends"),
    ]


def test_the_rest_of_the_plan_is_told() -> None:
    plan = mixed()
    assert plan.unchanged == (an_address("d-agrees"),)
    assert plan.reads == (a_reads(),)
    assert [n.finding.code for n in plan.notes] == ["unmanaged"]
    assert "adopt: 'x'" in plan.notes[0].finding.hint
    assert plan.complete
    assert plan.applyable
    assert plan.command == "plan"


def test_rotate_shows_rotations_alone() -> None:
    plan = mixed(only_rotations=True)
    assert [a.kind for a in plan.actions] == [ActionKind.ROTATE]
    assert plan.withheld == ()
    assert plan.command == "rotate"


def test_a_plan_for_some_connections_leaves_the_others_alone() -> None:
    plan = mixed(only=frozenset({an_address("b-rescope")}))
    assert [a.address.name for a in plan.actions] == ["b-rescope"]
    assert plan.unchanged == ()


def test_a_frozen_plan_shows_what_it_withholds_and_applies_nothing() -> None:
    window = Freeze(NOW - timedelta(1), NOW + timedelta(1), "release week")
    state = state_of("ox-acme", freezes=(window,))
    found = differences(state, a_snapshot(), {"connection.ox-acme": a_view(live=Absent())})
    plan = build(found, a_setting(state, a_snapshot()))
    assert (plan.actions, plan.applyable) == ((), False)
    assert [(w.kind, w.code) for w in plan.withheld] == [(ActionKind.CONNECT, WithheldCode.FREEZE)]


def test_a_plan_over_a_limit_is_printed_and_not_applyable() -> None:
    plan = planned(
        a_connection(selection=some(term(name="x"), digest="sha256:5e1ec7ed")),
        view=a_view(live=Present(a_live(selection=live_selection("{a1}", "{b2}")))),
    )
    assert plan.refusals == ()
    state = state_of("ox-acme", limits=Limits(removed_repositories=0))
    desired = a_connection(selection=some(term(name="pay-*")))
    state = replace(state, connections={desired.address: desired})
    snapshot = a_snapshot(recorded(follows_new=False))
    live = Present(a_live(selection=live_selection("{a1}", "{b2}", follows_new=False)))
    found = differences(state, snapshot, {"connection.ox-acme": a_view(live=live)})
    plan = build(found, a_setting(state, snapshot))
    assert [r.limit for r in plan.refusals] == ["removedRepositories"]
    assert plan.actions
    assert not plan.applyable


def test_a_read_that_failed_for_many_is_one_error() -> None:
    state = state_of("one", "two")
    lost = Unreadable("acme: 503", "later")
    views = {f"connection.{n}": a_view(live=Absent(), listing=lost) for n in ("one", "two")}
    plan = build(differences(state, a_snapshot(), views), a_setting(state, a_snapshot()))
    assert [(n.address, n.finding.message) for n in plan.errors] == [(None, "acme: 503")]
    assert not plan.complete


def test_a_selection_that_cannot_be_meant_is_an_error_of_its_connection() -> None:
    plan = planned(a_connection(selection=some(term(name="nope"))))
    assert [(n.address, n.finding.code) for n in plan.errors] == [
        (an_address(), "repository-missing")
    ]


def test_findings_become_notes_of_their_connection() -> None:
    plan = planned(view=a_view(credential=CredentialView(a_slot(verdict=Verdict.UNKNOWN))))
    assert [(n.address, n.finding.code) for n in plan.notes] == [
        (ConnectionAddress("ox-acme"), "credential-unknown")
    ]
