"""Pages of Data Center's lists.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Paged APIs" [documented,
2026-11-21]. A start counts what the caller cannot see too, so the next one may lie behind a gap
[recorded]. A limit below 1 or a start that is no number gets 400 [assumed].
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.sandbox.data_center import wire

Item = TypeVar("Item")
DEFAULT_LIMIT = 25


@dataclass(frozen=True, slots=True)
class Selection(Generic[Item]):
    """What a caller sees of a list, with the place of each item in the whole list."""

    items: Sequence[Item]
    places: Sequence[int]


def select(every: Iterable[Item], is_seen: Callable[[Item], bool], hidden: int) -> Selection[Item]:
    """What is seen of *every*; *hidden* more things are taken to lie behind each."""
    items: list[Item] = []
    places: list[int] = []
    for place, item in enumerate(every):
        if is_seen(item):
            items.append(item)
            places.append(place * (hidden + 1))
    return Selection(items, places)


def read_page(params: Mapping[str, str], largest: int) -> tuple[int, int]:
    """``start`` and ``limit``, the latter clamped to *largest*.

    Raises:
        RefusedError: 400 for what is no page.
    """
    start = _number(params, "start", 0)
    limit = _number(params, "limit", DEFAULT_LIMIT)
    if limit < 1:
        raise wire.bad("limit", "The limit must be greater than 0.")
    return start, min(limit, largest)


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise wire.bad(name, f"The {name} must be a number that is not negative.")
    return int(text)


def page(
    selection: Selection[Item], start: int, limit: int, encode: Callable[[Item], bytes]
) -> bytes:
    """One encoded page."""
    first = bisect_left(selection.places, start)
    shown = selection.items[first : first + limit]
    is_last = first + limit >= len(selection.items)
    following = "null" if is_last else str(selection.places[first + limit])
    head = f'{{"size":{len(shown)},"limit":{limit},"isLastPage":{str(is_last).lower()},"values":['
    tail = f'],"start":{start},"nextPageStart":{following}}}'
    return head.encode() + b",".join(map(encode, shown)) + tail.encode()
