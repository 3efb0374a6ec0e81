"""The ``q`` and ``sort`` parameters: Bitbucket's query language over our objects. Pure.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Filtering and sorting"
[documented, 2026-11-21]; the text for an unknown field is recorded, the others are assumed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

Item = TypeVar("Item")
Test: TypeAlias = Callable[[Item], bool]
Fields: TypeAlias = Mapping[str, Callable[[Item], Any]]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<op>!=|!~|>=|<=|=|~|>|<)|(?P<mark>[(),])"""
    r"""|(?P<word>[^\s"!=~<>(),]+))"""
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


class QueryError(ValueError):
    """The query cannot be answered; the text is the message for the client."""


def parse_query(text: str, fields: Fields[Item]) -> Test[Item]:
    """A test for the items that *text* selects.

    Raises:
        QueryError: an unknown field, operator or value.
    """
    return _Parser(text, fields).whole()


def sort_key(text: str, fields: Fields[Item]) -> tuple[Callable[[Item], Any], bool]:
    """The key of one ``sort`` field, and whether it descends.

    Raises:
        QueryError: an unknown field.
    """
    name = text.removeprefix("-")
    if name not in fields:
        raise QueryError(f'Field ".{name}" does not support sorting')
    getter = fields[name]

    def key(item: Item) -> tuple[bool, Any]:
        value = getter(item)
        return (value is not None, value)

    return key, text.startswith("-")


class _Parser(Generic[Item]):
    """Recursive descent: OR of ANDs of comparisons and parentheses."""

    def __init__(self, text: str, fields: Fields[Item]) -> None:
        self._fields = fields
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Test[Item]:
        test = self._any()
        if self._at != len(self._tokens):
            raise QueryError("Invalid query: something follows its end")
        return test

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise QueryError("Invalid query: it ends too early")
        self._at += 1
        return token

    def _any(self) -> Test[Item]:
        tests = [self._all()]
        while self._peek().upper() == "OR":
            self._next()
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _all(self) -> Test[Item]:
        tests = [self._one()]
        while self._peek().upper() == "AND":
            self._next()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _one(self) -> Test[Item]:
        if self._peek() == "(":
            self._next()
            test = self._any()
            if self._next() != ")":
                raise QueryError("Invalid query: a parenthesis is not closed")
            return test
        name = self._next()
        if name not in self._fields:
            raise QueryError(f'Field ".{name}" does not support filtering')
        return self._comparison(self._fields[name])

    def _comparison(self, getter: Callable[[Item], Any]) -> Test[Item]:
        sign = self._next().upper()
        if sign in ("IN", "NOT"):
            return self._membership(getter, is_negated=sign == "NOT")
        if sign in ("~", "!~"):
            return _contains(getter, str(_value(self._next())), is_negated=sign == "!~")
        if sign not in _COMPARE:
            raise QueryError(f"Invalid query: {sign} is no operator")
        return _compares(getter, _COMPARE[sign], _value(self._next()))

    def _membership(self, getter: Callable[[Item], Any], *, is_negated: bool) -> Test[Item]:
        if is_negated and self._next().upper() != "IN":
            raise QueryError("Invalid query: NOT goes before IN")
        if self._next() != "(":
            raise QueryError("Invalid query: IN wants a list in parentheses")
        values = {_value(self._next())}
        while (mark := self._next()) == ",":
            values.add(_value(self._next()))
        if mark != ")":
            raise QueryError("Invalid query: a parenthesis is not closed")
        return lambda item: (getter(item) in values) is not is_negated


def _tokens(text: str) -> Sequence[str]:
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise QueryError("Invalid query: a quote is not closed")
        found.append(match.group().strip())
        at = match.end()
    return found


def _value(token: str) -> Any:
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if token.lower() in _CONSTANTS:
        return _CONSTANTS[token.lower()]
    if re.fullmatch(r"-?\d+(\.\d+)?", token):
        return float(token)
    try:
        moment = datetime.fromisoformat(token)
    except ValueError:
        raise QueryError(f"Invalid query: {token} is no value") from None
    if moment.tzinfo is None:
        raise QueryError("Invalid query: a time needs its offset from UTC")
    return moment


def _contains(getter: Callable[[Item], Any], part: str, *, is_negated: bool) -> Test[Item]:
    wanted = part.lower()
    return lambda item: (wanted in str(getter(item) or "").lower()) is not is_negated


def _compares(
    getter: Callable[[Item], Any], compare: Callable[[Any, Any], bool], value: Any
) -> Test[Item]:
    def test(item: Item) -> bool:
        have = getter(item)
        want = datetime.fromisoformat(value) if _is_quoted_time(have, value) else value
        if compare in (operator.eq, operator.ne):
            return compare(have, want)
        return have is not None and compare(have, want)

    return test


def _is_quoted_time(have: Any, value: Any) -> bool:
    return isinstance(have, datetime) and isinstance(value, str)
