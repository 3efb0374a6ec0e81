"""Stage 6: carries out the plan object, nothing else. Every outside call is journalled."""

from reconciler.apply.runner import Execution, execute

__all__ = ["Execution", "execute"]
