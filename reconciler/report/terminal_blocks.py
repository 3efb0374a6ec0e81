"""Blocks of the terminal report: attributes, repositories, steps. Pure; stage 7.

Every string that arrives here has been through ``escape.visible_everywhere``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.report.escape import quoted
from reconciler.report.paint import Paint

SHOWN = 20
"""Lines of one list before the rest is counted instead."""

_ON_ONE_LINE = 4
"""Longer lists stand one entry a line."""

_SECRET = "(sensitive value)"  # noqa: S105  the words shown instead of one
_UNKNOWN = "(known after apply)"
_REPOSITORIES = frozenset({"repositories", "selection"})


class Row(NamedTuple):
    """One attribute. ``body`` are the lines before ``close``, the bracket that ends them."""

    sign: str
    name: str
    text: str
    body: tuple[str, ...] = ()
    close: str = ""


def value_text(value: Any) -> str:
    """A value as Terraform would write it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(value_text(item) for item in value)}]"
        case _:
            return str(value)


def sign_painted(sign: str, paint: Paint) -> str:
    """A sign in its colour."""
    styles = {"+": paint.green, "-": paint.red, "~": paint.yellow}
    return styles[sign](sign) if sign in styles else sign


def block(item: Mapping[str, Any], sign: str, paint: Paint) -> Iterator[str]:
    """``~ connection "name" { … }`` for one resource change; *sign* is three characters."""
    rows = list(_rows(item))
    head = sign.replace(sign.strip() or "\0", sign_painted(sign.strip(), paint))
    if not rows:
        yield f'{head} connection "{item["name"]}"'
        return
    yield f'{head} connection "{item["name"]}" {{'
    yield from rows_text(rows, paint, indent=6)
    hidden = _unchanged(item, rows)
    if hidden:
        noun = "attribute" if hidden == 1 else "attributes"
        yield paint.dim(f"        # ({hidden} unchanged {noun} hidden)")
    yield "    }"


def rows_text(rows: Sequence[Row], paint: Paint, *, indent: int) -> Iterator[str]:
    """Rows with their names aligned."""
    width = max((len(row.name) for row in rows), default=0)
    pad = " " * indent
    for row in rows:
        yield f"{pad}{sign_painted(row.sign, paint)} {row.name:<{width}} = {row.text}"
        for line in row.body:
            mark, _, rest = line.partition(" ")
            yield f"{pad}    {sign_painted(mark, paint)} {rest}" if mark else f"{pad}    {line}"
        if row.close:
            yield f"{pad}  {row.close}"


