"""Permissions of Bitbucket Data Center as numbers that can be compared. Pure.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Permission Management" and
https://confluence.atlassian.com/bitbucketserver078/personal-access-tokens-1037993927.html for the
pairs that a token may hold [documented, 2026-11-21].
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

PROJECT = "PROJECT"
REPO = "REPO"
GLOBAL = ("LICENSED_USER", "PROJECT_CREATE", "ADMIN", "SYS_ADMIN")
"""Global permissions, lowest first."""


class Level(IntEnum):
    """What one may do with a project or a repository. A higher level holds the lower ones."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    def of(self, part: str) -> str:
        """The permission's name, such as ``REPO_READ``."""
        return f"{part}_{self.name}"


PERMISSIONS = {
    (part, level): level.of(part) for part in (PROJECT, REPO) for level in Level if level
}
_NAMED = {name: (part, level) for (part, level), name in PERMISSIONS.items()}


def parse(permission: str, part: str) -> Level | None:
    """The level of a permission of *part*; None when it is no such permission."""
    found = _NAMED.get(permission)
    return found[1] if found is not None and found[0] == part else None


def is_known(permission: str) -> bool:
    """Whether a token may hold it."""
    return permission in _NAMED


def highest(permissions: Iterable[str], part: str) -> Level:
    """The highest level of *part*; NONE when there is none."""
    return max((parse(p, part) or Level.NONE for p in permissions), default=Level.NONE)


def ceilings(permissions: Iterable[str]) -> tuple[Level, Level]:
    """What a token may do at most with projects and with repositories.

    A missing repository part counts as equal to the project part [assumed].
    """
    held = tuple(permissions)
    project, repository = highest(held, PROJECT), highest(held, REPO)
    return project, repository or project


def is_allowed_pair(permissions: Iterable[str]) -> bool:
    """Whether the repository part, if there is one, is at least the project part."""
    held = tuple(permissions)
    repository = highest(held, REPO)
    return not repository or repository >= highest(held, PROJECT)


def with_partner(permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions with the part that was left out: the same for repositories, READ above."""
    held = tuple(permissions)
    project, repository = highest(held, PROJECT), highest(held, REPO)
    if not project:
        return (Level.READ.of(PROJECT), *held)
    return held if repository else (*held, project.of(REPO))
