"""Projects on disk: root, paths, environments, variables, profiles, digest."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.load import load
from reconciler.model.desired import Freeze, Limits
from reconciler.model.method import MethodKind
from reconciler.model.profile import LoginName, SelectionHome
from tests.unit.load.project_files import (
    ACCOUNT,
    CONNECTION,
    CONSUMER,
    METHOD,
    PARTS,
    PROJECT,
    REPOSITORY,
    SHIPPED,
    errors,
    load_files,
    write,
)

SETTINGS = {
    "limit below zero": ("{limits: {disconnects: -1}}", "3:30", "out-of-range"),
    "limit above 100": ("{limits: {removedPercent: 101}}", "3:33", "out-of-range"),
    "too many at once": ("{concurrency: 64}", "3:21", "out-of-range"),
    "freeze without reason": (
        "{freezes: [{from: 2026-12-20, to: 2027-01-05}]}",
        "3:18",
        "missing-field",
    ),
    "freeze backwards": (
        "{freezes: [{from: 2027-01-05, to: 2026-12-20, reason: x}]}",
        "3:41",
        "bad-date",
    ),
    "freeze on no day": (
        "{freezes: [{from: 2026-02-30, to: 2027-01-05, reason: x}]}",
        "3:25",
        "bad-date",
    ),
    "variable with a dash": ("{variables: {A-B: x}}", "3:20", "bad-name"),
    "variable is a number": ("{variables: {PORT: 80}}", "3:26", "wrong-type"),
    "environment in capitals": ("{environments: {PROD: {}}}", "3:23", "bad-name"),
    "defaults with a list of scopes": (
        "{defaults: {method: {scopes: [a]}}}",
        "3:28",
        "unknown-value",
    ),
}


@pytest.mark.parametrize(("spec", "place", "code"), SETTINGS.values(), ids=SETTINGS)
def test_a_wrong_setting_is_one_problem_at_its_place(
    tmp_path: Path, spec: str, place: str, code: str
) -> None:
    text = f"apiVersion: reconciler/v1\nkind: Project\nspec: {spec}\n"
    loaded = load_files(tmp_path, {**PARTS, "reconciler.yaml": text})
    assert errors(loaded.problems) == [f"reconciler.yaml:{place} {code}"]


def names(folder: Path, path: str = ".", **files: str) -> set[str]:
    return {f"{d.kind} {d.name}" for d in load_files(folder, files, path=path).documents}


def test_a_whole_project_loads_without_a_problem(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, PARTS)
    assert loaded.problems == ()
    assert len(loaded.documents) == 6
    assert loaded.settings.root == str(tmp_path)
    assert loaded.settings.files == 6
    assert loaded.covers_all
    assert loaded.paths == (".",)


def test_the_root_is_the_nearest_project_file_above_the_first_path(tmp_path: Path) -> None:
    files = {**PARTS, "teams/pay/more.yaml": ACCOUNT.replace("name: acme", "name: pay")}
    loaded = load_files(tmp_path, files, path="teams/pay/more.yaml")
    assert loaded.settings.root == str(tmp_path)
    assert loaded.paths == ("teams/pay/more.yaml",)
    assert not loaded.covers_all
    assert len(loaded.documents) == 7


def test_without_a_project_file_only_what_is_named_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": ACCOUNT, "b.yaml": "apiVersion: reconciler/v1\nkind: [", "c": ""})
    loaded = load([str(tmp_path / "a.yaml")], shipped_profiles=SHIPPED)
    assert loaded.problems == ()
    assert [d.name for d in loaded.documents] == ["acme"]
    assert loaded.settings.root == str(tmp_path)
    assert not loaded.covers_all


def test_several_paths_without_a_project_file_share_their_common_folder(tmp_path: Path) -> None:
    write(tmp_path, {"a/a.yaml": ACCOUNT, "b/b.yml": CONSUMER})
    loaded = load([str(tmp_path / "a"), str(tmp_path / "b")], shipped_profiles=SHIPPED)
    assert loaded.settings.root == str(tmp_path)
    assert loaded.paths == ("a", "b")
    assert {d.file for d in loaded.documents} == {"a/a.yaml", "b/b.yml"}


def test_no_path_means_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, PARTS)
    monkeypatch.chdir(tmp_path)
    assert load([], shipped_profiles=SHIPPED).covers_all


def test_nested_projects_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            **PARTS,
            "inner/reconciler.yaml": PROJECT,
            "inner/a.yaml": ACCOUNT,
            ".hidden/a.yaml": ACCOUNT,
            "node_modules/a.yaml": ACCOUNT,
            ".dot.yaml": ACCOUNT,
            "notes.txt": ACCOUNT,
        },
    )
    assert loaded.problems == ()
    assert len(loaded.documents) == 6


def test_other_peoples_yaml_is_passed_over(tmp_path: Path) -> None:
    loaded = load_files(
        tmp_path,
        {
            **PARTS,
            "bitbucket-pipelines.yml": "image: python\npipelines: {default: []}\n",
            "stack.yaml": "Resources: {A: !Ref B}\n",
            "chart.yaml": "a: {{ .Values.a }}\n",
            "twice.yaml": "a: 1\na: 2\n",
            "k8s.yaml": "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n",
        },
    )
    assert loaded.problems == ()
    assert len(loaded.documents) == 6


def test_a_foreign_document_beside_ours_is_a_problem(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {**PARTS, "account.yaml": ACCOUNT + "---\nimage: python\n"})
    assert errors(loaded.problems) == ["account.yaml:6:1 foreign-document"]


def test_a_project_without_any_document_is_a_problem(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"reconciler.yaml": PROJECT})
    assert [p.code for p in loaded.problems] == ["no-documents"]


def test_a_path_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    write(tmp_path, PARTS)
    with pytest.raises(UsageError) as raised:
        load([str(tmp_path / "acount.yaml")], shipped_profiles=SHIPPED)
    assert raised.value.hint == 'did you mean "account.yaml"?'


@pytest.mark.parametrize(
    ("second", "words"),
    [("elsewhere", "outside the project"), ("project/inner", "belongs to the project")],
    ids=["outside", "nested"],
)
def test_paths_of_two_projects_are_wrong_usage(tmp_path: Path, second: str, words: str) -> None:
    write(tmp_path / "project", {**PARTS, "inner/reconciler.yaml": PROJECT})
    write(tmp_path / "elsewhere", {"a.yaml": ACCOUNT})
    with pytest.raises(UsageError, match=words):
        load([str(tmp_path / "project"), str(tmp_path / second)], shipped_profiles=SHIPPED)


ENVIRONMENTS = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: shop}
spec:
  registry: {url: "sqlite:///one.db"}
  variables: {WS: acme, HOST: api.example}
  limits: {disconnects: 7, removedPercent: 5}
  freezes: [{from: 2026-12-20, to: 2027-01-05, reason: year end}]
  concurrency: 4
  hourlyRequests: 900
  leaseTtl: 90s
  environments:
    test:
      registry: {url: "sqlite:///${WS}.db"}
      variables: {WS: acme-test}
      limits: {disconnects: 0}
      freezes: [{from: "2026-12-01T08:00:00+02:00", to: 2026-12-02, reason: demo}]
    other:
      registry: {url: "sqlite:///${NOT_OURS}.db"}
"""
USING = ACCOUNT.replace("workspace: acme", 'workspace: "${WS}", apiUrl: "https://${HOST}/2.0"')


