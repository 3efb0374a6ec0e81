"""`reconciler registry …` on a real registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.model.address import ConnectionAddress
from reconciler.registry.sqlite import SqliteRegistry
from tests.contract.registry_bench import a_change, a_record, an_operation

Run = Callable[..., Result]
NIGHTLY = ConnectionAddress("nx-acme")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("RECONCILER_REGISTRY", "RECONCILER_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / ".reconciler" / "registry.db"


@pytest.fixture
def run(path: Path) -> Run:
    def invoke(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["registry", *words])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def store(path: Path) -> Iterator[SqliteRegistry]:
    """One connection in order, one begun and waiting for a person."""
    with closing(SqliteRegistry(path)) as opened:
        hour = timedelta(hours=1)
        lease = opened.acquire("apply", "runner-1", hour, datetime.now(UTC))
        opened.commit(a_change(record=a_record(), environment="prod"), lease)
        opened.commit(a_change(NIGHTLY, operation=an_operation(NIGHTLY)), lease)
        opened.release(lease)
        yield opened


def test_an_empty_registry_is_said_to_be_and_stays_away(run: Run, path: Path) -> None:
    assert run("list").stdout == "The registry is empty: nothing was applied yet.\n"
    assert run("history").stdout == "Nothing was applied yet.\n"
    assert run("lock").stdout == "Nothing is recorded, so nothing was locked.\n"
    assert run("unlock", "--all").stdout == "No lease is held.\n"
    assert not path.parent.exists()


def test_list_shows_records_operations_and_leases(run: Run, store: SqliteRegistry) -> None:
    store.acquire("connection.ox-acme", "ana\x1b[2J", timedelta(hours=1), datetime.now(UTC))
    lines = run("list").stdout.splitlines()
    assert lines[0] == f"Registry {store.snapshot().lineage} of environment prod, serial 2"
    assert lines[3].split() == [
        *("connection.ox-acme", "ox-prod", "acme", "api-token", "2", "2027-03-19T08:00:00Z", "-"),
    ]
    assert lines[4].split() == ["connection.nx-acme", "-", "-", "-", "-", "-", "rotate", "waiting"]
    assert "ana\\x1b[2J" in lines[7]


def test_list_as_json(run: Run, store: SqliteRegistry) -> None:
    found = json.loads(run("list", "--format", "json").stdout)
    assert found["lineage"] == store.snapshot().lineage
    assert [record["address"] for record in found["records"]] == ["connection.ox-acme"]
    assert found["begun"] == [{"address": "connection.nx-acme", "operation": "rotate waiting"}]
    assert found["leases"] == []


@pytest.mark.usefixtures("store")
def test_show_shows_one_record(run: Run) -> None:
    assert "pay-api" in run("show", "ox-acme").stdout
    found = json.loads(run("show", "connection.ox-acme", "--format", "json").stdout)
    assert found["live_id"] == "conn-17"


@pytest.mark.usefixtures("store")
def test_show_of_an_unknown_name_says_which_are_known(run: Run) -> None:
    said = run("show", "ox-acne", code=64).stderr
    assert "no connection 'ox-acne' is recorded" in said
    assert 'did you mean "ox-acme"?' in said


def test_history_shows_all_or_one(run: Run, store: SqliteRegistry) -> None:
    lines = run("history").stdout.splitlines()
    assert lines[0].split() == ["SEQ", "AT", "WHO", "ADDRESS", "ACTION", "COMMIT", "SUMMARY"]
    assert len(lines) == 3
    assert "ana@example.org" in lines[1]
    found = json.loads(run("history", "nx-acme", "--format", "json").stdout)["entries"]
    assert [entry["seq"] for entry in found] == [2]
    assert found[0]["digest"] == store.history(None)[1].digest


def test_lock_holds_every_connection_until_unlock(run: Run, store: SqliteRegistry) -> None:
    said = run("lock", "--for", "30m").stdout
    assert "connection.nx-acme is locked until" in said
    assert {lease.name for lease in store.leases()} == {"connection.nx-acme", "connection.ox-acme"}
    assert all(lease.holder.startswith("lock by ") for lease in store.leases())
    run("unlock", "ox-acme")
    assert [lease.name for lease in store.leases()] == ["connection.nx-acme"]
    assert "connection.nx-acme was taken from lock by " in run("unlock", "--all").stdout
    assert store.leases() == ()


def test_lock_takes_all_or_nothing(run: Run, store: SqliteRegistry) -> None:
    held = store.acquire("connection.ox-acme", "runner-7", timedelta(hours=1), datetime.now(UTC))
    said = run("lock", code=1).stderr
    assert "held by runner-7" in said
    assert "reconciler registry unlock connection.ox-acme" in said
    assert store.leases() == (held,)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("unlock", "ox-acme"), "no lease is held", id="nothing held"),
        pytest.param(("unlock",), "say which lease", id="no name"),
        pytest.param(("unlock", "ox-acme", "--all"), "say which lease", id="name and all"),
        pytest.param(("lock", "--for", "soon"), "write 30m, 8h or 2d", id="no duration"),
        pytest.param(("lock", "OX ACME"), "not a connection name", id="no name"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in run(*words, code=64).stderr


def test_backup_and_restore(run: Run, store: SqliteRegistry, tmp_path: Path, path: Path) -> None:
    assert run("backup", "copy.db").stdout == "The registry was copied to copy.db\n"
    assert "never overwrites" in run("backup", "copy.db", code=1).stderr
    lease = store.acquire("x", "runner-1", timedelta(hours=1), datetime.now(UTC))
    store.commit(a_change(expected=1, forget=True), lease)
    assert "runner-1 holds the lease 'x'" in run("restore", "copy.db", code=1).stderr
    store.release(lease)
    said = run("restore", "copy.db").stdout
    assert "copy.db was restored; the registry is at serial 4" in said
    assert f"What it held before is in {path}.before-restore-3" in said
    assert store.snapshot().records == {a_record().address: replace(a_record(), serial=1)}


def test_the_registry_can_be_named_before_the_command(
    store: SqliteRegistry, path: Path, tmp_path: Path
) -> None:
    store.close()
    other = tmp_path / "elsewhere.db"
    path.rename(other)
    words = ["--registry", f"sqlite:///{other}", "registry", "list"]
    assert "connection.ox-acme" in CliRunner().invoke(cli, words).stdout


@pytest.mark.usefixtures("store")
def test_a_wrong_project_file_is_not_taken_for_an_empty_registry(run: Run, tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("kind: Project\nspec: {registry: 7}\n")
    assert "reconciler.yaml" in run("list", code=1).stderr
