"""What Data Center tells: itself, users, projects, repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.responses import Response

from reconciler.sandbox.answers import encode
from reconciler.sandbox.data_center import listing, wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import Project, Repository, User
from reconciler.sandbox.data_center.levels import PROJECT, REPO, Level, parse
from reconciler.sandbox.data_center.rights import Sight

BUILT_MS = "1754899200000"
_PERMISSION_FILTERS = 50
_FIRST_FILTERED = (8, 0)
"""The release that brought ``archived`` and ``projectkey`` [documented, 2026-11-21]."""


def application_properties(ask: Ask) -> Response:
    """``GET /application-properties``: four texts, to anybody."""
    knobs = ask.instance.knobs
    return wire.reply(
        {
            "version": knobs.version,
            "buildNumber": knobs.build_number,
            "buildDate": BUILT_MS,
            "displayName": "Bitbucket",
        }
    )


# Repositories ---------------------------------------------------------------------------------


def repositories(ask: Ask) -> Response:
    """``GET /repos``: every project's repositories, archived ones only when asked for."""
    wanted = _asked(ask)
    need = _need(ask, REPO)

    def build() -> listing.Selection[Repository]:
        sight = ask.sight
        every = [r for r in _candidates(ask, wanted) if all(test(r) for test in wanted.values())]
        return listing.select(every, lambda r: _is_read(ask, sight, r, need), _hidden(ask))

    key = ("repos", need, *(ask.params.get(name, "") for name in _FILTERS), *_era(ask))
    return ask.kept_page(key, build, ask.api.views.repository)


def _candidates(ask: Ask, wanted: dict[str, _Test]) -> Iterable[Repository]:
    estate = ask.instance.estate
    if "projectkey" not in wanted:
        return tuple(estate.repositories.values())
    home = estate.find_project(ask.params["projectkey"])
    return estate.inside(home) if home is not None else ()


def _is_read(ask: Ask, sight: Sight, repository: Repository, need: Level | None) -> bool:
    """Without ``permission`` what is public counts, with it only what was granted."""
    if need is not None:
        return sight.repository(repository) >= need
    return bool(sight.repository(repository)) or ask.is_public(repository)


def _era(ask: Ask) -> tuple[bool]:
    return (ask.instance.knobs.release >= _FIRST_FILTERED,)


def _hidden(ask: Ask) -> int:
    return ask.instance.knobs.hidden


_Test = Callable[[Repository], bool]
_FILTERS = ("archived", "projectkey", "projectname", "visibility", "name", "permission", "state")
_CHOICES = {
    "archived": ("ACTIVE", "ARCHIVED", "ALL"),
    "visibility": ("public", "private"),
    "state": ("AVAILABLE", "INITIALISING", "INITIALISATION_FAILED"),
}


def _asked(ask: Ask) -> dict[str, _Test]:
    """The filters of ``GET /repos`` as tests; 400 for a value that is none."""
    params, projects = ask.params, ask.instance.estate.projects
    for name, values in _CHOICES.items():
        if name in params and params[name] not in values:
            raise wire.bad(name, f"{params[name]} is not one of {', '.join(values)}.")
    name = params.get("name", "").strip().lower()
    project = params.get("projectname", "").strip().lower()
    archived = params.get("archived", "ACTIVE")
    tests: dict[str, _Test] = {
        "name": lambda r: name in r.name.lower(),
        "projectname": lambda r: project in projects[r.project].name.lower(),
        "visibility": lambda r: ask.is_public(r) == (params["visibility"] == "public"),
        "state": lambda r: r.state == params["state"],
        "projectkey": lambda _: True,
    }
    wanted = {key: test for key, test in tests.items() if key in params}
    if not _era(ask)[0]:
        wanted.pop("projectkey", None)
    elif archived != "ALL":
        wanted["archived"] = lambda r: r.is_archived == (archived == "ARCHIVED")
    return wanted


def _need(ask: Ask, part: str) -> Level | None:
    """The level that ``permission`` asks for; 400 when it is unknown."""
    text = ask.params.get("permission")
    if text is None:
        return None
    level = parse(text, part)
    if level is None:
        raise wire.bad("permission", f"{text} is not a valid permission.")
    return level


def repository(ask: Ask) -> Response:
    """``GET /projects/{key}/repos/{slug}``."""
    return shown(ask, ask.repository())


