"""Which repositories a selection means, judged by names alone. Pure.

Exclude always wins. A repository that was selected under an earlier name stays selected by that
name until the selection itself is edited: a rename is not a change of mind.

A pattern without a slash is judged against the part of a name behind its slash (``PAY/tools``),
one with a slash against the whole name. Where names have no slash, the whole name is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    """One predicate for many terms: set look-ups first, then all patterns by name."""
    ids = frozenset(same_id(t.id) for t in terms if t.id)
    projects = frozenset(t.project for t in terms if t.project)
    spelt = [t for t in terms if t.name or t.regex]
    full = _by_name([t for t in spelt if "/" in (t.name or t.regex)])
    bare = _by_name([t for t in spelt if "/" not in (t.name or t.regex)])

    def matches(repository_id: str, repository: Repository) -> bool:
        name = repository.name
        return (
            repository.project in projects
            or (full is not None and full(name))
            or (bare is not None and bare(name.rpartition("/")[2] if "/" in name else name))
            or (bool(ids) and same_id(repository_id) in ids)
        )

    return matches


def _by_name(terms: Sequence[Term]) -> Callable[[str], bool] | None:
    """One predicate for names: exact ones, then all globs as one expression; None without terms.

    Regular expressions are tried one by one: joined, their groups and flags would mix.
    """
    if not terms:
        return None
    names = frozenset(t.name for t in terms if t.name and t.is_exact)
    globs = [translate(t.name) for t in terms if t.name and not t.is_exact]
    glob = re.compile("|".join(globs)) if globs else None
    regexes = tuple(re.compile(t.regex) for t in terms if t.regex)

    def matches(name: str) -> bool:
        return (
            name in names
            or (glob is not None and glob.match(name) is not None)
            or (bool(regexes) and any(regex.fullmatch(name) for regex in regexes))
        )

    return matches


def _filters(selection: DesiredSelection) -> Predicate:
    archived, fork = selection.archived, selection.fork

    def passes(repository_id: str, repository: Repository) -> bool:
        del repository_id
        return archived in (None, repository.archived) and fork in (None, repository.fork)

    return passes
