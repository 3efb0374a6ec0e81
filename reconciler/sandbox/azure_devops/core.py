"""Projects and queued operations over HTTP.

Source: https://learn.microsoft.com/rest/api/azure/devops/core/projects [documented, 2026-11-21].
That the next page's token is a header and counts what was fetched is observed by the official
Go client and others.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from reconciler.errors import UsageError
from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, inner, listed
from reconciler.sandbox.azure_devops.estate import Operation as Queued
from reconciler.sandbox.azure_devops.estate import Project

_READ = ("vso.profile", "vso.project")
_MANAGE = ("vso.project_manage",)
_STATES = ("deleting", "new", "wellformed", "createpending", "all", "unchanged", "deleted")


def projects(ask: Ask) -> Response:
    """``GET projects``: one page."""
    state = ask.query("stateFilter", "wellFormed").lower()
    if state not in _STATES:
        raise faces.bad_argument(f"The state filter {state[:20]} is not valid.")
    found = [
        project
        for project in ask.organization.estate.visible(ask.caller.sees)
        if state in ("all", project.state.lower())
    ]
    size = ask.number("$top", ask.organization.knobs.project_page_size)
    start = ask.number("continuationToken", 0) + ask.number("$skip", 0)
    page = found[start : start + size]
    more = start + len(page) < len(found) and bool(page)
    headers = {"x-ms-continuationtoken": str(start + len(page))} if more else None
    return ask.reply(listed([ask.views.project(p) for p in page]), headers=headers)


def project(ask: Ask) -> Response:
    """``GET projects/{project}``; a former name needs ``includeHistory``."""
    found = ask.see_project(ask.params["project"], former=ask.flag("includeHistory"))
    shown = ask.views.whole_project(found, capabilities=ask.flag("includeCapabilities"))
    return ask.reply(shown)


def create(ask: Ask) -> Response:
    """``POST projects``: 202; the project is ``createPending`` until the operation succeeds."""
    body = ask.json()
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise faces.bad_argument("The project name is missing.")
    control = inner(body, "capabilities", "versioncontrol").get("sourceControlType", "Git")
    is_tfvc = str(control).lower() == "tfvc"
    try:
        made = ask.organization.create_project(
            name, tfvc=is_tfvc, git=not is_tfvc, state="createPending"
        )
    except UsageError:
        raise faces.refuse(
            400,
            "ProjectAlreadyExistsException",
            f"TF200019: The following project already exists: {name}.",
        ) from None
    if not is_tfvc:
        ask.organization.create_repository(made.id, name, branch="", size=0)
    made = ask.organization.change_project(
        made, description=str(body.get("description") or ""), state="createPending"
    )
    return _queued(ask)


def update(ask: Ask) -> Response:
    """``PATCH projects/{project}``: rename, describe, or restore; 202."""
    body, key = ask.json(), ask.params["project"]
    if body.get("state") == "wellFormed":
        deleted = ask.organization.estate.projects.get(key.lower())
        if deleted is not None and deleted.state == "deleted":
            if ask.organization.estate.find_project(deleted.name, former=False) is not None:
                raise faces.bad_argument("The project name is taken.")
            ask.organization.change_project(deleted, state="wellFormed")
            return _queued(ask)
    found = ask.see_project(key)
    if "name" in body:
        try:
            found = ask.organization.rename_project(found.id, str(body["name"]))
        except UsageError:
            raise faces.bad_argument("The project name is taken.") from None
    if "description" in body:
        ask.organization.change_project(found, description=str(body["description"] or ""))
    return _queued(ask)


def delete(ask: Ask) -> Response:
    """``DELETE projects/{project}``: 202."""
    found = ask.organization.estate.projects.get(ask.params["project"].lower())
    if found is None or found.state == "deleted":
        raise faces.no_project(ask.params["project"])
    ask.organization.delete_project(found.id)
    return _queued(ask)


def _queued(ask: Ask) -> Response:
    made = ask.organization.queue(ask.organization.knobs.operation_polls)
    return ask.reply({**_shown(ask, made), "status": "notSet"}, 202)


def _shown(ask: Ask, queued: Queued) -> dict[str, object]:
    return {"id": queued.id, "url": f"{ask.views.root}/_apis/operations/{queued.id}"}


def operation(ask: Ask) -> Response:
    """``GET operations/{operation}``: ``inProgress`` so many times, then ``succeeded``."""
    estate = ask.organization.estate
    found = estate.operations.get(ask.params["operation"].lower())
    if found is None:
        raise faces.refuse(404, "OperationNotFoundException", "The operation was not found.")
    if found.polls_left > 0:
        estate.operations[found.id] = replace(found, polls_left=found.polls_left - 1)
        return ask.reply({**_shown(ask, found), "status": "inProgress"})
    for pending in [p for p in estate.projects.values() if p.state == "createPending"]:
        _finish(ask, pending)
    return ask.reply({**_shown(ask, found), "status": "succeeded"})


def _finish(ask: Ask, pending: Project) -> None:
    ask.organization.change_project(pending, state="wellFormed")


RESOURCES = (
    Resource(
        "603fe2ac-9723-48b9-88ad-09305aa6c6e1",
        "core",
        "projects",
        "_apis/{resource}/{*projectId}",
        {
            "projects": {"GET": Operation(projects, _READ), "POST": Operation(create, _MANAGE)},
            "projects/{project}": {
                "GET": Operation(project, _READ),
                "PATCH": Operation(update, _MANAGE),
                "DELETE": Operation(delete, _MANAGE),
            },
        },
        revision=4,
    ),
    Resource(
        "9a1b74b4-2ca8-4a9f-8470-c2f2e6fdc949",
        "operations",
        "operations",
        "_apis/{resource}/{operationId}",
        {"operations/{operation}": {"GET": Operation(operation, _READ)}},
    ),
)
