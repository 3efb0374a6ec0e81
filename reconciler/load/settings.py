"""The Project document and ``--env`` → settings and variables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.errors import Problem, UsageError
from reconciler.load.marks import DocumentMarks
from reconciler.model.desired import Freeze, Limits
from reconciler.model.document import Path
from reconciler.model.suggest import suggestion
from reconciler.model.times import parse_duration, parse_moment

DEFAULT_REGISTRY = "sqlite:///.reconciler/registry.db"
_SQLITE = "sqlite:///"
_LIMITS = {
    "removedRepositories": "removed_repositories",
    "removedPercent": "removed_percent",
    "disconnects": "disconnects",
    "disconnectPercent": "disconnect_percent",
    "percentFrom": "percent_from",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the Project document says for one environment. ``registry_url`` as written."""

    registry_url: str = DEFAULT_REGISTRY
    limits: Limits = field(default_factory=Limits)
    freezes: tuple[Freeze, ...] = ()
    concurrency: int = 8
    hourly_requests: int | None = None
    lease_ttl: timedelta = timedelta(seconds=60)
    problems: tuple[Problem, ...] = field(default=())


def check_environment(body: Mapping[str, Any], name: str) -> None:
    """Raise UsageError when *name* is no environment of the project.

    Works on a document that its schema has not accepted, so that one wrong field does not hide
    that the environment exists.
    """
    environments = _mapping(_mapping(body.get("spec")).get("environments"))
    if name and name not in environments:
        hint = suggestion(name, environments, what="environments")
        raise UsageError(f'there is no environment "{name}" in reconciler.yaml', hint=hint)


def variables(body: Mapping[str, Any], environment: str) -> dict[str, str]:
    """The project's variables, those of the environment winning; text values only."""
    spec = _mapping(body.get("spec"))
    own = _mapping(_mapping(_mapping(spec.get("environments")).get(environment)).get("variables"))
    merged = {**_mapping(spec.get("variables")), **own}
    return {name: value for name, value in merged.items() if isinstance(value, str)}


def choose(body: Mapping[str, Any], marks: DocumentMarks, environment: str) -> Chosen:
    """Settle the settings of one environment. The schema has accepted *body* before."""
    spec = body.get("spec", {})
    own = spec.get("environments", {}).get(environment, {})
    limits = {**spec.get("limits", {}), **own.get("limits", {})}
    problems: list[Problem] = []
    freezes = [
        *_freezes(spec.get("freezes", ()), ("spec", "freezes"), marks, problems),
        *_freezes(
            own.get("freezes", ()),
            ("spec", "environments", environment, "freezes"),
            marks,
            problems,
        ),
    ]
    registry = own.get("registry") or spec.get("registry") or {"url": DEFAULT_REGISTRY}
    return Chosen(
        registry_url=registry["url"],
        limits=Limits(**{_LIMITS[key]: value for key, value in limits.items()}),
        freezes=tuple(freezes),
        concurrency=spec.get("concurrency", 8),
        hourly_requests=spec.get("hourlyRequests"),
        lease_ttl=parse_duration(spec.get("leaseTtl", "60s")),
        problems=tuple(problems),
    )


def absolute_registry(url: str, folder: str) -> str:
    """A relative SQLite path made absolute below *folder*; any other URL unchanged."""
    path = url.removeprefix(_SQLITE)
    if path == url or not path or path.startswith(("/", ":memory:")):
        return url
    return f"{_SQLITE}{folder.rstrip('/')}/{path.removeprefix('./')}"


def _freezes(
    entries: Iterable[Mapping[str, str]], at: Path, marks: DocumentMarks, problems: list[Problem]
) -> Iterable[Freeze]:
    for index, entry in enumerate(entries):
        try:
            start, end = parse_moment(entry["from"]), parse_moment(entry["to"])
        except ValueError:
            cause, hint = "a day or time that does not exist", "write YYYY-MM-DD"
            problems.append(Problem("bad-date", cause, hint, marks.at((*at, index, "from"))))
            continue
        if end <= start:
            cause, hint = "the freeze ends before it begins", "make `to` later than `from`"
            problems.append(Problem("bad-date", cause, hint, marks.at((*at, index, "to"))))
            continue
        yield Freeze(start, end, entry["reason"])


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
