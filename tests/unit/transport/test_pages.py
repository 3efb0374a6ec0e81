from __future__ import annotations

from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Fault, RemoteError
from reconciler.transport.pages import NumberedPages, Page, Walk

SIZE = 10


def an_error(fault: Fault) -> RemoteError:
    return RemoteError("ox", fault, f"broke by {fault}", hint="mend it")


@dataclass
class Book:
    """A list of *rows* numbers behind pages, with everything that can be wrong about them."""

    rows: int
    sized: bool = True
    numbered: bool = True
    fails: dict[int, Fault] = field(default_factory=dict)
    loses_link: frozenset[int] = frozenset()
    foreign: frozenset[int] = frozenset()
    loops: bool = False
    past_the_end: Fault | None = None
    asked: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        return max(1, -(-self.rows // SIZE))

    async def fetch(self, number: int) -> Page[int]:
        await anyio.lowlevel.checkpoint()
        self.asked.append(number)
        if number in self.fails:
            raise an_error(self.fails[number])
        if number > self.last and self.past_the_end:
            raise an_error(self.past_the_end)
        items = range(self.rows)[(number - 1) * SIZE : number * SIZE]
        return Page(tuple(items), self.rows if self.sized else None, self.link(number))

    def link(self, number: int) -> str:
        if number >= self.last or number in self.loses_link:
            return ""
        host = "evil" if number in self.foreign else "ours"
        return f"{host}?{'page' if self.numbered else 'token'}={1 if self.loops else number + 1}"

    async def follow(self, link: str) -> Page[int]:
        self.number_in(link)
        return await self.fetch(int(link.partition("=")[2]))

    def number_in(self, link: str) -> int | None:
        if link.startswith("evil"):
            raise an_error(Fault.FOREIGN_HOST)
        key, _, value = link.partition("?")[2].partition("=")
        return int(value) if key == "page" else None

    async def walk(self, guess: int = 4, workers: int = 3) -> Walk[int]:
        told: list[int] = []
        pages = NumberedPages(
            self.fetch,
            self.follow,
            self.number_in,
            page_size=SIZE,
            workers=workers,
            guess=guess,
            told=lambda done, _total: told.append(done),
        )
        walk = await pages.walk()
        assert told == sorted(told)
        return walk


def rows_of(walk: Walk[int]) -> list[int]:
    return [item for page in walk.pages for item in page.items]


@given(
    rows=st.integers(0, 95),
    guess=st.integers(0, 12),
    workers=st.integers(1, 8),
    sized=st.booleans(),
    numbered=st.booleans(),
)
@settings(deadline=None)
def test_every_row_is_read_once_and_in_order(
    rows: int, guess: int, workers: int, sized: bool, numbered: bool
) -> None:
    book = Book(rows, sized=sized, numbered=numbered)
    walk = anyio.run(book.walk, guess, workers)
    assert rows_of(walk) == list(range(rows))
    assert walk.gap == ""


@pytest.mark.parametrize("sized", [True, False], ids=["sized", "unsized"])
@pytest.mark.parametrize("rows", [0, 1, 10, 11, 45, 95], ids=str)
async def test_no_more_than_the_guess_is_wasted(rows: int, sized: bool) -> None:
    book = Book(rows, sized=sized)
    await book.walk()
    assert len(book.asked) <= book.last + 4


async def test_a_right_guess_wastes_nothing() -> None:
    book = Book(95)
    await book.walk(guess=10)
    assert sorted(book.asked) == list(range(1, 11))


async def test_a_guess_far_too_high_costs_one_wave_and_not_the_guess() -> None:
    book = Book(5)
    await book.walk(guess=1000, workers=8)
    assert len(book.asked) <= 8


async def test_a_first_page_that_fails_is_an_error() -> None:
    with pytest.raises(RemoteError, match="broke by outage"):
        await Book(95, fails={1: Fault.OUTAGE}).walk()


async def test_a_lost_page_is_a_gap_and_the_others_are_kept() -> None:
    walk = await Book(45, fails={3: Fault.OUTAGE}).walk()
    assert rows_of(walk) == [*range(20), *range(30, 45)]
    assert walk.gap == "page 3 could not be read: broke by outage"


async def test_many_lost_pages_are_counted_and_the_first_are_named() -> None:
    fails = dict.fromkeys(range(2, 10), Fault.OUTAGE)
    walk = await Book(95, fails=fails).walk()
    assert walk.gap == "8 pages (2, 3, 4, 5, 6, …) could not be read: broke by outage"


@pytest.mark.parametrize(
    "fault", [Fault.CREDENTIAL, Fault.BUDGET, Fault.THROTTLED, Fault.UNREACHABLE], ids=str
)
async def test_what_every_page_would_meet_stops_the_walk(fault: Fault) -> None:
    book = Book(1000, fails=dict.fromkeys(range(4, 101), fault))
    walk = await book.walk()
    assert len(book.asked) <= 6
    assert walk.gap.startswith("97 pages (4, 5, 6, 7, 8, …) could not be read")


@pytest.mark.parametrize("sized", [True, False], ids=["sized", "unsized"])
async def test_a_link_to_another_host_is_a_gap(sized: bool) -> None:
    walk = await Book(45, sized=sized, foreign=frozenset({2})).walk()
    assert walk.gap == "broke by foreign-host"


async def test_a_lost_link_in_the_middle_does_no_harm_where_the_size_is_known() -> None:
    walk = await Book(45, loses_link=frozenset({2})).walk()
    assert (rows_of(walk), walk.gap) == (list(range(45)), "")


async def test_a_lost_link_is_healed_where_no_size_is_known() -> None:
    walk = await Book(45, sized=False, loses_link=frozenset({2})).walk(guess=1)
    assert (rows_of(walk), walk.gap) == (list(range(45)), "")


@pytest.mark.parametrize(
    ("fault", "gap"),
    [(Fault.NOT_FOUND, ""), (Fault.REJECTED, ""), (Fault.OUTAGE, "page 3 could not be read")],
    ids=["404", "400", "500"],
)
async def test_past_a_full_last_page_a_refusal_is_the_end(fault: Fault, gap: str) -> None:
    walk = await Book(20, sized=False, past_the_end=fault).walk(guess=1)
    assert rows_of(walk) == list(range(20))
    assert walk.gap.startswith(gap)
    assert bool(walk.gap) is bool(gap)


async def test_links_in_a_circle_end() -> None:
    walk = await Book(45, sized=False, loops=True).walk(guess=1)
    assert "links back" in walk.gap


async def test_a_page_that_follows_by_link_and_fails_is_a_gap() -> None:
    walk = await Book(45, sized=False, fails={3: Fault.OUTAGE}).walk(guess=1)
    assert rows_of(walk) == list(range(20))
    assert walk.gap == "page 3 could not be read: broke by outage"


async def test_rows_added_while_reading_are_followed_past_the_first_count() -> None:
    book = Book(20)

    async def fetch(number: int) -> Page[int]:
        page = await Book.fetch(book, number)
        book.rows = 25
        return page

    book.fetch = fetch  # type: ignore[method-assign]  # the book grows after its first page
    walk = await book.walk(guess=1)
    assert rows_of(walk) == list(range(25))
    assert [page.size for page in walk.pages] == [20, 25, 25]


async def test_a_list_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.transport.pages._MOST_FOLLOWED", 3)
    walk = await Book(95, sized=False).walk(guess=1)
    assert walk.gap == "more than 3 pages follow one another"
