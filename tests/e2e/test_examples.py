"""Every example is valid, can be planned against the sandbox, and tells what it will need."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import vobject
import yaml

from reconciler.sandbox.server import PATHS, RunningSandbox
from reconciler.sandbox.settings import Settings
from tests.e2e.killing import Stable
from tests.e2e.world import Run

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/reconciler.yaml"))
PORT_BASE = 8765
"""The one that the examples' environment `sandbox` names."""


class Rehearsal:
    """One example, copied, with the addresses of a sandbox that is really there."""

    def __init__(self, name: str, folder: Path, box: RunningSandbox, stable: Stable) -> None:
        self.root = folder / name
        self.box = box
        self.stable = stable
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        shutil.copytree(EXAMPLES / name, self.root, ignore=shutil.ignore_patterns("secrets", ".*"))
        ports = {
            str(PORT_BASE + number): re.findall(r":(\d+)", box.urls[emulator])[0]
            for number, emulator in enumerate(PATHS)
        }
        for path in self.root.glob("*.yaml"):
            text = re.sub(r"127\.0\.0\.1:(\d+)", lambda m: _at(ports, m[1]), path.read_text())
            path.write_text(text)

    def run(self, *words: str) -> Run:
        environment = {**os.environ, **self.box.environment, "COLUMNS": "160"}
        run = Run(*self.stable.run(words, self.root, environment, self.scratch))
        assert "Traceback" not in run.err, run.err
        return run

    def documents(self, kind: str) -> list[dict[str, Any]]:
        every = (d for p in self.root.glob("*.yaml") for d in yaml.safe_load_all(p.read_text()))
        return [d for d in every if d["kind"] == kind]


def _at(ports: dict[str, str], port: str) -> str:
    return f"127.0.0.1:{ports[port]}"


@pytest.fixture(params=NAMES)
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path, stable: Stable) -> Any:
    with RunningSandbox(Settings()) as box:
        yield Rehearsal(request.param, tmp_path, box, stable)


def test_it_is_valid_without_a_network_or_a_secret(rehearsal: Rehearsal) -> None:
    run = rehearsal.run("validate")
    assert run.code == 0, run.err


def test_it_can_be_planned_against_the_sandbox(rehearsal: Rehearsal) -> None:
    run = rehearsal.run("--env", "sandbox", "plan", "--format", "json")
    assert run.code == 0, run.err
    connections = {d["metadata"]["name"] for d in rehearsal.documents("Connection")}
    planned = {c["name"]: c["action"] for c in run.doc["resource_changes"]}
    assert planned == dict.fromkeys(connections, "connect")


def test_the_forecast_names_every_end_and_a_calendar_reads_it(rehearsal: Rehearsal) -> None:
    run = rehearsal.run("forecast", "--days", "400", "--format", "json")
    assert run.code == 0, run.err
    forecast = json.loads(run.out)
    ends = {e["subject"] for e in forecast["entries"] if e["kind"] == "expires"}
    browser = ("oauth-app", "identity-provider")
    methods = {d["metadata"]["name"]: d["spec"] for d in rehearsal.documents("Method")}
    for connection in rehearsal.documents("Connection"):
        method = connection["spec"]["method"]
        spec = methods[method] if isinstance(method, str) else method
        name = f"connection.{connection['metadata']['name']}"
        assert (name in ends) is (spec["type"] not in browser and _ends(spec)), name
        assert name in ends or name in forecast["unknown"] or spec["type"] in browser
    calendar = rehearsal.run("forecast", "--days", "400", "--format", "ics")
    events = list(vobject.readOne(calendar.out).contents.get("vevent", ()))
    assert len(events) == len(forecast["entries"])


def _ends(spec: dict[str, Any]) -> bool:
    return "maxAge" in spec or "expiresAt" in spec
