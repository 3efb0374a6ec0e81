"""Which connector of OX is for which provider, and how a credential is given to it. Pure.

OX publishes neither the ids nor the exact names of its connectors, so their names are searched
for words, and settings decide where that is not enough. Types of credentials and the fields of
``credentialsInput``:
https://docs.ox.security/api-documentation/api-reference/api--connectors [documented, 2026-11-21];
which connector offers which type is read from the connector.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from reconciler.consumers.ox.convert import Connector
from reconciler.consumers.ox.refusals import PRINCIPALS, rejected
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.ports.consumer import ConnectRequest
from reconciler.transport.faults import quoted

BITBUCKET_CLOUD = "bitbucket-cloud"
AZURE_DEVOPS = "azure-devops"
BITBUCKET_DATA_CENTER = "bitbucket-data-center"

SETTINGS = {
    BITBUCKET_CLOUD: "connectorId",
    AZURE_DEVOPS: "azureConnectorId",
    BITBUCKET_DATA_CENTER: "dataCenterConnectorId",
}
"""The setting that names the connector of each provider, in the order in which they are read."""

TITLES = {
    BITBUCKET_CLOUD: "Bitbucket Cloud",
    AZURE_DEVOPS: "Azure DevOps",
    BITBUCKET_DATA_CENTER: "Bitbucket Data Center",
}

_YES = "yes"
_SELF_HOSTED = ("server", "datacenter", "onprem", "selfhosted")
_OTHER_PRODUCTS = ("pipelines", "boards", "artifacts", "testplans")

_TOKEN_TYPES = frozenset(
    {
        "TokenAndUser",
        "Token",
        "TokenOnly",
        "UserPassword",
        "UserPasswordOnly",
        "UserPasswordBothOptional",
    }
)
_TOKEN_KINDS = {
    BITBUCKET_CLOUD: MethodKind.API_TOKEN,
    AZURE_DEVOPS: MethodKind.PERSONAL_ACCESS_TOKEN,
    BITBUCKET_DATA_CENTER: MethodKind.HTTP_ACCESS_TOKEN,
}
_OTHER_KINDS = {
    (BITBUCKET_CLOUD, "BitbucketApp"): MethodKind.OAUTH_APP,
    (BITBUCKET_CLOUD, "IdentityProvider"): MethodKind.IDENTITY_PROVIDER,
    (AZURE_DEVOPS, "IdentityProvider"): MethodKind.IDENTITY_PROVIDER,
    (AZURE_DEVOPS, "ServicePrincipal"): MethodKind.SERVICE_PRINCIPAL,
    (AZURE_DEVOPS, "TenantIdClientIdClientSecret"): MethodKind.SERVICE_PRINCIPAL,
    (BITBUCKET_DATA_CENTER, "IdentityProvider"): MethodKind.IDENTITY_PROVIDER,
}


class Way(NamedTuple):
    """A type of credentials, and the fields that take the user name, the secret, the tenant."""

    type: str
    user: str
    secret: str
    tenant: str = ""


_BY_USER = (
    Way("TokenAndUser", "name", "token"),
    Way("UserPassword", "name", "password"),
    Way("UserPasswordBothOptional", "name", "password"),
)
_BY_TOKEN = (Way("Token", "", "token"), Way("TokenOnly", "", "token"))
_BY_APPLICATION = (
    Way("ServicePrincipal", "clientId", "clientSecret", "tenantId"),
    Way("TenantIdClientIdClientSecret", "clientId", "clientSecret", "tenantId"),
)


class Home(NamedTuple):
    """Where a connection lives at OX."""

    provider: str
    connector_id: str


def provider_of(connector: Connector) -> str:
    """The provider that a connector's names speak of; empty when they tell none that we know.

    "Bitbucket" alone is the Cloud; words such as "Server" tell the self-hosted edition.
    """
    names = f"{connector.name or ''} {connector.display_name or ''}".lower()
    plain = re.sub(r"[^a-z]", "", names)
    is_self_hosted = any(word in plain for word in _SELF_HOSTED)
    if any(word in plain for word in _OTHER_PRODUCTS):
        return ""
    if "bitbucket" in plain:
        return BITBUCKET_DATA_CENTER if is_self_hosted else BITBUCKET_CLOUD
    is_azure = "azurerepos" in plain or ("azuredevops" in plain and not is_self_hosted)
    return AZURE_DEVOPS if is_azure else ""


def sort_out(every: Iterable[Connector], settings: Mapping[str, str]) -> dict[str, Connector]:
    """The connector of each provider that has one, Bitbucket Cloud first.

    A setting decides for its provider. ``connectorId`` stands for the provider that the name of
    the connector tells, and for Bitbucket Cloud where the name tells none.
    """
    with_id = {str(connector.id): connector for connector in every if connector.id is not None}
    told = {id_: provider_of(connector) for id_, connector in with_id.items()}
    chosen = {
        id_: told.get(id_) or provider if provider == BITBUCKET_CLOUD else provider
        for id_, provider in _chosen(settings).items()
    }
    found: dict[str, Connector] = {}
    for id_, connector in with_id.items():
        is_free = told[id_] not in chosen.values()
        provider = chosen.get(id_) or (told[id_] if is_free else "")
        found.setdefault(provider, connector)
    return {provider: found[provider] for provider in SETTINGS if provider in found}


def unknown_ids(every: Iterable[Connector], settings: Mapping[str, str]) -> list[str]:
    """Ids in the settings that no connector has."""
    return sorted(_chosen(settings).keys() - {str(connector.id) for connector in every})


def setting_of(connector_id: str, settings: Mapping[str, str]) -> str:
    """The setting that names that connector."""
    return SETTINGS[_chosen(settings)[connector_id]]


def takes_principals(settings: Mapping[str, str]) -> bool:
    """Whether service principals may be spoken of; see `queries.documents`.

    Raises:
        RemoteError: REJECTED; the setting has a value that it cannot have.
    """
    value = settings.get(PRINCIPALS)
    if value is not None and value != _YES:
        raise rejected(
            f"the setting `{PRINCIPALS}` of this Consumer is {quoted(value)!r}; nothing was sent",
            f'write `{PRINCIPALS}: "{_YES}"`, or leave it out',
        )
    return value == _YES


def _chosen(settings: Mapping[str, str]) -> dict[str, str]:
    """Connector id → the provider whose setting names it."""
    named = ((settings.get(setting, ""), provider) for provider, setting in SETTINGS.items())
    return {id_: provider for id_, provider in named if id_}


def kind_of(provider: str, credentials_type: str) -> MethodKind | None:
    """The method behind a type of credentials; None for types that are none of ours."""
    if credentials_type in _TOKEN_TYPES:
        return _TOKEN_KINDS.get(provider)
    return _OTHER_KINDS.get((provider, credentials_type))


def way(connector: Connector, kind: MethodKind, username: str) -> Way | None:
    """How a credential of that method is given; None when the connector offers no way.

    A token without a user name goes where only a token is asked for, if there is such a way.
    """
    offered = frozenset(connector.types or ())
    return next((found for found in _ways(kind, username) if found.type in offered), None)


def _ways(kind: MethodKind, username: str) -> tuple[Way, ...]:
    match kind:
        case MethodKind.API_TOKEN:
            return _BY_USER
        case MethodKind.HTTP_ACCESS_TOKEN:
            return (*_BY_USER, *_BY_TOKEN) if username else (*_BY_TOKEN, *_BY_USER)
        case MethodKind.PERSONAL_ACCESS_TOKEN:
            return (*_BY_TOKEN, *_BY_USER)
        case MethodKind.SERVICE_PRINCIPAL:
            return _BY_APPLICATION
        case _:
            return ()


def credentials_input(found: Way, request: ConnectRequest) -> dict[str, str]:
    """``credentialsInput`` for a new connection.

    Raises:
        RemoteError: REJECTED; an application needs the tenant that it is registered in, and a
            client secret: OX has no box for anything else.
    """
    tenant, form = request.tenant, request.form
    if found.tenant and form is not CredentialForm.SECRET:
        raise rejected(
            f"OX takes no {form} of a service principal; nothing was sent",
            "give the application a client secret and write `form: client-secret`",
        )
    if found.tenant and not tenant:
        raise rejected(
            "OX needs the tenant of a service principal",
            "write `tenant`, the directory (tenant) id of the application, into its Method",
        )
    filled = {found.user: request.username, found.tenant: tenant}
    given = {key: value for key, value in filled.items() if key}
    return {**given, found.secret: request.secret.reveal()}


def host_url(request: ConnectRequest, connector: Connector) -> str | None:
    """What goes into the "host URL" box.

    For Azure Repos the organization belongs to it: ``https://dev.azure.com/{organization}/``.

    Source: https://docs.ox.security/get-started/onboarding-to-ox/source-control/azure
    [documented for service principals, assumed for tokens, 2026-11-21].
    """
    base = request.host_url or connector.host_url
    if request.provider != AZURE_DEVOPS or not base:
        return base
    parts, organization = urlsplit(base), request.workspace.lower()
    last = parts.path.rstrip("/").rpartition("/")[2].lower()
    if organization == last or (parts.hostname or "").startswith(f"{organization}."):
        return base
    return f"{base.rstrip('/')}/{request.workspace}/"
