"""Exit codes of every command."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the process tells its caller. 2 and 3 only with ``--detailed-exitcode``."""

    DONE = 0
    FAILED = 1
    PENDING = 2
    WAITING = 3
    USAGE = 64
    INTERRUPTED = 130


def of_plan(doc: Mapping[str, Any], *, detailed: bool) -> Exit:
    """A plan that is refused or could not read everything has failed."""
    if doc["errors"] or doc["refusals"]:
        return Exit.FAILED
    if not detailed:
        return Exit.DONE
    if any(change["action"] is not None for change in doc["resource_changes"]):
        return Exit.PENDING
    return Exit.WAITING if doc["waiting"] or doc["withheld"] else Exit.DONE


def of_apply(doc: Mapping[str, Any], *, detailed: bool) -> Exit:
    """An apply that left something to a person, or withheld it, is done but not finished."""
    if doc["failed"] or doc["errors"]:
        return Exit.FAILED
    planned = doc["plan_summary"]
    waits = doc["summary"]["waiting"] or planned["waiting"] or planned["withheld"]
    return Exit.WAITING if detailed and waits else Exit.DONE


def of_drift(doc: Mapping[str, Any], *, detailed: bool) -> Exit:
    """A report that could not read everything has failed, whatever else it found."""
    if doc["errored"]:
        return Exit.FAILED
    return Exit.PENDING if detailed and doc["has_drift"] else Exit.DONE
