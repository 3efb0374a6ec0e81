"""What people do in OX's own pages: grant a browser method, change a selection, rename, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import UsageError
from reconciler.sandbox.ox_gateway import Seen, Use
from reconciler.sandbox.ox_state import (
    AZURE_REPOS,
    BITBUCKET_CLOUD,
    OxConnector,
    OxCredential,
    OxTenant,
)
from reconciler.sandbox.settings import AZURE, BITBUCKET

_BROWSER = {"oauth-app": "BitbucketApp", "identity-provider": "IdentityProvider"}
_CONNECTORS = {BITBUCKET: BITBUCKET_CLOUD, AZURE: AZURE_REPOS}
_SWITCHES = (
    "numeric_ids",
    "nested",
    "knows_expiry",
    "errors_as_200",
    "takes_selections",
    "principals_renamed",
    "hourly_limit",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a browser. Connections are named by their id or display name.

    ``urls`` are where the emulated providers answer. Every method raises UsageError for what is
    not there.
    """

    tenant: OxTenant
    use: Use
    urls: Mapping[str, str]

    def overview(self) -> dict[str, Any]:
        """The organization without any secret."""
        return {
            "keyAlive": self.tenant.key_alive,
            "connections": [_shown(c) for c in self.tenant.credentials.values()],
        }

    def grant(
        self,
        *,
        method: str,
        workspace: str,
        name: str = "",
        repositories: Sequence[str] = (),
        provider: str = BITBUCKET,
    ) -> dict[str, Any]:
        """Consent to the Bitbucket app or the identity provider and tick *repositories* (slugs).

        Args:
            method: ``oauth-app`` or ``identity-provider``.
            workspace: slug of the Bitbucket workspace, or name of the Azure DevOps organization.
            name: display name; by default OX makes one up.
            repositories: slugs or ids to monitor.
            provider: ``bitbucket-cloud`` or ``azure-devops``.
        """
        connector = self.tenant.connector(_CONNECTORS.get(provider, ""))
        offered = connector.credentials_types if connector else ()
        if _BROWSER.get(method) not in offered:
            raise UsageError(
                f"{method} is not granted in a browser for {provider}",
                hint=f"methods are {', '.join(_BROWSER)}; providers are {', '.join(_CONNECTORS)}",
            )
        credential = OxCredential(
            id=self.tenant.new_id(),
            name=name or f"{workspace} ({method})",
            connector_id=_CONNECTORS[provider],
            credentials_type=_BROWSER[method],
            host_url=self._host_url(connector, workspace) if connector else "",
            workspace=workspace,
        )
        look = self.use(credential)
        if look.why:
            raise UsageError(f"cannot connect workspace {workspace}", hint=look.why)
        credential.seen = {seen.id for seen in look.repositories}
        self.tenant.add(credential)
        if repositories:
            self.select(connection=credential.id, add=repositories)
        return _shown(credential)

    def select(
        self,
        *,
        connection: str,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        follow_new: bool | None = None,
    ) -> dict[str, Any]:
        """Tick and untick repositories by name, owner/name or id.

        *follow_new* None leaves it as it is.
        """
        credential = self._find(connection)
        visible = self.use(credential).repositories
        credential.sync(seen.id for seen in visible)
        credential.selected |= _named(visible, add)
        credential.selected -= _named(visible, remove)
        if follow_new is not None:
            credential.follows_since_ms = 1.0 if follow_new else None
        return _shown(credential)

    def rename(self, *, connection: str, name: str) -> dict[str, Any]:
        """Give a connection another display name."""
        credential = self._find(connection)
        credential.name = name
        return _shown(credential)

    def remove(self, *, connection: str) -> dict[str, Any]:
        """Delete a connection."""
        credential = self._find(connection)
        self.tenant.remove(credential.id)
        return _shown(credential)

    def withdraw(self, *, connection: str) -> dict[str, Any]:
        """Withdraw a browser grant on the provider's side: OX keeps the connection, it is dead."""
        credential = self._find(connection)
        if not credential.is_browser_grant:
            raise UsageError(
                f"{credential.name} was not granted in a browser", hint="revoke its token instead"
            )
        credential.is_granted = False
        return _shown(credential)

    def revoke_key(self) -> dict[str, Any]:
        """Revoke the API key that programs use."""
        self.tenant.key_alive = False
        return self.overview()

    def restore_key(self) -> dict[str, Any]:
        """Make the API key work again."""
        self.tenant.key_alive = True
        return self.overview()

    def switch(self, **switches: bool | int) -> dict[str, Any]:
        """Move switches of the tenant: see `OxTenant`."""
        for name, value in switches.items():
            if name not in _SWITCHES:
                raise UsageError(
                    f"OX has no switch {name}", hint=f"switches are {', '.join(_SWITCHES)}"
                )
            setattr(self.tenant, name, value)
        return {name: getattr(self.tenant, name) for name in _SWITCHES}

    def _host_url(self, connector: OxConnector, workspace: str) -> str:
        """With the organization in it for Azure Repos, as its page asks for [assumed of grants]."""
        if connector.id != AZURE_REPOS:
            return connector.host_url
        return f"{self.urls.get(AZURE, connector.host_url)}/{workspace}/"

    def _find(self, connection: str) -> OxCredential:
        found = self.tenant.find(connection)
        if found is None:
            names = ", ".join(c.name for c in self.tenant.credentials.values()) or "none"
            raise UsageError(
                f"OX has no connection {connection}", hint=f"its connections are: {names}"
            )
        return found


def _named(visible: tuple[Seen, ...], names: Sequence[str]) -> set[str]:
    ids = {key: s.id for s in visible for key in (s.slug, f"{s.owner}/{s.slug}", s.id)}
    unknown = sorted(set(names) - ids.keys())
    if unknown:
        raise UsageError(
            f"this connection does not see {', '.join(unknown)}",
            hint="name repositories by name or id",
        )
    return {ids[name] for name in names}


def _shown(credential: OxCredential) -> dict[str, Any]:
    return {
        "id": credential.id,
        "name": credential.name,
        "type": credential.credentials_type,
        "username": credential.username,
        "workspace": credential.workspace,
        "selected": sorted(credential.selected),
        "followsNew": credential.follows_since_ms is not None,
    }
