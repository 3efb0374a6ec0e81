"""Which of a consumer's resources is which repository, and when a name means one. Pure.

A name is bare (``web``: Bitbucket Cloud) or qualified by its project (``PAY/tools``: Bitbucket
Data Center, Azure DevOps). Within one account all are of one kind. Neither a slug nor the name of
a project holds a slash itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.model.observed import LiveResource, Repositories


def same_id(text: str) -> str:
    """A stable id in the spelling in which it compares: no braces, lower case."""
    return text.strip("{}").lower()


def is_called(spelt: str, name: str) -> bool:
    """Whether *spelt*, as one writes it in YAML, names the repository called *name*.

    Without a slash it is judged against the part behind the slash of a qualified name.
    """
    return name == spelt or ("/" not in spelt and name.rpartition("/")[2] == spelt)


def repository_key(name: str, workspace: str) -> tuple[str, str]:
    """Owner and name of a repository in the spelling in which they compare.

    The owner of a qualified name is its project, of a bare one the *workspace*.
    """
    owner, _, bare = name.lower().rpartition("/")
    return (owner or workspace.lower(), bare)


def name_key(resource: LiveResource, workspace: str) -> tuple[str, str]:
    """Owner and name of a resource in the spelling in which they compare.

    A full name (``owner/name``) carries its owner; a resource without any owner is taken to
    belong to *workspace*. Compares with `repository_key`.
    """
    owner, slash, name = resource.name.rpartition("/")
    if not slash:
        owner = resource.owner
    return (owner or workspace).lower(), name.lower()


def match_resources(
    resources: Iterable[LiveResource], repositories: Repositories, workspace: str
) -> dict[str, str]:
    """Resource id → repository id, for the resources that are repositories of this account.

    The stable id decides where the consumer keeps it: a repository that was deleted and made
    anew under the same name is another one. Only resources without such an id match by owner
    and name; the owner of a repository with a qualified name is its project.

    Args:
        resources: as the consumer lists them.
        repositories: the account's listing.
        workspace: the account's name in the provider's addresses.
    """
    every = resources if isinstance(resources, Collection) else tuple(resources)
    found = {r.id: r.repository_id for r in every if r.repository_id in repositories}
    if len(found) < len(every):
        rest = [r for r in every if r.id not in found]
        found |= _by_spelling(rest, repositories) | _by_name(rest, repositories, workspace)
    return found


def _by_spelling(resources: Iterable[LiveResource], repositories: Repositories) -> dict[str, str]:
    carrying = [r for r in resources if r.repository_id]
    ids: Mapping[str, str] = {same_id(id_): id_ for id_ in repositories} if carrying else {}
    keys = ((r.id, ids.get(same_id(r.repository_id))) for r in carrying)
    return {resource: found for resource, found in keys if found is not None}


def _by_name(
    resources: Iterable[LiveResource], repositories: Repositories, workspace: str
) -> dict[str, str]:
    opaque = [r for r in resources if not r.repository_id]
    ids = _ids_by_name(repositories, workspace) if opaque else {}
    keys = ((r.id, ids.get(name_key(r, workspace))) for r in opaque)
    return {resource: found for resource, found in keys if found is not None}


def _ids_by_name(repositories: Repositories, workspace: str) -> Mapping[tuple[str, str], str]:
    first = next(iter(repositories.values()), None)
    if first is not None and "/" in first.name:
        return {repository_key(r.name, workspace): id_ for id_, r in repositories.items()}
    owner = workspace.lower()  # bare names are not taken apart: there are 100,000
    return {(owner, r.name.lower()): id_ for id_, r in repositories.items()}
