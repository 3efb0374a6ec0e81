"""``reconciler demo``: the main story on the embedded sandbox, told by the real command line."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import examples
from reconciler.cli.output import emit
from reconciler.errors import ReconcilerError, UsageError

if TYPE_CHECKING:
    from reconciler.sandbox.server import RunningSandbox

BY_HAND = "ox-bitbucket-cloud"
BY_API = "ox-azure-devops"
"""The two setups of the story: where a person makes credentials, and where an API does."""

_ADDRESSES = (
    ("BITBUCKET_CLOUD_URL", "http://127.0.0.1:8765/2.0"),
    ("OX_URL", "http://127.0.0.1:8766/api/apollo-gateway"),
    ("AZURE_DEVOPS_URL", "http://127.0.0.1:8769"),
)
"""What the setups' environment `sandbox` names, by the name of what is really there."""


class DemoError(ReconcilerError):
    """A step of the story ended otherwise than told."""


@click.command(
    "demo",
    epilog=examples("reconciler demo", "reconciler demo --keep ./demo"),
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the project of the story in DIR; by default it is removed.",
)
def command(keep: Path | None) -> int:
    """Run the whole story on emulated services: plan, apply, drift, rotation.

    Bitbucket Cloud, Azure DevOps and OX are emulated on this machine; nothing leaves it. Needs
    the extra `sandbox`.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty", hint="name a new folder")
    try:
        from reconciler.sandbox.server import RunningSandbox
        from reconciler.sandbox.settings import Settings
    except ImportError as error:
        raise UsageError(
            "the sandbox is not installed", hint="pip install 'scm-reconciler[sandbox]'"
        ) from error
    with tempfile.TemporaryDirectory() as folder, RunningSandbox(Settings()) as box:
        _Story(keep or Path(folder), box).tell()
    return Exit.DONE


@dataclass(slots=True)
class _Story:
    """One telling. ``folder`` holds a project for each setup, ``box`` is the world around them."""

    folder: Path
    box: RunningSandbox
    setup: str = BY_HAND
    chapter: int = 0

    @property
    def root(self) -> Path:
        """The project that is spoken of."""
        return self.folder / self.setup

    def tell(self) -> None:
        """From the first plan to a rotation that nobody notices."""
        self._prepare()
        self._put("ox-bot.token", self.box.environment["OX_BOT_TOKEN"])
        self._title("What is declared")
        self._say("One connection: OX reads some repositories of the workspace acme.")
        self._show("connections.yaml")
        self._run("validate")
        self._title("The plan")
        self._run("plan", "--out", "plan.json")
        self._title("The apply")
        self._run("apply", "plan.json")
        self._title("A second plan is empty")
        self._run("plan", "--detailed-exitcode", sentence="No changes.")
        self._title("Somebody changes it live: drift")
        self._meddle()
        self._run("drift", "--detailed-exitcode", code=Exit.PENDING)
        self._say("The plan puts the selection back and follows the rename by its stable id.")
        self._run("apply", "--auto-approve")
        self._run("plan", "--detailed-exitcode", sentence="No changes.")
        self._rotate()
        self._run("verify")
        self._run("registry", "history")
        self._run("plan", "--detailed-exitcode", sentence="No changes.")
        self._rotate_by_api()
        self._say(
            "Next: `reconciler init ox-bitbucket-cloud DIR` starts a project of your own, and "
            "`reconciler sandbox` serves this world for your own YAML."
        )

    def _rotate(self) -> None:
        """A token that no API can mint: a person does it, and the run goes on by itself."""
        self._title("A rotation that takes a person")
        self._say(
            "Bitbucket Cloud has no API that mints tokens, so the plan says exactly what a "
            "person does. The old token goes on working meanwhile."
        )
        self._run("rotate", "ox-acme", "--auto-approve")
        self._say("A person makes the new token and puts it into secrets/ox-bot.token.next.")
        old = self.box.environment["OX_BOT_TOKEN"]
        estate = self.box.sandbox.bitbucket
        scopes = estate.credential(old).scopes
        fresh = estate.mint_api_token(self.box.environment["OX_BOT_EMAIL"], scopes)
        self._put("ox-bot.token.next", fresh.token)
        self._run("apply", "--auto-approve")
        self._say("OX uses the new one. The person revokes the old one; its death is proven.")
        estate.revoke(old)
        self._run("apply", "--auto-approve")

    def _rotate_by_api(self) -> None:
        """Where the provider makes tokens, the whole rotation is one command."""
        self.setup = BY_API
        self._title("A rotation that nobody notices")
        self._say(
            "Azure DevOps makes tokens for a signed-in user: an `issuer` is declared, and no "
            "person is needed, not even for the first token."
        )
        self._prepare()
        self._edit("connections.yaml", "overlap: 1h", "overlap: 2s")
        self._run("apply", "--auto-approve")
        self._say("`version: 2` in the YAML has the token replaced once.")
        self._edit("connections.yaml", "overlap: 2s", "version: 2\n  overlap: 2s")
        self._run("apply", "--auto-approve")
        self._run("plan", "--detailed-exitcode", sentence="No changes.")
        self._run("forecast", "--days", "400")

    def _prepare(self) -> None:
        """The example project, pointed at this sandbox's addresses."""
        from reconciler.cli.init import template, write

        write(dict(template(self.setup)), self.root)
        for name, default in _ADDRESSES:
            self._edit("reconciler.yaml", default, self.box.environment[name])
        (self.root / "secrets").mkdir(mode=0o700)

    def _edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def _put(self, name: str, value: str) -> None:
        path = self.root / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")

    def _meddle(self) -> None:
        from reconciler.sandbox.ox import person_in

        person = person_in(self.box.sandbox)
        (live,) = person.overview()["connections"]
        person.select(connection=live["id"], add=["storefront"], remove=["ledger"])
        self.box.sandbox.bitbucket.rename_repository("acme", "payments-api", "payments-core")
        self._say("In OX somebody unticks ledger and ticks storefront.")
        self._say("In Bitbucket somebody renames payments-api to payments-core.")

    def _title(self, text: str) -> None:
        self.chapter += 1
        emit(f"\n━━━ {self.chapter}. {text} {'━' * max(3, 66 - len(text))}\n")

    def _say(self, text: str) -> None:
        emit(f"{text}\n")

    def _show(self, name: str) -> None:
        emit(f"\n$ cat {name}\n{(self.root / name).read_text(encoding='utf-8')}")

    def _run(self, *words: str, code: int = Exit.DONE, sentence: str = "") -> None:
        """Run one command as a user would; the story ends when it does not end as told."""
        emit(f"\n$ reconciler {' '.join(words)}\n")
        sys.stdout.flush()
        done = subprocess.run(  # noqa: S603  our own program with the story's own words
            [sys.executable, "-m", "reconciler", "--env", "sandbox", "--quiet", *words],
            cwd=self.root,
            env=self._variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        emit(done.stdout)
        if done.returncode != code or sentence not in done.stdout:
            raise DemoError(
                f"`reconciler {' '.join(words)}` ended with {done.returncode}, not as told",
                hint="please report it with the output above",
            )

    def _variables(self) -> Mapping[str, str]:
        return {**os.environ, **self.box.environment}
