"""Differences read as a drift report, and the words for what moved between two plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.diff import drift_report, explain
from reconciler.model.drift import Difference
from reconciler.model.observed import (
    Absent,
    CredentialView,
    ObservedState,
    Present,
    Repository,
    Unreadable,
    Verdict,
)
from reconciler.model.standing import DriftReport, DriftStatus
from tests.builders import (
    NOW,
    a_connection,
    a_consumer,
    a_state,
    a_waiting,
    an_address,
)
from tests.seen import (
    REPOSITORIES,
    a_difference,
    a_listing,
    a_live,
    a_slot,
    a_snapshot,
    a_view,
    differences,
    live_selection,
    recorded,
    some,
    term,
)


def report(*found: Difference, **unmanaged: Any) -> DriftReport:
    return drift_report(
        found,
        ObservedState({}, unmanaged),
        a_snapshot(),
        stuck={},
        waiting=(a_waiting(),),
        reads=(),
        now=NOW,
    )


def unapplied_first() -> Difference:
    return differences(a_state(), a_snapshot(), {str(an_address()): a_view(live=Absent())})[0]


def undeclared() -> Difference:
    state = replace(a_state(), connections={})
    return differences(state, a_snapshot(recorded()), None)[0]


def at_another_tenant() -> Difference:
    consumer = a_consumer(endpoint="https://eu.ox.security/")
    return a_difference(a_connection(consumer=consumer), view=a_view(live=Absent()))


def missing_by_name() -> Difference:
    terms = (term(name="pay-api"), term(name="web"), term(name="nope"))
    selection = some(*terms, digest="sha256:5e1ec7ed")
    live = Present(a_live(selection=live_selection("{a1}", "{b2}", follows_new=False)))
    return a_difference(a_connection(selection=selection), recorded(listed_at=0), a_view(live=live))


STANDS: dict[str, tuple[Any, DriftStatus, str]] = {
    "in sync": (a_difference, DriftStatus.IN_SYNC, ""),
    "consumer unreadable": (
        lambda: a_difference(view=a_view(live=Unreadable("ox: 503", ""))),
        DriftStatus.UNREADABLE,
        "ox: 503",
    ),
    "account unreadable": (
        lambda: a_difference(view=a_view(listing=Unreadable("acme: 429", ""))),
        DriftStatus.UNREADABLE,
        "acme: 429",
    ),
    "never applied": (unapplied_first, DriftStatus.UNAPPLIED, "not connected yet"),
    "gone": (
        lambda: a_difference(view=a_view(live=Absent())),
        DriftStatus.GONE,
        "removed at the consumer",
    ),
    "declared at another tenant": (at_another_tenant, DriftStatus.UNAPPLIED, "YAML was changed"),
    "dead credential": (
        lambda: a_difference(
            view=a_view(credential=CredentialView(held=a_slot(verdict=Verdict.DEAD, cause="401")))
        ),
        DriftStatus.DRIFTED,
        "401",
    ),
    "taken out at the consumer": (
        lambda: a_difference(view=a_view(live=Present(a_live(selection=live_selection("{a1}"))))),
        DriftStatus.DRIFTED,
        "outside of reconciler",
    ),
    "renamed at the provider": (
        lambda: a_difference(
            view=a_view(listing=Present(a_listing({**REPOSITORIES, "{b2}": Repository("site")})))
        ),
        DriftStatus.DRIFTED,
        "outside of reconciler",
    ),
    "an error that is no change": (
        missing_by_name,
        DriftStatus.DRIFTED,
        "name: nope names no repository",
    ),
    "edited": (
        lambda: a_difference(a_connection(protect=True)),
        DriftStatus.UNAPPLIED,
        "not applied",
    ),
    "undeclared": (undeclared, DriftStatus.UNAPPLIED, "no longer declared"),
}


@pytest.mark.parametrize("name", STANDS)
def test_every_connection_stands_by_the_gravest_thing_that_holds(name: str) -> None:
    made, status, reason = STANDS[name]
    (item,) = report(made()).items
    assert item.status is status
    assert reason in item.reason
    assert item.source is not None


@pytest.mark.parametrize(
    ("name", "drifts", "errored"),
    [("in sync", False, False), ("gone", True, False), ("consumer unreadable", False, True)],
)
def test_a_report_says_whether_anything_drifted_or_could_not_be_read(
    name: str, drifts: bool, errored: bool
) -> None:
    found = report(STANDS[name][0]())
    assert (found.has_drift, found.errored) == (drifts, errored)


def test_live_connections_that_nobody_declared_are_listed_by_tenant() -> None:
    found = report(b=(a_live(id="2", name="two", kind=None),), a=(a_live(id="1", name="one"),))
    assert [(u.consumer, u.id, u.method) for u in found.unmanaged] == [
        ("a", "1", "api-token"),
        ("b", "2", "unknown"),
    ]
    assert found.waiting == (a_waiting(),)


def test_a_leftover_is_no_connection_of_the_report() -> None:
    state = replace(a_state(), connections={})
    found = differences(state, a_snapshot(), {"connection.left": a_view(live=Absent())})
    assert report(*found).items == ()


def test_what_moved_is_said_line_by_line_in_order() -> None:
    before = {
        "config": f"sha256:{'a' * 64}",
        "environment": "",
        "live": {"x": "1", "gone": "2"},
        "serial": 1,
    }
    after = {
        "config": f"sha256:{'b' * 64}",
        "environment": "prod",
        "live": {"x": "1", "new": "2"},
        "serial": 2,
    }
    assert explain(before, after) == (
        "config: sha256:aaaaaaaaaaaa… → sha256:bbbbbbbbbbbb…",
        "environment: none → prod",
        "live.gone: gone",
        "live.new: new",
        "serial: 1 → 2",
    )
    assert explain(before, before) == ()
