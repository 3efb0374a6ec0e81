"""Plans of a large Bitbucket Data Center instance, and listing a small one beside a peer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from tests.bench.clock import medians, timed
from tests.bench.costs import beside_floor, costs, memory, processor, requests
from tests.bench.estates import DATA_CENTER, EACH, Bare
from tests.bench.table import Effort, Row, seconds
from tests.bench.world import LATENCY_S, World, serving

PROJECTS = 5_000
FEW_PROJECTS = 500
PAGE = 1000
LIMITS = {8: 1.5, 16: 1.5, 32: None}
"""Ratio to the floor by requests in flight."""

MAIN = 16
PEER_PROJECTS = 100
PEER_LIMIT = 7.0
_PATH = "/rest/api/latest/repos?archived=ALL&limit={page}&start={start}"


def rows(effort: Effort) -> Iterator[Row]:
    with serving() as world:
        DATA_CENTER.fill(world, FEW_PROJECTS if effort.quick else PROJECTS)
        yield from _plans(world, effort)
    yield from _listing(effort)


def _plans(world: World, effort: Effort) -> Iterator[Row]:
    shown = world.shown(DATA_CENTER.control)
    size, projects = shown["repositories"], shown["projects"]
    what = f"plan of {size:,} Data Center repositories in {projects:,} projects"
    costs(world, "list", 32, 2)  # warms the pages of the emulator
    pages = math.ceil(size / PAGE)
    first = costs(world, "new", MAIN, 2)
    yield beside_floor(f"first {what}", first, pages, MAIN, limit=None)
    DATA_CENTER.connect(world)
    found = {k: costs(world, "plan", k, effort.runs) for k in LIMITS}
    if any(cost.actions for cost in found.values()):
        raise RuntimeError("the plan after an apply is not empty")
    for in_flight, cost in found.items():
        yield beside_floor(f"no-op {what}", cost, pages, in_flight, limit=LIMITS[in_flight])
    yield from _bare(world, size).rows(world, "the same pages", MAIN)
    yield processor(f"that plan of {size:,}", size, found[MAIN])
    yield memory(world, f"{size:,} on Data Center")
    yield requests(f"that plan of {size:,}", pages, f"{pages:,} pages", found[MAIN])


def _bare(world: World, size: int) -> Bare:
    base = world.environment[DATA_CENTER.address]
    starts = range(0, size, PAGE)
    return Bare(
        [base + _PATH.format(page=PAGE, start=start) for start in starts],
        f"Bearer {world.environment['DC_READER_TOKEN']}",
    )


def _listing(effort: Effort) -> Iterator[Row]:
    try:
        from atlassian import Bitbucket
    except ModuleNotFoundError:
        yield Row("listing Data Center", "—", "atlassian-python-api is not installed")
        return
    with serving() as world:
        DATA_CENTER.fill(world, PEER_PROJECTS)
        _ours(world)  # warms the pages
        ours, theirs = medians(
            min(effort.runs, 3), lambda: _ours(world), lambda: _theirs(Bitbucket, world)
        )
    ratio = theirs / ours
    yield Row(
        f"listing {PEER_PROJECTS * EACH:,} Data Center repositories in {PEER_PROJECTS} projects, "
        f"{LATENCY_S * 1000:.0f} ms latency",
        seconds(ours),
        f"atlassian-python-api, project by project, its own pages, {seconds(theirs)}",
        f"{ratio:.1f} × faster",
        f"≥ {PEER_LIMIT:g} ×",
        ratio >= PEER_LIMIT,
    )


def _ours(world: World) -> float:
    (answer,) = json.loads(world.planner("list", MAIN, 1).out)
    return float(answer["wall_s"])


def _theirs(client: Any, world: World) -> float:
    """It has no call for the repositories of every project; those of people it leaves out."""
    api = client(
        url=world.environment[DATA_CENTER.address], token=world.environment["DC_READER_TOKEN"]
    )

    def listed() -> None:
        keys = [project["key"] for project in api.project_list()]
        count = sum(1 for key in keys for _ in api.repo_list(key))
        if count < PEER_PROJECTS * EACH:
            raise RuntimeError(f"they listed {count} repositories")

    return timed(listed)
