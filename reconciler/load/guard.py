"""Keeps credentials out of YAML and out of messages. Pure.

A value that looks like a token is refused by its place, never by its text. Messages that quote
what somebody wrote go through `shown`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from reconciler.model.document import Path

MASK = "***"
_SHOWN_CHARACTERS = 64

_KNOWN = re.compile(
    r"""
      \bAT(?:ATT|CTT)[A-Za-z0-9_=-]{11,}            # Atlassian API and access tokens
    | \bBBDC-[A-Za-z0-9+/=]{16,}                    # Bitbucket Data Center
    | \b(?:gh[opusr]_|github_pat_)[A-Za-z0-9_]{16,}
    | \b(?:glpat|gldt|glptt|sk|xox[abposr]|hv[sb]|AIK)[-_.][A-Za-z0-9_-]{16,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}  # JSON web tokens
    | (?i:\b(?:bearer|basic|jwt))[ ]+[A-Za-z0-9+/=._~-]{12,}
    | -----BEGIN[A-Z ]*[ ]PRIVATE[ ]KEY
    | ://[^/\s:@]*:[^/\s@]+@                        # a password inside an address
    | \A[a-z2-7]{52}\Z                              # Azure DevOps, older form
    | [A-Za-z0-9]{60,80}AZDO[A-Za-z0-9]{4}\b
    """,
    re.VERBOSE,
)
_DENSE = re.compile(r"[A-Za-z0-9+/=_~-]{40,}\Z")
_DENSE_BITS = 4.2
"""Shannon entropy per character; words joined by hyphens stay below, random text above."""

_FREE_TEXT = frozenset({"username", "file", "regex", "name", "id", "url", "apiUrl", "endpoint"})
"""Keys whose values may be long and dense without being secret: keys of OAuth consumers, paths."""

SHORTEST = 16
"""No token is shorter; most values of a document are, and need no search."""


def looks_like_secret(value: str, key: str = "") -> bool:
    """Whether *value* has the shape of a credential.

    Args:
        value: any text.
        key: the name of the field; some fields hold dense text that is no secret.
    """
    if len(value) < SHORTEST:
        return False
    if _KNOWN.search(value):
        return True
    return key not in _FREE_TEXT and _is_dense(value)


def _is_dense(value: str) -> bool:
    if not _DENSE.match(value):
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    if not all(any(kind(c) for c in value) for kind in kinds):
        return False
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares) >= _DENSE_BITS


def secret_paths(body: Any) -> tuple[Path, ...]:
    """The paths of values that look like secrets; empty for nearly every document."""
    return tuple(_paths(body, (), "")) if _holds_secret(body, "") else ()


def _holds_secret(value: Any, key: str) -> bool:
    if type(value) is str:
        return looks_like_secret(value, key)
    if type(value) is dict:
        return any(_holds_secret(v, k) for k, v in value.items())
    return type(value) is list and any(_holds_secret(v, key) for v in value)


def _paths(value: Any, path: Path, key: str) -> Iterator[Path]:
    if type(value) is dict:
        for name, child in value.items():
            yield from _paths(child, (*path, name), name)
    elif type(value) is list:
        for index, child in enumerate(value):
            yield from _paths(child, (*path, index), key)
    elif type(value) is str and looks_like_secret(value, key):
        yield path


def shown(text: str) -> str:
    """*text* as it may stand in a message: masked when it looks like a secret, and cut."""
    if looks_like_secret(text):
        return MASK
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= _SHOWN_CHARACTERS else f"{clean[:_SHOWN_CHARACTERS]}…"
