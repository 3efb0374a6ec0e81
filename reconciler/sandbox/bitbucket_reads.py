"""Bitbucket Cloud's reading operations: identity, workspaces, projects, repositories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.responses import Response

from reconciler.sandbox import answers
from reconciler.sandbox.api import Ask, refuse_closed
from reconciler.sandbox.bitbucket import may_see
from reconciler.sandbox.estate import Project, Repository, User, Workspace
from reconciler.sandbox.paging import Page, page_of, read_ask, select
from reconciler.sandbox.query import Fields

Item = TypeVar("Item")
Fetch = Callable[[Item], Any]

REPOSITORY_FIELDS: Fields[Repository] = {
    "uuid": lambda r: r.uuid,
    "name": lambda r: r.name,
    "slug": lambda r: r.slug,
    "full_name": lambda r: r.slug,
    "project.key": lambda r: r.project,
    "created_on": lambda r: r.created_on,
    "updated_on": lambda r: r.updated_on,
    "is_private": lambda r: r.is_private,
    "language": lambda r: r.language,
    "size": lambda r: r.size,
    "description": lambda r: r.description,
    "parent": lambda r: r.parent or None,
    "mainbranch.name": lambda r: r.main_branch or None,
}
_PROJECT_FIELDS: Fields[Project] = {
    "uuid": lambda p: p.uuid,
    "key": lambda p: p.key,
    "name": lambda p: p.name,
    "created_on": lambda p: p.created_on,
}
_WORKSPACE_FIELDS: Fields[Workspace] = {
    "slug": lambda w: w.slug,
    "workspace.slug": lambda w: w.slug,
}
_ROLES = ("member", "contributor", "admin", "owner")
NO_USER = "This resource does not support authentication using the provided token"


def user(ask: Ask) -> Response:
    """``GET /user``. Access tokens have no user and get 403 [recorded; the text is assumed]."""
    caller = ask.caller
    if caller.user is not None:
        return answers.answer(ask.api.views.user(caller.user, is_self=True))
    credential = caller.credential
    if credential is None or not credential.consumer:
        raise answers.refuse(403, NO_USER)
    return answers.answer(ask.api.views.app_user(caller, credential.name))


def emails(ask: Ask) -> Response:
    """``GET /user/emails``."""
    person = ask.caller.user
    if person is None:
        raise answers.refuse(403, NO_USER)
    view = {
        "type": "email",
        "email": person.email,
        "is_primary": True,
        "is_confirmed": True,
        "links": {"self": {"href": f"{ask.place}/{person.email}"}},
    }
    return _page(ask, [view], dict, {})


def my_workspaces(ask: Ask) -> Response:
    """``GET /user/workspaces``."""
    credential = ask.caller.credential
    if credential is None or credential.type.is_access_token:
        raise answers.refuse(403, NO_USER)
    found = list(ask.api.bitbucket.workspaces_of(credential))
    wanted = ask.request.query_params.get("administrator")
    if wanted is not None:
        found = [w for w in found if ask.caller.is_owner_of(w) is (wanted.lower() == "true")]

    def view(workspace: Workspace) -> dict[str, Any]:
        is_administrator = ask.caller.is_owner_of(workspace)
        return ask.api.views.workspace_access(workspace, is_administrator=is_administrator)

    return _page(ask, found, view, _WORKSPACE_FIELDS, default=25)


def my_permission(ask: Ask) -> Response:
    """``GET /user/workspaces/{workspace}/permission``. The text of the 403 is assumed."""
    home, person = ask.workspace(), ask.caller.user
    if person is None or not ask.caller.reaches(home):
        raise answers.refuse(403, "You do not have access to this workspace.")
    return answers.answer(ask.api.views.membership(home, person))


def workspace(ask: Ask) -> Response:
    """``GET /workspaces/{workspace}``; private ones do not exist for strangers."""
    return answers.answer(ask.api.views.workspace(reached(ask)))


def reached(ask: Ask) -> Workspace:
    """The workspace of the path, 404 unless the caller reaches it."""
    home = ask.workspace()
    if not ask.caller.reaches(home):
        raise answers.no_workspace(ask.param("workspace"))
    return home


def members(ask: Ask) -> Response:
    """``GET /workspaces/{workspace}/members``; e-mails only for its administrators."""
    home = reached(ask)
    people = [ask.api.bitbucket.estate.users[uuid] for uuid in home.members]
    fields: dict[str, Callable[[User], Any]] = {
        "user.uuid": lambda u: u.uuid,
        "user.account_id": lambda u: u.account_id,
        "user.nickname": lambda u: u.nickname,
        "permission": lambda u: home.members.get(u.uuid),
    }
    may_see_emails = ask.caller.is_owner_of(home)
    if may_see_emails:
        fields["user.email"] = lambda u: u.email
    shown = read_ask(ask.request.query_params).fields.names("values.user.email")

    def view(person: User) -> dict[str, Any]:
        return ask.api.views.membership(home, person, with_email=shown and may_see_emails)

    return _page(ask, people, view, fields)


def projects(ask: Ask) -> Response:
    """``GET /workspaces/{workspace}/projects``."""
    home = reached(ask)
    found = ask.api.bitbucket.estate.projects(home)
    return _page(ask, found, lambda p: ask.api.views.project(p, home), _PROJECT_FIELDS)


def project(ask: Ask) -> Response:
    """``GET /workspaces/{workspace}/projects/{key}``. The text of the 404 is assumed."""
    home = reached(ask)
    found = ask.api.bitbucket.estate.find_project(home, ask.param("key"))
    if found is None:
        raise answers.refuse(404, f"No project with identifier '{ask.param('key')}'.")
    return answers.answer(ask.api.views.project(found, home))


def repository(ask: Ask) -> Response:
    """``GET /repositories/{workspace}/{slug}``."""
    shape = read_ask(ask.request.query_params).fields
    return answers.answer(shape.apply(ask.api.views.repository(ask.repository())))


def repositories(ask: Ask) -> Response:
    """``GET /repositories/{workspace}``; a caller from elsewhere sees what is public [assumed]."""
    home = ask.workspace()
    refuse_closed(home)
    reaches = ask.caller.reaches(home)
    view = ask.caller.view if reaches else ("public",)
    version = ask.api.bitbucket.estate.version
    query: bytes = ask.request.scope["query_string"]
    role = _role(ask, home)
    hide_size = ask.api.sandbox.switches.hide_size
    key = (ask.place, query, version, view, role, hide_size)
    page = ask.api.cache.page(key, lambda: _repository_page(ask, home, (view, role)))
    if ask.request.headers.get("if-none-match") == page.etag:
        return Response(status_code=304, headers={"ETag": page.etag})
    return Response(page.body, headers={"ETag": page.etag}, media_type="application/json")


def _role(ask: Ask, home: Workspace) -> str:
    """``role`` as far as it matters: relative to the calling user, tokens have all [assumed]."""
    wanted = ask.request.query_params.get("role", "")
    if wanted and wanted not in _ROLES:
        raise answers.refuse(400, "Invalid role")
    is_demanding = wanted in ("admin", "owner")
    return "none" if is_demanding and not ask.caller.is_owner_of(home) else ""


def _repository_page(ask: Ask, home: Workspace, kind: tuple[tuple[str, ...], str]) -> Page:
    asked = read_ask(ask.request.query_params)
    estate = ask.api.bitbucket.estate

    def build() -> list[Repository]:
        if kind[1]:
            return []
        every = estate.repositories(home)
        is_all = kind[0] == ("all",)
        mine = every if is_all else [r for r in every if _shown(ask, r, kind[0])]
        return list(select(mine, asked, REPOSITORY_FIELDS))

    key = (home.uuid, estate.version, asked.query, asked.sort, kind)
    found = ask.api.cache.selection(key, build)
    hide_size = ask.api.sandbox.switches.hide_size
    return page_of(found, asked, ask.place, ask.api.views.repository, hide_size=hide_size)


def _shown(ask: Ask, found: Repository, view: tuple[str, ...]) -> bool:
    if view == ("public",):
        return not found.is_private
    return ask.caller.credential is not None and may_see(ask.caller.credential, found)


def _page(
    ask: Ask,
    items: list[Item] | tuple[Item, ...],
    view: Callable[[Item], dict[str, Any]],
    fields: Fields[Item],
    *,
    default: int = 10,
) -> Response:
    asked = read_ask(ask.request.query_params, default=default)
    found = select(items, asked, fields)
    hide_size = ask.api.sandbox.switches.hide_size
    page = page_of(found, asked, ask.place, view, hide_size=hide_size)
    return Response(page.body, media_type="application/json")


def paged(ask: Ask, items: list[Item], view: Callable[[Item], dict[str, Any]]) -> Response:
    """A list that can be neither filtered nor sorted."""
    return _page(ask, items, view, {})


def gone(ask: Ask) -> Response:
    """An operation that was removed."""
    del ask
    return answers.removed()
