"""Limits that a plan as a whole must keep, and the windows in which nothing is applied. Pure."""

from __future__ import annotations

from datetime import datetime

from reconciler.model.action import Action, Refusal, Withheld, WithheldCode
from reconciler.model.desired import Freeze, Limits
from reconciler.model.method import ActionKind


def refusals(actions: tuple[Action, ...], limits: Limits, recorded: int) -> tuple[Refusal, ...]:
    """Every limit that *actions* break. *recorded* counts the connections in the registry."""
    found = [r for action in actions for r in _selection_limits(action, limits)]
    # What an interrupted run left behind was never declared: it has no source and no record.
    ending = sum(a.kind is ActionKind.DISCONNECT and a.source is not None for a in actions)
    if ending > limits.disconnects:
        found.append(
            Refusal(
                "disconnects", f"{ending} connections would end; the limit is {limits.disconnects}"
            )
        )
    if recorded >= limits.percent_from and ending * 100 > limits.disconnect_percent * recorded:
        found.append(
            Refusal(
                "disconnectPercent",
                f"{ending} of {recorded} connections would end; the limit is "
                f"{limits.disconnect_percent} %",
            )
        )
    if ending > 1 and ending == recorded:
        found.append(Refusal("lastConnection", f"all {recorded} connections would end"))
    return tuple(found)


def _selection_limits(action: Action, limits: Limits) -> list[Refusal]:
    change = action.selection
    if change is None or not change.remove or action.kind is ActionKind.DISCONNECT:
        return []
    gone = len(change.remove)
    staying = sum(not s.orphaned for s in change.target.values()) - len(change.add)
    before = staying + gone
    found: list[Refusal] = []
    if gone > limits.removed_repositories:
        found.append(
            Refusal(
                "removedRepositories",
                f"{action.address} would lose {gone} repositories; the limit is "
                f"{limits.removed_repositories}",
            )
        )
    if before >= limits.percent_from and gone * 100 > limits.removed_percent * before:
        found.append(
            Refusal(
                "removedPercent",
                f"{action.address} would lose {gone} of {before} repositories; the limit is "
                f"{limits.removed_percent} %",
            )
        )
    if staying <= 0 and not change.add:
        found.append(Refusal("lastRepository", f"{action.address} would lose its last repository"))
    return found


def frozen(
    actions: tuple[Action, ...], freezes: tuple[Freeze, ...], now: datetime
) -> tuple[tuple[Action, ...], tuple[Withheld, ...]]:
    """Inside a freeze window every action is withheld."""
    freeze = next((f for f in freezes if f.start <= now < f.end), None)
    if freeze is None:
        return actions, ()
    return (), tuple(
        Withheld(
            action.address,
            action.kind,
            WithheldCode.FREEZE,
            f"frozen until {freeze.end:%Y-%m-%d %H:%M} UTC: {freeze.reason}",
            "apply after the window",
            action.source,
            action.changes,
        )
        for action in actions
    )
