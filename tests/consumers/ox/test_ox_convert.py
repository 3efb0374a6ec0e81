"""OX's JSON ↔ our model, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from reconciler.consumers.ox.convert import (
    Answer,
    GraphError,
    Resources,
    instant,
    live_selection,
    monitored_ids,
    resource_input,
)
from reconciler.consumers.ox.gateway import value_of
from reconciler.consumers.ox.refusals import adding_failed, failure, fault_of
from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import LiveResource

CLOUD = "bitbucket-cloud"
UUID = "3223c534-a444-4c8f-9597-015a0bb995d5"
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("2027-01-01T00:00:00Z", NEW_YEAR),
        ("2027-01-01T02:00:00+02:00", NEW_YEAR),
        ("2027-01-01", NEW_YEAR),
        (1_798_761_600, NEW_YEAR),
        ("1798761600", NEW_YEAR),
        (1_798_761_600_000.0, NEW_YEAR),
        ("1e400", None),
        ("nan", None),
        (1e300, None),
    ],
    ids=str,
)
def test_dates_are_read_in_every_likely_form(
    value: str | float | None, expected: datetime | None
) -> None:
    assert instant(value) == expected


def resources(**parts: Any) -> Resources:
    return msgspec.convert(parts, Resources)


ROW = {"id": UUID, "name": "api", "resourceOrgName": "acme", "isMonitored": True}


@pytest.mark.parametrize(
    ("parts", "gap"),
    [
        ({"resources": [ROW], "total": 1, "selected": 1}, ""),
        ({"resources": [], "total": 0, "selected": 0}, ""),
        ({"resources": None, "total": 0, "selected": 0}, "no resources at all"),
        ({"resources": [ROW], "total": 1}, "did not say"),
        ({"resources": [ROW], "selected": 1}, "did not say"),
        ({"resources": [ROW], "total": 1, "selected": 2}, "counts 2 selected"),
        ({"resources": [ROW], "total": 3, "selected": 1}, "counts 3 resources"),
        ({"resources": [ROW | {"id": None}], "total": 1, "selected": 1}, "left out ids"),
        ({"resources": [ROW | {"isMonitored": None}], "total": 1, "selected": 0}, "left out"),
    ],
    ids=["whole", "empty", "null", "no-selected", "no-total", "more", "cut", "no-id", "no-mark"],
)
def test_selection_is_complete_only_when_proven(parts: dict[str, Any], gap: str) -> None:
    found = live_selection(resources(**parts), CLOUD)
    assert found.complete is not bool(gap)
    assert gap in found.gap


@pytest.mark.parametrize(
    ("id_", "cloud", "azure"),
    [
        (UUID, f"{{{UUID}}}", UUID),
        (f"{{{UUID}}}", f"{{{UUID}}}", UUID),
        (UUID.upper(), f"{{{UUID}}}", UUID),
        ("90001", "", ""),
        (90001, "", ""),
        (f"{UUID}-x", "", ""),
    ],
    ids=["bare", "braces", "upper", "number-text", "number", "longer"],
)
def test_repository_id_is_read_from_uuids_only(id_: str | int, cloud: str, azure: str) -> None:
    listed = resources(resources=[ROW | {"id": id_}], total=1, selected=1)
    spelt = {CLOUD: cloud, "azure-devops": azure, "bitbucket-data-center": ""}
    for provider, expected in spelt.items():
        (found,) = live_selection(listed, provider).resources
        assert (found.id, found.repository_id) == (str(id_), expected)


def test_children_are_flattened_at_any_depth() -> None:
    inner = {"id": "p", "name": "PAY", "resourceType": "project", "children": [ROW]}
    empty = {"id": "w2", "name": "none", "resourceType": "workspace", "children": []}
    outer = {"id": "w", "name": "acme", "resourceType": "workspace", "children": [inner]}
    found = live_selection(resources(resources=[outer, empty], total=1, selected=1), CLOUD)
    assert [r.name for r in found.resources] == ["api"]
    assert found.complete


def test_resource_is_written_back_as_it_was_read() -> None:
    resource = LiveResource("7", "api", "acme", selected=True, kind="repo")
    written = {"id": "7", "name": "api", "isMonitored": True, "credentialsId": "c1"}
    assert resource_input(resource, "c1") == {**written, "resourceType": "repo"}
    plain = LiveResource("7", "api", "acme", selected=True)
    assert resource_input(plain, "c1") == written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["1", 2], {"1", "2"}),
        ([{"id": "1"}, {"id": 2}], {"1", "2"}),
        ({"1": {}, "2": {}}, {"1", "2"}),
        ([], set()),
        (None, None),
        ("all", None),
    ],
    ids=["ids", "objects", "keyed", "none", "null", "text"],
)
def test_remembered_selection_is_read_in_every_likely_form(
    value: object, expected: set[str] | None
) -> None:
    assert monitored_ids(value) == expected


@pytest.mark.parametrize(
    ("message", "code", "fault"),
    [
        ("no", "UNAUTHENTICATED", Fault.CREDENTIAL),
        ("Unauthorized", "", Fault.CREDENTIAL),
        ("Invalid API key", "SOMETHING", Fault.CREDENTIAL),
        ("no", "FORBIDDEN", Fault.PERMISSION),
        ("Too many requests", "", Fault.THROTTLED),
        ('Cannot query field "x" on type "Y".', "", Fault.BAD_REPLY),
        ("boom", "INTERNAL_SERVER_ERROR", Fault.OUTAGE),
        ("Connector 5 not found", "", Fault.REJECTED),
    ],
    ids=str,
)
def test_graphql_errors_are_sorted_by_code_and_words(message: str, code: str, fault: Fault) -> None:
    error = GraphError(message, extensions={"code": code})
    assert fault_of(error) is fault
    assert failure([error], "testing").fault is fault
    assert failure([error], "testing").hint


def test_value_of_another_shape_is_a_bad_reply() -> None:
    answer = msgspec.json.decode(b'{"data": {"r0": {"resources": 5}}}', type=Answer)
    with pytest.raises(RemoteError, match="unknown shape to testing") as caught:
        value_of(answer, "r0", Resources, "testing")
    assert caught.value.fault is Fault.BAD_REPLY


def test_answer_without_data_and_reason_is_no_answer() -> None:
    assert failure([], "testing").fault is Fault.BAD_REPLY


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (GraphError("Invalid credentials", path=["addCredentials"]), Fault.CREDENTIAL),
        (GraphError("Unauthorized", path=["addCredentials"]), Fault.CREDENTIAL),
        (GraphError("no such connector", path=["addCredentials"]), Fault.REJECTED),
        (GraphError("x", extensions={"code": "INTERNAL_SERVER_ERROR"}), Fault.AMBIGUOUS),
        (GraphError("x", extensions={"code": "GRAPHQL_VALIDATION_FAILED"}), Fault.BAD_REPLY),
    ],
    ids=["token", "401", "other", "inside", "schema"],
)
def test_refusals_of_new_credentials(error: GraphError, fault: Fault) -> None:
    assert adding_failed([error], CLOUD).fault is fault
