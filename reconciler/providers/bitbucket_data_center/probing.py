"""Trying what a token may do: no answer tells a token its own permissions.

Lists can be asked for what one has a permission on: an empty one, where something is to be seen,
proves that the permission is nowhere in effect. That holds for the lower of what the token and
its owner may do [assumed, 2026-11-21].

Source: ``permission`` of https://developer.atlassian.com/server/bitbucket/rest/ "Search for
repositories" and "Get projects" [documented, 2026-11-21]
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from reconciler.errors import RemoteError
from reconciler.model.observed import CredentialReport
from reconciler.providers.bitbucket_data_center import convert, verdicts
from reconciler.providers.bitbucket_data_center.limits import API
from reconciler.providers.bitbucket_data_center.scopes import PROJECT, REPOSITORY
from reconciler.transport.reply import Reply

Get = Callable[[str, Mapping[str, str | int] | None], Coroutine[Any, Any, Reply]]
"""One read as the token that is tried: path, query."""


async def probe(
    get: Get, report: CredentialReport, wanted: Collection[str], projects: Sequence[str]
) -> CredentialReport:
    """*report* refined by attempts to read the account and to do what *wanted* is for.

    Costs one request for each of *projects* (one where there are none; one more for each that
    seems empty), and at most three for each part of *wanted*.
    """
    try:
        report, has_any = await _reach(get, report, projects)
        if report.reaches and has_any:
            lacking = await _lacking(get, frozenset(wanted), projects)
            report = verdicts.with_lack(report, lacking)
    except RemoteError as error:
        return replace(report, cause=error.cause, hint=error.hint)
    return report


async def _reach(
    get: Get, report: CredentialReport, projects: Sequence[str]
) -> tuple[CredentialReport, bool]:
    """Whether every project can be read, and whether there is any repository."""
    has_any = False
    for project in projects or ("",):
        reply = await get(f"{API}/repos", convert.probe_query(project))
        if not reply.is_ok:
            return verdicts.without_reach(reply, report, "reading repositories"), False
        has_here = convert.has_values(reply)
        has_any = has_any or has_here
        if project and not has_here:
            reply = await get(project_path(project), None)
            if not reply.is_ok:
                return verdicts.without_reach(reply, report, f"reading project {project}"), False
    return replace(report, reaches=True), has_any


def project_path(key: str) -> str:
    """The path of a project, which tells one that is empty from one that cannot be seen."""
    return f"{API}/projects/{quote(key, safe='')}"


async def _lacking(get: Get, wanted: frozenset[str], projects: Sequence[str]) -> frozenset[str]:
    """Wanted permissions that are nowhere in effect: from the highest down to one that is.

    ``PROJECT_READ`` is not tried: who may read a repository sees its project without it.
    """
    lacking: set[str] = set()
    for name in reversed([name for name in REPOSITORY if name in wanted]):
        if await _is_listed(get, "repos", name, projects):
            break
        lacking.add(name)
    for name in reversed([name for name in PROJECT[1:] if name in wanted]):
        if await _is_listed(get, "projects", name, ()):
            break
        lacking.add(name)
    return frozenset(lacking)


async def _is_listed(get: Get, what: str, permission: str, projects: Sequence[str]) -> bool:
    """Whether anything is listed as permitted; an answer that cannot be judged proves nothing."""
    for project in projects or ("",):
        query = convert.probe_query(project, permission)
        if what == "projects":
            query = {"permission": permission, "limit": 1}
        reply = await get(f"{API}/{what}", query)
        if not reply.is_ok:
            raise verdicts.reading_refusal(reply, f"trying {permission}")
        if convert.has_values(reply):
            return True
    return False
