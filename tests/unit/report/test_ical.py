"""The forecast as a calendar, read back by a parser that is not the one that wrote it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import vobject

from reconciler.model.forecast import Forecast
from reconciler.model.secret import Secret
from reconciler.report.forecast_json import forecast_document
from reconciler.report.ical import REMIND_BEFORE, render_calendar
from tests import builders as b
from tests.unit.report.foretold import HOSTILE, a_forecast, a_rich_forecast, an_entry


def text_of(forecast: Forecast) -> str:
    return render_calendar(forecast_document(forecast))


def events(forecast: Forecast) -> list[Any]:
    return list(vobject.readOne(text_of(forecast)).contents.get("vevent", []))


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_every_entry_is_an_event_of_one_whole_day() -> None:
    found = events(a_rich_forecast())
    assert len(found) == 6
    first, expiry, *_ = found
    assert first.dtstart.value == date(2026, 11, 21)
    assert first.dtend.value == date(2026, 11, 22)
    assert first.dtstamp.value == datetime(2026, 11, 21, 20, 53, tzinfo=UTC)
    assert first.transp.value == "TRANSPARENT"
    assert first.summary.value == "connection.ox-acme is due to be rotated"
    assert expiry.summary.value == "account.acme reader expires"
    assert found[3].summary.value == "connection.nx-acme uses what ends"


def test_the_description_says_what_to_do_where_and_on_what_grounds() -> None:
    assert events(a_rich_forecast())[0].description.value.split("\n") == [
        "overdue since 2026-11-01: make a new one",
        "Done by a person.",
        "The secret: file secrets/ox-bot.token",
        "Declared at acme.yaml:12:5",
    ]
    assert events(a_rich_forecast())[2].description.value.endswith(
        "\nThe day rests on an assumption."
    )


def test_only_what_needs_a_person_rings() -> None:
    rings = {e.categories.value[2]: hasattr(e, "valarm") for e in events(a_rich_forecast())}
    assert rings == {"by a person": True, "by itself": False}
    alarm = events(a_rich_forecast())[0].valarm
    assert alarm.action.value == "DISPLAY"
    assert alarm.trigger.value == -REMIND_BEFORE == timedelta(days=-3)


def test_categories_tell_kind_and_doer() -> None:
    assert [tuple(e.categories.value) for e in events(a_rich_forecast())][3:5] == [
        ("reconciler", "ends", "by a person"),
        ("reconciler", "rotates", "by itself"),
    ]


def test_a_later_forecast_moves_an_event_and_adds_none() -> None:
    [before] = events(a_forecast(an_entry()))
    later = Forecast(
        b.NOW + timedelta(days=1), 90, (an_entry(on=date(2026, 12, 9)),), lineage=b.LINEAGE
    )
    [after] = events(later)
    assert before.uid.value == after.uid.value
    assert int(after.sequence.value) > int(before.sequence.value)


def test_no_two_events_share_an_identity() -> None:
    uids = [e.uid.value for e in events(a_rich_forecast())]
    assert len(set(uids)) == len(uids) == 6
    elsewhere = Forecast(b.NOW, 90, (an_entry(),), lineage="another")
    assert events(elsewhere)[0].uid.value not in uids


def test_a_hostile_name_stays_text() -> None:
    forecast = a_forecast(an_entry(subject=HOSTILE, detail=HOSTILE, place=HOSTILE))
    text = text_of(forecast)
    [event] = events(forecast)
    shown = r'ox\r\nBEGIN:VEVENT\r\nSUMMARY:gotcha;a,b\n"\x1b[2K\u202e\u2028\x00'
    assert event.summary.value == f"{shown} is due to be rotated"
    assert event.description.value.split("\n")[0] == shown
    assert [line for line in unfolded(text) if line.startswith("BEGIN:VEVENT")] == ["BEGIN:VEVENT"]
    assert all(c in "\r\n" or c.isprintable() for c in text)


def test_lines_are_folded_and_long_words_of_any_script_survive() -> None:
    long = "Größe 容量 " * 40
    text = text_of(a_forecast(an_entry(detail=long)))
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert "\n" not in text.replace("\r\n", "")
    assert text.endswith("END:VCALENDAR\r\n")
    assert long in events(a_forecast(an_entry(detail=long)))[0].description.value


def test_folding_hides_no_secret_from_the_scrubber() -> None:
    value = "swordfish-" * 12
    Secret(value)
    text = text_of(a_forecast(an_entry(detail=f"it is {value}", place=value, subject=value)))
    assert "swordfish" not in "".join(unfolded(text))
    assert "it is ***" in text


def test_a_forecast_of_nothing_is_a_calendar_without_events() -> None:
    calendar = vobject.readOne(text_of(a_forecast()))
    assert calendar.version.value == "2.0"
    assert calendar.prodid.value == "-//reconciler//forecast//EN"
    assert events(a_forecast()) == []
