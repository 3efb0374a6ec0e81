"""Every contradiction between documents: its exact place, its code, and a mend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.load import load
from reconciler.resolve import resolve
from tests.unit.load.project_files import (
    ACCOUNT,
    CONNECTION,
    CONSUMER,
    METHOD,
    PARTS,
    SELECTION,
    SHIPPED,
    load_files,
    said,
    write,
)
from tests.unit.resolve.own_profile import MINE, PROFILE, token, with_method
from tests.unit.resolve.provider_spec import PROVIDERS, resolve_files

ALL_17 = (
    "read:account, read:workspace:bitbucket, read:project:bitbucket, admin:project:bitbucket, "
    "read:repository:bitbucket, write:repository:bitbucket, admin:repository:bitbucket, "
    "read:pullrequest:bitbucket, write:pullrequest:bitbucket, read:issue:bitbucket, "
    "write:issue:bitbucket, read:snippet:bitbucket, read:webhook:bitbucket, "
    "write:webhook:bitbucket, read:pipeline:bitbucket, read:runner:bitbucket, read:user:bitbucket"
)


def scoped(scopes: str) -> str:
    return METHOD.replace("secret:", f"scopes: [{scopes}], secret:")


CASES: dict[str, tuple[Mapping[str, str], str, str]] = {
    "unknown account": (
        {"connection.yaml": CONNECTION.replace("account: acme", "account: acne")},
        "connection.yaml:4:36 unknown-reference",
        'did you mean "acme"?; accounts: acme',
    ),
    "unknown consumer": (
        {"connection.yaml": CONNECTION.replace("ox-prod", "zzz")},
        "connection.yaml:4:18 unknown-reference",
        "consumers: ox-prod",
    ),
    "unknown method": (
        {"connection.yaml": CONNECTION.replace("method: bot", "method: bat")},
        "connection.yaml:4:50 unknown-reference",
        'did you mean "bot"?',
    ),
    "unknown selection": (
        {"connection.yaml": CONNECTION.replace("payments", "payment")},
        "connection.yaml:4:69 unknown-reference",
        'did you mean "payments"?',
    ),
    "unknown profile": (
        {"consumer.yaml": CONSUMER.replace("profile: ox", "profile: oxx")},
        "consumer.yaml:4:17 unknown-reference",
        'did you mean "ox"?',
    ),
    "unknown provider": (
        {"account.yaml": ACCOUNT.replace("bitbucket-cloud", "bitbucket-clod")},
        "account.yaml:4:18 unknown-provider",
        'did you mean "bitbucket-cloud"?',
    ),
    "unknown reader": (
        {"account.yaml": ACCOUNT.replace("workspace: acme", "workspace: acme, reader: bat")},
        "account.yaml:4:60 unknown-reference",
        'did you mean "bot"?',
    ),
    "former name": (
        {"account.yaml": ACCOUNT.replace("name: acme", "name: acme2, previously: [acme]")},
        "connection.yaml:4:36 unknown-reference",
        'renamed to "acme2"',
    ),
    "name given twice": (
        {"second.yaml": ACCOUNT},
        "second.yaml:3:18 duplicate-name",
        "account.yaml:3:18",
    ),
    "address given twice": (
        {"second.yaml": CONNECTION},
        "second.yaml:3:18 duplicate-name",
        'the connection "ox-acme" is declared twice',
    ),
    "twins": (
        {"second.yaml": CONNECTION.replace("name: ox-acme", "name: ox-two")},
        "second.yaml:1:1 twin-connections",
        "connection.yaml:1:1",
    ),
    "former name still in use": (
        {
            "second.yaml": CONNECTION.replace(
                "name: ox-acme", "name: ox-two, previously: [ox-acme]"
            ).replace("method: bot", "method: {type: oauth-app}")
        },
        "second.yaml:3:26 former-name-in-use",
        "still declared",
    ),
    "former name claimed twice": (
        {
            "connection.yaml": CONNECTION.replace("ox-acme", "ox-acme, previously: [old]"),
            "second.yaml": CONNECTION.replace("ox-acme", "ox-two, previously: [old]").replace(
                "method: bot", "method: {type: oauth-app}"
            ),
        },
        "second.yaml:3:26 former-name-in-use",
        "only one can be its heir",
    ),
    "app password": (
        with_method("{type: app-password, username: u, secret: {env: A}}"),
        "connection.yaml:4:57 method-retired",
        "2026-07-28; use an API token | use `type: api-token`",
    ),
    "method retired by the consumer": (
        with_method("{type: identity-provider}", MINE),
        "connection.yaml:4:57 method-retired",
        "since 2026-01-31 | use `type: access-token`",
    ),
    "method that the consumer does not take": (
        with_method(token()),
        "connection.yaml:4:57 method-not-accepted",
        "it takes: api-token, identity-provider, oauth-app",
    ),
    "method that the provider does not offer": (
        with_method("{type: service-principal, username: u, secret: {env: A}}", MINE),
        "connection.yaml:4:57 method-not-offered",
        "it offers: access-token",
    ),
    "provider that the consumer does not connect to": (
        {
            "account.yaml": ACCOUNT.replace(
                "bitbucket-cloud, ", 'bitbucket-data-center, apiUrl: "https://git.example", '
            )
        },
        "method.yaml:4:14 provider-not-accepted",
        "it connects to: azure-devops, bitbucket-cloud",
    ),
    "user name instead of e-mail": (
        {"method.yaml": METHOD.replace("bot@acme.example", "acme-bot")},
        "method.yaml:4:35 username-not-email",
        "e-mail address of the Atlassian account",
    ),
    "e-mail instead of user name": (
        with_method("{type: oauth-consumer, username: a@b.example, secret: {env: A}}", MINE),
        "connection.yaml:4:83 username-is-email",
        "user name",
    ),
    "level that the consumer does not take": (
        with_method(token(level="repository"), MINE),
        "connection.yaml:4:78 level-not-accepted",
        "it takes: project, workspace",
    ),
    "scope that does not exist": (
        {"method.yaml": scoped(f"{ALL_17}, read:repositry:bitbucket")},
        "method.yaml:4:478 unknown-scope",
        'did you mean "read:repository:bitbucket"?',
    ),
    "scopes that are missing": (
        {"method.yaml": scoped(ALL_17.replace("read:issue:bitbucket, ", ""))},
        "method.yaml:4:53 missing-scopes",
        "read:issue:bitbucket (reading issues)",
    ),
    "scopes of an app": (
        with_method("{type: oauth-app, scopes: [repository]}"),
        "connection.yaml:4:68 scopes-not-chosen",
        "leave them out",
    ),
    "lives too long": (
        {"method.yaml": METHOD.replace("secret:", "maxAge: 366d, secret:")},
        "method.yaml:4:61 too-long-lived",
        "365d",
    ),
    "ends too late": (
        {"method.yaml": METHOD.replace("secret:", "expiresAt: 2028-01-01, secret:")},
        "method.yaml:4:64 too-long-lived",
        "365d",
    ),
    "ends on no day": (
        {"method.yaml": METHOD.replace("secret:", "expiresAt: 2027-02-30, secret:")},
        "method.yaml:4:64 bad-date",
        "YYYY-MM-DD",
    ),
    "always due": (
        {"method.yaml": METHOD.replace("secret:", "maxAge: 30d, rotateBefore: 30d, secret:")},
        "method.yaml:4:61 always-due",
        "shorter",
    ),
    "included and excluded": (
        {"selection.yaml": SELECTION.replace("}]", "}], exclude: [{project: PAY}]", 1)},
        "selection.yaml:4:55 included-and-excluded",
        "selection.yaml:4:28",
    ),
    "bad regular expression": (
        {"selection.yaml": SELECTION.replace("project: PAY", "regex: 'a('")},
        "selection.yaml:4:26 bad-regex",
        "unterminated subpattern",
    ),
    "ambiguous regular expression": (
        {"selection.yaml": SELECTION.replace("project: PAY", "regex: '[[a]'")},
        "selection.yaml:4:26 bad-regex",
        "nested set",
    ),
    "enormous regular expression": (
        {"selection.yaml": SELECTION.replace("project: PAY", "regex: 'a{99999999999999999999}'")},
        "selection.yaml:4:26 bad-regex",
        "too large",
    ),
    "consumer without a credential": (
        {"consumer.yaml": CONSUMER.replace(", credential: {env: OX_API_KEY}", "")},
        "consumer.yaml:4:1 missing-credential",
        "credential: {env: NAME}",
    ),
    "no public address": (
        {
            "second.yaml": ACCOUNT.replace("name: acme", "name: dc").replace(
                "bitbucket-cloud", "bitbucket-data-center"
            )
        },
        "second.yaml:4:1 missing-url",
        "apiUrl: https://",
    ),
    "reader without a secret": (
        {
            "account.yaml": ACCOUNT.replace(
                "workspace: acme", "workspace: acme, reader: {type: oauth-app}"
            )
        },
        "account.yaml:4:67 reader-without-secret",
        "access-token",
    ),
    "reader that the provider does not offer": (
        {
            "account.yaml": ACCOUNT.replace(
                "workspace: acme",
                "workspace: acme, reader: {type: http-access-token, secret: {env: A}}",
            )
        },
        "account.yaml:4:67 method-not-offered",
        "it offers",
    ),
    "reader with an unknown scope": (
        {
            "account.yaml": ACCOUNT.replace(
                "workspace: acme",
                "workspace: acme, reader: {type: access-token, level: workspace, "
                "secret: {env: A}, scopes: [repositry]}",
            )
        },
        "account.yaml:4:126 unknown-scope",
        'did you mean "repository"?',
    ),
    "profile with an unknown scope": (
        {"profile.yaml": PROFILE.replace("name: repository,", "name: repositry,")},
        "profile.yaml:15:18 unknown-scope",
        'did you mean "repository"?',
    ),
    "two accounts at a consumer of one": (
        {
            **with_method(token(), MINE),
            "account2.yaml": ACCOUNT.replace("acme", "globex"),
            "second.yaml": CONNECTION.replace("name: ox-acme", "name: zwei")
            .replace("account: acme", "account: globex")
            .replace("method: bot", f"method: {token()}"),
        },
        "second.yaml:4:36 several-accounts",
        "connection.yaml:1:1",
    ),
    "no user name where one is wanted": (
        {
            **with_method("{type: http-access-token, secret: {env: A}}", MINE),
            "account.yaml": ACCOUNT.replace(
                "bitbucket-cloud, ", 'bitbucket-data-center, apiUrl: "https://git.example", '
            ),
        },
        "connection.yaml:4:42 missing-username",
        "username",
    ),
}


@pytest.mark.parametrize(("changed", "expected", "words"), CASES.values(), ids=CASES)
def test_a_contradiction_is_one_problem_at_its_place(
    tmp_path: Path, changed: Mapping[str, str], expected: str, words: str
) -> None:
    state, problems = resolve_files(tmp_path, changed, now=datetime(2026, 11, 21, tzinfo=UTC))
    assert [said(p) for p in problems] == [expected]
    assert words in f"{problems[0].cause} | {problems[0].hint}"
    assert state is None


URLS = {
    "plain http": ("http://api.example/2.0", "plain http"),
    "user": ("https://bot@api.example", "no user name"),
    "query": ("https://api.example/?a=b", "no query"),
    "fragment": ("https://api.example/#a", "no query"),
    "no host": ("https:///2.0", "no web address"),
    "bad port": ("https://api.example:99999/", "no address"),
    "bad brackets": ("https://[::1/", "no address"),
    "loopback by name only": ("http://127.0.0.1.example/", "plain http"),
    "escaped variable": ("$${A}", "no web address"),
}


@pytest.mark.parametrize(("url", "words"), URLS.values(), ids=URLS)
def test_credentials_go_to_proper_addresses_only(tmp_path: Path, url: str, words: str) -> None:
    account = ACCOUNT.replace("workspace: acme", f'workspace: acme, apiUrl: "{url}"')
    state, problems = resolve_files(tmp_path, {"account.yaml": account})
    assert [said(p) for p in problems] == ["account.yaml:4:60 bad-url"]
    assert words in problems[0].cause
    assert state is None


def test_a_shared_method_is_reported_once_however_many_use_it(tmp_path: Path) -> None:
    second = CONNECTION.replace("name: ox-acme", "name: ox-two").replace(
        "account: acme", "account: b"
    )
    files = {
        "method.yaml": METHOD.replace("bot@acme.example", "bot"),
        "second.yaml": second,
        "b.yaml": ACCOUNT.replace("name: acme", "name: b").replace(
            "workspace: acme", "workspace: b"
        ),
    }
    _, problems = resolve_files(tmp_path, files)
    assert [said(p) for p in problems] == ["method.yaml:4:35 username-not-email"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("account.yaml", ACCOUNT.replace("workspace", "workspce")),
        ("method.yaml", METHOD.replace("api-token", "api-tokn")),
        ("selection.yaml", SELECTION.replace("include", "inclde")),
        ("consumer.yaml", CONSUMER.replace("profile: ox", "profile: [ox]")),
        ("account.yaml", ACCOUNT.replace("kind: Account", "kind: Acount")),
        ("account.yaml", ACCOUNT.replace("reconciler/v1", "reconciler/v2")),
        ("account.yaml", "apiVersion: reconciler/v1\nkind: ["),
    ],
    ids=["account", "method", "selection", "consumer", "kind", "version", "syntax"],
)
def test_a_broken_document_is_not_called_unknown_too(tmp_path: Path, file: str, text: str) -> None:
    loaded = load_files(tmp_path, {**PARTS, file: text})
    state, problems = resolve(loaded, PROVIDERS)
    assert len(loaded.problems) == 1
    assert problems == ()
    assert state is None


def test_problems_of_several_files_come_together_and_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            **PARTS,
            "connection.yaml": CONNECTION.replace("account: acme", "account: b").replace(
                "method: bot", "method: c"
            ),
            "selection.yaml": SELECTION.replace("project: PAY", "regex: '('"),
        },
    )
    _, problems = resolve(load([str(tmp_path)], shipped_profiles=SHIPPED), PROVIDERS)
    assert [said(p) for p in problems] == [
        "connection.yaml:4:36 unknown-reference",
        "connection.yaml:4:47 unknown-reference",
        "selection.yaml:4:26 bad-regex",
    ]
