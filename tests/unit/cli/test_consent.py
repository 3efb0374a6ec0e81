"""Who may say yes, how, and what is never asked."""

from __future__ import annotations

import io

import pytest

from reconciler.cli.applying import Consent, Events, Wish, ask, require_consent
from reconciler.cli.context import Globals
from reconciler.cli.progress import Silent
from reconciler.errors import UsageError
from reconciler.model.action import Plan, Refusal
from tests import builders as b

ACTING = b.a_plan(actions=(b.an_action(),))


def consent(**wish: object) -> Consent:
    chosen = {"paths": (), "shape": "text", **wish}
    return Consent(Globals(), Wish(**chosen), Silent())  # type: ignore[arg-type]  # by keyword


@pytest.mark.parametrize(
    ("answer", "consents"),
    [
        pytest.param("yes\n", True, id="yes"),
        pytest.param("y\n", False, id="y"),
        pytest.param("YES\n", False, id="shouted"),
        pytest.param("\n", False, id="enter"),
        pytest.param("", False, id="end-of-input"),
    ],
)
def test_only_yes_is_consent(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    *,
    consents: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert ask() is consents
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Only 'yes' will be accepted." in captured.err


@pytest.mark.parametrize(
    ("plan", "wish"),
    [
        pytest.param(ACTING, {"auto_approve": True}, id="auto-approve"),
        pytest.param(ACTING, {"reviewed": True}, id="reviewed"),
        pytest.param(b.a_plan(), {}, id="nothing-to-do"),
        pytest.param(
            b.a_plan(actions=(b.an_action(),), refusals=(Refusal("x", "y"),)), {}, id="refused"
        ),
    ],
)
def test_nobody_is_asked_what_is_decided(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    plan: Plan,
    wish: dict[str, object],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    given = consent(**wish)
    assert given(plan)
    assert given.shown
    captured = capsys.readouterr()
    assert f"Plan digest: {b.DIGEST}\n" in captured.out
    assert captured.err == ""


def test_a_plan_is_shown_before_the_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert not consent()(ACTING)
    captured = capsys.readouterr()
    assert "connection.ox-acme will be re-scoped" in captured.out
    assert captured.err.endswith("Enter a value: ")


def test_json_keeps_stdout_for_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    consent(auto_approve=True, shape="json")(ACTING)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "connection.ox-acme will be re-scoped" in captured.err


def test_without_a_terminal_and_without_consent_nothing_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(UsageError, match="no terminal"):
        require_consent(Wish(paths=(), shape="text"))
    require_consent(Wish(paths=(), shape="text", reviewed=True))


def test_events_are_told_on_stderr_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    Events(Silent(), quiet=True)("connection.ox-acme", "unheard")
    Events(Silent(), quiet=False)("connection.ox-acme", "re-scoped\x1b")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "connection.ox-acme: re-scoped\\x1b\n"
