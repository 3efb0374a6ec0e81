"""Progress: sparse lines without a terminal, a display with one, silence when asked."""

from __future__ import annotations

import pytest

from reconciler.cli.context import Globals
from reconciler.cli.progress import Lines, Live, Silent, reporting
from reconciler.ports.provider import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_quick_work_says_nothing() -> None:
    said: list[str] = []
    clock = Clock()
    lines = Lines(said.append, clock)
    lines("listing acme", 1, 5)
    clock.now += 1.9
    lines("listing acme", 5, 5)
    assert said == []


def test_long_work_says_a_line_now_and_then() -> None:
    said: list[str] = []
    clock = Clock()
    lines = Lines(said.append, clock)
    for step in range(1, 21):
        clock.now += 0.5
        lines("listing acme", step * 1000, 20000)
    assert said == ["listing acme: 4,000 of 20,000", "listing acme: 14,000 of 20,000"]


def test_unknown_totals_and_hostile_names_are_told_plainly() -> None:
    said: list[str] = []
    clock = Clock()
    lines = Lines(said.append, clock)
    clock.now += 3
    lines("listing \x1b[2J", 7, None)
    lines.stop()
    assert said == ["listing \\x1b[2J: 7"]


def test_quiet_means_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(Globals(quiet=True)) as reporter:
        assert isinstance(reporter, Silent)
        reporter("listing", 1, None)
    assert capsys.readouterr().err == ""


def test_a_reporter_is_what_ports_expect() -> None:
    with reporting(Globals()) as reporter:
        port: Progress = reporter
        port("listing", 1, 2)
        assert isinstance(reporter, Lines)


def test_the_display_begins_anew_after_it_made_room_for_a_question(
    capsys: pytest.CaptureFixture[str],
) -> None:
    live = Live()
    for _ in range(2):
        live("listing [bold]acme[/bold]", 1, 2)
        live("listing [bold]acme[/bold]", 2, 2)
        live.stop()
    live.stop()
    assert capsys.readouterr().out == ""
