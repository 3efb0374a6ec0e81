"""A client that reads ten times a second through a whole rotation never sees a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from tests.e2e.endstate import credentials
from tests.e2e.issuing import SIDES, Side, ensure_one
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PAUSE_S = 0.1


@dataclass(slots=True)
class Reader:
    """Reads the provider over HTTP with whatever the consumer holds at that moment.

    ``read`` are the statuses by secret, in order; ``stale`` the longest time (seconds) for which
    a secret that was fetched is used before the next is.
    """

    fetch: Callable[[], str]
    ask: Callable[[httpx2.Client, str], int]
    stale_s: float
    read: list[tuple[str, int]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read from a thread until the end of the block."""
        over = threading.Event()

        def work() -> None:
            with httpx2.Client() as client:
                secret, since = self.fetch(), time.monotonic()
                while not over.is_set():
                    self.read.append((secret, self.ask(client, secret)))
                    if time.monotonic() - since >= self.stale_s:
                        secret, since = self.fetch(), time.monotonic()
                    over.wait(PAUSE_S)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)


def _asks(world: World, side: Side) -> Callable[[httpx2.Client, str], int]:
    if side.name == "azure-devops":
        url = f"{world.environment['AZURE_DEVOPS_URL']}/acme/_apis/git/repositories"
        query = {"api-version": "7.1"}
        return lambda client, secret: client.get(url, params=query, auth=("", secret)).status_code
    url = f"{world.environment['DATA_CENTER_URL']}/rest/api/latest/projects/PAY/repos"

    def ask(client: httpx2.Client, secret: str) -> int:
        return client.get(url, headers={"Authorization": f"Bearer {secret}"}).status_code

    return ask


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
def test_whoever_reads_all_the_while_never_fails_and_the_old_credential_ends(
    world: World, side: Side
) -> None:
    """The reader fetches the consumer's newest credential anew every second: it always works."""
    side.declare(world, overlap="3s")
    world.apply()
    first = ensure_one(world, side)
    reader = Reader(
        fetch=lambda: credentials(world)[-1].secret, ask=_asks(world, side), stale_s=1.0
    )
    with reader.running():
        time.sleep(1)
        world.spec("Method", "git-token")["version"] = 2
        world.apply()
        time.sleep(1)
    second = ensure_one(world, side)
    statuses = [status for _, status in reader.read]
    assert set(statuses) == {200}
    assert len(statuses) >= 40
    assert {secret for secret, _ in reader.read} == {first, second}
    with httpx2.Client() as client:
        assert reader.ask(client, first) in (203, 302, 401)
        assert reader.ask(client, second) == 200
