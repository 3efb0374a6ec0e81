"""The control API: a person's hand in the sandbox's world. Never used by the product itself.

JSON over HTTP. ``GET /_sandbox`` lists every call with an example. The trap under ``/trap`` stands
for a foreign host: faults point links at it, and it notes whether a credential came along.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler.errors import UsageError
from reconciler.sandbox.answers import answer
from reconciler.sandbox.credentials import Credential, Minted
from reconciler.sandbox.estate import Repository
from reconciler.sandbox.faults import fault_from
from reconciler.sandbox.state import Sandbox, TrapHit
from reconciler.sandbox.views import iso

Body: TypeAlias = dict[str, Any]
Hand: TypeAlias = Callable[[Sandbox, Body], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the control API."""

    method: str
    path: str
    does: str
    example: Body
    hand: Hand


def _create_repository(sandbox: Sandbox, body: Body) -> Any:
    made = sandbox.bitbucket.create_repository(
        body.get("workspace", "acme"),
        _text(body, "slug"),
        project=body.get("project", ""),
        is_private=bool(body.get("is_private", True)),
    )
    return _repository(made)


def _change_repository(sandbox: Sandbox, body: Body) -> Any:
    where = (body.get("workspace", "acme"), _text(body, "slug"))
    found = sandbox.bitbucket.repository(*where)
    if "name" in body:
        found = sandbox.bitbucket.rename_repository(where[0], found.uuid, _text(body, "name"))
    if "to_workspace" in body:
        found = sandbox.bitbucket.transfer_repository(
            where[0], found.uuid, _text(body, "to_workspace")
        )
    if body.get("push"):
        home = sandbox.bitbucket.estate.workspaces[found.workspace]
        found = sandbox.bitbucket.push(home.slug, found.uuid)
    return _repository(found)


def _delete_repository(sandbox: Sandbox, body: Body) -> Any:
    sandbox.bitbucket.delete_repository(body.get("workspace", "acme"), _text(body, "slug"))
    return {"deleted": True}


def _create_project(sandbox: Sandbox, body: Body) -> Any:
    key = _text(body, "key")
    made = sandbox.bitbucket.create_project(
        body.get("workspace", "acme"), key, str(body.get("name", key))
    )
    return {"uuid": made.uuid, "key": made.key}


def _change_workspace(sandbox: Sandbox, body: Body) -> Any:
    home = sandbox.bitbucket.estate.workspace(body.get("workspace", "acme"))
    changed = sandbox.bitbucket.estate.set_workspace(
        home, deactivated=body.get("deactivated"), allowlist=body.get("allowlist")
    )
    return {
        "workspace": changed.slug,
        "deactivated": changed.is_deactivated,
        "allowlist": changed.has_allowlist,
    }


def _mint_api_token(sandbox: Sandbox, body: Body) -> Any:
    return _minted(
        sandbox.bitbucket.mint_api_token(
            _text(body, "email"),
            _texts(body, "scopes"),
            expires_in_days=int(body.get("expires_in_days", 365)),
            workspace=body.get("workspace", ""),
            name=body.get("name", ""),
        )
    )


def _mint_access_token(sandbox: Sandbox, body: Body) -> Any:
    days = body.get("expires_in_days", 365)
    return _minted(
        sandbox.bitbucket.mint_access_token(
            body.get("workspace", "acme"),
            _texts(body, "scopes"),
            project=body.get("project", ""),
            repository=body.get("repository", ""),
            expires_in_days=None if days is None else int(days),
            name=body.get("name", ""),
        )
    )


def _tokens(sandbox: Sandbox, _body: Body) -> Any:
    return {"tokens": [_credential(c) for c in sandbox.bitbucket.vault.all()]}


def _revoke(sandbox: Sandbox, body: Body) -> Any:
    return _credential(sandbox.bitbucket.revoke(_which(sandbox, body)))


def _expire(sandbox: Sandbox, body: Body) -> Any:
    at = sandbox.now() + timedelta(days=float(body.get("in_days", 0)))
    return _credential(sandbox.bitbucket.expire(_which(sandbox, body), at))


