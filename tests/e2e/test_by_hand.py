"""A consumer without an API, from a user's own profile: every step is a person's."""

from __future__ import annotations

import pytest

from tests.e2e.world import MANAGE_ALL, World

pytestmark = pytest.mark.e2e

SCOPES = ["read:user:bitbucket", "read:repository:bitbucket"]


@pytest.fixture
def by_hand(world: World) -> World:
    """The world with a consumer of the user's own beside nothing else."""
    world.documents.pop(("Connection", "ox-acme"))
    world.documents.pop(("Consumer", "ox-prod"))
    world.declare(
        "ConsumerProfile",
        "reviewer",
        title="Reviewer",
        endpoint="https://reviewer.example",
        selection="token",
        methods=[
            {
                "provider": "bitbucket-cloud",
                "type": "api-token",
                "login": "email",
                "scopes": [{"name": name, "feature": "reading code"} for name in SCOPES],
                "source": {"url": "https://reviewer.example/docs", "checked": "2026-11-21"},
            }
        ],
    )
    world.declare("Consumer", "review-team", profile="reviewer")
    world.spec("Method", "ox-bot-token")["scopes"] = SCOPES
    world.put_token(world.mint(scopes=tuple(SCOPES)))
    world.declare(
        "Connection",
        "reviews",
        consumer="review-team",
        account="acme",
        method="ox-bot-token",
        repositories={"all": True},
        manage=MANAGE_ALL,
    )
    return world


def waiting(world: World) -> list[str]:
    return [w["step"]["id"] for w in world.plan()["waiting"]]


def test_connecting_waits_for_the_person_and_ends_with_an_acknowledgement(by_hand: World) -> None:
    assert by_hand.actions() == {"connection.reviews": "connect"}
    assert "https://reviewer.example" in by_hand.apply().out
    by_hand.settled()
    assert waiting(by_hand) == ["enter"]
    assert by_hand.run("ack", "reviews", "enter").code == 0
    by_hand.apply()
    by_hand.settled()
    assert waiting(by_hand) == []
    assert by_hand.run("plan", "--detailed-exitcode").code == 0


def test_a_rotation_and_the_end_are_steps_by_hand_too(by_hand: World) -> None:
    by_hand.apply()
    by_hand.run("ack", "reviews")
    by_hand.apply()
    by_hand.put_token(by_hand.mint(scopes=tuple(SCOPES)), place="ox-bot.token.next")
    by_hand.apply()
    assert waiting(by_hand) == ["enter"]
    by_hand.run("ack", "reviews")
    by_hand.apply()
    by_hand.settled()
    assert waiting(by_hand) == ["revoke-old"]
    del by_hand.documents["Connection", "reviews"]
    by_hand.apply()
    assert waiting(by_hand) == ["remove-by-hand"]
    by_hand.run("ack", "reviews")
    by_hand.apply()
    by_hand.settled()
    assert waiting(by_hand) == []
