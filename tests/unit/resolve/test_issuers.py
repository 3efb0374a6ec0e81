"""Methods whose credentials an API makes: who may make them, for what, and for one alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Problem, Severity
from reconciler.model.desired import DesiredState
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.ports.capability import Can, Cannot, Capability
from reconciler.ports.provider import Announcement, ProviderSpec
from reconciler.resolve import resolve
from tests.unit.load.project_files import (
    ACCOUNT,
    CONNECTION,
    CONSUMER,
    PARTS,
    errors,
    load_files,
    said,
)
from tests.unit.load.project_files import METHOD as API_TOKEN
from tests.unit.resolve.own_profile import PROFILE
from tests.unit.resolve.provider_spec import CLOUD, SERVER

_CHECKED = date(2026, 11, 21)
ACME = ACCOUNT.replace(
    "bitbucket-cloud, ", 'bitbucket-data-center, apiUrl: "https://git.example", '
)
METHOD = API_TOKEN.replace("api-token", "http-access-token").replace("bot@acme.example", "bot")
ISSUER = "issuer: {type: password, username: bot, secret: {env: BOT_PASSWORD}}"
MAKES = replace(
    SERVER,
    abilities={Capability.ISSUE: Can("https://provider.example/rest", _CHECKED)},
    issuers=(IssuerKind.PASSWORD,),
)
MAKES_NONE = replace(
    SERVER,
    abilities={
        Capability.ISSUE: Cannot("https://provider.example/rest", _CHECKED, "a person makes it")
    },
)
ISSUED = METHOD.replace("secret:", f"{ISSUER}, secret:")


PROJECT = {
    **PARTS,
    "account.yaml": ACME,
    "consumer.yaml": CONSUMER.replace("profile: ox", "profile: mine"),
    "method.yaml": METHOD,
    "profile.yaml": PROFILE.replace("severalAccounts: false", "severalAccounts: true"),
}


def issued(*changes: tuple[str, str], more: str = "") -> dict[str, str]:
    text = ISSUED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {"method.yaml": text.replace("spec: {", f"spec: {{{more}{', ' if more else ''}")}


def resolved(
    folder: Path, changed: Mapping[str, str], spec: ProviderSpec = MAKES, **more: Any
) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    loaded = load_files(folder, {**PROJECT, **changed})
    assert loaded.problems == ()
    return resolve(loaded, {CLOUD.name: CLOUD, spec.name: spec}, **more)


def second(method: str = "bot", **changes: str) -> dict[str, str]:
    text = CONNECTION.replace("name: ox-acme", "name: ox-two").replace(
        "method: bot", f"method: {method}"
    )
    return {"second.yaml": text.replace("account: acme", f"account: {changes.get('account', 'b')}")}


OTHER_ACCOUNT = {
    "b.yaml": ACME.replace("name: acme", "name: b").replace("workspace: acme", "workspace: b")
}


def test_an_issuer_is_read_with_its_defaults(tmp_path: Path) -> None:
    state, problems = resolved(tmp_path, issued())
    assert problems == ()
    assert state is not None
    (connection,) = state.connections.values()
    method = connection.method
    assert method.issuer is not None
    assert (method.issuer.kind, method.issuer.username) == (
        IssuerKind.PASSWORD,
        "bot",
    )
    assert method.issuer.secret.location == ("BOT_PASSWORD",)
    assert (method.version, method.overlap) == (1, timedelta(hours=1))


def test_version_and_overlap_are_the_methods_own(tmp_path: Path) -> None:
    state, _ = resolved(tmp_path, issued(more="version: 3, overlap: 2d"))
    assert state is not None
    (connection,) = state.connections.values()
    assert (connection.method.version, connection.method.overlap) == (3, timedelta(days=2))


CASES: dict[str, tuple[Mapping[str, str], ProviderSpec, str, str]] = {
    "a provider that makes none": (
        issued(),
        MAKES_NONE,
        "cannot-issue",
        "leave `issuer` out: a person makes it",
    ),
    "a way to sign in that is not let in": (
        issued(("type: password", "type: bearer")),
        MAKES,
        "issuer-not-accepted",
        "use password",
    ),
    "a project's credential without the project": (
        issued(more="level: project"),
        MAKES,
        "missing-target",
        "add `target: KEY`",
    ),
    "a project's credential in a repository": (
        issued(more="level: project, target: PAY/api"),
        MAKES,
        "bad-target",
        "write KEY for `level: project`",
    ),
    "a repository's credential in a project": (
        issued(more="level: repository, target: PAY"),
        MAKES,
        "bad-target",
        "KEY/slug for `level: repository`",
    ),
    "a user's credential made by somebody else": (
        issued(("password, username: bot", "password, username: ada")),
        MAKES,
        "issuer-not-owner",
        "sign the issuer in as the user",
    ),
}


@pytest.mark.parametrize(("changed", "spec", "code", "hint"), CASES.values(), ids=CASES)
def test_what_cannot_be_issued_is_said_with_its_mend(
    tmp_path: Path, changed: Mapping[str, str], spec: ProviderSpec, code: str, hint: str
) -> None:
    state, problems = resolved(tmp_path, changed, spec)
    found = [p for p in problems if p.code == code]
    assert [p.where.file for p in found if p.where] == ["method.yaml"]
    assert hint in found[0].hint
    assert state is None


def test_a_project_has_no_owner_that_the_issuer_could_fail_to_be(tmp_path: Path) -> None:
    changed = issued(
        ("password, username: bot", "password, username: ada"),
        more="level: project, target: PAY",
    )
    _, problems = resolved(tmp_path, changed)
    assert "issuer-not-owner" not in [p.code for p in problems]


class TestSharing:
    """What is issued is rotated, and a rotation must not end somebody else's access."""

    def test_two_connections_by_one_issued_method(self, tmp_path: Path) -> None:
        _, problems = resolved(tmp_path, {**issued(), **second(), **OTHER_ACCOUNT})
        assert errors(problems) == ["second.yaml:4:47 shared-issued-secret"]
        assert "connection.ox-two and connection.ox-acme share" in problems[0].cause
        assert "a secret of its own" in problems[0].hint

    def test_two_connections_by_one_method_that_a_person_makes(self, tmp_path: Path) -> None:
        _, problems = resolved(tmp_path, {**second(), **OTHER_ACCOUNT})
        assert errors(problems) == []

    @pytest.mark.parametrize(
        "secret",
        ["secrets/bot.token", "secrets/bot.token.next"],
        ids=["secret", "successor"],
    )
    def test_one_that_a_person_makes_in_the_places_of_one_that_is_issued(
        self, tmp_path: Path, secret: str
    ) -> None:
        mine = METHOD.replace("name: bot", "name: own").replace("secrets/bot.token", secret)
        files = {**issued(), "own.yaml": mine, **second("own"), **OTHER_ACCOUNT}
        _, problems = resolved(tmp_path, files)
        assert errors(problems) == ["second.yaml:4:47 shared-issued-secret"]

    def test_the_reader_of_an_account(self, tmp_path: Path) -> None:
        account = ACME.replace("workspace: acme", "workspace: acme, reader: own")
        own = METHOD.replace("name: bot", "name: own")
        _, problems = resolved(tmp_path, {**issued(), "account.yaml": account, "own.yaml": own})
        assert errors(problems) == ["connection.yaml:4:50 shared-issued-secret"]
        assert "the reader of account 'acme'" in problems[0].cause

    @pytest.mark.parametrize(
        ("place", "whose"),
        [("BOT_PASSWORD", "the issuer of 'bot'"), ("OX_API_KEY", "consumer 'ox-prod'")],
        ids=["issuer", "consumer"],
    )
    @pytest.mark.parametrize("part", ["secret", "successor"])
    def test_what_we_sign_in_with_ourselves(
        self, tmp_path: Path, place: str, whose: str, part: str
    ) -> None:
        """A new token would be written over it."""
        secret = "secret: {file: secrets/bot.token}"
        with_place = f"secret: {{env: {place}}}"
        if part == "successor":
            with_place = f"{secret}, successor: {{env: {place}}}"
        _, problems = resolved(tmp_path, issued((secret, with_place)))
        assert errors(problems) == ["connection.yaml:4:50 shared-issued-secret"]
        assert whose in problems[0].cause

    def test_one_issuer_for_many_is_what_issuers_are_for(self, tmp_path: Path) -> None:
        other = ISSUED.replace("name: bot", "name: own").replace("bot.token", "own.token")
        files = {**issued(), "own.yaml": other, **second("own"), **OTHER_ACCOUNT}
        _, problems = resolved(tmp_path, files)
        assert errors(problems) == []


