"""Exit codes follow the documents."""

from __future__ import annotations

import pytest

from reconciler.cli.exit_codes import of_apply, of_drift, of_plan
from reconciler.model.action import Note, Plan, Refusal
from reconciler.model.method import ActionKind
from reconciler.model.outcome import ApplyReport, Outcome, OutcomeState
from reconciler.model.standing import DriftItem, DriftReport, DriftStatus
from reconciler.report.apply_json import apply_document
from reconciler.report.drift_json import drift_document
from reconciler.report.plan_json import plan_document
from tests import builders as b

ACTING = (b.an_action(),)
DARK = (Note(None, b.a_finding()),)


@pytest.mark.parametrize(
    ("plan", "plain", "detailed"),
    [
        pytest.param(b.a_plan(), 0, 0, id="nothing"),
        pytest.param(b.a_plan(actions=ACTING), 0, 2, id="pending"),
        pytest.param(b.a_plan(actions=ACTING, waiting=(b.a_waiting(),)), 0, 2, id="pending-first"),
        pytest.param(b.a_plan(waiting=(b.a_waiting(),)), 0, 3, id="waiting"),
        pytest.param(b.a_plan(withheld=(b.a_withheld(),)), 0, 3, id="withheld"),
        pytest.param(b.a_plan(actions=ACTING, refusals=(Refusal("a", "b"),)), 1, 1, id="refused"),
        pytest.param(b.a_plan(actions=ACTING, errors=DARK), 1, 1, id="unreadable"),
    ],
)
def test_plan(plan: Plan, plain: int, detailed: int) -> None:
    document = plan_document(plan, version="1")
    assert of_plan(document, detailed=False) == plain
    assert of_plan(document, detailed=True) == detailed


def an_apply(*states: OutcomeState, plan: Plan | None = None) -> ApplyReport:
    outcomes = tuple(Outcome(b.an_address(), ActionKind.CONNECT, state) for state in states)
    return ApplyReport(plan or b.a_plan(), outcomes, 1, 2, b.LINEAGE)


@pytest.mark.parametrize(
    ("report", "plain", "detailed"),
    [
        pytest.param(an_apply(OutcomeState.DONE), 0, 0, id="done"),
        pytest.param(an_apply(OutcomeState.DONE, OutcomeState.WAITING), 0, 3, id="waiting"),
        pytest.param(an_apply(plan=b.a_plan(withheld=(b.a_withheld(),))), 0, 3, id="withheld"),
        pytest.param(an_apply(plan=b.a_plan(waiting=(b.a_waiting(),))), 0, 3, id="still-waiting"),
        pytest.param(an_apply(OutcomeState.FAILED, OutcomeState.WAITING), 1, 1, id="failed"),
        pytest.param(an_apply(OutcomeState.SKIPPED), 1, 1, id="not-begun"),
        pytest.param(an_apply(plan=b.a_plan(errors=DARK)), 1, 1, id="unreadable"),
    ],
)
def test_apply(report: ApplyReport, plain: int, detailed: int) -> None:
    document = apply_document(report)
    assert of_apply(document, detailed=False) == plain
    assert of_apply(document, detailed=True) == detailed


@pytest.mark.parametrize(
    ("status", "plain", "detailed"),
    [
        pytest.param(DriftStatus.IN_SYNC, 0, 0, id="in-sync"),
        pytest.param(DriftStatus.UNAPPLIED, 0, 0, id="unapplied"),
        pytest.param(DriftStatus.DRIFTED, 0, 2, id="drifted"),
        pytest.param(DriftStatus.GONE, 0, 2, id="gone"),
        pytest.param(DriftStatus.UNREADABLE, 1, 1, id="unreadable"),
    ],
)
def test_drift(status: DriftStatus, plain: int, detailed: int) -> None:
    items = (DriftItem(b.an_address(), status),)
    report = DriftReport(items, (), (), (), b.NOW, b.LINEAGE, 1)
    document = drift_document(report)
    assert of_drift(document, detailed=False) == plain
    assert of_drift(document, detailed=True) == detailed
