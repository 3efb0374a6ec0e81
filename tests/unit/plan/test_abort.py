"""A begun rotation undone: before the switch and after it, and where it can only go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler.errors import Fault
from reconciler.model.action import (
    CheckCredential,
    Discard,
    ManualStep,
    Plan,
    RemoveCredential,
    RevokeCredential,
    WithheldCode,
)
from reconciler.model.facts import MINTED, MINTED_AS, REMOVES, REVOKES
from reconciler.model.method import ActionKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    ObservedState,
    Present,
    Slot,
    Unreadable,
    Verdict,
)
from reconciler.model.record import OperationState
from reconciler.model.secret import SecretRef
from tests.builders import a_connection, a_consumer, a_profile
from tests.seen import (
    NEXT_REF,
    a_live,
    a_provider_spec,
    a_slot,
    a_successor,
    a_view,
    an_issued,
    an_issuing_spec,
    an_operation,
    fingerprint,
    issued_method,
    planned,
    recorded,
)

DESIRED = a_connection(method=issued_method())
RECORD = recorded(token_id="t1")
SWITCHED = recorded(
    fingerprint=fingerprint("ATATT-successor"),
    generation=2,
    live_id="cred-2",
    token_id="t2",
    retired=(fingerprint("ATATT-old"),),
)
BOTH = (an_issued("t1", 1), an_issued("t2", 2))
MINTED_OP = an_operation(
    state=OperationState.RUNNING,
    facts={MINTED: "t2", MINTED_AS: fingerprint("ATATT-successor")},
)
DRAINING = an_operation(step="drain", facts={REVOKES: "t1"})
RUNNING = an_operation(state=OperationState.RUNNING, facts={REMOVES: "cred-1", REVOKES: "t1"})
OUTAGE = Unreadable("the issuer of 'ox-bot-token': 503", "later", Fault.OUTAGE)
READY = a_successor(scopes=None)
OLD = a_slot("ATATT-old", scopes=None)
BACK = (
    "check-credential",
    "add-credential",
    "check-connection",
    "select",
    "remember",
    "remove-credential",
)
GIVEN_UP = ("discard", "revoke-credential", "remember")
UNDONE = (*BACK, "revoke-credential", "prove-dead", "discard", "remember")
SHELL = SecretRef("env", ("T_NEXT",))


def before(
    held: Slot | None = None, candidate: Slot | None = None, issued: Any = BOTH, **view: Any
) -> ConnectionView:
    listed = Present(issued) if isinstance(issued, tuple) else issued
    return a_view(
        credential=CredentialView(held if held is not None else a_slot(), candidate),
        issued=listed,
        **view,
    )


def after(
    held: Slot | None = READY, old: Slot | None = OLD, issued: Any = BOTH, **view: Any
) -> ConnectionView:
    parts = {"live": Present(a_live(id="cred-2")), **view}
    listed = Present(issued) if isinstance(issued, tuple) else issued
    return a_view(credential=CredentialView(held, None, old), issued=listed, **parts)


def plan_of(operation: Any, view: ConnectionView, record: Any = RECORD, **more: Any) -> Plan:
    setting = {
        "providers": {"bitbucket-cloud": an_issuing_spec()},
        "abort": True,
        **more.pop("setting", {}),
    }
    return planned(more.pop("desired", DESIRED), record, view, operation, setting=setting, **more)


@dataclass(frozen=True)
class Case:
    """A situation with the steps that undo it; none: it cannot be undone, and ``says`` why."""

    plan: Callable[[], Plan]
    steps: tuple[str, ...] = ()
    says: str = ""
    withheld: WithheldCode = WithheldCode.CANNOT_ABORT


DEAD = a_slot(verdict=Verdict.DEAD)
MANUAL_SPEC = {"providers": {"bitbucket-cloud": a_provider_spec()}}
BY_HAND = a_connection(
    method=issued_method(), consumer=a_consumer(profile=replace(a_profile(), name="nx", adapter=""))
)
CASES: dict[str, Case] = {
    # ---- before the switch
    "kept": Case(lambda: plan_of(MINTED_OP, before(None, READY)), GIVEN_UP),
    "made, and lost": Case(lambda: plan_of(MINTED_OP, before()), ("revoke-credential", "remember")),
    "made, and gone at the provider": Case(
        lambda: plan_of(MINTED_OP, before(None, READY, BOTH[:1])), ("discard", "remember")
    ),
    "kept, while the issuer is out": Case(
        lambda: plan_of(MINTED_OP, before(None, READY, OUTAGE)), ("discard", "remember")
    ),
    "kept, and added to the consumer": Case(
        lambda: plan_of(
            MINTED_OP,
            before(None, READY, strays=(a_live(id="s1", name="ox-acme [reconciler 0b2e6f1c-2]"),)),
        ),
        ("discard", "remove-credential", "revoke-credential", "remember"),
    ),
    "asked of a person": Case(
        lambda: plan_of(an_operation(step="mint"), before(issued=BOTH[:1])), ("remember",)
    ),
    "put there by a person": Case(
        lambda: plan_of(None, before(None, READY, BOTH[:1])), ("discard", "remember")
    ),
    "put where no code can write": Case(
        lambda: plan_of(
            None,
            before(None, a_slot("ATATT-x", SHELL), BOTH[:1]),
            desired=a_connection(method=issued_method(successor=SHELL)),
        ),
        ("manual", "remember"),
    ),
    "put in the place of the secret": Case(
        lambda: plan_of(
            None,
            before(a_slot(ref=NEXT_REF), a_slot("ATATT-x"), BOTH[:1]),
        ),
        ("remember",),
    ),
    "kept, and the one in use is dead": Case(
        lambda: plan_of(MINTED_OP, before(DEAD, READY)), says="does not work any more"
    ),
    # ---- after it
    "draining": Case(lambda: plan_of(DRAINING, after(), SWITCHED), UNDONE),
    "switched, and killed": Case(
        lambda: plan_of(RUNNING, after(), SWITCHED), (*BACK, "remove-credential", *UNDONE[6:])
    ),
    "switched, while the issuer is out": Case(
        lambda: plan_of(DRAINING, after(issued=OUTAGE), SWITCHED), UNDONE
    ),
    "switched by hand": Case(
        lambda: plan_of(
            an_operation(step="revoke-old"),
            after(issued=Absent()),
            replace(SWITCHED, token_id=""),
            setting=MANUAL_SPEC,
        ),
        (*BACK, "manual", "discard", "remember"),
    ),
    "switched, at a consumer without an API": Case(
        lambda: plan_of(
            DRAINING,
            after(live=Present(a_live(selection=None))),
            replace(SWITCHED, consumer_identity=BY_HAND.consumer.identity, profile="nx"),
            desired=BY_HAND,
        ),
        ("check-credential", "manual", "remember", *UNDONE[6:]),
    ),
    "switched, and the old one is dead": Case(
        lambda: plan_of(DRAINING, after(old=a_slot("ATATT-old", verdict=Verdict.DEAD)), SWITCHED),
        says="the replaced credential does not work",
    ),
    "switched, and the old one cannot be read": Case(
        lambda: plan_of(DRAINING, after(old=None), SWITCHED), says="cannot be read"
    ),
    "switched, and we read with the new one": Case(
        lambda: plan_of(
            DRAINING,
            after(),
            SWITCHED,
            setting={
                "observed": ObservedState(
                    {}, own_access=frozenset({fingerprint("ATATT-successor")})
                )
            },
        ),
        says="itself reads with",
        withheld=WithheldCode.OWN_ACCESS,
    ),
    # ---- not to be undone
    "nothing begun": Case(lambda: plan_of(None, before()), says="no rotation of it is under way"),
    "something else begun": Case(
        lambda: plan_of(an_operation(step="grant", kind=ActionKind.CONNECT), before()),
        says="no rotation of it is under way",
    ),
    "a former credential to be revoked": Case(
        lambda: plan_of(an_operation(step="revoke-former", kind=ActionKind.RECONNECT), before()),
        says="no rotation of it is under way",
    ),
    "never connected": Case(
        lambda: plan_of(MINTED_OP, before(live=Absent()), None, is_new=True),
        says="no rotation of it is under way",
    ),
    "undone already": Case(
        lambda: plan_of(an_operation(step="revoke-unused"), before()), says="undone already"
    ),
    "changed in the YAML meanwhile": Case(
        lambda: plan_of(
            MINTED_OP,
            before(None, READY),
            desired=a_connection(method=issued_method(username="ada@acme.example")),
        ),
        says="its username changed in the YAML",
    ),
    "the consumer is unreadable": Case(
        lambda: plan_of(MINTED_OP, before(live=Unreadable("ox: 503", "later"))),
        says="ox: 503",
        withheld=WithheldCode.UNREADABLE,
    ),
    "the account is unreadable": Case(
        lambda: plan_of(MINTED_OP, before(listing=Unreadable("acme: 503", "later"))),
        says="acme: 503",
        withheld=WithheldCode.UNREADABLE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_how_it_is_undone(name: str) -> None:
    case = CASES[name]
    plan = case.plan()
    assert tuple(s.code for a in plan.actions for s in a.steps) == case.steps
    if case.steps:
        (action,) = plan.actions
        assert (action.kind, action.reason_code) == (ActionKind.ROTATE, "abort_by_request")
        assert plan.withheld == ()
    else:
        (held,) = plan.withheld
        assert held.code is case.withheld
        assert case.says in held.why
        assert held.hint


def steps_of(name: str, kind: type[Any]) -> list[Any]:
    return [s for a in CASES[name].plan().actions for s in a.steps if isinstance(s, kind)]


def test_before_the_switch_the_new_one_goes_and_no_other() -> None:
    assert steps_of("kept", RevokeCredential) == [RevokeCredential("t2", "ox-acme")]
    assert steps_of("kept", Discard) == [Discard(NEXT_REF.place)]


def test_a_persons_own_credential_is_not_revoked() -> None:
    assert steps_of("put there by a person", RevokeCredential) == []


def test_after_the_switch_the_old_one_is_shown_first_and_the_new_one_ends_last() -> None:
    assert steps_of("draining", CheckCredential) == [CheckCredential(old=True)]
    assert steps_of("draining", RevokeCredential) == [RevokeCredential("t2", "ox-acme")]
    assert steps_of("draining", RemoveCredential) == [RemoveCredential("cred-2", "ox-acme")]
    (action,) = CASES["draining"].plan().actions
    assert action.facts == {REMOVES: "cred-2", REVOKES: "t2"}


def test_what_was_to_be_removed_is_removed_all_the_same() -> None:
    removals = [s.live_id for s in steps_of("switched, and killed", RemoveCredential)]
    assert removals == ["cred-2", "cred-1"]


def test_a_person_is_told_to_revoke_the_newer_one() -> None:
    """Not "the one before", which the consumer has just gone back to."""
    (step,) = steps_of("switched by hand", ManualStep)
    assert step.id == "revoke-unused"
    assert dict(step.fields)["The unused one"] == "the one named ox-acme-2"


def test_a_person_is_told_what_to_take_away() -> None:
    (step,) = steps_of("put where no code can write", ManualStep)
    assert (step.id, dict(step.fields)["From"]) == ("discard-secret", SHELL.place)


def test_the_selection_is_left_as_it_was_applied() -> None:
    (action,) = CASES["draining"].plan().actions
    assert action.selection is not None
    assert not action.selection.applies
