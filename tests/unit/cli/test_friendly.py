"""Errors end as sentences on stderr and as an exit code."""

from __future__ import annotations

import pytest

from reconciler.cli.friendly import DEBUG, friendly_errors
from reconciler.errors import (
    ConfigError,
    Fault,
    PlanRefusedError,
    Problem,
    ReconcilerError,
    RemoteError,
    UsageError,
)
from reconciler.model.secret import Secret
from tests import builders as b


def ended(error: BaseException) -> int:
    with pytest.raises(SystemExit) as caught, friendly_errors():
        raise error
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_place_cause_and_mend_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(ReconcilerError("it is so", hint="do this", where=b.a_mark(14, 7))) == 1
    assert capsys.readouterr().err == "error: acme.yaml:14:7: it is so\n  hint: do this\n"


def test_every_problem_of_the_configuration_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    problems = tuple(Problem(f"code-{n}", f"cause {n}", "mend", b.a_mark(n)) for n in (1, 2))
    assert ended(ConfigError(problems)) == 1
    told = capsys.readouterr().err
    assert "error: acme.yaml:1:1: cause 1 [code-1]\n  hint: mend\n" in told
    assert "error: acme.yaml:2:1: cause 2 [code-2]\n  hint: mend\n" in told
    assert "error: 2 problems in the configuration\n" in told


def test_a_refused_plan_says_what_moved(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        ended(PlanRefusedError("no longer so", hint="plan again", moved=("serial 51 -> 52",))) == 1
    )
    assert "error: no longer so\n  serial 51 -> 52\n  hint: plan again\n" in capsys.readouterr().err


def test_missing_scopes_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    error = RemoteError(
        "bitbucket-cloud", Fault.SCOPE, "no", hint="x", required=("read:a", "read:b")
    )
    assert ended(error) == 1
    assert "  wanted: read:a, read:b\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(UsageError("x", hint="y"), 64, id="usage"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupt"),
        pytest.param(BrokenPipeError(), 1, id="reader-went-away"),
        pytest.param(ZeroDivisionError("oops"), 1, id="bug"),
    ],
)
def test_each_kind_of_end_has_its_code(error: BaseException, code: int) -> None:
    assert ended(error) == code


def test_a_bug_is_admitted_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ended(ZeroDivisionError("oops"))
    told = capsys.readouterr().err
    assert told.startswith("error: this is a bug in reconciler: ZeroDivisionError: oops\n")
    assert "Traceback" not in told


def test_the_traceback_of_a_bug_is_shown_on_request_and_scrubbed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG, "1")
    secret = Secret("ATATT3-swordfish-0001")
    ended(ZeroDivisionError(f"with {secret.reveal()}"))
    told = capsys.readouterr().err
    assert "Traceback (most recent call last)" in told
    assert "swordfish" not in told
    assert "***" in told


def test_foreign_text_in_an_error_cannot_paint_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended(ReconcilerError("no such name: \x1b[2J\r", hint=""))
    assert capsys.readouterr().err == "error: no such name: \\x1b[2J\\r\n"
