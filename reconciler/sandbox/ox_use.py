"""How OX's servers use a credential: they ask the emulator that the connector is for.

What a credential sees is asked for at that moment, so that one that died there is dead here.
Names and owners are as a tenant shows them: the repository's own name, and its workspace
(Bitbucket Cloud) or project (Azure DevOps: its name; Data Center: its key) [assumed, 2026-11-21].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.sandbox.credentials import digest
from reconciler.sandbox.ox_gateway import Look, Seen, Use
from reconciler.sandbox.ox_state import AZURE_REPOS, BITBUCKET_CLOUD, BITBUCKET_SERVER, OxCredential
from reconciler.sandbox.settings import AZURE, DATA_CENTER
from reconciler.sandbox.state import Sandbox

if TYPE_CHECKING:
    from reconciler.sandbox.azure_devops import Organization

READ_SCOPE = "read:repository:bitbucket"
"""Without it an API token lists no repositories."""

_AZURE_SERVICES = "https://dev.azure.com"
_NOBODY = "nothing answers at that host URL"
_WITHDRAWN = "401: the grant was withdrawn"


def use_in(sandbox: Sandbox) -> Use:
    """Use a credential at the sandbox's providers."""
    ways: dict[str, Callable[[Sandbox, OxCredential], Look]] = {
        BITBUCKET_CLOUD: _at_bitbucket_cloud,
        AZURE_REPOS: _at_azure,
        BITBUCKET_SERVER: _at_data_center,
    }

    def use(credential: OxCredential) -> Look:
        way = ways.get(credential.connector_id, _at_bitbucket_cloud)
        if credential.is_browser_grant and not credential.is_granted:
            return Look(_WITHDRAWN)
        return way(sandbox, credential)

    return use


def _at_bitbucket_cloud(sandbox: Sandbox, credential: OxCredential) -> Look:
    estate = sandbox.bitbucket.estate
    if credential.is_browser_grant:
        workspace = estate.find_workspace(credential.workspace)
        if workspace is None:
            return Look(_WITHDRAWN)
        return _look((r.uuid, r.slug, workspace.slug) for r in estate.repositories(workspace))
    tried = sandbox.bitbucket.try_login(
        credential.host_url, "api-token", credential.username, credential.secret
    )
    if not tried.ok or tried.credential is None:
        return Look(tried.reason)
    if READ_SCOPE not in tried.credential.scopes:
        return Look(f"403: the token lacks the scope {READ_SCOPE}")
    slugs = {uuid: workspace.slug for uuid, workspace in estate.workspaces.items()}
    seen = ((r.uuid, r.slug, slugs[r.workspace]) for r in tried.repositories)
    return _look(seen, tried.credential.expires_on)


def _at_azure(sandbox: Sandbox, credential: OxCredential) -> Look:
    """The host URL ends in the organization, as the vendor wants it."""
    from reconciler.sandbox.azure_devops import organization_in

    organization = organization_in(sandbox)
    host, _, name = credential.host_url.rstrip("/").rpartition("/")
    if credential.is_browser_grant:
        host, name = _AZURE_SERVICES, credential.workspace
    if host not in (_AZURE_SERVICES, sandbox.urls.get(AZURE)):
        return Look(_NOBODY)
    if name.lower() != organization.name.lower():
        return Look("404: there is no such organization")
    if credential.is_browser_grant:
        return _look(_everything(organization))
    if credential.credentials_type == "ServicePrincipal":
        return _by_application(organization, credential)
    tried = organization.try_pat(credential.secret)
    if not tried.ok:
        return Look(f"401: {tried.reason}")
    return _look(((r.id, r.name, r.project) for r in tried.repositories), tried.expires_at)


def _by_application(organization: Organization, credential: OxCredential) -> Look:
    found = organization.estate.find_principal(credential.username)
    if credential.tenant != organization.tenant:
        return Look("401: the tenant does not know the application")
    if found is None or found.secret_digest != digest(credential.secret):
        return Look("401: the client id or the client secret is wrong")
    return _look(_everything(organization))


def _everything(organization: Organization) -> Iterable[tuple[str, str, str]]:
    return (
        (repository.id, repository.name, project.name)
        for project in organization.estate.visible(None)
        if project.state == "wellFormed"
        for repository in organization.estate.live(project.id)
    )


def _at_data_center(sandbox: Sandbox, credential: OxCredential) -> Look:
    from reconciler.sandbox.data_center import instance_in

    if credential.host_url.rstrip("/") != sandbox.urls.get(DATA_CENTER):
        return Look(_NOBODY)
    tried = instance_in(sandbox).try_token(credential.secret, credential.username)
    if not tried.ok:
        return Look(tried.reason)
    return _look(((str(r.id), r.slug, r.project) for r in tried.repositories), tried.expires_at)


def _look(seen: Iterable[tuple[str, str, str]], expires_at: datetime | None = None) -> Look:
    return Look("", tuple(Seen(*row) for row in seen), expires_at)
