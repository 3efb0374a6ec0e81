"""Listing a workspace beside the client that most Python programs use for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.bench.clock import medians, timed
from tests.bench.table import Effort, Row, seconds
from tests.bench.world import LATENCY_S, PAGE, World, serving

SIZE = 10_000
IN_FLIGHT = 16
LIMIT = 7.0


def rows(effort: Effort) -> Iterator[Row]:
    try:
        from atlassian.bitbucket.cloud import Cloud
    except ModuleNotFoundError:
        yield Row(f"listing {SIZE:,} repositories", "—", "atlassian-python-api is not installed")
        return
    with serving(f"repositories={SIZE},projects=50") as world:
        world.write({"ox-acme": {"all": True}})
        _ours(world)  # warms the pages
        _theirs(Cloud, world)  # and theirs, which name no fields
        ours, theirs = medians(
            min(effort.runs, 3), lambda: _ours(world), lambda: _theirs(Cloud, world)
        )
    ratio = theirs / ours
    yield Row(
        f"listing {SIZE:,} repositories, {LATENCY_S * 1000:.0f} ms latency, {IN_FLIGHT} in flight",
        seconds(ours),
        f"atlassian-python-api, pages of {PAGE}, {seconds(theirs)}",
        f"{ratio:.1f} × faster",
        f"≥ {LIMIT:g} ×",
        ratio >= LIMIT,
    )


def _ours(world: World) -> float:
    (answer,) = json.loads(world.planner("list", IN_FLIGHT, 1).out)
    return float(answer["wall_s"])


def _theirs(cloud: Any, world: World) -> float:
    base = world.environment["BITBUCKET_CLOUD_URL"].removesuffix("/2.0")
    api = cloud(url=base, token=world.environment["ACME_READER_TOKEN"])
    api.repositories.url += "/acme"

    def listed() -> None:
        count = sum(1 for _ in api.repositories.each(pagelen=PAGE))
        if count != SIZE:
            raise RuntimeError(f"they listed {count} repositories")

    return timed(listed)
