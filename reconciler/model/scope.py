"""Scope sets: what a credential may do, compared without guessing.

Bitbucket Cloud has two vocabularies: classic (``repository:write``), where some scopes imply
others, and granular (``write:repository:bitbucket``), where none does. The rules of implication
are data of the provider; the arithmetic is here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def closure(scopes: Iterable[str], implies: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """*scopes* and all that they imply, transitively."""
    found: set[str] = set()
    pending = list(scopes)
    while pending:
        scope = pending.pop()
        if scope not in found:
            found.add(scope)
            pending.extend(implies.get(scope, ()))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    """What a credential lacks and what it holds beyond need; both in canonical order."""

    missing: tuple[str, ...]
    surplus: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Nothing missing, nothing surplus."""
        return not self.missing and not self.surplus


def compare_scopes(
    wanted: Iterable[str],
    held: Iterable[str],
    implies: Mapping[str, frozenset[str]],
    partners: Mapping[str, frozenset[str]] | None = None,
) -> ScopeVerdict:
    """Hold *held* against *wanted*.

    A wanted scope is covered when *held* contains or implies it. A held scope is surplus when
    *wanted* neither contains nor implies it, and it is no partner of a wanted one.
    """
    want = frozenset(wanted)
    have = frozenset(held)
    beside = frozenset[str]().union(*((partners or {}).get(scope, frozenset()) for scope in want))
    return ScopeVerdict(
        missing=in_order(want - closure(have, implies)),
        surplus=in_order(have - closure(want, implies) - beside),
    )


def in_order(scopes: Iterable[str]) -> tuple[str, ...]:
    """Canonical order: by resource, then verb, so that related scopes stand together."""

    def key(scope: str) -> tuple[str, str]:
        verb, _, rest = scope.partition(":")
        granular = rest.endswith(":bitbucket")
        return (rest, verb) if granular else (verb, rest)

    return tuple(sorted(set(scopes), key=key))
