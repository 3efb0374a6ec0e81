"""The calls on grants: who holds what on a project or repository, directly.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Permission Management" [documented,
2026-11-21]: grants are given by query parameters without a body; nobody lowers (403) or takes away
(409) the own right. That a token cannot change grants is reported by a user of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from starlette.responses import Response

from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import Project, Repository
from reconciler.sandbox.data_center.levels import PROJECT, REPO, Level, parse
from reconciler.sandbox.data_center.rights import GROUP, USER, Shown, Subject

Thing: TypeAlias = Project | Repository


class PermissionCalls:
    """The calls on the grants of projects, or of repositories."""

    def __init__(self, find: Callable[[Ask], Thing], part: str) -> None:
        self._find = find
        self._part = part

    def users(self, ask: Ask) -> Response:
        """``GET …/permissions/users``: direct grants only."""
        return self._list(ask, USER)

    def groups(self, ask: Ask) -> Response:
        """``GET …/permissions/groups``: direct grants only."""
        return self._list(ask, GROUP)

    def search(self, ask: Ask) -> Response:
        """``GET …/permissions/search``: the direct grants of users and groups together."""
        return self._list(ask, USER, GROUP)

    def put_user(self, ask: Ask) -> Response:
        """``PUT …/permissions/users?name=&permission=``: 204; every name must exist."""
        return self._put(ask, USER)

    def put_group(self, ask: Ask) -> Response:
        """``PUT …/permissions/groups?name=&permission=``: 204."""
        return self._put(ask, GROUP)

    def delete_user(self, ask: Ask) -> Response:
        """``DELETE …/permissions/users?name=``: 204."""
        return self._delete(ask, USER)

    def delete_group(self, ask: Ask) -> Response:
        """``DELETE …/permissions/groups?name=``: 204."""
        return self._delete(ask, GROUP)

    def get_default(self, ask: Ask) -> Response:
        """``GET …/permissions/{permission}/all``: whether every licensed user holds it."""
        found, level = self._find(ask), self._level(ask.param("permission"))
        held = ask.instance.grants.defaults.get(found.id, Level.NONE)
        return wire.reply({"permitted": held >= level})

    def set_default(self, ask: Ask) -> Response:
        """``POST …/permissions/{permission}/all?allow=``: 204."""
        found, level = self._writable(ask), self._level(ask.param("permission"))
        is_allowed = ask.params.get("allow") == "true"
        ask.instance.grants.defaults[found.id] = level if is_allowed else Level.NONE
        ask.instance.estate.version += 1
        return wire.empty()

    def _list(self, ask: Ask, *kinds: str) -> Response:
        found = self._find(ask)
        text = (ask.params.get("filter") or ask.params.get("filterText") or "").lower()
        rows = [
            (subject, level)
            for subject, level in tuple(ask.instance.grants.on(found).items())
            if subject[0] in kinds and text in subject[1].lower()
        ]

        def view(row: tuple[Subject, Level]) -> dict[str, Any]:
            return {**_subject(ask, row[0]), "permission": row[1].of(self._part)}

        return ask.page(rows, view)

    def _level(self, permission: str) -> Level:
        level = parse(permission, self._part)
        if level is None:
            raise wire.bad("permission", f"{permission} is not a valid permission here.")
        return level

    def _writable(self, ask: Ask) -> Thing:
        if ask.caller.shown is Shown.TOKEN:
            raise wire.no_right()
        return self._find(ask)

    def _put(self, ask: Ask, kind: str) -> Response:
        found = self._writable(ask)
        level = self._level(ask.params.get("permission", ""))
        names = ask.request.query_params.getlist("name")
        for name in names:
            _demand_subject(ask, kind, name)
        for name in names:
            self._change(ask, found, (kind, name), level)
        return wire.empty()

    def _delete(self, ask: Ask, kind: str) -> Response:
        found, name = self._writable(ask), ask.params.get("name", "")
        _demand_subject(ask, kind, name)
        self._change(ask, found, (kind, name), None)
        return wire.empty()

    def _change(self, ask: Ask, thing: Thing, subject: Subject, level: Level | None) -> None:
        """Put the grant, and take it back if it cost the caller the right to do so."""
        before = ask.instance.grants.on(thing).get(subject)
        ask.instance.set_grant(thing, subject, level)
        if ask.sight.of(thing) >= Level.ADMIN:
            return
        ask.instance.set_grant(thing, subject, before)
        if level is None:
            raise wire.refuse(409, "You cannot revoke your own permission.", wire.INTEGRITY)
        raise wire.refuse(403, "You cannot reduce your own permission.")


def _subject(ask: Ask, subject: Subject) -> dict[str, Any]:
    kind, name = subject
    if kind == USER:
        return {"user": ask.api.views.user(ask.instance.estate.users[name])}
    return {"group": {"name": name}}


def _demand_subject(ask: Ask, kind: str, name: str) -> None:
    if kind == USER and name not in ask.instance.estate.users:
        raise wire.no_user(name)
    if kind == GROUP and name not in ask.instance.estate.groups:
        raise wire.refuse(404, f"Group {name} does not exist.", wire.NO_ENTITY)


AT_PROJECT = PermissionCalls(lambda ask: ask.project(Level.ADMIN), PROJECT)
AT_REPOSITORY = PermissionCalls(lambda ask: ask.repository(Level.ADMIN), REPO)
