"""Tries connections end to end, as the consumer's "verify connectivity" button does."""

from __future__ import annotations

import asyncio

from reconciler.errors import RemoteError, Severity
from reconciler.model.drift import Difference
from reconciler.model.observed import LiveConnection, Present, Unreadable, Verdict
from reconciler.model.standing import VerifyLine
from reconciler.ports.bundle import Handles

_AT_ONCE = 8


async def check_connections(
    differences: tuple[Difference, ...], handles: Handles
) -> tuple[VerifyLine, ...]:
    """One line for every declared connection, in order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def line(difference: Difference) -> VerifyLine:
        async with gate:
            return await _line(difference, handles)

    return tuple(await asyncio.gather(*(line(d) for d in differences if d.desired)))


async def _line(difference: Difference, handles: Handles) -> VerifyLine:
    address, view = difference.address, difference.view
    for read in (view.live, view.listing):
        if isinstance(read, Unreadable):
            return VerifyLine(address, False, Severity.ERROR, read.reason, read.hint)
    details = _credential(difference)
    worst = next((f for f in difference.findings if f.severity is Severity.ERROR), None)
    if worst is not None:
        return VerifyLine(address, False, Severity.ERROR, worst.message, worst.hint, details)
    if not isinstance(view.live, Present):
        if difference.record is None:
            why, hint = "not connected yet", "run `reconciler apply`"
        else:
            why, hint = "gone at the consumer", "run `reconciler plan`"
        return VerifyLine(address, False, Severity.ERROR, why, hint, details)
    return await _tried(difference, view.live.value, handles, details)


def _credential(difference: Difference) -> tuple[str, ...]:
    """Who the credential is, how many scopes it holds, and what is odd about it."""
    held = difference.view.credential.held
    lines: list[str] = []
    if held is not None and held.report.verdict is Verdict.WORKS:
        report = held.report
        scopes = "scopes unknown" if report.scopes is None else f"{len(report.scopes)} scopes"
        lines.append(f"{report.login or report.identity} by {report.credential_type}, {scopes}")
    if difference.expires_at is not None:
        lines.append(f"expires {difference.expires_at:%Y-%m-%d}")
    lines += [f.message for f in difference.findings if f.severity is Severity.WARNING]
    return tuple(lines)


async def _tried(
    difference: Difference, live: LiveConnection, handles: Handles, details: tuple[str, ...]
) -> VerifyLine:
    """The consumer's own word."""
    desired, address = difference.desired, difference.address
    consumer = handles.consumers.get(desired.consumer.name) if desired else None
    if consumer is None:
        return VerifyLine(
            address, True, Severity.WARNING, "the consumer has no API to ask", details=details
        )
    try:
        check = await consumer.check(live.id)
    except RemoteError as error:
        return VerifyLine(address, False, Severity.ERROR, error.cause, error.hint, details)
    if not check.ok:
        return VerifyLine(address, False, Severity.ERROR, check.cause, check.hint, details)
    count = sum(r.selected for r in live.selection.resources) if live.selection else 0
    severity = Severity.WARNING if len(difference.findings) else Severity.INFO
    return VerifyLine(address, True, severity, f"connected, {count} repositories", "", details)
