"""Bitbucket Cloud's JSON for our objects. Pure.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/ [documented, 2026-11-21]; where the
official schema and recorded replies differ, the replies are followed: ``slug`` of a repository.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from reconciler.sandbox.auth import Caller
from reconciler.sandbox.estate import Estate, Hook, Project, Repository, User, Workspace

Json = dict[str, Any]

WEB = "https://bitbucket.org"


def iso(moment: datetime) -> str:
    """ISO-8601 with microseconds and ``+00:00``."""
    return moment.isoformat(timespec="microseconds")


def _href(url: str) -> dict[str, str]:
    return {"href": url}


class Views:
    """JSON with links to this emulator's address."""

    def __init__(self, estate: Estate, base: Callable[[], str]) -> None:
        self._estate = estate
        self._base = base

    @property
    def base(self) -> str:
        """Address of the API with ``/2.0``, without a slash at the end."""
        return self._base()

    def user(self, user: User, *, with_email: bool = False, is_self: bool = False) -> Json:
        """A user. The e-mail only where it was asked for, the user name only for oneself."""
        place = quote(user.uuid)
        body: Json = {
            "type": "user",
            "display_name": user.display_name,
            "nickname": user.nickname,
            "uuid": user.uuid,
            "account_id": user.account_id,
            "links": {
                "self": _href(f"{self.base}/users/{place}"),
                "avatar": _href(f"{WEB}/account/{place}/avatar/"),
                "html": _href(f"{WEB}/{place}/"),
            },
        }
        if with_email:
            body["email"] = user.email
        if is_self:
            body |= {
                "username": user.username,
                "account_status": "active",
                "has_2fa_enabled": None,
                "is_staff": False,
                "location": None,
                "created_on": iso(user.created_on),
            }
            body["links"]["repositories"] = _href(f"{self.base}/repositories/{place}")
        return body

    def app_user(self, caller: Caller, name: str) -> Json:
        """The identity behind client credentials since May 2026."""
        credential = caller.credential
        account = credential.consumer if credential else ""
        return {
            "type": "app_user",
            "display_name": name,
            "account_id": f"557058:{account}",
            "account_status": "active",
            "kind": "oauth_consumer",
        }

    def workspace(self, workspace: Workspace) -> Json:
        """A workspace in full."""
        place = f"{self.base}/workspaces/{workspace.slug}"
        parts = ("members", "projects")
        return {
            **self.workspace_brief(workspace),
            "is_private": True,
            "is_privacy_enforced": False,
            "forking_mode": "allow_forks",
            "created_on": iso(workspace.created_on),
            "links": {
                "self": _href(place),
                "html": _href(f"{WEB}/{workspace.slug}/"),
                "avatar": _href(f"{WEB}/workspaces/{workspace.slug}/avatar/"),
                "owners": _href(f'{place}/members?q=permission%3D"owner"'),
                "repositories": _href(f"{self.base}/repositories/{workspace.slug}"),
                "snippets": _href(f"{self.base}/snippets/{workspace.slug}"),
                **{part: _href(f"{place}/{part}") for part in parts},
            },
        }

    def workspace_brief(self, workspace: Workspace) -> Json:
        """A workspace inside another object."""
        return {
            "type": "workspace",
            "uuid": workspace.uuid,
            "slug": workspace.slug,
            "name": workspace.name,
            "links": {
                "self": _href(f"{self.base}/workspaces/{workspace.slug}"),
                "html": _href(f"{WEB}/{workspace.slug}/"),
                "avatar": _href(f"{WEB}/workspaces/{workspace.slug}/avatar/"),
            },
        }

    def workspace_access(self, workspace: Workspace, *, is_administrator: bool) -> Json:
        """A workspace in ``/user/workspaces``: no name, no role."""
        return {
            "type": "workspace_access",
            "administrator": is_administrator,
            "workspace": {
                "type": "workspace_base",
                "slug": workspace.slug,
                "uuid": workspace.uuid,
                "links": {
                    "self": _href(f"{self.base}/workspaces/{workspace.slug}"),
                    "avatar": _href(f"{WEB}/workspaces/{workspace.slug}/avatar/"),
                },
            },
        }

    def membership(
        self, workspace: Workspace, user: User, *, with_email: bool = False, role: bool = True
    ) -> Json:
        """A member of a workspace."""
        body = {
            "type": "workspace_membership",
            "user": self.user(user, with_email=with_email),
            "workspace": self.workspace_brief(workspace),
            "links": {
                "self": _href(f"{self.base}/workspaces/{workspace.slug}/members/{quote(user.uuid)}")
            },
        }
        if role:
            body["permission"] = workspace.members.get(user.uuid, "")
        return body

    def project_brief(self, project: Project, workspace: Workspace) -> Json:
        """A project inside a repository."""
        return {
            "type": "project",
            "key": project.key,
            "uuid": project.uuid,
            "name": project.name,
            "links": {
                "self": _href(f"{self.base}/workspaces/{workspace.slug}/projects/{project.key}"),
                "html": _href(f"{WEB}/{workspace.slug}/workspace/projects/{project.key}"),
            },
        }

    def project(self, project: Project, workspace: Workspace) -> Json:
        """A project in full."""
        brief = self.project_brief(project, workspace)
        key = quote(f'project.key="{project.key}"')
        place = f"{self.base}/repositories/{workspace.slug}?q={key}"
        return {
            **brief,
            "links": {**brief["links"], "repositories": _href(place)},
            "is_private": project.is_private,
            "description": None,
            "has_publicly_visible_repos": False,
            "created_on": iso(project.created_on),
            "updated_on": iso(project.created_on),
            "owner": self._owner(workspace),
            "workspace": self.workspace_brief(workspace),
        }

    def _owner(self, workspace: Workspace) -> Json:
        return {
            "type": "team",
            "display_name": workspace.name,
            "uuid": workspace.uuid,
            "username": workspace.slug,
            "links": {"self": _href(f"{self.base}/workspaces/{quote(workspace.uuid)}")},
        }

    def repository_brief(self, repository: Repository) -> Json:
        """A repository inside another object."""
        home = self._estate.workspaces[repository.workspace]
        full_name = f"{home.slug}/{repository.slug}"
        return {
            "type": "repository",
            "full_name": full_name,
            "name": repository.name,
            "uuid": repository.uuid,
            "links": {
                "self": _href(f"{self.base}/repositories/{full_name}"),
                "html": _href(f"{WEB}/{full_name}"),
            },
        }

    def repository(self, repository: Repository) -> Json:
        """A repository in full."""
        home = self._estate.workspaces[repository.workspace]
        project = self._estate.find_project(home, repository.project)
        parent = self._estate.repository_by_uuid(repository.parent)
        branch = repository.main_branch
        return {
            "type": "repository",
            "uuid": repository.uuid,
            "full_name": f"{home.slug}/{repository.slug}",
            "name": repository.name,
            "slug": repository.slug,
            "is_private": repository.is_private,
            "scm": "git",
            "website": None,
            "fork_policy": "no_public_forks" if repository.is_private else "allow_forks",
            "language": repository.language,
            "size": repository.size,
            "description": repository.description,
            "created_on": iso(repository.created_on),
            "updated_on": iso(repository.updated_on),
            "mainbranch": {"type": "branch", "name": branch} if branch else None,
            "has_issues": False,
            "has_wiki": False,
            "parent": self.repository_brief(parent) if parent else None,
            "owner": self._owner(home),
            "workspace": self.workspace_brief(home),
            "project": self.project_brief(project, home) if project else None,
            "links": self._repository_links(f"{home.slug}/{repository.slug}"),
        }

    def _repository_links(self, full_name: str) -> Json:
        place = f"{self.base}/repositories/{full_name}"
        parts = ("branches", "commits", "downloads", "forks", "hooks", "pullrequests", "source")
        return {
            "self": _href(place),
            "html": _href(f"{WEB}/{full_name}"),
            "avatar": _href(f"{WEB}/{full_name}/avatar/"),
            **{part: _href(f"{place}/{part}") for part in parts},
            "clone": [
                {"name": "https", "href": f"{WEB}/{full_name}.git"},
                {"name": "ssh", "href": f"git@bitbucket.org:{full_name}.git"},
            ],
        }

    def hook(self, hook: Hook, place: str) -> Json:
        """A webhook. *place* is the address of the list it is in."""
        repository = self._estate.repository_by_uuid(hook.subject)
        home = self._estate.workspaces.get(hook.subject)
        subject = self.repository_brief(repository) if repository else None
        return {
            "type": "webhook_subscription",
            "uuid": hook.uuid,
            "url": hook.url,
            "description": hook.description,
            "active": hook.is_active,
            "events": sorted(hook.events),
            "secret_set": hook.has_secret,
            "subject_type": "repository" if repository else "workspace",
            "subject": subject or (self.workspace_brief(home) if home else None),
            "created_at": hook.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "links": {"self": _href(f"{place}/{quote(hook.uuid)}")},
        }