class TestAnnounced:
    END = Announcement(
        date(2027, 3, 1),
        (MethodKind.HTTP_ACCESS_TOKEN,),
        "such tokens end",
        "https://provider.example/end",
    )

    def warned(self, folder: Path, changed: Mapping[str, str], now: datetime | None) -> list[str]:
        _, problems = resolved(folder, changed, replace(MAKES, announced=(self.END,)), now=now)
        return [said(p) for p in problems if p.severity is Severity.WARNING]

    @pytest.mark.parametrize(
        ("now", "count"),
        [
            (datetime(2026, 11, 21, tzinfo=UTC), 1),
            (datetime(2026, 3, 1, tzinfo=UTC), 1),
            (datetime(2026, 2, 28, tzinfo=UTC), 0),
            (None, 0),
        ],
        ids=["near", "a-year-ahead", "longer-ahead", "no-clock"],
    )
    def test_an_end_is_said_a_year_ahead(
        self, tmp_path: Path, now: datetime | None, count: int
    ) -> None:
        assert len(self.warned(tmp_path, {}, now)) == count

    def test_what_an_issuer_makes_is_not_concerned(self, tmp_path: Path) -> None:
        assert self.warned(tmp_path, issued(), datetime(2026, 11, 21, tzinfo=UTC)) == []
