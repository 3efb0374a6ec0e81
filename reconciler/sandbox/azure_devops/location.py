"""How the official clients find their way: resource areas and the list of resources.

Source: recorded traffic of Microsoft's own clients, and ``connection.py`` and ``client.py`` of
github.com/microsoft/azure-devops-python-api [observed, 2026-11-21].
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, listed
from reconciler.sandbox.azure_devops.versions import Offer

AREAS = {
    "79134c72-4a58-4b42-976c-04e7115f32bf": "core",
    "4e080c62-fa21-4fbc-8fef-2a10a2b38049": "git",
    "8aa40520-446d-40e6-89f6-9c9f9ce44c48": "tfvc",
    "55967393-20ef-45c6-a96c-b5d5d5986a9a": "Tokens",
    "af68438b-ed04-4407-9eb6-f1dbae3f922e": "TokenAdmin",
    "68ddce18-2501-45f1-a17b-7931a9922690": "MemberEntitlementManagement",
    "8ccfef3d-2b87-4e99-8ccb-66e343d2daa8": "Profile",
    "0d55247a-1c47-4462-9b1f-5e2125590ee6": "Account",
}
"""Guid of every area the official clients ask for; hooks and operations have none."""


def areas(ask: Ask) -> Response:
    """``GET resourceAreas``: everything is at this address; a Server's list is empty."""
    if ask.organization.knobs.is_server:
        return ask.reply(listed([]))
    return ask.reply(listed([_area(ask, area) for area in AREAS]))


def area(ask: Ask) -> Response:
    """``GET resourceAreas/{area}``."""
    identifier = ask.params["area"].lower()
    if identifier not in AREAS or ask.organization.knobs.is_server:
        raise faces.refuse(404, "ResourceAreaNotFoundException", "The area was not found.")
    return ask.reply(_area(ask, identifier))


def _area(ask: Ask, identifier: str) -> dict[str, Any]:
    return {"id": identifier, "name": AREAS[identifier], "locationUrl": f"{ask.views.root}/"}


def options(resources: tuple[Resource, ...]) -> Resource:
    """``OPTIONS _apis``: what this deployment serves of *resources*."""

    def tell(ask: Ask) -> Response:
        knobs = ask.organization.knobs
        served = [r for r in resources if not (r.is_hosted and knobs.is_server)]
        return ask.reply(listed([_told(r, knobs.highest_version) for r in served]))

    return Resource("", "", "", "", {"": {"OPTIONS": Operation(tell)}})


def _told(resource: Resource, highest: str) -> dict[str, Any]:
    offer = Offer(highest, resource.is_released, resource.revision)
    return {
        "id": resource.id,
        "area": resource.area,
        "resourceName": resource.name,
        "routeTemplate": resource.template,
        "resourceVersion": resource.revision,
        "minVersion": "1.0",
        "maxVersion": highest,
        "releasedVersion": offer.released,
    }


RESOURCES = (
    Resource(
        "e81700f7-3be2-46de-8624-2eb35882fcaa",
        "Location",
        "ResourceAreas",
        "_apis/{resource}/{areaId}",
        {
            "resourceAreas": {"GET": Operation(areas)},
            "resourceAreas/{area}": {"GET": Operation(area)},
        },
        is_released=False,
    ),
)
