"""Worlds in which the provider makes the credentials: Data Center and Azure DevOps, read by OX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.address import ConnectionAddress
from reconciler.model.secret import Fingerprinter, Secret
from reconciler.sandbox.azure_devops import organization_in
from reconciler.sandbox.data_center import instance_in
from reconciler.sandbox.vault import vault_in
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
    ``works`` tells whether a secret does, ``held`` what it may do. ``calls`` are globs of what is
    asked of the provider, by what for; ``issuer`` is the variable that the issuer signs in by.
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
    calls: Mapping[str, str]
    issuer: str

    def declare(self, world: World, **method: Any) -> None:
        """Make *world* one with this side alone; *method* overrides parts of the Method."""
        world.documents.clear()
        (world.root / "secrets" / "ox-bot.token").unlink(missing_ok=True)
        world.declare("Account", "git", **self.account(world))
        wanted = {**self.method, **method}
        scopes = [{"name": scope, "feature": "reading"} for scope in wanted["scopes"]]
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
        world.declare("Method", "git-token", **wanted)
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
    calls={
        "mint": "PUT /bitbucket/rest/access-tokens/*",
        "list": "GET /bitbucket/rest/access-tokens/*",
        "verify": "GET /bitbucket/rest/api/latest/projects?limit=1",
        "rescope": "POST /bitbucket/rest/access-tokens/*",
        "revoke": "DELETE /bitbucket/rest/access-tokens/*",
        "repositories": "GET /bitbucket/rest/api/latest/repos*limit=1000*",
    },
    issuer="DC_SCANNER_PASSWORD",
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
    calls={
        "mint": "POST /acme/_apis/tokens/pats*",
        "list": "GET /acme/_apis/tokens/pats*",
        "verify": "GET /acme/_apis/connectionData*",
        "rescope": "PUT /acme/_apis/tokens/pats*",
        "revoke": "DELETE /acme/_apis/tokens/pats*",
        "repositories": "GET /acme/_apis/git/repositories*",
    },
    issuer="AZURE_SCM_USER_TOKEN",
)
SIDES = {side.name: side for side in (DATA_CENTER, AZURE)}


def places(world: World) -> dict[str, str]:
    """What lies in the folder of secrets."""
    folder = world.root / "secrets"
    return {p.name: p.read_text().strip() for p in folder.iterdir()} if folder.exists() else {}


def in_vault(world: World) -> dict[str, str]:
    """What the emulated Vault keeps, under the names that a folder of files would have."""
    fields = vault_in(world.sandbox).fields("secret/git")
    names = {"token": PLACE, "token-next": f"{PLACE}.next"}
    return {names[name]: str(value) for name, value in fields.items()}


def ensure_one(
    world: World,
    side: Side,
    *,
    waiting: tuple[str, ...] = (),
    kept: Callable[[World], dict[str, str]] = places,
) -> str:
    """Exactly one live credential of ours: recorded, kept, and what the consumer uses; its value.

    Nothing is left to do but *waiting*, and nothing is left behind anywhere. *kept* reads the
    secret store.
    """
    assert tuple(ensure_settled(world)) == waiting
    (live,) = credentials(world)
    ours = side.ours(world)
    assert kept(world) == {PLACE: live.secret}
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
