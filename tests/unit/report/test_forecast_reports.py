"""Forecasts and begun rotations: documents and texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from reconciler.model.forecast import Forecast
from reconciler.report.forecast_json import forecast_document
from reconciler.report.paint import ANSI, PLAIN
from reconciler.report.rotation_json import render_rotations, rotation_document, rotation_sentence
from reconciler.report.terminal_forecast import forecast_sentence, render_forecast
from tests import builders as b
from tests.unit.report.foretold import (
    HOSTILE,
    a_forecast,
    a_rich_forecast,
    an_entry,
    some_rotations,
)
from tests.unit.report.schemas import assert_valid, undeclared_keys

Golden = Callable[[str, str], None]


def rotations_document() -> dict[str, Any]:
    return rotation_document(some_rotations(), now=b.NOW)


def test_a_forecast_reads_as_the_golden_file(matches_golden: Golden) -> None:
    document = forecast_document(a_rich_forecast())
    matches_golden("forecast.txt", render_forecast(document, paint=PLAIN))


def test_begun_rotations_read_as_the_golden_file(matches_golden: Golden) -> None:
    matches_golden("rotations.txt", render_rotations(rotations_document(), paint=PLAIN))


@pytest.mark.parametrize(
    ("name", "document"),
    [
        pytest.param("forecast", forecast_document(a_rich_forecast()), id="forecast"),
        pytest.param("forecast", forecast_document(a_forecast()), id="empty-forecast"),
        pytest.param("rotation", rotations_document(), id="rotations"),
        pytest.param("rotation", rotation_document((), now=b.NOW), id="no-rotations"),
    ],
)
def test_the_document_is_what_the_schema_publishes(name: str, document: dict[str, Any]) -> None:
    assert_valid(name, document)
    assert undeclared_keys(name, document) == set()


def test_every_entry_is_counted() -> None:
    assert forecast_document(a_rich_forecast())["summary"] == {
        "entries": 6,
        "by_person": 4,
        "by_itself": 2,
        "overdue": 1,
        "expires": 2,
        "rotates": 3,
        "ends": 1,
        "unknown": 1,
    }


@pytest.mark.parametrize(
    ("forecast", "sentence"),
    [
        pytest.param(a_forecast(days=1), "Forecast: nothing within 1 day.", id="nothing"),
        pytest.param(
            a_forecast(an_entry(by_person=False)),
            "Forecast: 1 entry within 400 days, 1 by itself.",
            id="by-itself",
        ),
        pytest.param(
            a_rich_forecast(),
            "Forecast: 6 entries within 400 days, 4 for a person, 2 by itself, 1 overdue.",
            id="everything",
        ),
    ],
)
def test_the_forecast_in_one_line(forecast: Forecast, sentence: str) -> None:
    assert forecast_sentence(forecast_document(forecast)) == sentence


@pytest.mark.parametrize(
    ("day", "title"),
    [
        pytest.param(date(2026, 11, 21), "Today", id="today"),
        pytest.param(date(2026, 11, 22), "Within 7 days", id="tomorrow"),
        pytest.param(date(2026, 11, 28), "Within 7 days", id="seventh"),
        pytest.param(date(2026, 11, 29), "Within 30 days", id="eighth"),
        pytest.param(date(2026, 12, 22), "Later", id="thirty-first"),
    ],
)
def test_a_day_stands_in_its_group(day: date, title: str) -> None:
    text = render_forecast(forecast_document(a_forecast(an_entry(on=day))), paint=PLAIN)
    assert text.startswith(f"{title}\n  {day}  a person   rotates  connection.ox-acme\n")


def test_colours_change_no_word() -> None:
    document = forecast_document(a_rich_forecast())
    for paint in (
        render_forecast(document, paint=ANSI),
        render_rotations(rotations_document(), paint=ANSI),
    ):
        assert "\x1b[1m" in paint
    bare = re.sub(r"\x1b\[\d+m", "", render_forecast(document, paint=ANSI))
    assert bare == render_forecast(document, paint=PLAIN)


def test_a_hostile_name_cannot_paint_the_terminal() -> None:
    entry = an_entry(detail=HOSTILE, subject=HOSTILE)
    text = render_forecast(forecast_document(a_forecast(entry)), paint=PLAIN)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nBEGIN" not in text


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        pytest.param(slice(0, 0), "No rotation is under way.", id="none"),
        pytest.param(slice(0, 1), "1 rotation under way.", id="one"),
        pytest.param(
            slice(0, 5), "5 rotations under way, 1 waits for a person, 1 stuck.", id="all"
        ),
    ],
)
def test_begun_rotations_in_one_line(chosen: slice, sentence: str) -> None:
    document = rotation_document(some_rotations()[chosen], now=b.NOW)
    assert rotation_sentence(document) == sentence
