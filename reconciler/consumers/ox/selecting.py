"""Which resources a selection consists of after a change. Pure.

OX replaces the whole selection at every write, so whatever is to stay has to be named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.consumers.ox.refusals import rejected
from reconciler.errors import RemoteError
from reconciler.model.drift import RepositoryLabel
from reconciler.model.matching import name_key, repository_key, same_id
from reconciler.model.observed import LiveResource

_NAMED = 5
"""How many of the missing an error names."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Resources by the ways in which a repository finds its own.

    Names serve only resources without an id of the provider: what carries an id and another
    repository's name is not that repository.
    """

    workspace: str
    by_id: dict[str, LiveResource] = field(default_factory=dict)
    by_name: dict[tuple[str, str], LiveResource] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[LiveResource], workspace: str) -> Shelf:
        """Sort *resources* in."""
        shelf = cls(workspace)
        for resource in resources:
            if resource.repository_id:
                shelf.by_id[same_id(resource.repository_id)] = resource
            else:
                shelf.by_name[name_key(resource, workspace)] = resource
        return shelf

    def find(self, label: RepositoryLabel) -> LiveResource | None:
        """The resource of a repository."""
        by_id = self.by_id.get(same_id(label.id))
        return by_id or self.by_name.get(repository_key(label.name, self.workspace))

    def ids(self, labels: Iterable[RepositoryLabel]) -> set[str]:
        """Ids of the resources of those repositories that have one here."""
        return {found.id for label in labels if (found := self.find(label))}


def compose(
    listed: tuple[LiveResource, ...],
    *,
    carried: tuple[LiveResource, ...],
    want: tuple[RepositoryLabel, ...],
    drop: tuple[RepositoryLabel, ...],
    workspace: str,
) -> tuple[LiveResource, ...]:
    """The selection to write, in the order of the listing.

    Args:
        listed: every resource of the connection, read just now.
        carried: selected resources of the connection that this one takes over from.
        want: repositories that shall be selected.
        drop: repositories that shall not be.
        workspace: the account they live in; the owner of those whose names carry no project.

    Raises:
        RemoteError: REJECTED when OX does not list a wanted or carried repository.
    """
    shelf = Shelf.of(listed, workspace)
    wanted = {label: shelf.find(label) for label in want}
    missing = [label.name for label, found in wanted.items() if found is None]
    if missing:
        raise _unlisted(missing)
    taken = {resource.id: resource.name for resource in carried}
    for id_ in Shelf.of(carried, workspace).ids(drop):
        del taken[id_]
    unseen = taken.keys() - {resource.id for resource in listed}
    if unseen:
        raise _unseen([taken[id_] for id_ in unseen])
    chosen = {resource.id for resource in listed if resource.selected} | taken.keys()
    chosen = (chosen - shelf.ids(drop)) | {found.id for found in wanted.values() if found}
    return tuple(resource for resource in listed if resource.id in chosen)


def _unlisted(names: list[str]) -> RemoteError:
    return rejected(
        f"OX does not list {_some(names)} for this connection; nothing was written",
        "check that the connection's credential may read them; a repository made just now "
        "appears in OX after its next synchronization",
    )


def _unseen(names: list[str]) -> RemoteError:
    return rejected(
        f"the old connection has {_some(names)} selected, which the new one cannot see; "
        "nothing was written",
        "give the new credential access to them, or deselect them in OX if they may go",
    )


def _some(names: list[str]) -> str:
    shown = sorted(names)[:_NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