def change_rows(changes: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """A row for every field change."""
    for change in changes:
        yield _change_row(change)


def _change_row(change: Mapping[str, Any]) -> Row:
    before, after, name = change["before"], change["after"], change["path"]
    comment = f"    # {change['note']}" if change["note"] else ""
    if change["sensitive"]:
        return Row("~", name, _SECRET + comment)
    if isinstance(before, list) and isinstance(after, list):
        return Row("~", name, f"[{comment}", _list_body(before, after), "]")
    if before is None:
        return Row("+", name, value_text(after) + comment)
    sign = "-" if after is None else "~"
    return Row(sign, name, f"{value_text(before)} -> {value_text(after)}{comment}")


def _list_body(before: list[Any], after: list[Any]) -> tuple[str, ...]:
    lines = [f"+ {value_text(item)}," for item in after if item not in before]
    lines += [f"- {value_text(item)}," for item in before if item not in after]
    same = sum(item in before for item in after)
    hidden = (f"  # ({same} unchanged hidden)",) if same else ()
    return (*capped(lines), *hidden)


def capped(lines: Sequence[str]) -> tuple[str, ...]:
    """At most SHOWN lines, the rest counted."""
    if len(lines) <= SHOWN:
        return tuple(lines)
    return (*lines[:SHOWN], f"  … and {len(lines) - SHOWN:,} more")


def _rows(item: Mapping[str, Any]) -> Iterator[Row]:
    change = item["change"]
    if change["actions"] == ["create"]:
        yield from _whole("+", change["after"], change["after_sensitive"], change["after_unknown"])
    elif change["actions"] == ["delete"]:
        yield from _whole("-", change["before"], change["before_sensitive"], {})
    elif change["actions"] != ["forget"]:
        yield from _changed(item)
    sign = "+" if change["actions"] == ["create"] else "~"
    yield from _repository_row(sign, item["repositories"])


def _whole(
    sign: str,
    values: Mapping[str, Any] | None,
    sensitive: Mapping[str, bool],
    unknown: Mapping[str, bool],
) -> Iterator[Row]:
    for name, value in (values or {}).items():
        if name in _REPOSITORIES or (value is None and name not in {*sensitive, *unknown}):
            continue
        text = _SECRET if name in sensitive else value_text(value)
        text = _UNKNOWN if name in unknown else text
        if isinstance(value, list) and len(value) > _ON_ONE_LINE:
            body = capped([f"{sign} {value_text(entry)}," for entry in value])
            yield Row(sign, name, "[", body, "]")
            continue
        yield Row(sign, name, f"{text} -> null" if sign == "-" else text)


def _changed(item: Mapping[str, Any]) -> Iterator[Row]:
    change = item["change"]
    before, after = change["before"] or {}, change["after"] or {}
    named = set()
    for field in item["changes"]:
        if field["path"] in _REPOSITORIES and item["repositories"]:
            continue
        named.add(field["path"])
        yield _change_row(field)
    for name in (*before, *(key for key in after if key not in before)):
        if name in named or name in _REPOSITORIES:
            continue
        if name in change["after_unknown"]:
            old = f"{value_text(before[name])} -> " if before.get(name) is not None else ""
            yield Row("~", name, old + _UNKNOWN)
        elif name in change["after_sensitive"]:
            yield Row("~", name, _SECRET)
        elif after and _differ(before.get(name), after.get(name)):
            yield _change_row(_difference(name, before.get(name), after.get(name)))


def _differ(before: Any, after: Any) -> bool:
    """Lists are sets: their order means nothing."""
    if isinstance(before, list) and isinstance(after, list):
        return sorted(map(str, before)) != sorted(map(str, after))
    return bool(before != after)


def _difference(name: str, before: Any, after: Any) -> dict[str, Any]:
    return {"path": name, "before": before, "after": after, "sensitive": False, "note": ""}


def _repository_row(sign: str, repositories: Mapping[str, Any] | None) -> Iterator[Row]:
    if repositories is None:
        return
    lines = [f"+ {quoted(name)}" for name in repositories["added"]]
    lines += [f"- {quoted(name)}" for name in repositories["removed"]]
    lines += [f"~ {quoted(r['from'])} -> {quoted(r['to'])}" for r in repositories["renamed"]]
    lines += [f"  {quoted(name)}    # selected live already" for name in repositories["adopted"]]
    lines += [f"  {quoted(name)}    # not listed any more" for name in repositories["orphaned"]]
    why = f": {repositories['kept_why']}" if repositories["kept_why"] else ""
    lines += [f"  {quoted(name)}    # kept{why}" for name in repositories["kept"]]
    if lines:
        yield Row(sign, "repositories", "{", capped(lines), "}")


def _unchanged(item: Mapping[str, Any], rows: Sequence[Row]) -> int:
    change = item["change"]
    if change["before"] is None or change["after"] is None:
        return 0
    shown = {row.name for row in rows}
    return sum(
        name not in shown and not _differ(value, change["after"].get(name))
        for name, value in change["before"].items()
    )


def step_lines(steps: Sequence[Mapping[str, Any]], name: str, paint: Paint) -> Iterator[str]:
    """Numbered steps of the connection *name*; manual ones in full."""
    for number, step in enumerate(steps, 1):
        by = paint.bold("By hand: ") if step["manual"] else ""
        yield f"      {number}. {by}{step['title']}"
        if step["manual"]:
            yield from manual_lines(step, name, indent=9)


def manual_lines(step: Mapping[str, Any], name: str, *, indent: int) -> Iterator[str]:
    """Address, fields, scopes, and how the next run sees that it was done."""
    rows = [("open", step["url"]), ("who", step["who"])]
    rows += [(field["name"], field["value"]) for field in step["fields"]]
    rows = [row for row in rows if row[1]]
    width = max((len(label) for label, _ in rows), default=0) + 1
    pad = " " * indent
    for label, text in rows:
        yield f"{pad}{label + ':':<{width}}  {text}"
    if step["scopes"]:
        noun = "this scope" if len(step["scopes"]) == 1 else f"these {len(step['scopes'])} scopes"
        yield f"{pad}tick {noun} and no other:"
        yield from (f"{pad}  [ ] {scope}" for scope in step["scopes"])
    if step["detected_by"]:
        yield f"{pad}seen by the next run: {step['detected_by']}"
    else:
        yield f"{pad}when it is done: reconciler ack {name} {step['id']}"
