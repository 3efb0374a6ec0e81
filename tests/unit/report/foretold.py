"""Forecasts and begun rotations with a bit of everything in them."""

from __future__ import annotations

from datetime import date, timedelta

from reconciler.model.forecast import (
    Forecast,
    ForecastEntry,
    ForecastKind,
    RotationPhase,
    RotationStatus,
)
from tests import builders as b

HOSTILE = 'ox\r\nBEGIN:VEVENT\r\nSUMMARY:gotcha;a,b\\n"\x1b[2K\u202e\u2028\x00'
"""Text that would like to be a calendar's lines, or a terminal's orders."""


def an_entry(**overrides: object) -> ForecastEntry:
    fields: dict[str, object] = {
        "on": date(2026, 12, 1),
        "subject": "connection.ox-acme",
        "kind": ForecastKind.ROTATES,
        "by_person": True,
        "detail": "make a new api-token and put it into file secrets/ox-bot.token.next",
        "place": "file secrets/ox-bot.token",
        "address": b.an_address(),
        "source": b.a_mark(12, 5),
        **overrides,
    }
    return ForecastEntry(**fields)  # type: ignore[arg-type]  # overrides are the fields' own


def a_forecast(*entries: ForecastEntry, days: int = 400) -> Forecast:
    return Forecast(b.NOW, days, entries, ("consumer.ox-prod key",), b.LINEAGE)


def a_rich_forecast() -> Forecast:
    by_itself = "`reconciler rotate --due` makes a new one through the API of Bitbucket Data Center"
    past = date(2026, 11, 1)
    return a_forecast(
        an_entry(
            on=b.NOW.date(), overdue_since=past, detail=f"overdue since {past}: make a new one"
        ),
        an_entry(
            on=b.NOW.date(),
            subject="account.acme reader",
            address=None,
            kind=ForecastKind.EXPIRES,
            source=b.a_mark(4, 5),
            detail="from this day on the repositories of acme cannot be listed",
        ),
        an_entry(on=date(2026, 11, 25), kind=ForecastKind.EXPIRES, assumed=True, source=None),
        an_entry(
            on=date(2026, 12, 1),
            subject="connection.nx-acme",
            address=b.an_address("nx-acme"),
            kind=ForecastKind.ENDS,
            detail="global tokens end on this day: scope them (https://devblogs.example/)",
            place="",
        ),
        *(
            an_entry(
                on=date(2027, 2, month),
                subject="connection.dc-acme",
                address=b.an_address("dc-acme"),
                by_person=False,
                detail=by_itself,
                assumed=month > 1,
            )
            for month in (1, 20)
        ),
    )


def some_rotations() -> tuple[RotationStatus, ...]:
    def status(name: str, phase: RotationPhase, step: str, **rest: object) -> RotationStatus:
        since = b.NOW - timedelta(days=3)
        return RotationStatus(b.an_address(name), phase, step, since, **rest)  # type: ignore[arg-type]  # likewise

    return (
        status("a-begun", RotationPhase.BEGUN, "check-credential", next_step="a run is at it now"),
        status(
            "b-minted",
            RotationPhase.MINTED,
            "publish",
            next_step="the next apply gives the new credential to the consumer, or revokes it",
            stuck=True,
        ),
        status(
            "c-switched",
            RotationPhase.SWITCHED,
            "revoke-credential",
            next_step="the next apply ends the replaced credential",
        ),
        status(
            "d-draining",
            RotationPhase.DRAINING,
            "drain",
            next_step="the first apply after 2026-11-21 22:53 UTC revokes the replaced credential",
            until=b.NOW + timedelta(hours=2),
        ),
        status(
            "e-waiting",
            RotationPhase.WAITING,
            "revoke-old",
            next_step="a person revokes the replaced credential; `reconciler plan` shows how",
        ),
    )
