"""Documents → desired state: references, defaults, places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.errors import Severity
from reconciler.load import load
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredConnection, DesiredState
from reconciler.model.method import ActionKind, MethodKind, Missing, NewRepositories
from reconciler.model.secret import SecretRef
from reconciler.providers import specs
from reconciler.resolve import resolve
from tests.builders import NOW
from tests.unit.load.project_files import (
    ACCOUNT,
    CONNECTION,
    METHOD,
    PARTS,
    REPOSITORY,
    SELECTION,
    SHIPPED,
)
from tests.unit.resolve.provider_spec import PROVIDERS, state_of

NAME = ConnectionAddress("ox-acme")
READER = "reader: {type: access-token, level: workspace, secret: {env: READER}}"


def only(state: DesiredState) -> DesiredConnection:
    return state.connections[NAME]


def test_the_page_of_the_design_resolves_as_written(tmp_path: Path) -> None:
    text = """\
# yaml-language-server: $schema=../schemas/v1/reconciler.schema.json
apiVersion: reconciler/v1
kind: Account
metadata: {name: acme}
spec: {provider: bitbucket-cloud, workspace: acme, reader: {type: access-token, level: workspace, secret: {env: ACME_READER_TOKEN}}}
---
apiVersion: reconciler/v1
kind: Consumer
metadata: {name: ox-prod}
spec: {profile: ox, credential: {env: OX_API_KEY}}
---
apiVersion: reconciler/v1
kind: Method
metadata: {name: ox-bot-token}
spec: {type: api-token, username: ox-bot@acme.example, secret: {file: secrets/ox-bot.token}, scopes: profile, maxAge: 365d, rotateBefore: 30d}
---
apiVersion: reconciler/v1
kind: RepositorySelection
metadata: {name: payments}
spec:
  include: [{project: PAY}, {name: "shared-*"}]
  exclude: [{name: payments-archive}]
  where: {archived: false, fork: false}
  newRepositories: include        # or ignore
  missing: orphan                 # or remove, error
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: ox-acme, labels: {team: appsec}}
spec: {consumer: ox-prod, account: acme, method: ox-bot-token, repositories: payments, manage: [connect, rescope, rotate], protect: true}
"""  # noqa: E501  the very words of the design page
    (tmp_path / "all.yaml").write_text(text, encoding="utf-8")
    loaded = load([str(tmp_path)], shipped_profiles=SHIPPED)
    state, problems = resolve(loaded, PROVIDERS)
    assert (loaded.problems, problems) == ((), ())
    assert state is not None
    connection = only(state)
    assert connection.labels == {"team": "appsec"}
    assert connection.protect
    assert connection.selection.new_repositories is NewRepositories.INCLUDE
    assert connection.selection.missing is Missing.ORPHAN
    assert [str(term) for term in connection.selection.include] == [
        "project: PAY",
        "name: shared-*",
    ]
    assert connection.account.reader is not None
    assert connection.account.reader.scopes == ()
    assert state.covers("all.yaml")


@pytest.mark.parametrize(
    "example",
    ["ox-azure-devops", "ox-bitbucket-cloud", "sourcegraph-data-center", "two-accounts"],
)
@pytest.mark.parametrize("env", ["", "sandbox"])
def test_every_example_resolves_without_a_problem(example: str, env: str) -> None:
    """With the providers as they are: what is announced for them may be said, and nothing else."""
    folder = REPOSITORY / "examples" / example
    loaded = load([str(folder)], env=env, shipped_profiles=SHIPPED)
    state, problems = resolve(loaded, specs(), now=NOW)
    assert {(p.code, p.severity) for p in problems} <= {("announced-end", Severity.WARNING)}
    assert state is not None
    assert state.connections


def test_what_is_left_out_is_filled_in(tmp_path: Path) -> None:
    connection = only(state_of(tmp_path))
    assert connection.account.api_url == "https://api.bitbucket.org/2.0"
    assert connection.consumer.endpoint == "https://api.cloud.ox.security/api/apollo-gateway"
    assert connection.manage == {ActionKind.CONNECT, ActionKind.RESCOPE, ActionKind.ROTATE}
    assert not connection.protect
    assert connection.adopt == ""
    assert connection.method.level == "user"
    assert connection.method.max_age is None
    assert connection.method.rotate_before == timedelta(days=30)
    assert connection.method.scopes == connection.rule.required_scopes
    assert len(connection.method.scopes) == 17
    assert connection.selection.missing is Missing.ORPHAN


SECRETS = {
    "file": (
        "{file: secrets/bot.token}",
        ("file", ("{root}/secrets/bot.token",)),
        ("file", ("{root}/secrets/bot.token.next",)),
    ),
    "file above": (
        "{file: ../bot.token}",
        ("file", ("{above}/bot.token",)),
        ("file", ("{above}/bot.token.next",)),
    ),
    "absolute file": ("{file: /run/bot}", ("file", ("/run/bot",)), ("file", ("/run/bot.next",))),
    "variable": ("{env: BOT}", ("env", ("BOT",)), ("env", ("BOT_NEXT",))),
    "command": ("{exec: [pass, show, bot]}", ("exec", ("pass", "show", "bot")), None),
}


@pytest.mark.parametrize(("written", "secret", "successor"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_a_reference_and_its_successor_is_derived(
    tmp_path: Path,
    written: str,
    secret: tuple[str, tuple[str, ...]],
    successor: tuple[str, tuple[str, ...]] | None,
) -> None:
    text = METHOD.replace("{file: secrets/bot.token}", written)
    method = only(state_of(tmp_path, {"method.yaml": text})).method

    def placed(source: str, location: tuple[str, ...]) -> SecretRef:
        fill = {"root": tmp_path, "above": tmp_path.parent}
        return SecretRef(source, tuple(word.format(**fill) for word in location))

    assert method.secret == placed(*secret)
    assert method.successor == (placed(*successor) if successor else None)
    assert method.secret is not None
    assert str(method.secret.where) == "method.yaml:4:53"


def test_a_successor_of_ones_own_wins(tmp_path: Path) -> None:
    text = METHOD.replace("secret:", "successor: {env: OTHER}, secret:")
    assert only(state_of(tmp_path, {"method.yaml": text})).method.successor == SecretRef(
        "env", ("OTHER",)
    )


@pytest.mark.parametrize(
    ("fields", "rotate_before"),
    [
        ("maxAge: 365d", timedelta(days=30)),
        ("maxAge: 30d", timedelta(days=10)),
        ("maxAge: 12h", timedelta(hours=4)),
        ("maxAge: 365d, rotateBefore: 45d", timedelta(days=45)),
    ],
)
def test_rotation_begins_in_time_whatever_the_age(
    tmp_path: Path, fields: str, rotate_before: timedelta
) -> None:
    text = METHOD.replace("secret:", f"{fields}, secret:")
    assert only(state_of(tmp_path, {"method.yaml": text})).method.rotate_before == rotate_before


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2027-03-19", datetime(2027, 3, 19, tzinfo=UTC)),
        ("2027-03-19T08:00:00Z", datetime(2027, 3, 19, 8, tzinfo=UTC)),
        ("'2027-03-19T08:00+02:00'", datetime(2027, 3, 19, 6, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_moment_in_utc(tmp_path: Path, written: str, moment: datetime) -> None:
    text = METHOD.replace("secret:", f"expiresAt: {written}, secret:")
    assert only(state_of(tmp_path, {"method.yaml": text})).method.expires_at == moment


def test_parts_may_stand_inline_and_get_names_nobody_else_can_have(tmp_path: Path) -> None:
    text = CONNECTION.replace("method: bot", "method: {type: oauth-app}").replace(
        "repositories: payments", "repositories: {all: true, missing: error}"
    )
    connection = only(state_of(tmp_path, {"connection.yaml": text}))
    assert connection.method.name == "ox-acme/method"
    assert connection.method.kind is MethodKind.OAUTH_APP
    assert connection.method.scopes == ()
    assert connection.method.secret is None
    assert connection.selection.name == "ox-acme/repositories"
    assert connection.selection.everything
    assert connection.selection.missing is Missing.ERROR
    assert str(connection.method.where) == "connection.yaml:4:42"


@pytest.mark.parametrize("reader", [READER, "reader: shared-reader"], ids=["inline", "by name"])
def test_an_account_has_its_own_reader(tmp_path: Path, reader: str) -> None:
    shared = METHOD.replace("{name: bot}", "{name: shared-reader}").replace(
        "type: api-token, username: bot@acme.example, secret: {file: secrets/bot.token}",
        "type: access-token, level: workspace, secret: {env: READER}",
    )
    account = ACCOUNT.replace("workspace: acme", f"workspace: acme, projects: [PAY], {reader}")
    files = {"account.yaml": account, "shared.yaml": shared}
    found = state_of(tmp_path, files).accounts["acme"]
    assert found.reader is not None
    assert found.reader.kind is MethodKind.ACCESS_TOKEN
    assert found.reader.level == "workspace"
    assert found.reader.secret == SecretRef("env", ("READER",))
    assert found.projects == ("PAY",)


def test_addresses_are_written_one_way(tmp_path: Path) -> None:
    account = ACCOUNT.replace(
        "workspace: acme", 'workspace: acme, apiUrl: "https://API.Bitbucket.org/2.0/"'
    )
    assert only(state_of(tmp_path, {"account.yaml": account})).account.api_url == (
        "https://api.bitbucket.org/2.0"
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765/2.0", "http://localhost:1", "http://[::1]:8/x"]
)
def test_plain_http_is_for_loopback(tmp_path: Path, url: str) -> None:
    account = ACCOUNT.replace("workspace: acme", f'workspace: acme, apiUrl: "{url}"')
    assert only(state_of(tmp_path, {"account.yaml": account})).account.api_url == url


DEFAULTS = """\
apiVersion: reconciler/v1
kind: Project
spec:
  defaults:
    method: {maxAge: 90d, rotateBefore: 20d}
    selection: {where: {archived: false}, missing: error}
    connection: {manage: [connect], protect: true, labels: {team: appsec, tier: one}}
