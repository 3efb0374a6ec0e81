"""The emulated OX gateway over HTTP, and the hands of a person who works in OX's own pages.

``POST /api/apollo-gateway`` with the raw API key in ``Authorization``, 1,000 requests an hour and
the ``RateLimit-*`` headers:
https://docs.ox.security/api-documentation/api-reference/ox-api-authentication [documented,
2026-11-21]. Bodies of 401 and 429 are not published: [assumed]. Latency and faults are the front
door's business.
"""

from __future__ import annotations

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.frontdoor import NOTE
from reconciler.sandbox.hands import hand_routes
from reconciler.sandbox.ox_gateway import Gateway
from reconciler.sandbox.ox_person import Person
from reconciler.sandbox.ox_schema import run
from reconciler.sandbox.ox_state import API_KEY, DAILY, OxTenant
from reconciler.sandbox.ox_use import use_in
from reconciler.sandbox.state import OX, Emulator, Sandbox

PATH = "/api/apollo-gateway"
CONTROL_PATH = "/_sandbox/ox"
_KEY_ID = "ox-api-key"
"""Shown in the request log for whoever shows the right key."""

_OK = 200


def tenant_of(sandbox: Sandbox) -> OxTenant:
    """The OX organization of a sandbox, built when first asked for."""
    return sandbox.part(OxTenant, lambda: _tenant(sandbox))


def person_in(sandbox: Sandbox) -> Person:
    """Somebody who works in the pages of OX."""
    return Person(tenant_of(sandbox), use_in(sandbox), sandbox.urls)


def _tenant(sandbox: Sandbox) -> OxTenant:
    tenant = OxTenant()
    sandbox.credentials["OX_API_KEY"] = API_KEY

    def revoke(_credential: str) -> None:
        tenant.key_alive = False

    def identify(authorization: str) -> str:
        return _KEY_ID if tenant.accepts(authorization) else ""

    sandbox.emulators[OX] = Emulator(identify, revoke)
    return tenant


def ox_app(sandbox: Sandbox) -> Starlette:
    """The gateway."""
    tenant = tenant_of(sandbox)
    gateway = Gateway(tenant, use_in(sandbox))

    async def answer(request: Request) -> Response:
        left, reset_s = tenant.spend(sandbox.now())
        headers = _limits(tenant, left, reset_s)
        if left < 0:
            return _refusal(429, "Too many requests", "RATE_LIMITED", headers)
        if not tenant.accepts(request.headers.get("authorization", "")):
            status = 200 if tenant.errors_as_200 else 401
            return _refusal(status, "Unauthorized", "UNAUTHENTICATED", headers)
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _refusal(400, "POST body is not JSON", "BAD_REQUEST", headers)
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return _refusal(400, "POST body has no query", "BAD_REQUEST", headers)
        request.scope[NOTE] = str(body.get("operationName") or "")
        result = run(
            body["query"],
            gateway.root(),
            body.get("variables"),
            body.get("operationName"),
            principal=gateway.principal,
        )
        status = 200 if "data" in result else 400
        return JSONResponse(result, status, headers)

    return Starlette(routes=[Route(PATH, answer, methods=["POST"])])


def _limits(tenant: OxTenant, left: int, reset_s: int) -> dict[str, str]:
    return {
        "RateLimit-HourLimit": str(tenant.hourly_limit),
        "RateLimit-DayLimit": str(DAILY),
        "RateLimit-Limit": str(tenant.hourly_limit),
        "RateLimit-Remaining": str(max(0, left)),
        "RateLimit-Reset": str(reset_s),
    }


def _refusal(status: int, message: str, code: str, headers: dict[str, str]) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}
    return JSONResponse(body, status, headers)


def control_routes(sandbox: Sandbox) -> list[Route]:
    """What a person does in the pages of OX, as routes of the control application.

    ``GET /_sandbox/ox`` shows the organization; ``POST /_sandbox/ox/NAME`` with a JSON object
    does what the method of that name of `Person` does. Misuse is 400 with cause and hint.
    """
    person = person_in(sandbox)
    return hand_routes(
        CONTROL_PATH,
        person.overview,
        person.grant,
        person.select,
        person.rename,
        person.remove,
        person.withdraw,
        person.revoke_key,
        person.restore_key,
        person.switch,
    )
