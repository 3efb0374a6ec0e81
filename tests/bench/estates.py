"""Projects on Bitbucket Data Center and Azure DevOps whose consumer is wired by hand.

The consumer has no API, so that a plan asks nobody but the provider.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.clock import finished, medians
from tests.bench.costs import costs
from tests.bench.table import Row, at_most
from tests.bench.world import World, document, dump

EACH = 20
"""Repositories in each generated project."""

TURNS = 3

_NAME = "reviews"


@dataclass(frozen=True, slots=True)
class Estate:
    """One provider in the sandbox.

    ``address`` and ``reader`` name variables of the sandbox's environment; ``control`` is the
    path of its control API. ``login`` is what the profile says of the method.
    """

    provider: str
    control: str
    address: str
    workspace: str
    reader: Mapping[str, Any]
    method: Mapping[str, Any]
    login: str
    scopes: tuple[str, ...]

    def fill(self, world: World, projects: int) -> None:
        """Add *projects* projects to the few that are there, and declare a connection."""
        world.told(f"{self.control}/fill", {"projects": projects, "repositories_each": EACH})
        dump(world.root / "reconciler.yaml", [document("Project", "bench")])
        dump(world.root / "connections.yaml", self._documents(world))

    def _documents(self, world: World) -> list[Mapping[str, Any]]:
        rule = {
            "provider": self.provider,
            "type": self.method["type"],
            "login": self.login,
            "levels": ["user"],
            "scopes": [{"name": name, "feature": "reading code"} for name in self.scopes],
            "source": {"url": "https://reviewer.example/docs", "checked": "2026-11-21"},
        }
        return [
            document(
                "ConsumerProfile",
                "reviewer",
                title="Reviewer",
                endpoint="https://reviewer.example",
                selection="config",
                methods=[rule],
            ),
            document("Consumer", "review-team", profile="reviewer"),
            document(
                "Account",
                "big",
                provider=self.provider,
                workspace=self.workspace,
                apiUrl=world.environment[self.address],
                reader=self.reader,
            ),
            document("Method", "token", **self.method, scopes=list(self.scopes), maxAge="365d"),
            document(
                "Connection",
                _NAME,
                consumer="review-team",
                account="big",
                method="token",
                repositories={"all": True},
            ),
        ]

    def connect(self, world: World) -> None:
        """Apply, and say that the person has done what waits: from here on plans are empty."""
        costs(world, "apply", 16, 1)
        command = str(Path(sys.executable).with_name("reconciler"))
        finished(command, "ack", _NAME, cwd=world.root, env=world.environment)
        costs(world, "apply", 16, 1)


@dataclass(frozen=True, slots=True)
class Bare:
    """What any client has to read for the listing of a plan; see `tests.bench.bare`."""

    addresses: Sequence[str]
    authorization: str
    chain: Sequence[str] = ()

    def seconds(self, way: str, in_flight: int, runs: int) -> float:
        words = (sys.executable, "-m", "tests.bench.bare", way, str(in_flight), str(runs))
        sent = {
            "addresses": self.addresses,
            "authorization": self.authorization,
            "chain": self.chain,
        }
        return float(median(json.loads(finished(*words, sent=json.dumps(sent)).out)))

    def rows(
        self, world: World, what: str, in_flight: int, *, judged: float | None = None
    ) -> Iterator[Row]:
        """No-op plans beside all three ways, in turns; *judged* is the most of httpx2's time."""
        ways = {
            "wire": f"bare sockets that look at nothing of {what}",
            "msgspec": f"httpx2 and `msgspec` for {what}, nothing else,",
            "json": f"httpx2 and `json.loads` for {what}, nothing else,",
        }
        ours, *floors = medians(
            TURNS,
            lambda: costs(world, "plan", in_flight, 2).wall_s,
            *(partial(self.seconds, way, in_flight, 1) for way in ways),
        )
        for (way, named), floor in zip(ways.items(), floors, strict=True):
            limit = judged if way == "msgspec" else None
            row = at_most(
                f"that plan, {in_flight} in flight", ours, floor, limit=limit or 0, named=named
            )
            yield row if limit else replace(row, goal="—", met=None)


DATA_CENTER = Estate(
    provider="bitbucket-data-center",
    control="data-center",
    address="DATA_CENTER_URL",
    workspace="git",
    reader={
        "type": "http-access-token",
        "level": "user",
        "username": "svc-reader",
        "secret": {"env": "DC_READER_TOKEN"},
    },
    method={
        "type": "http-access-token",
        "level": "user",
        "username": "svc-scanner",
        "secret": {"env": "DC_SCANNER_TOKEN"},
    },
    login="username",
    scopes=("PROJECT_READ", "REPO_READ"),
)
AZURE = Estate(
    provider="azure-devops",
    control="azure-devops",
    address="AZURE_DEVOPS_URL",
    workspace="acme",
    reader={"type": "personal-access-token", "secret": {"env": "AZURE_READER_PAT"}},
    method={"type": "personal-access-token", "secret": {"env": "AZURE_SCM_PAT"}},
    login="none",
    scopes=("vso.code", "vso.project"),
)
