"""Stage 2: names → values, defaults filled in, every contradiction found. Pure."""

from reconciler.resolve.build import resolve

__all__ = ["resolve"]
