"""Bitbucket Cloud's other doors: the OAuth token endpoint, the consent page, and nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.sandbox import answers
from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.auth import authenticate, split_basic
from reconciler.sandbox.oauth import OAuthRefusedError
from reconciler.sandbox.state import Sandbox


def token_endpoint(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """``POST /site/oauth2/access_token``, form-encoded; refusals are 400 [recorded]."""

    async def run(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        header = request.headers.get("authorization", "")
        key, secret = split_basic(header)
        if not header:
            key, secret = form.get("client_id", ""), form.get("client_secret", "")
        try:
            body = sandbox.bitbucket.oauth.token(key, secret, form, sandbox.switches)
        except OAuthRefusedError as refusal:
            error = {"error_description": refusal.description, "error": refusal.error}
            return answers.answer(error, 400)
        return answers.answer(body)

    return run


def authorize(sandbox: Sandbox) -> Callable[[Request], Awaitable[Response]]:
    """``GET /site/oauth2/authorize``: an owner of the consumer's workspace consents at once."""

    async def run(request: Request) -> Response:
        params = request.query_params
        consumer = sandbox.bitbucket.oauth.consumer(params.get("client_id", ""))
        if consumer is None or params.get("response_type") != "code":
            return answers.refuse(400, "Invalid client_id or response_type").response
        target = params.get("redirect_uri", consumer.callback)
        if not consumer.callback or not target.startswith(consumer.callback):
            return answers.refuse(400, "redirect_uri must extend the callback").response
        members = sandbox.bitbucket.estate.workspaces[consumer.workspace].members
        owner = next(uuid for uuid, role in members.items() if role == "owner")
        answer = {"code": sandbox.bitbucket.oauth.authorize(consumer.key, owner)}
        if "state" in params:
            answer["state"] = params["state"]
        return RedirectResponse(f"{target}?{urlencode(answer)}", 302)

    return run


def nowhere(sandbox: Sandbox) -> ASGIApp:
    """Unknown paths: 404; outside ``/2.0`` a valid credential meets 403 [recorded]."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        await _stray(sandbox, Request(scope, receive))(scope, receive, send)

    return run


def _stray(sandbox: Sandbox, request: Request) -> Response:
    try:
        caller = authenticate(sandbox.bitbucket, request.headers.get("authorization"))
    except RefusedError as refusal:
        return refusal.response
    if not request.url.path.startswith("/2.0") and caller.credential is not None:
        return answers.refuse(403, "Forbidden").response
    return answers.refuse(404, answers.NO_API).response
