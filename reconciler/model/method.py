"""How a consumer authenticates, and which actions a connection may take."""

from __future__ import annotations

from enum import StrEnum


class MethodKind(StrEnum):
    """How a consumer authenticates, spelt as in YAML."""

    OAUTH_APP = "oauth-app"
    IDENTITY_PROVIDER = "identity-provider"
    OAUTH_CONSUMER = "oauth-consumer"
    API_TOKEN = "api-token"  # noqa: S105  the name of a method, not a token
    ACCESS_TOKEN = "access-token"  # noqa: S105  likewise
    HTTP_ACCESS_TOKEN = "http-access-token"  # noqa: S105  likewise
    PERSONAL_ACCESS_TOKEN = "personal-access-token"  # noqa: S105  likewise
    SERVICE_PRINCIPAL = "service-principal"
    APP_PASSWORD = "app-password"  # noqa: S105  likewise

    @property
    def is_browser_grant(self) -> bool:
        """Granted in a browser: no secret passes through our hands."""
        return self in (MethodKind.OAUTH_APP, MethodKind.IDENTITY_PROVIDER)


class IssuerKind(StrEnum):
    """How we sign in to have credentials made: as the user who shall own them."""

    PASSWORD = "password"  # noqa: S105  user name and password (Data Center)
    BEARER = "bearer"  # an access token of the user: OAuth (Data Center), Entra (Azure DevOps)


class CredentialForm(StrEnum):
    """What the secret of a service principal is."""

    SECRET = "client-secret"  # noqa: S105  the name of a form
    CERTIFICATE = "certificate"  # PEM with private key
    FEDERATED = "federated-token"  # the workload's own OIDC token
    TOKEN = "access-token"  # noqa: S105  an Entra access token that somebody else fetched


class ActionKind(StrEnum):
    """What can be done to a connection; `Connection.manage` lists those it may take."""

    CONNECT = "connect"
    RESCOPE = "rescope"
    ROTATE = "rotate"
    RECONNECT = "reconnect"
    ADOPT = "adopt"
    RELINK = "relink"
    DISCONNECT = "disconnect"
    FORGET = "forget"


DEFAULT_MANAGE = frozenset({ActionKind.CONNECT, ActionKind.RESCOPE, ActionKind.ROTATE})
"""Disconnecting is opt-in. `reconnect` needs connect; adopt, relink and forget need no consent
beyond the YAML that asks for them."""


class NewRepositories(StrEnum):
    """What happens to a repository that appears after the selection was applied."""

    INCLUDE = "include"
    IGNORE = "ignore"


class Missing(StrEnum):
    """What happens to a selected repository that a complete listing no longer shows."""

    ORPHAN = "orphan"
    REMOVE = "remove"
    ERROR = "error"
