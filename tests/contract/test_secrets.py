"""The laws of every secret source, and the rules of each."""

from __future__ import annotations

import os
import stat
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.errors import SecretError, SourceMark
from reconciler.model.secret import Secret, SecretRef
from reconciler.ports.secrets import SecretSource
from reconciler.secrets import sources
from reconciler.secrets.exec import ExecSource

MARK = SourceMark("methods.yaml", 7, 11)
CANARY = "canary-4f9d-never-shown"


@dataclass(frozen=True, slots=True)
class Bench:
    """One source with a way to put raw bytes where it reads them."""

    source: SecretSource
    ref: SecretRef
    plant: Callable[[bytes], None]


def _env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    def plant(raw: bytes) -> None:
        monkeypatch.setenv("A_TOKEN", os.fsdecode(raw))

    monkeypatch.delenv("A_TOKEN", raising=False)
    return Bench(sources()["env"], SecretRef("env", ("A_TOKEN",), MARK), plant)


def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    path = tmp_path / "secrets" / "a.token"

    def plant(raw: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        path.chmod(0o600)

    return Bench(sources()["file"], SecretRef("file", (str(path),), MARK), plant)


def _exec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    path = tmp_path / "printed"
    path.write_bytes(b"")
    ref = SecretRef("exec", ("cat", str(path)), MARK)

    def plant(raw: bytes) -> None:
        path.write_bytes(raw)

    return Bench(sources()["exec"], ref, plant)


BENCHES = {"env": _env, "file": _file, "exec": _exec}


@pytest.fixture(params=sorted(sources()))
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return BENCHES[request.param](tmp_path, monkeypatch)


def shown(error: BaseException) -> str:
    """All that a traceback with locals of nobody, a message or a log could print."""
    parts = [str(error), repr(error), *traceback.format_exception(error)]
    if isinstance(error, SecretError):
        parts += [error.cause, error.hint]
    return "\n".join(parts)


def test_what_was_planted_is_read(bench: Bench) -> None:
    bench.plant(CANARY.encode())
    assert bench.source.read(bench.ref) == Secret(CANARY)


def test_what_is_not_there_is_none(bench: Bench) -> None:
    assert bench.source.read(bench.ref) is None


def test_an_empty_place_is_none(bench: Bench) -> None:
    bench.plant(b"")
    assert bench.source.read(bench.ref) is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f"{CANARY}\nsecond".encode(), id="two lines"),
        pytest.param(f"{CANARY}\n\n".encode(), id="two line breaks at the end"),
        pytest.param(f"{CANARY}\tx".encode(), id="tabulator"),
        pytest.param(f"{CANARY}\x1b[0m".encode(), id="escape sequence"),
        pytest.param(f"\ufeff{CANARY}".encode(), id="byte order mark"),
        pytest.param(f"{CANARY}\u2028".encode(), id="line separator"),
        pytest.param(CANARY.encode() + b"\xff\xfe", id="not UTF-8"),
        pytest.param(CANARY.encode() * 4000, id="longer than 64 KiB"),
    ],
)
def test_what_no_credential_can_be_is_refused_without_its_value(bench: Bench, raw: bytes) -> None:
    bench.plant(raw)
    with pytest.raises(SecretError) as caught:
        bench.source.read(bench.ref)
    assert caught.value.where == MARK
    assert bench.ref.place in caught.value.cause
    chain: BaseException | None = caught.value
    while chain is not None:
        assert CANARY not in shown(chain)
        chain = chain.__context__


def test_what_is_written_is_read_where_a_source_can_write(bench: Bench) -> None:
    if not bench.source.can_write:
        with pytest.raises(SecretError, match="cannot be written"):
            bench.source.write(bench.ref, Secret(CANARY))
        return
    bench.source.write(bench.ref, Secret(CANARY))
    assert bench.source.read(bench.ref) == Secret(CANARY)
    bench.source.write(bench.ref, Secret("another-value"))
    assert bench.source.read(bench.ref) == Secret("another-value")


