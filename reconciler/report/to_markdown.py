"""Documents → Markdown for pull-request comments and wikis. Pure; stage 7.

Plain tables, lists and ``diff`` fences only: Bitbucket folds nothing and shows HTML as text.
Names go into code spans, sentences through ``escape.markdown``; neither can become a link, a
mention or HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.report.escape import code, link, markdown, visible_everywhere
from reconciler.report.paint import PLAIN
from reconciler.report.terminal_blocks import block, value_text
from reconciler.report.words import (
    DONE,
    age,
    apply_counts,
    apply_sentence,
    drift_sentence,
    place_words,
    plan_counts,
    plan_sentence,
    reads_lines,
)

DIFF_LINES = 60
"""Lines of one ``diff`` fence; a comment has to stay readable and below every host's limit."""

_SIGNS = {"create": "+", "update": "~", "delete": "-", "create+delete": "+/-", "forget": "."}


def _joined(parts: Iterable[Iterable[str]]) -> str:
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield f"|{'--|' * len(titles)}"


def render_plan(doc: Mapping[str, Any]) -> str:
    """A plan as Markdown; its heading is the sentence that other tools parse."""
    shown = visible_everywhere(doc)
    return _joined(
        (
            (f"## {markdown(plan_sentence(shown))}",),
            filter(None, (plan_counts(shown),)),
            _actions(shown),
            _drifted(shown),
            _diff(shown),
            _by_hand(shown),
            _withheld(shown),
            _waiting(shown),
            _notes(shown),
            _refusals(shown),
            _footer(shown, f"Plan digest: {code(shown['digest'])}"),
        )
    )


def _actions(doc: Mapping[str, Any]) -> Iterator[str]:
    acting = [item for item in doc["resource_changes"] if item["action"] is not None]
    if not acting:
        return
    yield from _head("", "Action", "Connection", "Repositories", "Why", "Source")
    for item in acting:
        sign = _SIGNS.get("+".join(item["change"]["actions"]), " ")
        yield _row(
            code(sign),
            markdown(item["action"]),
            code(item["name"]),
            _repositories(item["repositories"]),
            markdown(item["reason"]),
            _source(item),
        )


def _source(item: Mapping[str, Any]) -> str:
    where = place_words(item["source"])
    return code(where) if where else ""


def _repositories(repositories: Mapping[str, Any] | None) -> str:
    if repositories is None:
        return ""
    counts = (("+", "added"), ("-", "removed"), ("~", "renamed"))
    parts = [f"{sign}{len(repositories[key])}" for sign, key in counts if repositories[key]]
    return f"{', '.join(parts) or 'unchanged'} ({repositories['selected']} selected)"


