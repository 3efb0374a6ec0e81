"""What a credential needs: every need with each of its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.diff.credential import CredentialState, judge
from reconciler.errors import Severity
from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import CredentialNeed
from reconciler.model.method import MethodKind
from reconciler.model.observed import Absent, ConnectionView, CredentialView, Present, Slot, Verdict
from reconciler.model.record import Record
from tests.builders import NOW, SCOPES, a_connection, a_mark, a_method
from tests.seen import a_live, a_slot, a_successor, a_view, recorded

ADMIN = "admin:repository:bitbucket"
READ, WRITE = SCOPES
UNUSABLE = [Verdict.DEAD, Verdict.WRONG_LOGIN, Verdict.UNSCOPED, Verdict.BLOCKED, Verdict.RETIRED]


def judged(
    held: Slot | None = None,
    candidate: Slot | None = None,
    *,
    record: Record | None = None,
    desired: DesiredConnection | None = None,
    view: ConnectionView | None = None,
    implies: dict[str, frozenset[str]] | None = None,
    missing: str = "",
    requested: bool = False,
    is_new: bool = False,
    now: datetime = NOW,
) -> CredentialState:
    seen = replace(view or a_view(), credential=CredentialView(held, candidate, missing=missing))
    return judge(
        desired or a_connection(),
        None if is_new else record or recorded(),
        seen,
        implies or {},
        requested=requested,
        now=now,
    )


def codes(state: CredentialState) -> list[str]:
    return [f.code for f in state.findings]


def with_method(**overrides: Any) -> DesiredConnection:
    return a_connection(method=a_method(**overrides))


def test_a_working_credential_of_the_wanted_scopes_needs_nothing() -> None:
    state = judged(a_slot())
    assert (state.need, state.why, state.findings) == (CredentialNeed.NOTHING, "", [])


def test_a_browser_grant_has_no_credential_of_ours() -> None:
    state = judged(None, desired=with_method(kind=MethodKind.OAUTH_APP), requested=True)
    assert state == CredentialState()


class TestFirst:
    def test_no_secret_yet(self) -> None:
        state = judged(None, is_new=True, missing="file x is not set")
        assert (state.need, state.why) == (CredentialNeed.FIRST, "file x is not set")

    def test_a_fit_one_needs_nothing(self) -> None:
        assert judged(a_slot(), is_new=True).need is CredentialNeed.NOTHING

    def test_an_unchecked_one_is_tried(self) -> None:
        state = judged(a_slot(verdict=Verdict.UNKNOWN, scopes=None), is_new=True)
        assert state.need is CredentialNeed.NOTHING

    @pytest.mark.parametrize("verdict", UNUSABLE)
    def test_one_that_does_not_work_is_said(self, verdict: Verdict) -> None:
        state = judged(a_slot(verdict=verdict, cause="no", hint="mend it"), is_new=True)
        assert state.need is CredentialNeed.FIRST
        assert [(f.code, f.severity, f.hint) for f in state.findings] == [
            ("credential-unfit", Severity.ERROR, "mend it")
        ]

    def test_one_that_lacks_a_scope_is_said(self) -> None:
        state = judged(a_slot(scopes=frozenset({READ})), is_new=True)
        assert state.need is CredentialNeed.FIRST
        assert state.why.endswith(f"lacks {WRITE}")

    def test_one_with_more_than_declared_is_taken_with_a_warning(self) -> None:
        state = judged(a_slot(scopes=frozenset({*SCOPES, ADMIN})), is_new=True)
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["scopes-surplus"])
        assert ADMIN in state.findings[0].message


class TestSuccessor:
    def test_a_fit_one_is_used(self) -> None:
        state = judged(a_slot(), a_successor())
        assert state.need is CredentialNeed.NEW_APPEARED
        assert "ox-bot.token.next" in state.why

    def test_a_fit_one_is_used_even_when_the_old_one_is_dead(self) -> None:
        state = judged(a_slot(verdict=Verdict.DEAD), a_successor())
        assert state.need is CredentialNeed.NEW_APPEARED

    def test_its_surplus_is_said(self) -> None:
        state = judged(a_slot(), a_successor(scopes=frozenset({*SCOPES, ADMIN})))
        assert (state.need, codes(state)) == (CredentialNeed.NEW_APPEARED, ["scopes-surplus"])

    @pytest.mark.parametrize(
        ("report", "says"),
        [
            *[({"verdict": v, "cause": "refused"}, "does not work: refused") for v in UNUSABLE],
            ({"verdict": Verdict.UNKNOWN, "cause": "429"}, "could not be checked: 429"),
            ({"scopes": frozenset({WRITE})}, f"lacks {READ}"),
            ({"identity": "557058:eve", "login": "eve"}, "belongs to eve, not to ox-bot@acme"),
            ({"identity": "557058:eve", "login": ""}, "belongs to 557058:eve"),
        ],
        ids=[*(v.value for v in UNUSABLE), "unknown", "scope", "somebody-else", "no-login"],
    )
    def test_an_unfit_one_is_not_used_and_the_old_one_is_judged(
        self, report: dict[str, Any], says: str
    ) -> None:
        state = judged(a_slot(), a_successor(**report))
        assert state.need is CredentialNeed.NOTHING
        assert codes(state) == ["successor-unfit"]
        assert says in state.findings[0].message
        dead = judged(a_slot(verdict=Verdict.DEAD), a_successor(**report))
        assert dead.need is CredentialNeed.DEAD

    @pytest.mark.parametrize(
        ("record", "method", "identity"),
        [
            ({"identity": ""}, {}, "557058:eve"),
            ({}, {}, ""),
            ({}, {"username": "ada@acme.example"}, "557058:ada"),
        ],
        ids=["nobody-recorded", "provider-does-not-say", "user-name-changed"],
    )
    def test_another_identity_counts_only_where_both_are_known_to_be_one_user(
        self, record: dict[str, Any], method: dict[str, Any], identity: str
    ) -> None:
        state = judged(
            a_slot(),
            a_successor(identity=identity),
            record=recorded(**record),
            desired=with_method(**method),
        )
        assert state.need is CredentialNeed.NEW_APPEARED

    def test_a_wrong_one_without_a_user_name_names_the_recorded_account(self) -> None:
        state = judged(
            a_slot(),
            a_successor(identity="557058:eve"),
            record=recorded(username=""),
            desired=with_method(username=""),
        )
        assert "not to the account recorded" in state.findings[0].message


class TestHeld:
    @pytest.mark.parametrize("verdict", UNUSABLE)
    def test_one_that_stopped_working_is_dead(self, verdict: Verdict) -> None:
        state = judged(a_slot(verdict=verdict, cause="401"))
        assert (state.need, codes(state)) == (CredentialNeed.DEAD, ["credential-dead"])
        assert "401" in state.why

    def test_one_that_could_not_be_checked_is_left_alone(self) -> None:
        state = judged(a_slot(verdict=Verdict.UNKNOWN, cause="503", hint="later", scopes=None))
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["credential-unknown"])
        assert state.findings[0].severity is Severity.WARNING

    @pytest.mark.parametrize(
        ("missing", "says"),
        [("file x is not set", "file x is not set"), ("", "no longer in its place")],
    )
    def test_one_that_is_out_of_sight_is_a_warning(self, missing: str, says: str) -> None:
        state = judged(None, missing=missing)
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["secret-missing"])
        assert says in state.findings[0].message

    def test_one_out_of_sight_still_needs_scopes_that_were_changed(self) -> None:
        state = judged(None, desired=with_method(scopes=(READ,)))
        assert state.need is CredentialNeed.SCOPES

    def test_the_place_is_that_of_the_secret_where_it_is_known(self) -> None:
        desired = replace(with_method(), marks={"secret": a_mark(33), "method": a_mark(30)})
        assert judged(None, desired=desired).findings[0].where == a_mark(33)
        desired = replace(desired, marks={"method": a_mark(30)})
        assert judged(None, desired=desired).findings[0].where == a_mark(30)


class TestScopes:
    def test_a_missing_one_needs_a_new_credential(self) -> None:
        state = judged(a_slot(scopes=frozenset({READ})))
        assert (state.need, codes(state)) == (CredentialNeed.SCOPES, ["scopes-missing"])
        assert WRITE in state.why

    def test_a_missing_one_may_be_implied(self) -> None:
        state = judged(a_slot(scopes=frozenset({ADMIN})), implies={ADMIN: frozenset({*SCOPES})})
        assert state.need is CredentialNeed.NOTHING

    def test_narrowed_scopes_need_a_narrower_credential(self) -> None:
        state = judged(a_slot(), desired=with_method(scopes=(READ,)))
        assert state.need is CredentialNeed.SCOPES
        assert state.why == f"the credential still holds {WRITE}"

    def test_a_surplus_that_was_never_recorded_is_only_said(self) -> None:
        state = judged(a_slot(scopes=frozenset({*SCOPES, ADMIN})))
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["scopes-surplus"])

    def test_a_scope_dropped_from_the_yaml_that_the_credential_never_held_is_nothing(
        self,
    ) -> None:
        state = judged(a_slot(), record=recorded(scopes=(*SCOPES, ADMIN)))
        assert state.need is CredentialNeed.NOTHING

    def test_where_the_provider_does_not_say_the_yaml_decides(self) -> None:
        silent = a_slot(scopes=None)
        assert judged(silent).need is CredentialNeed.NOTHING
        assert judged(silent, desired=with_method(scopes=(READ,))).need is CredentialNeed.SCOPES

    def test_a_method_without_scopes_is_not_asked_for_any(self) -> None:
        state = judged(a_slot(), desired=with_method(scopes=()), record=recorded(scopes=()))
        assert (state.need, state.findings) == (CredentialNeed.NOTHING, [])


class TestAge:
    @pytest.mark.parametrize(
        ("days", "need"),
        [
            (31, CredentialNeed.NOTHING),
            (30, CredentialNeed.EXPIRING),
            (1, CredentialNeed.EXPIRING),
            (-1, CredentialNeed.EXPIRING),
        ],
    )
    @pytest.mark.parametrize("who", ["yaml", "provider", "consumer", "age"])
    def test_whoever_knows_an_end_makes_it_due(
        self, days: int, need: CredentialNeed, who: str
    ) -> None:
        end = NOW + timedelta(days=days)
        method: dict[str, Any] = {"max_age": None}
        slot, view, record = a_slot(), a_view(), recorded()
        if who == "yaml":
            method |= {"expires_at": end}
        elif who == "provider":
            slot = a_slot(expires_at=end)
        elif who == "consumer":
            view = a_view(live=Present(a_live(expires_at=end)))
        else:
            method = {"max_age": timedelta(days=90)}
            record = recorded(credential_since=end - timedelta(days=90))
        state = judged(slot, desired=with_method(**method), view=view, record=record)
        assert (state.need, state.expires_at) == (need, end)
        word = "expired" if days < 0 else "expires"
        assert not state.why or state.why == f"the credential {word} on {end:%Y-%m-%d}"

    def test_the_earliest_end_counts(self) -> None:
        near, far = NOW + timedelta(days=100), NOW + timedelta(days=200)
        state = judged(a_slot(expires_at=far), desired=with_method(max_age=None, expires_at=near))
        assert state.expires_at == near

    def test_an_end_of_an_earlier_credential_does_not_count(self) -> None:
        past = datetime(2026, 11, 1, tzinfo=UTC)
        desired = with_method(max_age=None, expires_at=past)
        assert judged(a_slot(), desired=desired).need is CredentialNeed.EXPIRING
        state = judged(a_slot(), desired=desired, record=recorded(stale_expiry=past))
        assert (state.need, state.expires_at) == (CredentialNeed.NOTHING, None)

    def test_before_the_first_apply_the_declared_end_is_known(self) -> None:
        end = NOW + timedelta(days=90)
        desired = with_method(expires_at=end)
        view = a_view(live=Absent())
        assert judged(a_slot(), desired=desired, is_new=True, view=view).expires_at == end

    def test_nothing_ages_where_nobody_knows_an_end(self) -> None:
        assert judged(a_slot(), desired=with_method(max_age=None)).expires_at is None


class TestUrgency:
    def test_a_request_is_heard_when_nothing_is_worse(self) -> None:
        assert judged(a_slot(), requested=True).need is CredentialNeed.REQUESTED
        dead = judged(a_slot(verdict=Verdict.DEAD), requested=True)
        assert dead.need is CredentialNeed.DEAD

    def test_scopes_come_before_age(self) -> None:
        end = NOW + timedelta(days=1)
        state = judged(a_slot(scopes=frozenset({READ}), expires_at=end))
        assert state.need is CredentialNeed.SCOPES

    def test_one_that_cannot_be_checked_still_ages(self) -> None:
        slot = a_slot(verdict=Verdict.UNKNOWN, cause="503")
        later = NOW + timedelta(days=300)
        assert judged(slot, now=later).need is CredentialNeed.EXPIRING
