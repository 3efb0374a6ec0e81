"""Their JSON ↔ our model, verdicts, and the data of the spec: no network."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Fault, RemoteError, SourceMark
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.scope import closure
from reconciler.model.secret import Secret
from reconciler.providers.azure_devops import SPEC, convert, paterrors, scopes, verdicts
from reconciler.providers.azure_devops.hosts import bases_of
from reconciler.providers.azure_devops.signin import looks_like_a_pat
from reconciler.sandbox.azure_devops.tokens import new_pat_secret
from reconciler.transport.reply import Reply

FOUR = ("vso.code", "vso.memberentitlementmanagement", "vso.profile", "vso.project")
GUID = "9b0c1d2e-3f40-4a51-8b62-c73d84e95fa6"


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers or {}, content, "azure-devops")


def an_account(api_url: str, settings: dict[str, str] | None = None) -> DesiredAccount:
    mark = SourceMark("a.yaml")
    return DesiredAccount("acme", SPEC.name, "acme", api_url, mark, settings=settings or {})


def row(**other: Any) -> dict[str, Any]:
    return {"id": GUID.upper(), "name": "ledger", "project": {"id": "P", "name": "Pay"}, **other}


# Conversion ------------------------------------------------------------------------------------


@given(st.binary(max_size=60))
def test_whatever_a_body_holds_it_is_a_list_or_a_bad_reply(body: bytes) -> None:
    for read in (convert.to_repositories, convert.to_projects, convert.to_tfvc_projects):
        try:
            read(reply(body))
        except RemoteError as error:
            assert error.fault is Fault.BAD_REPLY  # noqa: PT017  both ways are right


def test_fields_that_nobody_documented_are_skipped_and_optional_ones_may_be_missing() -> None:
    found = convert.to_repositories(reply({"value": [row(visibility="new", size=1)]}))
    assert found.count is None
    assert found.found[GUID].name == "Pay/ledger"
    assert not found.found[GUID].archived


@pytest.mark.parametrize(
    "lacking",
    [{"id": ""}, {"name": ""}, {"project": None}, {"project": {"id": "P", "name": ""}}],
    ids=["id", "name", "project", "project-name"],
)
def test_without_what_identifies_a_repository_nothing_is_guessed(lacking: dict[str, Any]) -> None:
    with pytest.raises(RemoteError) as caught:
        convert.to_repositories(reply({"value": [row(**lacking)], "count": 1}))
    assert caught.value.fault is Fault.BAD_REPLY


def test_tfvc_projects_are_the_folders_under_the_root() -> None:
    paths = ["$/", "$/Legacy", "$/Mixed", "$/Legacy/Main", "elsewhere"]
    answer = reply({"value": [{"path": path} for path in paths]})
    assert convert.to_tfvc_projects(answer) == ("Legacy", "Mixed")


@pytest.mark.parametrize(
    ("user", "login"),
    [
        ({"properties": {"Account": {"$value": "ada@acme.example"}}}, "ada@acme.example"),
        ({"providerDisplayName": "Ada"}, "Ada"),
        ({}, GUID),
    ],
    ids=["account", "display-name", "id"],
)
def test_a_caller_is_named_as_well_as_can_be(user: dict[str, Any], login: str) -> None:
    answer = reply({"authenticatedUser": {"id": GUID.upper(), **user}})
    assert convert.to_identity(answer) == (GUID, login)


def test_a_caller_without_an_id_is_a_bad_reply() -> None:
    with pytest.raises(RemoteError, match="without an id"):
        convert.to_identity(reply({"authenticatedUser": {}}))


# Verdicts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403], ids=str)
def test_a_refusal_that_names_the_caller_is_no_dead_credential(status: int) -> None:
    headers = {"x-vss-userdata": f"{GUID.upper()}:ada@acme.example"}
    report = verdicts.judge_connection(reply({"message": "no"}, status, headers))
    assert report.verdict is Verdict.WORKS
    assert (report.identity, report.login) == (GUID, "ada@acme.example")
    assert report.cause


def test_a_refusal_that_names_nobody_is_a_dead_credential() -> None:
    headers = {"x-vss-userdata": f"{verdicts.ANONYMOUS}:anonymous"}
    assert verdicts.judge_connection(reply(b"", 401, headers)).verdict is Verdict.DEAD


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("https://spsprodweu1.vssps.visualstudio.com/_signin?realm=x", Fault.CREDENTIAL),
        ("https://login.microsoftonline.com/common/oauth2/authorize", Fault.CREDENTIAL),
        ("/_signin", Fault.CREDENTIAL),
        ("https://elsewhere.example/", Fault.FOREIGN_HOST),
        ("", Fault.FOREIGN_HOST),
    ],
    ids=["vssps", "entra", "path", "elsewhere", "nowhere"],
)
def test_only_a_redirect_to_a_sign_in_page_is_about_the_credential(
    target: str, fault: Fault
) -> None:
    answer = reply(b"", 302, {"location": target} if target else {})
    assert verdicts.refusal(answer, "a test").fault is fault


@pytest.mark.parametrize("status", [401, 403], ids=str)
def test_a_conditional_access_policy_blocks(status: int) -> None:
    body = {"message": "VS403463: The conditional access policy defined by your administrator…"}
    report = verdicts.judge_connection(reply(body, status))
    assert report.verdict is Verdict.BLOCKED
    assert "Conditional Access" in report.hint


def test_words_that_stand_in_a_header_alone_are_told() -> None:
    error = verdicts.refusal(reply(b"", 404, {"x-tfs-serviceerror": "No%20such%20route"}), "a test")
    assert (error.fault, "No such route" in error.cause) == (Fault.NOT_FOUND, True)


def test_what_was_tried_and_not_refused_is_not_lacking() -> None:
    report = CredentialReport(Verdict.WORKS, reaches=True)
    assert verdicts.with_tries(report, {"vso.code": reply({})}, FOUR) == report


# The spec --------------------------------------------------------------------------------------


def test_code_includes_hooks_and_the_profile() -> None:
    held = closure({"vso.code"}, SPEC.implies)
    assert held == {"vso.code", "vso.hooks_write", "vso.hooks", "vso.profile"}


@pytest.mark.parametrize(
    ("scope", "includes"),
    [
        ("vso.code_full", {"vso.code_manage", "vso.code_write", "vso.code"}),
        ("vso.environment_manage", {"vso.agentpools_manage", "vso.agentpools"}),
        ("vso.gallery_manage", {"vso.gallery_publish", "vso.gallery", "vso.profile"}),
        ("vso.work", {"vso.hooks_write"}),
        ("app_token", set(FOUR)),
    ],
    ids=["code", "environment", "gallery", "work", "everything"],
)
def test_scopes_include_what_is_documented(scope: str, includes: set[str]) -> None:
    assert closure({scope}, SPEC.implies) >= includes


def test_publishing_does_not_include_acquiring_and_project_not_the_profile() -> None:
    assert "vso.gallery_acquire" not in closure({"vso.gallery_manage"}, SPEC.implies)
    assert closure({"vso.project"}, SPEC.implies) == {"vso.project"}


def test_scopes_of_entra_tokens_are_not_offered_for_personal_access_tokens() -> None:
    offered = SPEC.vocabulary[MethodKind.PERSONAL_ACCESS_TOKEN]
    assert offered >= set(FOUR)
    assert not offered & {"vso.pats", "vso.pats_manage", "user_impersonation"}


@given(st.sets(st.sampled_from(sorted(scopes.NAMED))))
def test_the_string_of_scopes_is_a_set(wanted: set[str]) -> None:
    text = scopes.to_text(tuple(wanted))
    assert scopes.to_scopes(text) == wanted
    assert text == scopes.to_text(frozenset(wanted))


def test_the_end_of_global_tokens_is_announced() -> None:
    (announced,) = SPEC.announced
    assert announced.on == date(2026, 12, 1)
    assert announced.concerns == (MethodKind.PERSONAL_ACCESS_TOKEN,)


@pytest.mark.parametrize(
    ("api_url", "settings", "bases"),
    [
        (
            "https://dev.azure.com",
            {},
            ("https://vssps.dev.azure.com", "https://vsaex.dev.azure.com", True),
        ),
        ("", {}, ("https://vssps.dev.azure.com", "https://vsaex.dev.azure.com", True)),
        ("http://127.0.0.1:7", {}, ("http://127.0.0.1:7", "http://127.0.0.1:7", True)),
        ("https://tfs.acme/tfs", {}, ("https://tfs.acme/tfs", "https://tfs.acme/tfs", False)),
        (
            "https://dev.azure.com.evil.example",
            {},
            ("https://dev.azure.com.evil.example", "https://dev.azure.com.evil.example", False),
        ),
        (
            "https://proxy.acme",
            {"vsspsUrl": "https://p.acme", "vsaexUrl": "https://e.acme"},
            ("https://p.acme", "https://e.acme", True),
        ),
    ],
    ids=["public", "default", "loopback", "server", "lookalike", "settings"],
)
def test_every_family_of_calls_has_its_host(
    api_url: str, settings: dict[str, str], bases: tuple[str, str, bool]
) -> None:
    found = bases_of(an_account(api_url, settings))
    assert (found.vssps, found.vsaex, found.has_token_api) == bases


def test_both_forms_of_a_personal_access_token_are_recognized() -> None:
    assert looks_like_a_pat(Secret(new_pat_secret()))
    assert looks_like_a_pat(Secret("abcdefghijklmnopqrstuvwxyz234567" + "a" * 20))
    assert not looks_like_a_pat(Secret("eyJhbGciOiJub25lIn0.e30.c2ln"))


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("globalPatPolicyViolation", Fault.REJECTED),
        ("globalPATCreationBlocked", Fault.REJECTED),
        ("fullScopePatPolicyViolation", Fault.REJECTED),
        ("patLifespanPolicyViolation", Fault.REJECTED),
        ("disablePatCreationPolicyViolation", Fault.REJECTED),
        ("invalidValidTo", Fault.REJECTED),
        ("expiredPatCannotBeExtended", Fault.REJECTED),
        ("duplicateHash", Fault.REJECTED),
        ("authorizationNotFound", Fault.NOT_FOUND),
        ("tokenNotFound", Fault.NOT_FOUND),
        ("invalidUserType", Fault.PERMISSION),
        ("invalidClientId", Fault.PERMISSION),
        ("failedToReadTenantPolicy", Fault.OUTAGE),
        ("failedToUpdateAccessToken", Fault.OUTAGE),
    ],
    ids=str,
)
def test_every_error_of_the_token_api_has_its_fault_and_mend(value: str, fault: Fault) -> None:
    error = paterrors.error_of(value, "their words", "making a token")
    assert error.fault is fault
    assert value in error.cause
    assert "their words" in error.cause
    assert error.hint


def test_the_spec_is_read_without_loading_an_http_library() -> None:
    code = (
        "import sys; from reconciler import providers; providers.spec('azure-devops'); "
        "sys.exit(sorted({'httpx2', 'msgspec', 'anyio', 'ssl', 'asyncio', 'azure'} "
        "& set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


async def test_an_account_is_opened_without_sending_anything_or_loading_azure_identity() -> None:
    provider = SPEC.open(an_account(SPEC.api_url), 8, 900)
    reads = provider.reads()
    assert (reads.party, reads.requests, reads.limit) == ("azure-devops/acme", 0, 900)
    await provider.aclose()
