"""Hints and durations: the small words that messages are made of."""

from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.bulk import collector_paused
from reconciler.model.suggest import did_you_mean, listed, nearest, suggestion
from reconciler.model.times import parse_duration, parse_moment


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert (
        nearest("RepositorySelecton", ["Account", "RepositorySelection"]) == "RepositorySelection"
    )
    assert nearest("account", ["Account"]) == "Account"
    assert nearest("zebra", ["Account"]) == ""
    assert did_you_mean("api-tokn", ["api-token"]) == 'did you mean "api-token"?'
    assert did_you_mean("zebra", ["api-token"]) == ""


def test_long_lists_are_cut_and_empty_ones_say_so() -> None:
    assert listed(["b", "a", "b"]) == "a, b"
    assert listed([]) == "none"
    assert listed(f"n{n:02}" for n in range(15)).endswith("n11 and 3 more")
    assert suggestion("acne", ["acme"], what="accounts") == 'did you mean "acme"?; accounts: acme'
    assert suggestion("x", [], what="accounts") == "accounts: none"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", timedelta(seconds=60)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("365d", timedelta(days=365)),
        ("99999d", timedelta(days=99999)),
    ],
)
def test_durations_are_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "0d", "1w", "1 d", "1.5h", "100000d", "1d\n", "-1d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_moments_are_utc_and_a_day_is_its_first_instant() -> None:
    assert parse_moment("2027-03-19") == datetime(2027, 3, 19, tzinfo=UTC)
    assert parse_moment("2027-03-19T01:00:00+02:00") == datetime(2027, 3, 18, 23, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        parse_moment("2027-03-19T01:00:00")


def test_the_collector_works_again_afterwards() -> None:
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
