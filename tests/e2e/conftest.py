"""A fresh world for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Settings
from tests.e2e.killing import Stable
from tests.e2e.world import World


@pytest.fixture(scope="session")
def stable() -> Iterator[Stable]:
    """Commands that start in a tenth of the time, and can be killed at any write."""
    with Stable() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, stable: Stable) -> Iterator[World]:
    """Its commands run in forks of one warm process."""
    with RunningSandbox(Settings()) as box:
        yield World(tmp_path / "project", box, stable=stable)
