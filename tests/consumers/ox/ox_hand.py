"""Short ways to say what the tests of OX say often."""

from __future__ import annotations

from collections import Counter
from typing import Any

from reconciler.model.drift import RepositoryLabel
from reconciler.model.observed import LiveConnection, LiveSelection
from reconciler.ports.consumer import Consumer
from reconciler.sandbox.ox_state import BITBUCKET_CLOUD, OxCredential
from tests.consumers.ox.bench import Bench


async def choose(
    ox: Consumer,
    live_id: str,
    *want: RepositoryLabel,
    drop: tuple[RepositoryLabel, ...] = (),
    copy_from: str = "",
    follow_new: bool = False,
) -> None:
    await ox.select(
        live_id,
        want=want,
        drop=drop,
        copy_from=copy_from,
        workspace="acme",
        follow_new=follow_new,
    )


def whole(live: LiveConnection) -> LiveSelection:
    assert live.selection is not None
    assert live.selection.complete, live.selection.gap
    return live.selection


def ticked(live: LiveConnection) -> set[str]:
    return {resource.name for resource in whole(live).resources if resource.selected}


def asked(bench: Bench) -> Counter[str]:
    return Counter(request.note for request in bench.requests())


def grant(number: int, **parts: Any) -> OxCredential:
    return OxCredential(
        f"c{number}",
        f"n{number}",
        BITBUCKET_CLOUD,
        "BitbucketApp",
        "",
        workspace="globex",
        **parts,
    )
