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
from reconciler.model.matching import same_id
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
    """One predicate for many terms: set look-ups first, then all globs as one expression.

    Regular expressions are tried one by one: joined, their groups and flags would mix.
    """
    ids = frozenset(same_id(t.id) for t in terms if t.id)
    projects = frozenset(t.project for t in terms if t.project)
    names = frozenset(t.name for t in terms if t.name and t.is_exact)
    globs = [translate(t.name) for t in terms if t.name and not t.is_exact]
    glob = re.compile("|".join(globs)) if globs else None
    regexes = tuple(re.compile(t.regex) for t in terms if t.regex)

    def matches(repository_id: str, repository: Repository) -> bool:
        name = repository.name
        return (
            repository.project in projects
            or name in names
            or (glob is not None and glob.match(name) is not None)
            or (bool(regexes) and any(regex.fullmatch(name) for regex in regexes))
            or (bool(ids) and same_id(repository_id) in ids)
        )

    return matches


def _filters(selection: DesiredSelection) -> Predicate:
    archived, fork = selection.archived, selection.fork

    def passes(repository_id: str, repository: Repository) -> bool:
        del repository_id
        return archived in (None, repository.archived) and fork in (None, repository.fork)

    return passes
