"""Saved plans: recognized among PATHs, read within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.errors import UsageError
from reconciler.report.outline import FORMAT_VERSION

MAX_BYTES = 256 * 1024 * 1024
"""A plan of a million repositories stays below this."""

_AGAIN = "make it again with `reconciler plan --out FILE`"


def is_plan_file(path: str) -> bool:
    """Whether *path* is a JSON file. YAML projects hold none: the loader reads other suffixes."""
    file = Path(path)
    return file.suffix == ".json" and file.is_file()


def split(given: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The plan file among *given*, if any, and the PATHs.

    Raises:
        UsageError: more than one plan file, or a ``.json`` that does not exist.
    """
    plans = [path for path in given if path.endswith(".json")]
    if len(plans) > 1:
        raise UsageError(
            f"{len(plans)} plan files: {', '.join(plans)}", hint="apply one plan at a time"
        )
    if plans and not is_plan_file(plans[0]):
        raise UsageError(f"there is no plan file {plans[0]}", hint=_AGAIN)
    return (plans[0] if plans else None), tuple(path for path in given if path not in plans)


def read_plan(path: str) -> dict[str, Any]:
    """The document in a saved plan.

    Raises:
        UsageError: it cannot be read, is no plan, or is of another major version.
    """
    import json

    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a plan", hint=_AGAIN)
        doc = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON", hint=_AGAIN) from error
    if not isinstance(doc, dict) or not _is_plan(doc):
        raise UsageError(f"{path} is not a plan of reconciler", hint=_AGAIN)
    major = str(doc["format_version"]).partition(".")[0]
    if major != FORMAT_VERSION.partition(".")[0]:
        raise UsageError(
            f"{path} has the plan format {doc['format_version']}; this reconciler reads "
            f"{FORMAT_VERSION}",
            hint="use the reconciler that made it, or make the plan again",
        )
    return doc


def _is_plan(doc: dict[str, Any]) -> bool:
    digest = doc.get("digest")
    return (
        isinstance(digest, str)
        and digest.startswith("sha256:")
        and isinstance(doc.get("resource_changes"), list)
        and "format_version" in doc
    )
