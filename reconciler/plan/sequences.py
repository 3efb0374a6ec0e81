"""The ordered steps of each action. Pure.

Two orders matter. The new credential is recorded before the old one is taken away, so that a run
killed in between leaves an old one that is known to be left over, never a connection that
nobody knows. And the selection follows the new credential before the old one goes, so that
coverage never drops.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.action import (
    AddCredential,
    CheckConnection,
    CheckCredential,
    Discard,
    ManualStep,
    Mint,
    Promote,
    ProveDead,
    Publish,
    Remember,
    RemoveCredential,
    Select,
    Step,
    TakeOver,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import FORMER_METHOD, FORMER_USER
from reconciler.model.method import MethodKind
from reconciler.model.observed import LiveConnection, Present, Slot, Verdict
from reconciler.model.record import Record
from reconciler.plan import manual, minting
from reconciler.plan.terrain import Terrain


def live_of(difference: Difference) -> LiveConnection | None:
    """The live connection when it was found."""
    live = difference.view.live
    return live.value if isinstance(live, Present) else None


def granted_instead(
    difference: Difference, desired: DesiredConnection, record: Record
) -> LiveConnection | None:
    """What a person granted in the browser in the place of the recorded connection."""
    if record.consumer_identity != desired.consumer.identity:
        return live_of(difference)  # at the new tenant there is no other
    return next(iter(difference.view.strangers), None)


def strays(difference: Difference) -> tuple[Step, ...]:
    """Left behind by an interrupted run: ours by marker, in no record.

    What the consumer holds goes before the credential that it holds.
    """
    view = difference.view
    held = tuple(RemoveCredential(c.id, c.name, view.tenant) for c in view.strays)
    return (*held, *minting.stray_credentials(difference))


def minted(difference: Difference, desired: DesiredConnection, generation: int) -> tuple[Step, ...]:
    """Brings a credential that the provider makes; first of all lost ones make room for it."""
    return (*strays(difference), *minting.mint(difference, desired, generation))


def _leftovers(difference: Difference, opening: tuple[Step, ...]) -> tuple[Step, ...]:
    """What is left behind, unless the opening has cleared it away."""
    return () if any(isinstance(s, Mint) for s in opening) else strays(difference)


def select(
    change: SelectionChange | None, *, copy_from: str = "", always: bool
) -> tuple[Step, ...]:
    """The selection step, when there is anything to write or a new connection to fill."""
    if change is None or not (always or change.writes):
        return ()
    return (Select(change, copy_from),)


def connect(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    opening: tuple[Step, ...],
    generation: int,
) -> tuple[Step, ...]:
    """A new connection, by API, by browser, or by hand. *opening* brings its credential."""
    fill = select(difference.selection, always=True)
    if not terrain.has_api:
        return (*opening, manual.enter(desired), Remember("connected by hand"))
    if desired.method.kind.is_browser_grant:
        live = live_of(difference) or next(iter(difference.view.strangers), None)
        steps: tuple[Step, ...] = (
            (TakeOver(live.id),) if live else (manual.grant(desired, terrain.browser_url),)
        )
        return (*steps, CheckConnection(), *fill, Remember("connected"))
    tail: tuple[Step, ...] = ()
    if replaces(difference, opening):
        tail = retire(difference, desired, terrain, generation, opening=opening)
    return (
        *opening,
        *_leftovers(difference, opening),
        AddCredential(desired.address.name, generation),
        CheckConnection(),
        *fill,
        Remember("connected"),
        *tail,
    )


def replaces(difference: Difference, opening: tuple[Step, ...]) -> bool:
    """Whether a new connection brings a credential beside one that works."""
    is_beside = any(isinstance(s, Publish) and s.successor for s in opening)
    return is_beside or difference.need is CredentialNeed.NEW_APPEARED


def adopt(
    difference: Difference, desired: DesiredConnection, live: LiveConnection
) -> tuple[Step, ...]:
    """Take an existing connection into the registry, and its selection to what is declared."""
    check: tuple[Step, ...] = () if desired.method.kind.is_browser_grant else (CheckCredential(),)
    return (
        *check,
        *strays(difference),
        TakeOver(live.id),
        CheckConnection(),
        *select(difference.selection, always=False),
        Remember("adopted"),
    )


def switch(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    generation: int,
    opening: tuple[Step, ...],
) -> tuple[Step, ...]:
    """Put a new credential in the place of the old one; the old one is cleared away after it.

    *opening* brings the new one, checked.
    """
    if not terrain.has_api:
        enter = manual.enter(desired, beside=_is_beside(difference, desired, opening))
        return (*opening, enter, Remember("replaced by hand"))
    moved = record.consumer_identity != desired.consumer.identity
    return (
        *opening,
        *_leftovers(difference, opening),
        AddCredential(desired.address.name, generation),
        CheckConnection(),
        *select(difference.selection, copy_from=_copied(difference, record, desired), always=True),
        Remember("switched to the new credential"),
        *_soft_proof(difference, record, opening),
        RemoveCredential(record.live_id, record.address.name, record.consumer if moved else ""),
    )


def _is_beside(
    difference: Difference, desired: DesiredConnection, opening: tuple[Step, ...]
) -> bool:
    """Whether the new credential that *opening* brings lies in the successor's place."""
    published = next((s for s in opening if isinstance(s, Publish)), None)
    if published is not None:
        return published.successor
    candidate = difference.view.credential.candidate
    is_new = CheckCredential(candidate=True) in opening
    return is_new and (candidate is None or candidate.ref == desired.method.successor)


