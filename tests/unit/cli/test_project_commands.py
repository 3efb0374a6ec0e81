"""Commands in a project whose secrets are missing: real runs without a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.init import SETUPS
from tests.unit.cli.conftest import Run
from tests.unit.report.schemas import assert_valid


@pytest.mark.parametrize("setup", SETUPS)
def test_a_new_project_is_valid(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setup: str
) -> None:
    assert run("init", setup, str(tmp_path / "new")).exit_code == 0
    monkeypatch.chdir(tmp_path / "new")
    result = run("validate")
    assert result.stdout.splitlines()[-1].startswith("Valid")
    assert result.exit_code == 0
    assert "secrets/" in (tmp_path / "new" / ".gitignore").read_text()


def test_a_project_is_never_overwritten(run: Run, project: Path) -> None:
    (project / "README.md").write_text("mine")
    result = run("init", "ox-bitbucket-cloud", str(project))
    assert result.exit_code == 64
    assert "already" in result.stderr
    assert (project / "README.md").read_text() == "mine"


def test_validation_as_json_is_what_the_schema_publishes(run: Run, project: Path) -> None:
    (project / "accounts.yaml").write_text("kind: Acount\n")
    result = run("validate", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert_valid("validation", document)
    assert not document["valid"]


def test_a_plan_that_could_not_read_everything_fails(run: Run, project: Path) -> None:
    del project
    result = run("plan", "--format", "json")
    document = json.loads(result.stdout)
    assert_valid("plan", document)
    assert document["errored"]
    assert result.exit_code == 1


def test_a_saved_plan_can_be_shown_again(run: Run, project: Path) -> None:
    planned = run("plan", "connections.yaml", "--out", "plan.json")
    assert "reconciler apply plan.json connections.yaml" in planned.stderr
    (project / "reconciler.yaml").unlink()
    shown = run("show", "plan.json")
    assert shown.exit_code == 0
    assert shown.stdout == planned.stdout
    assert run("show", "plan.json", "--format", "markdown").stdout.startswith("## Plan: ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="cut-short"),
        pytest.param("[]", id="not-an-object"),
        pytest.param('{"format_version": "1.0"}', id="not-a-plan"),
        pytest.param(
            '{"format_version": "2.0", "digest": "sha256:0", "resource_changes": []}', id="too-new"
        ),
        pytest.param(
            '{"format_version": "1.0", "digest": "sha256:0", "resource_changes": []}', id="damaged"
        ),
        pytest.param("[" * 100_000, id="too-deep"),
    ],
)
def test_a_file_that_is_no_plan_is_wrong_usage(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    result = run("show", str(path))
    assert result.exit_code == 64
    assert "  hint: " in result.stderr


def test_drift_as_json_is_what_the_schema_publishes(run: Run, project: Path) -> None:
    del project
    result = run("drift", "--format", "json", "--detailed-exitcode")
    assert_valid("drift", json.loads(result.stdout))
    assert result.exit_code == 1
    assert run("drift", "--format", "markdown").stdout.startswith("## No drift seen. ")


def test_verify_fails_when_a_connection_does(run: Run, project: Path) -> None:
    del project
    result = run("verify")
    assert result.exit_code == 1
    assert "FAILS connection.ox-acme: " in result.stdout
    assert json.loads(run("verify", "--format", "json").stdout)["ok"] is False


def test_an_estimate_reads_nothing(run: Run, project: Path) -> None:
    del project
    result = run("plan", "--estimate")
    assert result.exit_code == 0
    assert "In all: about " in result.stdout
    assert json.loads(run("plan", "--estimate", "--format", "json").stdout)["scopes"]


def test_apply_without_a_terminal_needs_consent_on_the_command_line(
    run: Run, project: Path
) -> None:
    del project
    result = run("apply", stdin="yes\n")
    assert result.exit_code == 64
    assert "--auto-approve" in result.stderr
    assert result.stdout == ""


def test_apply_shows_the_plan_and_then_what_became_of_it(run: Run, project: Path) -> None:
    del project
    result = run("apply", "--auto-approve")
    assert result.exit_code == 1
    assert "Plan: 0 to add, 0 to change, 0 to destroy.\n" in result.stdout
    assert "Apply incomplete! Resources: 0 added, 0 changed, 0 destroyed.\n" in result.stdout


def test_apply_as_json_leaves_stdout_to_the_document(run: Run, project: Path) -> None:
    del project
    result = run("apply", "--auto-approve", "--format", "json")
    assert json.loads(result.stdout)["summary"]["done"] == 0
    assert "Plan: 0 to add" in result.stderr


def test_a_plan_that_moved_is_refused(run: Run, project: Path) -> None:
    run("plan", "--out", "plan.json")
    saved = json.loads((project / "plan.json").read_text())
    saved["digest"] = f"sha256:{'0' * 64}"
    (project / "plan.json").write_text(json.dumps(saved))
    result = run("apply", "plan.json")
    assert result.exit_code == 1
    assert "no longer holds" in result.stderr


def test_a_digest_other_than_the_files_is_wrong_usage(run: Run, project: Path) -> None:
    del project
    run("plan", "--out", "plan.json")
    result = run("apply", "plan.json", "--digest", f"sha256:{'0' * 64}")
    assert result.exit_code == 64


def test_two_plan_files_are_wrong_usage(run: Run, project: Path) -> None:
    del project
    assert "one plan at a time" in run("apply", "a.json", "b.json").stderr


def test_rotating_an_unknown_connection_suggests_a_known_one(run: Run, project: Path) -> None:
    del project
    result = run("rotate", "ox-acm", "--auto-approve")
    assert result.exit_code == 64
    assert "ox-acme" in result.stderr


def test_showing_what_is_not_recorded_is_wrong_usage(run: Run, project: Path) -> None:
    del project
    result = run("show", "connection.ox-acme")
    assert result.exit_code == 64
    assert "no connection 'ox-acme' is recorded" in result.stderr
    assert "no Markdown form" in run("show", "ox-acme", "--format", "markdown").stderr


def test_acknowledging_what_does_not_wait_is_wrong_usage(run: Run, project: Path) -> None:
    del project
    assert run("ack", "ox-acme").exit_code == 64


@pytest.mark.parametrize("name", ["ox", "ox-prod"], ids=["profile", "consumer"])
def test_scopes_are_listed_for_a_profile_and_for_a_consumer(
    run: Run, project: Path, name: str
) -> None:
    del project
    result = run("scopes", name, "--method", "api-token", "--provider", "bitbucket-cloud")
    assert result.exit_code == 0
    assert result.stdout.count("    [ ] ") == 17
    assert "    [ ] read:repository:bitbucket " in result.stdout


def test_scopes_as_json_name_the_feature_behind_each(run: Run, project: Path) -> None:
    del project
    document = json.loads(run("scopes", "ox", "--method", "api-token", "--format", "json").stdout)
    assert all(use["feature"] for use in document["methods"][0]["scopes"])


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("scopes", "oxx"), id="consumer"),
        pytest.param(("scopes", "ox", "--method", "api-tokn"), id="method"),
        pytest.param(("scopes", "ox", "--provider", "gitlab"), id="provider"),
    ],
)
def test_scopes_of_nothing_are_wrong_usage(run: Run, project: Path, args: tuple[str, ...]) -> None:
    del project
    result = run(*args)
    assert result.exit_code == 64
    assert "  hint: " in result.stderr