def shown(ask: Ask, found: Repository, status: int = 200) -> Response:
    """One repository as a reply."""
    return Response(ask.api.views.repository(found), status, media_type=wire.JSON)


def project_repositories(ask: Ask) -> Response:
    """``GET /projects/{key}/repos``: without the archived ones [assumed], like ``/repos``."""
    home = ask.project()

    def build() -> listing.Selection[Repository]:
        sight = ask.sight
        every = [r for r in ask.instance.estate.inside(home) if not r.is_archived]
        return listing.select(every, lambda r: _is_read(ask, sight, r, None), _hidden(ask))

    return ask.kept_page(("inside", home.id), build, ask.api.views.repository)


def forks(ask: Ask) -> Response:
    """``GET …/repos/{slug}/forks``: direct forks that the caller sees."""
    origin, sight = ask.repository(), ask.sight
    every = (r for r in tuple(ask.instance.estate.repositories.values()) if r.origin == origin.id)
    found = [r for r in every if _is_read(ask, sight, r, None)]
    selection = listing.select(found, lambda _: True, _hidden(ask))
    start, limit = listing.read_page(ask.params, ask.instance.knobs.page_limit)
    body = listing.page(selection, start, limit, ask.api.views.repository)
    return Response(body, media_type=wire.JSON)


# Projects -------------------------------------------------------------------------------------


def projects(ask: Ask) -> Response:
    """``GET /projects``; personal projects are not in it [assumed]."""
    need = _need(ask, PROJECT)
    name = ask.params.get("name", "").strip().lower()

    def build() -> listing.Selection[Project]:
        sight = ask.sight
        every = [
            p
            for p in tuple(ask.instance.estate.projects.values())
            if not p.owner and name in p.name.lower()
        ]
        return listing.select(
            every,
            lambda p: sight.sees(p) if need is None else sight.project(p) >= need,
            _hidden(ask),
        )

    return ask.kept_page(
        ("projects", need, name), build, lambda project: encode(ask.api.views.project(project))
    )


def project(ask: Ask) -> Response:
    """``GET /projects/{key}``."""
    return wire.reply(ask.api.views.project(ask.project()))


# Users ----------------------------------------------------------------------------------------


def users(ask: Ask) -> Response:
    """``GET /users``: normal users, by text, group and up to 50 permissions."""
    text = ask.params.get("filter", "").lower()
    group = ask.params.get("group", "")
    tests = list(_permission_tests(ask))

    def fits(user: User) -> bool:
        words = f"{user.name} {user.display_name} {user.email}".lower()
        is_meant = text in words and (not group or group in user.groups)
        return is_meant and all(test(user) for test in tests)

    found = [user for user in ask.instance.estate.people() if fits(user)]
    return ask.page(found, ask.api.views.user)


def user(ask: Ask) -> Response:
    """``GET /users/{slug}``."""
    found = ask.instance.estate.user_at(ask.param("user"))
    if found is None:
        raise wire.no_user(ask.param("user"))
    return wire.reply(ask.api.views.user(found))


def _permission_tests(ask: Ask) -> Iterable[Callable[[User], bool]]:
    names = ["permission", *(f"permission.{n}" for n in range(1, _PERMISSION_FILTERS + 1))]
    for name in names:
        if name in ask.params:
            yield _permission_test(ask, name)


def _permission_test(ask: Ask, name: str) -> Callable[[User], bool]:
    """One filter such as ``permission.1`` with ``permission.1.projectKey``."""
    permission = ask.params[name]
    key = ask.params.get(f"{name}.projectKey", "")
    slug = ask.params.get(f"{name}.repositorySlug", "")
    part = REPO if slug else PROJECT
    need = parse(permission, part)
    if not key and permission in ("LICENSED_USER", "ADMIN", "SYS_ADMIN"):
        return lambda user: permission == "LICENSED_USER" or user.is_admin
    if need is None:
        raise wire.bad(name, f"{permission} is not a valid permission here.")
    level = need
    home = ask.instance.estate.find_project(key)
    if home is None:
        raise wire.no_project(key)
    if not slug:
        return lambda user: ask.instance.all_of(user).project(home) >= level
    found = ask.instance.estate.find_repository(home, slug)
    if found is None:
        raise wire.no_repository(key, slug)
    return lambda user: ask.instance.all_of(user).repository(found) >= level
