"""Hostile and careless input: secrets in the YAML, odd files, any bytes at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.load import load, marks
from reconciler.load.guard import looks_like_secret, shown
from reconciler.load.pure_parser import PureParser
from tests.unit.load.project_files import (
    ACCOUNT,
    CONNECTION,
    CONSUMER,
    METHOD,
    PARTS,
    PROJECT,
    SHIPPED,
    errors,
    load_files,
    write,
)

# Assembled, so that no scanner of repositories takes these inventions for real ones.
TOKENS = {
    "atlassian api token": "ATATT" + "3xFfGF0aBcDeFgHiJkLmNoPqRs",
    "atlassian access token": "ATCTT" + "3xFfGN0aBcDeFgHiJkLmNoPqRs=1A2B3C4D",
    "data center token": "BBDC-" + "MDM0MjM5NDc2MDU1Orl5kEiVyxkZ0Xk",
    "github": "ghp_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "gitlab": "glpat-" + "aBcDeFgHiJkLmNoPqRsT",
    "slack": "xoxb-" + "123456789012-aBcDeFgHiJkL",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "vault": "hvs." + "CAESIJ1234567890abcdef",
    "bearer": "Bearer " + "abcdefghijklmnop",
    "basic": "basic " + "dXNlcjpwYXNzd29yZA==",
    "json web token": "eyJ" + "hbGciOiJIUzI1.eyJ" + "zdWIiOiIxMjM0",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "password in address": "https://bot:" + "s3cretpassword@api.example/2.0",
    "azure, older": "abcdefghij" * 4 + "klmnop234567",
    "azure": "a1B2" * 19 + "AZDO" + "x9Y8",
    "dense text": "Zx9Qw3Er5Ty7Ui1Op2As4Df6Gh8Jk0LzXcVbNmPq",
}
HARMLESS = {
    "uuid": "{5f1c1b9e-6a1d-4c0e-9a53-0d6d7f0c1a2b}",
    "address": "https://id.atlassian.com/manage-profile/security/api-tokens",
    "path": "secrets/production/bitbucket-cloud/ox-bot-token.v2",
    "words": "bitbucket-pipelines-and-repositories-of-the-payments-team-2026",
    "e-mail": "a-very-long-service-account-name@corp.example",
    "commit": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "scope": "read:repository:bitbucket",
    "sentence": "the basic plan of the bearer is not a JWT at all",
}


@pytest.mark.parametrize("value", TOKENS.values(), ids=TOKENS)
def test_tokens_look_like_secrets_and_are_never_shown(value: str) -> None:
    assert looks_like_secret(value)
    assert shown(value) == "***"


@pytest.mark.parametrize("value", HARMLESS.values(), ids=HARMLESS)
def test_ordinary_values_do_not_look_like_secrets(value: str) -> None:
    assert not looks_like_secret(value)


def test_what_is_shown_is_cut_and_printable() -> None:
    assert shown("a" * 200) == "a" * 64 + "…"
    assert shown("a\x1b[31mb") == "a?[31mb"


TOKEN = TOKENS["atlassian api token"]
PLACES = {
    "secret position": ("method.yaml", METHOD.replace("{file: secrets/bot.token}", TOKEN), "4:61"),
    "name of a variable": (
        "consumer.yaml",
        CONSUMER.replace("OX_API_KEY", TOKEN),
        "4:39",
    ),
    "argument of a command": (
        "consumer.yaml",
        CONSUMER.replace("env: OX_API_KEY", f"exec: [pass, {TOKEN}]"),
        "4:47",
    ),
    "user name": ("method.yaml", METHOD.replace("bot@acme.example", TOKEN), "4:35"),
    "label": (
        "account.yaml",
        ACCOUNT.replace("acme}\nspec", f"acme, labels: {{a: {TOKEN}}}}}\nspec"),
        "3:36",
    ),
    "reference": (
        "connection.yaml",
        CONNECTION.replace("account: acme", f"account: {TOKEN}"),
        "4:36",
    ),
    "variable": (
        "reconciler.yaml",
        PROJECT.replace("{}", f"{{variables: {{KEY: {TOKEN}}}}}"),
        "3:25",
    ),
    "escaped": (
        "method.yaml",
        METHOD.replace("bot@acme.example", '"\\x41' + TOKEN[1:] + '"'),
        "4:35",
    ),
    "enumeration": ("method.yaml", METHOD.replace("api-token", TOKEN), "4:14"),
}


@pytest.mark.parametrize(("file", "text", "place"), PLACES.values(), ids=PLACES)
def test_a_token_in_the_yaml_is_refused_by_its_place_and_never_printed(
    tmp_path: Path, file: str, text: str, place: str
) -> None:
    loaded = load_files(tmp_path, {**PARTS, file: text})
    assert errors(loaded.problems) == [f"{file}:{place} secret-value"]
    assert TOKEN not in repr(loaded)


@pytest.mark.parametrize(
    "text",
    [
        f"{TOKEN}: 1\n{TOKEN}: 2\n",
        f"apiVersion: reconciler/v1\nkind: {TOKEN}\n",
        f"apiVersion: reconciler/{TOKEN}\nkind: Account\n",
        f"apiVersion: reconciler/v1\nkind: Account\nspec: {{{TOKEN}: 1}}\n",
        f"apiVersion: reconciler/v1\nkind: Account\nmetadata: {{name: a}}\nspec: !{TOKEN} x\n",
        f"apiVersion: reconciler/v1\nkind: Account\nmetadata: {{name: a}}\nspec: *{TOKEN}\n",
        f"apiVersion: reconciler/v1\nkind: Account\nmetadata: {{name: a}}\nspec: '${{{TOKEN}}}'\n",
    ],
    ids=["key", "kind", "version", "field", "tag", "alias", "variable"],
)
def test_a_token_in_a_strange_place_is_not_printed_either(tmp_path: Path, text: str) -> None:
    loaded = load_files(tmp_path, {"a.yaml": text}, path="a.yaml")
    assert loaded.problems
    assert TOKEN not in repr(loaded.problems)


def test_a_token_put_together_from_variables_is_refused(tmp_path: Path) -> None:
    project = PROJECT.replace("{}", f"{{variables: {{A: {TOKEN[:9]}, B: {TOKEN[9:]}}}}}")
    account = ACCOUNT.replace("workspace: acme", 'workspace: "${A}${B}"')
    loaded = load_files(tmp_path, {**PARTS, "reconciler.yaml": project, "account.yaml": account})
    assert [p.code for p in loaded.problems][-1:] != []
    assert "account.yaml:4:46 secret-value" in errors(loaded.problems)
    assert TOKEN not in repr(loaded)


def test_a_plain_value_in_a_secret_position_is_not_printed(tmp_path: Path) -> None:
    method = METHOD.replace("{file: secrets/bot.token}", "correct-horse")
    loaded = load_files(tmp_path, {**PARTS, "method.yaml": method})
    assert errors(loaded.problems) == ["method.yaml:4:61 secret-value"]
    assert "correct-horse" not in repr(loaded)


def test_odd_files_are_problems(tmp_path: Path) -> None:
    os.mkfifo(write(tmp_path, PARTS) / "pipe.yaml")
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere.yaml")
    write(
        tmp_path,
        {
            "large.yaml": b"#" * (1024 * 1024 + 1),
            "latin.yaml": "apiVersion: reconciler/v1 # é".encode("latin-1"),
            "wide.yaml": ACCOUNT.encode("utf-16"),
            "marked.yaml": b"\xef\xbb\xbf" + ACCOUNT.replace("name: acme", "name: b").encode(),
        },
    )
    loaded = load([str(tmp_path)], shipped_profiles=SHIPPED)
    assert errors(loaded.problems) == [
        "dangling.yaml:1:1 unreadable-file",
        "large.yaml:1:1 file-too-large",
        "latin.yaml:1:1 not-utf-8",
        "pipe.yaml:1:1 not-a-file",
        "wide.yaml:1:1 not-utf-8",
    ]
    assert [d.name for d in loaded.documents if d.file == "marked.yaml"] == ["b"]


@pytest.mark.parametrize("parser", ["libyaml", "pure"])
def test_lone_surrogates_do_not_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parser: str
) -> None:
    if parser == "pure":
        monkeypatch.setattr(marks, "FastParser", PureParser)
    account = ACCOUNT.replace("workspace: acme", 'workspace: "\\ud800"')
    loaded = load_files(tmp_path, {**PARTS, "account.yaml": account})
    assert [str(p.where).partition(":")[0] for p in loaded.problems] == ["account.yaml"]


def test_a_billion_laughs_in_a_project_is_one_problem(tmp_path: Path) -> None:
    lines = ["apiVersion: reconciler/v1", "kind: Account", "a0: &a0 [l, l, l, l, l, l, l, l, l]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    loaded = load_files(tmp_path, {**PARTS, "bomb.yaml": "\n".join(lines)})
    assert [p.code for p in loaded.problems] == ["yaml-too-many-nodes"]


SHAPES = st.sampled_from(
    [ACCOUNT, CONSUMER, METHOD, CONNECTION, PROJECT, "apiVersion: reconciler/v1\n", "kind: Account"]
)


@given(st.binary(max_size=120) | st.text(max_size=120).map(lambda t: t.encode("utf-8", "replace")))
@settings(max_examples=60, deadline=None)
@example(b"\xff\xfe")
@example(b"apiVersion: reconciler/v1\nkind: [x]\n")
@example(b"apiVersion: [reconciler/v1]\nkind: {}\n")
@example(b"apiVersion: reconciler/v1\nkind: Project\nspec: {environments: [], variables: 3}")
def test_loading_records_problems_and_never_raises(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), {"a.yaml": content}) / "a.yaml"
        loaded = load([str(file)], shipped_profiles=SHIPPED)
        assert loaded.problems
        assert all(p.cause and p.hint for p in loaded.problems)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A document of ours with a piece of it replaced by something else."""
    text = draw(SHAPES)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 12)))
    piece = draw(
        st.sampled_from(
            ["", "[", "{}", ": ", "- ", "\n", "*a", "&a ", "!!int ", "1", "null", "${A}", '"']
        )
        | st.text(max_size=4)
    )
    return text[:start] + piece + text[end:]


