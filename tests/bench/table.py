"""Rows and the page they make."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

COLUMNS = ("measured", "ours", "floor or peer", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run may cost: repetitions of everything, and whether to leave out the largest."""

    runs: int
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement beside its floor or peer. ``met`` is None where there is no goal."""

    measured: str
    ours: str
    beside: str
    ratio: str = "—"
    goal: str = "—"
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        met = "—" if self.met is None else "yes" if self.met else "**no**"
        return (self.measured, self.ours, self.beside, self.ratio, self.goal, met)


Bench = Callable[[Effort], Iterable[Row]]


def at_most(
    measured: str, ours: float, beside: float, *, limit: float, named: str, note: str = ""
) -> Row:
    """A row in seconds whose goal is a ratio not to be exceeded."""
    ratio = ours / beside
    return Row(
        measured,
        seconds(ours) + note,
        f"{named} {seconds(beside)}",
        f"{ratio:.2f} ×",
        f"≤ {limit:g} ×",
        ratio <= limit,
    )


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


def markdown(rows: Iterable[Row]) -> str:
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def machine() -> str:
    """Processor, cores and memory, without the machine's name."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, {platform.system()}"


def page(rows: Sequence[Row], method: str, effort: Effort) -> str:
    """docs/benchmarks.md."""
    kind = "quick run, " if effort.quick else ""
    return (
        "# Benchmarks\n\n"
        "Written by `python -m tests.bench --write`. Every row stands beside a floor or a peer. "
        "Peers are measured in\nthe same run, taking turns with ours; the latency floors of plans "
        "are arithmetic, so a busy machine shows in\ntheir ratios.\n\n"
        f"{markdown(rows)}\n"
        f"Measured on {datetime.now(UTC):%Y-%m-%d} ({kind}medians of {effort.runs} runs): "
        f"{machine()},\nPython {platform.python_version()}, load average {os.getloadavg()[2]:.1f} "
        "over the last 15 minutes.\n\n"
        f"{method}"
    )
