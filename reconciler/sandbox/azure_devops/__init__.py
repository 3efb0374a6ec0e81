"""The emulated Azure DevOps: Services, a Server where it differs, and Entra's token endpoint.

Every host family (dev.azure.com, vssps, vsaex, app.vssps) is served at one address; their paths
do not collide. The first segment of a path is the organization.

Source: https://learn.microsoft.com/rest/api/azure/devops/ [documented, 2026-11-21]; each module
says where it leaves that ground.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.azure_devops import (
    admin,
    control,
    core,
    git,
    hooks,
    location,
    pats,
    people,
    tfvc,
)
from reconciler.sandbox.azure_devops.access import identify
from reconciler.sandbox.azure_devops.defaults import ORGANIZATION, furnish
from reconciler.sandbox.azure_devops.door import Door, Table
from reconciler.sandbox.azure_devops.entra import Entra
from reconciler.sandbox.azure_devops.faces import error_body
from reconciler.sandbox.azure_devops.organization import Organization, Tried
from reconciler.sandbox.settings import AZURE
from reconciler.sandbox.state import Emulator, Sandbox

__all__ = ["Organization", "Tried", "azure_app", "control_routes", "organization_in"]

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def organization_in(sandbox: Sandbox) -> Organization:
    """The organization of a sandbox, built and furnished when first asked for."""
    return sandbox.part(Organization, lambda: _organization(sandbox))


def _organization(sandbox: Sandbox) -> Organization:
    organization = Organization(ORGANIZATION, sandbox.clock, sandbox.settings.seed)
    furnish(organization, sandbox.credentials)
    return organization


def azure_app(sandbox: Sandbox) -> Starlette:
    """The emulator as an application."""
    organization = organization_in(sandbox)
    resources = (
        *core.RESOURCES,
        *git.RESOURCES,
        *tfvc.RESOURCES,
        *hooks.RESOURCES,
        *pats.RESOURCES,
        *admin.RESOURCES,
        *people.RESOURCES,
        *location.RESOURCES,
    )
    door = Door(sandbox, organization, Table((*resources, location.options(resources))))

    def identity(header: str) -> str:
        return identify(organization, header)

    sandbox.emulators[AZURE] = Emulator(identity, organization.revoke, error_body)

    async def serve(request: Request) -> Response:
        return await door(request)

    everything = Route("/{rest:path}", serve, methods=_METHODS)
    return Starlette(routes=[*Entra(sandbox, organization).routes(), everything])


def control_routes(sandbox: Sandbox) -> list[Route]:
    """What a person does in its pages, as routes of the control application."""
    return control.routes(sandbox, organization_in(sandbox))
