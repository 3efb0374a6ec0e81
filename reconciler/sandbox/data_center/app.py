"""Bitbucket Data Center's REST API below the context path ``/bitbucket``, as an ASGI application.

Source: https://developer.atlassian.com/server/bitbucket/rest/ [documented, 2026-11-21]. Served are
the operations that wiring a consumer touches; any other path answers 404 as the real one does.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from reconciler.sandbox.data_center import (
    admin_calls,
    hook_calls,
    oauth_calls,
    permission_calls,
    reads,
    token_calls,
    writes,
)
from reconciler.sandbox.data_center.api import CONTEXT, OPEN, PUBLIC, Api, Operation, endpoint
from reconciler.sandbox.data_center.doors import nowhere
from reconciler.sandbox.data_center.hook_calls import HookCalls
from reconciler.sandbox.data_center.instance import Instance
from reconciler.sandbox.data_center.permission_calls import PermissionCalls
from reconciler.sandbox.data_center.token_calls import TokenCalls
from reconciler.sandbox.state import Sandbox

PROJECT = "/projects/{key}"
REPOSITORY = "/projects/{key}/repos/{slug}"
PERSONAL = "/users/{user}/repos"

READS: dict[tuple[str, str], Operation] = {
    ("GET", "/application-properties"): Operation(reads.application_properties, OPEN),
    ("GET", "/repos"): Operation(reads.repositories, PUBLIC),
    ("GET", "/projects"): Operation(reads.projects, PUBLIC),
    ("GET", PROJECT): Operation(reads.project, PUBLIC),
    ("GET", f"{PROJECT}/repos"): Operation(reads.project_repositories, PUBLIC),
    ("GET", REPOSITORY): Operation(reads.repository, PUBLIC),
    ("GET", f"{REPOSITORY}/forks"): Operation(reads.forks, PUBLIC),
    ("GET", "/users"): Operation(reads.users),
    ("GET", "/users/{user}"): Operation(reads.user),
}


WRITES: dict[tuple[str, str], Operation] = {
    ("POST", "/projects"): Operation(writes.create_project),
    ("PUT", PROJECT): Operation(writes.update_project),
    ("DELETE", PROJECT): Operation(writes.delete_project),
    ("POST", f"{PROJECT}/repos"): Operation(writes.create_repository),
    ("POST", REPOSITORY): Operation(writes.fork_repository),
    ("PUT", REPOSITORY): Operation(writes.update_repository),
    ("DELETE", REPOSITORY): Operation(writes.delete_repository),
}

_RATES = "/admin/rate-limit/settings"
_RATE = f"{_RATES}/users/{{user}}"
ADMINISTRATION: dict[tuple[str, str], Operation] = {
    ("GET", "/groups"): Operation(admin_calls.groups),
    ("GET", "/admin/groups"): Operation(admin_calls.admin_groups),
    ("GET", "/admin/groups/more-members"): Operation(admin_calls.members),
    ("GET", "/admin/users"): Operation(admin_calls.users),
    ("GET", "/admin/permissions/users"): Operation(admin_calls.permitted_users),
    ("GET", "/admin/permissions/groups"): Operation(admin_calls.permitted_groups),
    ("DELETE", "/admin/users/captcha"): Operation(admin_calls.clear_captcha),
    ("GET", _RATES): Operation(admin_calls.get_rates),
    ("PUT", _RATES): Operation(admin_calls.put_rates),
    ("GET", _RATE): Operation(admin_calls.get_rate),
    ("PUT", _RATE): Operation(admin_calls.put_rate),
    ("DELETE", _RATE): Operation(admin_calls.delete_rate),
}


def _permissions(home: str, calls: PermissionCalls) -> dict[tuple[str, str], Operation]:
    place = f"{home}/permissions"
    every = f"{place}/{{permission}}/all"
    return {
        ("GET", f"{place}/users"): Operation(calls.users),
        ("PUT", f"{place}/users"): Operation(calls.put_user),
        ("DELETE", f"{place}/users"): Operation(calls.delete_user),
        ("GET", f"{place}/groups"): Operation(calls.groups),
        ("PUT", f"{place}/groups"): Operation(calls.put_group),
        ("DELETE", f"{place}/groups"): Operation(calls.delete_group),
        ("GET", f"{place}/search"): Operation(calls.search),
        **(
            {
                ("GET", every): Operation(calls.get_default),
                ("POST", every): Operation(calls.set_default),
            }
            if home == PROJECT
            else {}
        ),
    }


def _hooks(home: str, calls: HookCalls) -> dict[tuple[str, str], Operation]:
    place = f"{home}/webhooks"
    one = f"{place}/{{hook}}"
    return {
        ("GET", place): Operation(calls.list),
        ("POST", place): Operation(calls.create),
        ("POST", f"{place}/test"): Operation(calls.test),
        ("GET", one): Operation(calls.get),
        ("PUT", one): Operation(calls.update),
        ("DELETE", one): Operation(calls.delete),
        ("GET", f"{one}/latest"): Operation(calls.latest),
    }


def _personal(operations: dict[tuple[str, str], Operation]) -> dict[tuple[str, str], Operation]:
    """The same on repositories by their owner, with or without a tilde before the user's slug.

    Source: https://developer.atlassian.com/server/bitbucket/rest/ "Personal Repositories"
    [documented, 2026-11-21]; it writes the list with the tilde and forks without.
    """
    home = f"{PROJECT}/repos"
    return {
        (method, PERSONAL + path.removeprefix(home)): operation
        for (method, path), operation in operations.items()
        if path.startswith(home)
    }


def _tokens(home: str, calls: TokenCalls) -> dict[tuple[str, str], Operation]:
    one = f"{home}/{{token}}"
    return {
        ("GET", home): Operation(calls.list),
        ("PUT", home): Operation(calls.create),
        ("GET", one): Operation(calls.get),
        ("POST", one): Operation(calls.update),
        ("DELETE", one): Operation(calls.delete),
    }


_API: dict[tuple[str, str], Operation] = {
    **READS,
    **WRITES,
    **ADMINISTRATION,
    **_permissions(PROJECT, permission_calls.AT_PROJECT),
    **_permissions(REPOSITORY, permission_calls.AT_REPOSITORY),
    ("GET", f"{REPOSITORY}/webhooks/search"): Operation(hook_calls.search),
    **_hooks(PROJECT, hook_calls.AT_PROJECT),
    **_hooks(REPOSITORY, hook_calls.AT_REPOSITORY),
}

OPERATIONS: dict[str, dict[tuple[str, str], Operation]] = {
    "api": {**_API, **_personal(_API)},
    "access-tokens": {
        ("GET", "/admin"): Operation(token_calls.get_policy),
        ("PUT", "/admin"): Operation(token_calls.put_policy),
        ("DELETE", "/admin"): Operation(token_calls.delete_policy),
        **_tokens("/users/{user}", token_calls.AT_USER),
        **_tokens(REPOSITORY, token_calls.AT_REPOSITORY),
        **_tokens(PROJECT, token_calls.AT_PROJECT),
    },
    "basicauth": {
        ("GET", "/config"): Operation(admin_calls.get_basic),
        ("PUT", "/config"): Operation(admin_calls.put_basic),
    },
}
"""Every operation by method and path, below ``/rest/{name}/{version}``."""


def rest_app(sandbox: Sandbox, instance: Instance) -> Starlette:
    """The emulator, reading and changing *instance*."""
    api = Api(sandbox, instance)
    routes = [
        Route(
            f"{CONTEXT}/rest/{name}/{{version}}{path}",
            endpoint(api, operation),
            methods=[method],
        )
        for name, operations in OPERATIONS.items()
        for (method, path), operation in operations.items()
    ]
    oauth = [
        Route(f"{CONTEXT}/rest/oauth2/latest/token", oauth_calls.token(api), methods=["POST"]),
        Route(f"{CONTEXT}/rest/oauth2/latest/authorize", oauth_calls.authorize(api)),
    ]
    app = Starlette(routes=[*routes, *oauth])
    app.router.redirect_slashes = False
    app.router.default = nowhere(api)
    return app
