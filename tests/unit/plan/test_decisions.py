"""desired × record × live × credential × operation → what is planned, and by which steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.action import ManualStep, RemoveCredential, Select, WithheldCode
from reconciler.model.desired import DesiredConnection
from reconciler.model.facts import KEEPS_SCOPES, REMOVES, TENANT
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialView,
    Present,
    Repository,
    Slot,
    Unreadable,
    Verdict,
)
from reconciler.model.record import OperationState, Selected
from reconciler.model.secret import SecretRef
from tests.builders import (
    NOW,
    a_connection,
    a_consumer,
    a_method,
    a_profile,
    a_state,
    an_account,
    an_address,
)
from tests.seen import (
    NEXT_REF,
    REPOSITORIES,
    Case,
    a_listing,
    a_live,
    a_setting,
    a_slot,
    a_snapshot,
    a_successor,
    a_view,
    an_operation,
    differences,
    live_selection,
    outcome,
    planned,
    recorded,
    some,
    term,
)

CONNECT = ("check-credential", "add-credential", "check-connection", "select", "remember")
SWITCH = (*CONNECT, "remove-credential")
AFTER_MINT = ("manual", *SWITCH)
GRANTED = a_live(id="g1", name="ox-acme", kind=MethodKind.OAUTH_APP, username="")
BROWSER = a_connection(
    method=a_method(kind=MethodKind.OAUTH_APP, username="", secret=None, successor=None, scopes=())
)
BROWSER_RECORD = recorded(method=MethodKind.OAUTH_APP, username="", scopes=(), fingerprint="")
OLD = replace(a_slot("ATATT-old"), ref=a_slot().ref)
GAP = Present(a_listing(gap="page 2 was lost"))
LOST = Unreadable("acme: 503", "later")
SHOP = {**REPOSITORIES, "{c3}": Repository("shop", "PAY")}
STRAY = a_live(id="stray-1", name="ox-acme [reconciler 0b2e6f1c-4]")


def holding(
    held: Slot | None = None, candidate: Slot | None = None, old: Slot | None = None, **view: Any
) -> ConnectionView:
    return a_view(credential=CredentialView(held, candidate, old), **view)


def dead(value: str = "ATATT-in-use") -> Slot:
    return a_slot(value, verdict=Verdict.DEAD, cause="401")


def selected(*ids: str, **overrides: Any) -> Present[Any]:
    return Present(a_live(selection=live_selection(*ids, **overrides)))


def by_hand(**overrides: Any) -> DesiredConnection:
    """A connection to a consumer without an API."""
    consumer = a_consumer(profile=replace(a_profile(), name="nx", adapter=""))
    return a_connection(consumer=consumer, **overrides)


BY_HAND = by_hand()
BY_HAND_RECORD = recorded(consumer_identity=BY_HAND.consumer.identity, profile="nx")
BY_HAND_LIVE = Present(a_live(selection=None, name="ox-acme"))
MINTING = an_operation(step="mint")
WITHOUT_RESCOPE = a_connection(manage=frozenset({ActionKind.CONNECT}))
WITHOUT_RESCOPE_RECORD = recorded(manage=frozenset({ActionKind.CONNECT}))
EU = a_connection(consumer=a_consumer(endpoint="https://eu.ox.security/"))
GLOBEX = a_connection(account=an_account(workspace="globex"))
ADA = a_connection(method=a_method(username="ada@acme.example"))
PINNED = some(term(name="pay-api"), term(name="nope"))
REVOKING = an_operation(step="revoke-old")
SWITCHED = recorded(fingerprint=a_successor().fingerprint, generation=2, live_id="cred-2")
SWITCHED_LIVE = Present(a_live(id="cred-2"))
RUNNING = an_operation(
    step="remove-credential", state=OperationState.RUNNING, facts={REMOVES: "cred-1"}
)

CASES: dict[str, Case] = {
    # ---- nothing to do
    "everything agrees": Case(planned),
    "everything agrees, browser": Case(
        lambda: planned(BROWSER, BROWSER_RECORD, holding(live=Present(GRANTED)))
    ),
    "everything agrees, by hand": Case(
        lambda: planned(BY_HAND, BY_HAND_RECORD, a_view(live=BY_HAND_LIVE))
    ),
    # ---- new
    "new": Case(
        lambda: planned(is_new=True, view=a_view(live=Absent())),
        "connect:connect_because_declared",
        CONNECT,
    ),
    "new without a secret": Case(
        lambda: planned(is_new=True, view=holding(live=Absent())),
        "connect:connect_because_declared",
        ("manual", *CONNECT),
    ),
    "new without a secret, announced": Case(
        lambda: planned(is_new=True, view=holding(live=Absent()), operation=MINTING),
        waits="mint",
    ),
    "new without a secret, acknowledged": Case(
        lambda: planned(
            is_new=True,
            view=holding(live=Absent()),
            operation=replace(MINTING, acknowledged=frozenset({"mint"})),
        ),
        "connect:connect_because_declared",
        ("manual", *CONNECT),
    ),
    "new after an interrupted run": Case(
        lambda: planned(is_new=True, view=a_view(live=Absent(), strays=(STRAY,))),
        "connect:connect_because_declared",
        ("check-credential", "remove-credential", *CONNECT[1:]),
    ),
    "new, browser": Case(
        lambda: planned(BROWSER, is_new=True, view=holding(live=Absent())),
        "connect:connect_because_declared",
        ("manual", "check-connection", "select", "remember"),
    ),
    "new, browser, announced": Case(
        lambda: planned(
            BROWSER,
            is_new=True,
            view=holding(live=Absent()),
            operation=an_operation(step="grant"),
        ),
        waits="grant",
    ),
    "new, browser, granted": Case(
        lambda: planned(
            BROWSER,
            is_new=True,
            view=holding(live=Present(GRANTED)),
            operation=an_operation(step="grant"),
        ),
        "connect:connect_because_declared",
        ("take-over", "check-connection", "select", "remember"),
    ),
    "new, by hand": Case(
        lambda: planned(BY_HAND, is_new=True, view=a_view(live=Absent())),
        "connect:connect_because_declared",
        ("check-credential", "manual", "remember"),
    ),
    "new, by hand, announced": Case(
        lambda: planned(
            BY_HAND,
            is_new=True,
            view=a_view(live=Absent()),
            operation=an_operation(step="enter"),
        ),
        waits="enter",
    ),
    "new, by hand, acknowledged": Case(
        lambda: planned(
            BY_HAND,
            is_new=True,
            view=a_view(live=Absent()),
            operation=an_operation(step="enter", acknowledged=frozenset({"enter"})),
        ),
        "connect:connect_because_declared",
        ("check-credential", "manual", "remember"),
    ),
    "new, to be adopted": Case(
        lambda: planned(a_connection(adopt="cred-1"), is_new=True),
        "adopt:adopt_by_request",
        ("check-credential", "take-over", "check-connection", "remember"),
    ),
    "new, to be adopted and changed": Case(
        lambda: planned(a_connection(adopt="cred-1"), is_new=True, view=a_view(live=selected())),
        "adopt:adopt_by_request",
        ("check-credential", "take-over", "check-connection", "select", "remember"),
    ),
    "new, browser, to be adopted": Case(
        lambda: planned(
            replace(BROWSER, adopt="g1"), is_new=True, view=holding(live=Present(GRANTED))
        ),
        "adopt:adopt_by_request",
        ("take-over", "check-connection", "remember"),
    ),
    "new, but somebody made one": Case(
        lambda: planned(is_new=True, view=a_view(live=Absent(), strangers=(GRANTED,))),
        withheld=WithheldCode.NOT_OURS,
    ),
    "new, but what it shall adopt is not there": Case(
        lambda: planned(a_connection(adopt="nope"), is_new=True, view=a_view(live=Absent())),
        withheld=WithheldCode.NOT_OURS,
    ),
    "new, but the consumer is unreadable": Case(
        lambda: planned(is_new=True, view=a_view(live=LOST)), withheld=WithheldCode.UNREADABLE
    ),
    "new, but the account is unreadable": Case(
        lambda: planned(is_new=True, view=a_view(live=Absent(), listing=LOST)),
        withheld=WithheldCode.UNREADABLE,
    ),
    "new, but a repository is missing": Case(
        lambda: planned(a_connection(selection=PINNED), is_new=True, view=a_view(live=Absent())),
        withheld=WithheldCode.MISSING_REPOSITORY,
    ),
    "new, but connect is not managed": Case(
        lambda: planned(a_connection(manage=frozenset()), is_new=True, view=a_view(live=Absent())),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    # ---- gone
    "gone": Case(
        lambda: planned(view=a_view(live=Absent())), "connect:connect_because_gone", CONNECT
    ),
    "gone and dead": Case(
        lambda: planned(view=holding(dead(), live=Absent())),
        "connect:connect_because_gone",
        ("manual", *CONNECT),
    ),
    "gone and dead, with a successor": Case(
        lambda: planned(view=holding(dead(), a_successor(), live=Absent())),
        "connect:connect_because_gone",
        (*CONNECT, "prove-dead", "promote", "remember"),
    ),
    "gone, browser": Case(
        lambda: planned(BROWSER, BROWSER_RECORD, holding(live=Absent())),
        "connect:connect_because_gone",
        ("manual", "check-connection", "select", "remember"),
    ),
    "gone, browser, granted again": Case(
        lambda: planned(
            BROWSER,
            BROWSER_RECORD,
            holding(live=Absent(), strangers=(GRANTED,)),
            an_operation(step="grant"),
        ),
        "connect:connect_because_gone",
        ("take-over", "check-connection", "select", "remember"),
    ),
    "gone, but connect is not managed": Case(
        lambda: planned(a_connection(manage=frozenset()), view=a_view(live=Absent())),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "gone, and the account is unreadable": Case(
        lambda: planned(view=a_view(live=Absent(), listing=LOST)),
        withheld=WithheldCode.UNREADABLE,
    ),
    # ---- parts
    "another tenant": Case(
        lambda: planned(EU, view=a_view(live=Absent())),
        "reconnect:replace_because_cannot_update",
        (*SWITCH, "remember"),
    ),
    "another account": Case(
        lambda: planned(GLOBEX, view=a_view(listing=Present(a_listing(SHOP))), known={}),
        "reconnect:replace_because_cannot_update",
        (*SWITCH, "remember"),
    ),
    "another user": Case(
        lambda: planned(ADA, view=holding(None, a_slot("ATATT-ada", identity="557058:ada"))),
        "reconnect:replace_because_cannot_update",
        (*CONNECT, "prove-dead", "remove-credential", "manual", "remember"),
    ),
    "another user, whose token is missing": Case(
        lambda: planned(ADA, view=holding(dead())),
        "reconnect:replace_because_cannot_update",
        (*AFTER_MINT, "manual", "remember"),
    ),
    "another method, in the browser": Case(
        lambda: planned(BROWSER, view=holding()),
        "reconnect:replace_because_cannot_update",
        (
            "manual",
            "check-connection",
            "select",
            "remember",
            "remove-credential",
            "manual",
            "remember",
        ),
    ),
    "another method, in the browser, announced": Case(
        lambda: planned(BROWSER, view=holding(), operation=an_operation(step="grant")),
        waits="grant",
    ),
    "another method, in the browser, granted": Case(
        lambda: planned(
            BROWSER, view=holding(strangers=(GRANTED,)), operation=an_operation(step="grant")
        ),
        "reconnect:replace_because_cannot_update",
        (
            "take-over",
            "check-connection",
            "select",
            "remember",
            "remove-credential",
            "manual",
            "remember",
        ),
    ),
    "another user, by hand": Case(
        lambda: planned(
            by_hand(method=a_method(username="ada@acme.example")),
            BY_HAND_RECORD,
            holding(None, a_slot("ATATT-ada", identity="557058:ada"), live=BY_HAND_LIVE),
        ),
        "reconnect:replace_because_cannot_update",
        ("check-credential", "manual", "remember", "manual", "remember"),
    ),
    "another tenant, but connect is not managed": Case(
        lambda: planned(replace(EU, manage=frozenset()), view=a_view(live=Absent())),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "another account, which is unreadable": Case(
        lambda: planned(GLOBEX, view=a_view(listing=LOST)), withheld=WithheldCode.UNREADABLE
    ),
    "another account, without a repository": Case(
        lambda: planned(GLOBEX, view=a_view(listing=Present(a_listing({}))), known={}),
        withheld=WithheldCode.MISSING_REPOSITORY,
    ),
    # ---- credential
    "a successor lies ready": Case(
        lambda: planned(view=holding(a_slot(), a_successor())),
        "rotate:rotate_because_new_secret",
        (*SWITCH, "manual", "prove-dead", "promote", "remember"),
    ),
    "a successor of a dead one": Case(
        lambda: planned(view=holding(dead(), a_successor())),
        "rotate:rotate_because_new_secret",
        (*SWITCH, "prove-dead", "promote", "remember"),
    ),
    "a successor that no code can move": Case(
        lambda: planned(
            view=holding(a_slot(), a_successor()), setting={"writable": frozenset({"vault"})}
        ),
        "rotate:rotate_because_new_secret",
        (*SWITCH, "manual", "prove-dead", "manual", "remember"),
    ),
    "a secret overwritten in its place": Case(
        lambda: planned(view=holding(None, a_slot("ATATT-new"))),
        "rotate:rotate_because_new_secret",
        (*CONNECT, "prove-dead", "remove-credential", "manual", "remember"),
    ),
    "a successor, by hand": Case(
        lambda: planned(
            BY_HAND, BY_HAND_RECORD, holding(a_slot(), a_successor(), live=BY_HAND_LIVE)
        ),
        "rotate:rotate_because_new_secret",
        ("check-credential", "manual", "remember", "manual", "prove-dead", "promote", "remember"),
    ),
    "a successor, by hand, announced": Case(
        lambda: planned(
            BY_HAND,
            BY_HAND_RECORD,
            holding(a_slot(), a_successor(), live=BY_HAND_LIVE),
            an_operation(step="enter"),
        ),
        waits="enter",
    ),
    "a successor, but the account is unreadable": Case(
        lambda: planned(view=holding(a_slot(), a_successor(), listing=LOST)),
        withheld=(WithheldCode.UNREADABLE, WithheldCode.UNREADABLE),
    ),
    "a successor, but rotate is not managed": Case(
        lambda: planned(WITHOUT_RESCOPE, WITHOUT_RESCOPE_RECORD, holding(a_slot(), a_successor())),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "expiring": Case(
        lambda: planned(view=holding(a_slot(expires_at=NOW + timedelta(days=9)))),
        "rotate:rotate_because_expiring",
        AFTER_MINT,
    ),
    "expiring, announced": Case(
        lambda: planned(
            view=holding(a_slot(expires_at=NOW + timedelta(days=9))), operation=MINTING
        ),
        waits="mint",
    ),
    "expiring, and the account is unreadable": Case(
        lambda: planned(view=holding(a_slot(expires_at=NOW), listing=LOST)),
        "rotate:rotate_because_expiring",
        ("manual",),
        withheld=WithheldCode.UNREADABLE,
    ),
    "dead": Case(lambda: planned(view=holding(dead())), "rotate:rotate_because_dead", AFTER_MINT),
    "lacks a scope": Case(
        lambda: planned(view=holding(a_slot(scopes=frozenset()))),
        "rotate:rotate_because_cannot_rescope",
        AFTER_MINT,
    ),
    "asked for": Case(
        lambda: planned(requested=frozenset({an_address()})),
        "rotate:rotate_by_request",
        AFTER_MINT,
    ),
    "asked for in an earlier run": Case(lambda: planned(operation=MINTING), waits="mint"),
    "dead, with a selection to write": Case(
        lambda: planned(view=holding(dead(), live=selected("{a1}"))),
        "rotate:rotate_because_dead",
        ("select", "remember", *AFTER_MINT),
    ),
    "dead, with a new name to record": Case(
        lambda: planned(
            view=holding(
                dead(), listing=Present(a_listing({**REPOSITORIES, "{b2}": Repository("site")}))
            )
        ),
        "rotate:rotate_because_dead",
        ("remember", *AFTER_MINT),
    ),
    # ---- after the switch
    "revoking": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_successor(), old=OLD, live=SWITCHED_LIVE),
            operation=REVOKING,
        ),
        waits="revoke-old",
    ),
    "revoked": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_successor(), old=dead("ATATT-old"), live=SWITCHED_LIVE),
            operation=REVOKING,
        ),
        "rotate:finish_because_old_is_dead",
        ("prove-dead", "promote", "remember"),
    ),
    "revocation acknowledged": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_slot("ATATT-successor"), live=SWITCHED_LIVE),
            operation=replace(REVOKING, acknowledged=frozenset({"revoke-old"})),
        ),
        "rotate:finish_because_old_is_dead",
        ("promote", "remember"),
    ),
    "the secret is to be moved": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_successor(), live=SWITCHED_LIVE),
            operation=an_operation(step="move-secret"),
        ),
        waits="move-secret",
    ),
    "the secret was moved": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_slot("ATATT-successor"), live=SWITCHED_LIVE),
            operation=an_operation(step="move-secret"),
        ),
        "rotate:finish_because_old_is_dead",
        ("remember",),
    ),
    "revoked, moved by a person already": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_slot("ATATT-successor"), old=dead("ATATT-old"), live=SWITCHED_LIVE),
            operation=REVOKING,
            setting={"writable": frozenset()},
        ),
        "rotate:finish_because_old_is_dead",
        ("prove-dead", "remember"),
    ),
    "interrupted after the switch": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_successor(), old=OLD, live=SWITCHED_LIVE, strays=(STRAY,)),
            operation=RUNNING,
        ),
        "rotate:resume_interrupted",
        ("remove-credential", "remove-credential", "manual", "prove-dead", "promote", "remember"),
    ),
    "interrupted reconnection": Case(
        lambda: planned(
            record=SWITCHED,
            view=holding(a_successor(), live=SWITCHED_LIVE),
            operation=replace(RUNNING, kind=ActionKind.RECONNECT),
        ),
        "reconnect:resume_interrupted",
        ("remove-credential", "remember"),
    ),
    "interrupted before anything outside": Case(
        lambda: planned(operation=replace(RUNNING, facts={}, step="check-credential"))
    ),
    # ---- selection
    "edited": Case(
        lambda: planned(
            a_connection(selection=some(term(name="pay-*"))),
            recorded(follows_new=False),
            a_view(live=selected("{a1}", "{b2}", follows_new=False)),
        ),
        "rescope:rescope_because_changed",
        ("select", "remember"),
    ),
    "drifted": Case(
        lambda: planned(view=a_view(live=selected("{a1}"))),
        "rescope:rescope_because_drift",
        ("select", "remember"),
    ),
    "a new repository": Case(
        lambda: planned(view=a_view(listing=Present(a_listing(SHOP)))),
        "rescope:rescope_because_provider",
        ("select", "remember"),
    ),
    "a new repository that the consumer took up": Case(
        lambda: planned(
            view=a_view(listing=Present(a_listing(SHOP)), live=selected("{a1}", "{b2}", "{c3}"))
        ),
        "rescope:rescope_because_provider",
        ("remember",),
    ),
    "following switched off live": Case(
        lambda: planned(view=a_view(live=selected("{a1}", "{b2}", follows_new=False))),
        "rescope:rescope_because_drift",
        ("select", "remember"),
    ),
    "drifted, but rescope is not managed": Case(
        lambda: planned(WITHOUT_RESCOPE, WITHOUT_RESCOPE_RECORD, a_view(live=selected("{a1}"))),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "drifted, and not read whole": Case(
        lambda: planned(view=a_view(live=selected("{a1}", complete=False, gap="page 3"))),
        withheld=WithheldCode.INCOMPLETE_READ,
    ),
    "a new repository, and no selection was given": Case(
        lambda: planned(
            view=a_view(live=Present(a_live(selection=None)), listing=Present(a_listing(SHOP)))
        ),
        withheld=WithheldCode.INCOMPLETE_READ,
    ),
    "narrowed on an incomplete listing": Case(
        lambda: planned(
            a_connection(selection=some(term(name="pay-*"))),
            recorded(follows_new=False),
            a_view(live=selected("{a1}", "{b2}", follows_new=False), listing=GAP),
        ),
        "relink:relink_because_settings",
        ("remember",),
        withheld=WithheldCode.INCOMPLETE_READ,
    ),
    "unreadable consumer": Case(
        lambda: planned(a_connection(protect=True), view=a_view(live=LOST)),
        withheld=WithheldCode.UNREADABLE,
    ),
    "unreadable account": Case(
        lambda: planned(view=a_view(listing=LOST)), withheld=WithheldCode.UNREADABLE
    ),
    "a missing repository": Case(
        lambda: planned(
            a_connection(selection=replace(PINNED, digest="sha256:5e1ec7ed")),
            recorded(listed_at=0),
        ),
        withheld=WithheldCode.MISSING_REPOSITORY,
    ),
    # ---- only the registry
    "protected": Case(
        lambda: planned(a_connection(protect=True)),
        "relink:relink_because_settings",
        ("remember",),
    ),
    "protected while the account is unreadable": Case(
        lambda: planned(a_connection(protect=True), view=a_view(listing=LOST)),
        "relink:relink_because_settings",
        ("remember",),
        withheld=WithheldCode.UNREADABLE,
    ),
    "protected while a repository is missing": Case(
        lambda: planned(a_connection(protect=True, selection=PINNED)),
        "relink:relink_because_settings",
        ("remember",),
        withheld=WithheldCode.MISSING_REPOSITORY,
    ),
    "protected while rescope is not managed": Case(
        lambda: planned(
            replace(WITHOUT_RESCOPE, protect=True),
            WITHOUT_RESCOPE_RECORD,
            a_view(live=selected("{a1}")),
        ),
        "relink:relink_because_settings",
        ("remember",),
        withheld=WithheldCode.NOT_MANAGED,
    ),
    "a selection written otherwise": Case(
        lambda: planned(
            a_connection(selection=some(term(name="*"), everything=True, digest="other"))
        ),
        "relink:relink_because_settings",
        ("remember",),
    ),
    "an end declared": Case(
        lambda: planned(a_connection(method=a_method(expires_at=NOW + timedelta(days=90)))),
        "relink:relink_because_settings",
        ("remember",),
    ),
    "renamed at the provider": Case(
        lambda: planned(
            view=a_view(listing=Present(a_listing({**REPOSITORIES, "{b2}": Repository("site")})))
        ),
        "relink:relink_because_renamed",
        ("remember",),
    ),
    "vanished at the provider": Case(
        lambda: planned(
            view=a_view(
                listing=Present(a_listing({"{a1}": REPOSITORIES["{a1}"]})), live=selected("{a1}")
            )
        ),
        "rescope:rescope_because_provider",
        ("remember",),
    ),
    "scopes narrowed, nothing known of the credential": Case(
        lambda: planned(
            a_connection(method=a_method(scopes=())), recorded(scopes=()), holding(a_slot())
        )
    ),
    "left behind by an interrupted run": Case(
        lambda: planned(view=a_view(strays=(STRAY,))),
        "relink:relink_because_interrupted",
        ("remove-credential", "remember"),
    ),
    "left behind beside a change": Case(
        lambda: planned(a_connection(protect=True), view=a_view(strays=(STRAY,))),
        "relink:relink_because_settings",
        ("remove-credential", "remember"),
    ),
    "revocation acknowledged, with no place beside the secret": Case(
        lambda: planned(
            a_connection(method=a_method(successor=None)),
            SWITCHED,
            holding(a_slot("ATATT-successor"), live=SWITCHED_LIVE),
            replace(REVOKING, acknowledged=frozenset({"revoke-old"})),
        ),
        "rotate:finish_because_old_is_dead",
        ("remember",),
    ),
    "another tenant, in the browser, granted": Case(
        lambda: planned(
            replace(BROWSER, consumer=EU.consumer),
            BROWSER_RECORD,
            holding(live=Present(GRANTED)),
            an_operation(step="grant", kind=ActionKind.RECONNECT),
        ),
        "reconnect:replace_because_cannot_update",
        (
            "take-over",
            "check-connection",
            "select",
            "remember",
            "remove-credential",
            "remember",
        ),
    ),
    # ---- undeclared
    "undeclared": Case(lambda: planned(undeclared=True), withheld=WithheldCode.DELETIONS_DISABLED),
    "undeclared, disconnect managed": Case(
        lambda: planned(
            record=recorded(manage=frozenset({ActionKind.DISCONNECT})), undeclared=True
        ),
        "disconnect:delete_because_no_resource_config",
        ("remove-credential", "remember"),
    ),
    "undeclared after an interrupted rotation": Case(
        lambda: planned(
            record=recorded(manage=frozenset({ActionKind.DISCONNECT})),
            view=a_view(listing=Absent(), strays=(STRAY,)),
            operation=replace(RUNNING, facts={REMOVES: "cred-0", TENANT: "ox-old"}),
            undeclared=True,
        ),
        "disconnect:delete_because_no_resource_config",
        ("remove-credential", "remove-credential", "remove-credential", "remember"),
    ),
    "undeclared and protected": Case(
        lambda: planned(
            record=recorded(manage=frozenset({ActionKind.DISCONNECT}), protect=True),
            undeclared=True,
        ),
        withheld=WithheldCode.PROTECTED,
    ),
    "undeclared and gone": Case(
        lambda: planned(view=a_view(listing=Absent(), live=Absent()), undeclared=True),
        "forget:forget_because_gone",
        ("remember",),
    ),
    "undeclared and unreadable": Case(
        lambda: planned(
            record=recorded(manage=frozenset({ActionKind.DISCONNECT})),
            view=a_view(listing=Absent(), live=LOST),
            undeclared=True,
        ),
        withheld=WithheldCode.UNREADABLE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_situation_has_its_decision(name: str) -> None:
    case = CASES[name]
    assert outcome(case.plan()) == case.outcome


@pytest.mark.parametrize("name", CASES)
def test_every_decision_says_why_and_what_then(name: str) -> None:
    plan = CASES[name].plan()
    assert all(a.reason and a.steps for a in plan.actions)
    assert all(a.source is not None for a in plan.actions)
    assert all(w.why and w.hint for w in plan.withheld)
    assert all(w.step.title for w in plan.waiting)
    busy = {*(a.address for a in plan.actions), *(w.address for w in plan.withheld)}
    assert not busy & set(plan.unchanged)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_taken_away_from_ignorance(name: str) -> None:
    """What cannot be read is not removed; on a gap no repository is."""
    case = CASES[name]
    plan = case.plan()
    if "unreadable" in name:
        steps = [s for a in plan.actions for s in a.steps]
        assert not any(isinstance(s, RemoveCredential | Select) for s in steps)
    for action in plan.actions:
        if any(isinstance(s, Select) and s.change.remove for s in action.steps):
            assert action.selection is not None
            assert not action.selection.kept_why
            assert action.takes_away


class TestDetails:
    """What the table does not show: the contents of steps."""

    def steps(self, name: str) -> tuple[Any, ...]:
        (action,) = CASES[name].plan().actions
        return action.steps

    def test_a_new_tenant_names_the_one_to_clear_away_at(self) -> None:
        (action,) = CASES["another tenant"].plan().actions
        removal = next(s for s in action.steps if isinstance(s, RemoveCredential))
        assert (removal.live_id, removal.consumer) == ("cred-1", "ox-prod")
        assert action.facts == {REMOVES: "cred-1", TENANT: "ox-prod"}

    def test_a_new_account_takes_over_no_resources_and_counts_the_old_ones_as_lost(self) -> None:
        (action,) = CASES["another account"].plan().actions
        fill = next(s for s in action.steps if isinstance(s, Select))
        assert fill.copy_from == ""
        assert set(fill.change.target) == set(SHOP)
        assert (action.risk.gains, action.risk.loses) == (3, 2)
        assert action.takes_away

    def test_a_new_user_keeps_what_else_was_selected(self) -> None:
        fill = next(s for s in self.steps("another user") if isinstance(s, Select))
        assert fill.copy_from == "cred-1"

    def test_the_next_generation_is_beyond_that_of_any_leftover(self) -> None:
        plan = planned(view=holding(a_slot(), a_successor(), strays=(STRAY,)))
        added = next(s for s in plan.actions[0].steps if s.code == "add-credential")
        assert added.generation == 5  # type: ignore[union-attr]  # found by its code

    def test_a_pending_scope_change_is_remembered_as_not_reached(self) -> None:
        desired = a_connection(protect=True, method=a_method(scopes=("read:repository:bitbucket",)))
        plan = planned(desired, operation=MINTING)
        (action,) = plan.actions
        assert action.reason == "protect changed in the YAML; only the registry changes"
        assert KEEPS_SCOPES in action.facts
        assert [w.step.id for w in plan.waiting] == ["mint"]

    def test_a_rotation_leaves_a_blocked_selection_as_it_was_applied(self) -> None:
        desired = a_connection(selection=PINNED)
        plan = planned(desired, view=holding(a_slot(), a_successor()))
        (action,) = [a for a in plan.actions if a.kind is ActionKind.ROTATE]
        assert action.selection is not None
        assert not action.selection.applies
        assert action.selection.target == recorded().selection

    def test_finishing_what_was_begun_writes_no_selection_into_the_record(self) -> None:
        for case in ("revoked", "interrupted after the switch"):
            old, operation = (OLD, RUNNING) if "interr" in case else (dead("x"), REVOKING)
            view = holding(a_successor(), old=old, live=Present(a_live(id="cred-2")))
            view = replace(view, listing=Present(a_listing(SHOP)))
            (action,) = planned(record=SWITCHED, view=view, operation=operation).actions
            assert action.selection is not None
            assert not action.selection.applies

    def test_a_renamed_connection_is_moved_before_anything_else_is_recorded(self) -> None:
        desired = a_connection(address=an_address("ox-new"), previously=(an_address(),))
        (action,) = planned(desired).actions
        assert (action.reason_code, action.moved_from) == ("relink_because_moved", an_address())
        blocked = planned(replace(desired, selection=PINNED))
        assert [a.reason_code for a in blocked.actions] == ["relink_because_moved"]

    def test_a_leftover_of_nobody_is_removed_at_the_tenant_it_was_seen_at(self) -> None:
        view = ConnectionView(Absent(), Absent(), strays=(STRAY,), tenant="ox-two")
        state = replace(a_state(), connections={})
        snapshot = a_snapshot()
        found = differences(state, snapshot, {"connection.left": view})
        from reconciler.plan import build

        (action,) = build(found, a_setting(state, snapshot)).actions
        assert action.reason_code == "disconnect_because_interrupted"
        assert action.steps[0] == RemoveCredential("stray-1", STRAY.name, "ox-two")
        empty = replace(view, strays=())
        found = differences(state, snapshot, {"connection.left": empty})
        assert build(found, a_setting(state, snapshot)).actions == ()

    def test_a_consumer_without_an_api_is_left_by_a_person(self) -> None:
        record = replace(BY_HAND_RECORD, manage=frozenset({ActionKind.DISCONNECT}))
        view = a_view(listing=Absent(), live=BY_HAND_LIVE)
        step = planned(BY_HAND, record, view, undeclared=True).actions[0].steps[0]
        assert isinstance(step, ManualStep)
        operation = an_operation(step=step.id, kind=ActionKind.DISCONNECT)
        waiting = planned(BY_HAND, record, view, operation, undeclared=True)
        assert outcome(waiting) == ([], [], [], ["remove-by-hand"])
        done = replace(operation, acknowledged=frozenset({step.id}))
        again = planned(BY_HAND, record, view, done, undeclared=True)
        assert outcome(again)[1] == [("manual", "remember")]

    def test_many_kept_repositories_are_named_in_part(self) -> None:
        names = {f"{{{n}}}": Repository(f"web-{n}") for n in range(7)}
        live = Present(
            a_live(
                selection=live_selection("{a1}", *names, follows_new=False),
            )
        )
        record = recorded(
            selection={
                "{a1}": Selected("pay-api", "pay-api"),
                **{k: Selected(r.name, r.name) for k, r in names.items()},
            },
            follows_new=False,
        )
        listing = Present(a_listing({**REPOSITORIES, **names}, gap="page 2 was lost"))
        desired = a_connection(selection=some(term(name="pay-*")))
        (held,) = planned(desired, record, a_view(live=live, listing=listing)).withheld
        assert "web-4 and 2 more would leave" in held.why


class TestManualSteps:
    """The exact values that a person types."""

    def step(self, connection: DesiredConnection, view: ConnectionView, **more: Any) -> ManualStep:
        plan = planned(connection, view=view, **more)
        return next(s for s in plan.actions[0].steps if isinstance(s, ManualStep))

    def fields(self, step: ManualStep) -> dict[str, str]:
        return dict(step.fields)

    def test_the_first_credential_goes_into_the_secrets_own_place(self) -> None:
        step = self.step(a_connection(), holding(live=Absent()), is_new=True)
        fields = self.fields(step)
        assert fields["Name"] == "ox-acme-1"
        assert fields["Put its value into"] == "file /project/secrets/ox-bot.token"
        assert fields["Expires on"] == "2027-11-21"
        assert step.scopes == a_method().scopes

    def test_a_following_one_goes_beside_the_old(self) -> None:
        fields = self.fields(self.step(a_connection(), holding(dead())))
        assert fields["Name"] == "ox-acme-2"
        assert fields["Put its value into"].startswith(f"{NEXT_REF.place}, while the old")

    def test_without_a_place_beside_it_goes_into_the_secrets_own(self) -> None:
        method = a_method(successor=None, secret=SecretRef("env", ("T",)))
        fields = self.fields(self.step(a_connection(method=method), holding(dead())))
        assert fields["Put its value into"].startswith("environment variable T")
        nowhere = a_connection(method=a_method(successor=None, secret=None))
        fields = self.fields(self.step(nowhere, holding(dead())))
        assert fields["Put its value into"].startswith("the source of the secret")

    @pytest.mark.parametrize(
        ("method", "ends"),
        [
            ({"max_age": timedelta(days=90)}, "2027-02-19"),
            ({"max_age": None}, "2027-11-21"),
            ({"max_age": timedelta(days=900)}, "2027-11-21"),
        ],
        ids=["declared", "profile", "shorter-of-both"],
    )
    def test_its_end_is_the_nearest_that_anybody_asks_for(
        self, method: dict[str, Any], ends: str
    ) -> None:
        desired = a_connection(method=a_method(**method))
        assert self.fields(self.step(desired, holding(dead())))["Expires on"] == ends

    def test_a_method_that_the_provider_describes_no_form_for_is_still_said(self) -> None:
        method = a_method(kind=MethodKind.ACCESS_TOKEN, username="")
        desired = a_connection(method=method)
        record = recorded(method=MethodKind.ACCESS_TOKEN, username="")
        minted = self.step(desired, holding(dead()), record=record)
        assert minted.title == "Create a new access-token"
        assert minted.who == "the user whose e-mail is entered"
        revoked = self.step(desired, holding(a_slot(), a_successor()), record=record)
        assert (revoked.title, revoked.url) == ("Revoke the old access-token", "")

    def test_somebody_without_a_user_name_is_described(self) -> None:
        desired = a_connection(method=a_method(username=""))
        record = recorded(username="")
        assert self.step(desired, holding(dead()), record=record).who == "the bot"

    def test_a_consumer_without_an_api_is_given_every_value(self) -> None:
        step = self.step(BY_HAND, a_view(live=Absent()), is_new=True)
        assert step.fields == (
            ("Connection name", "ox-acme"),
            ("Host URL", "https://api.bitbucket.org/2.0"),
            ("Workspace", "acme"),
            ("User name", "ox-bot@acme.example"),
            ("Token or secret", "the value in file /project/secrets/ox-bot.token"),
        )
        bare = by_hand(method=a_method(username="", secret=None, successor=None))
        assert len(self.step(bare, a_view(live=Absent()), is_new=True).fields) == 3

    def test_a_grant_names_the_page_and_how_it_is_seen(self) -> None:
        step = self.step(BROWSER, holding(live=Absent()), is_new=True)
        assert step.url == "https://app.ox.security/connectors"
        assert "the only new one that reaches 'acme'" in step.detected_by

    def test_moving_a_secret_says_from_where_to_where(self) -> None:
        (waiting,) = CASES["the secret is to be moved"].plan().waiting
        assert dict(waiting.step.fields) == {
            "From": "file /project/secrets/ox-bot.token.next",
            "To": "file /project/secrets/ox-bot.token",
        }
