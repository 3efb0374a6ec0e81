"""`--help` stays fast: nothing heavy is imported before a command needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "asyncio",
    "deepdiff",
    "httpx2",
    "icalendar",
    "json",
    "jsonschema",
    "jsonschema_rs",
    "msgspec",
    "reconciler.model",
    "reconciler.pipeline",
    "reconciler.report",
    "rich",
    "sqlite3",
    "yaml",
)


def imported(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_root_command_imports_no_stage_and_no_library_but_click() -> None:
    assert not imported("import reconciler.cli.main") & set(HEAVY)


def test_help_imports_no_command() -> None:
    code = "from reconciler.cli.main import cli\ncli.main(['--help'], standalone_mode=False)"
    found = imported(code)
    assert not found & set(HEAVY)
    ours = {name for name in found if name.startswith("reconciler.")}
    assert ours == {
        "reconciler.cli",
        "reconciler.cli.context",
        "reconciler.cli.exit_codes",
        "reconciler.cli.friendly",
        "reconciler.cli.lazy",
        "reconciler.cli.main",
        "reconciler.errors",
    }


def test_progress_does_not_import_rich_before_it_is_shown() -> None:
    assert "rich" not in imported("import reconciler.cli.progress")
