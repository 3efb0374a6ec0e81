"""YAML text → plain values with the place of every node. Part of load; no I/O.

Reads the events of libyaml (of PyYAML's own parser where libyaml is missing) with a builder of
ours, because a loader that constructs nodes first takes twice as long. It differs from
``yaml.safe_load`` on purpose:

* only ``true`` and ``false`` are booleans, as in YAML 1.2, so that ``no`` and ``on`` stay words;
  dates and times stay text; numbers are decimal; keys are always text;
* a key written twice is refused;
* depth, the number of nodes after alias expansion, and tags are bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.errors import Problem, SourceMark
from reconciler.load.guard import SHORTEST, shown
from reconciler.load.pure_parser import PureParser
from reconciler.model.document import Path

FastParser: Any = PureParser
if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    FastParser = CParser

MAX_DEPTH = 64
MAX_NODES = 100_000

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]{1,3})?\Z")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_FLATTER = "write it flatter; no document of ours needs ten levels"
_WORDLY = frozenset(word[:1] for word in _WORDS)
_NUMERIC = frozenset("+-.0123456789")
_MERGE = "<<"
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, type] = {
    f"{_CORE}int": int,
    f"{_CORE}float": float,
    f"{_CORE}bool": bool,
    f"{_CORE}null": type(None),
}

Entries: TypeAlias = tuple[Any, ...] | None
"""Where the children of a collection stand, in their order; None for a scalar. A child is an
integer for a scalar, the packed places of its key and its value; for a collection it is
``(packed place, entries)``. There is one per value of every file: integers cost the garbage
collector nothing, where an object each would double the time of a large project."""

_LINE = 20
_KEY = 44
_COLUMNS = (1 << _LINE) - 1
_VALUES = (1 << _KEY) - 1


def _pack(mark: Any) -> int:
    place: int = mark.line << _LINE | mark.column
    return place


@dataclass(frozen=True, slots=True)
class DocumentMarks:
    """Implements `reconciler.model.document.Marks` over the tree of one document."""

    file: str
    value: Any
    node: Any

    def at(self, path: Path) -> SourceMark:
        """The place of the node at *path* or of its nearest existing ancestor.

        A scalar's place is its value; a collection's is its key, where it has one.
        """
        _, node = self._find(path)
        return self._mark(node[0] if type(node) is tuple else node & _VALUES)

    def key_at(self, path: Path) -> SourceMark:
        """The place of the key that the last step of *path* names."""
        _, node = self._find(path)
        if type(node) is tuple:
            return self._mark(node[0])
        return self._mark(node >> _KEY or node)

    def under(self, path: Path) -> DocumentMarks:
        """The marks of the node at *path*; paths are then relative to it."""
        return DocumentMarks(self.file, *self._find(path))

    def _find(self, path: Path) -> tuple[Any, Any]:
        value, node = self.value, self.node
        for step in path:
            if type(value) is dict and step in value:
                index = list(value).index(step)
            elif type(value) is list and type(step) is int and 0 <= step < len(value):
                index = step
            else:
                break
            value, node = value[step], node[1][index]
        return value, node

    def _mark(self, place: int) -> SourceMark:
        return SourceMark(self.file, (place >> _LINE) + 1, (place & _COLUMNS) + 1)


class _StopError(Exception):
    """Nothing more of this file can be read."""


@dataclass(slots=True)
class _Anchor:
    """A value that an alias may repeat. ``entries`` is None for a scalar."""

    value: Any
    entries: Entries
    nodes: int
    height: int | None = None


class Builder:
    """Reads the documents of one file; what is wrong goes to ``problems``.

    ``broken`` becomes true when the rest of the file could not be read. ``long`` are the values
    long enough to be a token, so that only they need a closer look.
    """

    def __init__(self, text: str, file: str) -> None:
        """Stand at the beginning of *text*."""
        self.problems: list[Problem] = []
        self.broken = False
        self.long: list[str] = []
        self._text = text
        self._file = file
        self._nodes = 0
        self._anchors: dict[str, _Anchor | None] = {}

    def documents(self) -> Iterator[tuple[Any, DocumentMarks]]:
        """Each document's plain value and marks; stops at the first thing that ends reading."""
        try:
            self._next: Callable[[], Any] = FastParser(self._text).get_event
            while type(event := self._next()) is not StreamEndEvent:
                if type(event) is DocumentStartEvent:
                    self._anchors.clear()
                    start = self._next()
                    value, entries = self._build(start, 1)
                    place = _pack(start.start_mark)
                    node = place if entries is None else (place, entries)
                    yield value, DocumentMarks(self._file, value, node)
        except _StopError:
            self.broken = True
        except yaml.YAMLError as error:
            self.broken = True
            self.problems.append(_syntax_problem(error, self._text, self._file))

    def _build(self, event: Any, depth: int) -> tuple[Any, Entries]:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event), None
        if kind is AliasEvent:
            return self._alias(event, depth)
        if depth > MAX_DEPTH:
            self._stop("yaml-too-deep", event, _TOO_DEEP, _FLATTER)
        anchor = event.anchor
        before = self._nodes
        if anchor is not None:
            self._anchors[anchor] = None
        is_mapping = kind is MappingStartEvent
        if event.tag is not None:
            self._check_tag(event, "map" if is_mapping else "seq")
        built = self._mapping(event, depth) if is_mapping else self._items(event, depth)
        if anchor is not None:
            self._anchors[anchor] = _Anchor(built[0], built[1], self._nodes - before)
        return built

    def _mapping(self, start: Any, depth: int) -> tuple[dict[str, Any], Entries]:
        values: dict[str, Any] = {}
        entries: list[Any] = []
        merges: list[tuple[Any, Any, Entries]] = []
        take = self._next
        while type(key_event := take()) is not MappingEndEvent:
            if type(key_event) is not ScalarEvent or key_event.anchor is not None:
                self._odd_key(key_event)
            key = key_event.value
            mark = key_event.start_mark
            place = mark.line << _LINE | mark.column
            event = take()
            if type(event) is ScalarEvent:
                value, inner = self._scalar(event), None
            else:
                value, inner = self._build(event, depth + 1)
            if key in values:
                self._duplicate(key, key_event, entries[list(values).index(key)])
            elif key == _MERGE and key_event.implicit[0]:
                merges.append((key_event, value, inner))
            elif inner is None:
                mark = event.start_mark
                values[key] = value
                entries.append(place << _KEY | mark.line << _LINE | mark.column)
            else:
                values[key] = value
                entries.append((place, inner))
        for merge in merges:
            self._merge(values, entries, *merge)
        self._count(start, len(values))
        return values, tuple(entries)

    def _items(self, start: Any, depth: int) -> tuple[list[Any], Entries]:
        values: list[Any] = []
        entries: list[Any] = []
        while type(event := self._next()) is not SequenceEndEvent:
            if type(event) is ScalarEvent:
                value, inner = self._scalar(event), None
            else:
                value, inner = self._build(event, depth + 1)
            values.append(value)
            place = _pack(event.start_mark)
            entries.append(place if inner is None else (place, inner))
        self._count(start, len(values))
        return values, tuple(entries)

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop(
                "yaml-too-many-nodes",
                event,
                f"the file holds more than {MAX_NODES:,} values once aliases are expanded",
                "use fewer aliases, or split the file",
            )

    def _odd_key(self, event: Any) -> None:
        if type(event) is not ScalarEvent:
            self._stop("yaml-key", event, "a key must be a word", "write `key: value`")
        self._anchors[event.anchor or ""] = _Anchor(event.value, None, 1, 0)

    def _scalar(self, event: Any) -> Any:
        text = event.value
        value = text
        if event.implicit[0]:
            first = text[:1]
            if first in _NUMERIC:
                value = _number(text)
            elif first in _WORDLY and text in _WORDS:
                value = _WORDS[text]
        if len(text) >= SHORTEST:
            self.long.append(text)
        if event.tag is not None:
            value = self._tagged(event, value)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, None, 1, 0)
        return value

    def _tagged(self, event: Any, value: Any) -> Any:
        wanted = _SCALAR_TAGS.get(event.tag)
        if wanted is None:
            self._check_tag(event, "str")
            return event.value
        text = event.value
        plain = _WORDS[text] if text in _WORDS else _number(text)
        if type(plain) is not wanted:
            self._problem("yaml-tag", event, "the tag does not fit its value", "leave the tag out")
            return value
        return plain

    def _check_tag(self, event: Any, expected: str) -> None:
        if event.tag not in ("!", f"{_CORE}{expected}"):
            self._problem(
                "yaml-tag",
                event,
                f"the tag {shown(event.tag)} is not allowed",
                "leave the tag out; only plain YAML values are read",
            )

    def _alias(self, event: Any, depth: int) -> tuple[Any, Entries]:
        name = event.anchor
        anchor = self._anchors.get(name)
        if anchor is None:
            inside = name in self._anchors
            cause = "contains itself" if inside else "is not defined above"
            hint = "write the value out" if inside else f"define it first: `&{shown(name)} …`"
            self._stop("yaml-alias", event, f"the alias *{shown(name)} {cause}", hint)
        self._count(event, anchor.nodes)
        if anchor.height is None:
            anchor.height = _height(anchor.value)
        if depth + anchor.height > MAX_DEPTH:
            self._stop("yaml-too-deep", event, _TOO_DEEP, _FLATTER)
        return anchor.value, anchor.entries

    def _merge(
        self, values: dict[str, Any], entries: list[Any], event: Any, value: Any, inner: Any
    ) -> None:
        """Fill in what ``<<`` brings: keys of the mapping itself win, then the earlier source."""
        several = type(value) is list
        sources = zip(value, inner, strict=True) if several else ((value, (0, inner)),)
        for source, node in sources:
            if type(source) is not dict:
                self._problem("yaml-key", event, "`<<` merges mappings only", "use an alias of one")
                continue
            for (key, child), place in zip(source.items(), node[1], strict=True):
                if key not in values:
                    values[key] = child
                    entries.append(place)

    def _duplicate(self, key: str, event: Any, first: Any) -> None:
        place = first[0] if type(first) is tuple else first >> _KEY
        line = (place >> _LINE) + 1
        self._problem(
            "duplicate-key",
            event,
            f'the key "{shown(key)}" stands twice in one mapping, first in line {line}',
            "keep one of the two",
        )

    def _problem(self, code: str, event: Any, cause: str, hint: str) -> None:
        mark = event.start_mark
        where = SourceMark(self._file, mark.line + 1, mark.column + 1)
        self.problems.append(Problem(code, cause, hint, where))

    def _stop(self, code: str, event: Any, cause: str, hint: str) -> NoReturn:
        self._problem(code, event, cause, hint)
        raise _StopError


