"""Making, re-scoping and revoking credentials by API: when it can be done, and the steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from reconciler.errors import Fault
from reconciler.model.action import (
    CheckCredential,
    Drain,
    Mint,
    Publish,
    RevokeCredential,
    Step,
    Withheld,
    WithheldCode,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Difference
from reconciler.model.facts import MINTED, MINTED_AS, REVOKES
from reconciler.model.method import ActionKind
from reconciler.model.observed import IssuedCredential, Present, Slot, Unreadable, Verdict
from reconciler.model.record import Record
from reconciler.model.secret import SecretRef
from reconciler.plan import manual, withhold
from reconciler.plan.terrain import Terrain
from reconciler.ports.capability import Can, Capability

_PASSING = frozenset(
    {Fault.OUTAGE, Fault.UNREACHABLE, Fault.THROTTLED, Fault.BUDGET, Fault.BAD_REPLY}
)
"""Faults under which the issuer may well work an hour later: no person is asked for that."""


def obstacle(difference: Difference, desired: DesiredConnection, terrain: Terrain) -> str:
    """Why no API can make this connection's next credential; empty when one can."""
    title, issued = terrain.provider.title, difference.view.issued
    if not isinstance(terrain.provider.abilities.get(Capability.ISSUE), Can):
        return f"no API of {title} mints one"
    if desired.method.issuer is None:
        return f"no `issuer` is declared that could have {title} mint one"
    if isinstance(issued, Unreadable):
        return issued.reason
    place, _ = _place(difference, desired)
    if place is None or place.source not in terrain.writable:
        where = place.place if place else "a place beside the secret"
        return f"{where} cannot be written from here"
    return ""


def can_mint(difference: Difference, desired: DesiredConnection, terrain: Terrain) -> bool:
    """Whether the provider can be asked for a credential and its secret be kept."""
    return not obstacle(difference, desired, terrain)


def can_revoke(difference: Difference, terrain: Terrain) -> bool:
    """Whether the recorded credential can be ended by code, now or once the issuer is back.

    Of another account, method or user the issuer knows nothing: it would take that for gone.
    """
    issued = difference.view.issued
    is_able = isinstance(terrain.provider.abilities.get(Capability.REVOKE), Can)
    is_elsewhere = bool({"account", "method", "username"} & set(difference.parts))
    is_passing = isinstance(issued, Unreadable) and issued.fault in _PASSING
    return is_able and not is_elsewhere and (isinstance(issued, Present) or is_passing)


def replaced(difference: Difference, terrain: Terrain) -> str:
    """The id of the credential in use, when code can end it after it was replaced; else empty."""
    record, candidate = difference.record, difference.view.credential.candidate
    if record is None or not can_revoke(difference, terrain):
        return ""
    is_new = difference.need is CredentialNeed.NEW_APPEARED
    if is_new and candidate is not None and candidate.report.token_id == record.token_id:
        return ""  # the same credential with a new secret: there is no other to end
    return record.token_id


def awaits_end(difference: Difference) -> str:
    """The id of a replaced credential that an earlier run left to be revoked; else empty."""
    facts = difference.operation.facts if difference.operation else {}
    recorded = difference.record.token_id if difference.record else ""
    return "" if facts.get(REVOKES) == recorded else facts.get(REVOKES, "")


def rescopable(difference: Difference, record: Record, terrain: Terrain) -> IssuedCredential | None:
    """The credential in use, when its scopes can be changed and its secret stays."""
    return difference.view.issued_as(record.token_id) if can_rescope(terrain) else None


def can_rescope(terrain: Terrain) -> bool:
    """Whether the provider changes what a credential may do."""
    return isinstance(terrain.provider.abilities.get(Capability.RESCOPE_IN_PLACE), Can)


def _place(difference: Difference, desired: DesiredConnection) -> tuple[SecretRef | None, bool]:
    """Where a new secret goes: beside the one that works, else in its place."""
    held = difference.view.credential.held
    if held is None or held.report.verdict is Verdict.DEAD:
        return desired.method.secret, False
    if held.ref == desired.method.successor:  # a rotation that was not tidied up: never over it
        return desired.method.secret, False
    return desired.method.successor, True


def withheld(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, kind: ActionKind
) -> Withheld | None:
    """Why a credential that could be made is not made just now."""
    issued, record = difference.view.issued, difference.record
    if isinstance(issued, Unreadable) and issued.fault in _PASSING:
        return withhold.withheld(
            difference, kind, WithheldCode.UNREADABLE, issued.reason, issued.hint
        )
    if not can_mint(difference, desired, terrain):
        return None
    refused = own_access(difference, desired, terrain, kind)
    if refused is not None:
        return refused
    credential = difference.view.credential
    taken = credential.candidate if record is not None else credential.held
    if taken is not None and not _may_overwrite(taken, difference):
        return withhold.withheld(
            difference,
            kind,
            WithheldCode.SUCCESSOR_TAKEN,
            f"another value lies in {taken.place}, and it cannot be used as it is",
            "take it away, or put one there that works",
        )
    return None


