"""The digest binds what a reviewer approved, and nothing that changes by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.action import Plan
from reconciler.model.desired import DesiredState, Freeze, Limits
from reconciler.model.drift import Difference
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    ObservedState,
    Present,
    Repository,
    Unreadable,
    Verdict,
)
from reconciler.model.record import Selected, Snapshot
from reconciler.plan import build
from reconciler.plan.digest import live_fingerprints, sha256
from reconciler.report.plan_json import plan_document
from tests.builders import NOW, a_connection, a_method, a_reads, a_state, an_address
from tests.seen import (
    REPOSITORIES,
    a_difference,
    a_listing,
    a_live,
    a_setting,
    a_slot,
    a_snapshot,
    a_successor,
    a_view,
    an_operation,
    differences,
    live_selection,
    planned,
    recorded,
)

STRAY = a_live(id="stray-1", name="ox-acme [reconciler 0b2e6f1c-4]")


def plan_of(
    state: DesiredState | None = None,
    snapshot: Snapshot | None = None,
    view: ConnectionView | None = None,
    **setting: Any,
) -> Plan:
    chosen, registry = state or a_state(), snapshot or a_snapshot(recorded())
    found = differences(chosen, registry, {str(an_address()): view or a_view()})
    return build(found, a_setting(chosen, registry, **setting))


def with_settings(**settings: Any) -> DesiredState:
    return replace(a_state(), settings=replace(a_state().settings, **settings))


MOVED: dict[str, Callable[[], Plan]] = {
    "configuration": lambda: plan_of(replace(a_state(), digest="sha256:other")),
    "lineage": lambda: plan_of(snapshot=a_snapshot(recorded(), lineage="ffffffff-1")),
    "serial": lambda: plan_of(snapshot=a_snapshot(recorded(), serial=8)),
    "environment": lambda: plan_of(with_settings(environment="prod")),
    "limits": lambda: plan_of(with_settings(limits=Limits(disconnects=9))),
    "freezes": lambda: plan_of(
        with_settings(freezes=(Freeze(NOW + timedelta(1), NOW + timedelta(2), "x"),))
    ),
    "live selection": lambda: plan_of(
        view=a_view(live=Present(a_live(selection=live_selection("{a1}"))))
    ),
    "live name": lambda: plan_of(view=a_view(live=Present(a_live(name="renamed")))),
    "live user": lambda: plan_of(view=a_view(live=Present(a_live(username="eve")))),
    "live end": lambda: plan_of(view=a_view(live=Present(a_live(expires_at=NOW)))),
    "live completeness": lambda: plan_of(
        view=a_view(live=Present(a_live(selection=live_selection("{a1}", "{b2}", complete=False))))
    ),
    "no selection": lambda: plan_of(view=a_view(live=Present(a_live(selection=None)))),
    "a new repository": lambda: plan_of(
        view=a_view(listing=Present(a_listing({**REPOSITORIES, "{c3}": Repository("shop")})))
    ),
    "a renamed repository": lambda: plan_of(
        view=a_view(listing=Present(a_listing({**REPOSITORIES, "{b2}": Repository("site")})))
    ),
    "an unreadable account": lambda: plan_of(view=a_view(listing=Unreadable("503", ""))),
    "an unreadable consumer": lambda: plan_of(view=a_view(live=Unreadable("503", ""))),
    "gone": lambda: plan_of(view=a_view(live=Absent())),
    "a leftover": lambda: plan_of(view=a_view(strays=(STRAY,))),
    "another secret": lambda: plan_of(view=a_view(credential=CredentialView(a_slot("other")))),
    "another verdict": lambda: plan_of(
        view=a_view(credential=CredentialView(a_slot(verdict=Verdict.DEAD)))
    ),
    "another identity": lambda: plan_of(
        view=a_view(credential=CredentialView(a_slot(identity="557058:eve")))
    ),
    "other scopes": lambda: plan_of(
        view=a_view(credential=CredentialView(a_slot(scopes=frozenset({"x"}))))
    ),
    "scopes unknown": lambda: plan_of(view=a_view(credential=CredentialView(a_slot(scopes=None)))),
    "a successor": lambda: plan_of(view=a_view(credential=CredentialView(a_slot(), a_successor()))),
    "an old one": lambda: plan_of(
        view=a_view(credential=CredentialView(a_slot(), old=a_slot("older")))
    ),
    "due": lambda: plan_of(
        a_state(a_connection(method=a_method(rotate_before=timedelta(days=300))))
    ),
    "requested": lambda: planned(requested=frozenset({an_address()})),
}


def test_every_input_that_moves_makes_another_digest() -> None:
    digests = {name: made().digest for name, made in MOVED.items()}
    digests["nothing"] = plan_of().digest
    twins = [(a, b) for a in digests for b in digests if a < b and digests[a] == digests[b]]
    assert twins == []


@pytest.mark.parametrize(
    "same",
    [
        lambda: plan_of(now=NOW + timedelta(hours=5)),
        lambda: plan_of(observed=ObservedState({}, reads=(a_reads(requests=999),))),
        lambda: plan_of(observed=ObservedState({}, {"ox-prod": (STRAY,)})),
        lambda: plan_of(
            view=a_view(listing=Present(a_listing(dict(reversed(REPOSITORIES.items()))))),
            snapshot=a_snapshot(
                recorded(selection=dict(reversed([*recorded().selection.items()])))
            ),
        ),
        lambda: plan_of(
            view=a_view(live=Present(a_live(selection=live_selection("{b2}", "{a1}"))))
        ),
        lambda: plan_of(view=a_view(credential=CredentialView(a_slot(login="other", cause="x")))),
        lambda: plan_of(with_settings(concurrency=32, registry_url="sqlite:///moved.db")),
    ],
    ids=[
        "clock",
        "cost",
        "unmanaged",
        "order of mappings",
        "order of resources",
        "words",
        "running",
    ],
)
def test_what_changes_by_itself_is_not_bound(same: Callable[[], Plan]) -> None:
    assert same().digest == plan_of().digest


def test_the_same_decision_for_another_reason_is_another_plan() -> None:
    dead = a_view(credential=CredentialView(a_slot(verdict=Verdict.DEAD)))
    blocked = a_view(credential=CredentialView(a_slot(verdict=Verdict.BLOCKED)))
    assert plan_of(view=dead).digest != plan_of(view=blocked).digest


def test_a_plan_made_inside_a_window_is_not_the_one_made_after_it() -> None:
    freeze = Freeze(NOW, NOW + timedelta(hours=1), "x")
    state = with_settings(freezes=(freeze,))
    gone = a_view(live=Absent())
    inside, after = plan_of(state, view=gone), plan_of(state, view=gone, now=freeze.end)
    assert inside.inputs == after.inputs
    assert inside.digest != after.digest


def test_before_the_registry_exists_fingerprints_are_not_bound() -> None:
    """Its key is then made up by every process anew."""
    one = a_difference(view=a_view(credential=CredentialView(a_slot("one"))))
    other = a_difference(view=a_view(credential=CredentialView(a_slot("other"))))
    assert live_fingerprints(one, keyed=False) == live_fingerprints(other, keyed=False)
    assert live_fingerprints(one, keyed=True) != live_fingerprints(other, keyed=True)


@given(st.dictionaries(st.text(max_size=4), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert sha256(value) == sha256(dict(reversed(value.items())))


CANARY = "ATATT3x-canary-"
secrets = st.text("abcdefghijklmnopqrstuvwxyz0123456789=_-", min_size=8, max_size=40)


@given(
    secrets,
    secrets,
    secrets,
    st.sampled_from([*Verdict]),
    st.sampled_from(["new", "recorded", "undeclared"]),
    st.booleans(),
)
def test_a_plan_holds_no_secret(
    held: str, candidate: str, old: str, verdict: Verdict, situation: str, waits: bool
) -> None:
    values = [CANARY + v for v in (held, candidate, old)]
    view = a_view(
        credential=CredentialView(
            a_slot(values[0], verdict=verdict), a_successor(values[1]), a_slot(values[2])
        ),
        live=Absent() if situation == "new" else Present(a_live()),
    )
    record = recorded(
        fingerprint=a_slot(values[0]).fingerprint,
        manage=frozenset({ActionKind.DISCONNECT}),
        selection={"{a1}": Selected("pay-api", "pay-api")},
    )
    plan = planned(
        record=record,
        view=view,
        operation=an_operation(step="revoke-old") if waits else None,
        is_new=situation == "new",
        undeclared=situation == "undeclared",
    )
    shown = repr(plan) + json.dumps(plan_document(plan, version="1")) + repr(view)
    assert CANARY not in shown
    assert not any(value in shown for value in values)


def test_a_difference_shows_no_secret_either() -> None:
    found: Difference = a_difference(
        a_connection(method=a_method(kind=MethodKind.API_TOKEN)),
        view=a_view(credential=CredentialView(a_slot(f"{CANARY}in-use"))),
    )
    assert CANARY not in repr(found)
