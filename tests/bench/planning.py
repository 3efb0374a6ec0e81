"""Plans of small and large workspaces beside the least time that their pages need."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.bench.costs import Costs, beside_floor, costs, memory, processor, requests
from tests.bench.table import Effort, Row
from tests.bench.world import PAGE, World, remembered, serving

LIMITS = {8: 1.25, 16: 1.25, 32: 1.4}
"""Ratio to the floor by requests in flight; for no-op plans of `JUDGED` and more."""

JUDGED = 10_000
CONSUMER_ROUNDS = 2
"""The consumer lists its connections, then their resources: one request after the other."""


def rows(effort: Effort) -> Iterator[Row]:
    sizes = (100, 1_000, 10_000) if effort.quick else (100, 1_000, 10_000, 100_000)
    for size in sizes:
        with (
            serving(f"repositories={size},projects=50") as world,
            remembered(world) as consumer_url,
        ):
            world.write({"ox-acme": {"all": True}}, consumer_url=consumer_url)
            yield from _workspace(world, size, effort)


def _workspace(world: World, size: int, effort: Effort) -> Iterator[Row]:
    runs = 2 if size > JUDGED else effort.runs
    pages = math.ceil(size / PAGE)
    costs(world, "list", 32, 2)  # warms the pages of every emulator
    for in_flight in LIMITS:
        if size == JUDGED or in_flight == 16:
            yield _beside_floor(size, "first", in_flight, costs(world, "new", in_flight, runs))
    costs(world, "apply", 16, 1)
    found = {k: costs(world, "plan", k, runs) for k in LIMITS}
    if any(cost.actions for cost in found.values()):
        raise RuntimeError("the plan after an apply is not empty")
    for in_flight, cost in found.items():
        yield _beside_floor(size, "no-op", in_flight, cost)
    what = f"that plan of {size:,}"
    if size >= JUDGED:
        yield processor(what, size, found[16])
        yield memory(world, f"{size:,}")
    yield requests(what, pages, f"{pages:,} pages", found[16])


def _beside_floor(size: int, what: str, in_flight: int, cost: Costs) -> Row:
    is_noop = what == "no-op"
    return beside_floor(
        f"{what} plan of {size:,} repositories",
        cost,
        math.ceil(size / PAGE),
        in_flight,
        rounds=CONSUMER_ROUNDS if is_noop else 1,
        limit=LIMITS[in_flight] if is_noop and size >= JUDGED else None,
    )
