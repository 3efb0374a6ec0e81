"""What is planned where the provider makes credentials: steps, reasons not to, and laws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Fault
from reconciler.model.action import (
    AddCredential,
    CheckCredential,
    Drain,
    ManualStep,
    Mint,
    Plan,
    Publish,
    Remember,
    RemoveCredential,
    RescopeCredential,
    RevokeCredential,
    WithheldCode,
)
from reconciler.model.desired import DesiredConnection
from reconciler.model.facts import MINTED, MINTED_AS, REMOVES, REVOKES
from reconciler.model.method import ActionKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    IssuedCredential,
    ObservedState,
    Present,
    Slot,
    Unreadable,
    Verdict,
)
from reconciler.model.record import Operation, OperationState, Record
from reconciler.model.secret import SecretRef
from tests.builders import NOW, SCOPES, a_connection, a_consumer, a_profile, an_address
from tests.seen import (
    NEXT_REF,
    NO_RESCOPE,
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

READ, WRITE = SCOPES
MINT = ("mint", "check-credential", "publish")
SWITCH = ("add-credential", "check-connection", "select", "remember", "remove-credential")
END = ("revoke-credential", "prove-dead", "promote", "remember")
OVERLAP = (*MINT, *SWITCH, "drain", *END)
AT_ONCE = (*MINT, *SWITCH, *END)
REVOKED = ("revoke-credential",)
DESIRED = a_connection(method=issued_method())
RECORD = recorded(token_id="t1")
DUE = replace(RECORD, credential_since=NOW - timedelta(days=350))
IN_USE = an_issued("t1", 1)
LOST = an_issued("t9", 2)
MINTED_OP = an_operation(
    state=OperationState.RUNNING,
    facts={MINTED: "t9", MINTED_AS: a_successor().fingerprint},
)
GONE = an_operation(
    state=OperationState.RUNNING, facts={MINTED: "t9", MINTED_AS: fingerprint("lost")}
)
OUTAGE = Unreadable("the issuer of 'ox-bot-token': 503", "later", Fault.OUTAGE)
REFUSED = Unreadable("the issuer of 'ox-bot-token': 401", "mend it", Fault.CREDENTIAL)
STRAY = a_live(id="stray-1", name="ox-acme [reconciler 0b2e6f1c-4]")
BY_HAND = a_connection(
    method=issued_method(), consumer=a_consumer(profile=replace(a_profile(), name="nx", adapter=""))
)
BY_HAND_RECORD = replace(
    DUE, consumer_identity=BY_HAND.consumer.identity, profile="nx", consumer=BY_HAND.consumer.name
)
READ_ONLY = a_connection(
    method=issued_method(successor=SecretRef("env", ("T_NEXT",)), secret=SecretRef("env", ("T",)))
)
NO_ISSUER = a_connection(method=issued_method(issuer=None))
NO_SUCCESSOR = a_connection(method=issued_method(successor=None))
NARROW = a_connection(method=issued_method(scopes=(READ,)))


def seen(
    held: Slot | None = None,
    candidate: Slot | None = None,
    old: Slot | None = None,
    issued: Any = (IN_USE,),
    **view: Any,
) -> ConnectionView:
    listed = Present(issued) if isinstance(issued, tuple) else issued
    return a_view(credential=CredentialView(held, candidate, old), issued=listed, **view)


def dead(value: str = "ATATT-in-use", **report: Any) -> Slot:
    return a_slot(value, verdict=Verdict.DEAD, cause="401", **report)


def plan_of(
    view: ConnectionView | None = None,
    record: Record | None = DUE,
    desired: DesiredConnection = DESIRED,
    operation: Operation | None = None,
    *,
    spec: dict[str, Any] | None = None,
    own: Iterable[str] = (),
    **more: Any,
) -> Plan:
    setting = {
        "providers": {"bitbucket-cloud": an_issuing_spec(**(spec or {}))},
        "observed": ObservedState({}, own_access=frozenset(own)),
        **more.pop("setting", {}),
    }
    return planned(
        desired,
        record,
        seen(a_slot()) if view is None else view,
        operation,
        is_new=record is None,
        setting=setting,
        **more,
    )


CONNECT = ("add-credential", "check-connection", "select", "remember")
RESCOPE_ABLE = "rescope:rescope_because_scopes"
CANNOT_RESCOPE = "rotate:rotate_because_cannot_rescope"
EXPIRING = "rotate:rotate_because_expiring"
NEW_SECRET = "rotate:rotate_because_new_secret"
DECLARED = "connect:connect_because_declared"
BY_PERSON = ("manual", "check-credential", *SWITCH)

CASES: dict[str, Case] = {
    "nothing is due": Case(lambda: plan_of(record=RECORD)),
    # ---- first
    "the first": Case(
        lambda: plan_of(seen(issued=(), live=Absent()), None), DECLARED, (*MINT, *CONNECT)
    ),
    "the first, in the place of a dead value": Case(
        lambda: plan_of(seen(dead(), issued=(), live=Absent()), None), DECLARED, (*MINT, *CONNECT)
    ),
    "the first, over a value that works and does not fit": Case(
        lambda: plan_of(seen(a_slot(scopes=frozenset()), issued=(), live=Absent()), None),
        withheld=WithheldCode.SUCCESSOR_TAKEN,
    ),
    "the first, while the issuer is out": Case(
        lambda: plan_of(seen(issued=OUTAGE, live=Absent()), None),
        withheld=WithheldCode.UNREADABLE,
    ),
    "the first, with an issuer that is refused": Case(
        lambda: plan_of(seen(issued=REFUSED, live=Absent()), None),
        DECLARED,
        ("manual", "check-credential", *CONNECT),
    ),
    "the first, after a run that lost one": Case(
        lambda: plan_of(
            seen(issued=(LOST,), live=Absent()),
            None,
            operation=replace(GONE, kind=ActionKind.CONNECT),
        ),
        DECLARED,
        (*REVOKED, *MINT, *CONNECT),
    ),
    "the first, kept by a run that was killed": Case(
        lambda: plan_of(
            seen(a_slot("ATATT-successor", scopes=None), issued=(LOST,), live=Absent()),
            None,
            operation=replace(MINTED_OP, kind=ActionKind.CONNECT),
        ),
        DECLARED,
        ("check-credential", *CONNECT),
    ),
    "declared again, with the secret that it had": Case(
        lambda: plan_of(seen(a_slot(scopes=None), live=Absent()), None),
        DECLARED,
        ("check-credential", *CONNECT),
    ),
    # ---- rotation
    "due": Case(plan_of, EXPIRING, OVERLAP),
    "due, at once": Case(lambda: plan_of(setting={"immediate": True}), EXPIRING, AT_ONCE),
    "due, without an id": Case(
        lambda: plan_of(seen(a_slot(), issued=()), replace(DUE, token_id="")),
        EXPIRING,
        (*MINT, *SWITCH, "manual", *END[1:]),
    ),
    "due, and revoked by nobody's API": Case(
        lambda: plan_of(spec={"abilities": {k: v for k, v in NO_RESCOPE.items() if k == "issue"}}),
        EXPIRING,
        (*MINT, *SWITCH, "manual", *END[1:]),
    ),
    "dead": Case(
        lambda: plan_of(seen(dead(), issued=())),
        "rotate:rotate_because_dead",
        (*MINT, *SWITCH, "revoke-credential", "prove-dead", "remember"),
    ),
    "dead, without an id": Case(
        lambda: plan_of(seen(dead(), issued=()), replace(DUE, token_id="")),
        "rotate:rotate_because_dead",
        (*MINT, *SWITCH, "prove-dead", "remember"),
    ),
    "asked for": Case(
        lambda: plan_of(record=RECORD, requested=frozenset({an_address()})),
        "rotate:rotate_by_request",
        OVERLAP,
    ),
    "version raised": Case(
        lambda: plan_of(record=RECORD, desired=a_connection(method=issued_method(version=2))),
        "rotate:rotate_by_request",
        OVERLAP,
    ),
    "version lowered": Case(lambda: plan_of(record=replace(RECORD, version=3))),
    "due, where a person put another": Case(
        lambda: plan_of(seen(a_slot(), a_successor(token_id="t2"))),
        NEW_SECRET,
        ("check-credential", *SWITCH, "drain", *END),
    ),
    "the same credential with a new secret": Case(
        lambda: plan_of(seen(a_slot(), a_successor(token_id="t1"))),
        NEW_SECRET,
        ("check-credential", *SWITCH, "manual", *END[1:]),
    ),
    "due, with strays": Case(
        lambda: plan_of(seen(a_slot(), issued=(IN_USE, LOST), strays=(STRAY,))),
        EXPIRING,
        ("remove-credential", *REVOKED, *OVERLAP),
    ),
    "due, at a consumer without an API": Case(
        lambda: plan_of(
            seen(a_slot(), live=Present(a_live(selection=None))), BY_HAND_RECORD, BY_HAND
        ),
        EXPIRING,
        (*MINT, "manual", "remember", "drain", *END),
    ),
    "the one in use lies beside its place": Case(
        lambda: plan_of(seen(a_slot(ref=NEXT_REF))),
        EXPIRING,
        (*MINT, *SWITCH, "drain", "revoke-credential", "prove-dead", "discard", "remember"),
    ),
    "gone, and another lies ready": Case(
        lambda: plan_of(seen(a_slot(), a_successor(token_id="t2"), live=Absent())),
        "connect:connect_because_gone",
        ("check-credential", *CONNECT, "drain", *END),
    ),
    "gone, and it lacks a scope": Case(
        lambda: plan_of(seen(a_slot(scopes=frozenset({READ})), live=Absent()), RECORD),
        "connect:connect_because_gone",
        (*MINT, *CONNECT, "drain", *END),
    ),
    # ---- no rotation by API
    "due, and the place cannot be written": Case(
        lambda: plan_of(seen(a_slot(ref=SecretRef("env", ("T",)))), desired=READ_ONLY),
        EXPIRING,
        BY_PERSON,
    ),
    "due, and the issuer is refused": Case(
        lambda: plan_of(seen(a_slot(), issued=REFUSED)), EXPIRING, BY_PERSON
    ),
    "due, and the provider makes none": Case(
        lambda: plan_of(spec={"abilities": {}}), EXPIRING, BY_PERSON
    ),
    "due, and the issuer is out": Case(
        lambda: plan_of(seen(a_slot(), issued=OUTAGE)), withheld=WithheldCode.UNREADABLE
    ),
    "due, and somebody's value lies beside": Case(
        lambda: plan_of(seen(a_slot(), a_successor(identity="557058:ada"))),
        withheld=WithheldCode.SUCCESSOR_TAKEN,
    ),
    "due, and we read with it": Case(
        lambda: plan_of(own={fingerprint("ATATT-in-use")}), withheld=WithheldCode.OWN_ACCESS
    ),
    "another lies ready, and we read with the one in use": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(token_id="t2")), own={fingerprint("ATATT-in-use")}
        ),
        withheld=WithheldCode.OWN_ACCESS,
    ),
    "due, and rotate is not managed": Case(
        lambda: plan_of(
            desired=replace(DESIRED, manage=frozenset({ActionKind.CONNECT})),
            record=replace(DUE, manage=frozenset({ActionKind.CONNECT})),
        ),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    # ---- scopes
    "scopes changed": Case(
        lambda: plan_of(record=RECORD, desired=NARROW),
        RESCOPE_ABLE,
        ("rescope-credential", "check-credential", "remember"),
    ),
    "scopes changed, and the secret is not at hand": Case(
        lambda: plan_of(seen(None), RECORD, NARROW),
        RESCOPE_ABLE,
        ("rescope-credential", "remember"),
    ),
    "scopes changed, of one that is not listed": Case(
        lambda: plan_of(seen(a_slot(), issued=()), RECORD, NARROW), CANNOT_RESCOPE, OVERLAP
    ),
    "scopes changed, where none are edited": Case(
        lambda: plan_of(record=RECORD, desired=NARROW, spec={"abilities": NO_RESCOPE}),
        CANNOT_RESCOPE,
        OVERLAP,
    ),
    "scopes changed, and rescope is not managed": Case(
        lambda: plan_of(
            record=replace(RECORD, manage=frozenset({ActionKind.ROTATE})),
            desired=replace(NARROW, manage=frozenset({ActionKind.ROTATE})),
        ),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "scopes added at the provider": Case(
        lambda: plan_of(
            seen(
                a_slot(scopes=None),
                issued=(replace(IN_USE, scopes=frozenset({*SCOPES, "admin"})),),
            ),
            RECORD,
        ),
        RESCOPE_ABLE,
        ("rescope-credential", "check-credential", "remember"),
    ),
    "scopes to spare, of somebody's credential": Case(
        lambda: plan_of(
            seen(a_slot(scopes=frozenset({*SCOPES, "admin"})), issued=()),
            replace(RECORD, token_id=""),
        )
    ),
    # ---- what an interrupted run left
    "lost before it was kept": Case(
        lambda: plan_of(seen(a_slot(), issued=(IN_USE, LOST)), RECORD, operation=GONE),
        "relink:relink_because_interrupted",
        (*REVOKED, "remember"),
    ),
    "lost before it was kept, and revoked since": Case(
        lambda: plan_of(record=RECORD, operation=GONE),
        "relink:relink_because_interrupted",
        ("remember",),
    ),
    "lost before it was kept, and still due": Case(
        lambda: plan_of(seen(a_slot(), issued=(IN_USE, LOST)), operation=GONE),
        EXPIRING,
        (*REVOKED, *OVERLAP),
    ),
    "kept, and not yet given to the consumer": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(scopes=None), issued=(IN_USE, LOST)),
            RECORD,
            operation=MINTED_OP,
        ),
        NEW_SECRET,
        ("check-credential", *SWITCH, "drain", *END),
    ),
    "kept, and not to be checked just now": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(verdict=Verdict.UNKNOWN), issued=(IN_USE, LOST)),
            RECORD,
            operation=MINTED_OP,
        ),
    ),
    "kept, and dead since": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(verdict=Verdict.DEAD)), RECORD, operation=MINTED_OP
        ),
        "relink:relink_because_interrupted",
        ("discard", "remember"),
    ),
    "kept, while rotate is not managed": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(scopes=None), issued=(IN_USE, LOST)),
            replace(RECORD, manage=frozenset({ActionKind.CONNECT})),
            replace(DESIRED, manage=frozenset({ActionKind.CONNECT})),
            MINTED_OP,
        ),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "a stray, of nobody's operation": Case(
        lambda: plan_of(seen(a_slot(), issued=(IN_USE, LOST)), RECORD),
        "relink:relink_because_interrupted",
        (*REVOKED, "remember"),
    ),
    "a stray, which may be the value that lies beside": Case(
        lambda: plan_of(
            seen(a_slot(), a_successor(identity="557058:ada"), issued=(IN_USE, LOST)), RECORD
        )
    ),
    "a stray, which may be the one in use": Case(
        lambda: plan_of(seen(a_slot(), issued=(LOST,)), replace(RECORD, token_id=""))
    ),
    "a stray, which may be the one that only the consumer holds": Case(
        lambda: plan_of(seen(None, issued=(LOST,)), replace(RECORD, token_id=""))
    ),
    "lost for certain, beside what cannot be told": Case(
        lambda: plan_of(
            seen(a_slot(), issued=(LOST, an_issued("t8", 3))),
            replace(RECORD, token_id=""),
            operation=GONE,
        ),
        "relink:relink_because_interrupted",
        (*REVOKED, "remember"),
    ),
    "a stray, and a setting changes": Case(
        lambda: plan_of(
            seen(a_slot(), issued=(IN_USE, LOST)), RECORD, replace(DESIRED, protect=True)
        ),
        "relink:relink_because_settings",
        (*REVOKED, "remember"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_planned(name: str) -> None:
    case = CASES[name]
    assert outcome(case.plan()) == case.outcome


def steps_of(plan: Plan, kind: type[Any]) -> list[Any]:
    return [s for a in plan.actions for s in a.steps if isinstance(s, kind)]


class TestTheSteps:
    def test_what_is_minted_carries_our_mark_and_the_declared_scopes(self) -> None:
        (mint,) = steps_of(plan_of(), Mint)
        assert mint == Mint("ox-acme", 2, SCOPES, 365)

    def test_its_life_is_the_shortest_that_anybody_asks_for(self) -> None:
        method = issued_method(max_age=timedelta(days=90), rotate_before=timedelta(days=10))
        (mint,) = steps_of(plan_of(desired=a_connection(method=method)), Mint)
        assert mint.days == 90

    def test_a_life_of_hours_is_asked_for_as_a_day(self) -> None:
        method = issued_method(max_age=timedelta(hours=5), rotate_before=timedelta(hours=1))
        (mint,) = steps_of(plan_of(desired=a_connection(method=method)), Mint)
        assert mint.days == 1

    def test_its_generation_is_one_that_no_credential_of_ours_ever_had(self) -> None:
        view = seen(a_slot(), issued=(IN_USE, an_issued("t9", 7)), strays=(STRAY,))
        assert steps_of(plan_of(view), Mint)[0].generation == 8

    @pytest.mark.parametrize(
        ("view", "publish"),
        [
            (seen(a_slot()), Publish(True, NEXT_REF.place)),
            (seen(dead()), Publish(False, SECRET_REF.place)),
            (seen(None), Publish(False, SECRET_REF.place)),
            (seen(a_slot(ref=NEXT_REF)), Publish(False, SECRET_REF.place)),
            (seen(a_slot(verdict=Verdict.BLOCKED)), Publish(True, NEXT_REF.place)),
        ],
        ids=["works", "dead", "missing", "lies-beside", "blocked"],
    )
    def test_its_place_is_never_that_of_one_in_use(
        self, view: ConnectionView, publish: Publish
    ) -> None:
        assert steps_of(plan_of(view), Publish) == [publish]

    @pytest.mark.parametrize(
        ("held", "place"),
        [(a_slot(), NEXT_REF.place), (dead(), SECRET_REF.place)],
        ids=["beside", "in-its-place"],
    )
    def test_a_person_enters_the_value_from_where_it_was_put(self, held: Slot, place: str) -> None:
        view = seen(held, live=Present(a_live(selection=None)))
        (enter,) = steps_of(plan_of(view, BY_HAND_RECORD, BY_HAND), ManualStep)
        assert dict(enter.fields)["Token or secret"] == f"the value in {place}"

    def test_a_value_put_in_the_secrets_own_place_is_entered_from_there(self) -> None:
        candidate = a_slot("ATATT-two", token_id="t2")
        view = seen(None, candidate, live=Present(a_live(selection=None)))
        plan = plan_of(view, BY_HAND_RECORD, BY_HAND)
        enter = next(s for s in steps_of(plan, ManualStep) if s.id == "enter")
        assert dict(enter.fields)["Token or secret"] == f"the value in {SECRET_REF.place}"

    def test_nobody_is_asked_to_move_a_secret_that_lies_in_its_place(self) -> None:
        method = issued_method(successor=SecretRef("env", ("T_NEXT",)))
        plan = plan_of(seen(dead(), issued=()), desired=a_connection(method=method))
        assert steps_of(plan, ManualStep) == []

    def test_the_replaced_one_is_revoked_by_its_id_and_the_overlap_is_said(self) -> None:
        plan = plan_of()
        (drain,) = steps_of(plan, Drain)
        assert (drain.seconds, drain.wait.id) == (3600, "drain")
        assert steps_of(plan, RevokeCredential) == [RevokeCredential("t1", "ox-acme")]
        (action,) = plan.actions
        assert action.facts == {REMOVES: "cred-1", REVOKES: "t1"}
        assert "works for 1 hour more" in action.risk.overlap

    def test_the_scopes_of_the_one_in_use_are_changed_to_the_declared(self) -> None:
        plan = plan_of(record=RECORD, desired=NARROW)
        assert steps_of(plan, RescopeCredential) == [RescopeCredential("t1", (READ,))]

    @pytest.mark.parametrize(
        ("plan", "says"),
        [
            (CASES["due, and the place cannot be written"].plan, "T_NEXT cannot be written"),
            (CASES["due, and the issuer is refused"].plan, "issuer of 'ox-bot-token': 401"),
            (CASES["due, and the provider makes none"].plan, "no API of Bitbucket Cloud mints"),
            (
                lambda: plan_of(seen(a_slot(), issued=REFUSED), RECORD, NARROW),
                "issuer of 'ox-bot-token': 401",
            ),
            (CASES["scopes changed, of one that is not listed"].plan, "not among the credentials"),
            (CASES["scopes changed, where none are edited"].plan, "cannot be changed in place"),
            (lambda: plan_of(seen(a_slot(), issued=Absent()), desired=NO_ISSUER), "no `issuer` is"),
            (
                lambda: plan_of(seen(a_slot()), desired=NO_SUCCESSOR),
                "a place beside the secret cannot be written",
            ),
        ],
        ids=["place", "issuer", "provider", "scopes", "unlisted", "fixed", "undeclared", "nowhere"],
    )
    def test_the_plan_says_why_no_api_does_it(self, plan: Callable[[], Plan], says: str) -> None:
        (action,) = plan().actions
        assert says in action.reason


# ---- laws

HELD = (
    None,
    a_slot(),
    a_slot(scopes=None),
    a_slot(token_id="t1"),
    a_slot(ref=NEXT_REF, scopes=None),
    a_slot(verdict=Verdict.UNKNOWN),
    a_slot(verdict=Verdict.BLOCKED),
    a_slot(scopes=frozenset({READ})),
    dead(),
)
CANDIDATE = (
    None,
    a_successor(scopes=None),
    a_successor(token_id="t2"),
    a_successor(token_id="t1"),
    a_successor(identity="557058:ada"),
    a_successor(verdict=Verdict.UNKNOWN),
    a_successor(verdict=Verdict.DEAD),
    a_slot("ATATT-successor", scopes=None),
)
OLD = (
    None,
    a_slot("ATATT-old", token_id="t0"),
    a_slot("ATATT-old", scopes=None),
    a_slot("ATATT-old", verdict=Verdict.DEAD),
    a_successor("ATATT-old", scopes=None),
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        MINTED: st.sampled_from(["t2", "t9"]),
        MINTED_AS: st.sampled_from([fingerprint("ATATT-successor"), fingerprint("lost")]),
        REMOVES: st.just("cred-0"),
        REVOKES: st.sampled_from(["t0", "t1"]),
    },
)
STEPS = ["mint", "enter", "drain", "revoke-old", "move-secret", "discard-secret", "revoke-unused"]
OPERATIONS = st.none() | st.builds(
    an_operation,
    kind=st.sampled_from([ActionKind.ROTATE, ActionKind.CONNECT]),
    state=st.sampled_from(OperationState),
    step=st.sampled_from(STEPS),
    facts=FACTS,
    acknowledged=st.sampled_from([frozenset(), frozenset(STEPS)]),
)
IDS = st.lists(st.sampled_from(["t0", "t1", "t2", "t8", "t9"]), unique=True)


def listed(ids: list[str]) -> Present[tuple[IssuedCredential, ...]]:
    return Present(tuple(an_issued(id_, int(id_[1:]) + 1) for id_ in ids))


ISSUED = st.builds(listed, IDS) | st.sampled_from([OUTAGE, REFUSED, Absent()])


@dataclass(frozen=True)
class Situation:
    """Anything that a run may find."""

    record: Record | None
    view: ConnectionView
    operation: Operation | None
    desired: DesiredConnection
    setting: dict[str, Any]
    requested: bool

    def plan(self, **setting: Any) -> Plan:
        asked = frozenset({an_address()}) if self.requested else frozenset()
        more: dict[str, Any] = {"requested": asked, "setting": {**self.setting, **setting}}
        return plan_of(self.view, self.record, self.desired, self.operation, **more)


def situated(
    record: Record | None,
    credential: tuple[Slot | None, Slot | None, Slot | None],
    issued: Any,
    live: Any,
    operation: Operation | None,
    desired: DesiredConnection,
    *,
    immediate: bool,
    requested: bool,
) -> Situation:
    held, candidate, old = credential
    if record is None:
        operation = replace(operation, kind=ActionKind.CONNECT) if operation else None
        old, live = None, Absent()
    view = a_view(credential=CredentialView(held, candidate, old), issued=issued, live=live)
    return Situation(record, view, operation, desired, {"immediate": immediate}, requested)


SITUATIONS = st.builds(
    situated,
    record=st.sampled_from([None, RECORD, DUE, replace(DUE, token_id=""), replace(DUE, version=0)]),
    credential=st.tuples(*map(st.sampled_from, (HELD, CANDIDATE, OLD))),
    issued=ISSUED,
    live=st.sampled_from([Present(a_live()), Absent()]),
    operation=OPERATIONS,
    desired=st.sampled_from([DESIRED, NARROW, NO_SUCCESSOR, READ_ONLY]),
    immediate=st.booleans(),
    requested=st.booleans(),
)
MANY = settings(max_examples=500, deadline=None)


def credentials_of(situation: Situation) -> list[Slot]:
    credential = situation.view.credential
    slots = (credential.held, credential.candidate, credential.old)
    return [slot for slot in slots if slot is not None]


class TestLaws:
    @MANY
    @given(SITUATIONS, st.booleans())
    def test_the_recorded_credential_is_revoked_only_after_another_was_recorded(
        self, situation: Situation, abort: bool
    ) -> None:
        """And never by a plan in which nothing replaces it."""
        for action in situation.plan(abort=abort).actions:
            recorded_id = situation.record.token_id if situation.record else ""
            for position, step in enumerate(action.steps):
                if isinstance(step, RevokeCredential) and step.id == recorded_id:
                    before = action.steps[:position]
                    switch = [isinstance(s, AddCredential) for s in before]
                    assert any(switch)
                    assert any(isinstance(s, Remember) for s in before[switch.index(True) :])

    @MANY
    @given(SITUATIONS, st.booleans())
    def test_every_revocation_names_one_credential_and_none_is_named_twice(
        self, situation: Situation, abort: bool
    ) -> None:
        for action in situation.plan(abort=abort).actions:
            ids = [s.id for s in action.steps if isinstance(s, RevokeCredential)]
            assert "" not in ids
            assert len(ids) == len(set(ids))

    @MANY
    @given(SITUATIONS, st.booleans())
    def test_nothing_is_minted_twice_and_nothing_by_an_abort(
        self, situation: Situation, abort: bool
    ) -> None:
        mints = [s for a in situation.plan(abort=abort).actions for s in a.steps]
        assert sum(isinstance(s, Mint) for s in mints) <= (0 if abort else 1)

    @MANY
    @given(SITUATIONS)
    def test_what_lies_ready_is_not_revoked_before_it_could_be_used(
        self, situation: Situation
    ) -> None:
        """Of a working value that nobody can tell apart, no stray is taken for lost but its own."""
        plan = situation.plan()
        facts = situation.operation.facts if situation.operation else {}
        credential = situation.view.credential
        at_risk = [credential.candidate]
        if situation.record is None or not situation.record.token_id:
            at_risk.append(credential.held)
        untold = [
            slot
            for slot in at_risk
            if slot is not None
            and slot.report.verdict is not Verdict.DEAD
            and not slot.report.token_id
            and slot.fingerprint != facts.get(MINTED_AS)
        ]
        allowed = {facts.get(MINTED), facts.get(REVOKES)}
        allowed.add(situation.record.token_id if situation.record else None)
        for step in steps_of(plan, RevokeCredential):
            assert not untold or step.id in allowed
        for slot in credentials_of(situation):
            ready = slot.fingerprint == facts.get(MINTED_AS) and slot is credential.candidate
            if (
                ready
                and slot.report.verdict is Verdict.WORKS
                and facts.get(MINTED) != facts.get(REVOKES)
            ):
                assert facts.get(MINTED, "-") not in [
                    s.id for s in steps_of(plan, RevokeCredential)
                ]

    @MANY
    @given(SITUATIONS, st.booleans())
    def test_the_consumer_is_never_without_a_connection(
        self, situation: Situation, abort: bool
    ) -> None:
        """Whatever is recorded is removed after a new one was added, checked and recorded."""
        for action in situation.plan(abort=abort).actions:
            codes = [s.code for s in action.steps]
            for position, step in enumerate(action.steps):
                if isinstance(step, RemoveCredential) and step.live_id == "cred-1":
                    order = ["add-credential", "check-connection", "select", "remember"]
                    assert [c for c in codes[:position] if c in order][-4:] == order

    @MANY
    @given(SITUATIONS, st.booleans())
    def test_what_is_given_to_the_consumer_was_shown_to_the_provider(
        self, situation: Situation, abort: bool
    ) -> None:
        for action in situation.plan(abort=abort).actions:
            for position, step in enumerate(action.steps):
                if isinstance(step, AddCredential):
                    assert any(isinstance(s, CheckCredential) for s in action.steps[:position])

    @settings(max_examples=200, deadline=None)
    @given(SITUATIONS, st.booleans())
    def test_the_same_situation_has_the_same_plan(self, situation: Situation, abort: bool) -> None:
        once, again = situation.plan(abort=abort), situation.plan(abort=abort)
        assert once == again
        assert once.digest == again.digest

    @MANY
    @given(SITUATIONS)
    def test_every_action_that_needs_no_person_ends_by_remembering(
        self, situation: Situation
    ) -> None:
        for action in situation.plan().actions:
            by_hand = any(isinstance(s, ManualStep) and s.id == "mint" for s in action.steps)
            assert by_hand or isinstance(action.steps[-1], Remember)

    @MANY
    @given(SITUATIONS)
    def test_a_secret_is_published_where_nobody_needs_what_lies_there(
        self, situation: Situation
    ) -> None:
        held = situation.view.credential.held
        method = situation.desired.method
        for step in steps_of(situation.plan(), Publish):
            place = method.successor if step.successor else method.secret
            assert place is not None
            assert place.source == "file"
            is_in_use = held is not None and held.report.verdict is not Verdict.DEAD
            assert not (is_in_use and held is not None and held.ref == place)

    @MANY
    @given(SITUATIONS)
    def test_an_abort_leaves_one_that_works(self, situation: Situation) -> None:
        plan = situation.plan(abort=True)
        if plan.actions:
            works = [s for s in credentials_of(situation) if s.report.verdict is Verdict.WORKS]
            assert works
