"""Ways out of the process: scrubbed, atomic, and deaf to readers that go away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.context import Globals
from reconciler.cli.output import as_json, emit, paint_of, save, tell
from reconciler.errors import UsageError
from reconciler.model.secret import Secret
from reconciler.report.paint import ANSI, PLAIN
from tests.unit.cli.conftest import Run


def test_known_secrets_leave_by_no_door(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    value = Secret("ATATT3-swordfish-0002").reveal()
    emit(f"out {value}\n")
    tell(f"err {value}")
    save(tmp_path / "plan.json", f"file {value}\n")
    captured = capsys.readouterr()
    assert captured.out == "out ***\n"
    assert captured.err == "err ***\n"
    assert (tmp_path / "plan.json").read_text() == "file ***\n"


def test_a_saved_file_is_the_owners_and_replaces_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    target.write_text("old")
    save(target, "new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        save(tmp_path / "nowhere" / "plan.json", "x")


def test_json_cannot_act_on_a_terminal() -> None:
    text = as_json({"name": "a\x1b[2J\x9b\u202e"})
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"name": "a\x1b[2J\x9b\u202e"}


def test_a_reader_that_goes_away_does_not_end_the_command() -> None:
    code = (
        "from reconciler.cli.output import emit, tell\n"
        "for _ in range(20000): emit('x' * 100 + '\\n')\n"
        "tell('went on')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, told = process.communicate()
    assert told == b"went on\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("chosen", "paint"),
    [
        pytest.param(Globals(color=True), ANSI, id="colour"),
        pytest.param(Globals(), PLAIN, id="plain"),
    ],
)
def test_colour_follows_the_choice(chosen: Globals, paint: object) -> None:
    assert paint_of(chosen) is paint


def test_no_colour_where_stdout_is_no_terminal(run: Run, project: Path) -> None:
    del project
    assert "\x1b" not in run("validate").stdout
