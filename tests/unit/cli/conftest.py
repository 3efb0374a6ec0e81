"""A project and a way to run the command line in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run ``reconciler ARGS…``; stdin is no terminal."""

    def invoke(*args: str, stdin: str = "") -> Result:
        return CliRunner().invoke(cli, args, input=stdin, prog_name="reconciler")

    return invoke


@pytest.fixture
def project(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The starter project, without any of its secrets: every read fails before a request."""
    folder = tmp_path / "project"
    assert run("init", "ox-bitbucket-cloud", str(folder)).exit_code == 0
    for name in ("OX_API_KEY", "ACME_READER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    return folder
