"""Bitbucket Data Center's JSON ↔ our model. Pure.

Field names: https://developer.atlassian.com/server/bitbucket/rest/ "Repository" [documented,
2026-11-21]; that forks have ``origin`` and that absent fields are left out is observed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import unquote

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Repository
from reconciler.providers.bitbucket_data_center.limits import OLDEST, PAGE_SIZE, SUPPORT_ENDS
from reconciler.transport.offsets import Stretch
from reconciler.transport.reply import Reply

Row = tuple[str, Repository, str]
"""Stable id, repository, and its state: ``AVAILABLE`` when it can be read."""

READABLE = "AVAILABLE"


class _Project(msgspec.Struct, gc=False):
    key: str = ""


class _Origin(msgspec.Struct, gc=False):
    """Its presence alone tells a fork."""


class _Repository(msgspec.Struct, gc=False):
    id: int
    slug: str
    project: _Project
    origin: _Origin | None = None
    archived: bool = False
    state: str = READABLE


class _Page(msgspec.Struct, rename="camel"):
    values: list[_Repository]
    limit: int
    is_last_page: bool
    next_page_start: int | None = None


class _AnyPage(msgspec.Struct):
    values: list[msgspec.Raw]


class _User(msgspec.Struct):
    name: str = ""
    slug: str = ""


class _Users(msgspec.Struct, rename="camel"):
    values: list[_User]
    is_last_page: bool
    next_page_start: int | None = None


class _Properties(msgspec.Struct):
    version: str = ""


def list_query(start: int, project: str) -> dict[str, str | int]:
    """Parameters of the page of repositories that begins at *start*.

    Archived ones are hidden unless asked for. Both filters exist since 8.0.

    Source: https://developer.atlassian.com/server/bitbucket/rest/ "Search for repositories"
    [documented, 2026-11-21]
    """
    query: dict[str, str | int] = {"archived": "ALL", "limit": PAGE_SIZE, "start": start}
    if project:
        query["projectkey"] = project
    return query


def probe_query(project: str = "", permission: str = "") -> dict[str, str | int]:
    """Parameters of the smallest question whether there is a repository, or one so permitted."""
    query: dict[str, str | int] = {"archived": "ALL", "limit": 1}
    if project:
        query["projectkey"] = project
    if permission:
        query["permission"] = permission
    return query


def to_stretch(reply: Reply, start: int, project: str) -> Stretch[Row]:
    """One page of repositories, of *project* alone where one is named.

    Raises:
        RemoteError: BAD_REPLY; not a page, or a repository without slug or project.
    """
    page = reply.decode(_Page)
    if any(not (item.slug and item.project.key) for item in page.values):
        raise RemoteError(
            reply.party,
            Fault.BAD_REPLY,
            f"{reply.party} lists a repository without slug or project",
            hint="run again; if it stays, the API has changed: report this",
        )
    rows = [_row(item) for item in page.values]
    if project:
        # A server that does not know the filter ignores it and lists every project.
        rows = [row for row in rows if row[1].project.lower() == project.lower()]
    after = page.next_page_start if page.next_page_start is not None else start
    return Stretch(rows, page.limit, None if page.is_last_page else after)


def _row(item: _Repository) -> Row:
    key = item.project.key
    repository = Repository(f"{key}/{item.slug}", key, item.origin is not None, item.archived)
    return str(item.id), repository, item.state


def has_values(reply: Reply) -> bool:
    """Whether a page holds anything.

    Raises:
        RemoteError: BAD_REPLY; not a page.
    """
    return bool(reply.decode(_AnyPage).values)


def user_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """Name and numeric id of whom an answer was given to; both empty for nobody.

    Source: ``X-AUSERNAME`` (percent-encoded) and ``X-AUSERID`` are on every answer to somebody who
    is let in [observed, 2026-11-21]
    """
    return unquote(headers.get("x-ausername", "")), headers.get("x-auserid", "")


def to_users(reply: Reply) -> tuple[Mapping[str, str], int | None]:
    """Slugs by user name of one page of users, and where the list goes on.

    Raises:
        RemoteError: BAD_REPLY; not a page of users.
    """
    page = reply.decode(_Users)
    slugs = {user.name: user.slug for user in page.values if user.name and user.slug}
    return slugs, None if page.is_last_page else page.next_page_start


def to_version(reply: Reply) -> str:
    """The version that ``application-properties`` names; empty when it names none.

    Raises:
        RemoteError: BAD_REPLY; not an object.
    """
    return reply.decode(_Properties).version


def version_remarks(version: str, today: date) -> tuple[str, ...]:
    """What is to be said of a version: that nobody supports it, or that nobody tried it here."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return ()
    line = (int(found[1]), int(found[2]))
    known = [known for known in SUPPORT_ENDS if known >= line]
    if not known:
        return ()
    end = SUPPORT_ENDS[min(known)]
    if line < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return (f"Bitbucket {version} is older than {oldest}, the oldest that was tried",)
    if end >= today:
        return ()
    when = f"on {end}" if line in SUPPORT_ENDS else f"before {end}"
    return (f"support of Bitbucket {version} ended {when}: upgrade it",)


def state_remarks(rows: Sequence[Row]) -> tuple[str, ...]:
    """What is to be said of repositories that nobody can read."""
    odd = sorted({f"{row[1].name} ({row[2].lower()})" for row in rows if row[2] != READABLE})
    if not odd:
        return ()
    named = ", ".join(odd[:5]) + (", …" if len(odd) > 5 else "")  # noqa: PLR2004  enough to look them up
    noun = "repository is" if len(odd) == 1 else "repositories are"
    return (f"{len(odd)} {noun} not available: {named}",)
