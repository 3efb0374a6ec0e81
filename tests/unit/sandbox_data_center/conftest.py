from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.server import RunningSandbox
from tests.unit.sandbox_data_center.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with RunningSandbox() as box:
        opened = Desk(box)
        with opened.http:
            yield opened
