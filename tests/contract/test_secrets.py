"""The laws of every secret source, and the rules of each."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from keyring.backends import fail

from reconciler.errors import SecretError, SourceMark
from reconciler.model.secret import Secret, SecretRef
from reconciler.ports.secrets import SecretSource
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.vault import vault_in
from reconciler.secrets import sources
from reconciler.secrets.exec import ExecSource
from tests.secret_stores import (
    CLOSED_PORT,
    a_keyring,
    an_account,
    enter_keyring,
    enter_vault,
    plant_in_aws,
)

MARK = SourceMark("methods.yaml", 7, 11)
CANARY = "canary-4f9d-never-shown"


@dataclass(frozen=True, slots=True)
class Bench:
    """One source with a way to put raw bytes where it reads them.

    ``breaks`` makes its store one that cannot be asked.
    """

    source: SecretSource
    ref: SecretRef
    plant: Callable[[bytes], None]
    breaks: Callable[[], object]


def _never() -> None:
    raise AssertionError("the environment is always there")


@contextmanager
def _env(_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    def plant(raw: bytes) -> None:
        monkeypatch.setenv("A_TOKEN", os.fsdecode(raw))

    monkeypatch.delenv("A_TOKEN", raising=False)
    yield Bench(sources()["env"], SecretRef("env", ("A_TOKEN",), MARK), plant, _never)


@contextmanager
def _file(tmp_path: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    path = tmp_path / "secrets" / "a.token"

    def plant(raw: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)
        path.chmod(0o600)

    def breaks() -> None:
        path.mkdir(parents=True)

    yield Bench(sources()["file"], SecretRef("file", (str(path),), MARK), plant, breaks)


@contextmanager
def _exec(tmp_path: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    path = tmp_path / "printed"
    path.write_bytes(b"")
    ref = SecretRef("exec", ("cat", str(path)), MARK)

    def plant(raw: bytes) -> None:
        path.write_bytes(raw)

    yield Bench(sources()["exec"], ref, plant, path.unlink)


@contextmanager
def _vault(_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with RunningSandbox() as box:
        enter_vault(box, monkeypatch)
        state = vault_in(box.sandbox)

        def plant(raw: bytes) -> None:
            state.put("secret/ox/bot", "token", raw.decode())

        def breaks() -> None:
            state.switch(sealed=True)

        ref = SecretRef("vault", ("secret/ox/bot", "token"), MARK)
        yield Bench(sources()["vault"], ref, plant, breaks)


@contextmanager
def _aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with an_account() as account:
        account.enter(monkeypatch, tmp_path / "nothing")
        ref = SecretRef("aws", ("prod/ox-bot", ""), MARK)

        def breaks() -> None:
            monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED_PORT)

        yield Bench(sources()["aws"], ref, plant_in_aws(account, "prod/ox-bot"), breaks)


@contextmanager
def _keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    ring = a_keyring(tmp_path)
    enter_keyring(ring, monkeypatch)

    def plant(raw: bytes) -> None:
        ring.set_password("reconciler", "ox-bot", raw.decode())

    def breaks() -> None:
        enter_keyring(fail.Keyring(), monkeypatch)  # type: ignore[no-untyped-call]

    ref = SecretRef("keyring", ("reconciler", "ox-bot"), MARK)
    yield Bench(sources()["keyring"], ref, plant, breaks)


BENCHES = {
    "env": _env,
    "file": _file,
    "exec": _exec,
    "vault": _vault,
    "aws": _aws,
    "keyring": _keyring,
}

TEXT_ONLY = ("vault", "keyring")
"""Stores that cannot hold what is not text."""


@pytest.fixture(params=sorted(sources()))
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    with BENCHES[request.param](tmp_path, monkeypatch) as made:
        yield made


NO_CREDENTIALS = {
    "two lines": f"{CANARY}\nsecond".encode(),
    "two line breaks at the end": f"{CANARY}\n\n".encode(),
    "tabulator": f"{CANARY}\tx".encode(),
    "escape sequence": f"{CANARY}\x1b[0m".encode(),
    "byte order mark": f"\ufeff{CANARY}".encode(),
    "line separator": f"{CANARY}\u2028".encode(),
    "not UTF-8": CANARY.encode() + b"\xff\xfe",
    "longer than 64 KiB": CANARY.encode() * 4000,
}


def shown(error: BaseException) -> str:
    """All that a traceback with locals of nobody, a message or a log could print."""
    parts = [str(error), repr(error), *traceback.format_exception(error)]
    if isinstance(error, SecretError):
        parts += [error.cause, error.hint]
    return "\n".join(parts)


def assert_silent(error: BaseException) -> None:
    """Neither the error nor anything it is chained to shows the canary."""
    chain: BaseException | None = error
    while chain is not None:
        assert CANARY not in shown(chain)
        chain = chain.__context__


def test_what_was_planted_is_read(bench: Bench) -> None:
    bench.plant(CANARY.encode())
    assert bench.source.read(bench.ref) == Secret(CANARY)


def test_what_is_not_there_is_none(bench: Bench) -> None:
    assert bench.source.read(bench.ref) is None


def test_an_empty_place_is_none(bench: Bench) -> None:
    bench.plant(b"")
    assert bench.source.read(bench.ref) is None


@pytest.mark.parametrize(
    ("bench", "raw"),
    [
        pytest.param(name, raw, id=f"{name}-{kind}")
        for name in sorted(sources())
        for kind, raw in NO_CREDENTIALS.items()
        if kind != "not UTF-8" or name not in TEXT_ONLY
    ],
    indirect=["bench"],
)
def test_what_no_credential_can_be_is_refused_without_its_value(bench: Bench, raw: bytes) -> None:
    bench.plant(raw)
    with pytest.raises(SecretError) as caught:
        bench.source.read(bench.ref)
    assert caught.value.where == MARK
    assert bench.ref.place in caught.value.cause
    assert_silent(caught.value)


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


WRITABLE = sorted(name for name, source in sources().items() if source.can_write)
BREAKABLE = sorted(set(sources()) - {"env"})


@pytest.mark.parametrize("bench", WRITABLE, indirect=True)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("pässwörd-✓-\N{MATHEMATICAL FRAKTUR CAPITAL U}", id="beyond ASCII"),
        pytest.param("x" * 65_536, id="64 KiB"),
        pytest.param(' {"a": "b"} #/&%+=?\'', id="signs that others give a meaning"),
    ],
)
def test_every_credential_comes_back_as_it_was(bench: Bench, value: str) -> None:
    bench.source.write(bench.ref, Secret(value))
    assert bench.source.read(bench.ref) == Secret(value)
    assert sources()[bench.ref.source].read(bench.ref) == Secret(value)


@pytest.mark.parametrize("bench", WRITABLE, indirect=True)
def test_what_was_removed_can_be_written_again(bench: Bench) -> None:
    bench.source.write(bench.ref, Secret("first-value"))
    bench.source.remove(bench.ref)
    bench.source.remove(bench.ref)
    bench.source.write(bench.ref, Secret("second-value"))
    assert bench.source.read(bench.ref) == Secret("second-value")


@pytest.mark.parametrize("bench", WRITABLE, indirect=True)
def test_of_writers_at_once_one_wins_whole_and_readers_see_no_other(bench: Bench) -> None:
    values = [f"value-of-writer-{number}" for number in range(6)]
    bench.source.write(bench.ref, Secret(values[0]))
    with ThreadPoolExecutor(len(values) * 2) as pool:
        writes = [pool.submit(bench.source.write, bench.ref, Secret(value)) for value in values]
        reads = [pool.submit(bench.source.read, bench.ref) for _ in values]
        for write in writes:
            write.result()
        seen = [read.result() for read in reads]
    assert {s.reveal() if s else None for s in [*seen, bench.source.read(bench.ref)]} <= set(values)


@pytest.mark.parametrize("bench", BREAKABLE, indirect=True)
def test_a_store_that_cannot_be_asked_is_an_error_and_never_nothing(bench: Bench) -> None:
    bench.breaks()
    with pytest.raises(SecretError) as caught:
        bench.source.read(bench.ref)
    assert caught.value.where == MARK
    assert bench.ref.place in caught.value.cause
    assert caught.value.hint


@pytest.mark.parametrize("bench", WRITABLE, indirect=True)
def test_a_write_that_fails_shows_nothing(bench: Bench) -> None:
    bench.breaks()
    with pytest.raises(SecretError, match="cannot be") as caught:
        bench.source.write(bench.ref, Secret(CANARY))
    assert_silent(caught.value)


def test_the_catalogue_imports_no_optional_package() -> None:
    program = (
        "import sys; from reconciler.secrets import sources; sources(); "
        "print(sorted({'hvac', 'requests', 'boto3', 'keyring', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("bench", "package"),
    [("vault", "hvac"), ("aws", "boto3"), ("keyring", "keyring")],
    ids=["vault", "aws", "keyring"],
    indirect=["bench"],
)
def test_a_missing_package_is_named_with_the_way_to_install_it(
    bench: Bench, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SecretError, match=f"package {package}") as caught:
        bench.source.read(bench.ref)
    assert f"pip install 'scm-reconciler[{bench.ref.source}]'" in caught.value.hint


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
