"""Apply report → its document. Pure; stage 7."""

from __future__ import annotations

from reconciler.model.method import ActionKind
from reconciler.model.outcome import ApplyReport, Outcome, OutcomeState
from reconciler.report.outline import FORMAT_VERSION, Document, note_document, stamp
from reconciler.report.plan_json import summary
from reconciler.report.steps import step_document

_CHANGES = (ActionKind.RESCOPE, ActionKind.ROTATE, ActionKind.RELINK)


def apply_document(report: ApplyReport) -> Document:
    """What became of every action of the plan."""
    return {
        "format_version": FORMAT_VERSION,
        "timestamp": stamp(report.plan.created_at),
        "plan_digest": report.plan.digest,
        "failed": report.failed,
        "state": {
            "lineage": report.lineage,
            "serial_before": report.serial_before,
            "serial_after": report.serial_after,
        },
        "errors": [note_document(note) for note in report.plan.errors],
        "outcomes": [_outcome(outcome) for outcome in report.outcomes],
        "summary": _summary(report),
        "plan_summary": summary(report.plan),
    }


def _outcome(outcome: Outcome) -> Document:
    return {
        "address": str(outcome.address),
        "name": outcome.address.name,
        "action": outcome.kind.value,
        "state": outcome.state.value,
        "detail": outcome.detail,
        "hint": outcome.hint,
        "steps_done": list(outcome.steps_done),
        "waits": None if outcome.waits is None else step_document(outcome.waits),
    }


def _summary(report: ApplyReport) -> dict[str, int]:
    def done(*kinds: ActionKind) -> int:
        return sum(o.kind in kinds and o.state is OutcomeState.DONE for o in report.outcomes)

    def ended(state: OutcomeState) -> int:
        return sum(outcome.state is state for outcome in report.outcomes)

    reconnected = done(ActionKind.RECONNECT)
    return {
        "import": done(ActionKind.ADOPT),
        "add": done(ActionKind.CONNECT) + reconnected,
        "change": done(*_CHANGES),
        "remove": done(ActionKind.DISCONNECT) + reconnected,
        "forget": done(ActionKind.FORGET),
        "done": ended(OutcomeState.DONE),
        "waiting": ended(OutcomeState.WAITING),
        "failed": ended(OutcomeState.FAILED),
        "skipped": ended(OutcomeState.SKIPPED),
    }
