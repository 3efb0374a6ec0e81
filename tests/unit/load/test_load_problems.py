"""Every fault of a document: its exact place, its code, and a mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Severity
from tests.unit.load.project_files import CONNECTION, METHOD, PARTS, errors, load_files

HEAD = "apiVersion: reconciler/v1\nkind: {}\nmetadata: {{name: x}}\nspec: "


def problem_of(folder: Path, text: str) -> list[tuple[str, str, str]]:
    loaded = load_files(folder, {"a.yaml": text}, path="a.yaml")
    return [
        (str(p.where).removeprefix("a.yaml:"), p.code, f"{p.cause} | {p.hint}")
        for p in loaded.problems
    ]


SPECS = {
    "unknown field": (
        "Account",
        "{provider: p, workspce: w}",
        "4:21",
        "unknown-field",
        '"workspace"',
    ),
    "missing field": ("Account", "{provider: p}", "4:1", "missing-field", "workspace: acme"),
    "number as text": ("Account", "{provider: p, workspace: 12}", "4:32", "wrong-type", "quotes"),
    "list as text": ("Account", "[provider]", "4:1", "wrong-type", "a mapping"),
    "empty spec": ("Account", "", "4:6", "wrong-type", "a mapping"),
    "empty projects": (
        "Account",
        "{provider: p, workspace: w, projects: []}",
        "4:35",
        "empty-value",
        "leave it out for all projects",
    ),
    "same project twice": (
        "Account",
        "{provider: p, workspace: w, projects: [A, A]}",
        "4:49",
        "repeated-item",
        "keep one",
    ),
    "no address": (
        "Account",
        "{provider: p, workspace: w, apiUrl: bitbucket.org}",
        "4:43",
        "bad-format",
        "https://",
    ),
    "slash in workspace": (
        "Account",
        "{provider: p, workspace: a/b}",
        "4:32",
        "bad-format",
        "without slashes",
    ),
    "secret as text": (
        "Consumer",
        "{profile: ox, credential: hunter2hunter2}",
        "4:33",
        "secret-value",
        "{file: PATH}",
    ),
    "two secret sources": (
        "Consumer",
        "{profile: ox, credential: {env: A, file: b}}",
        "4:21",
        "need-exactly-one",
        "keep one",
    ),
    "no secret source": (
        "Consumer",
        "{profile: ox, credential: {}}",
        "4:21",
        "need-exactly-one",
        "env, file, exec",
    ),
    "a source of another cloud": (
        "Consumer",
        "{profile: ox, credential: {azure: kv/ox}}",
        "4:34",
        "unsupported-secret-source",
        "exec",
    ),
    "bad variable name": (
        "Consumer",
        "{profile: ox, credential: {env: MY-KEY}}",
        "4:39",
        "bad-format",
        "OX_API_KEY",
    ),
    "home folder": (
        "Consumer",
        "{profile: ox, credential: {file: ~/key}}",
        "4:40",
        "bad-format",
        "not expanded",
    ),
    "unknown method type": (
        "Method",
        "{type: api-tokn}",
        "4:14",
        "unknown-value",
        'did you mean "api-token"?',
    ),
    "api token without user": (
        "Method",
        "{type: api-token, secret: {env: A}}",
        "4:1",
        "missing-field",
        "a method of type api-token needs",
    ),
    "access token without level": (
        "Method",
        "{type: access-token, secret: {env: A}}",
        "4:1",
        "missing-field",
        "level: workspace",
    ),
    "consumer without secret": (
        "Method",
        "{type: oauth-consumer, username: k}",
        "4:1",
        "missing-field",
        "secret: {env: OX_API_KEY}",
    ),
    "app with a secret": (
        "Method",
        "{type: oauth-app, secret: {env: A}}",
        "4:25",
        "field-not-allowed",
        'oauth-app takes no "secret"',
    ),
    "no duration": (
        "Method",
        "{type: oauth-consumer, username: k, secret: {env: A}, maxAge: 1y}",
        "4:69",
        "bad-format",
        "365d",
    ),
    "no day": (
        "Method",
        "{type: oauth-consumer, username: k, secret: {env: A}, expiresAt: soon}",
        "4:72",
        "bad-format",
        "2027-03-19",
    ),
    "scopes misspelt": (
        "Method",
        "{type: oauth-app, scopes: profil}",
        "4:33",
        "unknown-value",
        'did you mean "profile"?',
    ),
    "no scopes": ("Method", "{type: oauth-app, scopes: []}", "4:25", "empty-value", "leave it out"),
    "nothing selected": (
        "RepositorySelection",
        "{exclude: [{name: a}]}",
        "4:1",
        "missing-field",
        "all: true",
    ),
    "empty include": (
        "RepositorySelection",
        "{include: []}",
        "4:8",
        "empty-value",
        "never empty by accident",
    ),
    "all and include": (
        "RepositorySelection",
        "{all: true, include: [{name: a}]}",
        "4:19",
        "field-not-allowed",
        "beside `all: true`",
    ),
    "all is false": ("RepositorySelection", "{all: false}", "4:13", "unknown-value", "true"),
    "two names in a term": (
        "RepositorySelection",
        "{include: [{name: a, project: B}]}",
        "4:18",
        "need-exactly-one",
        "keep one",
    ),
    "misspelt term": (
        "RepositorySelection",
        "{include: [{nmae: a}]}",
        "4:19",
        "unknown-field",
        'did you mean "name"?',
    ),
    "empty where": (
        "RepositorySelection",
        "{all: true, where: {}}",
        "4:19",
        "empty-value",
        "archived",
    ),
    "yes is a word": (
        "RepositorySelection",
        "{all: true, where: {archived: yes}}",
        "4:37",
        "wrong-type",
        "true or false",
    ),
    "unknown action": (
        "Connection",
        "{consumer: c, account: a, method: m, repositories: r, manage: [rotat]}",
        "4:70",
        "unknown-value",
        'did you mean "rotate"?',
    ),
    "method is a list": (
        "Connection",
        "{consumer: c, account: a, method: [m], repositories: r}",
        "4:33",
        "wrong-type",
        "text or a mapping",
    ),
    "inline method misspelt": (
        "Connection",
        "{consumer: c, account: a, method: {type: oauth-app, usrname: x}, repositories: r}",
        "4:59",
        "unknown-field",
        'did you mean "username"?',
    ),
    "profile retired without replacement": (
        "ConsumerProfile",
        (
            "{title: T, selection: token, methods: [{provider: p, type: app-password, login: none, "
            "source: {url: 'https://x.example', checked: '2026-01-01'}, retired: '2026-07-28'}]}"
        ),
        "4:46",
        "missing-field",
        "replacement: api-token",
    ),
    "number out of bounds": (
        "ConsumerProfile",
        (
            "{title: T, selection: token, methods: [{provider: p, type: api-token, login: none, "
            "maxDays: 0, source: {url: 'https://x.example', checked: '2026-01-01'}}]}"
        ),
        "4:99",
        "out-of-range",
        "at least 1",
    ),
    "day that does not exist": (
        "ConsumerProfile",
        (
            "{title: T, selection: token, methods: [{provider: p, type: api-token, login: none, "
            "source: {url: 'https://x.example', checked: '2026-02-30'}}]}"
        ),
        "4:134",
        "bad-date",
        "YYYY-MM-DD",
    ),
    "method twice in a profile": (
        "ConsumerProfile",
        "{title: T, selection: token, methods: ["
        + ", ".join(
            [
                (
                    "{provider: p, type: api-token, login: none, "
                    "source: {url: 'https://x.example', checked: '2026-01-01'}}"
                )
            ]
            * 2
        )
        + "]}",
        "4:150",
        "repeated-item",
        "keep one",
    ),
}


@pytest.mark.parametrize(("kind", "spec", "place", "code", "words"), SPECS.values(), ids=SPECS)
def test_a_wrong_spec_is_one_problem_at_its_place(
    tmp_path: Path, kind: str, spec: str, place: str, code: str, words: str
) -> None:
    found = problem_of(tmp_path, HEAD.format(kind) + spec)
    assert [(where, what) for where, what, _ in found] == [(place, code)]
    assert words in found[0][2]


DOCUMENTS = {
    "no kind": ("apiVersion: reconciler/v1\nspec: {}", "1:1", "missing-kind", "Account | "),
    "misspelt kind": (
        "apiVersion: reconciler/v1\nkind: Conection\nspec: {}",
        "2:7",
        "unknown-kind",
        'did you mean "Connection"?',
    ),
    "later version": (
        "apiVersion: reconciler/v2\nkind: Account",
        "1:13",
        "unknown-api-version",
        "apiVersion: reconciler/v1",
    ),
    "misspelt version": (
        "apiVersion: reconcilr/v1\nkind: Account",
        "1:13",
        "unknown-api-version",
        "apiVersion: reconciler/v1",
    ),
    "no version": (
        "kind: Account\nmetadata: {name: a}",
        "1:1",
        "missing-api-version",
        "apiVersion: reconciler/v1",
    ),
    "foreign": ("apiVersion: apps/v1\nkind: Deployment", "1:13", "foreign-document", "apiVersion"),
    "a list": ("- a\n- b", "1:1", "not-a-document", "apiVersion"),
    "empty": ("# nothing\n", "1:1", "no-documents", "kind"),
    "no metadata": (
        "apiVersion: reconciler/v1\nkind: RepositorySelection\nspec: {all: true}",
        "1:1",
        "missing-field",
        "metadata: {name: ox-acme",
    ),
    "capital letters": (
        (
            "apiVersion: reconciler/v1\nkind: RepositorySelection\nmetadata: {name: Acme}\n"
            "spec: {all: true}"
        ),
        "3:18",
        "bad-format",
        "lower-case",
    ),
    "label is a number": (
        (
            "apiVersion: reconciler/v1\nkind: RepositorySelection\n"
            "metadata: {name: a, labels: {year: 2026}}\nspec: {all: true}"
        ),
        "3:36",
        "wrong-type",
        "quotes",
    ),
    "strange field": (
        (
            "apiVersion: reconciler/v1\nkind: RepositorySelection\nmetadata: {name: a}\n"
            "spec: {all: true}\nstatus: {}"
        ),
        "5:1",
        "unknown-field",
        "known fields",
    ),
}


@pytest.mark.parametrize(("text", "place", "code", "words"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_wrong_document_is_one_problem_at_its_place(
    tmp_path: Path, text: str, place: str, code: str, words: str
) -> None:
    found = problem_of(tmp_path, text)
    assert [(where, what) for where, what, _ in found] == [(place, code)]
    assert words in found[0][2]


def test_a_misspelt_field_is_not_reported_as_a_missing_one_too(tmp_path: Path) -> None:
    text = HEAD.format("Method") + "{type: api-token, username: a@b.example, secrt: {env: A}}"
    assert [(where, code) for where, code, _ in problem_of(tmp_path, text)] == [
        ("4:48", "unknown-field")
    ]


def test_all_problems_of_a_run_are_reported_at_once_and_in_order(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            **PARTS,
            "connection.yaml": CONNECTION.replace("account: acme", "acount: acme"),
            "method.yaml": METHOD.replace("type: api-token", "type: api-tokn"),
            "broken.yaml": "apiVersion: reconciler/v1\nkind: [",
        },
    )
    first, *others = errors(loaded.problems)
    assert first.startswith("broken.yaml")
    assert first.endswith("yaml-syntax")
    assert others == ["connection.yaml:4:27 unknown-field", "method.yaml:4:14 unknown-value"]
    assert ("Connection", "ox-acme") in loaded.broken
    assert ("", "") in loaded.broken


def test_every_problem_says_how_to_mend_it(tmp_path: Path) -> None:
    for number, (kind, spec, *_) in enumerate(SPECS.values()):
        folder = tmp_path / str(number)
        loaded = load_files(folder, {"a.yaml": HEAD.format(kind) + spec}, path="a.yaml")
        assert all(p.hint and p.severity is Severity.ERROR for p in loaded.problems)