def _copied(difference: Difference, record: Record, desired: DesiredConnection) -> str:
    """The connection whose other resources the new one takes over: none of another account's."""
    live = live_of(difference)
    is_same = record.account_identity == desired.account.identity
    return live.id if live is not None and is_same else ""


def _soft_proof(
    difference: Difference, record: Record, opening: tuple[Step, ...]
) -> tuple[Step, ...]:
    """The old value was overwritten: only the consumer still holds it and can be asked."""
    is_new = CheckCredential(candidate=True) in opening
    if not is_new or difference.view.credential.held is not None:
        return ()
    return (ProveDead(record.fingerprint, live_id=record.live_id),)


def replace_connection(
    difference: Difference,
    desired: DesiredConnection,
    record: Record,
    terrain: Terrain,
    generation: int,
    opening: tuple[Step, ...],
) -> tuple[Step, ...]:
    """A new connection beside the old one, then the old one away."""
    if not (terrain.has_api and desired.method.kind.is_browser_grant):
        return (
            *switch(difference, desired, record, terrain, generation, opening),
            *former(former_facts(difference, record), desired, terrain),
            Remember("reconnected"),
        )
    moved = record.consumer_identity != desired.consumer.identity
    instead = granted_instead(difference, desired, record)
    return (
        TakeOver(instead.id) if instead else manual.grant(desired, terrain.browser_url),
        CheckConnection(),
        *select(difference.selection, always=True),
        Remember("switched"),
        RemoveCredential(record.live_id, record.address.name, record.consumer if moved else ""),
        *former(former_facts(difference, record), desired, terrain),
        Remember("reconnected"),
    )


def former_facts(difference: Difference, record: Record) -> dict[str, str]:
    """Whose credential the new connection does without; empty when it goes on using the same."""
    if not record.fingerprint or not {"method", "username"} & set(difference.parts):
        return {}
    return {FORMER_METHOD: record.method.value, FORMER_USER: record.username}


def former(
    facts: Mapping[str, str], desired: DesiredConnection, terrain: Terrain
) -> tuple[ManualStep, ...]:
    """The step that asks for the end of a former credential, when there was one."""
    if FORMER_METHOD not in facts:
        return ()
    kind = MethodKind(facts[FORMER_METHOD])
    name = desired.address.name
    return (manual.revoke_former(kind, facts.get(FORMER_USER, ""), name, terrain.provider),)


