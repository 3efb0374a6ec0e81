"""A stable of fast commands: one process that has loaded everything and forks for each command.

`python -m tests.e2e.killing` reads requests as lines of JSON. A forked command may be told to kill
itself with SIGKILL right before or right after its N-th durable write: a line of the journal, a
commit, or a secret written or removed. Nothing of it can be caught, flushed or undone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Strike:
    """Kill at write number *at* (from 1), ``before`` or ``after`` it."""

    at: int
    when: str = "before"

    def __str__(self) -> str:
        return f"{self.when}-{self.at}"


class Stable:
    """Runs commands in forks of one warm process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.killing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def run(
        self,
        words: tuple[str, ...],
        folder: Path,
        environment: Mapping[str, str],
        scratch: Path,
        *,
        strike: Strike | None = None,
    ) -> tuple[int, str, str]:
        """Exit code (negative: the signal), stdout and stderr of ``reconciler *words*``.

        *scratch* is a folder of our own, which afterwards holds ``trace``: a line for each write.
        """
        asked = {
            "words": words,
            "folder": str(folder),
            "environment": dict(environment),
            "scratch": str(scratch),
            "strike": asdict(strike) if strike else None,
        }
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        pipe_in.write(json.dumps(asked) + "\n")
        pipe_in.flush()
        code = int(pipe_out.readline())
        return code, (scratch / "out").read_text(), (scratch / "err").read_text()


def _serve() -> None:
    """Fork for each line until there are no more."""
    _load_everything()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _load_everything() -> None:
    """Import what commands import lazily, so that forks need not."""
    from importlib import import_module

    from reconciler.cli.main import COMMANDS

    for module in (*(entry.module for entry in COMMANDS.values()), *_LAZY):
        import_module(module)


_LAZY = (
    "reconciler.pipeline",
    "reconciler.cli.session",
    "reconciler.cli.wiring",
    "reconciler.cli.applying",
    "reconciler.consumers.ox.client",
    "reconciler.providers.azure_devops.client",
    "reconciler.providers.bitbucket_cloud.client",
    "reconciler.providers.bitbucket_data_center.client",
    "reconciler.registry.sqlite",
    "reconciler.secrets.file",
    "reconciler.secrets.vault",
    "reconciler.report.to_terminal",
    "reconciler.report.to_markdown",
    "anyio._backends._asyncio",
    "httpcore2",
    "jsonschema",
    "jsonschema_rs",
    "rich.progress",
    "truststore",
)


def _become(asked: dict[str, Any]) -> None:
    """Be the command; never returns."""
    scratch = Path(asked["scratch"])
    for stream, name in ((1, "out"), (2, "err")):
        file = os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["reconciler", *asked["words"]]
    strike = Strike(**asked["strike"]) if asked["strike"] else None
    _arm(strike, scratch / "trace")
    code: object = 0
    try:
        from reconciler.cli.main import run

        run()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  what escapes the command line would be a bug of ours
        import traceback

        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _arm(strike: Strike | None, trace: Path) -> None:
    """Wrap every durable write of the command."""
    from reconciler.registry.sqlite import SqliteRegistry
    from reconciler.secrets.file import FileSource
    from reconciler.secrets.vault import VaultSource

    trace.write_text("")
    count = 0

    def wrap(owner: type, name: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def write(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            mine = count
            _note(trace, name, given)
            if strike == Strike(mine, "before"):
                os.kill(os.getpid(), signal.SIGKILL)
            done = inner(*given, **named)
            if strike == Strike(mine, "after"):
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        setattr(owner, name, write)

    for owner, name in (
        (SqliteRegistry, "journal"),
        (SqliteRegistry, "commit"),
        (FileSource, "write"),
        (FileSource, "remove"),
        (VaultSource, "write"),
        (VaultSource, "remove"),
    ):
        wrap(owner, name)


def _note(trace: Path, name: str, given: tuple[Any, ...]) -> None:
    entry = given[1]
    what = f" {entry.step} {entry.phase}" if name == "journal" else ""
    with trace.open("a") as file:
        file.write(f"{name}{what}\n")


if __name__ == "__main__":
    _serve()
