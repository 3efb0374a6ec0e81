"""A provider for the tests of resolve: Bitbucket Cloud as far as resolve can see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from reconciler.errors import Problem
from reconciler.model.desired import DesiredState
from reconciler.model.method import MethodKind
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve import resolve
from tests.unit.load.project_files import PARTS, load_files

GRANULAR = frozenset(
    f"{verb}:{resource}:bitbucket"
    for resource, verbs in {
        "repository": "read write admin delete",
        "pullrequest": "read write",
        "project": "read admin",
        "workspace": "read admin",
        "user": "read write",
        "pipeline": "read write admin",
        "runner": "read write",
        "issue": "read write delete",
        "webhook": "read write delete",
        "snippet": "read write delete",
    }.items()
    for verb in verbs.split()
) | {"read:account"}
CLASSIC = frozenset({"repository", "repository:write", "project", "account", "webhook"})


def _not_opened(*_: object) -> NoReturn:
    raise AssertionError("resolve opens nothing")


CLOUD = ProviderSpec(
    name="bitbucket-cloud",
    title="Bitbucket Cloud",
    api_url="https://api.bitbucket.org/2.0",
    methods=(
        MethodKind.API_TOKEN,
        MethodKind.ACCESS_TOKEN,
        MethodKind.OAUTH_CONSUMER,
        MethodKind.OAUTH_APP,
        MethodKind.IDENTITY_PROVIDER,
    ),
    abilities={},
    implies={"repository:write": frozenset({"repository"})},
    vocabulary={MethodKind.API_TOKEN: GRANULAR, MethodKind.ACCESS_TOKEN: CLASSIC},
    manual={},
    retired={
        MethodKind.APP_PASSWORD: "app passwords were switched off on 2026-07-28; use an API token"
    },
    open=_not_opened,
)
SERVER = ProviderSpec(
    name="bitbucket-data-center",
    title="Bitbucket Data Center",
    api_url="",
    methods=(MethodKind.HTTP_ACCESS_TOKEN,),
    abilities={},
    implies={},
    vocabulary={},
    manual={},
    retired={},
    open=_not_opened,
)
PROVIDERS = {spec.name: spec for spec in (CLOUD, SERVER)}


def resolve_files(
    folder: Path, changed: Mapping[str, str] | None = None, *, now: datetime | None = None
) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """Load the faultless project with some files *changed*, and resolve it."""
    loaded = load_files(folder, {**PARTS, **(changed or {})})
    assert loaded.problems == ()
    return resolve(loaded, PROVIDERS, now=now)


def state_of(folder: Path, changed: Mapping[str, str] | None = None) -> DesiredState:
    """The desired state, which must be without a problem."""
    state, problems = resolve_files(folder, changed)
    assert problems == ()
    assert state is not None
    return state
