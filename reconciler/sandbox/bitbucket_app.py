"""Bitbucket Cloud's REST API and token endpoint as an ASGI application.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/ [documented, 2026-11-21]. Served are
the operations that wiring a consumer touches; any other path answers 404 as the real one does.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from reconciler.sandbox import bitbucket_reads as reads
from reconciler.sandbox import bitbucket_writes as writes
from reconciler.sandbox import scopes
from reconciler.sandbox.api import REPOSITORIES, WEBHOOKS, Api, Operation, endpoint
from reconciler.sandbox.auth import identify
from reconciler.sandbox.bitbucket_doors import authorize, nowhere, token_endpoint
from reconciler.sandbox.settings import BITBUCKET
from reconciler.sandbox.state import Emulator, Sandbox

_REPOSITORY = "/repositories/{workspace}/{slug}"
_WORKSPACE = "/workspaces/{workspace}"

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/repositories/{workspace}"): Operation(
        reads.repositories, scopes.READ_REPOSITORY, REPOSITORIES, is_public=True
    ),
    ("GET", _REPOSITORY): Operation(
        reads.repository, scopes.READ_REPOSITORY, REPOSITORIES, is_public=True
    ),
    ("PUT", _REPOSITORY): Operation(writes.put_repository, scopes.ADMIN_REPOSITORY, REPOSITORIES),
    ("POST", _REPOSITORY): Operation(writes.post_repository, scopes.ADMIN_REPOSITORY, REPOSITORIES),
    ("DELETE", _REPOSITORY): Operation(
        writes.delete_repository, scopes.DELETE_REPOSITORY, REPOSITORIES
    ),
    ("GET", "/user"): Operation(reads.user, scopes.USER),
    ("GET", "/user/emails"): Operation(reads.emails, scopes.EMAILS),
    ("GET", "/user/workspaces"): Operation(reads.my_workspaces, scopes.MY_WORKSPACES),
    ("GET", "/user/workspaces/{workspace}/permission"): Operation(
        reads.my_permission, scopes.MY_WORKSPACES
    ),
    ("GET", _WORKSPACE): Operation(reads.workspace, scopes.WORKSPACE),
    ("GET", f"{_WORKSPACE}/members"): Operation(reads.members, scopes.MEMBERS),
    ("GET", f"{_WORKSPACE}/projects"): Operation(reads.projects, scopes.PROJECTS),
    ("GET", f"{_WORKSPACE}/projects/{{key}}"): Operation(reads.project, scopes.PROJECTS),
    ("GET", "/hook_events/{subject}"): Operation(
        writes.hook_events, scopes.NOTHING, is_public=True
    ),
    **{
        (method, f"{subject}/hooks{tail}"): Operation(handler, need, WEBHOOKS)
        for subject in (_REPOSITORY, _WORKSPACE)
        for method, tail, handler, need in (
            ("GET", "", writes.list_hooks, scopes.READ_HOOKS),
            ("POST", "", writes.create_hook, scopes.WRITE_HOOKS),
            ("GET", "/{uid}", writes.get_hook, scopes.READ_HOOKS),
            ("PUT", "/{uid}", writes.update_hook, scopes.WRITE_HOOKS),
            ("DELETE", "/{uid}", writes.delete_hook, scopes.DELETE_HOOKS),
        )
    },
    **{
        ("GET", path): Operation(reads.gone, scopes.NOTHING, is_public=True)
        for path in (
            "/workspaces",
            "/repositories",
            "/user/permissions/workspaces",
            "/user/permissions/repositories",
        )
    },
}
"""Every operation by method and path below ``/2.0``."""


def bitbucket_app(sandbox: Sandbox) -> Starlette:
    """The emulator, reading and changing *sandbox*."""
    api = Api(sandbox)
    sandbox.emulators[BITBUCKET] = Emulator(
        identify=lambda header: identify(sandbox.bitbucket, header),
        revoke=sandbox.bitbucket.revoke_now,
        error_body=lambda message: {"type": "error", "error": {"message": message}},
    )
    routes = [
        Route(f"/2.0{path}", endpoint(api, operation), methods=[method])
        for (method, path), operation in OPERATIONS.items()
    ]
    doors = [
        Route("/site/oauth2/access_token", token_endpoint(sandbox), methods=["POST"]),
        Route("/site/oauth2/authorize", authorize(sandbox), methods=["GET"]),
    ]
    app = Starlette(routes=[*routes, *doors])
    app.router.redirect_slashes = False
    app.router.default = nowhere(sandbox)
    return app
