"""Foreign text stays text, whatever it is made of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.model.action import Note
from reconciler.report import to_markdown
from reconciler.report.drift_json import drift_document
from reconciler.report.escape import code, link, markdown, quoted, visible, visible_everywhere
from reconciler.report.paint import PLAIN
from reconciler.report.plan_json import plan_document
from reconciler.report.to_terminal import render_drift, render_plan
from tests import builders as b
from tests.unit.report.samples import a_drift_report, a_rich_plan

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="`|\\[]()<>!*_~#&@:/-+=.1 \n\t\x1b\u202e\u2028httpsw"),
    st.sampled_from(
        [
            "](http://evil.example)",
            "<script>alert(1)</script>",
            "![x](http://evil.example/x.png)",
            "http://evil.example",
            "www.evil.example",
            "@everyone",
            "a | b",
            "```",
            "` `` ```",
            "\\`",
            "\\|",
            "&lt;b&gt;",
            "- [ ] x",
            "1. x",
            "\n\n# heading",
            "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
            "\ud800",
        ]
    ),
)
PARSER = MarkdownIt("commonmark").enable("table")
OPENING = {"link_open", "image", "html_inline", "html_block"}


def tokens(text: str) -> list[Token]:
    """Every token of *text*, the inline ones too."""
    found = []
    for token in PARSER.parse(text):
        found.append(token)
        found.extend(token.children or ())
    return found


def shown(text: str) -> str:
    """What a reader of the rendered Markdown sees."""
    return "".join(
        t.content for t in tokens(text) if t.type in {"text", "code_inline", "text_special"}
    )


@given(HOSTILE)
def test_visible_text_can_be_printed_and_is_one_line(text: str) -> None:
    safe = visible(text)
    assert safe.isprintable()
    assert visible(safe) == safe
    safe.encode()


@given(HOSTILE)
def test_a_quoted_name_ends_where_its_quotes_end(text: str) -> None:
    assert re.fullmatch(r'"(?:[^"]|\\")*"', quoted(text))


@given(HOSTILE)
@settings(max_examples=300)
def test_markdown_text_stays_text(text: str) -> None:
    rendered = f"- {markdown(text)} end"
    assert not OPENING & {token.type for token in tokens(rendered)}
    opened = {token.type for token in tokens(rendered) if token.type.endswith("_open")}
    assert opened == {"bullet_list_open", "list_item_open", "paragraph_open"}
    assert shown(rendered) == f"{visible(text).strip()} end".strip()


@given(HOSTILE)
@settings(max_examples=300)
def test_a_table_keeps_its_cells(text: str) -> None:
    rendered = f"| a | b |\n|--|--|\n| {markdown(text)} | {code(text)} |"
    found = tokens(rendered)
    assert sum(token.type == "td_open" for token in found) == 2
    assert not OPENING & {token.type for token in found}


@given(HOSTILE)
@settings(max_examples=300)
def test_a_code_span_holds_its_text(text: str) -> None:
    spans = [token.content for token in tokens(f"x {code(text)} y") if token.type == "code_inline"]
    assert [span.strip() for span in spans] == [visible(text).replace("|", "\\x7c").strip()]


@pytest.mark.parametrize(
    "text",
    ["http://evil.example", "https://evil.example", "see www.evil.example", "WWW.evil.example"],
)
def test_addresses_do_not_become_links_by_themselves(text: str) -> None:
    assert not re.search(r"(?i)://|www\.", markdown(text))


@pytest.mark.parametrize(
    ("url", "rendered"),
    [
        pytest.param("https://a.example/x?y=1", "<https://a.example/x?y=1>", id="plain"),
        pytest.param("javascript:alert(1)", "javascript:alert(1)", id="script"),
        pytest.param("https://a.example/><b>", "https&#58;//a.example/&#62;&#60;b&#62;", id="html"),
    ],
)
def test_only_plain_addresses_become_links(url: str, rendered: str) -> None:
    assert link(url) == rendered


def poisoned(value: Any, text: str) -> Any:
    """*value* with *text* in every string that no code of ours compares or parses."""
    kept = {"since", "timestamp", "digest", "action", "actions", "state", "status", "cause", "url"}
    if isinstance(value, dict):
        return {k: v if k in kept else poisoned(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(item, text) for item in value]
    return text if isinstance(value, str) else value


@given(HOSTILE)
@settings(max_examples=60, deadline=None)
def test_no_report_lets_foreign_text_act(text: str) -> None:
    plan = poisoned(plan_document(a_rich_plan(), version="1"), text)
    drift = poisoned(drift_document(a_drift_report()), text)
    for rendered in (render_plan(plan, paint=PLAIN), render_drift(drift, paint=PLAIN)):
        assert all(line.isprintable() for line in rendered.split("\n"))
    for rendered in (to_markdown.render_plan(plan), to_markdown.render_drift(drift)):
        assert all(line.isprintable() for line in rendered.split("\n"))
        found = tokens(rendered)
        links = {str(t.attrs.get("href")) for t in found if t.type == "link_open"}
        assert links <= {b.a_manual_step().url}
        assert not {"image", "html_inline", "html_block"} & {token.type for token in found}


def test_what_the_reader_sees_is_what_the_name_says() -> None:
    finding = b.a_finding(message="a *bold* <b>name</b> | [x](http://y) @all")
    plan = b.a_plan(notes=(Note(None, finding),))
    rendered = to_markdown.render_plan(plan_document(plan, version="1"))
    assert finding.message in shown(rendered)


def test_keys_of_free_maps_are_made_visible_too() -> None:
    assert visible_everywhere({"a\x1b": ["b\n", 1, None]}) == {"a\\x1b": ["b\\n", 1, None]}
