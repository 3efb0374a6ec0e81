"""A fresh world for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from tests.e2e.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with RunningSandbox(Settings()) as box:
        yield World(tmp_path, box)
