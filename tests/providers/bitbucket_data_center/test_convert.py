"""The pure parts: secrets, permissions, versions."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.scope import compare_scopes
from reconciler.model.secret import Secret
from reconciler.providers.bitbucket_data_center import SPEC
from reconciler.providers.bitbucket_data_center.convert import user_of, version_remarks
from reconciler.providers.bitbucket_data_center.scopes import (
    IMPLIES,
    PROJECT,
    REPOSITORY,
    as_held,
    to_send,
)
from reconciler.providers.bitbucket_data_center.tokens import (
    to_body,
    to_issued,
    to_minted,
    token_id,
)
from reconciler.transport.reply import Reply

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_secret(content: bytes, prefix: str = "BBDC-") -> Secret:
    return Secret(prefix + base64.b64encode(content).decode())


def a_reply(body: str) -> Reply:
    return Reply(200, {}, body.encode(), "bitbucket-data-center")


@pytest.mark.parametrize(
    ("secret", "number"),
    [
        (a_secret(b"310482275519:" + bytes(20)), "310482275519"),
        (a_secret(b"310482275519:" + b"\xff" * 20, ""), "310482275519"),
        (a_secret(b"0123456789:" + b":" * 20), "0123456789"),
        (a_secret(b"310482275519:" + bytes(19)), ""),
        (a_secret(b"31048x275519:" + bytes(20)), ""),
        (a_secret(bytes(33)), ""),
        (Secret("BBDC-not base64"), ""),
        (Secret("eyJhbGciOiJIUzI1NiJ9.e30.x"), ""),
        (Secret("paßword"), ""),
    ],
    ids=["new", "old", "colons", "short", "letters", "zeros", "no-base64", "jwt", "umlaut"],
)
def test_the_id_of_a_token_is_read_from_its_secret(secret: Secret, number: str) -> None:
    assert token_id(secret) == number


@given(st.sets(st.sampled_from((*PROJECT, *REPOSITORY)), min_size=1))
@settings(deadline=None)
def test_what_is_asked_for_is_what_is_wanted_no_less_and_no_more(wanted: set[str]) -> None:
    sent = to_send(wanted, "user")
    assert compare_scopes(wanted, sent, IMPLIES).is_exact
    assert as_held(sent) == frozenset(sent)
    assert to_send(sent, "project") == sent


@pytest.mark.parametrize(
    ("listed", "held"),
    [
        ({"PROJECT_WRITE"}, {"PROJECT_WRITE", "REPO_WRITE"}),
        ({"REPO_READ"}, {"REPO_READ"}),
        ({"PROJECT_READ", "REPO_ADMIN"}, {"PROJECT_READ", "REPO_ADMIN"}),
        (set(), set()),
        ({"SOMETHING_NEW"}, {"SOMETHING_NEW"}),
    ],
    ids=["project-alone", "repo-alone", "both", "none", "unknown"],
)
def test_a_missing_repository_part_is_as_high_as_the_project_part(
    listed: set[str], held: set[str]
) -> None:
    assert as_held(listed) == held


def test_a_body_leaves_out_what_is_not_to_be_changed() -> None:
    assert to_body(("REPO_READ",), now=NOW) == {"permissions": ["REPO_READ"]}
    body = to_body(("REPO_READ",), name="n", ends=NOW + timedelta(days=9, hours=23), now=NOW)
    assert body == {"permissions": ["REPO_READ"], "name": "n", "expiryDays": 9}


def test_times_are_milliseconds_and_absent_ones_are_none() -> None:
    full = to_issued(
        a_reply(
            '{"id":"310482275519","name":"n","permissions":["REPO_READ"],'
            '"createdDate":1794650400123,"expiryDate":1802426400123,'
            '"lastAuthenticated":1794650500000,"user":{"name":"svc","id":412}}'
        )
    )
    assert full.created_at == datetime.fromtimestamp(1794650400.123, UTC)
    assert full.expires_at == datetime.fromtimestamp(1802426400.123, UTC)
    assert full.last_used is not None
    bare = to_issued(a_reply('{"id":"1"}'))
    assert (bare.created_at, bare.expires_at, bare.last_used) == (None, None, None)


def test_an_old_server_tells_days_instead_of_an_end() -> None:
    old = to_issued(a_reply('{"id":"1","createdDate":1794650400000,"expiryDays":90}'))
    assert old.expires_at == datetime.fromtimestamp(1794650400, UTC) + timedelta(days=90)


@pytest.mark.parametrize(
    "body",
    ['{"id":""}', '{"id":7}', '{"name":"n"}', '{"id":"1","createdDate":99999999999999999}', "[]"],
    ids=["empty", "number", "none", "far", "list"],
)
def test_what_is_no_token_is_a_bad_reply_and_after_a_create_ambiguous(body: str) -> None:
    with pytest.raises(RemoteError) as caught:
        to_issued(a_reply(body))
    assert caught.value.fault is Fault.BAD_REPLY
    with pytest.raises(RemoteError) as caught:
        to_minted(a_reply(body))
    assert caught.value.fault is Fault.AMBIGUOUS


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ({"x-ausername": "access-token-user%2F2%2F11754"}, ("access-token-user/2/11754", "")),
        ({"x-ausername": "jane", "x-auserid": "412"}, ("jane", "412")),
        ({}, ("", "")),
    ],
    ids=["service", "user", "nobody"],
)
def test_the_user_of_an_answer_is_decoded(headers: dict[str, str], user: tuple[str, str]) -> None:
    assert user_of(headers) == user


@pytest.mark.parametrize("version", ["", "nightly", "11.0.0"], ids=str)
def test_nothing_is_said_of_a_version_that_nobody_knows(version: str) -> None:
    assert version_remarks(version, date(2040, 1, 1)) == ()


def test_the_spec_names_methods_issuers_and_implications_of_permissions() -> None:
    assert SPEC.api_url == ""
    assert MethodKind.HTTP_ACCESS_TOKEN in SPEC.methods
    assert len(SPEC.issuers) == 2
    assert compare_scopes(["REPO_READ"], ["PROJECT_ADMIN"], SPEC.implies).missing == ()
    assert compare_scopes(["PROJECT_READ"], ["REPO_ADMIN"], SPEC.implies).missing == (
        "PROJECT_READ",
    )
