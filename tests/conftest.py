"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine is no defect: an example may take as long as it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the command line does."""
    return "asyncio"
