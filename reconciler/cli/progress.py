"""Progress of long work on stderr: a live display at a terminal, sparse lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from reconciler.cli.context import Globals
from reconciler.cli.output import tell
from reconciler.report.escape import visible

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PATIENCE_S = 2.0
"""Work that is done sooner says nothing where there is no terminal."""

INTERVAL_S = 5.0
"""Seconds between two lines about the same work."""


class Reporter(Protocol):
    """What ports call (``ports.provider.Progress``), with a way to make room for a question."""

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """*done* of *total* (None: unknown) of *what* is done."""
        ...

    def stop(self) -> None:
        """Leave the terminal to others; the next call begins anew."""
        ...


class Silent:
    """For ``--quiet``."""

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Nothing to leave."""


class Lines:
    """For logs: a plain line now and then. The clock is an argument."""

    def __init__(
        self, say: Callable[[str], None] = tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to count from now."""
        self._say = say
        self._clock = clock
        self._begun = clock()
        self._last: dict[str, float] = {}

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """Say how far *what* is, unless it is young or was said just now."""
        now = self._clock()
        said = self._last.get(what)
        if now - self._begun < PATIENCE_S or (said is not None and now - said < INTERVAL_S):
            return
        self._last[what] = now
        self._say(f"{visible(what)}: {done:,}" + ("" if total is None else f" of {total:,}"))

    def stop(self) -> None:
        """Lines are in nobody's way."""


class Live:
    """For people: rich's progress display, imported and started by the first call."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._display: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """Move the bar of *what*."""
        display = self._display or self._start()
        task = self._tasks.get(what)
        if task is None:
            task = self._tasks[what] = display.add_task(visible(what), total=None)
        display.update(task, completed=done, total=total)

    def stop(self) -> None:
        """Take the display away."""
        if self._display is not None:
            self._display.stop()
        self._display = None
        self._tasks = {}

    def _start(self) -> RichProgress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._display = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._display.start()
        return self._display


@contextmanager
def reporting(chosen: Globals) -> Iterator[Reporter]:
    """A reporter for one command; whatever it shows is gone at the end."""
    reporter: Reporter = Silent() if chosen.quiet else Live() if sys.stderr.isatty() else Lines()
    try:
        yield reporter
    finally:
        reporter.stop()
