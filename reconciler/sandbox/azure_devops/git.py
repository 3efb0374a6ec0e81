"""Git repositories over HTTP.

Source: https://learn.microsoft.com/rest/api/azure/devops/git/repositories [documented,
2026-11-21]. That the list has no pages and that disabled repositories are in it is observed.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from reconciler.errors import UsageError
from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, inner, listed, nothing
from reconciler.sandbox.azure_devops.estate import Project, Repository

_READ = ("vso.code",)
_MANAGE = ("vso.code_manage",)
_OPTIONS = ("includeLinks", "includeAllUrls", "includeHidden")


def repositories(ask: Ask) -> Response:
    """``GET git/repositories`` of a project or of the organization: everything at once."""
    homes = _homes(ask)
    if not any(ask.flag(name) for name in _OPTIONS):
        is_whole = ask.project is None and ask.caller.sees is None
        return ask.encoded(ask.views.repositories(homes, is_whole=is_whole))
    estate = ask.organization.estate
    shown = [
        _with_options(ask, repository, project)
        for project in homes
        for repository in estate.live(project.id, hidden=ask.flag("includeHidden"))
    ]
    return ask.reply({"value": shown, "count": len(shown)})


def _homes(ask: Ask) -> tuple[Project, ...]:
    if ask.project is not None:
        return (ask.project,)
    every = ask.organization.estate.visible(ask.caller.sees)
    return tuple(project for project in every if project.state == "wellFormed")


def _with_options(ask: Ask, repository: Repository, project: Project) -> dict[str, Any]:
    shown = ask.views.repository(repository, project)
    if ask.flag("includeLinks"):
        shown = ask.views.whole_repository(repository, project)
    if ask.flag("includeAllUrls"):
        shown["validRemoteUrls"] = [shown["remoteUrl"], shown["sshUrl"]]
    return shown


def repository(ask: Ask) -> Response:
    """``GET git/repositories/{repository}`` by guid, or by name within a project."""
    found, home = ask.repository()
    shown = ask.views.whole_repository(found, home)
    if ask.flag("includeParent") and found.parent:
        parent = ask.organization.estate.find_repository(found.parent, None)
        if parent is not None:
            project = ask.organization.estate.projects[parent.project]
            shown["parentRepository"] = ask.views.repository(parent, project)
    return ask.reply(shown)


def create(ask: Ask) -> Response:
    """``POST git/repositories``: 201; the organization's path wants ``project.id`` in the body."""
    body = ask.json()
    home = ask.project
    if home is None:
        home = ask.see_project(str(inner(body, "project").get("id", "")))
    name = _name(body)
    parent = str(inner(body, "parentRepository").get("id", ""))
    try:
        made = ask.organization.create_repository(home.id, name, branch="", size=0, parent=parent)
    except UsageError:
        raise _taken(name) from None
    return ask.reply(ask.views.whole_repository(made, home), 201)


def update(ask: Ask) -> Response:
    """``PATCH git/repositories/{repository}``: rename, disable, enable."""
    found, home = ask.repository()
    body = ask.json()
    if "name" in body:
        name = _name(body)
        try:
            found = ask.organization.rename_repository(home.id, found.id, name)
        except UsageError:
            raise _taken(name) from None
    if "isDisabled" in body:
        found = ask.organization.disable_repository(
            home.id, found.id, is_disabled=body["isDisabled"] is True
        )
    return ask.reply(ask.views.whole_repository(found, home))


def delete(ask: Ask) -> Response:
    """``DELETE git/repositories/{repository}``: 204, into the recycle bin."""
    found, home = ask.repository()
    ask.organization.delete_repository(home.id, found.id, by=ask.caller.id)
    return nothing()


def _name(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise faces.bad_argument("The repository name is missing.")
    return name


def _taken(name: str) -> RefusedError:
    return faces.refuse(
        409,
        "GitRepositoryNameAlreadyExistsException",
        f"TF400948: A Git repository with the name {name} already exists.",
    )


def refs(ask: Ask) -> Response:
    """``GET git/repositories/{repository}/refs``: 404 for a disabled one, as if it were gone."""
    found, home = ask.repository()
    if found.is_disabled:
        raise faces.no_repository(ask.params["repository"])
    shown = []
    if found.branch:
        address = ask.views.repository(found, home)["url"]
        name = f"refs/heads/{found.branch}"
        shown.append(
            {
                "name": name,
                "objectId": found.id.replace("-", "") + "00000000",
                "creator": ask.views.identity(next(iter(ask.organization.estate.users.values()))),
                "url": f"{address}/refs?filter=heads%2F{found.branch}",
            }
        )
    return ask.reply({"value": shown, "count": len(shown)})


def recycle_bin(ask: Ask) -> Response:
    """``GET git/recycleBin/repositories``; ``git/deletedrepositories`` answers the same here."""
    home = ask.home()
    deleted = [
        ask.views.deleted_repository(repository, home)
        for repository in ask.organization.estate.repositories[home.id].values()
        if repository.deleted_at is not None
    ]
    return ask.reply(listed(deleted))


def _binned(ask: Ask) -> tuple[Repository, Project]:
    home, name = ask.home(), ask.params["repository"]
    found = ask.organization.estate.repositories[home.id].get(name.lower())
    if found is None or found.deleted_at is None:
        raise faces.no_repository(name)
    return found, home


def restore(ask: Ask) -> Response:
    """``PATCH git/recycleBin/repositories/{repository}`` with ``deleted: false``."""
    found, home = _binned(ask)
    if ask.json().get("deleted") is not False:
        raise faces.bad_argument("deleted must be false.")
    try:
        restored = ask.organization.restore_repository(home.id, found.id)
    except UsageError:
        raise _taken(found.name) from None
    return ask.reply(ask.views.repository(restored, home))


def purge(ask: Ask) -> Response:
    """``DELETE git/recycleBin/repositories/{repository}``: gone for good."""
    found, _ = _binned(ask)
    ask.organization.estate.purge_repository(found)
    return nothing()


RESOURCES = (
    Resource(
        "225f7195-f9c7-4d14-ab28-a83f7ff77e1f",
        "git",
        "repositories",
        "{project}/_apis/{area}/{resource}/{repositoryId}",
        {
            "git/repositories": {
                "GET": Operation(repositories, _READ),
                "POST": Operation(create, _MANAGE),
            },
            "git/repositories/{repository}": {
                "GET": Operation(repository, _READ),
                "PATCH": Operation(update, _MANAGE),
                "DELETE": Operation(delete, _MANAGE),
            },
        },
        revision=2,
    ),
    Resource(
        "2d874a60-a811-4f62-9c9f-963a6ea0a55b",
        "git",
        "refs",
        "{project}/_apis/{area}/repositories/{repositoryId}/{resource}",
        {"git/repositories/{repository}/refs": {"GET": Operation(refs, _READ)}},
        revision=2,
    ),
    Resource(
        "a663da97-81db-4eb3-8b83-287670f63073",
        "git",
        "repositories",
        "{project}/_apis/{area}/recycleBin/{resource}/{repositoryId}",
        {
            "git/recycleBin/repositories": {"GET": Operation(recycle_bin, _READ)},
            "git/recycleBin/repositories/{repository}": {
                "PATCH": Operation(restore, _MANAGE),
                "DELETE": Operation(purge, _MANAGE),
            },
        },
    ),
    Resource(
        "2b6869c4-cb25-42b5-b7a3-0d3e6be0a11a",
        "git",
        "deletedrepositories",
        "{project}/_apis/{area}/{resource}",
        {"git/deletedrepositories": {"GET": Operation(recycle_bin, _READ)}},
    ),
)
