from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.transport.retry import Patience, Waits, parse_retry_after

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@given(st.integers(0, 10**6))
def test_whole_seconds_are_taken_as_they_are(seconds: int) -> None:
    assert parse_retry_after(f" {seconds} ", NOW) == seconds


@given(st.integers(-(10**6), 10**6))
def test_a_date_is_counted_from_now_and_the_past_means_at_once(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(date, NOW) == max(0, seconds)


@given(st.text(max_size=40))
def test_any_text_is_either_understood_or_passed_over(text: str) -> None:
    found = parse_retry_after(text, NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", "inf", "nan", "Wed, 99 Nov 2026 12:00:00 GMT"],
    ids=["absent", "empty", "word", "infinite", "not-a-number", "no-such-day"],
)
def test_what_says_nothing_readable_asks_for_nothing(text: str | None) -> None:
    assert parse_retry_after(text, NOW) is None


def test_a_date_without_zone_is_read_as_utc() -> None:
    assert parse_retry_after("Sat, 21 Nov 2026 12:00:07 -0000", NOW) == 7


def test_pauses_double_up_to_the_longest_and_then_end() -> None:
    waits = Waits(Patience(tries=6, base_s=1, longest_s=4, total_s=60), random_=lambda: 0.0)
    pauses = [waits.next() for _ in range(6)]
    assert pauses == [1, 2, 4, 4, 4, None]
    assert (waits.tries, waits.spent_s) == (6, 15)


@given(st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_pause_by_half_at_most(chance: float) -> None:
    pause = Waits(Patience(base_s=2), random_=lambda: chance).next()
    assert pause is not None
    assert 1 <= pause <= 2


def test_what_is_asked_for_is_never_shortened() -> None:
    assert Waits(Patience(longest_s=1), random_=lambda: 0.9).next(30) == 30


def test_asking_beyond_the_total_ends_patience_at_once() -> None:
    waits = Waits(Patience(total_s=60))
    assert waits.next(61) is None
    assert waits.spent_s == 0


def test_pauses_asked_for_add_up_against_the_total() -> None:
    waits = Waits(Patience(tries=9, total_s=60))
    assert [waits.next(25), waits.next(25), waits.next(25)] == [25, 25, None]
