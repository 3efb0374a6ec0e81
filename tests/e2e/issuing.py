"""Worlds in which the provider makes the credentials: Data Center and Azure DevOps, read by OX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.model.address import ConnectionAddress
from reconciler.model.secret import Fingerprinter, Secret
from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.data_center import instance_in
from tests.e2e.endstate import credentials, ensure_settled
from tests.e2e.world import MANAGE_ALL, World

ADDRESS = ConnectionAddress("ox-git")
PLACE = "git.token"
MARKER = "ox-git [reconciler "
SOURCE = {"url": "https://docs.ox.security/", "checked": "2026-11-21"}


@dataclass(frozen=True, slots=True)
class Side:
    """One provider's side of a world.

    ``method`` is the Method's spec, ``wide`` other scopes that it may be given. ``ours`` gives the
    credentials there that carry the connection's marker and still work, id → display name;
    ``works`` tells whether a secret does, ``held`` what it may do; ``lost`` is the glob of the
    request that mints.
    """

    name: str
    emulator: str
    account: Callable[[World], dict[str, Any]]
    method: dict[str, Any]
    repositories: dict[str, Any]
    wide: tuple[str, ...]
    ours: Callable[[World], dict[str, str]]
    works: Callable[[World, str], bool]
    held: Callable[[World, str], set[str]]
    lost: str

    def declare(self, world: World, **method: Any) -> None:
        """Make *world* one with this side alone; *method* overrides parts of the Method."""
        world.documents.clear()
        (world.root / "secrets" / "ox-bot.token").unlink(missing_ok=True)
        world.declare("Account", "git", **self.account(world))
        scopes = [{"name": scope, "feature": "reading"} for scope in self.method["scopes"]]
        rule = {
            "provider": self.name,
            "type": self.method["type"],
            "login": "none",
            "levels": ["user"],
            "scopes": scopes,
            "source": SOURCE,
        }
        world.declare(
            "ConsumerProfile",
            "ox-here",
            title="OX, with the connectors of this tenant",
            adapter="ox",
            selection="consumer",
            methods=[rule],
        )
        world.declare(
            "Consumer",
            "ox-prod",
            profile="ox-here",
            endpoint=world.environment["OX_URL"],
            credential={"env": "OX_API_KEY"},
        )
        world.declare("Method", "git-token", **{**self.method, **method})
        world.declare(
            "Connection",
            "ox-git",
            consumer="ox-prod",
            account="git",
            method="git-token",
            repositories=self.repositories,
            manage=MANAGE_ALL,
        )


def _data_center_account(world: World) -> dict[str, Any]:
    return {
        "provider": "bitbucket-data-center",
        "workspace": "git",
        "apiUrl": world.environment["DATA_CENTER_URL"],
        "reader": {
            "type": "http-access-token",
            "level": "user",
            "username": "svc-reader",
            "secret": {"env": "DC_READER_TOKEN"},
        },
    }


def _data_center_ours(world: World) -> dict[str, str]:
    instance = instance_in(world.sandbox)
    tokens = instance.tokens(owner="svc-scanner")
    return {t.id: t.name for t in tokens if t.name.startswith(MARKER)}


def _azure_account(world: World) -> dict[str, Any]:
    return {
        "provider": "azure-devops",
        "workspace": "acme",
        "apiUrl": world.environment["AZURE_DEVOPS_URL"],
        "reader": {"type": "personal-access-token", "secret": {"env": "AZURE_READER_PAT"}},
    }


def _azure_ours(world: World) -> dict[str, str]:
    organization = organization_in(world.sandbox)
    pats = organization.pats("svc-scm@acme.example")
    alive = (p for p in pats if not organization.why_not(p))
    return {p.id: p.name for p in alive if p.name.startswith(MARKER)}


DATA_CENTER = Side(
    name="bitbucket-data-center",
    emulator="bitbucket-data-center",
    account=_data_center_account,
    method={
        "type": "http-access-token",
        "level": "user",
        "username": "svc-scanner",
        "secret": {"file": f"secrets/{PLACE}"},
        "scopes": ["PROJECT_READ", "REPO_READ"],
        "maxAge": "90d",
        "overlap": "1s",
        "issuer": {
            "type": "password",
            "username": "svc-scanner",
            "secret": {"env": "DC_SCANNER_PASSWORD"},
        },
    },
    repositories={"include": [{"project": "PAY"}]},
    wide=("PROJECT_READ", "REPO_WRITE"),
    ours=_data_center_ours,
    works=lambda world, secret: instance_in(world.sandbox).try_token(secret).ok,
    held=lambda world, secret: set(instance_in(world.sandbox).token(secret).permissions),
    lost="PUT /bitbucket/rest/access-tokens/*",
)
AZURE = Side(
    name="azure-devops",
    emulator="azure-devops",
    account=_azure_account,
    method={
        "type": "personal-access-token",
        "secret": {"file": f"secrets/{PLACE}"},
        "scopes": ["vso.code", "vso.profile", "vso.project"],
        "maxAge": "90d",
        "overlap": "1s",
        "issuer": {"type": "bearer", "secret": {"env": "AZURE_SCM_USER_TOKEN"}},
    },
    repositories={"include": [{"project": "Payments"}]},
    wide=("vso.code_write", "vso.profile", "vso.project"),
    ours=_azure_ours,
    works=lambda world, secret: organization_in(world.sandbox).try_pat(secret).ok,
    held=lambda world, secret: set(organization_in(world.sandbox).pat(secret).scopes),
    lost="POST /acme/_apis/tokens/pats*",
)
SIDES = {side.name: side for side in (DATA_CENTER, AZURE)}


def places(world: World) -> dict[str, str]:
    """What lies in the folder of secrets."""
    folder = world.root / "secrets"
    return {p.name: p.read_text().strip() for p in folder.iterdir()} if folder.exists() else {}


def ensure_one(world: World, side: Side, *, waiting: tuple[str, ...] = ()) -> str:
    """Exactly one live credential of ours: recorded, kept, and what the consumer uses; its value.

    Nothing is left to do but *waiting*, and nothing is left behind anywhere.
    """
    assert tuple(ensure_settled(world)) == waiting
    (live,) = credentials(world)
    ours = side.ours(world)
    assert list(places(world)) == [PLACE]
    assert places(world) == {PLACE: live.secret}
    assert side.works(world, live.secret)
    with world.registry() as registry:
        found = registry.snapshot()
        assert registry.leases() == ()
        registry.history(None)
    record = found.records[ADDRESS]
    assert list(ours) == [record.token_id]
    assert record.live_id == live.id
    assert record.fingerprint == Fingerprinter(found.key).of(Secret(live.secret))
    assert record.expires_at is not None
    if not waiting:
        assert dict(found.operations) == {}
    return live.secret
