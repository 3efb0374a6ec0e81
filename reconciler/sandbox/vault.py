"""The emulated Vault over HTTP, and the hands of a person who runs it.

Every path begins with ``/v1/``; the token travels in ``X-Vault-Token``
(https://developer.hashicorp.com/vault/api-docs) [documented, 2026-11-21]. A sealed server answers
503 to everything but its health; a standby that cannot forward answers 307 with the active server's
address (https://developer.hashicorp.com/vault/docs/concepts/ha) [documented]; here that is the trap
of the control application. Folders are listed with ``GET ?list=true``, as Vault's own command does,
not with the verb LIST. Latency and faults are the front door's business.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.hands import hand_routes
from reconciler.sandbox.settings import CONTROL, VAULT
from reconciler.sandbox.state import Emulator, Sandbox
from reconciler.sandbox.vault_kv import Ask, done, refuse, serve
from reconciler.sandbox.vault_state import VaultState

CONTROL_PATH = "/_sandbox/vault"
NAMED_VERSION = "1.20.0"
"""The version that the emulator says it is."""

_OPEN = ("sys/health", "sys/seal-status")
"""Paths that ask for no token, and work while sealed."""

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def vault_in(sandbox: Sandbox) -> VaultState:
    """The Vault of a sandbox, built when first asked for."""
    return sandbox.part(VaultState, lambda: _vault(sandbox))


def _vault(sandbox: Sandbox) -> VaultState:
    state = VaultState(sandbox.now)
    sandbox.credentials["VAULT_TOKEN"] = state.token
    sandbox.emulators[VAULT] = Emulator(
        # The token is in a header of its own, which the front door does not look at.
        identify=lambda _authorization: "",
        revoke=state.revoke,
        error_body=lambda message: {"errors": [message]},
    )
    return state


def vault_app(sandbox: Sandbox) -> Starlette:
    """The emulator as an application."""
    state = vault_in(sandbox)

    async def answer(request: Request) -> Response:
        path = str(request.path_params["path"])
        if path in _OPEN:
            return _health(state, path)
        refusal = _refusal(state, request, sandbox.urls.get(CONTROL, ""))
        if refusal is not None:
            return refusal
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return refuse(400, "failed to parse JSON input")
        return _serve(state, request, path, body)

    return Starlette(routes=[Route("/v1/{path:path}", answer, methods=_METHODS)])


def _refusal(state: VaultState, request: Request, active: str) -> Response | None:
    """What stops a request before its path matters."""
    if state.is_sealed:
        return refuse(503, "Vault is sealed")
    if state.is_standby:
        target = f"{active}/trap{request.url.path}"
        return Response(status_code=307, headers={"Location": target})
    if not state.accepts(request.headers.get("x-vault-token", "")):
        return refuse(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
    return None


def _serve(state: VaultState, request: Request, path: str, body: dict[str, Any]) -> Response:
    if path == "auth/token/lookup-self":
        return done({"display_name": "token", "policies": ["sandbox"], "ttl": 0}, kind="token")
    if path.startswith("sys/internal/ui/mounts/"):
        return _tell_mount(state, path.removeprefix("sys/internal/ui/mounts/"))
    mount = state.mount_of(path)
    if mount is None:
        return refuse(404, f'no handler for route "{path}". route entry not found.')
    query = dict(request.query_params)
    method = "LIST" if request.method == "GET" and query.get("list") == "true" else request.method
    return serve(state, Ask(method, mount, path.removeprefix(mount), query, body))


def _tell_mount(state: VaultState, place: str) -> Response:
    """The mount of a place; untold to a token that may do nothing there [observed]."""
    mount = state.mount_of(place)
    if mount is None or not state.allowed:
        words = "preflight capability check returned 403, please ensure client's policies grant"
        return refuse(403, f'{words} access to path "{place.rstrip("/")}/"')
    return done(
        {
            "accessor": f"kv_{uuid5(NAMESPACE_URL, mount).hex[:8]}",
            "config": {"default_lease_ttl": 0, "force_no_cache": False, "max_lease_ttl": 0},
            "description": "",
            "external_entropy_access": False,
            "local": False,
            "options": {"version": str(state.mounts[mount])},
            "path": mount,
            "seal_wrap": False,
            "type": "kv",
            "uuid": str(uuid5(NAMESPACE_URL, mount)),
        },
        kind="system",
    )


def _health(state: VaultState, path: str) -> Response:
    """429 is a standby, 503 a sealed server: ".../api-docs/system/health" [documented]."""
    body: dict[str, Any] = {
        "initialized": True,
        "sealed": state.is_sealed,
        "standby": state.is_standby,
        "version": NAMED_VERSION,
        "cluster_name": "sandbox",
    }
    if path == "sys/seal-status":
        return JSONResponse({**body, "type": "shamir", "t": 1, "n": 1, "progress": 0})
    return JSONResponse(body, 503 if state.is_sealed else 429 if state.is_standby else 200)


def control_routes(sandbox: Sandbox) -> list[Route]:
    """What a person does with Vault, as routes of the control application.

    ``GET /_sandbox/vault`` shows everything but the values; ``POST /_sandbox/vault/NAME`` with a
    JSON object does what the method of that name of `VaultState` does. Misuse is 400 with cause
    and hint.
    """
    state = vault_in(sandbox)
    return hand_routes(
        CONTROL_PATH,
        state.overview,
        state.put,
        state.enable,
        state.switch,
        state.revoke_token,
        state.restore_token,
    )
