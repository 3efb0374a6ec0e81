"""Words for hints: the nearest known name, and lists cut to a readable length. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 12
"""Names that a hint lists before it says how many more there are."""


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The choice that *word* most likely meant; empty when none reaches *cutoff* (0 to 1)."""
    by_lower = {choice.lower(): choice for choice in sorted(choices, reverse=True)}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``did you mean "api-token"?``, or nothing when no choice is near."""
    guess = nearest(word, choices)
    return f'did you mean "{guess}"?' if guess else ""


def listed(choices: Iterable[str]) -> str:
    """``a, b, c`` in order, cut after a dozen; ``none`` when there are none."""
    names = sorted(set(choices))
    rest = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    if rest > 0:
        return f"{shown} and {rest} more"
    return shown or "none"


def suggestion(word: str, choices: Iterable[str], *, what: str) -> str:
    """A whole hint: the nearest choice first, then all of them.

    Args:
        word: what was written.
        choices: what could have been written.
        what: the plural noun for the list, such as ``accounts``.
    """
    names = tuple(choices)
    return "; ".join(
        part for part in (did_you_mean(word, names), f"{what}: {listed(names)}") if part
    )
