"""``forecast`` and ``rotate``: what is to come and what was begun, without a request."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import vobject

from reconciler.cli.exit_codes import Exit
from reconciler.model.address import ConnectionAddress
from reconciler.model.method import ActionKind
from reconciler.model.record import AuditEntry, Change, Operation, OperationState
from reconciler.registry import open_registry
from tests.unit.cli.conftest import Run
from tests.unit.report.schemas import assert_valid


@pytest.fixture
def soon(project: Path) -> Path:
    """The project, with a token that lives 80 days from its first apply."""
    file = project / "connections.yaml"
    file.write_text(file.read_text().replace("maxAge: 365d", "maxAge: 80d"))
    return project


def begin(project: Path, state: OperationState, step: str, age: timedelta) -> None:
    """Leave a rotation of ox-acme in the registry, as an earlier run would."""
    now = datetime.now(UTC)
    registry = open_registry(f"sqlite:///{project}/.reconciler/registry.db")
    address = ConnectionAddress("ox-acme")
    lease = registry.acquire(str(address), "ada@host (process 7)", timedelta(seconds=60), now)
    operation = Operation("op-1", address, ActionKind.ROTATE, state, step, now - age)
    audit = AuditEntry(now, "ada", "", "", str(address), "rotate", "begun")
    registry.commit(Change(address, 0, audit, operation=operation), lease)
    registry.release(lease)
    registry.close()


class TestForecast:
    def test_it_needs_no_secret_and_no_network(self, run: Run, soon: Path) -> None:
        del soon
        result = run("forecast")
        assert result.exit_code == Exit.DONE
        assert result.stdout.startswith("Later\n")
        assert re.search(r"a person +rotates +connection\.ox-acme +\(assumed\)", result.stdout)
        assert re.search(r"a person +expires +connection\.ox-acme +\(assumed\)", result.stdout)
        assert "connections.yaml:" in result.stdout
        assert "Forecast: 2 entries within 90 days, 2 for a person." in result.stdout
        assert "No end is known of: account.acme reader, consumer.ox-prod key." in result.stdout

    def test_as_json_it_is_what_the_schema_publishes(self, run: Run, soon: Path) -> None:
        del soon
        document = json.loads(run("forecast", "--format", "json").stdout)
        assert_valid("forecast", document)
        assert [e["kind"] for e in document["entries"]] == ["rotates", "expires"]

    def test_as_a_calendar_another_program_reads_it(self, run: Run, soon: Path) -> None:
        del soon
        calendar = vobject.readOne(run("forecast", "--format", "ics").stdout)
        assert [e.summary.value for e in calendar.vevent_list] == [
            "connection.ox-acme is due to be rotated (assumed)",
            "connection.ox-acme expires (assumed)",
        ]

    def test_a_file_gets_it_all_and_stdout_nothing(self, run: Run, soon: Path) -> None:
        result = run("forecast", "--format", "ics", "--out", "due.ics")
        assert (result.exit_code, result.stdout) == (Exit.DONE, "")
        assert result.stderr.endswith("saved to due.ics\n")
        written = (soon / "due.ics").read_bytes()
        assert written.startswith(b"BEGIN:VCALENDAR\r\n")
        assert b"\n" not in written.replace(b"\r\n", b"")
        assert stat.S_IMODE((soon / "due.ics").stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("days", "args", "code"),
        [
            pytest.param("90", ("--detailed-exitcode",), Exit.WAITING, id="somebody-is-needed"),
            pytest.param("90", (), Exit.DONE, id="not-asked"),
            pytest.param("5", ("--detailed-exitcode",), Exit.DONE, id="nothing-so-soon"),
        ],
    )
    def test_the_exit_code_says_whether_somebody_is_needed(
        self, run: Run, soon: Path, days: str, args: tuple[str, ...], code: Exit
    ) -> None:
        del soon
        assert run("forecast", "--days", days, *args).exit_code == code

    def test_paths_limit_what_is_looked_at(self, run: Run, soon: Path) -> None:
        del soon
        result = run("forecast", "consumers.yaml")
        assert result.stdout.startswith("Forecast: nothing within 90 days.")
        assert "No end is known of: consumer.ox-prod key." in result.stdout

    @pytest.mark.parametrize("days", ["0", "3651", "soon"])
    def test_days_are_a_number_within_ten_years(self, run: Run, days: str) -> None:
        assert run("forecast", "--days", days).exit_code == Exit.USAGE


class TestStatus:
    def status(self, run: Run, *args: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            run("rotate", "--status", "--format", "json", *args).stdout
        )
        assert_valid("rotation", document)
        return document

    def test_nothing_was_begun(self, run: Run, project: Path) -> None:
        del project
        result = run("rotate", "--status", "--detailed-exitcode")
        assert (result.exit_code, result.stdout) == (Exit.DONE, "No rotation is under way.\n")

    def test_a_dead_run_is_stuck(self, run: Run, project: Path) -> None:
        begin(project, OperationState.RUNNING, "publish", timedelta(hours=3))
        [rotation] = self.status(run)["rotations"]
        assert (rotation["name"], rotation["phase"], rotation["stuck"]) == (
            "ox-acme",
            "begun",
            True,
        )
        text = run("rotate", "--status").stdout
        assert "  at publish since " in text
        assert text.endswith("1 rotation under way, 1 stuck.\n")

    @pytest.mark.parametrize(
        ("step", "age", "args", "code"),
        [
            pytest.param("mint", 1, (), Exit.DONE, id="not-asked"),
            pytest.param("mint", 1, ("--detailed-exitcode",), Exit.WAITING, id="waits"),
            pytest.param("drain", 0, ("--detailed-exitcode",), Exit.DONE, id="drains"),
            pytest.param("drain", 9, ("--detailed-exitcode",), Exit.WAITING, id="drains-no-more"),
        ],
    )
    def test_the_exit_code_says_whether_it_goes_on_by_itself(
        self, run: Run, project: Path, step: str, age: int, args: tuple[str, ...], code: Exit
    ) -> None:
        begin(project, OperationState.WAITING, step, timedelta(days=age))
        assert run("rotate", "--status", *args).exit_code == code

    def test_names_limit_what_is_listed(self, run: Run, project: Path) -> None:
        begin(project, OperationState.WAITING, "mint", timedelta(days=1))
        assert self.status(run, "ox-acme")["summary"]["rotations"] == 1
        unknown = run("rotate", "--status", "ox-acm")
        assert unknown.exit_code == Exit.USAGE
        assert "ox-acme" in unknown.stderr


class TestRotateUsage:
    @pytest.mark.parametrize(
        ("args", "says"),
        [
            pytest.param((), "name a connection, or add --due", id="nothing"),
            pytest.param(("--now",), "reconciler rotate --now NAME", id="now-without-a-name"),
            pytest.param(("--abort",), "reconciler rotate --abort NAME", id="abort-without-a-name"),
            pytest.param(("--due", "--now"), "give one of --due", id="due-and-now"),
            pytest.param(("ox-acme", "--now", "--abort"), "give one of --due", id="now-and-abort"),
            pytest.param(("--status", "--due"), "give one of --due", id="status-and-due"),
            pytest.param(("--status", "--abort", "ox-acme"), "give one of", id="status-and-abort"),
        ],
    )
    def test_what_contradicts_itself_is_refused_with_its_mend(
        self, run: Run, project: Path, args: tuple[str, ...], says: str
    ) -> None:
        del project
        result = run("rotate", *args, "--auto-approve")
        assert result.exit_code == Exit.USAGE
        assert result.stdout == ""
        assert says in result.stderr

    @pytest.mark.parametrize("way", ["--now", "--abort"])
    def test_a_name_nobody_declared_is_refused(self, run: Run, project: Path, way: str) -> None:
        del project
        result = run("rotate", way, "ox-acm", "--auto-approve")
        assert result.exit_code == Exit.USAGE
        assert "ox-acme" in result.stderr
