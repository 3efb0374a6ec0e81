"""The two endpoints of the OAuth 2.0 provider: ``/rest/oauth2/latest/authorize`` and ``token``.

Source: https://confluence.atlassian.com/display/BITBUCKETSERVER091/Bitbucket+OAuth+2.0+provider+API
[documented, 2026-11-21]. Clients send the parameters of ``token`` as a form or in the query; both
are taken. Consent here is showing a user's password as Basic: nobody clicks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Api
from reconciler.sandbox.data_center.login import authenticate
from reconciler.sandbox.data_center.oauth import Link, OAuthRefusedError
from reconciler.sandbox.data_center.rights import Shown


def token(api: Api) -> Callable[[Request], Awaitable[Response]]:
    """``POST /token``: an access token with a refresh token, or ``error`` as JSON."""

    async def run(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        try:
            return wire.reply(api.instance.oauth.token({**request.query_params, **form}))
        except OAuthRefusedError as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            return wire.reply(body, refusal.status)

    return run


def authorize(api: Api) -> Callable[[Request], Awaitable[Response]]:
    """``GET /authorize``: 302 with a code for who is signed in, else to the login page."""

    async def run(request: Request) -> Response:
        params = request.query_params
        link = api.instance.oauth.link(params.get("client_id", ""))
        if link is None or params.get("redirect_uri", link.redirect_url) != link.redirect_url:
            return wire.reply(wire.error_body("Unknown client or redirect URI."), 400)
        try:
            caller = authenticate(api.instance, request.headers.get("authorization"))
        except RefusedError as refusal:
            return refusal.response
        if caller.user is None or caller.shown is not Shown.PASSWORD:
            return RedirectResponse(f"{api.views.base}/login", 302)
        answer = _consent(api, request, link, caller.user.name)
        if "state" in params:
            answer["state"] = params["state"]
        return RedirectResponse(f"{link.redirect_url}?{urlencode(answer)}", 302)

    return run


def _consent(api: Api, request: Request, link: Link, user: str) -> dict[str, str]:
    params = request.query_params
    scopes = tuple(params.get("scope", " ".join(link.scopes)).split())
    if params.get("response_type") != "code":
        return {"error": "unsupported_response_type"}
    if not scopes or not set(scopes) <= set(link.scopes):
        return {"error": "invalid_scope"}
    return {"code": api.instance.oauth.authorize(link, user, params, scopes)}
