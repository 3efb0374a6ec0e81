"""The benchmark runs and prints its table; no test asserts a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.sandbox.server import RunningSandbox
from tests.bench.__main__ import BENCHES, main
from tests.bench.costs import Costs, beside_floor, costs, requests
from tests.bench.estates import AZURE, DATA_CENTER, EACH, Bare, Estate
from tests.bench.table import COLUMNS, Row, at_most, markdown
from tests.bench.world import serving


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


COSTS = Costs(wall_s=1, cpu_s=1, requests=106, actions=0)


def test_a_plan_stands_beside_cut_pages_and_whole_rounds() -> None:
    row = beside_floor("a plan", COSTS, 101, 16, limit=1.5)
    assert (row.measured, row.met) == ("a plan, 16 in flight", False)
    assert row.beside == "latency 316 ms, in whole rounds 350 ms"
    assert beside_floor("a plan", COSTS, 101, 16, rounds=20, limit=None).ratio.endswith(
        "1.00 × rounds"
    )


@pytest.mark.parametrize(
    ("least", "met"), [pytest.param(101, True, id="five-more"), pytest.param(100, False, id="six")]
)
def test_five_requests_may_be_made_beyond_the_fewest(least: int, met: bool) -> None:
    assert requests("a plan", least, "pages", COSTS).met is met


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


def bare_of(sandbox: RunningSandbox, token: str) -> Bare:
    base = f"{sandbox.environment['DATA_CENTER_URL']}/rest/api/latest"
    pages = [f"{base}/repos?limit=5&start={start}" for start in (0, 5, 10)]
    return Bare(pages, f"Bearer {token}", chain=[f"{base}/projects?limit=2"] * 2)


@pytest.mark.parametrize("way", ["wire", "msgspec", "json"])
def test_bare_clients_read_what_they_are_given(sandbox: RunningSandbox, way: str) -> None:
    token = sandbox.environment["DC_READER_TOKEN"]
    assert bare_of(sandbox, token).seconds(way, 2, 1) > 0
    asked = [entry.path.rpartition("/")[2] for entry in sandbox.sandbox.requests]
    once = {f"repos?limit=5&start={start}": 2 for start in (0, 5, 10)} | {"projects?limit=2": 4}
    assert {line: asked.count(line) for line in asked} == once
    assert {entry.status for entry in sandbox.sandbox.requests} == {200}


@pytest.mark.parametrize("way", ["wire", "msgspec", "json"])
def test_a_refusal_is_not_taken_for_a_fast_answer(sandbox: RunningSandbox, way: str) -> None:
    with pytest.raises(RuntimeError, match="401"):
        bare_of(sandbox, "nobody").seconds(way, 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("estate", [DATA_CENTER, AZURE], ids=lambda estate: estate.provider)
def test_a_plan_is_empty_once_the_person_has_wired_the_consumer(estate: Estate) -> None:
    with serving(latency_s=0) as world:
        estate.fill(world, 3)
        assert costs(world, "new", 4, 1).actions == 1
        estate.connect(world)
        found = costs(world, "plan", 4, 2)
        assert found.actions == 0
        assert 0 < found.requests < 3 * EACH
