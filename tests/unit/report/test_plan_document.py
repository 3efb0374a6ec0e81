"""The plan's JSON: complete, published, free of secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.model.action import Action, Note, Plan, TakeOver
from reconciler.model.method import ActionKind
from reconciler.report.plan_json import ACTIONS, plan_document
from tests import builders as b
from tests.unit.report.samples import a_rich_plan
from tests.unit.report.schemas import assert_valid, undeclared_keys


def document(plan: Plan) -> dict[str, Any]:
    return plan_document(plan, version="0.1.0")


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(a_rich_plan(), id="rich"),
        pytest.param(b.a_plan(), id="empty"),
        pytest.param(b.a_plan(unchanged=(), reads=()), id="nothing-at-all"),
    ],
)
def test_the_document_is_what_the_schema_publishes(plan: Plan) -> None:
    assert_valid("plan", document(plan))
    assert undeclared_keys("plan", document(plan)) == set()


@pytest.mark.parametrize("kind", list(ActionKind), ids=str)
def test_every_kind_has_terraforms_actions(kind: ActionKind) -> None:
    action = b.an_action(kind=kind, selection=None)
    (change, _) = document(b.a_plan(actions=(action,)))["resource_changes"]
    assert change["action"] == kind.value
    assert change["change"]["actions"] == ACTIONS[kind]


def test_an_adoption_that_selects_is_an_update_with_its_import_id() -> None:
    action = b.an_action(kind=ActionKind.ADOPT, steps=(TakeOver("cred-7"),))
    (change, _) = document(b.a_plan(actions=(action,)))["resource_changes"]
    assert change["change"]["actions"] == ["update"]
    assert change["change"]["importing"] == {"id": "cred-7"}


def test_every_connection_appears_once() -> None:
    plan = b.a_plan(
        actions=(b.an_action(),),
        withheld=(b.a_withheld(), b.a_withheld(address=b.an_address())),
        waiting=(b.a_waiting(),),
        errors=(Note(b.an_address("ox-dark"), b.a_finding()),),
        unchanged=(b.an_address("ox-same"),),
    )
    changes = document(plan)["resource_changes"]
    assert {c["name"]: c["action_reason"] for c in changes} == {
        "ox-acme": "rescope_because_selection_changed",
        "ox-dark": "scope-surplus",
        "ox-gone": "withheld_deletions_disabled",
        "ox-same": None,
        "ox-wait": "waiting_for_person",
    }
    assert len(changes) == 5
    assert all(c["change"]["actions"] == ["no-op"] for c in changes[1:])


@pytest.mark.parametrize(
    ("actions", "counts"),
    [
        pytest.param((b.an_action(kind=ActionKind.ADOPT),), {"import": 1}, id="adopt"),
        pytest.param((b.a_connect(),), {"add": 1}, id="connect"),
        pytest.param((b.an_action(),), {"change": 1}, id="rescope"),
        pytest.param((b.a_rotation(),), {"change": 1, "rotate": 1}, id="rotate"),
        pytest.param(
            (b.an_action(kind=ActionKind.RELINK),), {"change": 1, "relink": 1}, id="relink"
        ),
        pytest.param((b.an_action(kind=ActionKind.DISCONNECT),), {"remove": 1}, id="disconnect"),
        pytest.param(
            (b.an_action(kind=ActionKind.RECONNECT),), {"add": 1, "remove": 1}, id="reconnect"
        ),
        pytest.param((b.an_action(kind=ActionKind.FORGET),), {"forget": 1}, id="forget"),
    ],
)
def test_the_summary_counts_as_terraform_does(
    actions: tuple[Action, ...], counts: dict[str, int]
) -> None:
    summary = document(b.a_plan(actions=actions))["summary"]
    assert {key: number for key, number in summary.items() if number} == counts


def test_a_new_credential_is_marked_sensitive_and_unknown() -> None:
    (change, _) = document(b.a_plan(actions=(b.a_rotation(),)))["resource_changes"]
    assert change["change"]["before_sensitive"] == {"secret": True}
    assert change["change"]["after_sensitive"] == {"secret": True}
    assert change["change"]["after_unknown"] == {"live_id": True}
    assert change["change"]["after"]["secret"] is None


def test_a_keyed_fingerprint_may_show_that_a_secret_changed() -> None:
    change = b.a_change(path="secret", before="hmac:aa", after="plain")
    (found, _) = document(b.a_plan(actions=(b.an_action(changes=(change,)),)))["resource_changes"]
    assert (found["changes"][0]["before"], found["changes"][0]["after"]) == ("hmac:aa", None)


def test_drift_leads_from_the_record_to_what_is_live() -> None:
    (drift,) = document(a_rich_plan())["resource_drift"]
    assert drift["change"]["before"] == {"repositories": ["web"]}
    assert drift["change"]["after"] == {"repositories": []}


def test_the_budget_is_that_of_the_party_with_the_least_left() -> None:
    reads = (
        b.a_reads(requests=10, limit=1000),
        b.a_reads(requests=900, limit=1000),
        b.a_reads(limit=None),
    )
    found = document(b.a_plan(reads=reads))["reads"]
    assert found["budget"] == {"limit": 1000, "remaining": 100}
    assert found["requests"] == 947


def test_the_document_is_json() -> None:
    assert json.loads(json.dumps(document(a_rich_plan()))) == document(a_rich_plan())
