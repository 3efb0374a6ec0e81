"""What Data Center lets be changed: projects and repositories.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Project" and "Repository"
[documented, 2026-11-21]: a moved or renamed repository answers 201; deleting one 202, and 204 when
it is not there. That a token creates no project is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from reconciler.errors import UsageError
from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import Project, Repository, slug_of
from reconciler.sandbox.data_center.levels import GLOBAL, Level
from reconciler.sandbox.data_center.reads import shown
from reconciler.sandbox.data_center.rights import Shown


def create_project(ask: Ask) -> Response:
    """``POST /projects``: 201."""
    rank = GLOBAL.index(ask.user.global_level)
    if ask.caller.shown is Shown.TOKEN or rank < GLOBAL.index("PROJECT_CREATE"):
        raise wire.no_right()
    body = ask.json()
    if not body.get("key"):
        message = "The project key must be specified when creating a project."
        raise wire.refuse(400, message, context="key")
    with _conflicts():
        made = ask.instance.create_project(
            str(body["key"]), str(body.get("name", "")), public=bool(body.get("public"))
        )
    made = ask.instance.estate.put_project(
        replace(made, description=str(body.get("description") or ""))
    )
    return wire.reply(ask.api.views.project(made), 201)


def update_project(ask: Ask) -> Response:
    """``PUT /projects/{key}``: 200, or 201 when the key has changed."""
    found, body = ask.project(Level.ADMIN), ask.json()
    key = str(body.get("key", found.key)).upper()
    if key != found.key and ask.instance.estate.find_project(key) is not None:
        raise wire.refuse(409, f"The project key {key} is already in use.", wire.INTEGRITY, "key")
    changed = ask.instance.estate.put_project(
        replace(
            found,
            key=key,
            name=str(body.get("name", found.name)),
            description=str(body.get("description", found.description)),
            is_public=bool(body.get("public", found.is_public)),
        )
    )
    return wire.reply(ask.api.views.project(changed), 200 if key == found.key else 201)


def delete_project(ask: Ask) -> Response:
    """``DELETE /projects/{key}``: 204; 409 while it has repositories."""
    found = ask.project(Level.ADMIN)
    with _conflicts():
        ask.instance.estate.delete_project(found)
    return wire.empty()


def create_repository(ask: Ask) -> Response:
    """``POST /projects/{key}/repos``: 201."""
    home, body = ask.project(Level.ADMIN), ask.json()
    if not isinstance(body.get("name"), str) or not slug_of(body["name"]):
        raise wire.bad("name", "The repository name must be specified.")
    with _conflicts():
        made = ask.instance.create_repository(
            home.key, body["name"], public=bool(body.get("public"))
        )
    return shown(ask, made, 201)


def fork_repository(ask: Ask) -> Response:
    """``POST …/repos/{slug}``: a fork, by default in the caller's personal project; 201."""
    origin, body = ask.repository(), ask.json()
    estate = ask.instance.estate
    key = _key_in(body) or f"~{ask.user.slug}".upper()
    home = estate.find_project(key)
    if home is None:
        raise wire.no_project(key)
    if ask.sight.project(home) < Level.ADMIN:
        raise wire.no_right()
    parent = f"{estate.projects[origin.project].key}/{origin.slug}"
    with _conflicts():
        made = ask.instance.create_repository(
            home.key, str(body.get("name", origin.name)), fork_of=parent
        )
    return shown(ask, made, 201)


def update_repository(ask: Ask) -> Response:
    """``PUT …/repos/{slug}``: rename, move, archive, publish; 201. An archived one is closed."""
    found, body = ask.repository(Level.ADMIN), ask.json()
    if found.is_archived and body.get("archived") is not False:
        raise wire.refuse(409, "The repository is archived and cannot be modified.")
    home = _target(ask, found, body)
    name = str(body.get("name", found.name))
    if not slug_of(name):
        raise wire.bad("name", "The repository name must be specified.")
    changed = replace(
        found,
        name=name,
        slug=slug_of(name) if name != found.name else found.slug,
        project=home.id,
        description=str(body.get("description", found.description)),
        is_public=bool(body.get("public", found.is_public)),
        is_archived=bool(body.get("archived", found.is_archived)),
    )
    with _conflicts():
        return shown(ask, ask.instance.estate.put_repository(changed), 201)


def _target(ask: Ask, found: Repository, body: dict[str, Any]) -> Project:
    """The project that the body moves the repository to; its own when it says none."""
    estate = ask.instance.estate
    key = _key_in(body)
    if not key:
        return estate.projects[found.project]
    home = estate.find_project(key)
    if home is None:
        raise wire.no_project(key)
    if home.id != found.project and ask.sight.project(home) < Level.ADMIN:
        raise wire.no_right()
    return home


def _key_in(body: dict[str, Any]) -> str:
    project = body.get("project")
    return str(project.get("key", "")) if isinstance(project, dict) else ""


def delete_repository(ask: Ask) -> Response:
    """``DELETE …/repos/{slug}``: 202; 204 when there is none."""
    try:
        found = ask.repository(Level.ADMIN)
    except RefusedError as refusal:
        is_gone = refusal.response.status_code == wire.NOT_FOUND
        if is_gone and ask.instance.estate.find_project(ask.key) is not None:
            return wire.empty()
        raise
    ask.instance.discard(found)
    return wire.reply({"message": "Repository scheduled for deletion."}, 202)


@contextmanager
def _conflicts() -> Iterator[None]:
    """Turn a refusal of the estate into a 409."""
    try:
        yield
    except UsageError as error:
        raise wire.refuse(409, error.cause, wire.INTEGRITY) from error
