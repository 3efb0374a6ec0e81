"""Scopes beyond need, implied scopes, and ends that cannot be judged."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import Severity
from tests.unit.load.project_files import METHOD, said
from tests.unit.resolve.own_profile import MINE, token, with_method
from tests.unit.resolve.provider_spec import resolve_files


def test_a_scope_beyond_need_is_a_warning_and_stops_nothing(tmp_path: Path) -> None:
    spec = token(", scopes: [repository, webhook, account]")
    state, problems = resolve_files(tmp_path, with_method(spec, MINE))
    assert state is not None
    assert [(said(p), p.severity, p.cause) for p in problems] == [
        (
            "connection.yaml:4:128 surplus-scope",
            Severity.WARNING,
            'the scope "webhook" is only needed for: hooks',
        ),
        (
            "connection.yaml:4:137 surplus-scope",
            Severity.WARNING,
            'the scope "account" is not needed by the profile',
        ),
    ]


def test_an_implied_scope_is_enough(tmp_path: Path) -> None:
    spec = token(", scopes: ['repository:write']")
    state, problems = resolve_files(tmp_path, with_method(spec, MINE))
    assert state is not None
    assert [p.code for p in problems] == ["surplus-scope"]


def test_without_a_clock_an_end_is_not_judged(tmp_path: Path) -> None:
    method = METHOD.replace("secret:", "expiresAt: 2099-01-01, secret:")
    state, problems = resolve_files(tmp_path, {"method.yaml": method})
    assert problems == ()
    assert state is not None


def test_a_misspelt_scope_is_not_called_missing_too(tmp_path: Path) -> None:
    spec = token(", scopes: [repositry, webhook]")
    _, problems = resolve_files(tmp_path, with_method(spec, MINE))
    assert [p.code for p in problems] == ["unknown-scope", "surplus-scope"]
