"""Golden files: whole outputs as a reviewer sees them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def matches_golden() -> Callable[[str, str], None]:
    """Compare with a file; ``WRITE_GOLDEN=1 pytest …`` writes it instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("WRITE_GOLDEN") == "1":
            path.write_text(text)
        assert text == path.read_text()

    return check
