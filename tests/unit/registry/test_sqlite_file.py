"""The registry as a file: who may read it, what reading leaves behind, what faults say."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import RegistryError, UsageError
from reconciler.model.record import Lease
from reconciler.registry import migrate, open_registry, opening
from reconciler.registry.sqlite import SqliteRegistry
from tests.contract.registry_bench import NOW, OX, TTL, Clock, a_change, a_record, an_entry

ROOT = Path(__file__).parents[3]
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "deep" / "registry.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteRegistry]:
    with closing(SqliteRegistry(path, now=Clock())) as opened:
        yield opened


@pytest.fixture
def lease(store: SqliteRegistry) -> Lease:
    return store.acquire("apply", "runner-1", TTL, NOW)


def fill(store: SqliteRegistry, lease: Lease) -> None:
    store.commit(a_change(record=a_record()), lease)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


class TestUrls:
    @pytest.mark.parametrize("form", ["absolute", "relative"])
    def test_a_path_is_taken_from_the_url(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        url = f"sqlite:///{tmp_path}/a b?#%.db" if form == "absolute" else "sqlite:///a b?#%.db"
        with closing(open_registry(url)) as store:
            monkeypatch.chdir("/")
            store.acquire("apply", "runner-1", TTL, NOW)
        assert names(tmp_path) == ["a b?#%.db"]

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://me:canary@host/db",
            "registry.db",
            "sqlite://registry.db",
            "sqlite:///",
            "sqlite:///:memory:",
            "",
        ],
    )
    def test_an_unknown_url_is_refused_without_being_shown(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            open_registry(url)
        assert "sqlite:///relative/path" in caught.value.hint
        assert "canary" not in caught.value.cause


class TestReading:
    def test_reading_a_registry_that_never_was_creates_nothing(
        self, store: SqliteRegistry, tmp_path: Path
    ) -> None:
        store.snapshot()
        store.known_repositories("any")
        store.history(None)
        store.break_lease("apply")
        store.close()
        assert names(tmp_path) == []

    def test_reading_leaves_nothing_behind(
        self, store: SqliteRegistry, lease: Lease, path: Path
    ) -> None:
        fill(store, lease)
        store.close()
        before = path.read_bytes()
        with closing(SqliteRegistry(path)) as reader:
            assert reader.snapshot().serial == 1
        assert names(path.parent) == [path.name]
        assert path.read_bytes() == before

    def test_an_empty_file_counts_as_none_and_is_taken(
        self, store: SqliteRegistry, path: Path
    ) -> None:
        """A process killed while it created the registry leaves one."""
        path.parent.mkdir(parents=True)
        path.touch()
        assert store.snapshot().lineage == ""
        store.acquire("apply", "runner-1", TTL, NOW)
        assert len(store.snapshot().lineage) == 36

    def test_a_creation_that_was_killed_half_way_counts_as_none(
        self, store: SqliteRegistry, path: Path
    ) -> None:
        """Pages were written, and the journal that takes them back."""
        path.parent.mkdir(parents=True)
        script = (
            "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
            "c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN'); "
            "c.execute('CREATE TABLE t (b BLOB)'); "
            "[c.execute('INSERT INTO t VALUES (zeroblob(9000))') for _ in range(50)]; "
            "os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", script, str(path)], check=False)
        assert path.stat().st_size > 0
        assert store.snapshot().lineage == ""
        store.acquire("apply", "runner-1", TTL, NOW)
        assert len(store.snapshot().lineage) == 36


class TestPermissions:
    def test_file_and_folders_are_ours_alone(
        self, store: SqliteRegistry, path: Path, tmp_path: Path
    ) -> None:
        old = os.umask(0)
        try:
            fill(store, store.acquire("apply", "runner-1", TTL, NOW))
            log = path.with_name(f"{path.name}-wal")
            modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, log, path.parent)]
        finally:
            os.umask(old)
        assert modes == [0o600, 0o600, 0o700]
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700

    @pytest.fixture
    def readable(self) -> Iterator[Path]:
        """A folder that every user may enter, which none of pytest's own is."""
        folder = Path(tempfile.mkdtemp(dir="/tmp"))
        yield folder
        folder.chmod(0o755)
        shutil.rmtree(folder)

    def as_another_user(self, script: str, path: Path) -> subprocess.CompletedProcess[str]:
        program = (
            "import os, sys\n"
            "from datetime import UTC, datetime, timedelta\n"
            "from pathlib import Path\n"
            "from reconciler.errors import RegistryError\n"
            "from reconciler.registry.sqlite import SqliteRegistry\n"
            f"if os.geteuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})\n"
            f"store = SqliteRegistry(Path({str(path)!r}))\n{script}\n"
        )
        return subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
        )

    @pytest.mark.parametrize("in_use", [False, True], ids=["idle", "in use"])
    def test_who_may_only_read_reads_and_leaves_nothing_behind(
        self, readable: Path, in_use: bool
    ) -> None:
        path = readable / "registry.db"
        with closing(SqliteRegistry(path, now=Clock())) as store:
            fill(store, store.acquire("apply", "runner-1", TTL, NOW))
            if not in_use:
                store.close()
            for file in readable.iterdir():
                file.chmod(0o444)
            readable.chmod(0o555)
            before = names(readable)
            done = self.as_another_user("print(store.snapshot().serial); store.close()", path)
        assert (done.stdout, done.stderr) == ("1\n", "")
        if not in_use:
            assert names(readable) == before == ["registry.db"]

    def test_who_may_not_write_is_told(self, readable: Path) -> None:
        path = readable / "registry.db"
        with closing(SqliteRegistry(path, now=Clock())) as store:
            fill(store, store.acquire("apply", "runner-1", TTL, NOW))
        path.chmod(0o444)
        readable.chmod(0o555)
        script = (
            "try: store.acquire('apply', 'me', timedelta(seconds=60), datetime.now(UTC))\n"
            "except RegistryError as error: print(error.cause, '|', error.hint)"
        )
        done = self.as_another_user(script, path)
        assert "it cannot be written | give yourself write access" in done.stdout, done.stderr

    def test_who_may_not_read_is_told(self, readable: Path) -> None:
        path = readable / "registry.db"
        with closing(SqliteRegistry(path, now=Clock())) as store:
            fill(store, store.acquire("apply", "runner-1", TTL, NOW))
        path.chmod(0o000)
        script = (
            "try: store.snapshot()\n"
            "except RegistryError as error: print(error.cause, '|', error.hint)"
        )
        done = self.as_another_user(script, path)
        assert "Permission denied | check the disk" in done.stdout, done.stderr


