"""The benchmark runs and prints its table; no test asserts a time."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import BENCHES, main
from tests.bench.table import COLUMNS, Row, at_most, markdown


def test_a_quick_bench_prints_a_table_with_ours_beside_the_floor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--only", "start", "--quick"])
    head, rule, row = capsys.readouterr().out.splitlines()
    assert head == f"| {' | '.join(COLUMNS)} |"
    assert set(rule) == set("| -")
    assert row.startswith("| `reconciler --help`, whole process |")
    assert "`python -c pass`" in row
    assert row.count("|") == len(COLUMNS) + 1


def test_an_unknown_bench_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    said = capsys.readouterr().err
    assert [name for name in BENCHES if name not in said] == []


@pytest.mark.parametrize(
    ("ours", "met"), [pytest.param(0.2, "yes", id="met"), pytest.param(0.21, "**no**", id="missed")]
)
def test_a_row_says_whether_its_goal_is_met(ours: float, met: str) -> None:
    row = at_most("a thing", ours, 0.1, limit=2, named="the floor")
    assert row.cells()[-1] == met


def test_a_row_without_a_goal_claims_nothing() -> None:
    assert markdown([Row("a thing", "1 ms", "—")]).splitlines()[-1] == (
        "| a thing | 1 ms | — | — | — | — |"
    )
