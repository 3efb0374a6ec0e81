"""What a credential that the provider's API made needs: its listing says what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diff.credential import CredentialState, judge
from reconciler.errors import Fault
from reconciler.model.drift import CredentialNeed
from reconciler.model.method import MethodKind
from reconciler.model.observed import (
    Absent,
    CredentialView,
    IssuedCredential,
    Present,
    Slot,
    Unreadable,
    Verdict,
)
from reconciler.model.record import Record
from tests.builders import NOW, SCOPES, a_connection
from tests.seen import a_live, a_slot, a_successor, a_view, an_issued, issued_method, recorded

ADMIN = "admin:repository:bitbucket"
READ, WRITE = SCOPES
IMPLIES = {WRITE: frozenset({READ})}
RECORD = recorded(token_id="t1")
MUTE = a_slot(scopes=None)


def judged(
    held: Slot | None = MUTE,
    *issued: IssuedCredential,
    candidate: Slot | None = None,
    record: Record | None = RECORD,
    implies: dict[str, frozenset[str]] | None = None,
    requested: bool = False,
    now: datetime = NOW,
    listing: Any = None,
    live: Any = None,
    **method: Any,
) -> CredentialState:
    view = a_view(
        credential=CredentialView(held, candidate),
        issued=Present(issued) if listing is None else listing,
        live=Present(a_live()) if live is None else live,
    )
    desired = a_connection(method=issued_method(**method))
    return judge(desired, record, view, implies or {}, requested=requested, now=now)


def codes(state: CredentialState) -> list[str]:
    return [f.code for f in state.findings]


class TestScopes:
    def test_as_declared_they_need_nothing(self) -> None:
        assert judged(MUTE, an_issued()).need is CredentialNeed.NOTHING

    def test_what_somebody_added_is_drift(self) -> None:
        state = judged(MUTE, an_issued(scopes=frozenset({*SCOPES, ADMIN})))
        assert (state.need, state.why) == (
            CredentialNeed.SCOPES,
            f"the credential still holds {ADMIN}",
        )

    def test_what_somebody_took_away_is_drift(self) -> None:
        state = judged(MUTE, an_issued(scopes=frozenset({READ})))
        assert state.need is CredentialNeed.SCOPES
        assert codes(state) == ["scopes-missing"]

    def test_what_a_declared_scope_implies_is_no_surplus_and_no_gap(self) -> None:
        both = judged(MUTE, an_issued(), implies=IMPLIES, scopes=(WRITE,))
        one = judged(MUTE, an_issued(scopes=frozenset({WRITE})), implies=IMPLIES)
        assert (both.need, one.need) == (CredentialNeed.NOTHING, CredentialNeed.NOTHING)

    def test_the_credentials_own_word_goes_before_the_listing(self) -> None:
        wide = frozenset({*SCOPES, ADMIN})
        state = judged(a_slot(), an_issued(scopes=wide))
        assert state.need is CredentialNeed.NOTHING
        assert judged(a_slot(scopes=wide), an_issued()).need is CredentialNeed.SCOPES

    def test_surplus_of_a_credential_that_is_not_listed_as_ours_is_only_said(self) -> None:
        state = judged(a_slot(scopes=frozenset({*SCOPES, ADMIN})), an_issued("t7"))
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["scopes-surplus"])

    def test_where_nobody_tells_a_change_of_the_yaml_counts(self) -> None:
        state = judged(MUTE, scopes=(READ,))
        assert (state.need, state.why) == (
            CredentialNeed.SCOPES,
            "the wanted scopes were changed in the YAML",
        )

    def test_without_its_secret_the_listing_is_not_held_against_it(self) -> None:
        state = judged(None, an_issued(scopes=frozenset({ADMIN})))
        assert (state.need, codes(state)) == (CredentialNeed.NOTHING, ["secret-missing"])


class TestVersion:
    @pytest.mark.parametrize(
        ("recorded_as", "declared", "need"),
        [
            (1, 1, CredentialNeed.NOTHING),
            (1, 2, CredentialNeed.REQUESTED),
            (2, 1, CredentialNeed.NOTHING),
        ],
        ids=["same", "raised", "lowered"],
    )
    def test_a_raised_version_asks_once(
        self, recorded_as: int, declared: int, need: CredentialNeed
    ) -> None:
        record = replace(RECORD, version=recorded_as)
        assert judged(MUTE, an_issued(), record=record, version=declared).need is need

    def test_it_says_from_what_to_what(self) -> None:
        assert judged(MUTE, an_issued(), version=3).why == "`version` was raised from 1 to 3"

    def test_somebodys_request_is_said_before_it(self) -> None:
        state = judged(MUTE, an_issued(), version=3, requested=True)
        assert state.why == "it was asked for by name"

    def test_a_dead_credential_is_said_before_it(self) -> None:
        state = judged(a_slot(verdict=Verdict.DEAD), version=3)
        assert state.need is CredentialNeed.DEAD

    def test_a_successor_that_lies_ready_answers_it(self) -> None:
        state = judged(MUTE, an_issued(), version=3, candidate=a_successor(scopes=None))
        assert state.need is CredentialNeed.NEW_APPEARED

    def test_a_browser_grant_has_no_version(self) -> None:
        state = judged(None, version=3, kind=MethodKind.OAUTH_APP)
        assert state.need is CredentialNeed.NOTHING

    def test_before_the_first_apply_there_is_nothing_to_replace(self) -> None:
        assert judged(MUTE, record=None, version=3).need is CredentialNeed.NOTHING


class TestAge:
    def due(self, days: int, since: int, **more: Any) -> CredentialNeed:
        end = NOW + timedelta(days=days)
        record = replace(RECORD, credential_since=NOW - timedelta(days=since))
        return judged(MUTE, an_issued(expires_at=end), record=record, max_age=None, **more).need

    def test_its_listed_end_makes_it_due(self) -> None:
        assert self.due(29, 300) is CredentialNeed.EXPIRING
        assert self.due(31, 300) is CredentialNeed.NOTHING

    @pytest.mark.parametrize(
        ("days", "since", "need"),
        [
            (20, 0, CredentialNeed.NOTHING),
            (11, 19, CredentialNeed.NOTHING),
            (9, 18, CredentialNeed.EXPIRING),
            (-1, 2, CredentialNeed.EXPIRING),
        ],
        ids=["new", "two-thirds", "last-third", "over"],
    )
    def test_a_life_shorter_than_the_notice_is_due_in_its_last_third(
        self, days: int, since: int, need: CredentialNeed
    ) -> None:
        """Else the next one, of the same life, would be due as soon as it was made."""
        assert self.due(days, since) is need

    @given(life=st.integers(1, 400), notice=st.integers(1, 400))
    def test_a_new_one_is_never_due(self, life: int, notice: int) -> None:
        before = timedelta(days=notice)
        assert self.due(life, 0, rotate_before=before) is CredentialNeed.NOTHING

    @given(life=st.integers(1, 400), notice=st.integers(1, 400))
    def test_one_at_its_end_is_always_due(self, life: int, notice: int) -> None:
        before = timedelta(days=notice)
        assert self.due(0, life, rotate_before=before) is CredentialNeed.EXPIRING

    def test_an_end_that_the_consumer_alone_knows_keeps_the_declared_notice(self) -> None:
        live = Present(a_live(expires_at=NOW + timedelta(days=20)))
        state = judged(MUTE, an_issued(expires_at=NOW + timedelta(days=60)), live=live)
        assert state.need is CredentialNeed.EXPIRING

    def test_the_end_of_somebody_elses_credential_does_not_count(self) -> None:
        state = judged(MUTE, an_issued("t7", expires_at=NOW))
        assert state.need is CredentialNeed.NOTHING


@pytest.mark.parametrize(
    "listing",
    [Absent(), Unreadable("503", "later", Fault.OUTAGE)],
    ids=["no-issuer", "outage"],
)
def test_an_issuer_that_is_not_heard_needs_nothing_by_itself(listing: Any) -> None:
    assert judged(MUTE, listing=listing).need is CredentialNeed.NOTHING
