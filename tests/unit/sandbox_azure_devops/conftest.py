from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.server import RunningSandbox
from tests.unit.sandbox_azure_devops.azure_hand import Hand


@pytest.fixture
def azure() -> Iterator[Hand]:
    with RunningSandbox() as box:
        hand = Hand(box)
        with hand.http:
            yield hand
