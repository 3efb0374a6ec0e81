"""RepositorySelection → DesiredSelection. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from typing import Any

from reconciler.model.desired import DesiredSelection, Term
from reconciler.model.method import Missing, NewRepositories
from reconciler.resolve.layers import Layers
from reconciler.resolve.references import Problems


def build_selection(name: str, fields: Layers, problems: Problems) -> DesiredSelection:
    """Read a selection; report bad patterns and terms that contradict one another."""
    include = _terms(fields, "include", problems)
    exclude = _terms(fields, "exclude", problems)
    _check_contradictions(include, exclude, problems)
    where = fields.get("where", {})
    everything = bool(fields.get("all", otherwise=False))
    follows = NewRepositories(fields.get("newRepositories", NewRepositories.INCLUDE))
    return DesiredSelection(
        name=name,
        where=fields.where,
        digest=_digest(
            {
                "all": everything,
                "include": sorted(map(str, include)),
                "exclude": sorted(map(str, exclude)),
                "archived": where.get("archived"),
                "fork": where.get("fork"),
                "new": follows.value,
            }
        ),
        everything=everything,
        include=include,
        exclude=exclude,
        archived=where.get("archived"),
        fork=where.get("fork"),
        new_repositories=follows,
        missing=Missing(fields.get("missing", Missing.ORPHAN)),
    )


def _terms(fields: Layers, part: str, problems: Problems) -> tuple[Term, ...]:
    entries = fields.get(part)
    if not entries:
        return ()
    at = fields.marks.under((part,)).at
    terms = tuple(Term(where=at((index, *entry)), **entry) for index, entry in enumerate(entries))
    for term in terms:
        if term.regex and (fault := _regex_fault(term.regex)):
            hint = "write a Python regular expression that matches the whole name"
            problems.error(
                "bad-regex", f"the regular expression is wrong: {fault}", hint, term.where
            )
    return terms


def _regex_fault(pattern: str) -> str:
    """What is wrong with *pattern*; empty when nothing is. An ambiguous one counts as wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except re.error as error:
        return error.msg
    except (RecursionError, OverflowError):
        return "it is too large"
    except Warning as warning:
        return str(warning)
    return ""


def _check_contradictions(
    include: tuple[Term, ...], exclude: tuple[Term, ...], problems: Problems
) -> None:
    included = {str(term): term for term in include} if exclude else {}
    for term in exclude:
        if (twin := included.get(str(term))) is not None:
            problems.error(
                "included-and-excluded",
                f'"{term}" is excluded here and included at {twin.where}',
                "keep one of the two: exclude would always win",
                term.where,
            )


def _digest(meaning: dict[str, Any]) -> str:
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"
