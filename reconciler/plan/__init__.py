"""Stage 5: differences become ordered actions, withheld ones, waiting ones. Pure."""

from reconciler.plan.build import Setting, build

__all__ = ["Setting", "build"]
