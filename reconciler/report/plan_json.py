"""Plan → its document, shaped like Terraform's plan JSON. Pure; stage 7.

Source of the shape: https://developer.hashicorp.com/terraform/internals/json-format
[documented, 2026-11-21]. Unlike Terraform's, ours never contains a sensitive value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.model.action import (
    Action,
    AddCredential,
    Inputs,
    Plan,
    Promote,
    TakeOver,
    Withheld,
)
from reconciler.model.address import ConnectionAddress
from reconciler.model.drift import Cause, SelectionChange
from reconciler.model.method import ActionKind
from reconciler.report.outline import (
    FORMAT_VERSION,
    Document,
    as_found,
    change_document,
    is_sensitive,
    note_document,
    place,
    plain,
    reads_document,
    stamp,
    waiting_documents,
)
from reconciler.report.steps import step_document

ACTIONS: dict[ActionKind, list[str]] = {
    ActionKind.CONNECT: ["create"],
    ActionKind.RESCOPE: ["update"],
    ActionKind.ROTATE: ["update"],
    ActionKind.RECONNECT: ["create", "delete"],
    ActionKind.ADOPT: ["no-op"],
    ActionKind.RELINK: ["update"],
    ActionKind.DISCONNECT: ["delete"],
    ActionKind.FORGET: ["forget"],
}


def plan_document(plan: Plan, *, version: str) -> Document:
    """The whole plan: everything that its text needs and nothing secret.

    ``version`` is that of the reconciler that made the plan.
    """
    return {
        "format_version": FORMAT_VERSION,
        "reconciler_version": version,
        "command": plan.command,
        "timestamp": stamp(plan.created_at),
        "digest": plan.digest,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "errored": bool(plan.errors),
        "inputs": _inputs(plan.inputs),
        "resource_drift": list(_drift(plan)),
        "resource_changes": _resource_changes(plan),
        "withheld": [_withheld(item) for item in plan.withheld],
        "waiting": waiting_documents(plan.waiting),
        "refusals": [{"limit": item.limit, "why": item.why} for item in plan.refusals],
        "notes": [note_document(note) for note in plan.notes],
        "errors": [note_document(note) for note in plan.errors],
        "summary": summary(plan),
        "reads": reads_document(plan.reads),
    }


def summary(plan: Plan) -> dict[str, int]:
    """Counts. ``add``, ``change`` and ``remove`` are Terraform's; the rest say what is in them."""
    reconnects = plan.count(ActionKind.RECONNECT)
    return {
        "import": plan.count(ActionKind.ADOPT),
        "add": plan.count(ActionKind.CONNECT) + reconnects,
        "change": plan.count(ActionKind.RESCOPE, ActionKind.ROTATE, ActionKind.RELINK),
        "remove": plan.count(ActionKind.DISCONNECT) + reconnects,
        "rotate": plan.count(ActionKind.ROTATE),
        "relink": plan.count(ActionKind.RELINK),
        "forget": plan.count(ActionKind.FORGET),
        "withheld": len(plan.withheld),
        "waiting": len(plan.waiting),
    }


def _inputs(inputs: Inputs) -> Document:
    return {
        "config_digest": inputs.config,
        "state": {"lineage": inputs.lineage, "serial": inputs.serial},
        "policy_digest": inputs.policy,
        "environment": inputs.environment,
        "live_fingerprints": {key: dict(parts) for key, parts in sorted(inputs.live.items())},
    }


def _resource_changes(plan: Plan) -> list[Document]:
    """Every connection once: actions in the order in which they run, then the rest by address."""
    acted = {action.address for action in plan.actions}
    idle = {address: reason for address, reason in _idle(plan) if address not in acted}
    return [
        *(_resource_change(action) for action in plan.actions),
        *(_no_op(address, reason) for address, reason in sorted(idle.items())),
    ]


def _idle(plan: Plan) -> Iterator[tuple[ConnectionAddress, str | None]]:
    """Addresses that nothing is done to, with why; the last reason given wins."""
    yield from ((address, None) for address in plan.unchanged)
    yield from ((note.address, note.finding.code) for note in plan.errors if note.address)
    yield from ((item.address, "waiting_for_person") for item in plan.waiting)
    yield from ((item.address, item.code.value) for item in plan.withheld)


def _head(address: ConnectionAddress, provider: object) -> Document:
    return {
        "address": str(address),
        "mode": "managed",
        "type": "connection",
        "name": address.name,
        "provider_name": str(provider or ""),
    }


def _no_op(address: ConnectionAddress, reason: str | None) -> Document:
    return {
        **_head(address, ""),
        "change": _change(["no-op"], None, None),
        "action": None,
        "action_reason": reason,
        "reason": "",
        "source": None,
        "changes": [],
        "steps": [],
        "risk": None,
        "repositories": None,
    }


