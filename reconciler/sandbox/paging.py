"""Pages of Bitbucket Cloud's lists, encoded once and kept.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Pagination" [documented,
2026-11-21]; the texts of the refusals are recorded.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from reconciler.sandbox.answers import encode, refuse
from reconciler.sandbox.fieldlist import FieldList, parse_fields
from reconciler.sandbox.query import Fields, QueryError, parse_query, sort_key

Item = TypeVar("Item")
LARGEST = 100
KEPT_BYTES = 192 * 1024 * 1024
KEPT_SELECTIONS = 64


@dataclass(frozen=True, slots=True)
class Page:
    """One encoded page with its strong ETag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class PageAsk:
    """What the query string asks of a list."""

    number: int
    length: int
    fields: FieldList
    query: str
    sort: str
    carried: tuple[tuple[str, str], ...]

    def url_of(self, number: int, place: str) -> str:
        """The address of another page; everything that was asked is carried along."""
        pairs = [*self.carried, ("pagelen", str(self.length)), ("page", str(number))]
        return f"{place}?{urlencode(pairs, quote_via=quote)}"


def read_ask(params: Mapping[str, str], *, default: int = 10, largest: int = LARGEST) -> PageAsk:
    """Read ``page``, ``pagelen``, ``fields``, ``q`` and ``sort``.

    Raises:
        RefusedError: 400 "Invalid page" or "Invalid pagelen".
    """
    carried = tuple((k, v) for k, v in params.items() if k not in ("page", "pagelen"))
    return PageAsk(
        number=_positive(params.get("page"), 1, "Invalid page"),
        length=_positive(params.get("pagelen"), default, "Invalid pagelen", largest),
        fields=parse_fields(params.get("fields")),
        query=params.get("q", ""),
        sort=params.get("sort", ""),
        carried=carried,
    )


def _positive(text: str | None, default: int, refusal: str, largest: int = 10**9) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= largest):
        raise refuse(400, refusal)
    return int(text)


def select(items: Sequence[Item], ask: PageAsk, fields: Fields[Item]) -> Sequence[Item]:
    """The items that ``q`` and ``sort`` ask for.

    Raises:
        RefusedError: 400 for a query that cannot be answered.
    """
    try:
        if ask.query:
            test = parse_query(ask.query, fields)
            items = [item for item in items if test(item)]
        if ask.sort:
            key, is_descending = sort_key(ask.sort, fields)
            items = sorted(items, key=key, reverse=is_descending)
    except (QueryError, TypeError, ValueError) as error:
        known = isinstance(error, QueryError)
        raise refuse(400, str(error) if known else "Invalid query: the types differ") from None
    return items


def page_of(
    items: Sequence[Item],
    ask: PageAsk,
    place: str,
    view: Callable[[Item], dict[str, Any]],
    *,
    hide_size: bool = False,
) -> Page:
    """Cut, show and encode one page."""
    start = (ask.number - 1) * ask.length
    body: dict[str, Any] = {
        "values": [view(item) for item in items[start : start + ask.length]],
        "pagelen": ask.length,
        "size": len(items),
        "page": ask.number,
    }
    if start + ask.length < len(items):
        body["next"] = ask.url_of(ask.number + 1, place)
    if ask.number > 1:
        body["previous"] = ask.url_of(ask.number - 1, place)
    if hide_size:
        del body["size"]
    encoded = encode(ask.fields.apply(body))
    mark = hashlib.sha256(encoded, usedforsecurity=False).hexdigest()[:32]
    return Page(encoded, f'"{mark}"')


class PageCache(Generic[Item]):
    """Encoded pages and selections, oldest out first. Keys hold the version of what they show."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._selections: OrderedDict[Hashable, Sequence[Item]] = OrderedDict()
        self._bytes = 0

    def page(self, key: Hashable, build: Callable[[], Page]) -> Page:
        """The page under *key*, built when it is not there."""
        found = self._pages.get(key)
        if found is None:
            found = self._pages[key] = build()
            self._bytes += len(found.body)
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._pages.popitem(last=False)[1].body)
        return found

    def selection(self, key: Hashable, build: Callable[[], Sequence[Item]]) -> Sequence[Item]:
        """The filtered and sorted items under *key*."""
        found = self._selections.get(key)
        if found is None:
            found = self._selections[key] = build()
            if len(self._selections) > KEPT_SELECTIONS:
                self._selections.popitem(last=False)
        return found
