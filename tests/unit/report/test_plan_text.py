"""The terminal plan: its shape, its sentences, its sections."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.action import Action, Note, Plan
from reconciler.model.method import ActionKind
from reconciler.report.paint import ANSI, PLAIN
from reconciler.report.plan_json import plan_document
from reconciler.report.to_terminal import render_plan
from tests import builders as b
from tests.unit.report.samples import a_long_selection_plan, a_rich_plan

# Source: runatlantis/atlantis server/events/models/models.go, the expression for a plan's result
# [observed, 2026-11-21].
ATLANTIS = re.compile(
    r"Plan: (?:(\d+) to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy"
    r"(?:, (\d+) to forget)?\."
)
NO_CHANGES = "No changes. Your infrastructure matches the configuration."


def document(plan: Plan) -> dict[str, Any]:
    return plan_document(plan, version="0.1.0")


def text_of(plan: Plan) -> str:
    return render_plan(document(plan), paint=PLAIN)


def test_a_rich_plan_reads_as_the_golden_file(matches_golden: Callable[[str, str], None]) -> None:
    matches_golden("plan.txt", text_of(a_rich_plan()))


def test_colours_change_no_word() -> None:
    painted = render_plan(document(a_rich_plan()), paint=ANSI)
    assert "\x1b[1m" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == text_of(a_rich_plan())


def test_the_sentence_is_the_one_that_atlantis_parses() -> None:
    found = ATLANTIS.search(text_of(a_rich_plan()))
    assert found is not None
    assert found.groups() == (None, "2", "3", "2", None)


def test_a_plan_without_actions_says_so_in_terraforms_words() -> None:
    assert NO_CHANGES in text_of(b.a_plan())


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param({"withheld": (b.a_withheld(),)}, id="withheld"),
        pytest.param({"waiting": (b.a_waiting(step=b.a_manual_step()),)}, id="waiting"),
        pytest.param({"errors": (Note(None, b.a_finding()),)}, id="unreadable"),
    ],
)
def test_a_plan_that_knows_of_differences_does_not_claim_a_match(rest: dict[str, Any]) -> None:
    text = text_of(b.a_plan(**rest))
    assert NO_CHANGES not in text
    assert "Plan: 0 to add, 0 to change, 0 to destroy." in text


def test_tidying_up_after_a_rotation_does_not_spoil_a_match() -> None:
    text = text_of(b.a_plan(waiting=(b.a_waiting(),)))
    assert NO_CHANGES in text
    assert "1 waits for a person." in text


@pytest.mark.parametrize(
    ("action", "words"),
    [
        pytest.param(b.a_connect(), "connection.ox-new will be connected", id="connect"),
        pytest.param(b.an_action(), "connection.ox-acme will be re-scoped", id="rescope"),
        pytest.param(b.a_rotation(), "connection.ox-old will be rotated", id="rotate"),
        *(
            pytest.param(
                b.an_action(kind=kind), f"connection.ox-acme will be {words}", id=kind.value
            )
            for kind, words in (
                (ActionKind.RECONNECT, "reconnected"),
                (ActionKind.ADOPT, "adopted"),
                (ActionKind.RELINK, "relinked"),
                (ActionKind.DISCONNECT, "disconnected"),
                (ActionKind.FORGET, "forgotten"),
            )
        ),
    ],
)
def test_every_kind_of_action_has_its_words(action: Action, words: str) -> None:
    assert f"  # {words}\n" in text_of(b.a_plan(actions=(action,)))


def test_the_legend_lists_only_the_symbols_in_use() -> None:
    text = text_of(b.a_plan(actions=(b.a_connect(),)))
    assert "  + create\n" in text
    assert "update in-place" not in text
    assert "destroy\n" not in text


def test_drift_comes_before_everything_else() -> None:
    assert text_of(a_rich_plan()).startswith(
        "Note: Connections have changed outside of reconciler\n"
    )
    assert "outside of reconciler" not in text_of(b.a_plan(actions=(b.an_action(),)))


def test_the_yaml_line_behind_a_change_is_named() -> None:
    assert "# (because acme.yaml:16:3 changed: repositories)" in text_of(
        b.a_plan(actions=(b.an_action(),))
    )


def test_secrets_are_named_and_never_shown() -> None:
    change = b.a_change(path="secret", before="swordfish-1", after="swordfish-2")
    plan = b.a_plan(actions=(b.an_action(changes=(change,), before={"secret": "swordfish-1"}),))
    assert "swordfish" not in text_of(plan)
    assert "swordfish" not in str(document(plan))
    assert "secret       = (sensitive value)" in text_of(plan)


def test_twenty_repositories_are_shown_and_the_rest_counted() -> None:
    text = text_of(a_long_selection_plan(45))
    assert text.count('+ "repo-') == 20
    assert "… and 25 more" in text


def test_a_step_that_no_run_can_see_names_the_ack_command() -> None:
    assert "when it is done: reconciler ack ox-wait revoke-old" in text_of(a_rich_plan())


def test_what_waits_shows_its_age() -> None:
    assert "waits for a person since 2026-11-18T18:53:00Z, 3 days" in text_of(a_rich_plan())


def test_refusals_come_last_with_the_words_that_accept_the_plan_once() -> None:
    last = text_of(a_rich_plan()).rstrip("\n").splitlines()[-1]
    assert last == f"  reconciler apply --accept-limits {b.DIGEST}"


def test_reads_are_told_with_their_allowance() -> None:
    text = text_of(b.a_plan())
    assert (
        "Reads: 37 requests of 1,000/h to bitbucket-cloud acme; "
        "412 of 412 repositories listed, complete.\n"
    ) in text


def test_an_incomplete_listing_is_loud() -> None:
    text = text_of(b.a_plan(reads=(b.a_reads(seen=400, complete=False),)))
    assert "400 of 412 repositories listed, INCOMPLETE." in text


def test_a_hostile_name_cannot_paint_the_terminal() -> None:
    selection = b.a_selection_change(add=(b.a_label('a\x1b[2K\r\u202e"b'),))
    text = text_of(b.a_plan(actions=(b.an_action(selection=selection),)))
    assert "\x1b" not in text
    assert r'+ "a\x1b[2K\r\u202e\"b"' in text


def test_a_saved_plan_shows_what_the_run_showed() -> None:
    import json

    saved = json.loads(json.dumps(document(a_rich_plan())))
    assert render_plan(saved, paint=PLAIN) == text_of(a_rich_plan())


def test_a_move_and_an_adoption_are_told() -> None:
    text = text_of(a_rich_plan())
    assert "# (moved from connection.ox-former)" in text
    assert '# (adopted from "cred-7")' in text


def test_reordered_scopes_are_no_change() -> None:
    action = replace(
        b.an_action(), changes=(), before={"scopes": ("a", "b")}, after={"scopes": ("b", "a")}
    )
    assert "scopes" not in text_of(b.a_plan(actions=(action,)))
