"""The ordered steps of each action. Pure.

Two orders matter. The new credential is recorded before the old one is taken away, so that a run
killed in between leaves an old one that is known to be left over, never a connection that
nobody knows. And the selection follows the new credential before the old one goes, so that
coverage never drops.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.action import (
    AddCredential,
    CheckConnection,
    CheckCredential,
    ManualStep,
    Promote,
    ProveDead,
    Remember,
    RemoveCredential,
    Select,
    Step,
    TakeOver,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Difference, SelectionChange
from reconciler.model.observed import LiveConnection, Present, Verdict
from reconciler.model.record import Record
from reconciler.plan import manual
from reconciler.ports.provider import ProviderSpec


@dataclass(frozen=True, slots=True)
class Terrain:
    """What can be done by code for one connection.

    ``writable`` are the kinds of secret source that can be written.
    """

    provider: ProviderSpec
    has_api: bool
    browser_url: str = ""
    writable: frozenset[str] = frozenset()


def live_of(difference: Difference) -> LiveConnection | None:
    """The live connection when it was found."""
    view = difference.view
    return view.live.value if view and isinstance(view.live, Present) else None


def strays(difference: Difference) -> tuple[Step, ...]:
    """Left behind by an interrupted run: ours by marker, in no record."""
    found = difference.view.strays if difference.view else ()
    return tuple(RemoveCredential(c.id, c.name) for c in found)


def select(
    change: SelectionChange | None, *, copy_from: str = "", always: bool
) -> tuple[Step, ...]:
    """The selection step, when there is anything to write or a new connection to fill."""
    if change is None or not (always or change.writes):
        return ()
    return (Select(change, copy_from),)


def connect(
    difference: Difference, terrain: Terrain, first: ManualStep | None, generation: int
) -> tuple[Step, ...]:
    """A new connection, by API, by browser, or by hand."""
    desired = difference.desired
    if desired is None:
        return ()
    before: tuple[Step, ...] = (first,) if first else ()
    fill = select(difference.selection, always=True)
    if not terrain.has_api:
        return (*before, CheckCredential(), manual.enter(desired), Remember("connected by hand"))
    if desired.method.kind.is_browser_grant:
        live = live_of(difference)
        steps: tuple[Step, ...] = (
            (TakeOver(live.id),) if live else (manual.grant(desired, terrain.browser_url),)
        )
        return (*steps, CheckConnection(), *fill, Remember("connected"))
    return (
        *before,
        CheckCredential(),
        *strays(difference),
        AddCredential(desired.address.name, generation),
        CheckConnection(),
        *fill,
        Remember("connected"),
    )


def adopt(difference: Difference, live: LiveConnection) -> tuple[Step, ...]:
    """Take an existing connection into the registry, and its selection to what is declared."""
    browser = difference.desired is not None and difference.desired.method.kind.is_browser_grant
    check: tuple[Step, ...] = () if browser else (CheckCredential(),)
    return (
        *check,
        TakeOver(live.id),
        CheckConnection(),
        *select(difference.selection, always=False),
        Remember("adopted"),
    )


def switch(
    difference: Difference, record: Record, terrain: Terrain, generation: int, *, candidate: bool
) -> tuple[Step, ...]:
    """Put a new credential in the place of the old one; the old one is cleared away after it."""
    desired = difference.desired
    if desired is None:
        return ()
    if not terrain.has_api:
        return (CheckCredential(candidate), manual.enter(desired), Remember("replaced by hand"))
    live = live_of(difference)
    moved = record.consumer_identity != desired.consumer.identity
    return (
        CheckCredential(candidate),
        *strays(difference),
        AddCredential(desired.address.name, generation),
        CheckConnection(),
        *select(difference.selection, copy_from=live.id if live else "", always=True),
        Remember("switched to the new credential"),
        *_soft_proof(difference, record, candidate=candidate),
        RemoveCredential(record.live_id, record.address.name, record.consumer if moved else ""),
    )


def _soft_proof(difference: Difference, record: Record, *, candidate: bool) -> tuple[Step, ...]:
    """The old value was overwritten: only the consumer still holds it and can be asked."""
    view = difference.view
    if not candidate or view is None or view.credential.held is not None:
        return ()
    return (ProveDead(record.fingerprint, live_id=record.live_id),)


def replace_connection(
    difference: Difference, record: Record, terrain: Terrain, generation: int, *, candidate: bool
) -> tuple[Step, ...]:
    """A new connection beside the old one, then the old one away."""
    desired = difference.desired
    if desired is None:
        return ()
    if not (terrain.has_api and desired.method.kind.is_browser_grant):
        return (
            *switch(difference, record, terrain, generation, candidate=candidate),
            Remember("reconnected"),
        )
    moved = record.consumer_identity != desired.consumer.identity
    return (
        manual.grant(desired, terrain.browser_url),
        CheckConnection(),
        *select(difference.selection, always=True),
        Remember("switched"),
        RemoveCredential(record.live_id, record.address.name, record.consumer if moved else ""),
        Remember("reconnected"),
    )


def fill(change: SelectionChange | None) -> tuple[Step, ...]:
    """Write and record the selection now, ahead of a step that has to wait."""
    if change is None or not change.writes:
        return ()
    return (Select(change), Remember("selection changed"))


def retire(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, generation: int
) -> tuple[Step, ...]:
    """After the switch: the replaced credential has to die, and its place to be tidied."""
    view = difference.view
    if view is None or desired.method.secret is None:
        return ()
    old = view.credential.held
    known_dead = old is not None and old.report.verdict is Verdict.DEAD
    wait: tuple[Step, ...] = (manual.revoke(desired, terrain.provider, generation),)
    proof: tuple[Step, ...] = (ProveDead(old.fingerprint),) if old is not None else ()
    moves = old is not None and old.ref == desired.method.secret
    return (
        *(() if known_dead else wait),
        *proof,
        *(_move(desired, terrain) if moves else ()),
        Remember("rotated"),
    )


def finish(
    difference: Difference, desired: DesiredConnection, terrain: Terrain
) -> tuple[Step, ...] | None:
    """What can be done now for a rotation that waits for the end of the old credential.

    None when nothing can: it goes on waiting.
    """
    operation, view = difference.operation, difference.view
    if operation is None or view is None:
        return None
    credential = view.credential
    in_place = credential.held is not None and credential.held.ref == desired.method.secret
    acknowledged = operation.step in operation.acknowledged
    if operation.step == manual.TIDY:
        return (Remember("rotated"),) if in_place or acknowledged else None
    old = credential.old
    dead = old is not None and old.report.verdict is Verdict.DEAD
    if not dead and not acknowledged:
        return None
    proof: tuple[Step, ...] = (ProveDead(old.fingerprint),) if old is not None else ()
    return (*proof, *(() if in_place else _move(desired, terrain)), Remember("rotated"))


def _move(desired: DesiredConnection, terrain: Terrain) -> tuple[Step, ...]:
    """Bring the successor into the place of the secret."""
    secret, successor = desired.method.secret, desired.method.successor
    if secret is None or successor is None:
        return ()
    return (Promote(),) if secret.source in terrain.writable else (manual.tidy(secret, successor),)
