"""What became of a plan, action by action."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.action import ManualStep, Plan
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import ActionKind


class OutcomeState(StrEnum):
    """How an action ended."""

    DONE = "done"
    WAITING = "waiting"  # for a person
    FAILED = "failed"
    SKIPPED = "skipped"  # not begun, because something before it failed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action. ``waits`` is the manual step it stopped at."""

    address: ConnectionAddress
    kind: ActionKind
    state: OutcomeState
    detail: str = ""
    hint: str = ""
    waits: ManualStep | None = None
    steps_done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What became of a plan."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    serial_before: int
    serial_after: int
    lineage: str

    @property
    def failed(self) -> bool:
        """Whether anything failed or was left undone."""
        bad = (OutcomeState.FAILED, OutcomeState.SKIPPED)
        return any(o.state in bad for o in self.outcomes)
