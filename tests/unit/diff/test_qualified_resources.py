"""A consumer's resources beside repositories whose names carry their project."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diff.selection import live_ids
from reconciler.model.matching import is_called, match_resources, name_key, repository_key
from reconciler.model.observed import LiveResource, LiveSelection, Repository
from reconciler.model.record import Selected
from tests.seen import a_listing

REPOSITORIES = {
    "1405": Repository("PAY/Tools", "PAY"),
    "1406": Repository("OPS/tools", "OPS"),
    "1407": Repository("~ann/scratch", "~ann"),
}
words = st.text("aB-.~", min_size=1, max_size=4)


def resource(name: str, owner: str = "", repository_id: str = "") -> LiveResource:
    return LiveResource("r1", name, owner, selected=True, repository_id=repository_id)


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        (resource("tools", "PAY"), "1405"),
        (resource("TOOLS", "ops"), "1406"),
        (resource("scratch", "~Ann"), "1407"),
        (resource("pay/tools"), "1405"),
        (resource("OPS/tools", "Acme Incorporated"), "1406"),
        (resource("renamed", "elsewhere", repository_id="1405"), "1405"),
        (resource("tools"), None),
        (resource("tools", "acme"), None),
        (resource("tools", "PAY", repository_id="9"), None),
        (resource("scratch", "PAY"), None),
    ],
    ids=[
        "project-and-name",
        "in-other-case",
        "personal-project",
        "full-name",
        "full-name-beats-owner",
        "id-beats-name",
        "no-project",
        "organization-is-no-project",
        "other-id-beats-same-name",
        "other-project",
    ],
)
def test_the_owner_of_a_qualified_repository_is_its_project(
    given_: LiveResource, found: str | None
) -> None:
    matched = match_resources([given_], REPOSITORIES, "acme")
    assert matched == ({} if found is None else {"r1": found})


def test_resources_without_ids_are_told_apart_by_project_in_a_live_selection() -> None:
    live = LiveSelection((resource("tools", "PAY"),), follows_new=None, complete=True)
    assert live_ids(a_listing(REPOSITORIES), {}, live, "acme") == {"1405"}


def test_a_vanished_repository_is_still_recognized_by_its_last_name() -> None:
    live = LiveSelection((resource("gone", "PAY"),), follows_new=None, complete=True)
    held = {"9": Selected("PAY/gone", "gone")}
    assert live_ids(a_listing(REPOSITORIES), held, live, "acme") == {"9"}


@given(words, words, words)
def test_a_repository_is_found_by_project_and_name_and_by_its_whole_name(
    project: str, name: str, workspace: str
) -> None:
    key = repository_key(f"{project}/{name}", workspace)
    assert key == name_key(resource(name, project), workspace)
    assert key == name_key(resource(f"{project}/{name}", "whoever"), workspace)
    assert key == repository_key(f"{project}/{name}".upper(), "other")


@given(words, words)
def test_a_bare_repository_belongs_to_its_workspace(name: str, workspace: str) -> None:
    key = repository_key(name, workspace)
    assert key == name_key(resource(name), workspace)
    assert key == name_key(resource(name, workspace), "whoever")
    assert key == name_key(resource(f"{workspace}/{name}"), "whoever")


@given(words, words, words)
def test_a_name_without_a_slash_calls_every_repository_of_that_name(
    project: str, name: str, other: str
) -> None:
    assert is_called(name, name)
    assert is_called(name, f"{project}/{name}")
    assert is_called(f"{project}/{name}", f"{project}/{name}")
    assert is_called(other, f"{project}/{name}") == (other == name)
    assert is_called(f"{other}/{name}", f"{project}/{name}") == (other == project)
    assert not is_called(f"{project}/{name}", name)