class TestFaults:
    @pytest.mark.parametrize("what", ["text", "another database", "short"])
    def test_a_file_that_is_no_registry_is_refused_untouched(
        self, store: SqliteRegistry, path: Path, what: str
    ) -> None:
        path.parent.mkdir(parents=True)
        if what == "another database":
            with closing(sqlite3.connect(path)) as other:
                other.execute("CREATE TABLE mine (x)")
                other.commit()
        else:
            path.write_bytes(b"dear diary " * 100 if what == "text" else b"SQLite format 3\0")
        before = (path.read_bytes(), path.stat().st_mtime_ns)
        for use in (store.snapshot, lambda: store.acquire("apply", "runner-1", TTL, NOW)):
            with pytest.raises(RegistryError, match="is not a registry; it was left untouched"):
                use()
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        assert names(path.parent) == [path.name]

    def test_a_newer_registry_is_refused(
        self, store: SqliteRegistry, lease: Lease, path: Path
    ) -> None:
        fill(store, lease)
        store.close()
        with closing(sqlite3.connect(path)) as raw:
            raw.execute(f"PRAGMA user_version = {migrate.VERSION + 1}")
        for use in (store.snapshot, lambda: store.acquire("other", "runner-1", TTL, NOW)):
            with pytest.raises(
                RegistryError, match=f"the registry has schema {migrate.VERSION + 1}"
            ) as caught:
                use()
            assert "newer reconciler" in caught.value.hint

    @pytest.mark.parametrize("part", ["all but the header", "a cut tail", "one row"])
    def test_a_damaged_file_is_an_error_with_the_mend(
        self, store: SqliteRegistry, lease: Lease, path: Path, part: str
    ) -> None:
        fill(store, lease)
        store.close()
        raw = path.read_bytes()
        if part == "all but the header":
            path.write_bytes(raw[:100] + b"\xa5" * (len(raw) - 100))
        elif part == "a cut tail":
            path.write_bytes(raw[:5000])
        else:
            with closing(sqlite3.connect(path, isolation_level=None)) as tampered:
                tampered.execute("UPDATE records SET method = 'by-magic'")
        with closing(SqliteRegistry(path)) as fresh, pytest.raises(RegistryError) as caught:
            fresh.snapshot()
        assert str(path) in caught.value.cause
        assert "reconciler registry restore FILE" in caught.value.hint

    def test_a_registry_without_its_name_is_an_error(
        self, store: SqliteRegistry, lease: Lease, path: Path
    ) -> None:
        fill(store, lease)
        with closing(sqlite3.connect(path, isolation_level=None)) as tampered:
            tampered.execute("DELETE FROM meta")
        with pytest.raises(RegistryError, match="the row that names the registry is gone"):
            store.snapshot()

    def test_a_full_disk_is_an_error_and_nothing_is_half_written(
        self, store: SqliteRegistry, lease: Lease
    ) -> None:
        fill(store, lease)
        before = store.snapshot()
        assert store._connection is not None
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        big = an_entry(detail="x" * 200_000)
        with pytest.raises(RegistryError, match="the disk is full") as caught:
            store.journal(big, lease)
        assert "free space" in caught.value.hint
        assert store.snapshot() == before
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.journal(big, lease)

    def test_a_registry_that_another_process_keeps_writing_is_an_error(
        self, store: SqliteRegistry, lease: Lease, path: Path
    ) -> None:
        fill(store, lease)
        assert store._connection is not None
        store._connection.execute("PRAGMA busy_timeout = 20")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RegistryError, match="another process is writing to it") as caught:
                fill(store, lease)
            assert "run again" in caught.value.hint
            assert store.snapshot().serial == 1

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            pytest.param(lambda path: path.mkdir(parents=True), "Is a directory", id="a folder"),
            pytest.param(
                lambda path: path.parent.parent.write_text("x"), "Not a directory", id="below file"
            ),
        ],
    )
    def test_a_place_where_no_file_can_be_is_an_error(
        self, store: SqliteRegistry, path: Path, make: Callable[[Path], object], said: str
    ) -> None:
        make(path)
        for use in (store.snapshot, lambda: store.acquire("apply", "runner-1", TTL, NOW)):
            with pytest.raises(RegistryError, match=said):
                use()

    def test_an_old_sqlite_is_refused(
        self, store: SqliteRegistry, lease: Lease, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(store, lease)
        store.close()
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
        with pytest.raises(RegistryError, match=r"needs 3\.37 or newer"):
            store.snapshot()

    def test_a_closed_store_opens_again(self, store: SqliteRegistry, lease: Lease) -> None:
        fill(store, lease)
        store.close()
        store.close()
        assert store.snapshot().serial == 1


class TestMigrations:
    @pytest.fixture
    def later(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        """Turns this program into its successor, whose schema has one table more."""

        def become() -> None:
            scripts = (*migrate.scripts(), "CREATE TABLE more (x TEXT) STRICT;")
            monkeypatch.setattr(migrate, "scripts", lambda: scripts)
            monkeypatch.setattr(migrate, "VERSION", len(scripts))
            monkeypatch.setattr(opening, "VERSION", len(scripts))

        return become

    def test_an_older_registry_is_read_without_being_touched(
        self, store: SqliteRegistry, lease: Lease, path: Path, later: Callable[[], None]
    ) -> None:
        fill(store, lease)
        expected = store.snapshot()
        store.close()
        before = path.read_bytes()
        later()
        assert store.snapshot() == expected
        store.close()
        assert path.read_bytes() == before
        assert names(path.parent) == [path.name]

    def test_the_first_write_brings_it_up_to_date(
        self, store: SqliteRegistry, lease: Lease, path: Path, later: Callable[[], None]
    ) -> None:
        fill(store, lease)
        expected = store.snapshot()
        store.close()
        later()
        store.journal(an_entry(), lease)
        assert store.snapshot() == expected
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA user_version").fetchone() == (len(migrate.scripts()),)
            assert raw.execute("SELECT count(*) FROM more").fetchone() == (0,)

    def test_a_migration_that_fails_changes_nothing(
        self, store: SqliteRegistry, lease: Lease, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(store, lease)
        store.close()
        before = path.read_bytes()
        scripts = (*migrate.scripts(), "CREATE TABLE more (x TEXT);\nCREATE TABLE meta (x TEXT);")
        monkeypatch.setattr(migrate, "scripts", lambda: scripts)
        monkeypatch.setattr(migrate, "VERSION", len(scripts))
        monkeypatch.setattr(opening, "VERSION", len(scripts))
        with pytest.raises(RegistryError, match="already exists"):
            store.acquire("other", "runner-1", TTL, NOW)
        assert path.read_bytes() == before

    def test_the_version_is_the_number_of_the_last_script(self) -> None:
        assert len(migrate.scripts()) == migrate.VERSION


def test_threads_take_turns(store: SqliteRegistry, lease: Lease) -> None:
    """Heartbeats come from another thread than commits."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.journal(an_entry(f"op-{n % 2}"), lease), range(40)))
    assert len(store.journal_of("op-0")) == len(store.journal_of("op-1")) == 20
    assert store.snapshot().records.get(OX) is None
