"""The sandbox in a process of its own, and a project folder that points at it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tests.bench.clock import ROOT, Finished, finished

LATENCY_S = 0.05
PAGE = 100
_PATIENCE_S = 60.0
_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class World:
    """A project in *root* whose provider is a sandbox. ``environment`` is what a user would set."""

    root: Path
    environment: Mapping[str, str]

    def write(self, connections: Mapping[str, Any], *, consumer_url: str = "") -> None:
        """One account, one tenant, one method; *connections* are selections by name."""
        (self.root / "secrets").mkdir(mode=0o700, exist_ok=True)
        token = self.root / "secrets" / "ox-bot.token"
        token.write_text(self.environment["OX_BOT_TOKEN"] + "\n")
        token.chmod(0o600)
        reader = {"env": "ACME_READER_TOKEN"}
        documents = [
            document(
                "Account",
                "acme",
                provider="bitbucket-cloud",
                workspace="acme",
                apiUrl=self.environment["BITBUCKET_CLOUD_URL"],
                reader={"type": "access-token", "level": "workspace", "secret": reader},
            ),
            document(
                "Consumer",
                "ox-prod",
                profile="ox",
                endpoint=consumer_url or self.environment["OX_URL"],
                credential={"env": "OX_API_KEY"},
            ),
            document(
                "Method",
                "ox-bot-token",
                type="api-token",
                username=self.environment["OX_BOT_EMAIL"],
                secret={"file": "secrets/ox-bot.token"},
                scopes="profile",
                maxAge="365d",
                rotateBefore="30d",
            ),
        ]
        documents += [
            document(
                "Connection",
                name,
                consumer="ox-prod",
                account="acme",
                method="ox-bot-token",
                repositories=selection,
            )
            for name, selection in connections.items()
        ]
        dump(self.root / "reconciler.yaml", [document("Project", "bench")])
        dump(self.root / "connections.yaml", documents)

    def planner(self, *words: object) -> Finished:
        """`tests.bench.planner` in this project, in a process of its own."""
        return finished(
            sys.executable,
            "-m",
            "tests.bench.planner",
            str(self.root),
            *map(str, words),
            env=self.environment,
        )

    def told(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the sandbox's control API answers when told something."""
        return self._control("POST", path, body)

    def shown(self, path: str) -> Mapping[str, Any]:
        """What the sandbox's control API shows."""
        return self._control("GET", path, None)

    def _control(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        url = f"{self.environment['SANDBOX_CONTROL_URL']}/_sandbox/{path}"
        reply = httpx2.request(method, url, json=body, timeout=_PATIENCE_S)
        found: Mapping[str, Any] = reply.raise_for_status().json()
        return found


def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    head = {"apiVersion": "reconciler/v1", "kind": kind}
    return {**head, "metadata": {"name": name}, "spec": spec}


def dump(file: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    file.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False))


@contextmanager
def serving(*wishes: str, latency_s: float = LATENCY_S) -> Iterator[World]:
    """A sandbox with what *wishes* say (as ``--generate``), and an empty project."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ready = root / "sandbox.env"
        words = ["sandbox", "--ready-file", str(ready), "--rate-limit", "0"]
        words += ["--latency-ms", str(latency_s * 1000)]
        words += [word for wish in wishes for word in ("--generate", wish)]
        process = stack.enter_context(_running("-m", "reconciler", *words, out=subprocess.DEVNULL))
        _await(ready, process)
        lines = ready.read_text().splitlines()
        project = root / "project"
        project.mkdir()
        yield World(project, dict(line.split("=", 1) for line in lines))


@contextmanager
def remembered(world: World, *, latency_s: float = LATENCY_S) -> Iterator[str]:
    """The address of a server that remembers the consumer's answers."""
    words = ("-m", "tests.bench.remembering", world.environment["OX_URL"], str(latency_s * 1000))
    with _running(*words) as process:
        if process.stdout is None:
            raise RuntimeError("the server's address cannot be read")
        yield process.stdout.readline().decode().strip()


@contextmanager
def _running(*words: str, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=_STOP_S)


def _await(ready: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.01)