@pytest.mark.parametrize(
    ("env", "workspace", "registry"),
    [("", "acme", "one.db"), ("test", "acme-test", "acme-test.db")],
)
def test_an_environment_changes_variables_and_registry(
    tmp_path: Path, env: str, workspace: str, registry: str
) -> None:
    files = {**PARTS, "reconciler.yaml": ENVIRONMENTS, "account.yaml": USING}
    loaded = load_files(tmp_path, files, env=env)
    assert loaded.problems == ()
    account = next(d for d in loaded.documents if d.kind == "Account")
    assert account.body["spec"]["workspace"] == workspace
    assert account.body["spec"]["apiUrl"] == "https://api.example/2.0"
    assert str(account.mark("spec", "apiUrl")) == "account.yaml:4:63"
    assert loaded.settings.registry_url == f"sqlite:///{tmp_path}/{registry}"
    assert loaded.settings.environment == env


def test_settings_of_project_and_environment_come_together(tmp_path: Path) -> None:
    settings = load_files(tmp_path, {**PARTS, "reconciler.yaml": ENVIRONMENTS}, env="test").settings
    assert settings.limits == Limits(disconnects=0, removed_percent=5)
    assert settings.freezes == (
        Freeze(datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC), "year end"),
        Freeze(datetime(2026, 12, 1, 6, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC), "demo"),
    )
    assert settings.concurrency == 4
    assert settings.hourly_requests == 900
    assert settings.lease_ttl == timedelta(seconds=90)


