"""`dohq-tfs`: a client of another maker, older than Services, for Servers above all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from requests import HTTPError

from reconciler.sandbox.azure_devops import Organization, organization_in
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import AZURE

Open = Callable[..., Any]


@pytest.fixture
def organization(box: RunningSandbox) -> Organization:
    return organization_in(box.sandbox)


@pytest.fixture
def tfs(box: RunningSandbox) -> Open:
    """Opens clients of a collection, or of ``collection/project``."""
    from tfs import TFSAPI

    def start(place: str = "acme", pat: str = "") -> Any:
        held = pat or box.environment["AZURE_SCM_PAT"]
        return TFSAPI(box.urls[AZURE], project=place, pat=held, verify=True)

    return start


@pytest.mark.parametrize("deployment", ["hosted", "onPremises"])
def test_projects_and_repositories_are_read(
    organization: Organization, tfs: Open, deployment: str
) -> None:
    organization.knobs.deployment = deployment
    client = tfs()
    assert {p.name for p in client.get_projects()} == {"Payments", "Platform", "Legacy", "Mixed"}
    assert len(client.get_gitrepositories()) == 7
    assert client.get_project("Mixed").id == organization.project("Mixed").id


def test_one_repository_is_got_by_its_id(organization: Organization, tfs: Open) -> None:
    kept = organization.repository("Payments", "ledger")
    assert tfs().get_gitrepository(kept.id).name == "ledger"
    with pytest.raises(HTTPError, match="404"):
        tfs().get_gitrepository("nowhere")


def test_changesets_are_read(tfs: Open) -> None:
    assert [changeset.id for changeset in tfs("acme/Legacy").get_changesets()] == [4, 3, 2, 1]


@pytest.mark.parametrize("highest", ["5.1", "7.2"], ids=["older server", "services"])
def test_the_version_of_the_first_answer_serves_for_the_rest(
    organization: Organization, tfs: Open, highest: str
) -> None:
    organization.knobs.highest_version = highest
    client = tfs()
    client.get_projects()
    assert client.rest_client.api_version == min(highest, "7.1")
    assert len(client.get_gitrepositories()) == 7


@pytest.mark.parametrize("style", ["203", "401"])
def test_an_unknown_pat_is_never_taken_for_an_answer(
    organization: Organization, tfs: Open, style: str
) -> None:
    from tfs.connection import TFSClientError

    organization.knobs.bad_credential_style = style
    with pytest.raises((TFSClientError, HTTPError)):
        tfs(pat="x" * 84).get_projects()
