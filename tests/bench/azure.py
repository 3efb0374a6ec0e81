"""Plans of a large Azure DevOps organization, whose repositories come in one answer of some 80 MB.

The least that a plan needs is the latency of the longer of two ways that run beside one another,
the pages of projects and the one answer, and what it costs any client to take that answer in.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator

from azure.devops.connection import Connection
from msrest.authentication import BasicAuthentication

from tests.bench.clock import medians, timed
from tests.bench.costs import costs, memory, processor, requests
from tests.bench.estates import AZURE, Bare
from tests.bench.table import Effort, Row, seconds
from tests.bench.world import LATENCY_S, World, serving

PROJECTS = 5_000
FEW_PROJECTS = 500
PAGE = 1000
IN_FLIGHT = 16
LIMIT = 1.5
PEER_RUNS = 2
_PROJECTS_PATH = "projects?stateFilter=wellFormed&$top={page}&continuationToken={start}"


def rows(effort: Effort) -> Iterator[Row]:
    with serving() as world:
        AZURE.fill(world, FEW_PROJECTS if effort.quick else PROJECTS)
        yield from _plans(world, effort)


def _plans(world: World, effort: Effort) -> Iterator[Row]:
    shown = world.shown(AZURE.control)["projects"]
    size, projects = sum(project["repositories"] for project in shown), len(shown)
    pages = math.ceil(projects / PAGE)
    what = f"plan of {size:,} Azure DevOps repositories in {projects:,} projects"
    costs(world, "list", IN_FLIGHT, 2)  # has the emulator make its answer
    beside_latency = f"latency of {pages} pages of projects, one after the other, "
    first = costs(world, "new", IN_FLIGHT, 2)
    AZURE.connect(world)
    found = costs(world, "plan", IN_FLIGHT, effort.runs)
    if found.actions:
        raise RuntimeError("the plan after an apply is not empty")
    floor = pages * LATENCY_S
    for named, cost in ((f"first {what}", first), (f"no-op {what}", found)):
        beside = f"{beside_latency}{seconds(floor)}"
        yield Row(named, seconds(cost.wall_s), beside, f"{cost.wall_s / floor:.2f} ×")
    yield from _bare(world, pages).rows(world, "the same answers", IN_FLIGHT, judged=LIMIT)
    yield processor(f"that plan of {size:,}", size, found)
    yield memory(world, f"{size:,} on Azure DevOps")
    least = pages + 1
    named = f"{pages} pages of projects and one answer with every repository"
    yield requests(f"that plan of {size:,}", least, named, found)
    yield from _listing(world, size)


def _bare(world: World, pages: int) -> Bare:
    base = f"{world.environment[AZURE.address]}/{AZURE.workspace}/_apis"
    shown = base64.b64encode(f":{world.environment['AZURE_READER_PAT']}".encode()).decode()
    starts = range(0, pages * PAGE, PAGE)
    return Bare(
        [f"{base}/git/repositories?api-version=7.1"],
        f"Basic {shown}",
        chain=[f"{base}/{_PROJECTS_PATH.format(page=PAGE, start=start)}" for start in starts],
    )


def _listing(world: World, size: int) -> Iterator[Row]:
    what = f"listing {size:,} Azure DevOps repositories, {LATENCY_S * 1000:.0f} ms latency"

    def listed() -> None:
        shown = BasicAuthentication("", world.environment["AZURE_READER_PAT"])
        url = f"{world.environment[AZURE.address]}/{AZURE.workspace}"
        git = Connection(base_url=url, creds=shown).clients.get_git_client()
        count = len(git.get_repositories())
        if count != size:
            raise RuntimeError(f"they listed {count} repositories")

    ours, theirs = medians(PEER_RUNS, lambda: _ours(world), lambda: timed(listed))
    yield Row(
        what,
        seconds(ours),
        f"azure-devops, Microsoft's client for Python, {seconds(theirs)}",
        f"{theirs / ours:.1f} × faster",
    )


def _ours(world: World) -> float:
    (answer,) = json.loads(world.planner("list", IN_FLIGHT, 1).out)
    return float(answer["wall_s"])
