"""Whatever is done to the audit log behind our back, the chain shows it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import RegistryError
from reconciler.registry.sqlite import SqliteRegistry
from tests.contract.registry_bench import NOW, TTL, Clock, a_change


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        pytest.param("UPDATE audit SET who = 'eve' WHERE seq = 2", "broken at entry 2", id="edit"),
        pytest.param("UPDATE audit SET at = '2020-01-01' WHERE seq = 3", "at entry 3", id="time"),
        pytest.param("DELETE FROM audit WHERE seq = 1", "broken at entry 1", id="first gone"),
        pytest.param("DELETE FROM audit WHERE seq = 2", "broken at entry 2", id="middle gone"),
        pytest.param(
            "DELETE FROM audit WHERE seq = 4", "ends at entry 3; 4 were written", id="last gone"
        ),
        pytest.param("DELETE FROM audit", "ends at entry 0; 4 were written", id="all gone"),
        pytest.param(
            "INSERT INTO audit SELECT 5, at, who, revision, plan, address, action, summary, digest "
            "FROM audit WHERE seq = 4",
            "broken at entry 5",
            id="one more",
        ),
        pytest.param(
            "UPDATE audit SET summary = summary || 'x', digest = digest", "at entry 1", id="all"
        ),
    ],
)
def test_tampering_is_found_and_placed(tmp_path: Path, tampering: str, said: str) -> None:
    path = tmp_path / "registry.db"
    with closing(SqliteRegistry(path, now=Clock())) as store:
        lease = store.acquire("apply", "runner-1", TTL, NOW)
        for _ in range(4):
            store.commit(a_change(), lease)
        assert len(store.history(None)) == 4
        with closing(sqlite3.connect(path, isolation_level=None)) as raw:
            raw.execute(tampering)
        with pytest.raises(RegistryError, match=said) as caught:
            store.history(None)
        assert "reconciler registry restore FILE" in caught.value.hint
