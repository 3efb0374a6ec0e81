"""The catalogue of consumers, found on disk: a folder with code, with a profile, or with both.

Code is imported only when its specification is asked for, and then without its client.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.ports.consumer import ConsumerSpec

_ROOM = Path(__file__).parent


def _name(folder: Path) -> str:
    return folder.name.replace("_", "-")


@cache
def names() -> tuple[str, ...]:
    """Consumers that code can drive, sorted."""
    return tuple(sorted(_name(found.parent) for found in _ROOM.glob("*/__init__.py")))


def spec(name: str) -> ConsumerSpec:
    """What is known of one of `names`.

    Raises:
        UsageError: no code of that name.
    """
    if name not in names():
        raise UsageError(
            f"no code drives a consumer {name!r}", hint=f"consumers are {', '.join(names())}"
        )
    found: ConsumerSpec = import_module(f"{__name__}.{name.replace('-', '_')}").SPEC
    return found


def specs() -> dict[str, ConsumerSpec]:
    """Every specification by name."""
    return {name: spec(name) for name in names()}


def profile_files() -> dict[str, Path]:
    """Every profile on disk by name, those of consumers without code included."""
    return {_name(found.parent): found for found in sorted(_ROOM.glob("*/profile.yaml"))}
