"""Stage 4: desired, record and observed become field-level changes with their causes. Pure."""

from reconciler.diff.compare import Background, compare
from reconciler.diff.drift import drift_report
from reconciler.diff.explain import explain

__all__ = ["Background", "compare", "drift_report", "explain"]
