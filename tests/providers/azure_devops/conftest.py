from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.azure_devops.bench import Bench
from tests.providers.azure_devops.bench import bench as open_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened
