"""Changing what others change too: look, act, and look again until it is as it shall be."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from reconciler.errors import SecretError

Seen = TypeVar("Seen")

RACES: Final = 20
"""Times to be beaten by other writers before that is an error."""

DOUBTS: Final = 3
"""Answers to writes that may be lost before that is an error."""

_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Setback:
    """A write that may not have been stored: beaten by another, or its answer is lost."""

    error: SecretError
    is_race: bool


def settle(
    look: Callable[[], Seen],
    is_settled: Callable[[Seen], bool],
    act: Callable[[Seen], Setback | None],
) -> None:
    """Act until a look finds it settled, or an act is known to have succeeded.

    Args:
        look: what is there now.
        is_settled: whether that is what is wanted, by whomever.
        act: changes it, or says why it may not have.

    Raises:
        SecretError: others or lost answers keep it from being settled; or it cannot be known.
    """
    setbacks: list[Setback] = []
    while True:
        seen = _look_again(look) if setbacks else look()
        if is_settled(seen):
            return
        doubts = sum(not setback.is_race for setback in setbacks)
        if doubts >= DOUBTS or len(setbacks) >= RACES:
            raise setbacks[-1].error
        setback = act(seen)
        if setback is None:
            return
        setbacks.append(setback)
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** len(setbacks))
        time.sleep(random.uniform(0, longest))  # noqa: S311  keeps rivals apart, no secret


def _look_again(look: Callable[[], Seen]) -> Seen:
    """Look after a write whose answer did not say that it was stored."""
    try:
        return look()
    except SecretError as error:
        raise SecretError(
            f"{error.cause}; whether the write before arrived is not known",
            hint=error.hint,
            where=error.where,
        ) from error
