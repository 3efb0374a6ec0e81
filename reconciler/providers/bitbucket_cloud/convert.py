"""Bitbucket Cloud's JSON ↔ our model. Pure.

Field names: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/
[documented, 2026-11-21]; ``slug`` is returned although the schema lacks it [observed].
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Listing, Repository
from reconciler.providers.bitbucket_cloud.limits import PAGE_SIZE
from reconciler.transport.pages import Page
from reconciler.transport.reply import Reply

_FIELDS = "size,page,pagelen,next,values.uuid,values.slug,values.project.key,values.parent.uuid"
"""Whoever names fields must name those of the page as well, or its links are lost."""


class _Key(msgspec.Struct, gc=False):
    key: str | None = ""


class _Parent(msgspec.Struct, gc=False):
    """Its presence alone tells a fork."""


class _Repository(msgspec.Struct, gc=False):
    uuid: str = ""
    slug: str = ""
    project: _Key | None = None
    parent: _Parent | None = None


class _Page(msgspec.Struct):
    values: list[_Repository]
    size: int | None = None
    next: str | None = None


class _User(msgspec.Struct):
    uuid: str = ""
    account_id: str = ""
    nickname: str | None = None
    display_name: str | None = None
    username: str | None = None
    type: str = ""


def list_path(workspace: str) -> str:
    """The path of a workspace's repositories; a uuid in braces is encoded."""
    return f"/repositories/{quote(workspace, safe='')}"


def list_query(projects: Sequence[str], number: int) -> dict[str, str | int]:
    """Parameters of one page of repositories.

    Sorted by ``created_on``: it never changes, and a repository made meanwhile comes last. Several
    projects are one query (``IN``), not one listing each.

    Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#filtering [documented,
    2026-11-21]; that numbered pages may be read in any order is assumed from "random access".
    """
    query: dict[str, str | int] = {
        "pagelen": PAGE_SIZE,
        "sort": "created_on",
        "fields": _FIELDS,
        "page": number,
    }
    if projects:
        query["q"] = _in_projects(projects)
    return query


def reach_query(projects: Sequence[str]) -> dict[str, str | int]:
    """Parameters of the smallest question that shows whether the account can be read."""
    query: dict[str, str | int] = {"pagelen": 1, "fields": "size,values.uuid,values.slug"}
    if projects:
        query["q"] = _in_projects(projects)
    return query


def _in_projects(projects: Sequence[str]) -> str:
    quoted = [_quoted(key) for key in projects]
    if len(quoted) == 1:
        return f"project.key = {quoted[0]}"
    return f"project.key IN ({', '.join(quoted)})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def page_number(link: str) -> int | None:
    """The number in a page's link; None where the list is not numbered."""
    found = parse_qs(urlsplit(link).query).get("page", [""])[0]
    return int(found) if found.isascii() and found.isdigit() else None


def to_page(reply: Reply) -> Page[tuple[str, Repository]]:
    """One page of repositories as (id, repository) pairs.

    Bitbucket Cloud has no archived state, so that nothing is ever archived.

    Raises:
        RemoteError: BAD_REPLY; not a page, or a repository without ``uuid`` or ``slug``.
    """
    page = reply.decode(_Page)
    if any(not (item.uuid and item.slug) for item in page.values):
        raise RemoteError(
            reply.party,
            Fault.BAD_REPLY,
            f"{reply.party} lists a repository without uuid or slug",
            hint="run again; if it stays, the API has changed: report this",
        )
    return Page(
        items=[
            (
                item.uuid,
                Repository(
                    item.slug,
                    (item.project.key or "") if item.project else "",
                    item.parent is not None,
                ),
            )
            for item in page.values
        ],
        size=page.size,
        next=page.next or "",
    )


def to_listing(pages: Sequence[Page[tuple[str, Repository]]], gap: str) -> Listing:
    """The listing that *pages* make, with the proof that it is complete or what speaks against.

    Args:
        pages: those that were read, in order; at least one.
        gap: what could not be read, in words; empty when the last page was reached.
    """
    repositories: dict[str, Repository] = {}
    rows = 0
    for page in pages:
        repositories.update(page.items)
        rows += len(page.items)
    first, last = pages[0].size, pages[-1].size
    if not gap and first != last:
        gap = f"the workspace changed while it was read: {first} repositories, then {last}"
    elif not gap and first is not None and len(repositories) != first:
        gap = (
            f"{len(repositories)} repositories were read in {rows} rows, "
            f"but the workspace counts {first}"
        )
    return Listing(
        repositories=repositories,
        complete=not gap,
        gap=gap,
        expected=last if last is not None else first,
        pages=len(pages),
    )


def to_identity(reply: Reply) -> tuple[str, str]:
    """Stable id and readable name of whom ``GET /user`` describes.

    Raises:
        RemoteError: BAD_REPLY; not a user.
    """
    user = reply.decode(_User)
    identity = user.uuid or user.account_id
    if not identity:
        raise RemoteError(
            reply.party,
            Fault.BAD_REPLY,
            f"{reply.party} describes a user without uuid or account_id",
            hint="run again; if it stays, the API has changed: report this",
        )
    return identity, user.username or user.nickname or user.display_name or identity


def to_scopes(header: str | None) -> frozenset[str] | None:
    """Scopes from ``X-OAuth-Scopes`` (commas) or a token answer (spaces); None when not said."""
    if header is None:
        return None
    return frozenset(header.replace(",", " ").split())
