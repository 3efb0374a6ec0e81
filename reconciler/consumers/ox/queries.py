"""The GraphQL documents that are sent to OX. Pure text.

Only documented names are used, because a server refuses a document with one name too many.
Source: https://docs.ox.security/api-documentation/api-reference/api--connectors, one page per
operation and type [documented, 2026-11-21]. That ``BitbucketAppCredentials`` and
``IdentityProvider`` carry the same fields as the other members of ``Credential`` is [assumed].
What a service principal's member is called is not published [assumed, 2026-11-21]: it is named
only where that is asked for, so that a wrong guess harms nobody else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from reconciler.consumers.ox.convert import PRINCIPAL, alias

_FIELDS = (
    "credentialsId credentialsName credentialsType tokenExpirationDate hostURL "
    "monitorAllNewlyCreatedResources"
)
_WITH_NAME = ("TokenAndUserCredentials", "UserPasswordCredentials", "UserPasswordOnlyCredentials")
_WITHOUT_NAME = (
    "TokenCredentials",
    "TokenOnlyCredentials",
    "BitbucketAppCredentials",
    "IdentityProvider",
)


class Documents(NamedTuple):
    """The documents that name members of the union ``Credential``."""

    connectors: str
    monitored: str
    add: str


@lru_cache(maxsize=2)
def documents(*, principals: bool) -> Documents:
    """The documents, naming the member of service principals if *principals*."""
    without_name = (*_WITHOUT_NAME, PRINCIPAL) if principals else _WITHOUT_NAME
    members = " ".join(
        [f"... on {member} {{ name {_FIELDS} }}" for member in _WITH_NAME]
        + [f"... on {member} {{ {_FIELDS} }}" for member in without_name]
    )
    remembered = " ".join(
        f"... on {member} {{ credentialsId monitoredResources }}"
        for member in (*_WITH_NAME, *without_name)
    )
    connector = (
        "connector { id name displayName hostURL credentialsTypes isConfigured "
        f"credentials {{ __typename {members} }} }}"
    )
    by_family = "($family: String) { getConnectorsByFamily(family: $family) { "
    return Documents(
        connectors=(
            f"query GetConnectorsByFamily{by_family}family connectors {{ {connector} }} }} }}"
        ),
        monitored=(
            f"query GetMonitoredResources{by_family}connectors {{ connector {{ id name "
            f"credentials {{ __typename {remembered} }} }} }} }} }}"
        ),
        add=(
            "mutation AddCredentials($addCredentialsInput: AddCredentialsInput!) { "
            f"addCredentials(addCredentialsInput: $addCredentialsInput) {{ {connector} }} }}"
        ),
    )


REMOVE = (
    "mutation RemoveCredentials($removeCredentialsInput: RemoveCredentialsInput!) { "
    "removeCredentials(removeCredentialsInput: $removeCredentialsInput) { connector { id } } }"
)

VERIFY = (
    "mutation VerifySingleConnectorCredentials($verifyCredentialsInput: VerifyCredentialsInput!) { "
    "verifySingleConnectorCredentials(verifyCredentialsInput: $verifyCredentialsInput) { "
    "credentialsAreValid noReposFound validationMessage } }"
)

MONITOR = (
    "mutation MonitorConnectorResources("
    "$monitorConnectorResourceInput: MonitorConnectorResourceInput!) { "
    "monitorConnectorResources("
    "monitorConnectorResourceInput: $monitorConnectorResourceInput) { success } }"
)

_ROW = "id name resourceOrgName isMonitored resourceType"
_ROWS = (
    f"resources {{ {_ROW} children {{ {_ROW} children {{ {_ROW} }} }} }} "
    "monitorAllNewlyCreatedResources total selected"
)


def resources(count: int) -> str:
    """A query for the resources of *count* credentials in one request, by aliases.

    Its variables are ``i0``, ``i1``, …; its answers come as `alias` names them.
    """
    variables = ", ".join(f"$i{n}: GetConnectorResourcesInput!" for n in range(count))
    fields = " ".join(
        f"{alias(n)}: getConnectorResources(getConnectorResourcesInput: $i{n}) {{ {_ROWS} }}"
        for n in range(count)
    )
    return f"query GetConnectorResources({variables}) {{ {fields} }}"
