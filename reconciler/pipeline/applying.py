"""Plan, make sure it is the reviewed one, ask, carry it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.apply import Execution, execute
from reconciler.diff import explain
from reconciler.errors import (
    PlanMovedError,
    PlanRefusedError,
)
from reconciler.model.action import Plan
from reconciler.model.desired import DesiredState
from reconciler.model.outcome import ApplyReport
from reconciler.pipeline.survey import (
    Expectation,
    RotateRequest,
    Survey,
    survey_of,
)
from reconciler.ports.bundle import Ports
from reconciler.report.plan_json import plan_document


async def plan(state: DesiredState, ports: Ports, *, rotate: RotateRequest | None = None) -> Plan:
    """What `apply` would do now. Writes nothing anywhere."""
    survey = await survey_of(state, ports, rotate)
    await survey.handles.aclose()
    return replace(survey.plan, reads=survey.handles.reads())


async def apply(
    state: DesiredState,
    ports: Ports,
    *,
    approve: Callable[[Plan], bool],
    on_event: Callable[[str, str], None],
    expect: Expectation | None = None,
    accept_limits: str = "",
    rotate: RotateRequest | None = None,
    lock_timeout_s: float = 0,
) -> ApplyReport | None:
    """Plan, make sure it is the reviewed plan, ask, and carry it out.

    Args:
        state: as validated.
        ports: the outside world.
        approve: shown the plan; False ends here.
        on_event: told an address and what happens to it.
        expect: the reviewed plan; anything else is refused.
        accept_limits: the digest of a plan whose broken limits are accepted this once.
        rotate: limits the plan to rotations.
        lock_timeout_s: seconds to wait for somebody else's lease; when he changed anything of
            these connections, it is planned and approved again.

    Returns:
        What became of every action; None when it was not approved.

    Raises:
        PlanRefusedError: not the reviewed plan, or over a limit.
        LeaseHeldError: somebody else is applying.
    """
    until = ports.now() + timedelta(seconds=lock_timeout_s)
    while True:
        survey = await survey_of(state, ports, rotate)
        try:
            if expect is not None:
                _ensure_holds(survey.plan, expect)
            approved = approve(survey.plan)
            _ensure_within_limits(survey.plan, accept_limits)
            if not approved:
                return None
            return await _carry_out(survey, state, ports, until, on_event)
        except PlanMovedError:
            if expect is not None or ports.now() >= until:
                raise
            on_event("registry", "somebody else applied meanwhile; planning again")
        finally:
            await survey.handles.aclose()


async def _carry_out(
    survey: Survey,
    state: DesiredState,
    ports: Ports,
    until: datetime,
    tell: Callable[[str, str], None],
) -> ApplyReport:
    run = Execution(
        plan=survey.plan,
        state=state,
        snapshot=survey.snapshot,
        observed=survey.observed,
        ports=ports,
        handles=survey.handles,
        holder=ports.who,
        lock_timeout=until - ports.now(),
        tell=tell,
    )
    outcomes = await execute(run) if survey.plan.actions else ()
    after = ports.registry.outline()
    return ApplyReport(
        plan=survey.plan,
        outcomes=outcomes,
        serial_before=survey.plan.inputs.serial,
        serial_after=after.serial,
        lineage=after.lineage,
    )


def _ensure_holds(plan: Plan, expect: Expectation) -> None:
    """Refuse anything but the plan that was reviewed, and say what moved since."""
    if plan.digest == expect.digest:
        return
    moved: tuple[str, ...] = (
        "the reviewed plan is not at hand; `apply PLAN_FILE` says what moved",
    )
    if expect.document is not None:
        before = expect.document.get("inputs", {})
        moved = explain(before, plan_document(plan, version="")["inputs"]) or (
            "what is due or frozen has changed",
        )
    raise PlanRefusedError(
        f"the reviewed plan {expect.digest[:19]}… no longer holds; now it is {plan.digest[:19]}…",
        hint="look at the new plan with `reconciler plan`, and apply that one",
        moved=moved,
    )


def _ensure_within_limits(plan: Plan, accepted: str) -> None:
    if accepted and accepted != plan.digest:
        raise PlanRefusedError(
            f"the accepted plan {accepted[:19]}… is not this one, {plan.digest[:19]}…",
            hint="accept the digest that the plan shows",
        )
    if plan.refusals and not accepted:
        raise PlanRefusedError(
            "the plan breaks a limit: " + "; ".join(r.why for r in plan.refusals),
            hint=f"to accept this plan once: reconciler apply --accept-limits {plan.digest}",
        )
