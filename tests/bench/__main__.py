"""Benchmarks: ``python -m tests.bench [--quick] [--only NAME]… [--write]``.

Every row stands beside a floor or a peer that was measured in the same run, taking turns with it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from tests.bench.clock import ROOT
from tests.bench.table import Bench, Effort, Row, markdown, page

BENCHES = {
    "start": "tests.bench.start",
    "validate": "tests.bench.validating",
    "plan": "tests.bench.planning",
    "diff": "tests.bench.diffing",
    "list": "tests.bench.listing",
    "fleet": "tests.bench.fleet",
    "data-center": "tests.bench.data_center",
    "azure": "tests.bench.azure",
}
TARGET = ROOT / "docs" / "benchmarks.md"


def main(words: Sequence[str]) -> None:
    options = _parser().parse_args(words)
    effort = Effort(runs=3 if options.quick else 5, quick=options.quick)
    rows: list[Row] = []
    for name in options.only or BENCHES:
        begun = time.perf_counter()
        bench: Bench = import_module(BENCHES[name]).rows
        rows += bench(effort)
        sys.stderr.write(f"{name}: {time.perf_counter() - begun:.0f} s\n")
    sys.stdout.write(markdown(rows))
    if options.write:
        method = (ROOT / "tests" / "bench" / "method.md").read_text()
        TARGET.write_text(page(rows, method, effort))
    missed = [row.measured for row in rows if row.met is False]
    if missed:
        sys.stderr.write(f"missed: {'; '.join(missed)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs; leave out the largest")
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="may be repeated")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.relative_to(ROOT)}")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