def _create_consumer(sandbox: Sandbox, body: Body) -> Any:
    home = sandbox.bitbucket.estate.workspace(body.get("workspace", "acme"))
    consumer, secret = sandbox.bitbucket.oauth.create_consumer(
        str(body.get("name", "consumer")),
        home.uuid,
        _texts(body, "scopes"),
        callback=str(body.get("callback", "")),
        is_private=bool(body.get("is_private", True)),
    )
    return {"key": consumer.key, "secret": secret}


def _add_fault(sandbox: Sandbox, body: Body) -> Any:
    sandbox.faults.add(fault_from(body))
    return _faults(sandbox, {})


def _faults(sandbox: Sandbox, _body: Body) -> Any:
    armed = sandbox.faults.armed()
    return {"faults": [{**asdict(fault), "struck": struck} for fault, struck in armed]}


def _clear_faults(sandbox: Sandbox, _body: Body) -> Any:
    sandbox.faults.clear()
    return {"faults": []}


def _requests(sandbox: Sandbox, _body: Body) -> Any:
    return {
        "counts": dict(sandbox.log.counts),
        "most_in_flight": dict(sandbox.log.peaks),
        "requests": [{**asdict(entry), "at": iso(entry.at)} for entry in sandbox.requests],
        "trapped": [{**asdict(hit), "at": iso(hit.at)} for hit in sandbox.trapped],
    }


def _clear_requests(sandbox: Sandbox, _body: Body) -> Any:
    sandbox.log.clear()
    sandbox.trapped.clear()
    return _requests(sandbox, {})


def _advance(sandbox: Sandbox, body: Body) -> Any:
    sandbox.clock.advance(
        timedelta(days=float(body.get("days", 0)), hours=float(body.get("hours", 0)))
    )
    return {"now": iso(sandbox.now())}


def _switch(sandbox: Sandbox, body: Body) -> Any:
    known = asdict(sandbox.switches)
    for name, value in body.items():
        if name not in known or type(value) is not type(known[name]):
            raise UsageError(
                f"{name} is no switch, or its value has the wrong type",
                hint=f"switches are {known}",
            )
    for name, value in body.items():
        setattr(sandbox.switches, name, value)
    return asdict(sandbox.switches)


CALLS = (
    Call(
        "POST",
        "/bitbucket/repositories",
        "Create a repository.",
        {"workspace": "acme", "slug": "new-service", "project": "PAY"},
        _create_repository,
    ),
    Call(
        "PATCH",
        "/bitbucket/repositories",
        "Rename a repository (name), move it (to_workspace) or push to it (push: true).",
        {"workspace": "acme", "slug": "ledger", "name": "general-ledger"},
        _change_repository,
    ),
    Call(
        "DELETE",
        "/bitbucket/repositories",
        "Delete a repository.",
        {"workspace": "acme", "slug": "ledger"},
        _delete_repository,
    ),
    Call(
        "POST",
        "/bitbucket/projects",
        "Create a project.",
        {"workspace": "acme", "key": "NEW", "name": "New things"},
        _create_project,
    ),
    Call(
        "PATCH",
        "/bitbucket/workspaces",
        "Deactivate a workspace, or close it behind an IP allowlist.",
        {"workspace": "acme", "allowlist": True, "deactivated": False},
        _change_workspace,
    ),
    Call(
        "POST",
        "/bitbucket/tokens",
        "Make an API token of a user; the secret is answered once.",
        {
            "email": "ox-bot@acme.example",
            "scopes": ["read:repository:bitbucket"],
            "expires_in_days": 365,
        },
        _mint_api_token,
    ),
    Call("GET", "/bitbucket/tokens", "Every credential, without its secret.", {}, _tokens),
    Call(
        "POST",
        "/bitbucket/tokens/revoke",
        "Kill a credential, named by token, id or the NAME it was handed out under.",
        {"token": "OX_BOT_TOKEN"},
        _revoke,
    ),
    Call(
        "POST",
        "/bitbucket/tokens/expire",
        "Let a credential end in some days; 0 is now.",
        {"token": "OX_BOT_TOKEN", "in_days": 10},
        _expire,
    ),
    Call(
        "POST",
        "/bitbucket/access-tokens",
        "Make a workspace access token, or one of a project or repository.",
        {"workspace": "acme", "scopes": ["repository", "project", "account"]},
        _mint_access_token,
    ),
    Call(
        "POST",
        "/bitbucket/access-tokens/revoke",
        "The same as /bitbucket/tokens/revoke.",
        {"id": "…"},
        _revoke,
    ),
    Call(
        "POST",
        "/bitbucket/oauth-consumers",
        "Make an OAuth consumer; the secret is answered once.",
        {
            "workspace": "acme",
            "name": "auth0",
            "scopes": ["account", "email"],
            "callback": "https://acme.example/login/callback",
        },
        _create_consumer,
    ),
    Call("PATCH", "/switches", "Change behaviour.", {"retry_after": "seconds"}, _switch),
    Call("POST", "/clock", "Move the clock forward.", {"days": 30}, _advance),
    Call(
        "POST",
        "/faults",
        "Arm a fault.",
        {
            "kind": "rate-limit",
            "match": "GET /2.0/repositories/*",
            "emulator": "bitbucket-cloud",
            "times": 1,
            "after": 0,
            "value": 1,
        },
        _add_fault,
    ),
    Call("GET", "/faults", "The armed faults.", {}, _faults),
    Call("DELETE", "/faults", "Disarm every fault.", {}, _clear_faults),
    Call("GET", "/requests", "What was asked of the emulators; no secret in it.", {}, _requests),
    Call("DELETE", "/requests", "Forget what was asked.", {}, _clear_requests),
)


