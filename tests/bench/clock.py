"""Measures calls and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
_LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
_KIB = 1 if sys.platform == "darwin" else 1024
"""What ``ru_maxrss`` counts in: bytes on macOS, kibibytes elsewhere."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended well: how long it took and what it printed."""

    seconds: float
    out: str


def finished(
    *words: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    sent: str = "",
) -> Finished:
    """Run *words* to the end with *sent* as input; any code but 0 is an error with its stderr."""
    begun = time.perf_counter()
    done = subprocess.run(
        words,
        cwd=cwd or ROOT,
        env={**os.environ, **(env or {})},
        input=sent,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stderr[-2000:]}")
    return Finished(took, done.stdout)


def peak_bytes(*words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    """The peak of resident memory of *words*.

    A small process starts them: Linux counts the memory of whoever starts a process as its own.
    """
    return int(finished(sys.executable, "-c", _LAUNCH, *words, cwd=cwd, env=env).out) * _KIB


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def medians(runs: int, *calls: Callable[[], float]) -> tuple[float, ...]:
    """The median of what each call answers. They take turns, so that noise strikes all alike."""
    answers = [tuple(call() for call in calls) for _ in range(runs)]
    return tuple(median(column) for column in zip(*answers, strict=True))
