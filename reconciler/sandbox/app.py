"""The emulators as ASGI applications, each behind its front door."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import ASGIApp

from reconciler.sandbox.bitbucket_app import bitbucket_app
from reconciler.sandbox.control import control_app
from reconciler.sandbox.frontdoor import FrontDoor
from reconciler.sandbox.settings import AZURE, BITBUCKET, CONTROL, DATA_CENTER, OX, VAULT
from reconciler.sandbox.state import Sandbox

__all__ = ["applications", "bitbucket_app", "control_app"]


def applications(sandbox: Sandbox) -> dict[str, ASGIApp]:
    """Every application by name; each gets its own port, so that credentials stay at one host."""
    from reconciler.sandbox import azure_devops, data_center, ox, vault

    apps: dict[str, Starlette] = {
        BITBUCKET: bitbucket_app(sandbox),
        OX: ox.ox_app(sandbox),
        DATA_CENTER: data_center.data_center_app(sandbox),
        AZURE: azure_devops.azure_app(sandbox),
        VAULT: vault.vault_app(sandbox),
    }
    doors: dict[str, ASGIApp] = {name: FrontDoor(app, sandbox, name) for name, app in apps.items()}
    hands = (
        *ox.control_routes(sandbox),
        *data_center.control_routes(sandbox),
        *azure_devops.control_routes(sandbox),
        *vault.control_routes(sandbox),
    )
    return {**doors, CONTROL: control_app(sandbox, hands)}
