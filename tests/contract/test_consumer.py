"""What every consumer that code can drive must do, over real HTTP against its emulator.

Consumers are found on disk; `tests/consumers/NAME/bench.py` sets one up. A capability that a
consumer claims has to be named in CLAIMS by the test that proves it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from reconciler.consumers import names, profile_files, spec, specs
from reconciler.errors import Fault, RemoteError, UsageError
from reconciler.model.drift import RepositoryLabel
from reconciler.model.matching import match_resources
from reconciler.model.observed import Repository
from reconciler.ports.capability import Can, Cannot, Capability
from reconciler.ports.consumer import Consumer
from reconciler.sandbox.faults import FaultKind
from tests.contract.consumer_bench import ConsumerBench, choose, only, open_bench, selected

CLAIMS = {
    Capability.CONNECT: "test_connected_is_observed",
    Capability.CHECK: "test_connected_checks_out",
    Capability.SELECT: "test_selection_is_replaced_exactly",
    Capability.FOLLOW_NEW: "test_following_new_repositories_round_trips",
    Capability.DISCONNECT: "test_disconnecting_twice_is_success",
    Capability.ROTATE: "test_successor_takes_over_the_selection",
    Capability.READ_EXPIRY: "test_expiry_is_observed",
}


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(name: str) -> Iterator[ConsumerBench]:
    with open_bench(name) as found:
        yield found


@pytest.fixture
async def consumer(bench: ConsumerBench) -> AsyncIterator[Consumer]:
    opened = bench.open()
    yield opened
    await opened.aclose()


# The specification -----------------------------------------------------------------------------


def test_specification_bears_the_name_of_its_folder(name: str) -> None:
    assert spec(name).name == name
    assert name in specs()
    assert spec(name).title


def test_every_profile_on_disk_is_found() -> None:
    assert all(path.is_file() for path in profile_files().values())


def test_unknown_consumer_is_refused() -> None:
    with pytest.raises(UsageError, match="nobody") as caught:
        spec("nobody")
    assert names()[0] in caught.value.hint


def test_every_claimed_capability_is_proven_by_a_test(name: str) -> None:
    claimed = {c for c, ability in spec(name).abilities.items() if isinstance(ability, Can)}
    assert claimed <= CLAIMS.keys()
    assert all(test in globals() for test in CLAIMS.values())


def test_every_ability_names_its_source(name: str) -> None:
    for ability in spec(name).abilities.values():
        assert ability.source.startswith("https://")
        if isinstance(ability, Cannot):
            assert ability.instead


# Laws ------------------------------------------------------------------------------------------


async def test_fresh_tenant_has_no_connections(consumer: Consumer) -> None:
    assert await consumer.observe() == ()


async def test_connected_is_observed(bench: ConsumerBench, consumer: Consumer) -> None:
    request = bench.request("acme [reconciler:x:1]")
    added = await consumer.connect(request)
    live = await only(consumer)
    assert (live.id, live.name, live.provider) == (added.id, request.name, bench.provider)
    assert (live.kind, live.username) == (request.kind, request.username)
    assert selected(live) == set()


async def test_connected_by_specification_is_observed(bench: ConsumerBench) -> None:
    opened = bench.open_by_spec()
    try:
        added = await opened.connect(bench.request("by-spec"))
        assert [live.id for live in await opened.observe()] == [added.id]
    finally:
        await opened.aclose()


async def test_expiry_is_observed(bench: ConsumerBench, consumer: Consumer) -> None:
    await consumer.connect(bench.request("a"))
    ends = (await only(consumer)).expires_at
    assert ends is not None
    assert ends > bench.now()


async def test_connected_checks_out(bench: ConsumerBench, consumer: Consumer) -> None:
    added = await consumer.connect(bench.request("a"))
    assert (await consumer.check(added.id)).ok


async def test_selection_is_replaced_exactly(bench: ConsumerBench, consumer: Consumer) -> None:
    one, two, three, *_ = bench.labels()
    added = await consumer.connect(bench.request("a"))
    await choose(bench, consumer, added.id, want=(one, two))
    assert selected(await only(consumer)) == {one.name, two.name}
    await choose(bench, consumer, added.id, want=(three,), drop=(one,))
    assert selected(await only(consumer)) == {two.name, three.name}


async def test_selecting_twice_changes_nothing(bench: ConsumerBench, consumer: Consumer) -> None:
    added = await consumer.connect(bench.request("a"))
    for _ in range(2):
        await choose(bench, consumer, added.id, want=bench.labels()[:2])
    assert len(selected(await only(consumer))) == 2


async def test_what_nobody_asked_about_stays_selected(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    one, two, three, *_ = bench.labels()
    added = await consumer.connect(bench.request("a"))
    bench.tick(added.id, three.name)
    await choose(bench, consumer, added.id, want=(one,), drop=(two,))
    assert selected(await only(consumer)) == {one.name, three.name}


async def test_selection_that_was_not_read_whole_is_not_written(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    one, two, *_ = bench.labels()
    added = await consumer.connect(bench.request("a"))
    bench.tick(added.id, one.name)
    bench.arm(FaultKind.MISSING_FIELDS, body=bench.listing, value=bench.certifying_field, times=50)
    with pytest.raises(RemoteError) as caught:
        await choose(bench, consumer, added.id, want=(two,))
    assert caught.value.fault is Fault.BAD_REPLY
    observed = (await only(consumer)).selection
    assert observed is not None
    assert not observed.complete
    assert observed.gap
    bench.disarm()
    assert selected(await only(consumer)) == {one.name}


async def test_repository_that_is_not_listed_is_refused(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    added = await consumer.connect(bench.request("a"))
    label = bench.labels()[0]
    ghosts = tuple(RepositoryLabel(f"ghost-{n}", f"{{0000{n}}}") for n in range(7))
    with pytest.raises(RemoteError, match=r"ghost-0.*ghost-4 and 2 more") as caught:
        await choose(bench, consumer, added.id, want=(label, *ghosts))
    assert caught.value.fault is Fault.REJECTED
    assert selected(await only(consumer)) == set()


@pytest.mark.parametrize("follow", [True, False], ids=["follow", "ignore"])
async def test_following_new_repositories_round_trips(
    bench: ConsumerBench, consumer: Consumer, *, follow: bool
) -> None:
    added = await consumer.connect(bench.request("a"))
    await choose(bench, consumer, added.id, want=bench.labels()[:1], follow_new=follow)
    made = bench.create_repository("brand-new")
    live = await only(consumer)
    assert live.selection is not None
    assert live.selection.follows_new is follow
    assert (made.name in selected(live)) is follow


async def test_successor_takes_over_the_selection(bench: ConsumerBench, consumer: Consumer) -> None:
    one, two, three, four, *_ = bench.labels()
    old = await consumer.connect(bench.request("a:1"))
    await choose(bench, consumer, old.id, want=(one, two))
    bench.tick(old.id, three.name)
    new = await consumer.connect(bench.request("a:2"))
    await choose(bench, consumer, new.id, want=(one, four), drop=(two,), copy_from=old.id)
    await consumer.disconnect(old.id)
    live = await only(consumer)
    assert live.id == new.id
    assert selected(live) == {one.name, three.name, four.name}


async def test_disconnecting_twice_is_success(bench: ConsumerBench, consumer: Consumer) -> None:
    kept = await consumer.connect(bench.request("kept"))
    added = await consumer.connect(bench.request("a"))
    await consumer.disconnect(added.id)
    await consumer.disconnect(added.id)
    assert [live.id for live in await consumer.observe()] == [kept.id]


async def test_dead_credential_is_told(bench: ConsumerBench, consumer: Consumer) -> None:
    secret = bench.mint()
    added = await consumer.connect(bench.request("a", secret))
    bench.kill(secret)
    verdict = await consumer.check(added.id)
    assert not verdict.ok
    assert verdict.cause
    assert verdict.hint


async def test_dead_credential_hides_no_other_connection(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    secret = bench.mint()
    dead = await consumer.connect(bench.request("dead", secret))
    alive = await consumer.connect(bench.request("alive"))
    bench.kill(secret)
    found = {live.id: live.selection for live in await consumer.observe()}
    assert found.keys() == {dead.id, alive.id}
    assert found[alive.id] is not None
    gone = found[dead.id]
    assert gone is None or not gone.complete


async def test_dead_credential_cannot_be_connected(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    secret = bench.mint()
    bench.kill(secret)
    with pytest.raises(RemoteError) as caught:
        await consumer.connect(bench.request("a", secret))
    assert caught.value.fault is Fault.CREDENTIAL
    assert bench.count() == 0


async def test_revoked_key_says_where_to_get_another(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    bench.kill_key()
    with pytest.raises(RemoteError) as caught:
        await consumer.observe()
    assert caught.value.fault is Fault.CREDENTIAL
    assert "key" in caught.value.hint.lower()


async def test_what_it_costs_is_counted(bench: ConsumerBench, consumer: Consumer) -> None:
    await consumer.connect(bench.request("a"))
    await consumer.observe()
    assert consumer.reads().requests == len(bench.requests())


async def test_observed_resources_match_the_listing(
    bench: ConsumerBench, consumer: Consumer
) -> None:
    await consumer.connect(bench.request("a"))
    live = await only(consumer)
    repositories = {label.id: Repository(label.name) for label in bench.labels()}
    assert live.selection is not None
    matched = match_resources(live.selection.resources, repositories, bench.workspace)
    assert set(matched.values()) == repositories.keys()
