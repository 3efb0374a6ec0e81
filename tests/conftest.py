"""What every test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from reconciler.model.secret import KNOWN

# A busy machine is no defect: an example may take as long as it takes.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the command line does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _forgetful_scrubber() -> Iterator[None]:
    """What one test invents as a secret is no secret in the next."""
    before = set(KNOWN._forms)
    yield
    KNOWN._forms = before
