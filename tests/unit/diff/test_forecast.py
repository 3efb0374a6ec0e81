"""The forecast: every day on which a credential ends or is due, from YAML and registry alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reconciler.diff.forecast import MOST_REPEATS, forecast
from reconciler.model.desired import DesiredConnection, DesiredIssuer, DesiredState
from reconciler.model.forecast import Forecast, ForecastEntry, ForecastKind
from reconciler.model.method import ActionKind, IssuerKind, MethodKind
from reconciler.model.record import Record
from reconciler.model.secret import SecretRef
from reconciler.ports.provider import Announcement, ProviderSpec
from tests.builders import (
    NOW,
    a_connection,
    a_consumer,
    a_mark,
    a_method,
    a_profile,
    a_record,
    a_rule,
    a_state,
    an_account,
    an_address,
)
from tests.seen import a_provider_spec, a_snapshot

TODAY = NOW.date()
EXPIRES, ROTATES, ENDS = ForecastKind.EXPIRES, ForecastKind.ROTATES, ForecastKind.ENDS
ISSUER = DesiredIssuer(
    IssuerKind.PASSWORD, SecretRef("env", ("BOT_PASSWORD",)), a_mark(13), "ox-bot"
)
DAY = timedelta(days=1)


def on(days: int) -> date:
    return TODAY + timedelta(days=days)


def with_method(**overrides: Any) -> DesiredConnection:
    rule = overrides.pop("rule", a_rule(max_days=None))
    return a_connection(method=a_method(**overrides), rule=rule)


def a_forecast(
    *connections: DesiredConnection,
    records: tuple[Record, ...] = (),
    days: int = 90,
    spec: ProviderSpec | None = None,
    state: DesiredState | None = None,
    now: datetime = NOW,
    writable: frozenset[str] | None = None,
) -> Forecast:
    return forecast(
        state or a_state(*connections),
        a_snapshot(*records),
        {"bitbucket-cloud": spec or a_provider_spec()},
        days=days,
        now=now,
        writable=writable,
    )


def days_of(found: Forecast, kind: ForecastKind, subject: str = "") -> list[date]:
    return [e.on for e in found.entries if e.kind is kind and subject in ("", e.subject)]


def the(found: Forecast, kind: ForecastKind) -> ForecastEntry:
    [entry] = [e for e in found.entries if e.kind is kind]
    return entry


class TestWhenItEnds:
    @pytest.mark.parametrize(
        ("method", "record", "end"),
        [
            pytest.param({"max_age": None}, {"expires_at": NOW + 50 * DAY}, 50, id="recorded"),
            pytest.param(
                {"max_age": None, "expires_at": NOW + 40 * DAY}, {}, 40, id="declared-not-recorded"
            ),
            pytest.param(
                {"max_age": None, "expires_at": NOW + 60 * DAY},
                {"expires_at": NOW + 50 * DAY},
                60,
                id="declared-anew-since-the-last-apply",
            ),
            pytest.param(
                {"max_age": None, "expires_at": NOW - 9 * DAY},
                {"expires_at": NOW + 50 * DAY, "stale_expiry": NOW - 9 * DAY},
                50,
                id="declared-for-an-earlier-credential",
            ),
            pytest.param({"max_age": 120 * DAY}, {}, 20, id="age-since-the-last-switch"),
            pytest.param(
                {"max_age": 120 * DAY}, {"expires_at": NOW + 70 * DAY}, 20, id="age-comes-earlier"
            ),
            pytest.param(
                {"max_age": 300 * DAY}, {"expires_at": NOW + 70 * DAY}, 70, id="recorded-earlier"
            ),
        ],
    )
    def test_what_is_known_of_an_applied_one_decides(
        self, method: dict[str, Any], record: dict[str, Any], end: int
    ) -> None:
        found = a_forecast(with_method(**method), records=(a_record(**record),))
        assert the(found, EXPIRES).on == on(end)
        assert not the(found, EXPIRES).assumed
        assert days_of(found, ROTATES)[0] in (on(end - 30), TODAY)

    @pytest.mark.parametrize(
        ("method", "end", "assumed"),
        [
            pytest.param({"max_age": 80 * DAY}, 80, True, id="age-from-today"),
            pytest.param({"max_age": None, "expires_at": NOW + 33 * DAY}, 33, False, id="declared"),
            pytest.param({"expires_at": NOW + 33 * DAY}, 33, False, id="declared-before-age"),
            pytest.param(
                {"max_age": 80 * DAY, "expires_at": NOW + 88 * DAY}, 80, True, id="age-before-it"
            ),
        ],
    )
    def test_before_the_first_apply_today_is_assumed_to_be_its_day(
        self, method: dict[str, Any], end: int, assumed: bool
    ) -> None:
        entry = the(a_forecast(with_method(**method)), EXPIRES)
        assert (entry.on, entry.assumed) == (on(end), assumed)

    def test_a_record_of_another_method_says_nothing_of_the_declared_one(self) -> None:
        old = a_record(method=MethodKind.ACCESS_TOKEN, expires_at=NOW + 5 * DAY)
        entry = the(a_forecast(with_method(max_age=80 * DAY), records=(old,)), EXPIRES)
        assert (entry.on, entry.assumed) == (on(80), True)

    def test_a_record_under_a_former_name_counts(self) -> None:
        moved = replace(
            with_method(max_age=None, expires_at=None), previously=(an_address("ox-former"),)
        )
        old = a_record(address=an_address("ox-former"), expires_at=NOW + 50 * DAY)
        found = a_forecast(moved, records=(old,))
        assert [(e.subject, e.on) for e in found.entries if e.kind is EXPIRES] == [
            ("connection.ox-acme", on(50))
        ]

    def test_a_day_is_a_day_in_utc(self) -> None:
        late = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)
        found = a_forecast(with_method(max_age=None, expires_at=late))
        assert the(found, EXPIRES).on == date(2026, 12, 1)

    @pytest.mark.parametrize(("days", "seen"), [(32, False), (33, True)], ids=["before", "last"])
    def test_the_last_day_of_the_span_counts_and_no_later_one(self, days: int, seen: bool) -> None:
        found = a_forecast(with_method(max_age=None, expires_at=NOW + 33 * DAY), days=days)
        assert (days_of(found, EXPIRES) == [on(33)]) is seen

    def test_what_is_past_stands_on_today_and_says_since_when(self) -> None:
        found = a_forecast(with_method(max_age=None, expires_at=NOW - 5 * DAY))
        expired, due = the(found, EXPIRES), the(found, ROTATES)
        assert (expired.on, expired.overdue_since) == (TODAY, on(-5))
        assert (due.on, due.overdue_since) == (TODAY, on(-35))
        assert expired.detail.startswith(f"overdue since {on(-5)}: ")
        assert found.entries == (due, expired)

    def test_a_credential_without_any_end_is_named_as_unknown(self) -> None:
        found = a_forecast(with_method(max_age=None))
        assert found.entries == ()
        assert found.unknown == ("connection.ox-acme", "consumer.ox-prod key")
        assert not found.needs_person

    def test_a_browser_grant_has_no_secret_and_is_not_listed(self) -> None:
        found = a_forecast(with_method(kind=MethodKind.OAUTH_APP, secret=None, successor=None))
        assert (found.entries, found.unknown) == ((), ("consumer.ox-prod key",))

    def test_the_line_that_says_the_date_is_its_source(self) -> None:
        marks = {"expiresAt": a_mark(17), "maxAge": a_mark(16)}
        dated = with_method(marks=marks, expires_at=NOW + DAY)
        assert the(a_forecast(dated), EXPIRES).source == a_mark(17)
        assert the(a_forecast(with_method(marks=marks, max_age=DAY * 80)), EXPIRES).source == (
            a_mark(16)
        )
        assert the(a_forecast(with_method(expires_at=NOW + DAY)), EXPIRES).source == a_mark(14, 3)


class TestWhoRotates:
    def test_one_that_an_api_makes_is_replaced_by_itself(self) -> None:
        found = a_forecast(with_method(issuer=ISSUER, max_age=80 * DAY))
        assert not found.needs_person
        assert the(found, EXPIRES).detail.endswith(
            "unless `reconciler rotate --due` replaced it before"
        )
        assert the(found, ROTATES).detail == (
            "`reconciler rotate --due` makes a new one through the API of Bitbucket Cloud"
        )

    @pytest.mark.parametrize(
        ("connection", "says"),
        [
            pytest.param(
                with_method(max_age=80 * DAY),
                "make a new api-token at https://id.atlassian.com/manage-profile/security/"
                "api-tokens and put it into file /project/secrets/ox-bot.token.next",
                id="no-issuer",
            ),
            pytest.param(
                with_method(max_age=80 * DAY, successor=None),
                "put it into file /project/secrets/ox-bot.token",
                id="no-issuer-and-no-place-beside",
            ),
            pytest.param(
                with_method(max_age=80 * DAY, issuer=ISSUER, successor=None),
                "nothing can be written beside file /project/secrets/ox-bot.token",
                id="no-place-for-a-successor",
            ),
            pytest.param(
                replace(
                    with_method(max_age=80 * DAY, issuer=ISSUER),
                    consumer=a_consumer(profile=a_profile(adapter="", title="Nx Cloud")),
                ),
                "through the API of Bitbucket Cloud, and a person enters it in Nx Cloud",
                id="consumer-without-an-api",
            ),
            pytest.param(
                replace(
                    with_method(max_age=80 * DAY, issuer=ISSUER),
                    manage=frozenset({ActionKind.CONNECT}),
                ),
                "does not list rotate",
                id="rotation-not-managed",
            ),
        ],
    )
    def test_a_person_is_told_what_to_do(self, connection: DesiredConnection, says: str) -> None:
        found = a_forecast(connection)
        assert the(found, ROTATES).by_person
        assert the(found, EXPIRES).by_person
        assert says in the(found, ROTATES).detail

    def test_a_source_that_code_cannot_write_needs_a_person(self) -> None:
        env = SecretRef("env", ("OX_BOT",))
        connection = with_method(
            max_age=80 * DAY, issuer=ISSUER, secret=env, successor=SecretRef("env", ("OX_NEXT",))
        )
        assert not a_forecast(connection).needs_person
        found = a_forecast(connection, writable=frozenset({"file"}))
        assert "beside environment variable OX_BOT" in the(found, ROTATES).detail

    def test_a_reader_is_always_a_persons(self) -> None:
        account = an_account(
            reader=a_method(name="r", max_age=None, expires_at=NOW + 60 * DAY, issuer=ISSUER)
        )
        found = a_forecast(replace(with_method(max_age=None), account=account))
        assert [(e.subject, e.kind, e.on, e.by_person) for e in found.entries] == [
            ("account.acme reader", ROTATES, on(30), True),
            ("account.acme reader", EXPIRES, on(60), True),
        ]
        assert "account.acme issuer" in found.unknown

    def test_the_age_of_a_reader_is_not_known_from_its_longest_age(self) -> None:
        account = an_account(reader=a_method(max_age=80 * DAY))
        found = a_forecast(replace(with_method(max_age=None), account=account))
        assert found.unknown == (
            "account.acme reader",
            "connection.ox-acme",
            "consumer.ox-prod key",
        )

    def test_the_issuers_secret_is_a_credential_too(self) -> None:
        found = a_forecast(with_method(issuer=ISSUER))
        assert found.unknown == ("consumer.ox-prod key", "method.ox-bot-token issuer")


class TestRepetition:
    def test_a_short_lived_one_rotates_again_and_again(self) -> None:
        connection = with_method(max_age=90 * DAY, rotate_before=7 * DAY, issuer=ISSUER)
        found = a_forecast(connection, records=(a_record(credential_since=NOW),), days=400)
        assert days_of(found, ROTATES) == [on(83), on(166), on(249), on(332)]
        assumed = [e.assumed for e in found.entries if e.kind is ROTATES]
        assert assumed == [False, True, True, True]
        assert days_of(found, EXPIRES) == [on(90)]

    def test_what_is_overdue_is_counted_on_from_today(self) -> None:
        connection = with_method(max_age=90 * DAY, issuer=ISSUER)
        found = a_forecast(connection, records=(a_record(),), days=130)
        assert days_of(found, ROTATES) == [TODAY, on(60), on(120)]

    def test_the_consumers_longest_life_bounds_a_successor(self) -> None:
        connection = with_method(
            max_age=None, expires_at=NOW + 40 * DAY, rule=a_rule(max_days=100), issuer=ISSUER
        )
        assert days_of(a_forecast(connection, days=100), ROTATES) == [on(10), on(80)]

    @pytest.mark.parametrize(
        "life",
        [
            pytest.param({"max_age": None, "rule": a_rule(max_days=None)}, id="unknown"),
            pytest.param({"max_age": None, "rule": a_rule(max_days=20)}, id="always-due"),
            pytest.param(
                {"max_age": timedelta(hours=12), "rotate_before": timedelta(hours=4)}, id="hours"
            ),
        ],
    )
    def test_nothing_repeats_without_a_life_of_days(self, life: dict[str, Any]) -> None:
        connection = with_method(expires_at=NOW + DAY, **life)
        assert len(days_of(a_forecast(connection, days=400), ROTATES)) == 1

    def test_the_list_is_bounded(self) -> None:
        connection = with_method(max_age=3 * DAY, rotate_before=DAY, issuer=ISSUER)
        found = a_forecast(connection, days=3650)
        assert len(days_of(found, ROTATES)) == 1 + MOST_REPEATS
        last = [e for e in found.entries if e.kind is ROTATES][-1]
        assert "and so on" in last.detail


class TestAnnouncedEnds:
    ANNOUNCED = Announcement(
        date(2026, 12, 1),
        (MethodKind.API_TOKEN,),
        "global tokens end: scope them to one organization",
        "https://devblogs.example/retirement",
    )

    def test_what_a_provider_announced_for_the_method_is_a_persons(self) -> None:
        spec = a_provider_spec(announced=(self.ANNOUNCED,))
        account = an_account(reader=a_method(max_age=None))
        found = a_forecast(replace(with_method(max_age=None), account=account), spec=spec)
        assert [(e.subject, e.on, e.by_person) for e in found.entries] == [
            ("account.acme reader", date(2026, 12, 1), True),
            ("connection.ox-acme", date(2026, 12, 1), True),
        ]
        assert found.entries[0].detail == (
            "global tokens end: scope them to one organization (https://devblogs.example/retirement)"
        )

    def test_what_was_announced_for_another_method_is_not_ours(self) -> None:
        other = replace(self.ANNOUNCED, concerns=(MethodKind.PERSONAL_ACCESS_TOKEN,))
        found = a_forecast(with_method(max_age=None), spec=a_provider_spec(announced=(other,)))
        assert found.entries == ()

    def test_a_browser_grant_can_end_too(self) -> None:
        ending = replace(self.ANNOUNCED, concerns=(MethodKind.OAUTH_APP,))
        found = a_forecast(
            with_method(kind=MethodKind.OAUTH_APP, secret=None, successor=None),
            spec=a_provider_spec(announced=(ending,)),
        )
        assert days_of(found, ENDS) == [date(2026, 12, 1)]

    def test_a_retired_method_ends_today_and_once(self) -> None:
        spec = a_provider_spec(
            retired={MethodKind.API_TOKEN: "they work no longer since 2026-07-28"},
            announced=(replace(self.ANNOUNCED, on=date(2026, 7, 28)),),
        )
        entry = the(a_forecast(with_method(max_age=None), spec=spec), ENDS)
        assert (entry.on, entry.detail) == (TODAY, "they work no longer since 2026-07-28")

    def test_an_end_that_has_passed_is_overdue(self) -> None:
        spec = a_provider_spec(announced=(replace(self.ANNOUNCED, on=on(-3)),))
        entry = the(a_forecast(with_method(max_age=None), spec=spec), ENDS)
        assert (entry.on, entry.overdue_since) == (TODAY, on(-3))

    @pytest.mark.parametrize(
        ("replacement", "words"),
        [(MethodKind.ACCESS_TOKEN, "use access-token"), (None, "use another method")],
        ids=["named", "not-named"],
    )
    def test_what_the_consumers_profile_retires_names_the_replacement(
        self, replacement: MethodKind | None, words: str
    ) -> None:
        rule = a_rule(max_days=None, retired=date(2027, 1, 10), replacement=replacement)
        entry = the(a_forecast(with_method(max_age=None, rule=rule)), ENDS)
        assert entry.on == date(2027, 1, 10)
        assert entry.detail.startswith(f"OX Security takes api-token no longer: {words} (")

    def test_an_unknown_provider_announces_nothing(self) -> None:
        account = an_account(provider="gitea")
        found = a_forecast(replace(with_method(max_age=80 * DAY), account=account))
        assert {e.kind for e in found.entries} == {EXPIRES, ROTATES}


class TestWhatIsLookedAt:
    def test_a_recorded_connection_that_left_the_yaml_still_ends(self) -> None:
        old = a_record(address=an_address("ox-gone"), expires_at=NOW + 5 * DAY)
        found = a_forecast(with_method(max_age=None), records=(old,))
        entry = the(found, EXPIRES)
        assert (entry.subject, entry.by_person) == ("connection.ox-gone", True)
        assert entry.source == old.source
        assert "no longer declared" in entry.detail

    def test_of_other_files_nothing_is_told(self) -> None:
        state = replace(a_state(with_method()), covers_all=False, paths=("other",))
        old = a_record(address=an_address("ox-gone"), expires_at=NOW + 5 * DAY)
        found = a_forecast(state=state, records=(old,), days=400)
        assert (found.entries, found.unknown) == ((), ())

    def test_the_account_and_consumer_of_a_covered_connection_are_looked_at(self) -> None:
        account = an_account(where=a_mark(file="shared.yaml"), reader=a_method(max_age=None))
        consumer = a_consumer(where=a_mark(file="shared.yaml"))
        made = replace(with_method(max_age=None), account=account, consumer=consumer)
        state = replace(a_state(made), covers_all=False, paths=("acme.yaml",))
        assert a_forecast(state=state).unknown == (
            "account.acme reader",
            "connection.ox-acme",
            "consumer.ox-prod key",
        )

    def test_entries_stand_by_day_and_name_their_registry(self) -> None:
        soon = replace(
            with_method(max_age=None, expires_at=NOW + 40 * DAY), address=an_address("b")
        )
        later = replace(
            with_method(max_age=None, expires_at=NOW + 41 * DAY), address=an_address("a")
        )
        found = a_forecast(soon, later)
        assert [e.on for e in found.entries] == [on(10), on(11), on(40), on(41)]
        assert found.lineage == a_snapshot().lineage
