"""A person's hands in an emulator, as routes of the control application."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.errors import UsageError

Act = Callable[..., dict[str, Any]]


def hand_routes(path: str, overview: Act, *acts: Act) -> list[Route]:
    """``GET path`` shows *overview*; ``POST path/NAME`` with a JSON object does one of *acts*.

    NAME is that of the method, dashes for underscores. Misuse is 400 with cause and hint.
    """

    async def show(_request: Request) -> Response:
        return JSONResponse(overview())

    show.__doc__ = _first_line(overview)
    return [Route(path, show), *(_doing(path, act) for act in acts)]


def _doing(path: str, act: Act) -> Route:
    async def handle(request: Request) -> Response:
        try:
            return JSONResponse(act(**json.loads(await request.body() or b"{}")))
        except UsageError as error:
            return JSONResponse({"error": error.cause, "hint": error.hint}, 400)
        except (TypeError, ValueError) as error:
            hint = "send a JSON object with the arguments of this doing"
            return JSONResponse({"error": str(error), "hint": hint}, 400)

    handle.__doc__ = _first_line(act)
    return Route(f"{path}/{act.__name__.replace('_', '-')}", handle, methods=["POST"])


def _first_line(act: Act) -> str:
    return (act.__doc__ or "").split("\n", 1)[0]
