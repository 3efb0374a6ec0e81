"""Plans, applies or lists in a project, some times over, and prints what each time cost, as JSON.

``python -m tests.bench.planner ROOT (plan|new|apply|list) CONCURRENCY RUNS``. Imports are done
before the clock starts; ``new`` plans as if nothing had ever been applied.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from reconciler import pipeline
from reconciler.cli.context import Globals
from reconciler.cli.wiring import load_state, open_ports
from reconciler.model.action import Plan
from reconciler.model.desired import DesiredState
from reconciler.model.outcome import OutcomeState
from reconciler.observe.secrets import read_secret
from reconciler.ports.bundle import Ports
from reconciler.ports.provider import Login, silent

NO_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """One run: wall and processor time, requests to the provider, actions in the plan."""

    wall_s: float
    cpu_s: float
    requests: int
    actions: int


def main(root: str, what: str, concurrency: str, runs: str) -> None:
    os.chdir(root)
    registry = "sqlite:///never.db" if what == "new" else ""
    options = Globals(registry=registry, env="", color=False, quiet=True)
    state, _ = load_state(options, ())
    settings = replace(state.settings, concurrency=int(concurrency), hourly_requests=NO_LIMIT)
    state = replace(state, settings=settings)
    with open_ports(state, silent):
        pass  # imports the adapters
    costs = [_measured(_WAYS[what], options, state) for _ in range(int(runs))]
    sys.stdout.write(json.dumps([asdict(cost) for cost in costs]))


def _measured(
    way: Callable[[DesiredState, Ports], Any], options: Globals, state: DesiredState
) -> Cost:
    with open_ports(state, silent) as ports:
        wall, cpu = time.perf_counter(), time.process_time()
        requests, actions = way(state, ports)
        return Cost(time.perf_counter() - wall, time.process_time() - cpu, requests, actions)


def _plan(state: DesiredState, ports: Ports) -> tuple[int, int]:
    made = asyncio.run(pipeline.plan(state, ports))
    _ensure_whole(made)
    return _provider_requests(state, made), len(made.actions)


def _apply(state: DesiredState, ports: Ports) -> tuple[int, int]:
    report = asyncio.run(
        pipeline.apply(state, ports, approve=lambda _: True, on_event=lambda _address, _what: None)
    )
    if report is None:
        raise RuntimeError("the plan was not approved")
    _ensure_whole(report.plan)
    for outcome in report.outcomes:
        if outcome.state not in {OutcomeState.DONE, OutcomeState.WAITING}:
            raise RuntimeError(f"{outcome.address}: {outcome.detail}")
    return _provider_requests(state, report.plan), len(report.plan.actions)


def _list(state: DesiredState, ports: Ports) -> tuple[int, int]:
    (account,) = state.accounts.values()
    if account.reader is None:
        raise RuntimeError("the account has no reader")
    reader = account.reader
    secret, missing = read_secret(reader.secret, ports.secrets)
    if secret is None:
        raise RuntimeError(missing)
    login = Login.of(reader, secret)
    expected = ports.registry.repository_count(account.reach)

    async def listed() -> int:
        spec, settings = ports.providers[account.provider], state.settings
        provider = spec.open(account, settings.concurrency, settings.hourly_requests)
        try:
            found = await provider.list_repositories(login, expected=expected, progress=silent)
        finally:
            await provider.aclose()
        if not found.complete:
            raise RuntimeError(found.gap)
        return provider.reads().requests

    return asyncio.run(listed()), 0


_WAYS: dict[str, Callable[[DesiredState, Ports], tuple[int, int]]] = {
    "plan": _plan,
    "new": _plan,
    "apply": _apply,
    "list": _list,
}


def _ensure_whole(made: Plan) -> None:
    if made.errors:
        raise RuntimeError("; ".join(note.finding.message for note in made.errors))


def _provider_requests(state: DesiredState, made: Plan) -> int:
    providers = {account.provider for account in state.accounts.values()}
    return sum(r.requests for r in made.reads if r.party.partition("/")[0] in providers)


if __name__ == "__main__":
    main(*sys.argv[1:])
