"""The emulated Bitbucket Data Center."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from reconciler.sandbox.data_center.app import rest_app
from reconciler.sandbox.data_center.defaults import furnish
from reconciler.sandbox.data_center.instance import Instance, Seen, Tried
from reconciler.sandbox.data_center.knobs import Knobs
from reconciler.sandbox.data_center.login import identify, revoke
from reconciler.sandbox.data_center.person import Person, routes
from reconciler.sandbox.data_center.tokens import Minted, Token
from reconciler.sandbox.data_center.wire import error_body
from reconciler.sandbox.settings import DATA_CENTER
from reconciler.sandbox.state import Emulator, Sandbox

__all__ = [
    "Instance",
    "Knobs",
    "Minted",
    "Seen",
    "Token",
    "Tried",
    "control_routes",
    "data_center_app",
    "instance_in",
]


def instance_in(sandbox: Sandbox) -> Instance:
    """The Data Center instance of a sandbox, furnished when first asked for."""
    return sandbox.part(Instance, lambda: _instance(sandbox))


def _instance(sandbox: Sandbox) -> Instance:
    instance = Instance(sandbox.clock, sandbox.settings.seed)
    furnish(instance, sandbox.credentials)
    sandbox.emulators[DATA_CENTER] = Emulator(
        identify=lambda header: identify(instance, header),
        revoke=lambda named: revoke(instance, named),
        error_body=error_body,
    )
    return instance


def data_center_app(sandbox: Sandbox) -> Starlette:
    """The emulator as an application."""
    return rest_app(sandbox, instance_in(sandbox))


def control_routes(sandbox: Sandbox) -> list[Route]:
    """What a person does in its pages, as routes of the control application."""
    return routes(Person(instance_in(sandbox), sandbox.credentials))
