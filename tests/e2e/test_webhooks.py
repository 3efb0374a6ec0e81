"""Webhooks that a connection declares are made, mended and removed; nobody else's are touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest

from reconciler import providers
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.secret import Secret
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login, WebhookKeeper
from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.data_center import instance_in
from reconciler.sandbox.faults import Fault, FaultKind
from tests.builders import a_mark
from tests.e2e.issuing import AZURE, DATA_CENTER
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

URL = "https://scanner.example.org/hooks"
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Watched:
    """One provider: how a world is made and who manages webhooks in it.

    ``prepare`` returns the administrator's secret. ``connection`` is the one that declares.
    ``creates`` is the glob of the request that makes a webhook.
    """

    name: str
    prepare: Callable[[World], str]
    method: dict[str, str]
    connection: str
    account: str
    workspace: str
    url: str
    place: WebhookPlace
    creates: str

    def declared(self) -> dict[str, str]:
        """The place as YAML."""
        if self.place.project:
            return {"project": self.place.project}
        return {"repository": self.place.repository}

    def put_secret(self, world: World, value: str) -> None:
        path = world.root / "secrets" / ADMINISTRATOR
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(value)
        path.chmod(0o600)

    def set_up(self, world: World, *, applied: bool = True) -> None:
        """A world whose connection declares no webhook yet."""
        secret = self.prepare(world)
        self.put_secret(world, secret)
        world.spec("Account", self.account)["administrator"] = {
            **self.method,
            "secret": {"file": f"secrets/{ADMINISTRATOR}"},
        }
        if applied:
            world.apply()

    def hands(self, world: World, act: str, **change: str) -> list[LiveWebhook]:
        """What somebody with the administrator's credential sees, or does, at the provider."""
        secret = Secret((world.root / "secrets" / ADMINISTRATOR).read_text())
        login = Login(MethodKind(self.method["type"]), secret, level=self.method.get("level", ""))
        account = DesiredAccount(
            "a", self.name, self.workspace, world.environment[self.url], a_mark()
        )

        async def run() -> list[LiveWebhook]:
            provider = providers.spec(self.name).open(account, 2, None)
            keeper = cast("WebhookKeeper", provider)
            try:
                found = await keeper.webhooks(login, self.place)
                if act == "add":
                    push = tuple(providers.spec(self.name).events["push"])
                    order = WebhookOrder("made by hand", change["url"], push)
                    await keeper.put_webhook(login, self.place, order, "")
                if act == "delete":
                    for webhook in found:
                        await keeper.delete_webhook(login, self.place, webhook.id)
                return list(await keeper.webhooks(login, self.place))
            finally:
                await provider.aclose()

        return asyncio.run(run())


def _cloud(world: World) -> str:
    scopes = ("repository", "project", "webhook", "repository:admin")
    return world.sandbox.bitbucket.mint_access_token("acme", scopes, name="hooks").token


def _data_center(world: World) -> str:
    DATA_CENTER.declare(world)
    token = instance_in(world.sandbox).mint_token(
        owner="admin", permissions=("PROJECT_ADMIN", "REPO_ADMIN"), name="hooks"
    )
    return token.token


def _azure(world: World) -> str:
    AZURE.declare(world)
    scopes = ("vso.code", "vso.project", "vso.profile")
    return organization_in(world.sandbox).mint_pat("ada@acme.example", scopes=scopes).token


SIDES = {
    "bitbucket-cloud": Watched(
        "bitbucket-cloud",
        _cloud,
        {"type": "access-token", "level": "workspace"},
        "ox-acme",
        "acme",
        "acme",
        "BITBUCKET_CLOUD_URL",
        WebhookPlace(repository="ledger"),
        "POST */hooks*",
    ),
    "bitbucket-data-center": Watched(
        "bitbucket-data-center",
        _data_center,
        {"type": "http-access-token", "level": "user", "username": "admin"},
        "ox-git",
        "git",
        "git",
        "DATA_CENTER_URL",
        WebhookPlace(project="PAY"),
        "POST */webhooks*",
    ),
    "azure-devops": Watched(
        "azure-devops",
        _azure,
        {"type": "personal-access-token"},
        "ox-git",
        "git",
        "acme",
        "AZURE_DEVOPS_URL",
        WebhookPlace(project="Payments"),
        "POST */hooks/subscriptions*",
    ),
}


