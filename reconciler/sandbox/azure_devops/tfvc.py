"""TFVC trees over HTTP: items, branches, changesets.

Source: https://learn.microsoft.com/rest/api/azure/devops/tfvc/ [documented, 2026-11-21]. That a
project without TFVC answers an empty list is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, listed
from reconciler.sandbox.azure_devops.estate import Project, TfvcItem
from reconciler.sandbox.azure_devops.views import iso

_READ = ("vso.code",)
_PAGE = 100
_DEPTHS = {"none": 0, "onelevel": 1, "onelevelplusnestedemptyfolders": 1, "full": 1000}


def items(ask: Ask) -> Response:
    """``GET tfvc/items``: what is at ``scopePath`` and, by ``recursionLevel``, below it."""
    scope = (ask.query("scopePath") or _root(ask)).rstrip("/")
    level = ask.query("recursionLevel", "none").lower()
    if level not in _DEPTHS:
        raise faces.bad_argument("recursionLevel is not valid.")
    found = [
        _item(ask, path, item)
        for path, item in _all(ask)
        if _is_within(path, scope, _DEPTHS[level])
    ]
    if not found and ask.project is not None and not ask.project.has_tfvc:
        return ask.reply(listed([]))
    if not found:
        raise _no_item(scope)
    return ask.reply(listed(found))


def item(ask: Ask) -> Response:
    """``GET tfvc/items/{path}``: what is known of one item."""
    sought = (ask.params.get("path") or ask.query("path")).rstrip("/")
    for path, found in _all(ask):
        if path.lower() == sought.lower():
            return ask.reply(_item(ask, path, found))
    raise _no_item(sought)


def items_or_item(ask: Ask) -> Response:
    """``GET tfvc/items``: one item with ``path``, else a list."""
    return item(ask) if ask.query("path") else items(ask)


def _no_item(path: str) -> RefusedError:
    return faces.refuse(
        404,
        "ItemNotFoundException",
        f"TF14098: {path or '$/'} does not exist or you do not have access.",
    )


def _root(ask: Ask) -> str:
    return f"$/{ask.project.name}" if ask.project else "$/"


def _projects(ask: Ask) -> tuple[Project, ...]:
    if ask.project is not None:
        return (ask.project,) if ask.project.has_tfvc else ()
    every = ask.organization.estate.visible(ask.caller.sees)
    return tuple(p for p in every if p.has_tfvc and p.state == "wellFormed")


def _all(ask: Ask) -> Iterator[tuple[str, TfvcItem]]:
    """Path and item of everything that is visible, the root of all trees first."""
    projects = _projects(ask)
    if ask.project is None:
        yield "$", TfvcItem("", 1, ask.organization.clock.now(), is_folder=True)
    for project in projects:
        for found in ask.organization.estate.trees[project.id]:
            yield f"$/{project.name}/{found.path}".rstrip("/"), found


def _is_within(path: str, scope: str, depth: int) -> bool:
    above, below = scope.lower(), path.lower()
    if below == above:
        return True
    return below.startswith(above + "/") and below[len(above) :].count("/") <= depth


def _item(ask: Ask, path: str, found: TfvcItem) -> dict[str, Any]:
    """Flags that are false are left out."""
    shown: dict[str, Any] = {
        "version": found.changeset,
        "changeDate": iso(found.changed_at),
        "path": "$/" if path == "$" else path,
    }
    if found.is_folder:
        shown["isFolder"] = True
    if found.is_branch:
        shown["isBranch"] = True
    if found.size:
        shown |= {"size": found.size, "hashValue": "CY9rzUYh03PK3k6DJie09g=="}
    shown["url"] = f"{ask.views.root}/_apis/tfvc/items/{quote(shown['path'], safe='/$')}"
    return shown


def branches(ask: Ask) -> Response:
    """``GET tfvc/branches``: may be empty though there is code."""
    return ask.reply(
        listed(
            [
                {
                    "path": path,
                    "owner": _somebody(ask),
                    "createdDate": iso(found.changed_at),
                    "url": f"{ask.views.root}/_apis/tfvc/branches/{quote(path)}",
                    "relatedBranches": [],
                    "mappings": [],
                }
                for path, found in _all(ask)
                if found.is_branch
            ]
        )
    )


def changesets(ask: Ask) -> Response:
    """``GET tfvc/changesets``: newest first; ``searchCriteria.itemPath`` limits them."""
    scope = (ask.query("searchCriteria.itemPath") or _root(ask)).rstrip("/")
    found = {i.changeset: i for path, i in _all(ask) if _is_within(path, scope, 1000)}
    newest = sorted(found, reverse=True)
    start = ask.number("$skip", 0)
    page = newest[start : start + ask.number("$top", _PAGE)]
    return ask.reply(
        listed(
            [
                {
                    "changesetId": number,
                    "url": f"{ask.views.root}/_apis/tfvc/changesets/{number}",
                    "author": _somebody(ask),
                    "checkedInBy": _somebody(ask),
                    "createdDate": iso(found[number].changed_at),
                    "comment": f"Change {number}",
                }
                for number in page
            ]
        )
    )


def _somebody(ask: Ask) -> dict[str, Any]:
    return ask.views.identity(next(iter(ask.organization.estate.users.values())))


RESOURCES = (
    Resource(
        "ba9fc436-9a38-4578-89d6-e4f3241f5040",
        "tfvc",
        "items",
        "{project}/_apis/{area}/{resource}/{*path}",
        {
            "tfvc/items": {"GET": Operation(items_or_item, _READ)},
            "tfvc/items/{*path}": {"GET": Operation(item, _READ)},
        },
    ),
    Resource(
        "bc1f417e-239d-42e7-85e1-76e80cb2d6eb",
        "tfvc",
        "branches",
        "{project}/_apis/{area}/{resource}/{*path}",
        {"tfvc/branches": {"GET": Operation(branches, _READ)}},
    ),
    Resource(
        "0bc8f0a4-6bfb-42a9-ba84-139da7b99c49",
        "tfvc",
        "changesets",
        "{project}/_apis/{area}/{resource}/{id}",
        {"tfvc/changesets": {"GET": Operation(changesets, _READ)}},
        revision=3,
    ),
)
