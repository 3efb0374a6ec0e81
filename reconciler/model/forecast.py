"""What is to come: ends of credentials, and how far rotations have got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress


class ForecastKind(StrEnum):
    """What happens on a day."""

    EXPIRES = "expires"  # a credential ends
    ROTATES = "rotates"  # `rotate --due` would replace it from this day on
    ENDS = "ends"  # an end that a provider or consumer has announced


@dataclass(frozen=True, slots=True)
class ForecastEntry:
    """One day on which something happens to one credential.

    ``subject`` names it: ``connection.ox-acme``, ``account.acme reader``. ``address`` is set for
    connections. ``by_person`` says that somebody has to do something; ``detail`` says what, or
    what the reconciler does by itself. ``assumed`` says that the day rests on an assumption, such
    as a first apply today. ``place`` is where the secret lies, in words. ``overdue_since`` is the
    real day of what is past; then ``on`` is today.
    """

    on: date
    subject: str
    kind: ForecastKind
    by_person: bool
    detail: str
    place: str = ""
    assumed: bool = False
    address: ConnectionAddress | None = None
    source: SourceMark | None = None
    overdue_since: date | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Every entry of the next ``days``, by day; ``unknown`` names credentials without any end.

    ``lineage`` is that of the registry: it keeps the calendars of two projects apart.
    """

    created_at: datetime
    days: int
    entries: tuple[ForecastEntry, ...]
    unknown: tuple[str, ...] = ()
    lineage: str = ""

    @property
    def needs_person(self) -> bool:
        """Whether anything on the list waits for somebody."""
        return any(entry.by_person for entry in self.entries)


class RotationPhase(StrEnum):
    """How far a rotation has come."""

    BEGUN = "begun"  # nothing was made yet
    MINTED = "minted"  # a new credential exists, the consumer uses the old one
    SWITCHED = "switched"  # the consumer uses the new one, the old one is not revoked yet
    DRAINING = "draining"  # likewise, for the overlap
    WAITING = "waiting"  # for a person


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """One rotation that was begun and is not finished.

    ``until`` is the end of the overlap (UTC) where there is one. ``stuck`` says that it should
    have gone on by now; ``next_step`` says in words what comes next and who does it.
    """

    address: ConnectionAddress
    phase: RotationPhase
    step: str
    since: datetime
    next_step: str
    until: datetime | None = None
    stuck: bool = False
