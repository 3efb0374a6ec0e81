"""Making many values at once. Touches the process's garbage collector and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cyclic collector from looking, again and again, through values that stay.

    Loading a large project makes hundreds of thousands of values and no cycle; with the collector
    at work that takes half as long again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
