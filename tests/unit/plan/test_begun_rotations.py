"""Rotations by API that an earlier run began: taken up, waited for, ended, and nothing lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.errors import Fault
from reconciler.model.action import Plan, RemoveCredential, RevokeCredential, WithheldCode
from reconciler.model.facts import MINTED, MINTED_AS, REMOVES, REVOKES, TENANT
from reconciler.model.method import ActionKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    Present,
    Slot,
    Unreadable,
    Verdict,
)
from reconciler.model.record import OperationState
from reconciler.model.secret import SecretRef
from tests.builders import NOW, a_connection, a_consumer, an_account
from tests.seen import (
    NEXT_REF,
    SECRET_REF,
    Case,
    a_live,
    a_slot,
    a_successor,
    a_view,
    an_issued,
    an_issuing_spec,
    an_operation,
    fingerprint,
    issued_method,
    outcome,
    planned,
    recorded,
)

HOUR = timedelta(hours=1)
DESIRED = a_connection(method=issued_method(overlap=HOUR))
SWITCHED = recorded(
    fingerprint=fingerprint("ATATT-successor"),
    generation=2,
    live_id="cred-2",
    token_id="t2",
    credential_since=NOW - timedelta(minutes=30),
    retired=(fingerprint("ATATT-old"),),
)
OVER = replace(SWITCHED, credential_since=NOW - HOUR)
OLD = a_slot("ATATT-old", scopes=None)
OLD_DEAD = a_slot("ATATT-old", verdict=Verdict.DEAD)
NEW = a_successor(scopes=None)
BOTH = (an_issued("t1", 1), an_issued("t2", 2))
OUTAGE = Unreadable("the issuer of 'ox-bot-token': 503", "later", Fault.OUTAGE)
REFUSED = Unreadable("the issuer of 'ox-bot-token': 401", "mend it", Fault.CREDENTIAL)
RUNNING = an_operation(
    state=OperationState.RUNNING,
    step="remove-credential",
    facts={REMOVES: "cred-1", REVOKES: "t1"},
)
AFTER_REMOVAL = replace(RUNNING, facts={REVOKES: "t1"})
DRAINING = an_operation(step="drain", facts={REVOKES: "t1"})
ENDED_EARLY = replace(DRAINING, acknowledged=frozenset({"drain"}))
END = ("revoke-credential", "prove-dead", "promote", "remember")
BY_PERSON = ("manual", *END[1:])
RESUMED = "rotate:resume_interrupted"
OVERLAP_OVER = "rotate:finish_because_overlap_over"
EU = a_consumer(name="ox-eu", endpoint="https://eu.ox.security/")


def seen(
    held: Slot | None = NEW,
    candidate: Slot | None = None,
    old: Slot | None = OLD,
    issued: Any = BOTH,
    **view: Any,
) -> ConnectionView:
    parts = {"live": Present(a_live(id="cred-2")), **view}
    listed = Present(issued) if isinstance(issued, tuple) else issued
    return a_view(credential=CredentialView(held, candidate, old), issued=listed, **parts)


def plan_of(operation: Any, view: ConnectionView | None = None, **more: Any) -> Plan:
    setting = {"providers": {"bitbucket-cloud": an_issuing_spec()}, **more.pop("setting", {})}
    return planned(
        more.pop("desired", DESIRED),
        more.pop("record", SWITCHED),
        seen() if view is None else view,
        operation,
        setting=setting,
        **more,
    )


CASES: dict[str, Case] = {
    # ---- killed after the switch
    "switched": Case(lambda: plan_of(RUNNING), RESUMED, ("remove-credential", "drain", *END)),
    "switched, and removed at the consumer": Case(
        lambda: plan_of(AFTER_REMOVAL), RESUMED, ("drain", *END)
    ),
    "switched, and the old one is dead": Case(
        lambda: plan_of(AFTER_REMOVAL, seen(old=OLD_DEAD)), RESUMED, END
    ),
    "switched, and the old one cannot be read": Case(
        lambda: plan_of(AFTER_REMOVAL, seen(old=None)),
        RESUMED,
        ("drain", "revoke-credential", "promote", "remember"),
    ),
    "switched, at once": Case(
        lambda: plan_of(AFTER_REMOVAL, setting={"immediate": True}), RESUMED, END
    ),
    "switched, while the issuer is out": Case(
        lambda: plan_of(AFTER_REMOVAL, seen(issued=OUTAGE)), RESUMED, ("drain", *END)
    ),
    "switched, while the issuer is refused": Case(
        lambda: plan_of(AFTER_REMOVAL, seen(issued=REFUSED)),
        RESUMED,
        ("manual", "prove-dead", "promote", "remember"),
    ),
    "switched, with a stray": Case(
        lambda: plan_of(AFTER_REMOVAL, seen(issued=(*BOTH, an_issued("t9", 3)))),
        RESUMED,
        ("revoke-credential", "drain", *END),
    ),
    "switched by making it anew": Case(
        lambda: plan_of(replace(AFTER_REMOVAL, kind=ActionKind.CONNECT)), RESUMED, ("drain", *END)
    ),
    "switched by a reconnection": Case(
        lambda: plan_of(replace(RUNNING, kind=ActionKind.RECONNECT, facts={REMOVES: "cred-1"})),
        "reconnect:resume_interrupted",
        ("remove-credential", "revoke-credential", "remember"),
    ),
    "a fact that names the one in use": Case(
        lambda: plan_of(replace(AFTER_REMOVAL, facts={REVOKES: "t2"}), seen(issued=BOTH[1:])),
        RESUMED,
        ("manual", "prove-dead", "promote", "remember"),
    ),
    # ---- the overlap
    "draining": Case(lambda: plan_of(DRAINING), waits="drain"),
    "drained": Case(lambda: plan_of(DRAINING, record=OVER), OVERLAP_OVER, END),
    "drained by word": Case(lambda: plan_of(ENDED_EARLY), OVERLAP_OVER, END),
    "drained at once": Case(
        lambda: plan_of(DRAINING, setting={"immediate": True}), OVERLAP_OVER, END
    ),
    "drained after a shorter overlap was declared": Case(
        lambda: plan_of(
            DRAINING, desired=a_connection(method=issued_method(overlap=timedelta(minutes=30)))
        ),
        OVERLAP_OVER,
        END,
    ),
    "drained, and the old one cannot be read": Case(
        lambda: plan_of(DRAINING, seen(old=None), record=OVER),
        OVERLAP_OVER,
        ("revoke-credential", "promote", "remember"),
    ),
    "drained, by making it anew": Case(
        lambda: plan_of(replace(DRAINING, kind=ActionKind.CONNECT), record=OVER), OVERLAP_OVER, END
    ),
    "drained, but nothing is known of the new one": Case(
        lambda: plan_of(DRAINING, seen(a_successor(verdict=Verdict.UNKNOWN)), record=OVER),
        waits="drain",
    ),
    "drained, but the new one is not at hand": Case(
        lambda: plan_of(DRAINING, seen(None), record=OVER), waits="drain"
    ),
    "drained, but the issuer is out": Case(
        lambda: plan_of(DRAINING, seen(issued=OUTAGE), record=OVER), waits="drain"
    ),
    "drained, but the issuer is refused": Case(
        lambda: plan_of(DRAINING, seen(issued=REFUSED), record=OVER), OVERLAP_OVER, BY_PERSON
    ),
    "drained, but the issuer is gone from the YAML": Case(
        lambda: plan_of(DRAINING, seen(issued=Absent()), record=OVER), OVERLAP_OVER, BY_PERSON
    ),
    "asked of a person, and the issuer is back": Case(
        lambda: plan_of(replace(DRAINING, step="revoke-old"), record=OVER),
        OVERLAP_OVER,
        END,
    ),
    "asked of a person, and the issuer is back within the overlap": Case(
        lambda: plan_of(replace(DRAINING, step="revoke-old")), waits="revoke-old"
    ),
    "asked of a person, who did it": Case(
        lambda: plan_of(
            replace(DRAINING, step="revoke-old"), seen(old=OLD_DEAD, issued=REFUSED), record=OVER
        ),
        "rotate:finish_because_old_is_dead",
        END[1:],
    ),
    "drained, but it names the one in use": Case(
        lambda: plan_of(replace(DRAINING, facts={REVOKES: "t2"}), seen(issued=BOTH[1:])),
        waits="drain",
    ),
    "draining, and the new one is dead": Case(
        lambda: plan_of(DRAINING, seen(a_successor(verdict=Verdict.DEAD))),
        "rotate:rotate_because_dead",
        (
            "mint",
            "check-credential",
            "publish",
            "add-credential",
            "check-connection",
            "select",
            "remember",
            "remove-credential",
            "revoke-credential",
            "prove-dead",
            "discard",
            "remember",
        ),
    ),
    "draining, and due for another": Case(
        lambda: plan_of(DRAINING, desired=a_connection(method=issued_method(version=3))),
        waits="drain",
    ),
    "draining, with a stray": Case(
        lambda: plan_of(DRAINING, seen(issued=(*BOTH, an_issued("t9", 3)))),
        "relink:relink_because_interrupted",
        ("revoke-credential", "remember"),
        waits="drain",
    ),
    # ---- a person's steps
    "a value to be taken away is still there": Case(
        lambda: plan_of(
            an_operation(step="discard-secret"),
            seen(a_slot("ATATT-successor", scopes=None), a_successor("ATATT-x"), None),
        ),
        waits="discard-secret",
    ),
    "a value to be taken away is gone": Case(
        lambda: plan_of(
            an_operation(step="discard-secret"),
            seen(a_slot("ATATT-successor", scopes=None), old=None, issued=BOTH[1:]),
        ),
        "rotate:finish_because_discarded",
        ("remember",),
    ),
    "a value to be taken away is answered for": Case(
        lambda: plan_of(
            an_operation(step="discard-secret", acknowledged=frozenset({"discard-secret"})),
            seen(a_slot("ATATT-successor", scopes=None), a_successor("ATATT-x"), None),
        ),
        "rotate:finish_because_discarded",
        ("remember",),
    ),
    "an unused one still works": Case(
        lambda: plan_of(
            an_operation(step="revoke-unused"),
            seen(a_slot("ATATT-successor"), old=a_successor("ATATT-old"), issued=Absent()),
        ),
        waits="revoke-unused",
    ),
    "an unused one is dead": Case(
        lambda: plan_of(
            an_operation(step="revoke-unused"),
            seen(
                a_slot("ATATT-successor"),
                old=a_successor("ATATT-old", verdict=Verdict.DEAD),
                issued=Absent(),
            ),
        ),
        "rotate:finish_because_old_is_dead",
        ("prove-dead", "discard", "remember"),
    ),
    # ---- nothing got that far
    "announced to a person, and one asks again": Case(
        lambda: plan_of(
            an_operation(step="mint"), seen(old=None, issued=BOTH[1:]), setting={"writable": NONE}
        ),
        waits="mint",
    ),
    "killed while it minted, which nobody is asked for": Case(
        lambda: plan_of(
            an_operation(
                state=OperationState.RUNNING,
                step="mint",
                facts={MINTED: "t9", MINTED_AS: fingerprint("lost")},
            ),
            seen(old=None, issued=(BOTH[1], an_issued("t9", 3))),
        ),
        "relink:relink_because_interrupted",
        ("revoke-credential", "remember"),
    ),
    # ---- something else changed meanwhile
    "unreadable": Case(
        lambda: plan_of(RUNNING, seen(live=Unreadable("ox: 503", "later"))),
        withheld=WithheldCode.UNREADABLE,
    ),
}
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize("name", CASES)
def test_what_is_planned(name: str) -> None:
    case = CASES[name]
    assert outcome(case.plan()) == case.outcome


def revoked(plan: Plan) -> list[str]:
    return [s.id for a in plan.actions for s in a.steps if isinstance(s, RevokeCredential)]


def test_the_replaced_one_is_revoked_and_the_stray_before_it() -> None:
    assert revoked(CASES["switched, with a stray"].plan()) == ["t9", "t1"]


def test_a_stray_in_the_overlap_does_not_cost_the_replaced_one_its_time() -> None:
    assert revoked(CASES["draining, with a stray"].plan()) == ["t9"]


def test_the_one_that_a_dead_one_replaced_is_not_revoked_before_a_third_works() -> None:
    """`t1` is the last one that works until the third is connected."""
    assert revoked(CASES["draining, and the new one is dead"].plan()) == ["t2"]


def test_waiting_for_the_overlap_says_until_when() -> None:
    (waiting,) = CASES["draining"].plan().waiting
    assert "until 2026-11-21 21:23 UTC" in waiting.step.title


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a value to be taken away is still there", NEXT_REF.place),
        ("an unused one still works", "the newest one for ox-acme"),
    ],
    ids=["discard", "revoke"],
)
def test_a_person_is_told_which_one(name: str, place: str) -> None:
    (waiting,) = CASES[name].plan().waiting
    assert place in dict(waiting.step.fields).values()


def test_what_an_interrupted_run_left_is_removed_at_the_tenant_where_it_is() -> None:
    moved = a_connection(method=issued_method(), consumer=EU)
    plan = plan_of(RUNNING, seen(live=Absent()), desired=moved)
    removals = [s for a in plan.actions for s in a.steps if isinstance(s, RemoveCredential)]
    assert removals == [RemoveCredential("cred-1", "ox-acme", "ox-prod")]
    named = replace(RUNNING, facts={**RUNNING.facts, TENANT: "ox-other"})
    plan = plan_of(named, seen(live=Absent()), desired=moved)
    removals = [s for a in plan.actions for s in a.steps if isinstance(s, RemoveCredential)]
    assert removals == [RemoveCredential("cred-1", "ox-acme", "ox-other")]


@pytest.mark.parametrize(
    "desired",
    [
        a_connection(method=issued_method(), account=an_account(workspace="globex")),
        a_connection(method=issued_method(username="ada@acme.example")),
    ],
    ids=["account", "user"],
)
def test_at_another_home_nothing_is_taken_for_revoked(desired: Any) -> None:
    """There the id is unknown, and unknown would count as gone."""
    plan = plan_of(AFTER_REMOVAL, seen(issued=()), desired=desired)
    assert revoked(plan) == []
    assert "manual" in [s.code for a in plan.actions for s in a.steps]


def test_what_cannot_be_moved_by_code_is_a_persons_to_move() -> None:
    method = issued_method(overlap=HOUR, successor=SecretRef("env", ("T_NEXT",)))
    held = a_slot("ATATT-successor", SecretRef("env", ("T_NEXT",)), scopes=None)
    plan = plan_of(DRAINING, seen(held), record=OVER, desired=a_connection(method=method))
    (action,) = plan.actions
    assert [s.code for s in action.steps] == [*END[:2], "manual", "remember"]
    assert SECRET_REF.place in str(action.steps[2])
