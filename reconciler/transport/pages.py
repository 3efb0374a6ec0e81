"""Walking numbered pages to the end, many at a time.

For lists whose pages carry a number and a link to the next one. Pages are asked for by number
while that is known to be right, and by link where it is not. Whatever could not be read is said;
whether the whole is complete is for the adapter to prove.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio

from reconciler.errors import Fault, RemoteError

T = TypeVar("T")

_HOPELESS = frozenset({Fault.CREDENTIAL, Fault.BUDGET, Fault.THROTTLED, Fault.UNREACHABLE})
"""Faults of one page that every other page would meet as well."""

_PAST_THE_END = frozenset({Fault.NOT_FOUND, Fault.REJECTED})
_MOST_FOLLOWED = 10_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. ``size`` is the number of items in all, None where the page does not say.

    ``next`` is the link to the following page, empty on the last.
    """

    items: Sequence[T]
    size: int | None
    next: str


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """The pages that were read, in order, and in words what was not."""

    pages: tuple[Page[T], ...]
    gap: str = ""


class NumberedPages(Generic[T]):
    """One list to be read once.

    Args:
        fetch: a page by number, counting from 1.
        follow: a page by its link; must refuse links to other hosts.
        number_in: the page number that a link names, None when it names none; must raise
            FOREIGN_HOST for a link to another host.
        page_size: items on a full page.
        workers: pages asked for at once.
        guess: pages that are asked for before anything is known; those past the end are wasted.
        told: called after every page with the items read so far and the size, when known.
    """

    def __init__(
        self,
        fetch: Callable[[int], Awaitable[Page[T]]],
        follow: Callable[[str], Awaitable[Page[T]]],
        number_in: Callable[[str], int | None],
        *,
        page_size: int,
        workers: int,
        guess: int,
        told: Callable[[int, int | None], None],
    ) -> None:
        """Ask for nothing yet."""
        self._fetch = fetch
        self._follow = follow
        self._number_in = number_in
        self._page_size = page_size
        self._workers = workers
        self._last = max(1, guess)
        self._told = told
        self._is_sized = False
        self._is_hopeless = False
        self._upcoming = 1
        self._first = anyio.Event()
        self._read: dict[int, Page[T] | RemoteError] = {}
        self._items = 0

    async def walk(self) -> Walk[T]:
        """Read every page.

        Raises:
            RemoteError: the first page could not be read.
        """
        async with anyio.create_task_group() as tasks:
            begun = min(self._workers, self._last)
            for _ in range(begun):
                tasks.start_soon(self._work)
            await self._first.wait()
            left = max(0, self._last - self._upcoming + 1)
            for _ in range(min(self._workers - begun, left)):
                tasks.start_soon(self._work)
        first = self._read[1]
        if isinstance(first, RemoteError):
            raise first
        pages, gaps = self._in_order() if self._is_sized else self._chained(first)
        if not gaps:
            gaps = await self._to_the_end(pages)
        return Walk(tuple(pages), "; ".join(dict.fromkeys(gaps)))

    async def _work(self) -> None:
        while not self._is_hopeless:
            if self._upcoming > self._last:
                if self._first.is_set():
                    return
                await self._first.wait()
                continue
            number = self._upcoming
            self._upcoming += 1
            try:
                page = await self._fetch(number)
            except RemoteError as error:
                self._note_loss(number, error)
            else:
                self._note(number, page)

    def _note(self, number: int, page: Page[T]) -> None:
        self._read[number] = page
        self._items += len(page.items)
        if page.size is not None:
            self._is_sized = True
            self._last = max(1, -(-page.size // self._page_size))
        elif number == 1:
            self._last = 1
        if number == 1:
            self._first.set()
        self._told(self._items, page.size)

    def _note_loss(self, number: int, error: RemoteError) -> None:
        self._read[number] = error
        self._is_hopeless = self._is_hopeless or error.fault in _HOPELESS
        if number == 1:
            self._last = 0
            self._first.set()

    def _in_order(self) -> tuple[list[Page[T]], list[str]]:
        """Pages whose number is known to be right, and the numbers that are missing."""
        pages: list[Page[T]] = []
        gaps: list[str] = []
        lost: list[int] = []
        cause = ""
        for number in range(1, self._last + 1):
            page = self._read.get(number)
            if isinstance(page, Page):
                pages.append(page)
                gaps.extend(self._foreign_link(page))
            else:
                lost.append(number)
                cause = cause or (page.cause if page else "")
        if lost:
            gaps.append(_lost_words(lost, cause))
        return pages, gaps

    def _foreign_link(self, page: Page[T]) -> list[str]:
        try:
            if page.next:
                self._number_in(page.next)
        except RemoteError as error:
            return [error.cause]
        return []

    def _chained(self, first: Page[T]) -> tuple[list[Page[T]], list[str]]:
        """Without a size: of the pages asked for by number, those that a link confirms."""
        pages = [first]
        while True:
            page = pages[-1]
            if gaps := self._foreign_link(page):
                return pages, gaps
            after = self._read.get(len(pages) + 1)
            confirmed = bool(page.next) and self._number_in(page.next) == len(pages) + 1
            if not confirmed or not isinstance(after, Page):
                return pages, []
            pages.append(after)

    async def _to_the_end(self, pages: list[Page[T]]) -> list[str]:
        """Follow links from the last page; add what they give to *pages*, return the gaps."""
        seen: set[str] = set()
        for _ in range(_MOST_FOLLOWED):
            link = pages[-1].next
            if link in seen:
                return [f"page {len(pages)} links back to a page that was read before"]
            if link:
                seen.add(link)
            try:
                page = await (self._follow(link) if link else self._past_full_page(pages))
            except RemoteError as error:
                return [_lost_words([len(pages) + 1], error.cause)]
            if page is None:
                return []
            pages.append(page)
            self._items += len(page.items)
            self._told(self._items, page.size)
        return [f"more than {_MOST_FOLLOWED} pages follow one another"]

    async def _past_full_page(self, pages: list[Page[T]]) -> Page[T] | None:
        """What lies behind a last page that is full and says no size: its link may be lost."""
        page = pages[-1]
        if page.size is not None or len(page.items) < self._page_size:
            return None
        try:
            after = await self._fetch(len(pages) + 1)
        except RemoteError as error:
            if error.fault in _PAST_THE_END:
                return None
            raise
        return after if after.items else None


def _lost_words(numbers: list[int], cause: str) -> str:
    named = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")  # noqa: PLR2004  enough to look them up
    what = f"page {named}" if len(numbers) == 1 else f"{len(numbers)} pages ({named})"
    return f"{what} could not be read" + (f": {cause}" if cause else "")