def test_what_is_removed_is_gone_where_a_source_can_write(bench: Bench) -> None:
    bench.plant(CANARY.encode())
    if not bench.source.can_write:
        with pytest.raises(SecretError, match="cannot be removed"):
            bench.source.remove(bench.ref)
        return
    bench.source.remove(bench.ref)
    assert bench.source.read(bench.ref) is None


def test_removing_what_is_gone_succeeds(bench: Bench) -> None:
    bench.source.remove(bench.ref)
    bench.source.remove(bench.ref)
    assert bench.source.read(bench.ref) is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param(f"{CANARY}\nx", id="line break"),
        pytest.param(CANARY * 4000, id="too long"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(bench: Bench, value: str) -> None:
    bench.plant(b"the-old-value")
    with pytest.raises(SecretError) as caught:
        bench.source.write(bench.ref, Secret(value))
    assert CANARY not in shown(caught.value)
    assert bench.source.read(bench.ref) == Secret("the-old-value")


class TestFile:
    @pytest.fixture
    def source(self) -> SecretSource:
        return sources()["file"]

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "secrets" / "a.token"

    @pytest.fixture
    def ref(self, path: Path) -> SecretRef:
        return SecretRef("file", (str(path),), MARK)

    def put(self, path: Path, raw: bytes, mode: int = 0o600) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        path.chmod(mode)

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["LF", "CRLF", "nothing"])
    def test_one_line_break_at_the_end_is_taken_off(
        self, source: SecretSource, ref: SecretRef, path: Path, end: bytes
    ) -> None:
        self.put(path, b"a-value" + end)
        assert source.read(ref) == Secret("a-value")

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777], ids=oct)
    def test_a_file_that_others_may_read_is_refused_with_the_mend(
        self, source: SecretSource, ref: SecretRef, path: Path, mode: int
    ) -> None:
        self.put(path, CANARY.encode(), mode)
        with pytest.raises(SecretError, match="others may read it") as caught:
            source.read(ref)
        assert f"chmod 600 {path}" in caught.value.hint

    def test_a_stricter_file_is_fine(
        self, source: SecretSource, ref: SecretRef, path: Path
    ) -> None:
        self.put(path, b"a-value", 0o400)
        assert source.read(ref) == Secret("a-value")

    def test_a_link_is_followed_and_stays_when_written(
        self, source: SecretSource, tmp_path: Path, path: Path, ref: SecretRef
    ) -> None:
        real = tmp_path / "real.token"
        self.put(real, b"a-value")
        path.parent.mkdir()
        path.symlink_to(real)
        source.write(ref, Secret("new-value"))
        assert path.is_symlink()
        assert real.read_text() == "new-value"
        source.remove(ref)
        assert path.is_symlink()
        assert source.read(ref) is None

    @pytest.mark.parametrize("kind", ["folder", "pipe"])
    def test_what_is_no_file_is_refused_at_once(
        self, source: SecretSource, ref: SecretRef, path: Path, kind: str
    ) -> None:
        path.parent.mkdir()
        if kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
        with pytest.raises(SecretError, match="not a regular file"):
            source.read(ref)

    def test_a_path_through_a_file_holds_nothing(
        self, source: SecretSource, ref: SecretRef, path: Path
    ) -> None:
        path.parent.write_text("in the way")
        assert source.read(ref) is None
        source.remove(ref)
        with pytest.raises(SecretError, match="cannot be written"):
            source.write(ref, Secret("a-value"))

    def test_an_impossible_path_is_an_error_with_a_hint(self, source: SecretSource) -> None:
        ref = SecretRef("file", ("\0",), MARK)
        with pytest.raises(SecretError, match="the path is not a path"):
            source.read(ref)

    def test_a_written_file_and_its_new_folders_are_ours_alone(
        self, source: SecretSource, tmp_path: Path
    ) -> None:
        path = tmp_path / "a" / "b" / "c.token"
        old = os.umask(0)
        try:
            source.write(SecretRef("file", (str(path),)), Secret("a-value"))
        finally:
            os.umask(old)
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent, tmp_path / "a")]
        assert modes == [0o600, 0o700, 0o700]
        assert [p.name for p in path.parent.iterdir()] == ["c.token"]

    def test_a_write_replaces_a_file_that_others_could_read(
        self, source: SecretSource, ref: SecretRef, path: Path
    ) -> None:
        self.put(path, b"old", 0o644)
        source.write(ref, Secret("new-value"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing_else(
        self, source: SecretSource, tmp_path: Path
    ) -> None:
        taken = tmp_path / "folder"
        (taken / "inside").mkdir(parents=True)
        with pytest.raises(SecretError, match="cannot be written"):
            source.write(SecretRef("file", (str(taken),)), Secret(CANARY))
        assert [p.name for p in tmp_path.iterdir()] == ["folder"]


class TestExec:
    def ref(self, program: str) -> SecretRef:
        return SecretRef("exec", (sys.executable, "-c", program), MARK)

    def test_arguments_reach_the_helper_without_a_shell(self) -> None:
        ref = SecretRef("exec", ("printf", "%s", "$HOME;`id`"))
        assert ExecSource().read(ref) == Secret("$HOME;`id`")

    def test_one_line_break_at_the_end_is_taken_off(self) -> None:
        assert ExecSource().read(SecretRef("exec", ("echo", "a-value"))) == Secret("a-value")

    def test_the_environment_is_handed_on_and_the_input_is_empty(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELPER_NEEDS", "this")
        program = "import os, sys; print(os.environ['HELPER_NEEDS'] + sys.stdin.read())"
        assert ExecSource().read(self.ref(program)) == Secret("this")

    def test_a_failing_helper_is_quoted_without_any_secret(self) -> None:
        known = Secret("a-known-secret-of-another-place")
        program = (
            f"import sys; print('{CANARY}'); "
            f"sys.exit('no luck with {CANARY} and {known.reveal()}\\n\\x1b[31mred ' + 'x' * 9999)"
        )
        with pytest.raises(SecretError) as caught:
            ExecSource().read(self.ref(program))
        said = caught.value.cause.partition("ended with ")[2]
        assert said.startswith("status 1: no luck with *** and *** ?[31mred x")
        assert len(said) < 300

    def test_a_helper_that_is_not_there_is_an_error_with_a_hint(self) -> None:
        with pytest.raises(SecretError, match="cannot be started: No such file") as caught:
            ExecSource().read(SecretRef("exec", ("no-such-helper",), MARK))
        assert "PATH" in caught.value.hint

    def test_an_impossible_argument_is_an_error(self) -> None:
        with pytest.raises(SecretError, match="cannot be started"):
            ExecSource().read(SecretRef("exec", ("echo", "\0")))

    def test_a_killed_helper_is_an_error(self) -> None:
        with pytest.raises(SecretError, match="signal 9"):
            ExecSource().read(self.ref("import os; os.kill(os.getpid(), 9)"))

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param("exec sleep 60", id="silent"),
            pytest.param("sleep 60 & sleep 60", id="with a child that keeps the pipe"),
            pytest.param("exec >&- 2>&-; exec sleep 60", id="after closing its outputs"),
            pytest.param("while :; do echo complaint >&2; done", id="complaining without end"),
        ],
    )
    def test_a_helper_that_does_not_end_is_stopped(self, command: str) -> None:
        with pytest.raises(SecretError, match=r"did not end within 0\.2 s"):
            ExecSource(timeout_s=0.2).read(SecretRef("exec", ("sh", "-c", command)))

    def test_a_helper_that_prints_without_end_is_stopped(self) -> None:
        with pytest.raises(SecretError, match="longer than 64 KiB"):
            ExecSource().read(SecretRef("exec", ("yes", CANARY)))

    def test_a_long_complaint_of_a_helper_that_succeeds_does_no_harm(self) -> None:
        program = "import sys; sys.stderr.write('x' * 200_000); print('a-value')"
        assert ExecSource().read(self.ref(program)) == Secret("a-value")