def own_access(
    difference: Difference, desired: DesiredConnection, terrain: Terrain, kind: ActionKind
) -> Withheld | None:
    """The credential in use is one that we ourselves read with: code does not end it."""
    record = difference.record
    if record is None or record.fingerprint not in terrain.own_access:
        return None
    return withhold.withheld(
        difference,
        kind,
        WithheldCode.OWN_ACCESS,
        "the reconciler itself reads with this credential, and would end its own access",
        f"give account {desired.account.name!r} a reader of its own",
    )


def _may_overwrite(slot: Slot, difference: Difference) -> bool:
    """A dead value, or one that an interrupted run made, may be replaced; nobody else's."""
    facts = difference.operation.facts if difference.operation else {}
    is_ours = facts.get(MINTED_AS) == slot.fingerprint
    return is_ours or slot.report.verdict is Verdict.DEAD


def stray_credentials(difference: Difference) -> tuple[Step, ...]:
    """Credentials that carry our marker and that nobody can use any more: their secrets are lost.

    What cannot be told apart from a value that lies ready, or is in use, is left alone.
    """
    issued, view = difference.view.issued, difference.view
    if not isinstance(issued, Present):
        return ()
    facts = difference.operation.facts if difference.operation else {}
    known = {facts.get(REVOKES, ""), difference.record.token_id if difference.record else ""}
    places = (view.credential.held, view.credential.candidate, view.credential.old)
    slots = [s for s in places if s is not None and s is not lost_candidate(difference)]
    known |= {slot.report.token_id for slot in slots}
    made = facts.get(MINTED, "")
    is_kept = any(slot.fingerprint == facts.get(MINTED_AS) for slot in slots)
    if is_kept:
        known.add(made)
    all_told = _are_told(difference, facts)
    lost = [c for c in issued.value if c.id not in known and (all_told or c.id == made)]
    return tuple(RevokeCredential(c.id, c.name) for c in lost)


def _are_told(difference: Difference, facts: Mapping[str, str]) -> bool:
    """Whether it is known of every secret that may be needed which credential it belongs to."""
    credential, record = difference.view.credential, difference.record
    if credential.candidate is not None and not _is_told(credential.candidate, facts):
        return False
    if record is not None and record.token_id:
        return True
    if credential.held is None:
        return record is None
    return _is_told(credential.held, facts)


def _is_told(slot: Slot, facts: Mapping[str, str]) -> bool:
    is_ours = facts.get(MINTED_AS) == slot.fingerprint
    works = slot.report.verdict is not Verdict.DEAD
    return is_ours or bool(slot.report.token_id) or not works


def is_ready(difference: Difference) -> bool:
    """Whether what an interrupted run made lies in a place from where it can be taken up."""
    operation, candidate = difference.operation, difference.view.credential.candidate
    if operation is None or candidate is None or candidate.report.verdict is Verdict.DEAD:
        return False
    return operation.facts.get(MINTED_AS) == candidate.fingerprint


def lost_candidate(difference: Difference) -> Slot | None:
    """What an interrupted run made and kept, and what does not work any more."""
    operation, credential = difference.operation, difference.view.credential
    made = credential.held if difference.record is None else credential.candidate
    if operation is None or made is None or made.report.verdict is not Verdict.DEAD:
        return None
    return made if operation.facts.get(MINTED_AS) == made.fingerprint else None


def mint(difference: Difference, desired: DesiredConnection, generation: int) -> tuple[Step, ...]:
    """Mint, verify, publish: nobody uses the new credential yet."""
    place, beside = _place(difference, desired)
    life = manual.life(desired) // timedelta(days=1)
    return (
        Mint(desired.address.name, generation, desired.method.scopes, max(1, life)),
        CheckCredential(candidate=True),
        Publish(beside, place.place if place else ""),
    )


def ending(
    difference: Difference,
    desired: DesiredConnection,
    terrain: Terrain,
    credential_id: str,
    generation: int,
    *,
    known_dead: bool,
    is_unwanted: bool = False,
) -> tuple[Step, ...]:
    """How a replaced credential ends: by code after the overlap, or by a person's hand.

    *is_unwanted*: it came from a rotation that was undone, and has no overlap.
    """
    if not (credential_id and can_revoke(difference, terrain)):
        return () if known_dead else (manual.revoke(desired, terrain.provider, generation),)
    revoke = RevokeCredential(credential_id, desired.address.name)
    seconds = int(desired.method.overlap.total_seconds())
    if known_dead or is_unwanted or terrain.immediate:
        return (revoke,)
    return (Drain(seconds, manual.drain(desired.method.overlap)), revoke)
