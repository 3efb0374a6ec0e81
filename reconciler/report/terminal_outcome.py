"""Drift, outcomes, verification and problems → text for a terminal. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.report.escape import visible_everywhere
from reconciler.report.paint import Paint
from reconciler.report.terminal_blocks import change_rows, manual_lines, rows_text
from reconciler.report.terminal_plan import finding_lines, waiting_lines
from reconciler.report.words import (
    DONE,
    apply_counts,
    apply_sentence,
    count,
    drift_sentence,
    place_words,
    reads_lines,
)

_STATUS = {
    "drifted": "has changed outside of reconciler",
    "gone": "has been deleted outside of reconciler",
    "unapplied": "differs from its YAML: not applied yet",
    "unreadable": "could not be read",
    "stuck": "is in a rotation that does not go on",
}


def _joined(*parts: Iterator[str]) -> str:
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


def render_drift(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """A drift report as text; ends with a newline."""
    shown = visible_everywhere(doc)
    return _joined(
        *(_drift_item(i, paint) for i in shown["connections"] if _speaks(i)),
        _unmanaged(shown, paint),
        waiting_lines(shown, paint),
        _drift_footer(shown, paint),
    )


def _speaks(item: Mapping[str, Any]) -> bool:
    return bool(item["status"] != "in-sync" or item["unapplied"] or item["findings"])


def _drift_item(item: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    words = _STATUS.get(item["status"], "is in sync")
    yield paint.bold(f"  # {item['address']} {words}")
    where = place_words(item["source"])
    if where:
        yield f"  # (declared at {where})"
    if item["reason"]:
        yield f"  # ({item['reason']})"
    for title, key in (("live, since the last apply", "changes"), ("not applied yet", "unapplied")):
        if item[key]:
            yield f"    {title}:"
            yield from rows_text(list(change_rows(item[key])), paint, indent=6)
            yield from _causes(item[key])
    for finding in item["findings"]:
        yield from (f"    {line}" for line in finding_lines(finding, paint))


def _causes(changes: list[Mapping[str, Any]]) -> Iterator[str]:
    for change in changes:
        where = place_words(change["source"])
        cause = f"{change['cause']} {where}" if where else change["cause"]
        yield f"        # {change['path']}: {cause}"


def _unmanaged(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    if not doc["unmanaged"]:
        return
    yield paint.bold("Live and not declared anywhere")
    for item in doc["unmanaged"]:
        yield (
            f'  {item["consumer"]}: "{item["name"]}" ({item["provider"]}, '
            f"{item['method'] or 'unknown method'}, id {item['id']})"
        )


def _drift_footer(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(drift_sentence(doc))
    coverage = doc["coverage"]
    if coverage["percent"] is not None:
        yield (
            f"Coverage: {coverage['managed']} declared, {coverage['unmanaged']} live and not "
            f"declared: {coverage['percent']} %."
        )
    yield from reads_lines(doc["reads"])


def render_apply(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """What became of a plan; ends with a newline."""
    shown = visible_everywhere(doc)
    return _joined(
        *(_outcome(outcome, paint) for outcome in shown["outcomes"]),
        *(finding_lines(e, paint, about=e["address"] or "") for e in shown["errors"]),
        _apply_footer(shown, paint),
    )


def _outcome(item: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    styles = {"done": paint.green, "failed": paint.red}
    states = {
        "done": DONE[item["action"]],
        "waiting": f"{item['action']} waits for a person",
        "failed": f"{item['action']} failed",
        "skipped": f"{item['action']} not begun",
    }
    state = styles.get(item["state"], paint.yellow)(states[item["state"]])
    yield f"{item['address']}: {state}{': ' if item['detail'] else ''}{item['detail']}"
    if item["hint"]:
        yield f"  hint: {item['hint']}"
    if item["waits"]:
        yield f"  {paint.bold('By hand:')} {item['waits']['title']}"
        yield from manual_lines(item["waits"], item["name"], indent=4)


def _apply_footer(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(apply_sentence(doc))
    counts = apply_counts(doc)
    if counts:
        yield counts
    state = doc["state"]
    moved = f"serial {state['serial_before']} -> {state['serial_after']}"
    yield f"Registry: lineage {state['lineage']}, {moved}"
    if doc["failed"]:
        yield "What was begun is in the journal; `reconciler apply` goes on from there."


def render_verify(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """One line for every connection, then what is wrong with those that fail."""
    shown = visible_everywhere(doc)
    summary = shown["summary"]
    verdict = f"{summary['ok']} of {count(summary['connections'], 'connection')} work."
    lines = (line for item in shown["connections"] for line in _verified(item, paint))
    return _joined(lines, iter((paint.bold(verdict),)))


def _verified(item: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    style = paint.green if item["ok"] else paint.red
    if item["ok"] and item["severity"] == "warning":
        style = paint.yellow
    word = "ok" if item["ok"] else "FAILS"
    yield f"{style(f'{word:<5}')} {item['address']}: {item['summary']}"
    yield from (f"        {detail}" for detail in item["details"])
    if item["hint"]:
        yield f"        hint: {item['hint']}"


def render_problems(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """Every problem of the configuration with its place and its mend."""
    shown = visible_everywhere(doc)
    lines = [line for item in shown["diagnostics"] for line in _problem(item, paint)]
    return "\n".join((*lines, _problem_counts(shown, paint))) + "\n"


def problem_lines(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """The problems alone, without the counts; empty when there are none."""
    shown = visible_everywhere(doc)
    return "".join(f"{line}\n" for item in shown["diagnostics"] for line in _problem(item, paint))


def _problem(item: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    style = {"error": paint.red, "warning": paint.yellow}.get(item["severity"], paint.dim)
    place = ""
    if item["range"]:
        start = item["range"]["start"]
        place = f"{item['range']['filename']}:{start['line']}:{start['column']}: "
    yield f"{style(item['severity'] + ':')} {place}{item['summary']} [{item['code']}]"
    if item["detail"]:
        yield f"  hint: {item['detail']}"


def _problem_counts(doc: Mapping[str, Any], paint: Paint) -> str:
    read = f"{count(doc['documents'], 'document')} in {count(doc['files'], 'file')}"
    warnings = doc["warning_count"]
    if doc["valid"] and not warnings:
        return paint.green(f"Valid: {read}.")
    if doc["valid"]:
        return paint.yellow(f"Valid with {count(warnings, 'warning')}: {read}.")
    tail = f", {count(warnings, 'warning')}" if warnings else ""
    return paint.red(f"Not valid: {count(doc['error_count'], 'error')}{tail}; {read}.")
