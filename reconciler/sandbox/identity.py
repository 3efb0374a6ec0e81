"""Random values that are the same for the same seed. Never for secrets."""

from __future__ import annotations

import random
from uuid import UUID


class Ids:
    """A stream of uuids and numbers derived from a seed and a purpose."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._random = random.Random(f"{seed}/{purpose}")  # noqa: S311  identifiers, not secrets

    def bare(self) -> str:
        """A uuid without braces."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def uuid(self) -> str:
        """A uuid in braces, as Bitbucket writes them."""
        return f"{{{self.bare()}}}"

    def number(self, low: int, high: int) -> int:
        """A number from *low* to *high*, both included."""
        return self._random.randint(low, high)
