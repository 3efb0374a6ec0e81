"""Which repositories a selection means, judged by names alone. Pure.

Exclude always wins. A repository that was selected under an earlier name stays selected by that
name until the selection itself is edited: a rename is not a change of mind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from reconciler.model.desired import DesiredSelection, Term
from reconciler.model.observed import Repository

Predicate = Callable[[str, Repository], bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """A selection compiled for many repositories.

    ``includes`` and ``excludes`` are judged by id and repository. Exact names of the include
    list are not among them: they are bound one by one, see `exact`.
    """

    includes: Predicate
    excludes: Predicate
    passes: Predicate
    exact: tuple[Term, ...]


@lru_cache(maxsize=1024)
def compile_rules(selection: DesiredSelection) -> Rules:
    """Compile once per selection; connections that share one share the work."""
    exact = tuple(t for t in selection.include if t.is_exact)
    wide = tuple(t for t in selection.include if not t.is_exact)
    return Rules(
        includes=_everything if selection.everything else _any_of(wide),
        excludes=_any_of(selection.exclude),
        passes=_filters(selection),
        exact=exact,
    )


def _everything(repository_id: str, repository: Repository) -> bool:
    del repository_id, repository
    return True


def _any_of(terms: tuple[Term, ...]) -> Predicate:
    """One predicate for many terms: two set look-ups and at most one regular expression."""
    ids = frozenset(_plain(t.id) for t in terms if t.id)
    projects = frozenset(t.project for t in terms if t.project)
    names = frozenset(t.name for t in terms if t.name and t.is_exact)
    patterns = [translate(t.name) for t in terms if t.name and not t.is_exact]
    patterns += [f"(?:{t.regex})\\Z" for t in terms if t.regex]
    pattern = re.compile("|".join(patterns)) if patterns else None

    def matches(repository_id: str, repository: Repository) -> bool:
        return (
            repository.project in projects
            or repository.name in names
            or (pattern is not None and pattern.match(repository.name) is not None)
            or (bool(ids) and _plain(repository_id) in ids)
        )

    return matches


def _filters(selection: DesiredSelection) -> Predicate:
    archived, fork = selection.archived, selection.fork

    def passes(repository_id: str, repository: Repository) -> bool:
        del repository_id
        return archived in (None, repository.archived) and fork in (None, repository.fork)

    return passes


def _plain(repository_id: str) -> str:
    """Ids compare without regard to case and to Bitbucket's braces."""
    return repository_id.strip("{}").lower()


def names_id(term: Term, repository_id: str) -> bool:
    """Whether an exact term names this id."""
    return bool(term.id) and _plain(term.id) == _plain(repository_id)
