"""The composition root: the only place that names adapters."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.cli.context import Globals
from reconciler.errors import ConfigError, Problem, Severity
from reconciler.model.desired import DesiredState
from reconciler.pipeline import validate
from reconciler.ports.bundle import Ports
from reconciler.ports.provider import Progress, ProviderSpec

_COMMIT_VARIABLES = (
    "BITBUCKET_COMMIT",
    "BUILD_SOURCEVERSION",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
)
"""Where Bitbucket Pipelines, Azure Pipelines, GitHub Actions and GitLab CI name the commit."""


def providers() -> Mapping[str, ProviderSpec]:
    """Every provider on disk, by name."""
    from reconciler import providers as catalogue

    return catalogue.specs()


def profiles() -> Mapping[str, Path]:
    """Every shipped profile on disk, by name."""
    from reconciler import consumers as catalogue

    return catalogue.profile_files()


def load_state(options: Globals, paths: Sequence[str]) -> tuple[DesiredState, tuple[Problem, ...]]:
    """The desired state and its warnings. Raises ConfigError with every problem."""
    found = validate(
        paths,
        env=options.env,
        registry_url=options.registry or None,
        providers=providers(),
        profiles=profiles(),
        now=datetime.now(UTC),
    )
    if found.state is None:
        raise ConfigError(found.problems)
    warnings = tuple(p for p in found.problems if p.severity is not Severity.ERROR)
    return found.state, warnings


@contextmanager
def open_ports(state: DesiredState, progress: Progress) -> Iterator[Ports]:
    """Everything outside that the run may touch."""
    from reconciler import consumers, secrets
    from reconciler.registry import open_registry

    registry = open_registry(state.settings.registry_url)
    try:
        yield Ports(
            registry=registry,
            providers=providers(),
            consumers=consumers.specs(),
            secrets=secrets.sources(),
            now=lambda: datetime.now(UTC),
            who=who(),
            commit=commit_of(state.settings.root),
            progress=progress,
        )
    finally:
        registry.close()


def who() -> str:
    """Who is at it, for leases and the audit log: ``user@host (process 4711)``."""
    user = "unknown"
    with suppress(OSError, KeyError, ImportError):
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"


def commit_of(root: str) -> str:
    """The commit that the configuration stands at; empty outside of version control."""
    for name in _COMMIT_VARIABLES:
        if value := os.environ.get(name):
            return value
    command = ["git", "-C", str(Path(root)), "rev-parse", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(  # noqa: S603  fixed arguments, no shell
            command, capture_output=True, text=True, timeout=5, check=True
        )
        return found.stdout.strip()
    return ""
