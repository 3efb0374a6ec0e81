"""The permissions of HTTP access tokens: which imply which, and which may stand together. Pure.

Source: https://confluence.atlassian.com/bitbucketserver078/personal-access-tokens-1037993927.html:
the repository permission is at least the project permission [documented, 2026-11-21]
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.providers.bitbucket_data_center.limits import PARTY

RANKS = ("READ", "WRITE", "ADMIN")
"""Lowest first; each holds those before it."""

PROJECT = tuple(f"PROJECT_{rank}" for rank in RANKS)
REPOSITORY = tuple(f"REPO_{rank}" for rank in RANKS)

IMPLIES = {
    "PROJECT_READ": frozenset({"REPO_READ"}),
    "PROJECT_WRITE": frozenset({"PROJECT_READ", "REPO_WRITE"}),
    "PROJECT_ADMIN": frozenset({"PROJECT_WRITE", "REPO_ADMIN"}),
    "REPO_WRITE": frozenset({"REPO_READ"}),
    "REPO_ADMIN": frozenset({"REPO_WRITE"}),
}

PARTNERS = {name: frozenset({"PROJECT_READ"}) for name in REPOSITORY}
"""A server may store the project part that was left out [assumed, 2026-11-21]. It implies nothing
the other way round: a token that was made with ``REPO_READ`` alone need not read projects."""

_LINK = frozenset(
    {
        "PUBLIC_REPOS",
        "ACCOUNT_WRITE",
        *REPOSITORY,
        "PROJECT_ADMIN",
        "ADMIN_WRITE",
        "SYSTEM_ADMIN",
    }
)
"""Scopes of an incoming link.

Source: https://confluence.atlassian.com/bitbucketserver0720/oauth-2-0-scopes-for-incoming-links-
1116282015.html [documented, 2026-11-21]; the spelling of all but ``PUBLIC_REPOS``, ``REPO_READ``
and ``REPO_WRITE`` is assumed
"""

VOCABULARY = {
    MethodKind.HTTP_ACCESS_TOKEN: frozenset((*PROJECT, *REPOSITORY)),
    MethodKind.OAUTH_CONSUMER: _LINK,
}


def to_send(scopes: Iterable[str], level: str) -> tuple[str, ...]:
    """The permissions of a request for a token that shall hold *scopes*.

    One of each part: the highest, and for repositories no less than for projects, which implies
    it. A project part that nobody asked for is never added: it would grant more.

    Raises:
        RemoteError: REJECTED; no token of that level can hold them.
    """
    wanted = frozenset(scopes)
    strange = wanted.difference(PROJECT, REPOSITORY)
    if strange or not wanted:
        raise _unfit(
            f"{', '.join(sorted(strange)) or 'nothing'} is not what a token can be permitted",
            f"permissions are {', '.join((*PROJECT, *REPOSITORY))}",
        )
    project, repository = _highest(wanted, PROJECT), _highest(wanted, REPOSITORY)
    if level == "repository" and project >= 0:
        raise _unfit(
            f"a repository's token cannot hold {PROJECT[project]}",
            "ask for REPO_READ, REPO_WRITE or REPO_ADMIN, or for a project's token",
        )
    parts = (PROJECT[project],) if project >= 0 else ()
    return (*parts, REPOSITORY[max(project, repository)])


def as_held(permissions: Iterable[str]) -> frozenset[str]:
    """What a token holds by what the server says of it.

    A missing repository part is as high as the project part [assumed, 2026-11-21: whether a server
    stores the part that was left out is not documented].
    """
    held = frozenset(permissions)
    project = _highest(held, PROJECT)
    if project >= 0 and _highest(held, REPOSITORY) < 0:
        return held | {REPOSITORY[project]}
    return held


def _highest(scopes: frozenset[str], part: tuple[str, ...]) -> int:
    """The rank of the highest permission of *part*; -1 when there is none."""
    return max((rank for rank, name in enumerate(part) if name in scopes), default=-1)


def _unfit(cause: str, hint: str) -> RemoteError:
    return RemoteError(PARTY, Fault.REJECTED, f"{PARTY}: {cause}", hint=hint)
