"""The steps that keep webhooks as declared, put into the action that is taken anyway. Pure."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.action import (
    Action,
    DropWebhook,
    ManualStep,
    PutWebhook,
    Remember,
    Step,
    WithheldCode,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, Difference
from reconciler.model.method import ActionKind
from reconciler.model.record import Record
from reconciler.plan import withhold
from reconciler.plan.actions import Decision, act
from reconciler.plan.rotate import as_recorded

_ENDS = (ActionKind.FORGET, ActionKind.DISCONNECT)


def with_webhooks(difference: Difference, decision: Decision) -> Decision:
    """*decision*, and what has to be done about webhooks."""
    if not difference.webhooks:
        return decision
    if decision.actions:
        first, *others = decision.actions
        return replace(decision, actions=(_woven(difference, first), *others))
    desired, record = difference.desired, difference.record
    is_unknown = any(w.code is WithheldCode.UNREADABLE for w in decision.withheld)
    if desired is None or record is None or is_unknown:
        return decision
    return _alone(difference, desired, record, decision)


def _alone(
    difference: Difference, desired: DesiredConnection, record: Record, decision: Decision
) -> Decision:
    """Nothing else is to be done to the connection."""
    kind = ActionKind.RESCOPE
    refused = withhold.not_managed(difference, kind)
    if refused is not None:
        return replace(decision, withheld=(*decision.withheld, refused))
    changed = [c for c in difference.changes if c.path == "webhooks"]
    by_yaml = any(c.cause is Cause.YAML for c in changed)
    code = "rescope_because_changed" if by_yaml else "rescope_because_drift"
    place = desired.mark("webhooks")
    why = f"webhooks changed at {place}" if by_yaml else "somebody changed its webhooks"
    steps = (*_steps(difference), Remember("webhooks changed"))
    action = act(as_recorded(difference, record), kind, code, why, steps)
    action = replace(action, webhooks=difference.webhooks.target)
    return replace(decision, actions=(action,))


def _steps(difference: Difference) -> tuple[Step, ...]:
    """New ones first, then those that go."""
    change = difference.webhooks
    put = tuple(PutWebhook(webhook, live_id) for webhook, live_id in change.put)
    return (*put, *(DropWebhook(webhook) for webhook in change.drop))


def _woven(difference: Difference, action: Action) -> Action:
    """*action* with the steps for webhooks before it is first recorded.

    Before a person's step they go at once: nobody knows how long that will wait.
    """
    place = next(
        n for n, step in enumerate(action.steps) if isinstance(step, Remember | ManualStep)
    )
    if action.kind in _ENDS or isinstance(action.steps[place], ManualStep):
        place = 0
    steps = (*action.steps[:place], *_steps(difference), *action.steps[place:])
    return replace(action, steps=steps, webhooks=difference.webhooks.target)
