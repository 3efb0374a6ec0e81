"""The OX adapter on a fresh sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from reconciler.ports.consumer import Consumer
from tests.consumers.ox.bench import Bench
from tests.consumers.ox.bench import bench as served


@pytest.fixture
def bench() -> Iterator[Bench]:
    with served() as found:
        yield found


@pytest.fixture
async def ox(bench: Bench) -> AsyncIterator[Consumer]:
    opened = bench.open()
    yield opened
    await opened.aclose()
