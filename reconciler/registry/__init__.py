"""Opens registries by URL. Adapters are loaded on demand: most commands need only one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.ports.registry import RegistryStore
    from reconciler.registry.restore import Restored
    from reconciler.registry.sqlite import SqliteRegistry

_SQLITE: Final = "sqlite:///"


def open_registry(url: str, *, now: Callable[[], datetime] | None = None) -> RegistryStore:
    """The registry at *url*. Touches nothing until it is read or written.

    Args:
        url: ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.
        now: UTC; the system's clock when left out.

    Raises:
        UsageError: no adapter knows the URL.
    """
    return _sqlite(url, now)


def restore_registry(
    url: str,
    source: Path,
    *,
    force: bool = False,
    who: str = "",
    now: Callable[[], datetime] | None = None,
) -> Restored:
    """Replace the registry at *url* by the backup *source*; see `restore.restore`."""
    from reconciler.registry.restore import restore
    from reconciler.registry.sqlite import utc_now

    return restore(_sqlite(url, now), source, force=force, who=who, now=now or utc_now)


def _sqlite(url: str, now: Callable[[], datetime] | None) -> SqliteRegistry:
    from reconciler.registry.sqlite import SqliteRegistry, utc_now

    path = url.removeprefix(_SQLITE)
    if not url.startswith(_SQLITE) or path in {"", ":memory:"}:
        # Only the scheme: the rest of a URL may hold a password.
        scheme = url.partition(":")[0] if ":" in url else ""
        said = f"registry URL with scheme {scheme!r}" if scheme else "registry URL without a scheme"
        raise UsageError(
            f"{said} cannot be opened",
            hint="known is sqlite: sqlite:///relative/path or sqlite:////absolute/path",
        )
    return SqliteRegistry(Path(path), now=now or utc_now)
