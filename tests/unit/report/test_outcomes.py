"""Drift, apply, verify, validation, records and scopes: documents and texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.errors import Problem, Severity
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.outcome import OutcomeState
from reconciler.model.record import Operation, OperationState, Selected
from reconciler.model.standing import DriftItem, DriftReport, DriftStatus
from reconciler.report import to_markdown
from reconciler.report.apply_json import apply_document
from reconciler.report.drift_json import drift_document
from reconciler.report.outline import reads_document
from reconciler.report.paint import PLAIN
from reconciler.report.plan_json import plan_document
from reconciler.report.record_json import record_document, render_record
from reconciler.report.scopes_json import render_scopes, scopes_document
from reconciler.report.to_terminal import (
    problem_lines,
    render_apply,
    render_drift,
    render_problems,
    render_verify,
)
from reconciler.report.validation_json import validation_document
from reconciler.report.verify_json import verify_document
from reconciler.report.words import age, drift_sentence, estimate_lines
from tests import builders as b
from tests.unit.report.samples import (
    a_drift_report,
    a_rich_plan,
    an_apply_report,
    some_verify_lines,
)
from tests.unit.report.schemas import assert_valid, undeclared_keys

Golden = Callable[[str, str], None]

PROBLEMS = (
    Problem("unknown-reference", "no consumer is called 'ox'", "use 'ox-prod'", b.a_mark()),
    Problem("old", "the file has no modeline", "", severity=Severity.WARNING),
)


def a_drift(*statuses: DriftStatus, **rest: Any) -> DriftReport:
    items = tuple(DriftItem(b.an_address(f"c{n}"), s) for n, s in enumerate(statuses))
    base = replace(a_drift_report(), items=items, unmanaged=(), waiting=())
    return replace(base, **rest)


def test_a_drift_report_reads_as_the_golden_file(matches_golden: Golden) -> None:
    document = drift_document(a_drift_report())
    matches_golden("drift.txt", render_drift(document, paint=PLAIN))
    matches_golden("drift.md", to_markdown.render_drift(document))


def test_an_apply_report_reads_as_the_golden_file(matches_golden: Golden) -> None:
    document = apply_document(an_apply_report())
    matches_golden("apply.txt", render_apply(document, paint=PLAIN))
    matches_golden("apply.md", to_markdown.render_apply(document))


def test_a_plan_reads_as_the_golden_markdown(matches_golden: Golden) -> None:
    document = plan_document(a_rich_plan(), version="0.1.0")
    matches_golden("plan.md", to_markdown.render_plan(document))


def test_verification_reads_as_the_golden_file(matches_golden: Golden) -> None:
    document = verify_document(some_verify_lines())
    assert document["ok"] is False
    matches_golden("verify.txt", render_verify(document, paint=PLAIN))


def test_problems_read_as_the_golden_file(matches_golden: Golden) -> None:
    document = validation_document(PROBLEMS, files=2, documents=5)
    matches_golden("problems.txt", render_problems(document, paint=PLAIN))


def test_the_drift_document_is_what_the_schema_publishes() -> None:
    document = drift_document(a_drift_report())
    assert_valid("drift", document)
    assert undeclared_keys("drift", document) == set()


def test_the_validation_document_is_what_the_schema_publishes() -> None:
    document = validation_document(PROBLEMS, files=2, documents=5)
    assert_valid("validation", document)
    assert undeclared_keys("validation", document) == set()


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        pytest.param(a_drift(DriftStatus.IN_SYNC), "No drift.", id="none"),
        pytest.param(
            a_drift(DriftStatus.DRIFTED, DriftStatus.IN_SYNC),
            "Drift: 1 of 2 connections drifted.",
            id="drifted",
        ),
        pytest.param(
            a_drift(DriftStatus.GONE), "Drift: 1 of 1 connection drifted.", id="deleted-is-drift"
        ),
        pytest.param(
            a_drift(DriftStatus.STUCK, DriftStatus.GONE, DriftStatus.IN_SYNC),
            "Drift: 2 of 3 connections drifted (1 in a rotation that does not go on).",
            id="stuck-is-drift",
        ),
        pytest.param(a_drift(DriftStatus.UNAPPLIED), "No drift. 1 unapplied.", id="unapplied"),
        pytest.param(
            a_drift(DriftStatus.UNREADABLE), "No drift seen. 1 unreadable.", id="unreadable"
        ),
        pytest.param(
            a_drift_report(),
            "Drift: 2 of 5 connections drifted, 1 unapplied, 1 unmanaged, 1 unreadable.",
            id="everything",
        ),
    ],
)
def test_drift_in_one_line(report: DriftReport, sentence: str) -> None:
    assert drift_sentence(drift_document(report)) == sentence


def test_a_stuck_rotation_shows_as_drift_in_every_form() -> None:
    why = "its rotation has stood at publish since 2026-11-20"
    item = DriftItem(b.an_address(), DriftStatus.STUCK, (b.a_change(),), reason=why)
    document = drift_document(a_drift(items=(item,)))
    assert_valid("drift", document)
    assert undeclared_keys("drift", document) == set()
    assert document["has_drift"]
    assert (document["summary"]["drifted"], document["summary"]["stuck"]) == (1, 1)
    text = render_drift(document, paint=PLAIN)
    assert f"  # connection.ox-acme is in a rotation that does not go on\n  # ({why})\n" in text
    assert f"| stuck | `ox-acme` |  |  |  | {why} |  |\n" in to_markdown.render_drift(document)


def test_unapplied_changes_stand_apart_from_drift() -> None:
    first = drift_document(a_drift_report())["connections"][0]
    assert [c["path"] for c in first["changes"]] == ["repositories", "live.username"]
    assert [c["path"] for c in first["unapplied"]] == ["protect"]


def test_drift_leads_from_the_record_to_what_is_live() -> None:
    selection, username = drift_document(a_drift_report())["connections"][0]["changes"]
    assert (selection["before"], selection["after"]) == ([], ["x"])
    assert (username["before"], username["after"]) == ("bot@a.example", "eve@b.example")


def test_coverage_of_nothing_has_no_percentage() -> None:
    assert drift_document(a_drift(reads=()))["coverage"]["percent"] is None


def test_an_apply_without_failures_is_complete_in_terraforms_words() -> None:
    report = replace(
        an_apply_report(),
        plan=b.a_plan(),
        outcomes=an_apply_report().outcomes[:1],
        lineage=b.LINEAGE,
    )
    text = render_apply(apply_document(report), paint=PLAIN)
    assert "Apply complete! Resources: 0 added, 1 changed, 0 destroyed.\n" in text
    assert "Registry: lineage 0b2e6f1c-1111-4222-8333-444455556666, serial 51 -> 53\n" in text


def test_every_outcome_is_counted() -> None:
    summary = apply_document(an_apply_report())["summary"]
    states = {state.value: summary.get(state.value, 0) for state in OutcomeState}
    assert states == {"done": 1, "waiting": 1, "failed": 1, "skipped": 1}


def test_valid_configuration_says_what_was_read() -> None:
    document = validation_document((), files=1, documents=2)
    assert render_problems(document, paint=PLAIN) == "Valid: 2 documents in 1 file.\n"
    assert problem_lines(document, paint=PLAIN) == ""


def test_warnings_do_not_make_it_invalid() -> None:
    document = validation_document(PROBLEMS[1:], files=1, documents=1)
    assert document["valid"]
    assert "Valid with 1 warning: 1 document in 1 file.\n" in render_problems(document, paint=PLAIN)


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        pytest.param(timedelta(days=3, hours=5), "3 days", id="days"),
        pytest.param(timedelta(hours=1, minutes=59), "1 hour", id="hour"),
        pytest.param(timedelta(minutes=2), "2 minutes", id="minutes"),
        pytest.param(timedelta(seconds=59), "less than a minute", id="seconds"),
    ],
)
def test_age_is_told_in_its_largest_unit(elapsed: timedelta, words: str) -> None:
    assert age((b.NOW - elapsed).isoformat(), b.NOW.isoformat()) == words


def test_an_estimate_names_every_party_and_the_sum() -> None:
    reads = (b.a_reads(requests=5, seen=None), b.a_reads(party="ox", limit=None, expected=None))
    assert estimate_lines(reads_document(reads)) == [
        "bitbucket-cloud acme: about 5 requests of 1,000/h; 412 repositories known.",
        "ox: about 37 requests.",
        "In all: about 42 requests.",
    ]


def test_a_record_shows_what_is_in_flight(matches_golden: Golden) -> None:
    operation = Operation(
        "op-1", b.an_address(), ActionKind.ROTATE, OperationState.WAITING, "revoke-old", b.NOW
    )
    record = b.a_record(
        expires_at=b.NOW, selection={"{z}": Selected("z\x1b", "z"), "{a}": Selected("a", "a")}
    )
    document = record_document(record, operation)
    matches_golden("record.txt", render_record(document, paint=PLAIN))
    assert record_document(record, None)["operation"] is None


def test_scopes_read_as_the_golden_file(matches_golden: Golden) -> None:
    retired = b.a_rule(
        scopes=(), retired=b.DOCS.checked, replacement=MethodKind.API_TOKEN, max_days=None
    )
    document = scopes_document(b.a_profile(), (b.a_rule(), retired))
    matches_golden("scopes.txt", render_scopes(document, paint=PLAIN))