def _number(text: str) -> int | float | str:
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) and math.isfinite(number := float(text)):
        return number
    return text


def _height(value: Any) -> int:
    """Levels of collections in *value*. Bounded: it was itself built within MAX_DEPTH."""
    children = value.values() if type(value) is dict else value if type(value) is list else None
    return 0 if children is None else 1 + max(map(_height, children), default=0)


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """The words of libyaml are safe to show: they name characters and rules, never values."""
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        cause, hint = "the file holds a character that YAML does not allow", "remove it"
        return Problem("yaml-syntax", cause, hint, SourceMark(file, line, column))
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = SourceMark(file, mark.line + 1, mark.column + 1) if mark else SourceMark(file)
    cause = getattr(error, "problem", None) or "the file is not YAML"
    return Problem("yaml-syntax", f"not valid YAML: {cause}", _syntax_hint(cause), where)


def _syntax_hint(cause: str) -> str:
    for sign, hint in _SYNTAX_HINTS:
        if sign in cause:
            return hint
    return "check indentation, quotes and brackets around this place"


_SYNTAX_HINTS = (
    ("cannot start any token", "indent with spaces, and quote text that begins with @, ` or %"),
    ("mapping values are not allowed", "check the indentation, or quote text that holds `: `"),
    ("could not find expected ':'", "put `: ` between key and value"),
    ("did not find expected key", "align this line with the keys above it"),
    ("expected ',' or", "close the bracket, or put a comma between the items"),
    ("unexpected end of stream", "close the quote or bracket that was opened above"),
)
