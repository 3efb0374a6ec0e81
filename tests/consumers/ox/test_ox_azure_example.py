"""The example ``ox-azure-devops`` against the sandbox, by the command line as in its README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.ox import tenant_of
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import AZURE, OX

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[3] / "examples" / "ox-azure-devops"
WANTED = {
    "Payments/card-auth",
    "Payments/ledger",
    "Payments/new-service",
    "Platform/shared-auth",
    "Platform/tools",
}


class Rehearsal:
    """A copy of the example whose environment ``sandbox`` points at a running one."""

    def __init__(self, root: Path, box: RunningSandbox) -> None:
        self.root, self.box = root, box
        shutil.copytree(EXAMPLE, root)
        settings = root / "reconciler.yaml"
        text = settings.read_text()
        for pattern, url in (
            (r"http://127\.0\.0\.1:8769", box.urls[AZURE]),
            (r"http://127\.0\.0\.1:8766/api/apollo-gateway", box.urls[OX]),
        ):
            text, count = re.subn(pattern, url, text)
            assert count == 1
        settings.write_text(text)

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "--env", "sandbox", *words],
            cwd=self.root,
            env={**os.environ, **self.box.environment, "COLUMNS": "160"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def token(self) -> str:
        return (self.root / "secrets" / "ox-azure.pat").read_text().strip()

    def selected(self) -> set[str]:
        """What OX monitors through its one connection."""
        (credential,) = tenant_of(self.box.sandbox).credentials.values()
        seen = organization_in(self.box.sandbox).try_pat(credential.secret).repositories
        return {f"{r.project}/{r.name}" for r in seen if r.id in credential.selected}


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with RunningSandbox() as box:
        yield Rehearsal(tmp_path / "project", box)


def test_the_example_connects_with_a_token_that_it_makes_itself(rehearsal: Rehearsal) -> None:
    rehearsal.run("apply", "--auto-approve")
    assert rehearsal.selected() == WANTED
    made = organization_in(rehearsal.box.sandbox).pat(rehearsal.token())
    assert len(made.scopes) == 13
    assert "No changes." in rehearsal.run("plan")


def test_what_appears_is_taken_up_where_a_pattern_means_it_in_any_project(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.run("apply", "--auto-approve")
    organization = organization_in(rehearsal.box.sandbox)
    organization.create_repository("Mixed", "shared-extra")
    organization.create_repository("Mixed", "ledger")
    plan = rehearsal.run("plan")
    assert '+ "Mixed/shared-extra"' in plan
    assert "Mixed/ledger" not in plan
    rehearsal.run("apply", "--auto-approve")
    assert rehearsal.selected() == WANTED | {"Mixed/shared-extra"}


def test_a_renamed_repository_stays_selected_by_its_guid(rehearsal: Rehearsal) -> None:
    rehearsal.run("apply", "--auto-approve")
    organization = organization_in(rehearsal.box.sandbox)
    organization.rename_repository("Platform", "tools", "toolbox")
    assert "'Platform/tools' is called 'Platform/toolbox' now" in rehearsal.run("plan")
    rehearsal.run("apply", "--auto-approve")
    assert rehearsal.selected() == WANTED - {"Platform/tools"} | {"Platform/toolbox"}