@pytest.fixture(params=list(SIDES.values()), ids=list(SIDES))
def side(request: pytest.FixtureRequest) -> Watched:
    found: Watched = request.param
    return found


def declare(world: World, side: Watched, **more: object) -> None:
    one = {"url": URL, **side.declared(), "secret": {"env": "HOOK_SECRET"}, **more}
    world.connection(side.connection)["webhooks"] = [one]


def ours(webhooks: list[LiveWebhook], side: Watched) -> list[LiveWebhook]:
    return [w for w in webhooks if w.name.startswith(f"{side.connection} [reconciler ")]


@pytest.fixture(autouse=True)
def hook_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "a-secret-of-deliveries")


def test_a_declared_webhook_is_made_and_then_nothing_is_left_to_do(
    world: World, side: Watched
) -> None:
    side.set_up(world)
    side.hands(world, "add", url="https://elsewhere.example.org/")
    declare(world, side)
    assert world.actions() == {f"connection.{side.connection}": "rescope"}
    world.apply()
    world.settled()
    every = side.hands(world, "look")
    (mine,) = ours(every, side)
    assert (mine.url, mine.active, mine.place) == (URL, True, side.place)
    assert len(every) == 2
    assert "a-secret-of-deliveries" not in "".join(world.outputs)


def test_a_new_connection_brings_its_webhooks_along(world: World, side: Watched) -> None:
    side.set_up(world, applied=False)
    declare(world, side)
    assert world.actions() == {f"connection.{side.connection}": "connect"}
    world.apply()
    world.settled()
    assert len(ours(side.hands(world, "look"), side)) == 1


def test_other_events_or_another_secret_replace_it(
    world: World, side: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    side.set_up(world)
    declare(world, side)
    world.apply()
    (before,) = ours(side.hands(world, "look"), side)
    declare(world, side, events=["push"])
    world.apply()
    world.settled()
    (pushes,) = ours(side.hands(world, "look"), side)
    assert pushes.events == providers.spec(side.name).events["push"]
    assert pushes.events < before.events
    monkeypatch.setenv("HOOK_SECRET", "another-secret-of-deliveries")
    assert world.actions() == {f"connection.{side.connection}": "rescope"}
    world.apply()
    world.settled()
    assert len(ours(side.hands(world, "look"), side)) == 1


def test_one_that_somebody_deleted_is_drift_and_comes_back(world: World, side: Watched) -> None:
    side.set_up(world)
    declare(world, side)
    world.apply()
    side.hands(world, "delete")
    drift = world.run("drift", "--format", "json").doc
    assert drift["connections"][0]["status"] == "drifted"
    world.apply()
    world.settled()
    assert len(ours(side.hands(world, "look"), side)) == 1


def test_its_line_taken_out_takes_it_away_and_leaves_the_others(
    world: World, side: Watched
) -> None:
    side.set_up(world)
    declare(world, side)
    world.apply()
    side.hands(world, "add", url="https://elsewhere.example.org/")
    del world.connection(side.connection)["webhooks"]
    world.apply()
    world.settled()
    (left,) = side.hands(world, "look")
    assert left.url == "https://elsewhere.example.org/"


def test_it_goes_with_its_connection(world: World, side: Watched) -> None:
    side.set_up(world)
    declare(world, side)
    world.apply()
    del world.documents["Connection", side.connection]
    world.apply()
    world.settled()
    assert side.hands(world, "look") == []


def test_a_lost_answer_to_making_one_leaves_exactly_one(world: World, side: Watched) -> None:
    side.set_up(world)
    declare(world, side)
    world.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, emulator=side.name, match=side.creates))
    assert world.run("apply", "--auto-approve").code in (0, 1)
    world.apply()
    world.settled()
    assert len(ours(side.hands(world, "look"), side)) == 1


def test_without_the_right_to_manage_them_everything_else_goes_on(
    world: World, side: Watched
) -> None:
    side.set_up(world)
    declare(world, side)
    side.put_secret(world, "not-a-credential")
    plan = world.plan()
    assert [n["code"] for n in plan["notes"] if n["severity"] == "error"] == ["webhooks-unreadable"]
    assert plan["withheld"] == []