def control_app(sandbox: Sandbox, more: tuple[BaseRoute, ...] = ()) -> Starlette:
    """The control API; *more* are the routes of other emulators."""
    routes = [
        Route(f"/_sandbox{call.path}", _endpoint(sandbox, call), methods=[call.method])
        for call in CALLS
    ]
    index = Route("/_sandbox", _index(more), methods=["GET"])
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    trap = Route("/trap{rest:path}", _trap(sandbox), methods=every)
    return Starlette(routes=[index, *routes, *more, trap])


def _endpoint(sandbox: Sandbox, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        try:
            return answer(call.hand(sandbox, _object(await request.body())))
        except UsageError as error:
            return answer({"error": error.cause, "hint": error.hint}, 400)
        except (AttributeError, TypeError, ValueError) as error:
            kind = type(error).__name__
            return answer({"error": f"bad body ({kind})", "hint": f"such as {call.example}"}, 400)

    return run


def _index(more: tuple[BaseRoute, ...]) -> Callable[[Request], Awaitable[Response]]:
    own = [
        {"method": c.method, "path": f"/_sandbox{c.path}", "does": c.does, "example": c.example}
        for c in CALLS
    ]
    others = [
        {"method": method, "path": route.path, "does": (route.endpoint.__doc__ or "").strip()}
        for route in more
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]

    async def run(_request: Request) -> Response:
        return answer({"calls": [*own, *others]})

    return run


def _trap(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        came = "authorization" in request.headers
        hit = TrapHit(request.method, request.url.path, came, sandbox.now())
        sandbox.trapped.append(hit)
        return answer({"pagelen": 10, "size": 0, "page": 1, "values": []})

    return run


def _object(sent: bytes) -> Body:
    body = json.loads(sent or b"{}")
    if not isinstance(body, dict):
        raise UsageError("the body is no JSON object", hint="see GET /_sandbox for an example")
    return body


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{name} is missing or no text", hint="see GET /_sandbox for an example")
    return value


def _texts(body: Body, name: str) -> tuple[str, ...]:
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{name} is no list of texts", hint="see GET /_sandbox for an example")
    return tuple(value)


def _which(sandbox: Sandbox, body: Body) -> str:
    named = str(body.get("token") or body.get("id") or "")
    return sandbox.credentials.get(named, named)


def _repository(found: Repository) -> Body:
    return {"uuid": found.uuid, "slug": found.slug, "project": found.project}


def _credential(found: Credential) -> Body:
    return {
        "id": found.id,
        "type": found.type.value,
        "name": found.name,
        "scopes": list(found.scopes),
        "expires_on": iso(found.expires_on) if found.expires_on else None,
        "revoked": found.is_revoked,
    }


def _minted(minted: Minted) -> Body:
    return {"token": minted.token, **_credential(minted.credential)}
