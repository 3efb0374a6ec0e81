"""The diff of 100,000 repositories of which none changed, beside the comparison of two dicts.

``python -m tests.bench.diffing`` does one diff in a process of its own, for its memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from operator import eq

from reconciler.diff import Background, compare
from reconciler.model.desired import DesiredSelection, DesiredState, Term
from reconciler.model.method import MethodKind
from reconciler.model.observed import (
    ConnectionView,
    CredentialView,
    Listing,
    LiveConnection,
    LiveResource,
    LiveSelection,
    ObservedState,
    Present,
    Repository,
)
from reconciler.model.record import KnownRepositories, Selected, Snapshot
from tests import builders
from tests.bench.clock import medians, peak_bytes, timed
from tests.bench.table import Effort, Row, at_most, megabytes

SIZE = 100_000
PROJECTS = 50
LIMIT = 2.0
MEMORY_LIMIT = 300e6
EVERYTHING = DesiredSelection("all", builders.a_mark(20), digest="sha256:a11", everything=True)
PATTERN = DesiredSelection(
    "some",
    builders.a_mark(20),
    digest="sha256:50e",
    include=(
        *(Term(builders.a_mark(21), project=f"P{n}") for n in range(PROJECTS // 2)),
        Term(builders.a_mark(22), name="shared-*"),
    ),
    exclude=(Term(builders.a_mark(23), name="*-archive"),),
)


def rows(effort: Effort) -> Iterator[Row]:
    for named, selection in (("everything", EVERYTHING), ("25 projects and a glob", PATTERN)):
        ours, changed, floor = medians(
            effort.runs * 2,
            partial(timed, Scene(selection).compared),
            partial(timed, Scene(selection, added=1).compared),
            partial(timed, partial(eq, repositories(), repositories())),
        )
        beside = f"equality of two dicts of {SIZE:,} tuples"
        what = f"no-op diff of {SIZE:,} repositories, selection of {named}"
        yield at_most(what, ours, floor, limit=LIMIT, named=beside)
        row = at_most(
            f"the same, one repository is new ({named})", changed, floor, limit=0, named=beside
        )
        yield replace(row, goal="—", met=None)
    peak = peak_bytes(sys.executable, "-m", "tests.bench.diffing")
    yield Row(
        f"peak memory of a process with that diff of {SIZE:,}",
        megabytes(peak),
        "—",
        "—",
        f"< {megabytes(MEMORY_LIMIT)}",
        peak < MEMORY_LIMIT,
    )


def identity(number: int) -> str:
    return f"{{{number:08x}-0000-4000-8000-{number * 7919:012x}}}"


def name(number: int) -> str:
    return f"service-{number:06d}" if number % 10 else f"shared-{number:06d}"


def repositories(size: int = SIZE) -> dict[str, Repository]:
    """Built anew each time, so that nothing is equal by being the same object."""
    return {identity(n): Repository(name(n), f"P{n % PROJECTS}") for n in range(size)}


class Scene:
    """One connection that was applied, observed again."""

    def __init__(self, selection: DesiredSelection, *, added: int = 0) -> None:
        listed, known = repositories(SIZE + added), repositories()
        chosen = frozenset(_chosen(selection))
        self.state: DesiredState = builders.a_state(builders.a_connection(selection=selection))
        (desired,) = self.state.connections.values()
        record = builders.a_record(
            selection={identity(n): Selected(name(n), name(n)) for n in range(SIZE) if n in chosen},
            selection_digest=selection.digest,
            consumer_identity=desired.consumer.identity,
            account_identity=desired.account.identity,
            follows_new=selection.everything,
            listed_at=1,
        )
        self.snapshot = Snapshot(builders.LINEAGE, 1, b"k" * 32, "", {desired.address: record}, {})
        first = dict.fromkeys(known, 1)
        self.background = Background(
            known={desired.account.reach: KnownRepositories(known, first, 1)},
            implies={},
            now=builders.NOW,
        )
        resources = tuple(
            LiveResource(f"r{n}", name(n), "acme", n in chosen, "repo", identity(n))
            for n in range(SIZE)
        )
        live = LiveConnection(
            "cred-1",
            "ox-acme",
            desired.account.provider,
            MethodKind.API_TOKEN,
            username=desired.method.username,
            selection=LiveSelection(resources, selection.everything, complete=True),
        )
        view = ConnectionView(
            Present(Listing(listed, complete=True)), Present(live), CredentialView(missing="none")
        )
        self.observed = ObservedState({str(desired.address): view})

    def compared(self) -> object:
        (difference,) = compare(self.state, self.snapshot, self.observed, self.background)
        return difference.selection


def _chosen(selection: DesiredSelection) -> Iterator[int]:
    for n in range(SIZE):
        if selection.everything or n % PROJECTS < PROJECTS // 2 or n % 10 == 0:
            yield n


def main() -> None:
    if Scene(EVERYTHING).compared() is None:
        raise RuntimeError("nothing was compared")


if __name__ == "__main__":
    main()
