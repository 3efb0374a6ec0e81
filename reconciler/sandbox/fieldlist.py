"""The ``fields`` parameter: partial replies.

A bare list keeps only what it names, so that ``next``, ``size`` and ``page`` vanish unless they
are named too; ``-x`` removes; ``+x`` adds. An unencoded ``+`` arrives as a blank and so turns an
addition into a bare list, as it does live.
Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Partial responses"
[documented, 2026-11-21].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Tree: TypeAlias = "dict[str, Tree]"


@dataclass(frozen=True, slots=True)
class FieldList:
    """A parsed ``fields`` parameter. ``added`` are the dotted paths with a plus."""

    kept: Tree
    removed: tuple[tuple[str, ...], ...]
    added: frozenset[str]

    def names(self, path: str) -> bool:
        """Whether *path* is asked for in so many words."""
        node, steps = self.kept, path.split(".")
        while steps and steps[0] in node:
            node = node[steps.pop(0)]
        return path in self.added or not steps

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The part of *body* that was asked for."""
        part = _keep(body, self.kept) if self.kept else body
        for path in self.removed:
            part = _without(part, path)
        return dict(part)


def parse_fields(text: str | None) -> FieldList:
    """Read the parameter; None or empty asks for everything."""
    kept: Tree = {}
    removed: list[tuple[str, ...]] = []
    added: list[str] = []
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    for word in words:
        if word.startswith("-"):
            removed.append(tuple(word[1:].split(".")))
        elif word.startswith("+"):
            added.append(word[1:])
        else:
            _plant(kept, word)
    if kept:
        for path in added:
            _plant(kept, path)
    return FieldList(kept, tuple(removed), frozenset(added))


def _plant(tree: Tree, path: str) -> None:
    for step in path.split("."):
        tree = tree.setdefault(step, {})


def _keep(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_keep(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    if "*" in tree:
        return {key: _keep(item, tree["*"]) for key, item in value.items()}
    return {key: _keep(value[key], sub) for key, sub in tree.items() if key in value}


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_without(item, path) for item in value]
    if not isinstance(value, dict):
        return value
    first, rest = path[0], path[1:]
    if not rest:
        return {key: item for key, item in value.items() if first not in (key, "*")}
    return {
        key: _without(item, rest) if first in (key, "*") else item for key, item in value.items()
    }
