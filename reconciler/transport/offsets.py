"""Walking a list by offsets, many pages at a time, where rows that one may not see leave gaps.

For lists whose pages are asked for by a row's position and name the position to go on at, without
a count of all. A page of *limit* visible rows covers *limit* positions or more, so that positions
one limit apart can be asked for at once and nothing lies between them. Where hidden rows make
pages overlap, fewer are asked for at once, until each waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from reconciler.errors import Fault, RemoteError

T = TypeVar("T")

SPARE = 4
"""Pages that may be asked for in vain: past an end that nobody knows, or inside another page."""

_HOPELESS = frozenset({Fault.CREDENTIAL, Fault.BUDGET, Fault.THROTTLED, Fault.UNREACHABLE})
"""Faults of one page that every other page would meet as well."""

_MOST_LOST = 3
"""Pages that fail before no more are asked for: without a count, failing has no other end."""

_MOST_PAGES = 20_000


@dataclass(frozen=True, slots=True)
class Stretch(Generic[T]):
    """One page. ``limit`` is what the server applied, which may be less than was asked for.

    ``next`` is the position at which the list goes on; None when this is the last page.
    """

    items: Sequence[T]
    limit: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Stretches(Generic[T]):
    """The pages that were read, in order, and in words what was not.

    Pages may overlap: the same row may be on two of them.
    """

    pages: tuple[Stretch[T], ...]
    gap: str = ""


class OffsetPages(Generic[T]):
    """One list to be read once.

    Args:
        fetch: the page that begins at a position, counting from 0.
        workers: pages asked for at once while it is known that there are so many.
        expected: how many rows there probably are; None when nobody knows. More than there are
            costs one wave of *workers*.
        told: called after every page with the rows read so far.
        page: rows that are asked for at a time; a server may give fewer.
        spare: pages beyond the needed that may be asked for where nothing is known.
    """

    def __init__(
        self,
        fetch: Callable[[int], Awaitable[Stretch[T]]],
        *,
        workers: int,
        expected: int | None,
        told: Callable[[int], None],
        page: int,
        spare: int = SPARE,
    ) -> None:
        """Ask for nothing yet."""
        self._fetch = fetch
        self._workers = max(1, workers)
        self._expected = expected or 0
        self._told = told
        self._page = page
        self._spare = spare
        self._read: dict[int, Stretch[T] | RemoteError] = {}
        self._limit = 1
        self._front = 0
        self._holes: list[int] = []
        self._flying = 0
        self._rows = 0
        self._overlap = 0
        self._lost = 0
        self._is_ended = False
        self._is_hopeless = False

    async def walk(self) -> Stretches[T]:
        """Read every page. The first ones tell the limit and whether rows hide.

        Raises:
            RemoteError: the first page could not be read.
        """
        await self._begin()
        async with anyio.create_task_group() as tasks:
            self._start(tasks)
        return self._proven()

    async def _begin(self) -> None:
        """The first page, and beside it as many as can be spared when it gives less than asked."""
        due = max(0, -(-self._expected // self._page) - 1)
        ahead = min(due, self._spare, self._workers - 1)
        found: dict[int, Stretch[T] | RemoteError] = {}

        async def read(start: int) -> None:
            try:
                found[start] = await self._fetch(start)
            except RemoteError as error:
                found[start] = error

        async with anyio.create_task_group() as tasks:
            for number in range(ahead + 1):
                tasks.start_soon(read, number * self._page)
        first = found.pop(0)
        if isinstance(first, RemoteError):
            raise first
        self._limit = self._front = max(1, first.limit)
        self._note(0, first)
        if self._limit != self._page:
            self._spare -= ahead
            return
        for start, page in sorted(found.items()):
            self._front = max(self._front, start + self._limit)
            if isinstance(page, RemoteError):
                self._note_loss(start, page)
            else:
                self._note(start, page)

    def _start(self, tasks: TaskGroup) -> None:
        """Ask for as many more pages as may be under way now."""
        while not self._is_hopeless and self._flying < self._at_once():
            if self._holes:
                start = self._holes.pop()
            elif not self._is_ended:
                start, self._front = self._front, self._front + self._limit
            else:
                return
            self._flying += 1
            tasks.start_soon(self._turn, start, tasks)

    def _at_once(self) -> int:
        """Pages that may be under way: many while rows are due, else as few as can be spared."""
        wasted = -(-self._overlap // self._limit)
        if not wasted and self._rows < self._expected:
            due = self._expected - self._rows
            return min(self._workers, -(-due // self._limit))
        return min(self._workers, 1 + max(0, self._spare - wasted))

    async def _turn(self, start: int, tasks: TaskGroup) -> None:
        try:
            page: Stretch[T] | RemoteError = await self._fetch(start)
        except RemoteError as error:
            page = error
        self._flying -= 1
        if isinstance(page, RemoteError):
            self._note_loss(start, page)
        else:
            self._note(start, page)
        self._start(tasks)

    def _note(self, start: int, page: Stretch[T]) -> None:
        self._read[start] = page
        self._rows += len(page.items)
        self._told(self._rows)
        if page.next is None:
            self._is_ended = True
        elif page.next <= start or len(self._read) >= _MOST_PAGES:
            self._is_hopeless = True
        elif page.next < start + self._limit:  # a server of the cluster with a smaller limit
            self._holes.append(page.next)
        else:
            self._overlap += max(0, min(page.next, self._front) - (start + self._limit))
            self._front = max(self._front, page.next)

    def _note_loss(self, start: int, error: RemoteError) -> None:
        self._read[start] = error
        self._lost += 1
        if error.fault in _HOPELESS or self._lost >= _MOST_LOST:
            self._is_hopeless = True

    def _proven(self) -> Stretches[T]:
        """The pages up to the end, and whether each begins where those before it reach to."""
        pages: list[Stretch[T]] = []
        lost: list[int] = []
        gaps: list[str] = []
        reached, is_ended = 0, False
        for number, start in enumerate(sorted(self._read), start=1):
            page = self._read[start]
            if is_ended or isinstance(page, RemoteError):
                # What an earlier page covers as well is not missing.
                if not is_ended and start >= reached:
                    lost.append(number)
                    reached = start + self._limit
                continue
            if start > reached:
                gaps.append(f"rows {reached} to {start} could not be read")
            if page.next is not None and page.next <= start:
                gaps.append(f"page {number} does not say where the list goes on")
            pages.append(page)
            is_ended = page.next is None
            reached = max(reached, page.next or 0)
        if lost:
            gaps.insert(0, self._lost_words(lost))
        if not is_ended and not gaps:
            gaps.append(f"more than {_MOST_PAGES} pages follow one another")
        return Stretches(tuple(pages), "; ".join(gaps))

    def _lost_words(self, numbers: list[int]) -> str:
        cause = next(p.cause for _, p in sorted(self._read.items()) if isinstance(p, RemoteError))
        named = ", ".join(map(str, numbers))
        what = f"page {named}" if len(numbers) == 1 else f"{len(numbers)} pages ({named})"
        return f"{what} could not be read: {cause}"
