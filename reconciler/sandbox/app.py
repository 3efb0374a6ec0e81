"""The emulators as ASGI applications, each behind its front door."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import ASGIApp

from reconciler.sandbox.bitbucket_app import bitbucket_app
from reconciler.sandbox.control import control_app
from reconciler.sandbox.frontdoor import FrontDoor
from reconciler.sandbox.settings import BITBUCKET, CONTROL, OX
from reconciler.sandbox.state import Sandbox

__all__ = ["applications", "bitbucket_app", "control_app"]


def applications(sandbox: Sandbox) -> dict[str, ASGIApp]:
    """Every application by name; each gets its own port, so that credentials stay at one host."""
    from reconciler.sandbox.ox import control_routes, ox_app

    apps: dict[str, Starlette] = {
        BITBUCKET: bitbucket_app(sandbox),
        OX: ox_app(sandbox),
    }
    doors: dict[str, ASGIApp] = {name: FrontDoor(app, sandbox, name) for name, app in apps.items()}
    return {**doors, CONTROL: control_app(sandbox, tuple(control_routes(sandbox)))}
