"""A plan's document → text for a terminal, in Terraform's shape. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.report.escape import visible_everywhere
from reconciler.report.paint import Paint
from reconciler.report.terminal_blocks import (
    block,
    change_rows,
    manual_lines,
    rows_text,
    sign_painted,
    step_lines,
)
from reconciler.report.words import (
    DONE,
    age,
    count,
    place_words,
    plan_counts,
    plan_sentence,
    reads_lines,
)

_LEGEND = {
    "create": ("  +", "create"),
    "update": ("  ~", "update in-place"),
    "delete": ("  -", "destroy"),
    "create+delete": ("+/-", "create the new one, then destroy the old one"),
    "forget": ("  .", "forget (the consumer keeps the connection)"),
    "no-op": ("   ", ""),
}
_RULE = "─" * 77


def render_plan(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """The plan as text; ends with a newline. *doc* may come from a saved plan."""
    shown = visible_everywhere(doc)
    parts = (
        _drift(shown, paint),
        _legend(shown, paint),
        _actions(shown, paint),
        withheld_lines(shown, paint),
        waiting_lines(shown, paint),
        note_lines(shown, paint),
        _footer(shown, paint),
        _refusals(shown, paint),
    )
    return "\n\n".join(text for part in parts if (text := "\n".join(part))) + "\n"


def _sign(item: Mapping[str, Any]) -> tuple[str, str]:
    return _LEGEND["+".join(item["change"]["actions"])]


def _acting(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for item in doc["resource_changes"] if item["action"] is not None]


def _drift(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    if not doc["resource_drift"]:
        return
    yield paint.bold("Note: Connections have changed outside of reconciler")
    yield ""
    yield "These changes were made live since the last apply and may have affected this plan:"
    for item in doc["resource_drift"]:
        gone = item["change"]["actions"] == ["delete"]
        sign = "  -" if gone else "  ~"
        yield ""
        yield paint.bold(f"  # {item['address']} has {'been deleted' if gone else 'changed'}")
        yield f'{_head(sign, paint)} connection "{item["name"]}" {{'
        yield from rows_text(list(change_rows(item["changes"])), paint, indent=6)
        yield "    }"
    yield ""
    yield _RULE


def _head(sign: str, paint: Paint) -> str:
    bare = sign.strip()
    return sign.replace(bare, sign_painted(bare, paint)) if bare else sign


def _legend(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    used = {_sign(item) for item in _acting(doc)}
    signs = [entry for entry in _LEGEND.values() if entry in used and entry[1]]
    if signs:
        yield "Actions are indicated with the following symbols:"
        yield from (f"{_head(sign, paint)} {words}" for sign, words in signs)


def _actions(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    acting = _acting(doc)
    if not acting:
        return
    yield "reconciler will perform the following actions:"
    for item in acting:
        yield ""
        yield from _action(item, paint)


def _action(item: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(f"  # {item['address']} will be {DONE[item['action']]}")
    yield from (f"  # ({line})" for line in because(item))
    if item["risk"] and not item["risk"]["reversible"]:
        yield f"  # {paint.red('Warning:')} this cannot be undone"
    yield from block(item, _sign(item)[0], paint)
    if item["steps"]:
        yield "    Steps:"
        yield from step_lines(item["steps"], item["name"], paint)


def because(item: Mapping[str, Any]) -> Iterator[str]:
    """Why an action is planned: its reason, the YAML places behind it, and what it risks."""
    if item.get("previous_address"):
        yield f"moved from {item['previous_address']}"
    if "importing" in item["change"]:
        yield f'adopted from "{item["change"]["importing"]["id"]}"'
    reason = item["reason"]
    if reason:
        yield f"because {reason.removeprefix('because ')}"
    created = item["change"]["actions"] == ["create"]
    for where, paths in changed_places(item["changes"]).items():
        if where not in reason and not created:
            yield f"because {where} changed: {', '.join(paths)}"
    risk = item["risk"]
    moves = [
        f"{verb} {count(risk[verb], 'repository', 'repositories')}"
        for verb in ("gains", "loses")
        if risk[verb]
    ]
    if moves:
        yield f"the consumer {', '.join(moves)}"
    if risk["overlap"]:
        yield f"overlap: {risk['overlap']}"


def changed_places(changes: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Place in the YAML → the fields that changed there."""
    places: dict[str, list[str]] = {}
    for change in changes:
        if change["cause"] == "yaml" and change["source"]:
            fields = places.setdefault(place_words(change["source"]), [])
            if change["path"] not in fields:
                fields.append(change["path"])
    return places


def withheld_lines(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """What would mend a difference and is not done, with why and the way out."""
    if not doc["withheld"]:
        return
    yield paint.bold("Withheld: shown here, and not done by apply")
    for item in doc["withheld"]:
        where = place_words(item["source"])
        yield ""
        yield paint.bold(f"  # {item['address']} would be {DONE[item['action']]}")
        yield f"  # ({item['code']}: {item['why']})"
        if where:
            yield f"  # ({where})"
        yield from rows_text(list(change_rows(item["changes"])), paint, indent=4)
        yield f"    to allow it: {item['hint']}"


def waiting_lines(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """Manual steps that are still open, with their age at the time of the document."""
    if not doc["waiting"]:
        return
    yield paint.bold("Waiting for a person")
    for item in doc["waiting"]:
        old = age(item["since"], doc["timestamp"])
        yield ""
        yield paint.bold(f"  # {item['address']}: {item['step']['title']}")
        yield f"  # ({item['action']} waits for a person since {item['since']}, {old})"
        yield from manual_lines(item["step"], item["name"], indent=4)


def note_lines(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """Warnings and infos, then the reads that failed."""
    for note in (*doc["notes"], *doc["errors"]):
        yield from finding_lines(note, paint, about=note["address"] or "")


def finding_lines(finding: Mapping[str, Any], paint: Paint, *, about: str = "") -> Iterator[str]:
    """One finding: severity, what it is about, message, hint, place."""
    style = {"error": paint.red, "warning": paint.yellow}.get(finding["severity"], paint.dim)
    title = style(f"{finding['severity'].capitalize()}:")
    yield f"{title} {about}{': ' if about else ''}{finding['message']}"
    if finding["hint"]:
        yield f"  hint: {finding['hint']}"
    if finding["source"]:
        yield f"  at {place_words(finding['source'])}"


def _footer(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(plan_sentence(doc))
    counts = plan_counts(doc)
    if counts:
        yield counts
    yield from reads_lines(doc["reads"])
    yield f"Plan digest: {doc['digest']}"


def _refusals(doc: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    if not doc["refusals"]:
        return
    for refusal in doc["refusals"]:
        yield f"{paint.red('Refused:')} {refusal['limit']}: {refusal['why']}"
    yield "To accept this plan, and no other, once:"
    yield f"  reconciler apply --accept-limits {doc['digest']}"
