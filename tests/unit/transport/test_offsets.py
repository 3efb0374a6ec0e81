from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Fault, RemoteError
from reconciler.transport.offsets import SPARE, OffsetPages, Stretch, Stretches

SIZE = 10


@dataclass
class Roll:
    """A list whose rows stand at positions, some hidden, with all that can be wrong about it."""

    places: tuple[int, ...]
    limit: int = SIZE
    fails: dict[int, Fault] = field(default_factory=dict)
    stuck: frozenset[int] = frozenset()
    limits: dict[int, int] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    flying: int = 0
    peak: int = 0

    async def fetch(self, start: int) -> Stretch[int]:
        self.asked.append(start)
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        await anyio.lowlevel.checkpoint()
        self.flying -= 1
        if start in self.fails:
            raise RemoteError("git", self.fails[start], f"broke by {self.fails[start]}", hint="no")
        limit = self.limits.get(start, self.limit)
        left = [place for place in self.places if place >= start]
        after = left[limit] if len(left) > limit else None
        return Stretch(left[:limit], self.limit, start if start in self.stuck else after)

    @property
    def least(self) -> int:
        return max(1, -(-len(self.places) // self.limit))

    async def walk(
        self, expected: int | None = None, workers: int = 8, page: int = 0
    ) -> Stretches[int]:
        told: list[int] = []
        pages = OffsetPages(
            self.fetch,
            workers=workers,
            expected=expected,
            told=told.append,
            page=page or self.limit,
        )
        walk = await pages.walk()
        assert told == sorted(told)
        return walk


def rows(walk: Stretches[int]) -> list[int]:
    return sorted({row for page in walk.pages for row in page.items})


def full(count: int) -> tuple[int, ...]:
    return tuple(range(count))


@given(
    places=st.sets(st.integers(0, 400), max_size=120),
    expected=st.none() | st.integers(0, 150),
    workers=st.integers(1, 12),
)
@settings(deadline=None)
def test_every_row_is_read_wherever_rows_are_hidden(
    places: set[int], expected: int | None, workers: int
) -> None:
    roll = Roll(tuple(sorted(places)))
    walk = anyio.run(roll.walk, expected, workers)
    assert rows(walk) == sorted(places)
    assert walk.gap == ""


@pytest.mark.parametrize("expected", [None, 0, 40, 95, 100], ids=str)
@pytest.mark.parametrize("count", [0, 1, 10, 11, 95, 100], ids=str)
async def test_little_is_asked_for_in_vain(count: int, expected: int | None) -> None:
    roll = Roll(full(count))
    await roll.walk(expected if expected is None or expected <= count else count)
    assert len(roll.asked) <= roll.least + SPARE


async def test_with_a_right_guess_all_pages_are_asked_for_at_once_and_none_in_vain() -> None:
    roll = Roll(full(100_000), limit=1000)
    await roll.walk(100_000, workers=32)
    assert (len(roll.asked), roll.peak) == (100, 32)


async def test_a_server_that_gives_less_than_was_asked_costs_what_was_asked_ahead() -> None:
    roll = Roll(full(10_000), limit=100)
    walk = await roll.walk(10_000, workers=32, page=1000)
    assert rows(walk) == list(range(10_000))
    assert not walk.gap
    assert len(roll.asked) <= 100 + SPARE


async def test_without_a_guess_a_few_pages_are_asked_for_at_once() -> None:
    roll = Roll(full(100_000), limit=1000)
    await roll.walk(None, workers=32)
    assert (len(roll.asked), roll.peak) == (100 + SPARE, 1 + SPARE)


async def test_a_guess_far_too_high_costs_one_wave() -> None:
    roll = Roll(full(15))
    walk = await roll.walk(100_000, workers=8)
    assert rows(walk) == list(range(15))
    assert len(roll.asked) <= 1 + 8


@pytest.mark.parametrize("hidden", [1, 9], ids=["every-second", "nine-of-ten"])
@pytest.mark.parametrize("expected", [None, 1000], ids=["unknown", "known"])
async def test_where_many_rows_are_hidden_pages_wait_for_one_another(
    hidden: int, expected: int | None
) -> None:
    roll = Roll(tuple(range(0, 1000 * (hidden + 1), hidden + 1)))
    walk = await roll.walk(expected)
    assert len(rows(walk)) == 1000
    assert len(roll.asked) <= roll.least + 2 * 8


async def test_few_hidden_rows_do_not_slow_the_rest_down() -> None:
    roll = Roll(tuple(place for place in range(1000) if place not in (15, 500)))
    walk = await roll.walk(998)
    assert (len(rows(walk)), roll.peak) == (998, 8)
    assert len(roll.asked) <= roll.least + SPARE + 1


async def test_a_large_hidden_stretch_is_skipped() -> None:
    roll = Roll((*range(50), *range(10_000, 10_050)))
    walk = await roll.walk()
    assert len(rows(walk)) == 100
    assert len(roll.asked) <= roll.least + 2 * SPARE


@pytest.mark.parametrize(
    ("start", "page"), [(10, 2), (40, 5), (90, 10)], ids=["second", "fifth", "last"]
)
async def test_a_lost_page_is_named_and_the_others_are_read(start: int, page: int) -> None:
    roll = Roll(full(95), fails={start: Fault.OUTAGE})
    walk = await roll.walk()
    assert walk.gap == f"page {page} could not be read: broke by outage"
    assert rows(walk) == [row for row in range(95) if not start <= row < start + SIZE]


async def test_several_lost_pages_are_named_together() -> None:
    walk = await Roll(full(95), fails={10: Fault.OUTAGE, 30: Fault.BAD_REPLY}).walk()
    assert walk.gap == "2 pages (2, 4) could not be read: broke by outage"


async def test_a_lost_page_that_others_cover_is_no_gap() -> None:
    roll = Roll((*range(20), *range(60, 80)), fails={30: Fault.OUTAGE})
    walk = await roll.walk()
    assert (rows(walk), walk.gap) == (list(roll.places), "")


@pytest.mark.parametrize(
    "fault", [Fault.CREDENTIAL, Fault.BUDGET, Fault.THROTTLED, Fault.UNREACHABLE], ids=str
)
async def test_what_every_page_would_meet_stops_the_walk(fault: Fault) -> None:
    roll = Roll(full(10_000), fails=dict.fromkeys(range(20, 10_000, 10), fault))
    walk = await roll.walk(10_000)
    assert str(fault) in walk.gap
    assert len(roll.asked) <= 2 + 8


async def test_pages_that_go_on_failing_are_not_asked_for_for_ever() -> None:
    roll = Roll(full(10_000), fails=dict.fromkeys(range(20, 10_000, 10), Fault.OUTAGE))
    walk = await roll.walk()
    assert "could not be read" in walk.gap
    assert len(roll.asked) <= 2 + 3 + 2 * SPARE


async def test_the_first_page_lost_is_an_error() -> None:
    with pytest.raises(RemoteError, match="outage"):
        await Roll(full(95), fails={0: Fault.OUTAGE}).walk()


@pytest.mark.parametrize("start", [0, 30], ids=["first", "later"])
async def test_a_list_that_does_not_go_on_is_a_gap_and_ends(start: int) -> None:
    walk = await Roll(full(95), stuck=frozenset({start})).walk()
    assert f"page {start // SIZE + 1} does not say where the list goes on" in walk.gap


@pytest.mark.parametrize("start", [0, 20, 80], ids=["first", "middle", "late"])
async def test_a_page_shorter_than_the_others_leaves_no_hole(start: int) -> None:
    """Servers of one cluster may have different limits."""
    roll = Roll(full(95), limits={start: 3})
    walk = await roll.walk(95)
    assert (rows(walk), walk.gap) == (list(range(95)), "")


async def test_a_hole_that_cannot_be_filled_is_a_gap() -> None:
    roll = Roll(full(95), limits={20: 3}, fails={23: Fault.OUTAGE})
    walk = await roll.walk(95)
    assert "could not be read" in walk.gap
    assert rows(walk) == [row for row in range(95) if not 23 <= row < 30]
