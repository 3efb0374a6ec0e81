"""What the options before the command mean for every command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Globals:
    """``ctx.obj`` of every command.

    ``registry`` is a URL and ``env`` an environment's name; empty: as ``reconciler.yaml`` says.
    ``color`` is decided once, for stdout. ``quiet`` silences progress.
    """

    registry: str = ""
    env: str = ""
    color: bool = False
    quiet: bool = False
