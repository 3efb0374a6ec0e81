"""Stage 3: reads the world through ports. A read that fails becomes Unreadable, never a guess."""

from reconciler.observe.check import check_connections
from reconciler.observe.gather import gather
from reconciler.observe.remember import remember

__all__ = ["check_connections", "gather", "remember"]
