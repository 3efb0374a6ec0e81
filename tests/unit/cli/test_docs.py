"""docs/commands.md shows every command's help as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS
from tests.unit.cli.conftest import Run

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
BLOCK = re.compile(r"```console\n\$ reconciler (?P<args>.*)\n(?P<help>(?:.*\n)*?)```\n")


@pytest.mark.parametrize("name", ["", *COMMANDS], ids=lambda name: name or "root")
def test_the_page_shows_the_help(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """``WRITE_DOCS=1 pytest tests/unit/cli/test_docs.py`` brings the page up to date."""
    monkeypatch.setenv("COLUMNS", "80")
    args = (name, "--help") if name else ("--help",)
    result = run(*args)
    assert result.exit_code == 0
    shown = result.stdout
    page = PAGE.read_text()
    blocks = {found["args"]: found for found in BLOCK.finditer(page)}
    found = blocks.get(" ".join(args))
    if os.environ.get("WRITE_DOCS") == "1":
        block = f"```console\n$ reconciler {' '.join(args)}\n{shown}```\n"
        title = f"## `reconciler {name}`" if name else "## `reconciler`"
        PAGE.write_text(
            page.replace(found.group(), block) if found else f"{page}{title}\n\n{block}\n"
        )
        return
    assert found is not None
    assert found["help"] == shown
