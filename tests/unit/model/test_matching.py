"""Live resources ↔ repositories of the provider."""

from __future__ import annotations

import pytest

from reconciler.model.matching import match_resources
from reconciler.model.observed import LiveResource, Repository

ID = "{3223c534-a444-4c8f-9597-015a0bb995d5}"
OTHER = "{ffffffff-a444-4c8f-9597-015a0bb995d5}"
REPOSITORIES = {ID: Repository("Payments-API", "PAY")}


def resource(**parts: str) -> LiveResource:
    given = {"id": "r1", "name": "payments-api", "owner": "acme"} | parts
    return LiveResource(selected=False, **given)


@pytest.mark.parametrize(
    ("parts", "matches"),
    [
        ({"repository_id": ID}, True),
        ({"repository_id": ID.strip("{}")}, True),
        ({"repository_id": ID.upper()}, True),
        ({"repository_id": ID, "name": "renamed", "owner": "elsewhere"}, True),
        ({"repository_id": OTHER}, False),
        ({}, True),
        ({"owner": "ACME"}, True),
        ({"owner": ""}, True),
        ({"name": "acme/payments-api", "owner": ""}, True),
        ({"name": "Acme/Payments-API", "owner": "Acme Incorporated"}, True),
        ({"owner": "globex"}, False),
        ({"name": "globex/payments-api"}, False),
        ({"name": "payments"}, False),
    ],
    ids=[
        "id",
        "id-without-braces",
        "id-in-capitals",
        "id-beats-name",
        "other-id-beats-same-name",
        "owner-and-name",
        "owner-in-capitals",
        "no-owner",
        "full-name",
        "full-name-beats-owner",
        "other-owner",
        "other-full-name",
        "other-name",
    ],
)
def test_resource_matches_by_id_and_else_by_name(parts: dict[str, str], *, matches: bool) -> None:
    found = match_resources([resource(**parts)], REPOSITORIES, "acme")
    assert found == ({"r1": ID} if matches else {})


def test_resources_of_mixed_spelling_all_match() -> None:
    repositories = {ID: Repository("a"), OTHER: Repository("b")}
    resources = (
        resource(id="1", repository_id=ID),
        resource(id="2", repository_id=OTHER.strip("{}")),
        resource(id="3", name="c"),
    )
    assert match_resources(iter(resources), repositories, "acme") == {"1": ID, "2": OTHER}


def test_nothing_matches_nothing() -> None:
    assert match_resources((), REPOSITORIES, "acme") == {}