@given(damaged(), st.sampled_from(["a.yaml", "reconciler.yaml"]))
@settings(max_examples=150, deadline=None)
@example("apiVersion: reconciler/v1\nkind: Project\nspec: [${A}]", "reconciler.yaml")
@example(
    "apiVersion: reconciler/v1\nkind: Project\nspec: {environments: {a: 1}}", "reconciler.yaml"
)
@example(dedent(METHOD).replace("type: api-token", "type: [a]"), "a.yaml")
def test_no_damage_to_a_document_makes_loading_raise(text: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {name: text.encode("utf-8", "replace")})
        loaded = load([folder], shipped_profiles=SHIPPED)
        assert all(p.cause and p.hint for p in loaded.problems)


def test_values_equal_those_of_pyyaml_for_our_own_documents() -> None:
    for text in PARTS.values():
        [(body, _)] = marks.Builder(text, "a.yaml").documents()
        assert body == yaml.safe_load(text)


def test_a_line_break_at_the_end_of_a_name_does_not_get_through(tmp_path: Path) -> None:
    """Python's ``$`` matches before it, so only one of the two validators notices."""
    account = ACCOUNT.replace("{name: acme}", '{name: "acme\\n"}')
    loaded = load_files(tmp_path, {"account.yaml": account})
    assert errors(loaded.problems) == ["account.yaml:1:1 invalid-document"]
    assert "reconciler schema Account" in loaded.problems[0].hint


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "unreadable-file"),
        ("", None),
        ("- a list\n", "missing-field"),
        ("a: 1\na: 2\n", "duplicate-key"),
        ("kind: [", "yaml-syntax"),
    ],
    ids=["missing", "empty", "list", "duplicate", "syntax"],
)
def test_a_damaged_installation_is_a_problem_too(
    tmp_path: Path, content: str | None, code: str | None
) -> None:
    profile = tmp_path / "profile.yaml"
    if content is not None:
        profile.write_text(content, encoding="utf-8")
    project = write(tmp_path / "project", PARTS)
    loaded = load([str(project)], shipped_profiles={"ox": profile})
    assert loaded.profiles == {}
    assert code is None or code in {p.code for p in loaded.problems}