def _drifted(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["resource_drift"]:
        return
    yield "### Changed outside of reconciler"
    yield ""
    for item in doc["resource_drift"]:
        fields = ", ".join(dict.fromkeys(code(change["path"]) for change in item["changes"]))
        yield f"- {code(item['name'])}: {fields}"


def _diff(doc: Mapping[str, Any]) -> Iterator[str]:
    lines: list[str] = []
    for item in doc["resource_changes"]:
        if item["action"] is not None:
            sign = _SIGNS.get("+".join(item["change"]["actions"]), "")
            lines.append(f"# {item['address']} will be {DONE[item['action']]}")
            lines += (_diff_line(line) for line in block(item, f"{sign:>3}", PLAIN))
    if not lines:
        return
    yield "```diff"
    yield from lines[:DIFF_LINES]
    if len(lines) > DIFF_LINES:
        yield f"# … and {len(lines) - DIFF_LINES} more lines in the full plan"
    yield "```"


def _diff_line(line: str) -> str:
    """The sign in the first column, and ``!`` for a change: what the diff lexer colours."""
    bare = line.lstrip()
    sign, _, rest = bare.partition(" ")
    if sign not in {"+", "-", "~", "+/-", "."}:
        return f"  {line}"
    first = {"~": "!", "+/-": "!", ".": "#"}.get(sign, sign)
    return f"{first} {' ' * (len(line) - len(bare))}{rest}"


def _by_hand(doc: Mapping[str, Any]) -> Iterator[str]:
    steps = [
        (item, step) for item in doc["resource_changes"] for step in item["steps"] if step["manual"]
    ]
    if not steps:
        return
    yield "### By hand"
    for item, step in steps:
        yield ""
        yield from _manual(step, item["name"])


def _manual(step: Mapping[str, Any], name: str) -> Iterator[str]:
    yield f"**{markdown(step['title'])}** ({code(name)})"
    yield ""
    if step["url"]:
        yield f"- open {link(step['url'])}"
    if step["who"]:
        yield f"- who: {markdown(step['who'])}"
    yield from (f"- {markdown(f['name'])}: {code(f['value'])}" for f in step["fields"])
    if step["scopes"]:
        yield f"- tick these {len(step['scopes'])} and no other:"
        yield from (f"    - {code(scope)}" for scope in step["scopes"])
    if step["detected_by"]:
        yield f"- seen by the next run: {markdown(step['detected_by'])}"
    else:
        yield f"- when it is done: {code('reconciler ack ' + name + ' ' + step['id'])}"


def _withheld(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["withheld"]:
        return
    yield "### Withheld"
    yield ""
    yield from _head("Action", "Connection", "Why", "To allow it", "Source")
    for item in doc["withheld"]:
        yield _row(
            markdown(item["action"]),
            code(item["name"]),
            markdown(item["why"]),
            markdown(item["hint"]),
            _source(item),
        )


def _waiting(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["waiting"]:
        return
    yield "### Waiting for a person"
    for item in doc["waiting"]:
        yield ""
        old = age(item["since"], doc["timestamp"])
        yield f"{markdown(item['action'])} waits since {markdown(item['since'])}, {old}:"
        yield ""
        yield from _manual(item["step"], item["name"])


def _notes(doc: Mapping[str, Any]) -> Iterator[str]:
    notes = (*doc["notes"], *doc["errors"])
    if notes:
        yield "### Findings"
        yield ""
        yield from (_finding(note, note["address"] or "") for note in notes)


def _finding(finding: Mapping[str, Any], about: str) -> str:
    where = _source(finding)
    severity, message = markdown(finding["severity"]), markdown(finding["message"])
    parts = (
        f"- **{severity}**{' ' + code(about) if about else ''}: {message}",
        f"; {markdown(finding['hint'])}" if finding["hint"] else "",
        f" ({where})" if where else "",
    )
    return "".join(parts)


def _refusals(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["refusals"]:
        return
    yield "### Refused"
    yield ""
    yield from (f"- {code(r['limit'])}: {markdown(r['why'])}" for r in doc["refusals"])
    yield ""
    accept = code(f"reconciler apply --accept-limits {doc['digest']}")
    yield f"To accept this plan, and no other, once: {accept}"


def _footer(doc: Mapping[str, Any], *more: str) -> Iterator[str]:
    """Bullets unlike those before them, which would draw them into their list."""
    yield from (f"* {line}" for line in (*map(markdown, reads_lines(doc["reads"])), *more))


def render_drift(doc: Mapping[str, Any]) -> str:
    """A drift report as Markdown."""
    shown = visible_everywhere(doc)
    return _joined(
        (
            (f"## {markdown(drift_sentence(shown))}",),
            _drift_table(shown),
            _unmanaged(shown),
            _waiting(shown),
            _drift_findings(shown),
            _footer(shown),
        )
    )


def _drift_table(doc: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for item in doc["connections"] for row in _drift_rows(item)]
    if rows:
        yield from _head("Status", "Connection", "Field", "Before", "After", "Cause", "Source")
        yield from rows


def _drift_rows(item: Mapping[str, Any]) -> Iterator[str]:
    is_bare = item["status"] != "in-sync" and not item["changes"] and not item["unapplied"]
    if is_bare or item["status"] == "stuck":
        why = markdown(item["reason"])
        yield _row(markdown(item["status"]), code(item["name"]), "", "", "", why, _source(item))
    for key, status in (("changes", item["status"]), ("unapplied", "unapplied")):
        for change in item[key]:
            yield _row(
                markdown(status),
                code(item["name"]),
                code(change["path"]),
                _value(change, "before"),
                _value(change, "after"),
                markdown(change["cause"]),
                _source(change) or _source(item),
            )


def _value(change: Mapping[str, Any], side: str) -> str:
    value = change[side]
    if change["sensitive"]:
        return "(sensitive)"
    if isinstance(value, list):
        shown = ", ".join(code(str(name)) for name in value[:5])
        return f"{shown} and {len(value) - 5} more" if len(value) > 5 else shown  # noqa: PLR2004  a cell holds five names
    if value is None:
        return ""
    return code(value if isinstance(value, str) else value_text(value))


def _unmanaged(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["unmanaged"]:
        return
    yield "### Live and not declared anywhere"
    yield ""
    yield from _head("Consumer", "Connection", "Provider", "Method", "Id")
    for item in doc["unmanaged"]:
        keys = ("consumer", "name", "provider", "method", "id")
        yield _row(*(code(item[key]) if item[key] else "" for key in keys))


def _drift_findings(doc: Mapping[str, Any]) -> Iterator[str]:
    lines = [
        _finding(finding, item["name"])
        for item in doc["connections"]
        for finding in item["findings"]
    ]
    if lines:
        yield from ("### Findings", "", *lines)


def render_apply(doc: Mapping[str, Any]) -> str:
    """What became of a plan, as Markdown."""
    shown = visible_everywhere(doc)
    return _joined(
        (
            (f"## {markdown(apply_sentence(shown))}",),
            filter(None, (apply_counts(shown),)),
            _outcomes(shown),
            (_finding(error, error["address"] or "") for error in shown["errors"]),
            _still_by_hand(shown),
            (f"* Plan digest: {code(shown['plan_digest'])}",),
        )
    )


def _outcomes(doc: Mapping[str, Any]) -> Iterator[str]:
    if not doc["outcomes"]:
        return
    yield from _head("Outcome", "Action", "Connection", "Detail", "Hint")
    for item in doc["outcomes"]:
        yield _row(
            markdown(item["state"]),
            markdown(item["action"]),
            code(item["name"]),
            markdown(item["detail"]),
            markdown(item["hint"]),
        )


def _still_by_hand(doc: Mapping[str, Any]) -> Iterator[str]:
    waiting = [item for item in doc["outcomes"] if item["waits"]]
    if waiting:
        yield "### By hand"
    for item in waiting:
        yield ""
        yield from _manual(item["waits"], item["name"])
