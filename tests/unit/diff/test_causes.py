"""Three states side by side: what differs, and whose doing it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, Difference, RepositoryLabel
from reconciler.model.method import ActionKind, MethodKind
from reconciler.model.observed import Absent, ConnectionView, Present, Repository, Unreadable
from reconciler.model.record import Record, Selected
from tests.builders import (
    NOW,
    a_connection,
    a_consumer,
    a_method,
    a_state,
    an_account,
    an_address,
)
from tests.seen import (
    REPOSITORIES,
    a_difference,
    a_listing,
    a_live,
    a_resource,
    a_snapshot,
    a_view,
    an_operation,
    differences,
    live_selection,
    recorded,
    some,
    term,
)

THREE = {**REPOSITORIES, "{c3}": Repository("shop", "PAY")}
ONE = {"{a1}": REPOSITORIES["{a1}"]}


def changes(difference: Difference) -> list[tuple[str, object, object, Cause]]:
    return [(c.path, c.before, c.after, c.cause) for c in difference.changes]


def showing(*ids: str, **overrides: Any) -> ConnectionView:
    """The consumer has these selected."""
    return a_view(live=Present(a_live(selection=live_selection(*ids, **overrides))))


def test_three_equal_states_differ_in_nothing() -> None:
    found = a_difference()
    assert found.changes == ()
    assert found.parts == ()
    assert found.findings == ()
    assert found.selection is not None
    assert not found.selection.writes
    assert not found.selection.record_changes
    assert found.before == found.after


@pytest.mark.parametrize("settled", [1, 0], ids=["quickly", "slowly"])
def test_the_short_cut_finds_no_difference_either_way(settled: int) -> None:
    assert a_difference(record=recorded(listed_at=settled)).changes == ()


EDITS: dict[str, tuple[dict[str, Any], tuple[str, object, object]]] = {
    "protect": ({"protect": True}, ("protect", False, True)),
    "manage": (
        {"manage": frozenset({ActionKind.CONNECT})},
        ("manage", ("connect", "rescope", "rotate"), ("connect",)),
    ),
    "scopes": (
        {"method": a_method(scopes=("read:repository:bitbucket",))},
        (
            "scopes",
            ("read:repository:bitbucket", "write:repository:bitbucket"),
            ("read:repository:bitbucket",),
        ),
    ),
    "username": (
        {"method": a_method(username="ada@acme.example")},
        ("username", "ox-bot@acme.example", "ada@acme.example"),
    ),
    "method": (
        {"method": a_method(kind=MethodKind.ACCESS_TOKEN)},
        ("method", "api-token", "access-token"),
    ),
    "account's name": ({"account": an_account(name="main")}, ("account", "acme", "main")),
    "account": (
        {"account": an_account(workspace="globex")},
        (
            "account.identity",
            "bitbucket-cloud|https://api.bitbucket.org/2.0|acme",
            "bitbucket-cloud|https://api.bitbucket.org/2.0|globex",
        ),
    ),
    "consumer": (
        {"consumer": a_consumer(endpoint="https://eu.ox.security/")},
        (
            "consumer.identity",
            "ox|https://api.cloud.ox.security/api/apollo-gateway|ox-prod",
            "ox|https://eu.ox.security/|ox-prod",
        ),
    ),
    "end": (
        {"method": a_method(expires_at=NOW + timedelta(days=200))},
        ("expires_at", None, "2027-06-09"),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_yaml_is_a_change_with_its_place(name: str) -> None:
    edit, expected = EDITS[name]
    desired = a_connection(**edit)
    found = a_difference(desired)
    yaml = [c for c in found.changes if c.path == expected[0]]
    assert [(c.path, c.before, c.after) for c in yaml] == [expected]
    assert {c.cause for c in found.changes} == {Cause.YAML}
    assert yaml[0].where is not None


def test_the_order_of_scopes_is_no_change() -> None:
    method = a_method(scopes=tuple(reversed(a_method().scopes)))
    assert a_difference(a_connection(method=method)).changes == ()


@pytest.mark.parametrize(
    ("method", "record", "changed"),
    [
        ({"expires_at": NOW}, {"expires_at": NOW}, False),
        ({"expires_at": NOW}, {"stale_expiry": NOW}, False),
        ({"expires_at": None}, {"expires_at": NOW}, False),
        ({"expires_at": NOW + timedelta(1)}, {"expires_at": NOW}, True),
    ],
    ids=["recorded", "of-an-earlier-credential", "undeclared", "moved"],
)
def test_an_end_is_a_change_until_it_is_recorded(
    method: dict[str, Any], record: dict[str, Any], changed: bool
) -> None:
    found = a_difference(a_connection(method=a_method(**method)), recorded(**record))
    assert ("expires_at" in {c.path for c in found.changes}) is changed


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        ({"consumer": a_consumer(endpoint="https://eu.ox.security/")}, ("consumer",)),
        ({"account": an_account(workspace="globex")}, ("account",)),
        ({"method": a_method(kind=MethodKind.OAUTH_APP)}, ("method",)),
        ({"method": a_method(username="ada@acme.example")}, ("username",)),
        ({"account": an_account(name="main")}, ()),
    ],
    ids=["consumer", "account", "method", "username", "only-a-name"],
)
def test_parts_name_what_no_consumer_changes_in_place(
    edit: dict[str, Any], parts: tuple[str, ...]
) -> None:
    assert a_difference(a_connection(**edit)).parts == parts


SELECTED: dict[str, tuple[Callable[[], Difference], list[tuple[object, object, Cause, str]]]] = {
    "new at the provider": (
        lambda: a_difference(view=a_view(listing=Present(a_listing(THREE)))),
        [((), ("shop",), Cause.PROVIDER, "new at the provider")],
    ),
    "taken up by the consumer": (
        lambda: a_difference(
            view=replace(showing("{a1}", "{b2}", "{c3}"), listing=Present(a_listing(THREE)))
        ),
        [((), ("shop",), Cause.PROVIDER, "already selected at the consumer")],
    ),
    "taken out live": (
        lambda: a_difference(view=showing("{a1}")),
        [((), ("web",), Cause.DRIFT, "taken out at the consumer")],
    ),
    "added live": (
        lambda: a_difference(
            a_connection(selection=some(term(name="pay-*"), digest="sha256:1")),
            recorded(
                selection={"{a1}": Selected("pay-api", "pay-api")}, selection_digest="sha256:1"
            ),
            showing("{a1}", "{b2}", follows_new=False),
        ),
        [(("web",), (), Cause.DRIFT, "added at the consumer")],
    ),
    "narrowed in the YAML": (
        lambda: a_difference(
            a_connection(selection=some(term(name="pay-*"))),
            recorded(follows_new=False),
            showing("{a1}", "{b2}", follows_new=False),
        ),
        [(("web",), (), Cause.YAML, "")],
    ),
    "widened in the YAML": (
        lambda: a_difference(
            None,
            recorded(selection={"{a1}": Selected("pay-api", "pay-api")}, selection_digest="old"),
            showing("{a1}"),
        ),
        [((), ("web",), Cause.YAML, "")],
    ),
    "vanished": (
        lambda: a_difference(view=a_view(listing=Present(a_listing(ONE)))),
        [(("web",), (), Cause.PROVIDER, "vanished at the provider")],
    ),
    "moved out of the project": (
        lambda: a_difference(
            a_connection(selection=some(term(project="PAY"), digest="sha256:5e1ec7ed")),
            recorded(listed_at=0),
            showing("{a1}", "{b2}", follows_new=False),
        ),
        [(("web",), (), Cause.PROVIDER, "no longer matches")],
    ),
}


@pytest.mark.parametrize("name", SELECTED)
def test_a_change_of_the_selection_has_one_cause(name: str) -> None:
    made, expected = SELECTED[name]
    found = [c for c in made().changes if c.path == "repositories"]
    assert [(c.before, c.after, c.cause, c.note) for c in found] == expected


def test_a_rename_is_a_change_of_a_label() -> None:
    listing = a_listing({**REPOSITORIES, "{b2}": Repository("site", "WEB")})
    found = a_difference(view=a_view(listing=Present(listing)))
    assert changes(found) == [("repository.name", "web", "site", Cause.PROVIDER)]
    assert found.selection is not None
    assert found.selection.renamed == ((RepositoryLabel("web", "{b2}"), "site"),)
    assert not found.selection.writes


@pytest.mark.parametrize(
    ("record", "cause"),
    [({"follows_new": True}, Cause.DRIFT), ({"follows_new": False}, Cause.YAML)],
    ids=["recorded-so", "newly-declared"],
)
def test_following_new_repositories_is_told_apart_too(record: dict[str, Any], cause: Cause) -> None:
    found = a_difference(None, recorded(**record), showing("{a1}", "{b2}", follows_new=False))
    assert changes(found) == [("follows_new", False, True, cause)]


def test_on_the_first_apply_everything_is_the_yamls() -> None:
    state = a_state()
    view = a_view(live=Absent())
    (found,) = differences(state, a_snapshot(), {str(an_address()): view}, known={})
    assert changes(found) == [("repositories", (), ("pay-api", "web"), Cause.YAML)]
    assert found.before == {}
    desired = a_connection(adopt="cred-1", selection=some(term(name="pay-*")))
    (found,) = differences(a_state(desired), a_snapshot(), None, known={})
    assert ("repositories", ("web",), (), Cause.YAML) in changes(found)
    assert ("follows_new", True, False, Cause.YAML) in changes(found)


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({"kind": MethodKind.OAUTH_APP}, ("live.method", "api-token", "oauth-app")),
        ({"username": "eve"}, ("live.username", "ox-bot@acme.example", "eve")),
        ({"username": "OX-Bot@acme.example", "kind": None}, None),
        ({"username": ""}, None),
    ],
    ids=["method", "username", "spelling", "unknown"],
)
def test_what_somebody_changed_at_the_consumer_is_drift(
    live: dict[str, Any], expected: tuple[str, str, str] | None
) -> None:
    found = a_difference(view=a_view(live=Present(a_live(**live))))
    assert changes(found) == ([(*expected, Cause.DRIFT)] if expected else [])


class TestAnotherAccount:
    desired = a_connection(account=an_account(workspace="globex"))
    listing = a_listing({"{x9}": Repository("other")})

    def difference(self, **overrides: Any) -> Difference:
        return a_difference(
            self.desired, view=a_view(listing=Present(self.listing), **overrides), known={}
        )

    def test_its_repositories_are_new_and_none_of_the_old_is_missing(self) -> None:
        found = self.difference()
        assert found.selection is not None
        assert found.selection.target == {"{x9}": Selected("other", "other")}
        assert found.selection.add == (RepositoryLabel("other", "{x9}"),)
        assert found.findings == ()
        assert ("repositories", (), ("other",), Cause.YAML) in changes(found)

    def test_what_was_granted_for_it_is_held_against_the_choice(self) -> None:
        granted = a_live(
            id="g1",
            selection=replace(
                live_selection(),
                resources=(a_resource("{x9}", "other"), a_resource("{z}", "z", selected=False)),
            ),
        )
        found = self.difference(strangers=(granted,))
        assert found.selection is not None
        assert not found.selection.add


def test_an_account_that_could_not_be_read_has_no_selection() -> None:
    found = a_difference(view=a_view(listing=Unreadable("503", "later")))
    assert found.selection is None
    assert found.after["repositories"] is None


def test_a_selection_that_could_not_be_read_is_taken_as_recorded() -> None:
    found = a_difference(view=a_view(live=Present(a_live(selection=None))))
    assert found.changes == ()


class TestOldNames:
    new = an_address("ox-new")
    desired: DesiredConnection = a_connection(address=new, previously=(an_address(),))

    def test_the_record_of_a_renamed_connection_is_found(self) -> None:
        operation = an_operation()
        snapshot = a_snapshot(recorded(), operations=(operation,))
        (found,) = differences(a_state(self.desired), snapshot, {str(self.new): a_view()})
        assert found.moved_from == an_address()
        assert found.record == recorded()
        assert found.operation == operation

    def test_not_when_the_old_name_is_declared_again(self) -> None:
        state = a_state(self.desired, a_connection())
        views = {str(self.new): a_view(live=Absent()), str(an_address()): a_view()}
        one, other = differences(state, a_snapshot(recorded()), views)
        assert (one.address, one.moved_from) == (an_address(), None)
        assert (other.address, other.record) == (self.new, None)

    def test_nor_when_nothing_was_recorded(self) -> None:
        (found,) = differences(
            a_state(self.desired), a_snapshot(), {str(self.new): a_view(live=Absent())}, known={}
        )
        assert (found.record, found.moved_from) == (None, None)


class TestUndeclared:
    def difference(self, record: Record | None, view: ConnectionView) -> Difference:
        state = replace(a_state(), connections={})
        snapshot = a_snapshot(*(() if record is None else (record,)))
        return differences(state, snapshot, {str(an_address()): view})[0]

    def test_it_shows_what_was_recorded(self) -> None:
        found = self.difference(recorded(), a_view(listing=Absent()))
        assert found.before["repositories"] == 2
        assert (found.desired, found.changes) == (None, ())

    def test_or_what_only_the_consumer_knows(self) -> None:
        found = self.difference(None, a_view(listing=Absent()))
        assert found.before["consumer_id"] == "cred-1"
        assert found.before["repositories"] == 2
        bare = a_live(selection=None, kind=None)
        found = self.difference(None, a_view(listing=Absent(), live=Present(bare)))
        assert (found.before["method"], found.before["repositories"]) == (None, 0)

    def test_or_nothing(self) -> None:
        assert self.difference(None, a_view(live=Absent())).before == {}


def test_a_resource_without_an_id_is_told_by_name_even_when_its_repository_is_gone() -> None:
    resources = tuple(a_resource("", name) for name in ("pay-api", "web"))
    live = a_live(selection=replace(live_selection(), resources=resources))
    found = a_difference(view=a_view(live=Present(live), listing=Present(a_listing(ONE))))
    assert found.selection is not None
    assert found.selection.remove == ()
    assert [label.name for label in found.selection.orphaned] == ["web"]
