from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.server import RunningSandbox
from tests.unit.sandbox.hand import Hand, Minter


@pytest.fixture
def hand() -> Iterator[Hand]:
    with RunningSandbox() as box:
        opened = Hand(box)
        with opened.http:
            yield opened


@pytest.fixture
def minted(hand: Hand) -> Minter:
    """Basic credentials of a fresh API token of acme's owner."""

    def mint(*scopes: str, **more: Any) -> tuple[str, str]:
        made = hand.bitbucket.mint_api_token("ada@acme.example", scopes, **more)
        return "ada@acme.example", made.token

    return mint
