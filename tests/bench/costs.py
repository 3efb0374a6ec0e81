"""What plans cost, and the rows that say it of every provider alike."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.clock import finished, peak_bytes
from tests.bench.table import Row, megabytes, seconds
from tests.bench.world import LATENCY_S, World

CPU_LIMIT_S = 0.025
SPARE_REQUESTS = 5


@dataclass(frozen=True, slots=True)
class Costs:
    """Medians of several runs."""

    wall_s: float
    cpu_s: float
    requests: int
    actions: int


def costs(world: World, what: str, in_flight: int, runs: int) -> Costs:
    """`tests.bench.planner` in *world*, in a process of its own."""
    answers = json.loads(world.planner(what, in_flight, runs).out)
    return Costs(
        wall_s=median(a["wall_s"] for a in answers),
        cpu_s=median(a["cpu_s"] for a in answers),
        requests=max(a["requests"] for a in answers),
        actions=max(a["actions"] for a in answers),
    )


def beside_floor(
    what: str, found: Costs, pages: int, in_flight: int, *, rounds: int = 1, limit: float | None
) -> Row:
    """The floor counts pages as if they could be cut; rounds are what whole requests allow.

    *rounds* is the least there can be for another reason; None for *limit* judges nothing.
    """
    floor = pages / in_flight * LATENCY_S
    whole = max(math.ceil(pages / in_flight), rounds) * LATENCY_S
    return Row(
        f"{what}, {in_flight} in flight",
        seconds(found.wall_s),
        f"latency {seconds(floor)}, in whole rounds {seconds(whole)}",
        f"{found.wall_s / floor:.2f} ×, {found.wall_s / whole:.2f} × rounds",
        "—" if limit is None else f"≤ {limit:g} ×",
        None if limit is None else found.wall_s / floor <= limit,
    )


def processor(what: str, size: int, found: Costs) -> Row:
    each = found.cpu_s / size * 1000
    return Row(
        f"processor time of {what}, per 1,000 repositories",
        f"{each * 1000:.1f} ms",
        "—",
        "—",
        f"≤ {CPU_LIMIT_S * 1000:g} ms",
        each <= CPU_LIMIT_S,
    )


def requests(what: str, least: int, named: str, found: Costs) -> Row:
    """*least* is the smallest number of requests that shows everything there is."""
    more = found.requests - least
    return Row(
        f"requests to the provider for {what}",
        f"{found.requests:,}",
        named,
        f"+ {more}",
        f"+ ≤ {SPARE_REQUESTS}",
        more <= SPARE_REQUESTS,
    )


def memory(world: World, what: str) -> Row:
    command = str(Path(sys.executable).with_name("reconciler"))
    peak = peak_bytes(command, "plan", cwd=world.root, env=world.environment)
    done = finished(command, "plan", cwd=world.root, env=world.environment)
    return Row(
        f"peak memory of `reconciler plan` of {what}, no-op, whole process",
        megabytes(peak),
        f"it took {seconds(done.seconds)}, 8 in flight",
    )
