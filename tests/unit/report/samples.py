"""Reports with a bit of everything in them."""

from __future__ import annotations

from datetime import timedelta

from reconciler.errors import Fault, Severity
from reconciler.model.action import (
    Note,
    Plan,
    Promote,
    ProveDead,
    Refusal,
    Remember,
    RemoveCredential,
    Risk,
    Select,
    TakeOver,
)
from reconciler.model.drift import Cause, FieldChange
from reconciler.model.method import ActionKind
from reconciler.model.outcome import ApplyReport, Outcome, OutcomeState
from reconciler.model.standing import DriftItem, DriftReport, DriftStatus, Unmanaged, VerifyLine
from tests import builders as b


def a_rich_plan() -> Plan:
    adopted = b.a_selection_change(add=(), remove=(), adopted=(b.a_label("shop"),))
    return b.a_plan(
        actions=(
            b.an_action(
                changes=(
                    *b.an_action().changes,
                    FieldChange(
                        "repositories",
                        (),
                        ("web",),
                        Cause.DRIFT,
                        b.a_mark(16, 3),
                        "taken out at the consumer",
                    ),
                    FieldChange("scopes", ("a", "b"), ("a",), Cause.YAML, b.a_mark(12, 5)),
                )
            ),
            b.a_connect(),
            b.a_rotation(),
            b.an_action(
                address=b.an_address("ox-taken"),
                kind=ActionKind.ADOPT,
                reason_code="adopt_by_request",
                reason="`adopt` names 'OX by hand'",
                steps=(TakeOver("cred-7"), Remember("adopted")),
                changes=(),
                selection=adopted,
                before={},
                moved_from=b.an_address("ox-former"),
            ),
            b.a_rotation(
                "ox-moved",
                kind=ActionKind.RECONNECT,
                reason_code="replace_because_method_changed",
                reason="the method changed",
                before={"method": "identity-provider"},
                after={"method": "api-token"},
                changes=(b.a_change(path="method", before="identity-provider", after="api-token"),),
            ),
            b.an_action(
                address=b.an_address("ox-renamed"),
                kind=ActionKind.RELINK,
                reason="a repository was renamed",
                steps=(Promote(), ProveDead("hmac:00"), Remember("")),
                changes=(),
                selection=b.a_selection_change(
                    add=(), remove=(), renamed=((b.a_label("old"), "new"),)
                ),
            ),
            b.an_action(
                address=b.an_address("ox-end"),
                kind=ActionKind.DISCONNECT,
                reason_code="delete_because_no_resource_config",
                reason="it is no longer declared; it was at acme.yaml:60:1",
                steps=(RemoveCredential("cred-3", "ox-end"), Remember("disconnected")),
                changes=(),
                selection=None,
                risk=Risk(reversible=False, loses=2),
                after={},
            ),
            b.an_action(
                address=b.an_address("ox-lost"),
                kind=ActionKind.FORGET,
                reason="it left the YAML and is gone at the consumer",
                steps=(Remember("forgotten"),),
                changes=(),
                selection=None,
                risk=Risk(),
                after={},
            ),
        ),
        withheld=(b.a_withheld(),),
        waiting=(b.a_waiting(),),
        notes=(Note(b.an_address(), b.a_finding()),),
        errors=(
            Note(
                None, b.a_finding(code="unreadable", severity=Severity.ERROR, hint="", where=None)
            ),
        ),
        refusals=(Refusal("disconnects", "4 connections would end; the limit is 3"),),
        reads=(b.a_reads(), b.a_reads(party="ox ox-prod", requests=3, limit=None, seen=None)),
    )


def a_drift_report() -> DriftReport:
    return DriftReport(
        items=(
            DriftItem(
                b.an_address(),
                DriftStatus.DRIFTED,
                changes=(
                    FieldChange(
                        "repositories", ("x",), (), Cause.DRIFT, b.a_mark(16), "added live"
                    ),
                    FieldChange("live.username", "bot@a.example", "eve@b.example", Cause.DRIFT),
                    b.a_change(),
                ),
                findings=(b.a_finding(),),
                source=b.a_mark(14, 3),
            ),
            DriftItem(b.an_address("ox-gone"), DriftStatus.GONE, reason="not at the consumer"),
            DriftItem(
                b.an_address("ox-new"), DriftStatus.UNAPPLIED, (b.a_change(),), source=b.a_mark(30)
            ),
            DriftItem(b.an_address("ox-same"), DriftStatus.IN_SYNC),
            DriftItem(
                b.an_address("ox-dark"), DriftStatus.UNREADABLE, reason=f"{Fault.OUTAGE}: 502"
            ),
        ),
        unmanaged=(Unmanaged("ox-prod", "cred-9", "made by hand", "bitbucket-cloud", ""),),
        waiting=(b.a_waiting(),),
        reads=(b.a_reads(complete=False, seen=400),),
        created_at=b.NOW,
        lineage=b.LINEAGE,
        serial=51,
    )


def an_apply_report() -> ApplyReport:
    return ApplyReport(
        plan=a_rich_plan(),
        outcomes=(
            Outcome(b.an_address(), ActionKind.RESCOPE, OutcomeState.DONE, steps_done=("select",)),
            Outcome(
                b.an_address("ox-new"),
                ActionKind.CONNECT,
                OutcomeState.WAITING,
                "its token has to be made",
                waits=b.a_manual_step(),
            ),
            Outcome(
                b.an_address("ox-old"),
                ActionKind.ROTATE,
                OutcomeState.FAILED,
                "the consumer refused the token",
                "look at its scopes",
            ),
            Outcome(b.an_address("ox-moved"), ActionKind.RECONNECT, OutcomeState.SKIPPED),
        ),
        serial_before=51,
        serial_after=53,
        lineage=b.LINEAGE,
    )


def some_verify_lines() -> tuple[VerifyLine, ...]:
    return (
        VerifyLine(b.an_address(), ok=True, severity=Severity.INFO, summary="works as ox-bot"),
        VerifyLine(
            b.an_address("ox-old"),
            ok=True,
            severity=Severity.WARNING,
            summary="works, and ends in 10 days",
            hint="reconciler rotate ox-old",
        ),
        VerifyLine(
            b.an_address("ox-dead"),
            ok=False,
            severity=Severity.ERROR,
            summary="the token is dead",
            hint="reconciler rotate ox-dead",
            details=("bitbucket-cloud: 401",),
        ),
    )


def a_long_selection_plan(count: int) -> Plan:
    change = b.a_selection_change(
        add=tuple(b.a_label(f"repo-{n:03}") for n in range(count)), remove=()
    )
    return b.a_plan(
        actions=(b.an_action(selection=change, steps=(Select(change),), changes=()),),
        created_at=b.NOW + timedelta(minutes=1),
    )
