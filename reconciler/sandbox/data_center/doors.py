"""What is not the API: the web pages, and paths that lead nowhere.

Since 8.9.22, 8.19.12 and 9.3.2 HTTP access tokens are refused outside ``/rest`` and ``/scm``:
https://support.atlassian.com/bitbucket-data-center/kb/access-tokens-no-longer-work-as-expected-after-upgrading-bitbucket-data-center
[documented, 2026-11-21]. Git itself is not served.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import CONTEXT, Api
from reconciler.sandbox.data_center.login import authenticate
from reconciler.sandbox.data_center.rights import Caller, Shown

WHOAMI = f"{CONTEXT}/plugins/servlet/applinks/whoami"
LOGIN = f"{CONTEXT}/login"
LOGIN_PAGE = "<html><head><title>Log in - Bitbucket</title></head><body></body></html>"
"""What clients see that follow the redirect: 200 for everybody [assumed]."""


def nowhere(api: Api) -> ASGIApp:
    """Every path without a route."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        await _stray(api, Request(scope, receive))(scope, receive, send)

    return run


def _stray(api: Api, request: Request) -> Response:
    if request.url.path.startswith(f"{CONTEXT}/rest/"):
        return wire.unrouted(request.headers.get("accept", "*/*"))
    if request.url.path == LOGIN:
        return Response(LOGIN_PAGE, media_type="text/html")
    header = request.headers.get("authorization", "")
    if header.lower().startswith("bearer "):
        return _to_login(api, request)
    try:
        caller = authenticate(api.instance, header, login_url=f"{api.views.base}/login")
        if caller.shown is Shown.TOKEN and caller.user is not None:
            failed = api.instance.failed_logins
            failed[caller.user.name] = failed.get(caller.user.name, 0) + 1
            raise wire.wrong_password()
    except RefusedError as refusal:
        return refusal.response
    return _page(api, request, caller)


def _page(api: Api, request: Request, caller: Caller) -> Response:
    if request.url.path == WHOAMI:
        name = caller.user.name if caller.user is not None else ""
        return Response(name, media_type="text/plain")
    if caller.shown is Shown.NOTHING:
        return _to_login(api, request)
    return Response("<html><body>Bitbucket</body></html>", 404, media_type="text/html")


def _to_login(api: Api, request: Request) -> Response:
    target = quote(request.url.path.removeprefix(CONTEXT), safe="")
    return RedirectResponse(f"{api.views.base}/login?next={target}", 302)