def test_an_unknown_environment_is_wrong_usage_and_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load_files(tmp_path, {**PARTS, "reconciler.yaml": ENVIRONMENTS}, env="tset")
    assert raised.value.hint == 'did you mean "test"?; environments: other, test'


def test_an_environment_without_a_project_document_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment"):
        load_files(tmp_path, {"a.yaml": ACCOUNT}, env="test")


def test_a_broken_project_document_does_not_hide_its_environments(tmp_path: Path) -> None:
    text = ENVIRONMENTS.replace("concurrency: 4", "concurency: 4")
    files = {**PARTS, "reconciler.yaml": text, "account.yaml": USING}
    loaded = load_files(tmp_path, files, env="test")
    assert errors(loaded.problems) == ["reconciler.yaml:9:3 unknown-field"]


def test_an_unreadable_project_file_is_a_problem_and_not_wrong_usage(tmp_path: Path) -> None:
    files = {**PARTS, "reconciler.yaml": "apiVersion: reconciler/v1\nkind: ["}
    loaded = load_files(tmp_path, files, env="test")
    assert [p.code for p in loaded.problems] == ["yaml-syntax"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "sqlite:///{root}/.reconciler/registry.db"),
        ("sqlite:///r.db", "sqlite:///{cwd}/r.db"),
        ("sqlite:////srv/r.db", "sqlite:////srv/r.db"),
        ("postgresql://db.example/r", "postgresql://db.example/r"),
    ],
    ids=["default", "relative", "absolute", "postgresql"],
)
def test_the_registry_of_the_command_line_is_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    write(tmp_path / "project", PARTS)
    monkeypatch.chdir(tmp_path)
    loaded = load(["project"], registry_url=given, shipped_profiles=SHIPPED)
    url = expected.format(root=tmp_path / "project", cwd=tmp_path)
    assert loaded.settings.registry_url == url


def test_an_unknown_variable_is_one_problem_at_its_place(tmp_path: Path) -> None:
    files = {
        **PARTS,
        "reconciler.yaml": ENVIRONMENTS,
        "account.yaml": USING.replace("HOST", "HSOT"),
    }
    loaded = load_files(tmp_path, files)
    [problem] = loaded.problems
    assert str(problem.where) == "account.yaml:4:63"
    assert problem.code == "unknown-variable"
    assert problem.hint.startswith('did you mean "HOST"?')


def test_a_variable_that_is_never_closed_is_a_problem(tmp_path: Path) -> None:
    account = ACCOUNT.replace("workspace: acme", 'workspace: "${WS"')
    loaded = load_files(tmp_path, {**PARTS, "account.yaml": account})
    assert errors(loaded.problems) == ["account.yaml:4:46 unclosed-variable"]