def _change(
    actions: list[str],
    before: Document | None,
    after: Document | None,
    *,
    unknown: Iterable[str] = (),
    sensitive_before: Iterable[str] = (),
    sensitive_after: Iterable[str] = (),
) -> Document:
    return {
        "actions": actions,
        "before": before,
        "after": after,
        "after_unknown": dict.fromkeys(unknown, True),
        "before_sensitive": dict.fromkeys(sensitive_before, True),
        "after_sensitive": dict.fromkeys(sensitive_after, True),
    }


def _resource_change(action: Action) -> Document:
    body = _head(action.address, action.after.get("provider") or action.before.get("provider"))
    if action.moved_from is not None:
        body["previous_address"] = str(action.moved_from)
    body |= {
        "change": _action_change(action),
        "action": action.kind.value,
        "action_reason": action.reason_code,
        "reason": action.reason,
        "source": place(action.source),
        "changes": [change_document(change) for change in action.changes],
        "steps": [step_document(step) for step in action.steps],
        "risk": {
            "reversible": action.risk.reversible,
            "overlap": action.risk.overlap,
            "gains": action.risk.gains,
            "loses": action.risk.loses,
        },
        "repositories": _repositories(action.selection),
    }
    return body


def _action_change(action: Action) -> Document:
    before = {key: plain(key, value) for key, value in action.before.items()} or None
    after = {key: plain(key, value) for key, value in action.after.items()} or None
    unknown: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    if any(isinstance(step, AddCredential | Promote) for step in action.steps):
        secret = ("secret",)
    if any(isinstance(step, AddCredential) for step in action.steps):
        unknown = ("live_id",)
    if before is not None:
        before |= dict.fromkeys(secret)
    if after is not None:
        after |= dict.fromkeys(secret + unknown)
    body = _change(
        _terraform_actions(action),
        before,
        after,
        unknown=unknown if after is not None else (),
        sensitive_before=[key for key in before or () if is_sensitive(key)],
        sensitive_after=[key for key in after or () if is_sensitive(key)],
    )
    taken = next((step.live_id for step in action.steps if isinstance(step, TakeOver)), None)
    return body if taken is None else {**body, "importing": {"id": taken}}


def _terraform_actions(action: Action) -> list[str]:
    """An adoption that also changes the selection is an update, as Terraform has it."""
    selects = action.selection is not None and action.selection.writes
    if action.kind is ActionKind.ADOPT and selects:
        return ["update"]
    return ACTIONS[action.kind]


def _repositories(selection: SelectionChange | None) -> Document | None:
    if selection is None:
        return None
    return {
        "selected": len(selection.target),
        "follows_new": selection.follows_new,
        "added": [label.name for label in selection.add],
        "removed": [label.name for label in selection.remove],
        "adopted": [label.name for label in selection.adopted],
        "renamed": [{"from": label.name, "to": name} for label, name in selection.renamed],
        "orphaned": [label.name for label in selection.orphaned],
        "kept": [label.name for label in selection.kept],
        "kept_why": selection.kept_why,
    }


def _drift(plan: Plan) -> Iterator[Document]:
    """What somebody changed live. Before is what was recorded, after what is live."""
    items: tuple[Action | Withheld, ...] = (*plan.actions, *plan.withheld)
    for item in items:
        changes = [as_found(change) for change in item.changes if change.cause is Cause.DRIFT]
        if changes:
            gone = item.kind is ActionKind.CONNECT
            sensitive = sorted({c.path for c in changes if is_sensitive(c.path)})
            yield {
                **_head(item.address, ""),
                "change": _change(
                    ["delete"] if gone else ["update"],
                    _merged((c.path, plain(c.path, c.before)) for c in changes),
                    None if gone else _merged((c.path, plain(c.path, c.after)) for c in changes),
                    sensitive_before=sensitive,
                    sensitive_after=() if gone else sensitive,
                ),
                "changes": [change_document(change) for change in changes],
            }


def _merged(values: Iterable[tuple[str, Any]]) -> Document:
    """One value for every path; lists of one path are joined."""
    merged: Document = {}
    for path, value in values:
        joins = isinstance(value, list) and isinstance(merged.get(path), list)
        merged[path] = merged[path] + value if joins else value
    return merged


def _withheld(item: Withheld) -> Document:
    return {
        "address": str(item.address),
        "name": item.address.name,
        "action": item.kind.value,
        "code": item.code.value,
        "why": item.why,
        "hint": item.hint,
        "source": place(item.source),
        "changes": [change_document(change) for change in item.changes],
    }
