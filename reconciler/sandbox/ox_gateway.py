"""The operations of the emulated OX gateway: resolvers over the tenant and over the providers.

A resolver runs synchronously and touches nothing but state; what a credential may see is asked of
its provider at that moment, so that a token that dies there is dead here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from graphql import GraphQLError

from reconciler.sandbox.ox_schema import PRINCIPAL, RENAMED
from reconciler.sandbox.ox_state import BITBUCKET_CLOUD, OxConnector, OxCredential, OxTenant

TYPE_NAMES = {
    "UserPassword": "UserPasswordCredentials",
    "UserPasswordOnly": "UserPasswordOnlyCredentials",
    "TokenAndUser": "TokenAndUserCredentials",
    "Token": "TokenCredentials",
    "TokenOnly": "TokenOnlyCredentials",
    "GitHubApp": "GitHubAppCredentials",
    "BitbucketApp": "BitbucketAppCredentials",
    "ServicePrincipal": PRINCIPAL,
    "IdentityProvider": "IdentityProvider",
    "BotIdentityProvider": "BotIdentityProvider",
}
"""Member of the union ``Credential`` for each type of credentials."""

HOSTS = {BITBUCKET_CLOUD: "https://bitbucket.org"}
"""Where the repositories of a connector are looked at, when it is not its host URL."""

FAMILY_NAMES = {"SourceControl": "Source Control", "CICD": "CI/CD"}


class Seen(NamedTuple):
    """A repository as a credential sees it: the provider's id, its name, its owner's name.

    The owner is a workspace (Bitbucket Cloud) or a project.
    """

    id: str
    slug: str
    owner: str


@dataclass(frozen=True, slots=True)
class Look:
    """What came of using a credential at the provider. ``why`` is empty on success."""

    why: str
    repositories: tuple[Seen, ...] = ()
    expires_at: datetime | None = None


Use = Callable[[OxCredential], Look]
"""Uses a credential at the provider."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Resolvers by operation name; see `root`."""

    tenant: OxTenant
    use: Use

    def root(self) -> Mapping[str, Callable[..., Any]]:
        """What the schema's root types resolve to."""
        return {
            "getConnectorsByFamily": self.connectors_by_family,
            "getConnectorResources": self.connector_resources,
            "getApplications": self.applications,
            "addCredentials": self.add_credentials,
            "removeCredentials": self.remove_credentials,
            "verifySingleConnectorCredentials": self.verify,
            "monitorConnectorResources": self.monitor,
        }

    @property
    def principal(self) -> str:
        """What the member for service principals is called now."""
        return RENAMED if self.tenant.principals_renamed else PRINCIPAL

    # Queries ----------------------------------------------------------------------------------

    def connectors_by_family(self, _info: Any, family: str | None = None) -> list[dict[str, Any]]:
        """Every connector, configured or not, grouped."""
        names = dict.fromkeys(c.family for c in self.tenant.connectors)
        return [
            {
                "family": name,
                "familyDisplayName": FAMILY_NAMES.get(name, name),
                "connectors": [
                    {"connector": self._connector(c)}
                    for c in self.tenant.connectors
                    if c.family == name
                ],
            }
            for name in names
            if family in (None, name, FAMILY_NAMES.get(name))
        ]

    def connector_resources(
        self,
        _info: Any,
        getConnectorResourcesInput: dict[str, Any],  # noqa: N803  their name
    ) -> dict[str, Any]:
        """What one credential can see, and what of it is monitored."""
        credential = self._credential(getConnectorResourcesInput, "credentialsId")
        look = self.use(credential)
        if look.why:
            raise _error(f"Failed to fetch resources: {look.why}", "RESOURCES_UNAVAILABLE")
        credential.sync(seen.id for seen in look.repositories)
        rows = [(seen.owner, self._resource(credential, seen)) for seen in look.repositories]
        leaves = [row for _, row in rows]
        return {
            "resources": self._nested(credential, rows) if self.tenant.nested else leaves,
            "monitorAllNewlyCreatedResources": credential.follows_since_ms is not None,
            "total": len(leaves),
            "selected": sum(row["isMonitored"] for row in leaves),
        }

    def applications(
        self,
        _info: Any,
        getApplicationsInput: dict[str, Any] | None = None,  # noqa: N803  theirs
    ) -> dict[str, Any]:
        """Monitored repositories of every connection, each once."""
        asked = getApplicationsInput or {}
        search = str(asked.get("search") or "").lower()
        every: dict[str, dict[str, Any]] = {}
        for credential in self.tenant.credentials.values():
            host = HOSTS.get(credential.connector_id, credential.host_url.rstrip("/"))
            for seen in self.use(credential).repositories:
                if seen.id in credential.selected and search in seen.slug:
                    every[seen.id] = {
                        "appId": self.tenant.resource_id(seen.id),
                        "appName": f"{seen.owner}/{seen.slug}",
                        "link": f"{host}/{seen.owner}/{seen.slug}",
                        "relevance": "Relevant",
                    }
        start = int(asked.get("offset") or 0)
        page = list(every.values())[start : start + int(asked.get("limit") or 50)]
        return {"applications": page, "total": len(every), "totalFilteredApps": len(every)}

    # Mutations --------------------------------------------------------------------------------

    def add_credentials(
        self,
        _info: Any,
        addCredentialsInput: dict[str, Any],  # noqa: N803  their name
    ) -> dict[str, Any]:
        """Add a connection after trying it, as the button CONNECT does."""
        asked = addCredentialsInput
        connector = self._known(asked["connectorID"])
        kind, given = asked["credentialsType"], asked["credentialsInput"]
        if kind not in connector.credentials_types:
            raise _error(f"{connector.name} does not support credentials of type {kind}")
        credential = OxCredential(
            id=self.tenant.new_id(),
            name=asked.get("credentialsName") or "",
            connector_id=connector.id,
            credentials_type=kind,
            host_url=asked.get("hostURL") or connector.host_url,
            username=given.get("name") or given.get("clientId") or "",
            secret=given.get("token") or given.get("password") or given.get("clientSecret") or "",
            tenant=given.get("tenantId") or "",
        )
        if credential.is_browser_grant:
            raise _error(f"credentials of type {kind} need a token of the identity provider")
        look = self.use(credential)
        if look.why:
            raise _error(f"Invalid credentials: {look.why}", "INVALID_CREDENTIALS")
        credential.expires_at = look.expires_at if self.tenant.knows_expiry else None
        credential.seen = {seen.id for seen in look.repositories}
        self.tenant.add(credential)
        return {"connector": self._connector(connector)}

    def remove_credentials(
        self,
        _info: Any,
        removeCredentialsInput: dict[str, Any],  # noqa: N803  their name
    ) -> dict[str, Any]:
        """Take a connection away, by id or by its place in the list."""
        asked = removeCredentialsInput
        connector = self._known(asked["connectorID"])
        if asked.get("credentialsId") is None and asked.get("credentialsIndex") is not None:
            mine = self.tenant.of(connector.id)
            place = int(asked["credentialsIndex"])
            asked = {**asked, "credentialsId": mine[place].id if place < len(mine) else None}
        self.tenant.remove(self._credential(asked, "credentialsId").id)
        return {"connector": self._connector(connector)}

    def verify(
        self,
        _info: Any,
        verifyCredentialsInput: dict[str, Any],  # noqa: N803  their name
    ) -> dict[str, Any]:
        """Try a connection, as the button VERIFY CONNECTIVITY does."""
        look = self.use(self._credential(verifyCredentialsInput, "credentialsID"))
        empty = not look.why and not look.repositories
        return {
            "credentialsAreValid": not look.why,
            "noReposFound": empty,
            "validationMessage": look.why or ("No repositories found" if empty else None),
        }

    def monitor(
        self,
        _info: Any,
        monitorConnectorResourceInput: dict[str, Any],  # noqa: N803  their name
    ) -> dict[str, Any]:
        """Replace the whole selection of a connection; ids it cannot see are passed over."""
        asked = monitorConnectorResourceInput
        credential = self._credential(asked, "credentialsId")
        if not self.tenant.takes_selections:
            return {"success": False}
        visible = {seen.id for seen in self.use(credential).repositories}
        wanted = {
            self.tenant.repository_id(row["id"])
            for row in asked.get("resources") or ()
            if row["isMonitored"]
        }
        kept = visible if asked.get("monitorAllResources") else visible & wanted
        credential.seen |= visible
        credential.replace(kept, asked.get("monitorAllNewlyCreatedResources"))
        return {"success": True}

    # Shapes -----------------------------------------------------------------------------------

    def _known(self, connector_id: str) -> OxConnector:
        connector = self.tenant.connector(connector_id)
        if connector is None:
            raise _error(f"Connector {connector_id} not found")
        return connector

    def _credential(self, asked: Mapping[str, Any], key: str) -> OxCredential:
        connector = self._known(asked["connectorID"])
        credential = self.tenant.credentials.get(asked.get(key) or "")
        if credential is None or credential.connector_id != connector.id:
            raise _error(f"Credentials not found in connector {connector.name}", "NOT_FOUND")
        return credential

    def _connector(self, connector: OxConnector) -> dict[str, Any]:
        mine = self.tenant.of(connector.id)
        return {
            "id": connector.id,
            "name": connector.name,
            "displayName": connector.display_name,
            "hostURL": connector.host_url,
            "family": connector.family,
            "credentialsType": mine[0].credentials_type if mine else None,
            "credentialsTypes": list(connector.credentials_types),
            "credentials": [self._shown(credential) for credential in mine],
            "isConfigured": bool(mine),
            "isResourceAvailable": True,
            "resourceOptions": {"resourceName": "repository"},
            "enableMultiCredentials": True,
        }

    def _shown(self, credential: OxCredential) -> dict[str, Any]:
        hidden = hashlib.sha256(credential.id.encode()).hexdigest()
        ends = credential.expires_at
        member = TYPE_NAMES.get(credential.credentials_type, "TokenAndUserCredentials")
        return {
            "__typename": self.principal if member == PRINCIPAL else member,
            "name": credential.username,
            "token": hidden,
            "password": hidden,
            "iv": hidden[:32],
            "credentialsId": credential.id,
            "credentialsName": credential.name,
            "credentialsType": credential.credentials_type,
            "tokenExpirationDate": ends.isoformat() if ends else None,
            "isCertChecksDisabled": False,
            "hostURL": credential.host_url,
            "monitoredResources": lambda _info: self._monitored(credential),
            "monitorAllResources": False,
            "monitorAllNewlyCreatedResources": credential.follows_since_ms,
            "brokerEnabled": False,
        }

    def _monitored(self, credential: OxCredential) -> list[str]:
        return [self.tenant.resource_id(repository) for repository in sorted(credential.selected)]

    def _resource(self, credential: OxCredential, seen: Seen) -> dict[str, Any]:
        return {
            "id": self.tenant.resource_id(seen.id),
            "name": seen.slug,
            "resourceOrgName": seen.owner,
            "isMonitored": seen.id in credential.selected,
            "resourceType": "repo",
            "children": None,
            "iconName": "repository",
            "settingsAvailable": False,
            "credentialsId": credential.id,
            "__typename": "ConnectorResource",
        }

    def _nested(
        self, credential: OxCredential, rows: list[tuple[str, dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        shelves: dict[str, list[dict[str, Any]]] = {}
        for workspace, row in rows:
            shelves.setdefault(workspace, []).append(row)
        return [
            {
                "id": f"workspace-{workspace}",
                "name": workspace,
                "resourceOrgName": workspace,
                "isMonitored": False,
                "resourceType": "workspace",
                "children": children,
                "credentialsId": credential.id,
                "__typename": "ConnectorResource",
            }
            for workspace, children in shelves.items()
        ]


def _error(message: str, code: str = "BAD_USER_INPUT") -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
