"""Promises about the tree itself: sizes, published schemas, README and docs that agree with it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import consumers, providers
from reconciler.report.capabilities import Declared, render_matrix, render_sources

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
MODULE_LINES = 400
FUNCTION_LINES = 50
KINDS = (
    "Account",
    "Consumer",
    "Method",
    "RepositorySelection",
    "Connection",
    "ConsumerProfile",
    "Project",
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_and_no_function_outgrows_its_budget(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MODULE_LINES
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_published_schema(kind: str) -> None:
    assert (ROOT / "schemas" / "v1" / f"{kind}.schema.json").is_file()


def adapters() -> list[Declared]:
    return [
        *(Declared(s.name, s.title, s.abilities) for s in providers.specs().values()),
        *(Declared(s.name, s.title, s.abilities) for s in consumers.specs().values()),
    ]


@pytest.mark.parametrize(
    ("page", "render"),
    [
        pytest.param("README.md", render_matrix, id="readme"),
        pytest.param("docs/capabilities.md", render_sources, id="sources"),
    ],
)
def test_the_capability_matrix_is_fresh(page: str, render: object) -> None:
    """``WRITE_DOCS=1 pytest tests/test_architecture.py`` brings both pages up to date."""
    assert callable(render)
    path = ROOT / page
    wanted = f"<!-- capabilities -->\n{render(adapters())}<!-- /capabilities -->"
    block = re.compile(r"<!-- capabilities -->\n.*?<!-- /capabilities -->", re.DOTALL)
    text = path.read_text()
    found = block.search(text)
    assert found is not None
    if os.environ.get("WRITE_DOCS") == "1":
        path.write_text(text.replace(found.group(), wanted))
        return
    assert found.group() == wanted


def links(page: Path) -> list[str]:
    return re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_link_between_pages_is_broken(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_really_prints() -> None:
    """Every line of README's block, but for digests and ``…``, stands in the demo's output."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "demo"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = {_plain(line) for line in done.stdout.splitlines()}
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- demo -->\n```console\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    lines = block.group(1).splitlines()[1:]  # the first is the command itself
    missing = [line for line in lines if line.strip() not in ("", "…") and _plain(line) not in said]
    assert missing == []


def _plain(line: str) -> str:
    line = re.sub(r"sha256:[0-9a-f…]+", "sha256:…", line)
    line = re.sub(r"\{[0-9a-f-]{36}\}", "{…}", line)
    line = re.sub(r"20\d\d-\d\d-\d\d", "DATE", line)
    return line.rstrip()