def fill(change: SelectionChange | None) -> tuple[Step, ...]:
    """Write and record the selection now, ahead of a step that has to wait."""
    if change is None or not (change.writes or change.record_changes):
        return ()
    return (*select(change, always=False), Remember("selection changed"))


def retire(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    generation: int,
    *,
    opening: tuple[Step, ...] = (),
    is_switched: bool = False,
) -> tuple[Step, ...]:
    """After the switch: the replaced credential has to die, and its place to be tidied.

    *opening* brought the new one; *is_switched* says that an earlier run has recorded it already.
    """
    credential, operation = difference.view.credential, difference.operation
    old = credential.old if is_switched else credential.held
    known_dead = old is not None and old.report.verdict is Verdict.DEAD
    if is_switched and operation is not None and manual.REVOKE in operation.acknowledged:
        known_dead = True  # an earlier run has proven it, and may have overwritten the value since
    credential_id = (
        minting.awaits_end(difference) if is_switched else minting.replaced(difference, terrain)
    )
    wait = minting.ending(
        difference,
        desired,
        terrain,
        credential_id,
        generation,
        known_dead=known_dead,
        is_unwanted=is_switched and _is_undone(difference, desired),
    )
    proof: tuple[Step, ...] = (ProveDead(old.fingerprint),) if old is not None else ()
    if _is_to_move(difference, desired, opening):
        move = _move(desired, terrain)
    else:
        move = discard(desired, old, terrain) if old is not None else ()
    if is_switched:
        move = bring_home(difference, desired, terrain)
    return (*wait, *proof, *move, Remember("rotated"))


def _is_to_move(
    difference: Difference, desired: DesiredConnection, opening: tuple[Step, ...]
) -> bool:
    """Whether the new secret does not lie in the place of the old one already."""
    published = next((s for s in opening if isinstance(s, Publish)), None)
    if published is not None:
        return published.successor
    held, newest = difference.view.credential.held, difference.view.credential.candidate
    if held is not None:
        return held.ref == desired.method.secret
    return newest is None or newest.ref != desired.method.secret


def is_in_place(difference: Difference, desired: DesiredConnection) -> bool:
    """Whether the credential in use lies where the secret belongs."""
    held = difference.view.credential.held
    return held is not None and held.ref == desired.method.secret


def _is_undone(difference: Difference, desired: DesiredConnection) -> bool:
    """Whether the rotation was aborted after its switch: the places are the other way round."""
    old = difference.view.credential.old
    is_beside = old is not None and old.ref == desired.method.successor
    return is_beside and is_in_place(difference, desired)


def discard(desired: DesiredConnection, slot: Slot, terrain: Terrain) -> tuple[Step, ...]:
    """Take a value out of the successor's place, where it can be written; else a person does."""
    if slot.ref != desired.method.successor:
        return ()
    if slot.ref.source in terrain.writable:
        return (Discard(slot.place),)
    return (manual.discard(slot.place),)


def bring_home(
    difference: Difference, desired: DesiredConnection, terrain: Terrain
) -> tuple[Step, ...]:
    """Bring the credential in use into its place, and clear the successor's.

    An interrupted run may have done the one and not the other: code looks again, a person is
    not asked twice.
    """
    old = difference.view.credential.old
    if old is not None and _is_undone(difference, desired):
        return discard(desired, old, terrain)
    steps = _move(desired, terrain)
    asks = any(isinstance(step, ManualStep) for step in steps)
    return () if asks and is_in_place(difference, desired) else steps


def _move(desired: DesiredConnection, terrain: Terrain) -> tuple[Step, ...]:
    """Bring the successor into the place of the secret."""
    secret, successor = desired.method.secret, desired.method.successor
    if secret is None or successor is None:
        return ()
    by_code = {secret.source, successor.source} <= terrain.writable
    return (Promote(),) if by_code else (manual.tidy(secret, successor),)
