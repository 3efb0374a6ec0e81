"""One user's world: a project folder, the sandbox behind it, and the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reconciler.ports.registry import RegistryStore
from reconciler.sandbox.ox import person_in
from reconciler.sandbox.ox_person import Person
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.state import Sandbox
from tests.e2e.killing import Stable, Strike

MANAGE_ALL = ["connect", "rescope", "rotate", "disconnect"]
EMPTY = "No changes. Your infrastructure matches the configuration."


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def doc(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(slots=True)
class World:
    """A project in *root* against *box*. ``documents`` are written as YAML before each command.

    With a *stable*, commands run in forks of its warm process, which can be killed at any write.
    """

    root: Path
    box: RunningSandbox
    documents: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    project: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    stable: Stable | None = None

    def __post_init__(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.put_token(self.environment["OX_BOT_TOKEN"])
        self.declare_account("acme")
        self.declare(
            "Consumer",
            "ox-prod",
            profile="ox",
            endpoint=self.environment["OX_URL"],
            credential={"env": "OX_API_KEY"},
        )
        self.declare(
            "Method",
            "ox-bot-token",
            type="api-token",
            username=self.environment["OX_BOT_EMAIL"],
            secret={"file": "secrets/ox-bot.token"},
            scopes="profile",
            maxAge="365d",
            rotateBefore="30d",
        )
        self.declare(
            "Connection",
            "ox-acme",
            consumer="ox-prod",
            account="acme",
            method="ox-bot-token",
            repositories={"include": [{"project": "PAY"}, {"name": "shared-*"}]},
            manage=MANAGE_ALL,
        )

    @property
    def sandbox(self) -> Sandbox:
        return self.box.sandbox

    @property
    def ox(self) -> Person:
        return person_in(self.sandbox)

    @property
    def environment(self) -> Mapping[str, str]:
        return self.box.environment

    def declare(self, kind: str, name: str, **spec: Any) -> None:
        self.documents[kind, name] = {
            "apiVersion": "reconciler/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }

    def declare_account(self, name: str) -> None:
        self.declare(
            "Account",
            name,
            provider="bitbucket-cloud",
            workspace=name,
            apiUrl=self.environment["BITBUCKET_CLOUD_URL"],
            reader={
                "type": "access-token",
                "level": "workspace",
                "secret": {"env": f"{name.upper()}_READER_TOKEN"},
            },
        )

    def spec(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.documents[kind, name]["spec"]
        return found

    def connection(self, name: str = "ox-acme") -> dict[str, Any]:
        return self.spec("Connection", name)

    def put_token(self, value: str, *, place: str = "ox-bot.token") -> None:
        path = self.root / "secrets" / place
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(f"{value}\n")
        path.chmod(0o600)

    def mint(self, **changes: Any) -> str:
        """A new API token of the bot with the same scopes, as a person would make it."""
        estate = self.sandbox.bitbucket
        old = estate.credential(self.environment["OX_BOT_TOKEN"])
        wanted: dict[str, Any] = {"scopes": old.scopes, **changes}
        return estate.mint_api_token(self.environment["OX_BOT_EMAIL"], **wanted).token

    def write(self) -> None:
        """The YAML as it stands now."""
        head = {"apiVersion": "reconciler/v1", "kind": "Project", "metadata": {"name": "world"}}
        (self.root / "reconciler.yaml").write_text(yaml.safe_dump({**head, "spec": self.project}))
        (self.root / "connections.yaml").write_text(
            yaml.safe_dump_all(self.documents.values(), sort_keys=False)
        )

    def run(self, *words: str, **variables: str) -> Run:
        """`reconciler *words*` in the project folder, in a process of its own."""
        self.write()
        env = self.variables(**variables)
        if self.stable is not None:
            run = Run(*self.stable.run(words, self.root, env, self.scratch))
        else:
            process = self.start(*words, **variables)
            out, err = process.communicate(timeout=120)
            run = Run(process.returncode, out, err)
        if variables.get("RECONCILER_DEBUG") != "1":
            assert "Traceback" not in run.err, run.err
        self.outputs += [run.out, run.err]
        return run

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Begin `reconciler *words*` on the YAML as last written, and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *words],
            cwd=self.root,
            env=self.variables(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, strike: Strike, *words: str) -> int:
        """Run a command that is killed at a write; its exit code, negative when it was."""
        assert self.stable is not None
        self.write()
        code, out, err = self.stable.run(
            words, self.root, self.variables(), self.scratch, strike=strike
        )
        self.outputs += [out, err]
        return code

    def writes(self) -> list[str]:
        """The durable writes of the last command, in order."""
        return (self.scratch / "trace").read_text().splitlines()

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        return {**os.environ, **self.environment, "COLUMNS": "160", **more}

    @property
    def scratch(self) -> Path:
        """A folder beside the project, for what tests note down."""
        found = self.root.parent / "scratch"
        found.mkdir(exist_ok=True)
        return found

    def plan(self) -> dict[str, Any]:
        run = self.run("plan", "--format", "json")
        assert run.out, run.err
        return run.doc

    def actions(self) -> dict[str, str]:
        """Address → action, of everything that the plan would do."""
        changes = self.plan()["resource_changes"]
        return {c["address"]: c["action"] for c in changes if c["change"]["actions"] != ["no-op"]}

    def apply(self, *words: str) -> Run:
        run = self.run("apply", "--auto-approve", *words)
        assert run.code == 0, run.out + run.err
        return run

    def settled(self) -> int:
        """Assert that nothing is left to do and that looking moved nothing; the serial."""
        before = self.serial()
        run = self.run("plan", "--detailed-exitcode")
        assert run.code in (0, 3), run.out + run.err
        assert EMPTY in run.out or "Plan: 0 to add, 0 to change, 0 to destroy." in run.out, run.out
        assert self.serial() == before
        return before

    def serial(self) -> int:
        with self.registry() as registry:
            return registry.snapshot().serial

    @contextmanager
    def registry(self) -> Iterator[RegistryStore]:
        """The project's registry, opened beside the commands."""
        from reconciler.registry import open_registry

        with closing(open_registry(f"sqlite:///{self.root}/.reconciler/registry.db")) as found:
            yield found

    def live(self) -> list[dict[str, Any]]:
        """The connections of the OX organization, as a person sees them."""
        found: list[dict[str, Any]] = self.ox.overview()["connections"]
        return found
