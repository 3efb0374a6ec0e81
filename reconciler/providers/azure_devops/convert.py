"""Azure DevOps' JSON ↔ our model. Pure.

Field names: https://learn.microsoft.com/rest/api/azure/devops/git/repositories/list and
…/core/projects/list [documented, 2026-11-21]; ``connectionData`` is in no specification
[observed, 2026-11-21].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Repository
from reconciler.transport.faults import quoted
from reconciler.transport.reply import Reply

_TFVC_ROOT = "$/"


class _Project(msgspec.Struct, gc=False):
    id: str = ""
    name: str = ""


class _Repository(msgspec.Struct, gc=False, rename="camel"):
    id: str = ""
    name: str = ""
    project: _Project | None = None
    is_disabled: bool = False
    is_fork: bool = False


class _Repositories(msgspec.Struct):
    value: list[_Repository]
    count: int | None = None


class _Projects(msgspec.Struct):
    value: list[_Project]


class _Item(msgspec.Struct):
    path: str = ""


class _Items(msgspec.Struct):
    value: list[_Item]


class _Text(msgspec.Struct):
    value: str = msgspec.field(name="$value", default="")


class _Properties(msgspec.Struct):
    account: _Text | None = msgspec.field(name="Account", default=None)


class _Identity(msgspec.Struct, rename="camel"):
    id: str = ""
    provider_display_name: str | None = None
    properties: _Properties | None = None


class _Connection(msgspec.Struct, rename="camel"):
    authenticated_user: _Identity


@dataclass(frozen=True, slots=True)
class Repositories:
    """One answer: repositories by id, the ids of their projects, and the count it claims.

    ``rows`` is how many the answer held; ids that stand there twice make it larger.
    """

    found: Mapping[str, Repository]
    project_ids: Mapping[str, str]
    rows: int
    count: int | None


def repositories_path(organization: str, project: str = "") -> str:
    """Where Git repositories are listed: of the organization, or of one project (name or id).

    Source: that the project may be left out stands in the service's own route template
    [observed, 2026-11-21]; the reference writes it as if it were required.
    """
    middle = f"/{quote(project, safe='')}" if project else ""
    return f"{organization}{middle}/_apis/git/repositories"


def to_repositories(reply: Reply) -> Repositories:
    """The Git repositories of one answer; ids in lower case, names as ``Project/name``.

    A disabled repository counts as archived: it is listed, and nobody can read it.

    Raises:
        RemoteError: BAD_REPLY; not a list, or a repository without id, name or project.
    """
    answer = reply.decode(_Repositories)
    found: dict[str, Repository] = {}
    projects: dict[str, str] = {}
    for item in answer.value:
        project = item.project
        if project is None or not (item.id and item.name and project.name):
            raise RemoteError(
                reply.party,
                Fault.BAD_REPLY,
                f"{reply.party} lists a repository without id, name or project",
                hint="run again; if it stays, the API has changed: report this",
            )
        projects[project.name] = project.id.lower()
        found[item.id.lower()] = Repository(
            f"{project.name}/{item.name}", project.name, item.is_fork, item.is_disabled
        )
    return Repositories(found, projects, len(answer.value), answer.count)


def to_projects(reply: Reply) -> dict[str, str]:
    """Id (lower case) → name of the projects on one page.

    Raises:
        RemoteError: BAD_REPLY; not a page of projects.
    """
    return {item.id.lower(): item.name for item in reply.decode(_Projects).value}


def to_tfvc_projects(reply: Reply) -> tuple[str, ...]:
    """Names of the projects that have a tree in TFVC, from the folders under ``$/``.

    Raises:
        RemoteError: BAD_REPLY; not a list of items.
    """
    paths = (item.path for item in reply.decode(_Items).value)
    names = (path.removeprefix(_TFVC_ROOT) for path in paths if path.startswith(_TFVC_ROOT))
    return tuple(sorted({name for name in names if name and "/" not in name}))


def to_identity(reply: Reply) -> tuple[str, str]:
    """Stable id (lower case) and readable name of whom ``connectionData`` describes.

    Raises:
        RemoteError: BAD_REPLY; it names nobody.
    """
    user = reply.decode(_Connection).authenticated_user
    if not user.id:
        raise RemoteError(
            reply.party,
            Fault.BAD_REPLY,
            f"{reply.party} describes a caller without an id",
            hint="check `apiUrl`; if it is right, the API has changed: report this",
        )
    account = user.properties.account if user.properties is not None else None
    name = (account.value if account is not None else "") or user.provider_display_name
    return user.id.lower(), quoted(name or "") or user.id.lower()
