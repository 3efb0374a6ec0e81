"""How much one run may take away, what it may take over, and that size alone is no obstacle."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model.marker import mark
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import Generate, Settings
from tests.e2e.endstate import DECLARED, by_hand, credentials, ensure_whole, slugs
from tests.e2e.killing import Stable
from tests.e2e.world import MANAGE_ALL, Run, World

pytestmark = pytest.mark.e2e

APPLY = ("apply", "--auto-approve")
WORDS = re.compile(r"reconciler (apply --accept-limits sha256:[0-9a-f]{64})")


def _token(world: World) -> str:
    return world.environment["OX_BOT_TOKEN"]


def _select(world: World, *names: str) -> None:
    world.connection()["repositories"] = {"include": [{"name": name} for name in names]}


def _selected(world: World) -> frozenset[str]:
    (found,) = credentials(world)
    return slugs(world, found)


def _accepting(run: Run) -> list[str]:
    """The words that a refusal gives."""
    found = WORDS.search(run.out + run.err)
    assert found, run.out + run.err
    return shlex.split(found[1])


def _narrow_beyond(world: World, **limits: int) -> None:
    world.apply()
    world.project["limits"] = limits
    _select(world, "payments-api", "ledger")


def test_a_plan_that_takes_too_much_is_shown_and_refused(world: World) -> None:
    _narrow_beyond(world, removedRepositories=4)
    shown = world.run("plan")
    assert shown.code == 1
    assert "shared-utils" in shown.out
    assert "would lose 5 repositories; the limit is 4" in shown.out
    refused = world.run(*APPLY)
    assert refused.code == 1
    assert "shared-utils" in refused.out
    assert _accepting(refused) == _accepting(shown)
    assert _selected(world) == DECLARED


def test_the_words_of_the_refusal_apply_that_plan_once(world: World) -> None:
    _narrow_beyond(world, removedRepositories=4)
    words = _accepting(world.run("plan"))
    accepted = world.run(*words)
    assert accepted.code == 0, accepted.err
    ensure_whole(world, token=_token(world), selected=frozenset({"payments-api", "ledger"}))
    _select(world, "payments-api", "ledger", "storefront", "docs-site", "ci-images", "infra-live")
    world.apply()
    _select(world, "payments-api")
    again = world.run(*words)
    assert again.code == 1
    assert "is not this one" in again.err
    assert len(_selected(world)) == 6


def test_a_limit_that_is_just_kept_is_no_obstacle(world: World) -> None:
    _narrow_beyond(world, removedRepositories=5)
    world.apply()
    ensure_whole(world, token=_token(world), selected=frozenset({"payments-api", "ledger"}))


def test_a_share_counts_from_the_declared_number_on(world: World) -> None:
    _narrow_beyond(world, removedPercent=50, percentFrom=7)
    refused = world.run(*APPLY)
    assert refused.code == 1
    assert "5 of 7 repositories; the limit is 50 %" in refused.out + refused.err
    world.project["limits"] = {"removedPercent": 50, "percentFrom": 8}
    world.apply()


def test_repositories_that_vanish_at_the_provider_count_as_well(world: World) -> None:
    world.connection()["repositories"] |= {"missing": "remove"}
    world.apply()
    world.project["limits"] = {"removedRepositories": 1}
    world.connection()["repositories"]["exclude"] = [{"name": "payments-*"}]
    assert world.run(*APPLY).code == 1
    assert _selected(world) == DECLARED


@pytest.mark.parametrize(
    "repositories",
    [
        {"include": [{"name": "nothing-*"}]},
        {"include": [{"name": "led*"}], "exclude": [{"name": "ledger"}]},
        {"include": [{"name": "ledger"}], "exclude": [{"name": "led*"}]},
        {"include": [{"name": "ledger"}], "where": {"fork": True}},
        {"include": [{"project": "NONE"}]},
    ],
    ids=["no-match", "excluded", "excluded-by-pattern", "where", "project"],
)
@pytest.mark.parametrize("connected", [True, False], ids=["connected", "new"])
def test_the_last_repository_is_never_taken(
    world: World, repositories: dict[str, object], connected: bool
) -> None:
    if connected:
        world.apply()
    world.connection()["repositories"] = repositories
    run = world.run(*APPLY)
    assert run.code == 1, run.out
    found = [slugs(world, c) for c in credentials(world)]
    assert found == ([DECLARED] if connected else [])


def test_nothing_is_applied_inside_a_freeze_window(world: World) -> None:
    world.apply()
    now = datetime.now(UTC)
    window = {
        "from": f"{now - timedelta(days=2):%Y-%m-%d}",
        "to": f"{now + timedelta(days=2):%Y-%m-%d}",
        "reason": "end of the quarter",
    }
    world.project["freezes"] = [window]
    _select(world, "ledger")
    plan = world.plan()
    assert [w["code"] for w in plan["withheld"]] == ["withheld_freeze"]
    assert plan["resource_changes"] == [] or not any(c["action"] for c in plan["resource_changes"])
    run = world.run(*APPLY, "--detailed-exitcode")
    assert run.code == 3
    assert "end of the quarter" in run.out
    assert _selected(world) == DECLARED
    world.project["freezes"] = []
    world.apply()
    assert _selected(world) == {"ledger"}


def _several(world: World, count: int) -> None:
    """*count* connections in all, each by a user of its own."""
    bitbucket = world.sandbox.bitbucket
    names = sorted(r.slug for r in bitbucket.repositories("acme"))
    scopes = bitbucket.credential(_token(world)).scopes
    for number in range(count - 1):
        email = _hire(world, number)
        token = bitbucket.mint_api_token(email, scopes=scopes).token
        world.put_token(token, place=f"bot-{number}")
        method = {
            "type": "api-token",
            "username": email,
            "secret": {"file": f"secrets/bot-{number}"},
            "scopes": "profile",
        }
        world.declare(
            "Connection",
            f"ox-{number}",
            consumer="ox-prod",
            account="acme",
            method=method,
            repositories={"include": [{"name": names[number]}]},
            manage=MANAGE_ALL,
        )


def _hire(world: World, number: int) -> str:
    """Another member of the workspace; the e-mail."""
    estate = world.sandbox.bitbucket.estate
    bot = world.sandbox.bitbucket.user(world.environment["OX_BOT_EMAIL"])
    email, uuid = f"bot-{number}@acme.example", f"{{00000000-0000-0000-0000-{number:012d}}}"
    estate.users[uuid] = replace(bot, uuid=uuid, email=email, account_id=f"712020:{number}")
    home = estate.workspace("acme")
    estate.put_workspace(replace(home, members={**home.members, uuid: "member"}))
    return email


def _undeclare(world: World, *names: str) -> None:
    for name in names:
        del world.documents["Connection", name]


def test_too_many_disconnections_are_refused_and_may_be_accepted_once(world: World) -> None:
    _several(world, 6)
    world.apply()
    assert len(credentials(world)) == 6
    _undeclare(world, "ox-0", "ox-1", "ox-2", "ox-3")
    refused = world.run(*APPLY)
    assert refused.code == 1
    assert "4 connections would end; the limit is 3" in refused.out + refused.err
    assert len(credentials(world)) == 6
    accepted = world.run(*_accepting(refused))
    assert accepted.code == 0, accepted.err
    assert len(credentials(world)) == 2
    world.settled()


def test_all_connections_at_once_are_not_ended(world: World) -> None:
    _several(world, 3)
    world.apply()
    _undeclare(world, "ox-0", "ox-1", "ox-acme")
    refused = world.run(*APPLY)
    assert refused.code == 1
    assert "all 3 connections would end" in refused.out + refused.err
    assert len(credentials(world)) == 3


@pytest.mark.parametrize(
    "name",
    ["ox-acme", "made by somebody", str(mark("ox-acme", "a-registry-of-others", 1))],
    ids=["same-name", "same-user", "marked-by-another-registry"],
)
def test_a_connection_that_somebody_else_made_is_not_taken_over(world: World, name: str) -> None:
    made = by_hand(world, name, selected=frozenset({"ledger", "storefront"}))
    plan = world.plan()
    assert [w["code"] for w in plan["withheld"]] == ["withheld_not_ours"]
    assert made.id in plan["withheld"][0]["hint"]
    world.run(*APPLY)
    assert [c.id for c in credentials(world)] == [made.id]
    assert _selected(world) == {"ledger", "storefront"}


def test_what_is_named_by_adopt_is_taken_over_and_then_all_agrees(world: World) -> None:
    made = by_hand(world, "ox-acme", selected=frozenset({"ledger", "storefront"}))
    world.connection()["adopt"] = made.id
    assert world.actions() == {"connection.ox-acme": "adopt"}
    world.apply()
    ensure_whole(world, token=_token(world), adopted=True)
    assert credentials(world)[0].id == made.id
    del world.connection()["adopt"]
    world.settled()


def test_an_ambiguous_adopt_takes_over_nothing(world: World) -> None:
    for _ in range(2):
        by_hand(world, "twin", selected=frozenset({"ledger"}))
    world.connection()["adopt"] = "twin"
    assert [w["code"] for w in world.plan()["withheld"]] == ["withheld_not_ours"]


def test_an_adopt_that_names_nothing_connects_nothing_beside_it(world: World) -> None:
    world.connection()["adopt"] = "cred-404"
    run = world.run(*APPLY)
    assert credentials(world) == []
    assert "cred-404" in run.out + run.err


def test_adopting_what_another_record_holds_is_refused(world: World) -> None:
    world.apply()
    (mine,) = credentials(world)
    world.declare(
        "Connection",
        "ox-thief",
        consumer="ox-prod",
        account="acme",
        method="ox-bot-token",
        repositories={"include": [{"name": "storefront"}]},
        manage=MANAGE_ALL,
        adopt=mine.id,
    )
    world.run(*APPLY)
    with world.registry() as registry:
        held = [r.live_id for r in registry.snapshot().records.values()]
    assert len(held) == len(set(held))
    assert DECLARED in [slugs(world, c) for c in credentials(world)]


@pytest.fixture
def large(tmp_path: Path, stable: Stable) -> Iterator[World]:
    generate = (Generate(10_000, 40),)
    with RunningSandbox(Settings(generate=generate)) as box:
        yield World(tmp_path / "project", box, stable=stable)


@pytest.mark.slow
def test_ten_thousand_repositories_are_planned_and_applied_in_one_go(large: World) -> None:
    large.connection()["repositories"] = {"include": [{"name": "*-0*"}, {"project": "PAY"}]}
    plan = large.plan()
    listed = next(r for r in plan["reads"]["scopes"] if r["scope"].startswith("bitbucket-cloud"))
    assert (listed["seen"], listed["complete"]) == (10_000, True)
    assert plan["reads"]["requests"] <= 100 + 5
    large.apply()
    large.settled()
    assert len(credentials(large)[0].selected) > 9_900
    assert large.plan()["reads"]["requests"] <= 100 + 5
