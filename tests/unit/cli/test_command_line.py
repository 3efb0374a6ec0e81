"""Help, usage errors, exit codes: what every command has in common."""

from __future__ import annotations

import re

import click
import pytest

from reconciler import __version__
from reconciler.cli.exit_codes import Exit
from reconciler.cli.main import COMMANDS, cli
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_examples(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "\n  Examples:\n    " in result.stdout
    assert f"reconciler {name}" in result.stdout.partition("Examples:")[2]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_table_says_what_the_command_is(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert COMMANDS[name].short_help.endswith(".")
    assert len(COMMANDS[name].short_help) <= 60


def test_the_help_lists_every_command_in_order(run: Run) -> None:
    listed = re.findall(r"^  ([a-z]+)  +[A-Z]", run("--help").stdout, re.MULTILINE)
    assert listed == list(COMMANDS)


def test_short_help_flag_works(run: Run) -> None:
    assert run("-h").stdout == run("--help").stdout


def test_version_goes_to_stdout(run: Run) -> None:
    assert run("--version").stdout == f"reconciler {__version__}\n"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("plann",), id="no-such-command"),
        pytest.param(("plan", "--fromat", "json"), id="no-such-option"),
        pytest.param(("plan", "--format", "yaml"), id="no-such-format"),
        pytest.param(("scopes",), id="missing-argument"),
        pytest.param(("apply", "--digest", "1f8d"), id="half-a-digest"),
        pytest.param(("apply", "--lock-timeout", "-1"), id="negative-seconds"),
        pytest.param(("rotate",), id="nothing-to-rotate"),
        pytest.param(("ack", "No Name"), id="not-a-name"),
        pytest.param(("init", "nothing", "x"), id="no-such-setup"),
        pytest.param(("schema", "Nothing"), id="no-such-kind"),
        pytest.param(("validate", "/nowhere"), id="no-such-path"),
        pytest.param((), id="nothing-at-all"),
    ],
)
def test_wrong_usage_exits_with_64_and_says_so_on_stderr(run: Run, args: tuple[str, ...]) -> None:
    result = run(*args)
    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert "error: " in result.stderr or "Usage: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistyped_command_is_answered_with_the_nearest_one(run: Run) -> None:
    assert 'did you mean "plan"?' in run("plann").stderr


def test_completion_prints_a_script_for_each_shell(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_RECONCILER_COMPLETE" in run("completion", shell).stdout


def test_schema_prints_kinds_and_outputs(run: Run) -> None:
    for kind in ("Connection", "plan", "drift", "validation"):
        assert f'"title": "{kind}"' in run("schema", kind).stdout
    assert '"title": "reconciler"' in run("schema").stdout
