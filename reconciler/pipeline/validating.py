"""Load and resolve, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.errors import (
    Problem,
    SourceMark,
)
from reconciler.load import load
from reconciler.model.desired import DesiredState
from reconciler.model.profile import Profile
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve import resolve


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found. ``state`` is None when anything is wrong."""

    state: DesiredState | None
    problems: tuple[Problem, ...]
    profiles: Mapping[str, Profile]
    documents: int
    files: int


def validate(
    paths: Sequence[str],
    *,
    env: str,
    registry_url: str | None,
    providers: Mapping[str, ProviderSpec],
    profiles: Mapping[str, Path],
    now: datetime,
) -> Validation:
    """Load and resolve, without a network. Every problem of the run is in the answer."""
    loaded = load(paths, env=env, registry_url=registry_url, shipped_profiles=profiles)
    state, found = resolve(loaded, providers, now=now)
    problems = sorted(
        {*loaded.problems, *found},
        key=lambda p: (p.where or SourceMark(""), p.code, p.cause),
    )
    return Validation(
        state=state,
        problems=tuple(problems),
        profiles=loaded.profiles,
        documents=len(loaded.documents),
        files=loaded.settings.files,
    )
