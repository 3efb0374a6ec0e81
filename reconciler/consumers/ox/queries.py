"""The GraphQL documents that are sent to OX. Pure text.

Only documented names are used, because a server refuses a document with one name too many.
Source: https://docs.ox.security/api-documentation/api-reference/api--connectors, one page per
operation and type [documented, 2026-11-21]. That ``BitbucketAppCredentials`` and
``IdentityProvider`` carry the same fields as the other members of ``Credential`` is [assumed].
"""

from __future__ import annotations

from reconciler.consumers.ox.convert import alias

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
_MEMBERS = " ".join(
    [f"... on {member} {{ name {_FIELDS} }}" for member in _WITH_NAME]
    + [f"... on {member} {{ {_FIELDS} }}" for member in _WITHOUT_NAME]
)
_MONITORED = " ".join(
    f"... on {member} {{ credentialsId monitoredResources }}"
    for member in (*_WITH_NAME, *_WITHOUT_NAME)
)
_CONNECTOR = (
    "connector { id name displayName hostURL credentialsTypes isConfigured "
    f"credentials {{ __typename {_MEMBERS} }} }}"
)

CONNECTORS = (
    "query GetConnectorsByFamily($family: String) { getConnectorsByFamily(family: $family) { "
    f"family connectors {{ {_CONNECTOR} }} }} }}"
)

MONITORED = (
    "query GetMonitoredResources($family: String) { getConnectorsByFamily(family: $family) { "
    f"connectors {{ connector {{ id name credentials {{ __typename {_MONITORED} }} }} }} }} }}"
)

ADD = (
    "mutation AddCredentials($addCredentialsInput: AddCredentialsInput!) { "
    f"addCredentials(addCredentialsInput: $addCredentialsInput) {{ {_CONNECTOR} }} }}"
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