"""


def test_defaults_of_the_project_fill_in_and_own_fields_win(tmp_path: Path) -> None:
    connection = CONNECTION.replace(
        "name: ox-acme}", "name: ox-acme, labels: {tier: two}}"
    ).replace("repositories: payments", "repositories: payments, protect: false")
    selection = SELECTION.replace("include:", "missing: remove, include:")
    files = {
        "reconciler.yaml": DEFAULTS,
        "connection.yaml": connection,
        "selection.yaml": selection,
    }
    found = only(state_of(tmp_path, files))
    assert found.method.max_age == timedelta(days=90)
    assert found.method.rotate_before == timedelta(days=20)
    assert found.selection.archived is False
    assert found.selection.missing is Missing.REMOVE
    assert found.manage == {ActionKind.CONNECT}
    assert not found.protect
    assert found.labels == {"team": "appsec", "tier": "two"}
    assert str(found.mark("manage")) == "reconciler.yaml:7:18"
    assert str(found.mark("protect")) == "connection.yaml:4:88"
    assert str(found.method.marks["maxAge"]) == "reconciler.yaml:5:22"


def test_defaults_for_secrets_are_not_for_browser_grants(tmp_path: Path) -> None:
    text = CONNECTION.replace("method: bot", "method: {type: oauth-app}")
    files = {"reconciler.yaml": DEFAULTS, "connection.yaml": text}
    assert only(state_of(tmp_path, files)).method.max_age is None


def test_every_part_of_a_connection_has_a_place(tmp_path: Path) -> None:
    connection = only(state_of(tmp_path))
    assert {part: str(place) for part, place in connection.marks.items()} == {
        "consumer": "connection.yaml:4:18",
        "account": "connection.yaml:4:36",
        "method": "connection.yaml:4:50",
        "repositories": "connection.yaml:4:69",
        "manage": "connection.yaml:4:1",
        "protect": "connection.yaml:4:1",
        "adopt": "connection.yaml:4:1",
        "scopes": "method.yaml:4:1",
        "secret": "method.yaml:4:53",
        "username": "method.yaml:4:35",
        "expiresAt": "method.yaml:4:1",
        "maxAge": "method.yaml:4:1",
        "level": "method.yaml:4:1",
        "type": "method.yaml:4:14",
        "target": "method.yaml:4:1",
        "issuer": "method.yaml:4:1",
        "version": "method.yaml:4:1",
        "overlap": "method.yaml:4:1",
        "webhooks": "connection.yaml:4:1",
        "include": "selection.yaml:4:28",
    }
    assert len(connection.marks) == 20
    assert connection.mark("nothing") == connection.where
    assert str(connection.where) == "connection.yaml:1:1"
    with pytest.raises(KeyError):
        connection.method.marks["nothing"]
    assert len(connection.method.marks) == len(list(connection.method.marks))


def test_the_digest_of_a_selection_is_its_meaning(tmp_path: Path) -> None:
    def digest(number: int, spec: str) -> str:
        text = SELECTION.replace("include: [{project: PAY}]", spec)
        return only(state_of(tmp_path / str(number), {"selection.yaml": text})).selection.digest

    base = digest(0, "include: [{name: a}, {project: B}]")
    assert digest(1, "include: [{project: B}, {name: a}]") == base
    assert digest(2, "include: [{project: B}, {name: a}], missing: remove") == base
    assert digest(3, "include: [{project: a}, {name: B}]") != base
    assert digest(4, "include: [{name: a}, {project: B}], newRepositories: ignore") != base
    assert digest(5, "include: [{name: a}, {project: B}], exclude: [{name: c}]") != base
    assert digest(6, "include: [{name: a}, {project: B}], where: {fork: false}") != base
    assert digest(7, "all: true") != base


def test_paths_say_which_files_are_planned(tmp_path: Path) -> None:
    state_of(tmp_path)
    loaded = load([str(tmp_path / "connection.yaml")], shipped_profiles=SHIPPED)
    state, problems = resolve(loaded, PROVIDERS)
    assert problems == ()
    assert state is not None
    assert state.paths == ("connection.yaml",)
    assert state.covers("connection.yaml")
    assert not state.covers("account.yaml")
    assert state.digest == loaded.digest


def test_connections_stand_in_the_order_of_their_addresses(tmp_path: Path) -> None:
    other = CONNECTION.replace("name: ox-acme", "name: a-first").replace(
        "method: bot", "method: {type: oauth-app}"
    )
    former = other.replace("name: a-first}", "name: a-first, previously: [b-second]}")
    state = state_of(tmp_path, {"z.yaml": former})
    assert [address.name for address in state.connections] == ["a-first", "ox-acme"]
    first = state.connections[ConnectionAddress("a-first")]
    assert first.previously == (ConnectionAddress("b-second"),)
    assert set(PARTS) >= {"connection.yaml"}
