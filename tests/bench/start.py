"""How long until `--help` is on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.clock import finished, medians
from tests.bench.table import Effort, Row, seconds

LIMIT_S = 0.06


def rows(effort: Effort) -> Iterator[Row]:
    command = str(Path(sys.executable).with_name("reconciler"))
    ours, bare = medians(
        effort.runs * 5,
        lambda: finished(command, "--help").seconds,
        lambda: finished(sys.executable, "-c", "pass").seconds,
    )
    above = ours - bare
    yield Row(
        "`reconciler --help`, whole process",
        seconds(ours),
        f"`python -c pass` {seconds(bare)}",
        f"+ {seconds(above)}",
        f"+ ≤ {seconds(LIMIT_S)}",
        above <= LIMIT_S,
    )
