"""Projects, repositories and people as Azure DevOps shows them.

Source: field names of https://learn.microsoft.com/rest/api/azure/devops/ [documented, 2026-11-21];
which fields are there, absent or empty is as in Microsoft's recordings
(github.com/Azure/azure-devops-cli-extension).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote

from reconciler.sandbox.answers import encode
from reconciler.sandbox.azure_devops.estate import Project, Repository, ServicePrincipal, User
from reconciler.sandbox.azure_devops.organization import Organization

AGILE = {"templateName": "Agile", "templateTypeId": "adcc42ab-9882-485e-a3ed-7678f01f66bc"}

_Key: TypeAlias = tuple[int, bool]
"""What a kept answer depends on: the version of what it shows, and whether it is a Server's."""


def iso(moment: datetime) -> str:
    """UTC with milliseconds."""
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03}Z"


class Views:
    """Shows what an organization holds.

    Args:
        organization: whose.
        base: the emulator's address without a slash at the end, known once it is served.
    """

    def __init__(self, organization: Organization, base: Callable[[], str]) -> None:
        self._organization = organization
        self._base = base
        self._kept: dict[str, tuple[_Key, bytes]] = {}
        self._whole: tuple[_Key, bytes] = ((-1, False), b"")

    @property
    def root(self) -> str:
        """The address of the organization."""
        return f"{self._base()}/{self._organization.name}"

    # Projects ---------------------------------------------------------------------------------

    def project(self, project: Project) -> dict[str, Any]:
        """As in lists and inside repositories."""
        shown: dict[str, Any] = {"id": project.id, "name": project.name}
        if project.description:
            shown["description"] = project.description
        return {
            **shown,
            "url": f"{self.root}/_apis/projects/{project.id}",
            "state": project.state,
            "revision": project.revision,
            "visibility": project.visibility,
            "lastUpdateTime": iso(project.updated_at),
        }

    def whole_project(self, project: Project, *, capabilities: bool) -> dict[str, Any]:
        """As alone; the values of capabilities are texts."""
        shown = self.project(project)
        if capabilities:
            primary = "Git" if project.has_git else "Tfvc"
            shown["capabilities"] = {
                "processTemplate": AGILE,
                "versioncontrol": {
                    "sourceControlType": primary,
                    "gitEnabled": str(project.has_git),
                    "tfvcEnabled": str(project.has_tfvc),
                },
            }
        team = f"{self.root}/_apis/projects/{project.id}/teams/{project.team}"
        shown["_links"] = {
            "self": {"href": shown["url"]},
            "collection": {"href": f"{self.root}/_apis/projectCollections/{self._organization.id}"},
            "web": {"href": f"{self._web(project)}"},
        }
        shown["defaultTeam"] = {
            "id": project.team,
            "name": f"{project.name} Team",
            "url": team,
        }
        return shown

    def _web(self, project: Project) -> str:
        return f"{self._site()}/{quote(project.name)}"

    def _site(self) -> str:
        """What people open: the real host for Services, this one for a Server."""
        if self._organization.knobs.is_server:
            return self.root
        return f"https://dev.azure.com/{self._organization.name}"

    # Repositories -----------------------------------------------------------------------------

    def repository(self, repository: Repository, project: Project) -> dict[str, Any]:
        """As in lists."""
        return self._repository(repository, project, self.project(project))

    def _repository(
        self, repository: Repository, project: Project, home: dict[str, Any]
    ) -> dict[str, Any]:
        place = f"{quote(project.name)}/_git/{quote(repository.name)}"
        site, name = self._site(), self._organization.name
        address = f"{self.root}/{project.id}/_apis/git/repositories/{repository.id}"
        shown: dict[str, Any] = {
            "id": repository.id,
            "name": repository.name,
            "url": address,
            "project": home,
        }
        if repository.branch and not repository.is_disabled:
            shown["defaultBranch"] = f"refs/heads/{repository.branch}"
        shown["size"] = repository.size
        host = site.partition("://")
        is_server = self._organization.knobs.is_server
        shown["remoteUrl"] = f"{site}/{place}" if is_server else f"https://{name}@{host[2]}/{place}"
        slug = f"{name}/{quote(project.name)}/{quote(repository.name)}"
        shown["sshUrl"] = (
            f"ssh://{host[2]}/{place}" if is_server else f"git@ssh.dev.azure.com:v3/{slug}"
        )
        shown["webUrl"] = f"{site}/{place}"
        shown["isDisabled"] = repository.is_disabled
        shown["isInMaintenance"] = False
        if repository.parent:
            shown["isFork"] = True
        return shown

    def whole_repository(self, repository: Repository, project: Project) -> dict[str, Any]:
        """As alone: with its links."""
        shown = self.repository(repository, project)
        address = shown["url"]
        links = {
            "self": address,
            "project": f"vstfs:///Classification/TeamProject/{project.id}",
            "web": shown["webUrl"],
            "ssh": shown["sshUrl"],
        }
        parts = ("commits", "refs", "pullRequests", "items", "pushes")
        links |= {part: f"{address}/{part}" for part in parts}
        shown["_links"] = {rel: {"href": link} for rel, link in links.items()}
        return shown

    def deleted_repository(self, repository: Repository, project: Project) -> dict[str, Any]:
        """As in the recycle bin."""
        user = self._organization.estate.users.get(repository.deleted_by)
        return {
            "id": repository.id,
            "name": repository.name,
            "project": self.project(project),
            "deletedBy": self.identity(user) if user else None,
            "createdDate": iso(repository.created_at),
            "deletedDate": iso(repository.deleted_at) if repository.deleted_at else None,
        }

    def repositories(self, projects: tuple[Project, ...], *, is_whole: bool) -> bytes:
        """The list of everything in some projects, encoded; kept until something changes.

        Args:
            projects: whose repositories.
            is_whole: these are all there are.

        The answer for a whole organization has no pages: 100,000 repositories are one body.
        """
        estate = self._organization.estate
        key = (estate.version, self._organization.knobs.is_server)
        if is_whole and self._whole[0] == key:
            return self._whole[1]
        parts = [part for project in projects if (part := self._part(project))]
        count = sum(len(estate.live(p.id)) for p in projects)
        body = b'{"value":[' + b",".join(parts) + b'],"count":%d}' % count
        if is_whole:
            self._whole = (key, body)
        return body

    def _part(self, project: Project) -> bytes:
        estate = self._organization.estate
        key = (estate.changes[project.id], self._organization.knobs.is_server)
        kept = self._kept.get(project.id)
        if kept is None or kept[0] != key:
            home = self.project(project)
            shown = [self._repository(r, project, home) for r in estate.live(project.id)]
            kept = self._kept[project.id] = (key, encode(shown)[1:-1])
        return kept[1]

    # People -----------------------------------------------------------------------------------

    def identity(self, who: User | ServicePrincipal) -> dict[str, Any]:
        """A reference to somebody."""
        unique = who.email if isinstance(who, User) else who.entra_id
        return {
            "displayName": who.name,
            "url": f"{self.root}/_apis/Identities/{who.id}",
            "_links": {
                "avatar": {"href": f"{self.root}/_apis/GraphProfile/MemberAvatars/{who.descriptor}"}
            },
            "id": who.id,
            "uniqueName": unique,
            "imageUrl": f"{self.root}/_api/_common/identityImage?id={who.id}",
            "descriptor": who.descriptor,
        }
