"""Reading an organization: its projects, its Git repositories, and what lies in TFVC.

Repositories have no pages: one answer holds all of the organization, or all of one project.
Projects come in pages, one after the other, because each names the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import Listing, Repository
from reconciler.ports.provider import Progress
from reconciler.providers.azure_devops import convert, verdicts
from reconciler.providers.azure_devops.limits import PROJECTS_PAGE, RELEASED
from reconciler.transport.reply import Reply

FEW_PROJECTS = 3
"""Up to so many projects are read one by one: two requests more at most, and far less data."""

_MOST_PAGES = 1000
_NAMED = 5
_TFVC_NAMED = 20

Get = Callable[[str, Mapping[str, str | int]], Awaitable[Reply]]


@dataclass(slots=True)
class Readings:
    """What was read, and in ``gaps`` what was not.

    ``parts`` are answers with repositories by the project that was asked for (empty: all);
    ``absent`` are projects that were asked for and are not there, which proves nothing: they may
    be hidden. ``errors`` are those of the answers with repositories.
    """

    parts: dict[str, convert.Repositories] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    errors: list[RemoteError] = field(default_factory=list)
    projects: dict[str, str] = field(default_factory=dict)
    tfvc: tuple[str, ...] = ()
    gaps: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def known(self) -> frozenset[str]:
        """Names, casefolded, and ids of the projects that were listed."""
        return frozenset(name.casefold() for pair in self.projects.items() for name in pair)


class Organization:
    """One organization to be read once.

    Args:
        get: one read at the core host; the second is for answers that may be very large.
        path: of the organization.
        projects: names or ids that restrict it; none: all of it.
        told: as in `Provider.list_repositories`.
    """

    def __init__(
        self, get: Get, get_large: Get, path: str, projects: Sequence[str], told: Progress
    ) -> None:
        """Ask for nothing yet."""
        self._get = get
        self._get_large = get_large
        self._path = path
        self._wanted = tuple(projects)
        self._told = told
        self._what = f"listing the repositories of {path.removeprefix('/')}"

    async def read(self) -> Listing:
        """Read everything at once.

        Raises:
            RemoteError: no repositories could be read.
        """
        seen = Readings()
        by_project = 0 < len(self._wanted) <= FEW_PROJECTS
        async with anyio.create_task_group() as tasks:
            for project in self._wanted if by_project else ("",):
                tasks.start_soon(self._repositories, seen, project)
            tasks.start_soon(self._projects, seen)
            tasks.start_soon(self._tfvc, seen)
        if not by_project:
            await self._renamed(seen)
        if seen.errors and not (seen.parts or seen.absent):
            raise seen.errors[0]
        listing = to_listing(seen, self._wanted)
        self._told(self._what, len(listing.repositories), listing.expected)
        return listing

    async def _renamed(self, seen: Readings) -> None:
        """Read each wanted project that has another name now: it still answers to that one.

        Source: https://learn.microsoft.com/azure/devops/organizations/projects/rename-project
        [documented, 2026-11-21]
        """
        known = seen.known()
        async with anyio.create_task_group() as tasks:
            for project in self._wanted:
                if project.casefold() not in known and not seen.gaps:
                    tasks.start_soon(self._repositories, seen, project)

    async def _repositories(self, seen: Readings, project: str) -> None:
        where = f"listing the repositories of {project or 'the organization'}"
        path = convert.repositories_path(self._path, project)
        hint = "check the organization's spelling, and that the credential may see it"
        try:
            reply = await self._get_large(path, {"api-version": RELEASED})
            if project and reply.status == 404 and verdicts.shown_as(reply)[0]:  # noqa: PLR2004
                seen.absent.add(project)
                return
            if not reply.is_ok or verdicts.is_turned_away(reply):
                raise verdicts.refusal(reply, where, scope="vso.code", hint=hint)
            # A whole organization takes longer than a round trip, which the projects wait for.
            part = await anyio.to_thread.run_sync(convert.to_repositories, reply)
        except RemoteError as error:
            seen.errors.append(error)
            seen.gaps.append(f"the repositories of {project} could not be read: {error.cause}")
        else:
            seen.parts[project] = part
            self._told(self._what, sum(p.rows for p in seen.parts.values()), None)

    async def _projects(self, seen: Readings) -> None:
        query: dict[str, str | int] = {
            "stateFilter": "wellFormed",
            "$top": PROJECTS_PAGE,
            "api-version": RELEASED,
        }
        marks: set[str] = set()
        for number in range(1, _MOST_PAGES + 1):
            try:
                reply = await self._get(f"{self._path}/_apis/projects", query)
                if not reply.is_ok or verdicts.is_turned_away(reply):
                    raise verdicts.refusal(reply, "listing projects", scope="vso.project")
                seen.projects.update(convert.to_projects(reply))
            except RemoteError as error:
                seen.gaps.append(f"projects: page {number} could not be read: {error.cause}")
                return
            mark = reply.headers.get("x-ms-continuationtoken", "")
            if not mark:
                return
            if mark in marks:
                break
            marks.add(mark)
            query["continuationToken"] = mark
        seen.gaps.append("projects: their pages do not come to an end")

    async def _tfvc(self, seen: Readings) -> None:
        """Whether there is none, or this credential may not look, is not told apart."""
        query = {"scopePath": "$/", "recursionLevel": "OneLevel", "api-version": RELEASED}
        try:
            reply = await self._get(f"{self._path}/_apis/tfvc/items", query)
            if reply.is_ok and not verdicts.is_turned_away(reply):
                seen.tfvc = convert.to_tfvc_projects(reply)
        except RemoteError as error:
            if error.fault is not Fault.BUDGET:
                seen.remarks.append(f"whether source lies in TFVC is not known: {error.cause}")


def to_listing(seen: Readings, wanted: Sequence[str]) -> Listing:
    """The listing that the readings make, with the proof that it is complete or what is missing.

    Pure. ``pages`` counts answers with repositories. ``expected`` is the service's own count;
    None where it gave none, or where it covers more than was wanted.
    """
    repositories: dict[str, Repository] = {}
    gaps = [*seen.gaps, *_absences(seen, wanted)]
    for project, part in seen.parts.items():
        repositories.update(part.found)
        if part.count != len(part.found):
            place = f"project {project}" if project else "the organization"
            gaps.append(
                f"{len(part.found)} repositories were read in {part.rows} rows, "
                f"but {place} counts {part.count}"
            )
    counts = [part.count for part in seen.parts.values()]
    expected = sum(count or 0 for count in counts) if None not in counts else None
    if wanted and "" in seen.parts:
        repositories = _of_projects(repositories, seen, wanted)
        expected = None if gaps else len(repositories)
    return Listing(
        repositories=repositories,
        complete=not gaps,
        gap="; ".join(gaps),
        expected=expected,
        pages=len(seen.parts),
        remarks=_remarks(seen, repositories, wanted),
    )


def _of_projects(
    repositories: Mapping[str, Repository], seen: Readings, wanted: Sequence[str]
) -> dict[str, Repository]:
    asked = {name.casefold() for name in wanted}
    asked |= {
        id_
        for name in wanted
        if name in seen.parts
        for id_ in seen.parts[name].project_ids.values()
    }
    ids = {name: id_ for part in seen.parts.values() for name, id_ in part.project_ids.items()}
    return {
        id_: repository
        for id_, repository in repositories.items()
        if repository.project.casefold() in asked or ids[repository.project] in asked
    }


def _remarks(
    seen: Readings, repositories: Mapping[str, Repository], wanted: Sequence[str]
) -> tuple[str, ...]:
    """Sentences on projects that are not there, disabled repositories, and TFVC."""
    return (
        *seen.remarks,
        *_on_projects(seen, wanted),
        *_on_disabled(repositories),
        *_on_tfvc(seen, wanted),
    )


def _absences(seen: Readings, wanted: Sequence[str]) -> list[str]:
    """Wanted projects that are not there. One that is hidden looks the same, so it is a gap."""
    return [
        f"project {name} could not be read: there is none of that name or id, or this credential "
        "may not see it (if it is gone, take it out of the account's `projects`)"
        for name in wanted
        if name in seen.absent
    ]


def _on_projects(seen: Readings, wanted: Sequence[str]) -> list[str]:
    """Wanted projects that answered to the name they had before."""
    known = seen.known()
    found: list[str] = []
    for name in wanted if seen.projects or not seen.gaps else ():
        part = seen.parts.get(name)
        if part is None or name.casefold() in known:
            continue
        if part.found:
            new = next(iter(part.found.values())).project
            found.append(f"project {name} is called {new} now")
        else:
            found.append(f"project {name} has another name now, and no repositories")
    return found


def _on_disabled(repositories: Mapping[str, Repository]) -> list[str]:
    names = sorted(r.name for r in repositories.values() if r.archived)
    if not names:
        return []
    is_one = len(names) == 1
    what = "1 repository is" if is_one else f"{len(names)} repositories are"
    whom = "it" if is_one else "them"
    return [f"{what} disabled, so that nobody can read {whom}: {_some(names, _NAMED)}"]


def _on_tfvc(seen: Readings, wanted: Sequence[str]) -> list[str]:
    asked = {name.casefold() for name in wanted}
    asked |= {name.casefold() for id_, name in seen.projects.items() if id_ in asked}
    names = [name for name in seen.tfvc if not asked or name.casefold() in asked]
    sentences = [
        f"project {name} keeps its source in TFVC ($/{name}), which is not a Git repository"
        for name in names[:_TFVC_NAMED]
    ]
    if more := names[_TFVC_NAMED:]:
        sentences.append(f"{len(more)} more projects keep source in TFVC: {_some(more, _NAMED)}")
    return sentences


def _some(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
