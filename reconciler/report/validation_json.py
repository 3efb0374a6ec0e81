"""Problems of the configuration → their document, shaped like `terraform validate -json`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import Problem, Severity
from reconciler.report.outline import FORMAT_VERSION, Document


def validation_document(
    problems: Sequence[Problem], *, files: int = 0, documents: int = 0
) -> Document:
    """Every problem with its place. ``files`` and ``documents`` count what was read."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = sum(problem.severity is Severity.WARNING for problem in problems)
    return {
        "format_version": FORMAT_VERSION,
        "valid": not errors,
        "error_count": errors,
        "warning_count": warnings,
        "files": files,
        "documents": documents,
        "diagnostics": [_diagnostic(problem) for problem in problems],
    }


def _diagnostic(problem: Problem) -> Document:
    where = problem.where
    return {
        "severity": problem.severity.value,
        "code": problem.code,
        "summary": problem.cause,
        "detail": problem.hint,
        "range": None
        if where is None
        else {"filename": where.file, "start": {"line": where.line, "column": where.column}},
    }
