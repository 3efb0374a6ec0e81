"""Decides on the credential of a recorded connection: rotate it, or change its scopes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.model.action import CheckCredential, Remember, RescopeCredential, Step
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed, Difference, SelectionChange
from reconciler.model.facts import REMOVES
from reconciler.model.method import ActionKind
from reconciler.model.record import OperationState, Record
from reconciler.plan import manual, minting, sequences, withhold
from reconciler.plan.actions import Decision, act, announce, next_generation, revokes, waits
from reconciler.plan.terrain import Terrain

_KIND = ActionKind.ROTATE
_CODES = {
    CredentialNeed.NEW_APPEARED: "rotate_because_new_secret",
    CredentialNeed.EXPIRING: "rotate_because_expiring",
    CredentialNeed.DEAD: "rotate_because_dead",
    CredentialNeed.SCOPES: "rotate_because_cannot_rescope",
    CredentialNeed.REQUESTED: "rotate_by_request",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded connection whose credential needs something.

    ``carried`` is the difference with the selection that a new connection is given.
    """

    difference: Difference
    carried: Difference
    desired: DesiredConnection
    record: Record
    terrain: Terrain

    @property
    def generation(self) -> int:
        """The number of the next credential."""
        return next_generation(self.difference)


def as_recorded(difference: Difference, record: Record) -> Difference:
    """The same with its selection left as it was applied, for actions that do not write it."""
    if difference.selection is None:
        return difference
    kept = SelectionChange(record.selection, record.follows_new, applies=False)
    return replace(difference, selection=kept)


def decide_rotation(case: Case, now: datetime) -> Decision:
    """Replace the credential, change its scopes, or ask a person for a new one."""
    difference, need = case.difference, case.difference.need
    if need is CredentialNeed.NOTHING:
        return _asked_for(case, now)
    scopes = need is CredentialNeed.SCOPES
    if scopes and minting.rescopable(difference, case.record, case.terrain):
        return _change_scopes(case)
    refused = withhold.not_managed(difference, _KIND)
    if refused is None and need is not CredentialNeed.NEW_APPEARED:
        refused = minting.withheld(difference, case.desired, case.terrain, _KIND)
    elif refused is None and minting.replaced(difference, case.terrain):
        refused = minting.own_access(difference, case.desired, case.terrain, _KIND)
    if refused is not None:
        return Decision(withheld=(refused,))
    if need is CredentialNeed.NEW_APPEARED:
        return _replace(case, (CheckCredential(candidate=True),))
    if minting.can_mint(difference, case.desired, case.terrain):
        return _replace(case, sequences.minted(difference, case.desired, case.generation))
    return _ask(case, now)


def _asked_for(case: Case, now: datetime) -> Decision:
    """`rotate NAME` asked a person for a new one, and none has appeared yet."""
    operation = case.difference.operation
    if operation is None or operation.state is not OperationState.WAITING:
        return Decision()
    if operation.step != manual.MINT:
        return Decision()
    title = "it was asked for"
    step = manual.mint(case.desired, case.terrain.provider, case.generation, now, title)
    return Decision(waiting=(waits(operation, step),))


def _ask(case: Case, now: datetime) -> Decision:
    """A person makes the credential; what can be done before that is done."""
    difference, carried, need = case.difference, case.carried, case.difference.need
    step = manual.mint(
        case.desired, case.terrain.provider, case.generation, now, difference.need_why
    )
    why = _why(case)
    if need is not CredentialNeed.SCOPES or case.desired.method.issuer is not None:
        why = f"{why}; {minting.obstacle(difference, case.desired, case.terrain)}"
    before = sequences.fill(carried.selection)
    following: tuple[Step, ...] = ()
    if withhold.unlisted(difference, _KIND) is None:
        following = _switched(case, (CheckCredential(candidate=True),))
    action = act(carried, _KIND, _CODES[need], why, (*before, step, *following))
    return announce(difference, action)


def _why(case: Case) -> str:
    """Why the credential is replaced; of scopes, why they are not changed where it is."""
    why = case.difference.need_why
    if case.difference.need is not CredentialNeed.SCOPES:
        return why
    if minting.can_rescope(case.terrain):
        return f"{why}; it is not among the credentials that were made here, so a new one is needed"
    return f"{why}; scopes cannot be changed in place, so a new one is needed"


def _switched(case: Case, opening: tuple[Step, ...]) -> tuple[Step, ...]:
    return sequences.switch(
        case.carried, case.desired, case.record, case.terrain, case.generation, opening
    )


def _replace(case: Case, opening: tuple[Step, ...]) -> Decision:
    """From a new credential, brought by *opening*, to the end of the old one: no person needed."""
    difference, record = case.difference, case.record
    refused = withhold.unlisted(difference, _KIND)
    if refused is not None:
        return Decision(withheld=(refused,))
    generation = case.generation
    steps = (
        *_switched(case, opening),
        *sequences.retire(difference, case.desired, case.terrain, generation, opening=opening),
    )
    removes = {REMOVES: record.live_id} if case.terrain.has_api else {}
    facts = {**removes, **revokes(difference, case.terrain)}
    code = _CODES[difference.need]
    return announce(difference, act(case.carried, _KIND, code, _why(case), steps, facts))


def _change_scopes(case: Case) -> Decision:
    """The provider changes what the credential may do; nobody has to learn a new secret."""
    kind, desired = ActionKind.RESCOPE, case.desired
    refused = withhold.not_managed(case.difference, kind)
    if refused is not None:
        return Decision(withheld=(refused,))
    is_seen = case.difference.view.credential.held is not None
    check = (CheckCredential(),) if is_seen else ()  # another value is not to be taken for it
    steps: tuple[Step, ...] = (
        RescopeCredential(case.record.token_id, desired.method.scopes),
        *check,
        *sequences.select(case.carried.selection, always=False),
        Remember("scopes changed"),
    )
    why = f"{case.difference.need_why}; they are changed in place, and the secret stays"
    return Decision((act(case.carried, kind, "rescope_because_scopes", why, steps),))
