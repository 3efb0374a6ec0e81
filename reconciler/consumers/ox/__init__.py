"""OX Security: driven through its GraphQL gateway, all but the browser methods.

Importing this is cheap; the client and its libraries are loaded by `SPEC.open`.
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from reconciler.model.desired import DesiredConsumer
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.ports.capability import Ability, Can, Cannot, Capability
from reconciler.ports.consumer import Consumer, ConsumerSpec

_REFERENCE = "https://docs.ox.security/api-documentation/api-reference/api--connectors"
_CHECKED = date(2026, 11, 21)
_WEB = "https://app.ox.security"
"""Where people sign in [assumed]; the connectors are behind "Connectors" there [documented]."""


def _open(consumer: DesiredConsumer, key: Secret, concurrency: int) -> Consumer:
    from reconciler.consumers.ox.client import OxConsumer

    return OxConsumer(consumer, key, concurrency)


_ABILITIES: dict[Capability, Ability] = {
    Capability.CONNECT: Can(f"{_REFERENCE}/mutations/add-credentials", _CHECKED),
    Capability.CHECK: Can(f"{_REFERENCE}/mutations/verify-single-connector-credentials", _CHECKED),
    Capability.SELECT: Can(f"{_REFERENCE}/mutations/monitor-connector-resources", _CHECKED),
    Capability.FOLLOW_NEW: Can(f"{_REFERENCE}/mutations/monitor-connector-resources", _CHECKED),
    Capability.DISCONNECT: Can(f"{_REFERENCE}/mutations/remove-credentials", _CHECKED),
    Capability.ROTATE: Can(f"{_REFERENCE}/mutations/add-credentials", _CHECKED),
    Capability.READ_EXPIRY: Can(f"{_REFERENCE}/types/objects/token-and-user-credentials", _CHECKED),
    Capability.RESCOPE_IN_PLACE: Cannot(
        _REFERENCE,
        _CHECKED,
        instead="there is no mutation that changes credentials: a new connection takes over the "
        "selection and the old one is removed after it",
    ),
    Capability.ISSUE: Cannot(
        "https://docs.ox.security/get-started/onboarding-to-ox/source-control/bitbucket",
        _CHECKED,
        instead="app and identity-provider connections are granted in a browser, as a manual step "
        "that the next run sees done",
    ),
}

SPEC = ConsumerSpec(
    name="ox",
    title="OX Security",
    abilities=MappingProxyType(_ABILITIES),
    browser_url=MappingProxyType({MethodKind.OAUTH_APP: _WEB, MethodKind.IDENTITY_PROVIDER: _WEB}),
    open=_open,
)
