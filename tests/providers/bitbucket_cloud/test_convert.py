"""Their JSON ↔ our model, and the data of the spec: no network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Fault, RemoteError, SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import Repository, Verdict
from reconciler.model.scope import closure
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_cloud import SPEC, convert, scopes, verdicts
from reconciler.providers.bitbucket_cloud.oauth import _no_token
from reconciler.transport.pages import Page
from reconciler.transport.reply import Reply

TOKEN = Login(MethodKind.API_TOKEN, Secret("api-token-value"), "ada@acme.example")
Row = tuple[str, Repository]


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers or {}, content, "bitbucket-cloud")


def a_page(rows: list[Row], size: int | None = None, link: str = "") -> Page[Row]:
    return Page(tuple(rows), size, link)


names = st.text(min_size=1, max_size=20)
rows = st.lists(
    st.fixed_dictionaries(
        {"uuid": names, "slug": names},
        optional={
            "project": st.none() | st.fixed_dictionaries({}, optional={"key": names | st.none()}),
            "parent": st.none() | st.dictionaries(names, st.integers(0, 9), max_size=2),
            "is_private": st.booleans(),
        },
    ),
    max_size=5,
)


@given(rows, st.none() | st.integers(0, 10**6), st.none() | names)
def test_every_row_becomes_a_repository(
    values: list[dict[str, Any]], size: int | None, link: str | None
) -> None:
    page = convert.to_page(reply({"values": values, "size": size, "next": link}))
    assert (page.size, page.next) == (size, link or "")
    for value, (id_, repository) in zip(values, page.items, strict=True):
        assert (id_, repository.name) == (value["uuid"], value["slug"])
        assert repository.fork is (value.get("parent") is not None)
        assert repository.project == ((value.get("project") or {}).get("key") or "")
        assert repository.archived is False


@given(st.binary(max_size=60))
def test_whatever_a_body_holds_it_is_a_page_or_a_bad_reply(body: bytes) -> None:
    try:
        convert.to_page(reply(body))
    except RemoteError as error:
        assert error.fault is Fault.BAD_REPLY  # noqa: PT017  both ways are right


def row(number: int) -> Row:
    return f"{{{number}}}", Repository(f"repo-{number}", "PAY")


def test_pages_that_add_up_make_a_complete_listing() -> None:
    listing = convert.to_listing([a_page([row(1)], 2), a_page([row(2)], 2)], "")
    assert (listing.complete, listing.gap, listing.expected, listing.pages) == (True, "", 2, 2)


@pytest.mark.parametrize(
    ("pages", "gap", "words"),
    [
        ([a_page([row(1)], 2), a_page([row(2)], 3)], "", "2 repositories, then 3"),
        ([a_page([row(1)], 2), a_page([row(1)], 2)], "", "1 repositories were read in 2 rows"),
        ([a_page([row(1)], 2)], "page 2 could not be read", "page 2 could not be read"),
        ([a_page([row(1)], 2)], "", "the workspace counts 2"),
    ],
    ids=["changed", "doubled", "gap", "short"],
)
def test_pages_that_do_not_add_up_say_in_numbers_why(
    pages: list[Page[Row]], gap: str, words: str
) -> None:
    listing = convert.to_listing(pages, gap)
    assert not listing.complete
    assert words in listing.gap


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_project_keys_cannot_break_out_of_their_quotes(keys: list[str]) -> None:
    query = str(convert.list_query(keys, 1)["q"])
    quoted = query.removeprefix("project.key IN (").removeprefix("project.key = ")
    found, text, escaped = [], "", False
    for letter in quoted:
        if escaped or letter not in '"\\':
            text, escaped = text + letter, False
        elif letter == "\\":
            escaped = True
        else:
            found.append(text)
            text = ""
    assert found[1::2] == keys


@pytest.mark.parametrize(
    ("link", "number"),
    [
        ("https://api.bitbucket.org/2.0/repositories/a?pagelen=100&page=2", 2),
        ("https://api.bitbucket.org/2.0/repositories/a?page=ch4sh", None),
        ("https://api.bitbucket.org/2.0/repositories/a?page=²", None),
        ("https://api.bitbucket.org/2.0/repositories/a", None),
    ],
    ids=["number", "hash", "superscript", "none"],
)
def test_the_number_in_a_link_is_read_where_there_is_one(link: str, number: int | None) -> None:
    assert convert.page_number(link) == number


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", frozenset()),
        ("repository, project", frozenset({"repository", "project"})),
        ("repository webhook", frozenset({"repository", "webhook"})),
    ],
    ids=["absent", "none", "commas", "spaces"],
)
def test_scopes_are_read_from_header_and_token_answer(
    header: str | None, expected: frozenset[str] | None
) -> None:
    assert convert.to_scopes(header) == expected


def test_a_user_without_any_id_is_a_bad_reply_and_nothing_is_learnt() -> None:
    report = verdicts.judge_user(reply({"type": "user"}), TOKEN, "acme")
    assert report.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "user", [{"uuid": "{1}", "account_id": "a"}, {"account_id": "a"}], ids=["uuid", "account"]
)
def test_a_user_is_known_by_uuid_and_else_by_account_id(user: dict[str, str]) -> None:
    identity = user.get("uuid", "a")
    assert convert.to_identity(reply(user)) == (identity, identity)


@pytest.mark.parametrize(
    "words",
    [
        "To access this repository, an admin must whitelist your IP.",
        "… your IP is not on the allowlist",
        "To access this repository, enable two-step authentication.",
    ],
    ids=["whitelist", "allowlist", "two-step"],
)
def test_a_closed_way_in_is_blocked_whatever_the_headers_say(words: str) -> None:
    body = {"type": "error", "error": {"message": words}}
    found = verdicts.judge_user(reply(body, 403, {"x-oauth-scopes": "account"}), TOKEN, "acme")
    assert found.verdict is Verdict.BLOCKED
    assert found.hint


@pytest.mark.parametrize(
    "detail",
    ["a string", {"required": "x"}, {}, None, [1]],
    ids=["string", "not-a-list", "empty", "null", "list"],
)
def test_a_detail_of_another_shape_names_no_scopes(detail: Any) -> None:
    body = {"type": "error", "error": {"message": "no", "detail": detail}}
    assert verdicts.required_scopes(reply(body, 403)) == ()


def test_a_workspace_marked_as_spam_is_gone_and_says_whom_to_ask() -> None:
    error = verdicts.listing_refusal(reply({}, 410))
    assert error.fault is Fault.GONE
    assert "Atlassian" in error.hint


def test_all_35_granular_scopes_are_known_and_imply_nothing() -> None:
    assert len(scopes.GRANULAR) == 35
    assert not scopes.GRANULAR & set(SPEC.implies)


def test_only_documented_implications_hold() -> None:
    held = closure({"pullrequest:write"}, SPEC.implies)
    assert held == {"pullrequest:write", "pullrequest", "repository:write", "repository"}
    for admin in ("repository:admin", "project:admin"):
        assert closure({admin}, SPEC.implies) == {admin}


def test_access_tokens_hold_fewer_scopes_than_consumers() -> None:
    held = SPEC.vocabulary[MethodKind.ACCESS_TOKEN]
    assert held < SPEC.vocabulary[MethodKind.OAUTH_CONSUMER]
    assert "email" not in held


def test_the_spec_is_read_without_loading_an_http_library() -> None:
    code = (
        "import sys; from reconciler import providers; providers.spec('bitbucket-cloud'); "
        "sys.exit(sorted({'httpx2', 'msgspec', 'anyio', 'ssl', 'asyncio'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("code", "words", "fault", "mend"),
    [
        ("unauthorized_client", "Invalid OAuth client credentials", Fault.CREDENTIAL, "key"),
        ("invalid_grant", 'marked as "public"', Fault.PERMISSION, "private consumer"),
        ("invalid_request", "No callback uri defined", Fault.PERMISSION, "callback URL"),
        ("invalid_grant", "Unsupported grant type: None", Fault.REJECTED, "message"),
    ],
    ids=["wrong", "public", "no-callback", "other"],
)
def test_every_refusal_of_a_token_has_its_mend(
    code: str, words: str, fault: Fault, mend: str
) -> None:
    error = _no_token(reply({"error": code, "error_description": words}, 400))
    assert error.fault is fault
    assert words in error.cause
    assert mend in error.hint


async def test_an_account_is_opened_without_sending_anything() -> None:
    account = DesiredAccount("acme", SPEC.name, "acme", SPEC.api_url, SourceMark("a.yaml"))
    provider = SPEC.open(account, 8, 900)
    reads = provider.reads()
    assert (reads.party, reads.requests, reads.limit) == ("bitbucket-cloud/acme", 0, 900)
    await provider.aclose()
