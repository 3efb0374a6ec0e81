"""Plans of small and large workspaces beside the least time that their pages need."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.clock import finished, peak_bytes
from tests.bench.table import Effort, Row, megabytes, seconds
from tests.bench.world import LATENCY_S, PAGE, World, remembered, serving

LIMITS = {8: 1.25, 16: 1.25, 32: 1.4}
"""Ratio to the floor by requests in flight; for no-op plans of `JUDGED` and more."""

JUDGED = 10_000
CPU_LIMIT_S = 0.025
SPARE_REQUESTS = 5
CONSUMER_ROUNDS = 2
"""The consumer lists its connections, then their resources: one request after the other."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Medians of several runs."""

    wall_s: float
    cpu_s: float
    requests: int
    actions: int


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
    _costs(world, "list", 32, 2)  # warms the pages of every emulator
    for in_flight in LIMITS:
        if size == JUDGED or in_flight == 16:
            yield _beside_floor(size, "first", in_flight, _costs(world, "new", in_flight, runs))
    _costs(world, "apply", 16, 1)
    found = {k: _costs(world, "plan", k, runs) for k in LIMITS}
    if any(costs.actions for costs in found.values()):
        raise RuntimeError("the plan after an apply is not empty")
    for in_flight, costs in found.items():
        yield _beside_floor(size, "no-op", in_flight, costs)
    if size >= JUDGED:
        yield _processor(size, found[16])
        yield _memory(world, size)
    yield _requests(size, pages, found[16])


def _costs(world: World, what: str, in_flight: int, runs: int) -> Costs:
    answers = json.loads(world.planner(what, in_flight, runs).out)
    return Costs(
        wall_s=median(a["wall_s"] for a in answers),
        cpu_s=median(a["cpu_s"] for a in answers),
        requests=max(a["requests"] for a in answers),
        actions=max(a["actions"] for a in answers),
    )


def _beside_floor(size: int, what: str, in_flight: int, costs: Costs) -> Row:
    """The floor counts pages as if they could be cut; rounds are what whole requests allow."""
    pages = math.ceil(size / PAGE)
    floor = pages / in_flight * LATENCY_S
    least = max(math.ceil(pages / in_flight), CONSUMER_ROUNDS if what == "no-op" else 1)
    rounds = least * LATENCY_S
    is_judged = size >= JUDGED and what == "no-op"
    limit = LIMITS[in_flight]
    return Row(
        f"{what} plan of {size:,} repositories, {in_flight} in flight",
        seconds(costs.wall_s),
        f"latency {seconds(floor)}, in whole rounds {seconds(rounds)}",
        f"{costs.wall_s / floor:.2f} ×, {costs.wall_s / rounds:.2f} × rounds",
        f"≤ {limit:g} ×" if is_judged else "—",
        costs.wall_s / floor <= limit if is_judged else None,
    )


def _processor(size: int, costs: Costs) -> Row:
    each = costs.cpu_s / size * 1000
    return Row(
        f"processor time of that plan of {size:,}, per 1,000 repositories",
        f"{each * 1000:.1f} ms",
        "—",
        "—",
        f"≤ {CPU_LIMIT_S * 1000:g} ms",
        each <= CPU_LIMIT_S,
    )


def _requests(size: int, pages: int, costs: Costs) -> Row:
    return Row(
        f"requests to the provider for that plan of {size:,}",
        f"{costs.requests:,}",
        f"{pages:,} pages",
        f"+ {costs.requests - pages}",
        f"+ ≤ {SPARE_REQUESTS}",
        costs.requests - pages <= SPARE_REQUESTS,
    )


def _memory(world: World, size: int) -> Row:
    command = str(Path(sys.executable).with_name("reconciler"))
    peak = peak_bytes(command, "plan", cwd=world.root, env=world.environment)
    done = finished(command, "plan", cwd=world.root, env=world.environment)
    return Row(
        f"peak memory of `reconciler plan` of {size:,}, no-op, whole process",
        megabytes(peak),
        f"it took {seconds(done.seconds)}, 8 in flight",
    )
