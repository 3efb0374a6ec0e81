"""How connections stand: the reports of `drift` and `verify`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.errors import Severity, SourceMark
from reconciler.model.action import Waiting
from reconciler.model.address import ConnectionAddress
from reconciler.model.drift import FieldChange, Finding
from reconciler.model.observed import Reads


class DriftStatus(StrEnum):
    """How a connection stands, seen from the record."""

    IN_SYNC = "in-sync"
    DRIFTED = "drifted"  # live differs from the record
    UNAPPLIED = "unapplied"  # YAML differs from the record
    GONE = "gone"  # recorded, not live any more
    UNREADABLE = "unreadable"
    STUCK = "stuck"  # a rotation was begun and does not go on


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One connection in a drift report."""

    address: ConnectionAddress
    status: DriftStatus
    changes: tuple[FieldChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    source: SourceMark | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A live connection that nobody declared."""

    consumer: str
    id: str
    name: str
    provider: str
    method: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Live against recorded, without anything that could write."""

    items: tuple[DriftItem, ...]
    unmanaged: tuple[Unmanaged, ...]
    waiting: tuple[Waiting, ...]
    reads: tuple[Reads, ...]
    created_at: datetime
    lineage: str
    serial: int

    @property
    def has_drift(self) -> bool:
        """Whether anybody changed a recorded connection live."""
        outside = (DriftStatus.DRIFTED, DriftStatus.GONE, DriftStatus.STUCK)
        return any(i.status in outside for i in self.items)

    @property
    def errored(self) -> bool:
        """Whether anything could not be read."""
        return any(i.status is DriftStatus.UNREADABLE for i in self.items)


@dataclass(frozen=True, slots=True)
class VerifyLine:
    """One line of `verify`: a connection and whether it works end to end."""

    address: ConnectionAddress
    ok: bool
    severity: Severity
    summary: str
    hint: str = ""
    details: tuple[str, ...] = ()