def test_two_dollars_write_the_characters_themselves(tmp_path: Path) -> None:
    connection = CONNECTION.replace(
        "repositories: payments", 'repositories: payments, adopt: "$${A}"'
    )
    loaded = load_files(tmp_path, {**PARTS, "connection.yaml": connection})
    assert loaded.problems == ()
    document = next(d for d in loaded.documents if d.kind == "Connection")
    assert document.body["spec"]["adopt"] == "${A}"


def test_variables_of_the_process_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "api.example")
    loaded = load_files(tmp_path, {**PARTS, "account.yaml": USING})
    assert [p.code for p in loaded.problems] == ["unknown-variable", "unknown-variable"]


def test_a_project_document_belongs_into_the_project_file(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {**PARTS, "other.yaml": PROJECT})
    assert errors(loaded.problems) == ["other.yaml:1:1 misplaced-project"]


def test_the_digest_binds_what_is_said_and_not_how_it_is_laid_out(tmp_path: Path) -> None:
    one = load_files(tmp_path / "one", PARTS)
    joined = "# a comment\n" + "---\n".join(
        text for n, text in PARTS.items() if n != "reconciler.yaml"
    )
    reordered = joined.replace(
        "{provider: bitbucket-cloud, workspace: acme}",
        "{workspace: acme, provider: bitbucket-cloud}",
    )
    two = load_files(tmp_path / "two", {"reconciler.yaml": PROJECT, "all.yml": reordered})
    other = load_files(tmp_path / "three", {**PARTS, "method.yaml": METHOD.replace("bot@", "bat@")})
    assert one.digest == two.digest
    assert one.digest != other.digest


def test_the_shipped_profile_of_ox_says_what_its_pages_say(tmp_path: Path) -> None:
    ox = load_files(tmp_path, PARTS).profiles["ox"]
    assert ox.adapter == "ox"
    assert ox.selection is SelectionHome.CONSUMER
    assert ox.several_accounts
    token = ox.rule("bitbucket-cloud", MethodKind.API_TOKEN)
    assert token is not None
    assert len(token.required_scopes) == 17
    assert token.login is LoginName.EMAIL
    assert token.max_age == timedelta(days=365)
    assert token.host_url == "https://api.bitbucket.org/2.0"
    assert token.source.url.startswith("https://docs.ox.security/")
    retired = ox.rule("bitbucket-cloud", MethodKind.APP_PASSWORD)
    assert retired is not None
    assert retired.replacement is MethodKind.API_TOKEN
    assert set(ox.kinds("bitbucket-cloud")) == {
        MethodKind.OAUTH_APP,
        MethodKind.IDENTITY_PROVIDER,
        MethodKind.API_TOKEN,
    }


def test_a_profile_of_ones_own_may_not_take_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    profile = SHIPPED["ox"].read_text(encoding="utf-8")
    loaded = load_files(tmp_path, {**PARTS, "profile.yaml": profile})
    assert errors(loaded.problems) == ["profile.yaml:5:9 duplicate-name"]
    renamed = profile.replace("  name: ox", "  name: mine")
    loaded = load_files(tmp_path, {**PARTS, "profile.yaml": renamed})
    assert set(loaded.profiles) == {"ox", "mine"}


@pytest.mark.parametrize(
    "example",
    ["ox-azure-devops", "ox-bitbucket-cloud", "sourcegraph-data-center", "two-accounts"],
)
@pytest.mark.parametrize("env", ["", "sandbox"])
def test_every_example_loads_without_a_problem(example: str, env: str) -> None:
    folder = REPOSITORY / "examples" / example
    assert load([str(folder)], env=env, shipped_profiles=SHIPPED).problems == ()


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, {**PARTS, "closed/a.yaml": ACCOUNT})
    (tmp_path / "closed").chmod(0)
    (tmp_path / "account.yaml").chmod(0)
    try:
        loaded = load([str(tmp_path)], shipped_profiles=SHIPPED)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert errors(loaded.problems) == [
        "account.yaml:1:1 unreadable-file",
        "closed:1:1 unreadable-folder",
    ]
