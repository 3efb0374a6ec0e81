"""Catalogue of providers: one sub-folder each, found on disk, loaded when asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.ports.provider import ProviderSpec


@cache
def names() -> tuple[str, ...]:
    """Every provider as spelt in YAML: the folder ``bitbucket_cloud`` is ``bitbucket-cloud``."""
    folders = (path.parent.name for path in Path(__file__).parent.glob("[a-z]*/__init__.py"))
    return tuple(sorted(folder.replace("_", "-") for folder in folders))


def spec(name: str) -> ProviderSpec:
    """What is known of a provider, without opening a connection.

    Raises:
        UsageError: there is no provider of that name.
    """
    if name not in names():
        raise UsageError(
            f"there is no provider {name!r}", hint=f"providers are {', '.join(names())}"
        )
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    found: ProviderSpec = module.SPEC
    return found


def specs() -> dict[str, ProviderSpec]:
    """Every provider by name."""
    return {name: spec(name) for name in names()}
