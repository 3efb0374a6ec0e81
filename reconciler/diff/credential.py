"""What a connection's credential needs, and why. Pure; the clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.errors import Severity
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Finding
from reconciler.model.observed import (
    ConnectionView,
    CredentialReport,
    LiveConnection,
    Present,
    Slot,
    Verdict,
)
from reconciler.model.record import Record
from reconciler.model.scope import ScopeVerdict, compare_scopes, in_order

UNUSABLE = frozenset(
    {Verdict.DEAD, Verdict.WRONG_LOGIN, Verdict.UNSCOPED, Verdict.BLOCKED, Verdict.RETIRED}
)
"""Verdicts under which a credential certainly does not work."""

Implies = Mapping[str, frozenset[str]]


@dataclass(slots=True)
class CredentialState:
    """The need of one credential with all there is to say about it.

    ``partners`` are scopes that the provider may add by itself.
    """

    need: CredentialNeed = CredentialNeed.NOTHING
    why: str = ""
    expires_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)
    partners: Implies = field(default_factory=dict)


def judge(
    desired: DesiredConnection,
    record: Record | None,
    view: ConnectionView,
    implies: Implies,
    *,
    requested: bool,
    now: datetime,
    partners: Implies | None = None,
) -> CredentialState:
    """Decide what the credential needs. The first reason in order of urgency wins."""
    state = CredentialState(partners=partners or {})
    if desired.method.kind.is_browser_grant:
        return state
    live = view.live.value if isinstance(view.live, Present) else None
    state.expires_at = expiry(desired, record, view, live)
    credential = view.credential
    if record is None:
        _first(desired, view, implies, state)
    elif credential.candidate is not None and _fits(
        desired, record, credential.candidate, implies, state
    ):
        _need(
            state, CredentialNeed.NEW_APPEARED, f"a new secret lies in {credential.candidate.place}"
        )
    else:
        _held(desired, record, view, implies, state)
        if state.need is CredentialNeed.NOTHING and requested:
            _need(state, CredentialNeed.REQUESTED, "it was asked for by name")
        if state.need is CredentialNeed.NOTHING and record.version < desired.method.version:
            raised = f"`version` was raised from {record.version} to {desired.method.version}"
            _need(state, CredentialNeed.REQUESTED, raised)
        if state.need is CredentialNeed.NOTHING:
            _aging(desired, record, view, state, now)
    return state


def _need(state: CredentialState, need: CredentialNeed, why: str) -> None:
    state.need = need
    state.why = why


def expiry(
    desired: DesiredConnection,
    record: Record | None,
    view: ConnectionView,
    live: LiveConnection | None,
) -> datetime | None:
    """The earliest end that anybody knows of: YAML, provider, consumer, or age."""
    method = desired.method
    held = view.credential.held
    issued = view.issued_as(record.token_id) if record is not None else None
    ends = [
        held.report.expires_at if held else None,
        live.expires_at if live else None,
        issued.expires_at if issued else None,
    ]
    if record is None or method.expires_at != record.stale_expiry:
        ends.append(method.expires_at)
    if record is not None and method.max_age is not None:
        ends.append(record.credential_since + method.max_age)
    return min((end for end in ends if end is not None), default=None)


def scopes_of(
    desired: DesiredConnection,
    report: CredentialReport,
    implies: Implies,
    partners: Implies | None = None,
) -> ScopeVerdict | None:
    """The held scopes against the wanted ones; None when either side is unknown."""
    if not desired.method.scopes:
        return None
    if report.scopes is None:
        lacking = in_order(report.lacking & set(desired.method.scopes))
        return ScopeVerdict(lacking, ()) if lacking else None
    return compare_scopes(desired.method.scopes, report.scopes, implies, partners)


def _first(
    desired: DesiredConnection, view: ConnectionView, implies: Implies, state: CredentialState
) -> None:
    """Before the first apply: is there a credential that will do?"""
    held = view.credential.held
    if held is None:
        _need(state, CredentialNeed.FIRST, view.credential.missing)
        return
    problem = _problem(desired, held, implies)
    if problem:
        _need(state, CredentialNeed.FIRST, problem)
        _say(desired, state, "credential-unfit", problem, held.report.hint)
    else:
        _surplus(desired, held, implies, state)


def _problem(desired: DesiredConnection, slot: Slot, implies: Implies) -> str:
    """Why the credential in *slot* cannot serve; empty when it can, as far as is known."""
    if slot.report.verdict in UNUSABLE:
        return f"the credential in {slot.place} does not work: {slot.report.cause}"
    verdict = scopes_of(desired, slot.report, implies)
    if verdict is not None and verdict.missing:
        return f"the credential in {slot.place} lacks {', '.join(verdict.missing)}"
    return ""


def _fits(
    desired: DesiredConnection,
    record: Record,
    candidate: Slot,
    implies: Implies,
    state: CredentialState,
) -> bool:
    """Whether a successor can take over; if not, why, as a finding."""
    problem = _problem(desired, candidate, implies)
    report = candidate.report
    if not problem and report.verdict is Verdict.UNKNOWN:
        problem = f"the new secret in {candidate.place} could not be checked: {report.cause}"
    same_login = record.username == desired.method.username
    if (
        not problem
        and same_login
        and report.identity not in ("", record.identity or report.identity)
    ):
        problem = (
            f"the new secret in {candidate.place} belongs to {report.login or report.identity}, "
            f"not to {desired.method.username or 'the account recorded'}"
        )
    if problem:
        _say(desired, state, "successor-unfit", problem, report.hint or "put another in its place")
    else:
        _surplus(desired, candidate, implies, state)
    return not problem


def _held(
    desired: DesiredConnection,
    record: Record,
    view: ConnectionView,
    implies: Implies,
    state: CredentialState,
) -> None:
    """The credential in use: is it there, alive, and of the wanted scopes?"""
    held = view.credential.held
    if held is None:
        why = view.credential.missing or "the recorded secret is no longer in its place"
        _say(
            desired,
            state,
            "secret-missing",
            f"the credential cannot be checked: {why}",
            "put the secret back in its place",
            Severity.WARNING,
        )
        if set(record.scopes) != set(desired.method.scopes):
            _need(state, CredentialNeed.SCOPES, "the wanted scopes were changed")
        return
    report = held.report
    if report.verdict is Verdict.UNKNOWN:
        _say(
            desired,
            state,
            "credential-unknown",
            f"the credential could not be checked: {report.cause}",
            report.hint,
            Severity.WARNING,
        )
        return
    if report.verdict in UNUSABLE:
        _need(
            state,
            CredentialNeed.DEAD,
            f"the credential in {held.place} does not work: {report.cause}",
        )
        _say(desired, state, "credential-dead", state.why, report.hint)
        return
    issued = view.issued_as(record.token_id)
    if issued is not None and report.scopes is None:
        held = replace(held, report=replace(report, scopes=issued.scopes))
    _scopes(desired, record, held, implies, state, is_ours=issued is not None)


def _scopes(
    desired: DesiredConnection,
    record: Record,
    held: Slot,
    implies: Implies,
    state: CredentialState,
    *,
    is_ours: bool,
) -> None:
    """*is_ours*: made for this connection alone, so that whatever it holds beyond is drift."""
    wanted, recorded = set(desired.method.scopes), set(record.scopes)
    verdict = scopes_of(desired, held.report, implies, state.partners)
    if verdict is None:
        if wanted != recorded:
            _need(state, CredentialNeed.SCOPES, "the wanted scopes were changed in the YAML")
        return
    narrowed = verdict.surplus
    if not is_ours:
        narrowed = in_order((recorded - wanted) & set(verdict.surplus))
    if verdict.missing:
        _need(state, CredentialNeed.SCOPES, f"the credential lacks {', '.join(verdict.missing)}")
        _say(
            desired,
            state,
            "scopes-missing",
            state.why,
            "the plan says how they are brought in line",
        )
    elif narrowed:
        _need(state, CredentialNeed.SCOPES, f"the credential still holds {', '.join(narrowed)}")
    else:
        _surplus(desired, held, implies, state)


def _surplus(
    desired: DesiredConnection, slot: Slot, implies: Implies, state: CredentialState
) -> None:
    verdict = scopes_of(desired, slot.report, implies, state.partners)
    if verdict is not None and verdict.surplus:
        _say(
            desired,
            state,
            "scopes-surplus",
            f"{slot.place} holds more than declared: {', '.join(verdict.surplus)}",
            "mint the next one without them",
            Severity.WARNING,
        )


def _aging(
    desired: DesiredConnection,
    record: Record,
    view: ConnectionView,
    state: CredentialState,
    now: datetime,
) -> None:
    end, notice = state.expires_at, desired.method.rotate_before
    issued = view.issued_as(record.token_id)
    if issued is not None and end is not None and end == issued.expires_at:
        # A provider may give less than was asked: its next one would be due at once, for ever.
        notice = min(notice, (end - record.credential_since) / 3)
    if end is not None and end - notice <= now:
        when = "expired" if end <= now else "expires"
        _need(state, CredentialNeed.EXPIRING, f"the credential {when} on {end:%Y-%m-%d}")


def _say(
    desired: DesiredConnection,
    state: CredentialState,
    code: str,
    message: str,
    hint: str,
    severity: Severity = Severity.ERROR,
) -> None:
    where = desired.mark("secret" if "secret" in desired.marks else "method")
    state.findings.append(Finding(code, severity, message, hint, where))
