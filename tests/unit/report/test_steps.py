"""Steps in words."""

from __future__ import annotations

import pytest

from reconciler.model.action import (
    CheckCredential,
    Discard,
    Drain,
    Mint,
    Publish,
    RescopeCredential,
    RevokeCredential,
    Step,
)
from reconciler.report.paint import PLAIN
from reconciler.report.plan_json import plan_document
from reconciler.report.steps import step_document
from reconciler.report.to_terminal import render_plan
from reconciler.report.words import span
from tests import builders as b

PLACE = "file /project/secrets/ox-bot.token.next"


def a_drain(seconds: int = 3600) -> Drain:
    return Drain(seconds, b.a_manual_step(id="drain", title="Wait for the end of the overlap"))


@pytest.mark.parametrize(
    ("step", "title"),
    [
        pytest.param(
            Mint("ox-acme", 3, b.SCOPES, 90),
            'mint the credential "ox-acme-3" with 2 scopes for 90 days',
            id="mint",
        ),
        pytest.param(
            Mint("ox-acme", 1, b.SCOPES[:1], 0),
            'mint the credential "ox-acme-1" with 1 scope without an end',
            id="mint-without-end",
        ),
        pytest.param(
            Publish(successor=True, place=PLACE),
            f"put the new secret into {PLACE} and read it back",
            id="publish",
        ),
        pytest.param(
            RescopeCredential("123", ("REPO_READ", "PROJECT_READ")),
            "change the scopes of credential 123 to REPO_READ, PROJECT_READ; its secret stays",
            id="rescope",
        ),
        pytest.param(a_drain(), "let the replaced credential work for 1 hour more", id="drain"),
        pytest.param(
            RevokeCredential("123", "ox-acme-2"),
            'revoke the credential 123 ("ox-acme-2") at the provider',
            id="revoke",
        ),
        pytest.param(
            RevokeCredential("123", ""),
            "revoke the credential 123 at the provider",
            id="revoke-unnamed",
        ),
        pytest.param(
            CheckCredential(old=True),
            "show the replaced credential to the provider: identity, scopes, access",
            id="check-the-old-one",
        ),
        pytest.param(Discard(PLACE), f"take the unused secret out of {PLACE}", id="discard"),
    ],
)
def test_what_happens_to_the_credential_itself_is_told(step: Step, title: str) -> None:
    assert step_document(step) == {"code": step.code, "title": title, "manual": False}


def test_a_plan_of_an_issued_rotation_reads_in_order() -> None:
    steps = (
        Mint("ox-old", 2, b.SCOPES, 90),
        Publish(successor=True, place=PLACE),
        a_drain(5400),
        RevokeCredential("122", ""),
    )
    document = plan_document(b.a_plan(actions=(b.a_rotation(steps=steps),)), version="0.1.0")
    assert (
        '      1. mint the credential "ox-old-2" with 2 scopes for 90 days\n'
        f"      2. put the new secret into {PLACE} and read it back\n"
        "      3. let the replaced credential work for 90 minutes more\n"
        "      4. revoke the credential 122 at the provider\n"
    ) in render_plan(document, paint=PLAIN)


def test_a_drain_that_waits_does_not_spoil_a_match() -> None:
    plan = b.a_plan(waiting=(b.a_waiting(step=a_drain().wait),))
    assert "No changes." in render_plan(plan_document(plan, version="0.1.0"), paint=PLAIN)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0, "0 seconds", id="nothing"),
        pytest.param(1, "1 second", id="second"),
        pytest.param(90, "90 seconds", id="odd-seconds"),
        pytest.param(5400, "90 minutes", id="odd-minutes"),
        pytest.param(7200, "2 hours", id="hours"),
        pytest.param(86400, "1 day", id="day"),
    ],
)
def test_a_duration_is_told_exactly(seconds: int, words: str) -> None:
    assert span(seconds) == words
