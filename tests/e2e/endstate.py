"""What must be true in the end, however an apply was interrupted."""

from __future__ import annotations

from reconciler.model.address import ConnectionAddress
from reconciler.model.record import OperationState
from reconciler.model.secret import Fingerprinter, Secret
from reconciler.sandbox.ox import tenant_of
from reconciler.sandbox.ox_state import BITBUCKET_CLOUD, OxCredential
from tests.e2e.world import World

ADDRESS = ConnectionAddress("ox-acme")
DECLARED = frozenset(
    {
        "payments-api",
        "payments-web",
        "payments-archive",
        "ledger",
        "shared-auth",
        "shared-utils",
        "shared-lib",
    }
)
"""What the connection of a fresh world selects."""


def credentials(world: World) -> list[OxCredential]:
    """What OX holds, secrets included."""
    return list(tenant_of(world.sandbox).credentials.values())


def by_hand(world: World, name: str, *, selected: frozenset[str] = frozenset()) -> OxCredential:
    """A connection that a person made in OX with the bot's token."""
    tenant = tenant_of(world.sandbox)
    made = tenant.add(
        OxCredential(
            id=tenant.new_id(),
            name=name,
            connector_id=BITBUCKET_CLOUD,
            credentials_type="TokenAndUser",
            host_url=world.environment["BITBUCKET_CLOUD_URL"],
            username=world.environment["OX_BOT_EMAIL"],
            secret=world.environment["OX_BOT_TOKEN"],
        )
    )
    world.ox.select(connection=made.id, add=sorted(selected))
    return made


def slugs(world: World, credential: OxCredential) -> frozenset[str]:
    """Names of the repositories that a connection monitors."""
    named = {r.uuid: r.slug for r in world.sandbox.bitbucket.repositories("acme")}
    return frozenset(named[key] for key in credential.selected)


def ensure_settled(world: World) -> list[str]:
    """Nothing is left to do, and looking moved nothing; the manual steps that are waited for."""
    before = world.serial()
    plan = world.plan()
    assert [c for c in plan["resource_changes"] if c["change"]["actions"] != ["no-op"]] == []
    assert (plan["withheld"], plan["errors"]) == ([], [])
    assert world.serial() == before
    return [w["step"]["id"] for w in plan["waiting"]]


def ensure_whole(
    world: World, *, token: str, selected: frozenset[str] = DECLARED, adopted: bool = False
) -> list[str]:
    """One live connection, ours, with the declared credential and selection; all agree.

    *token* is empty for a connection without one of ours. Returns as `ensure_settled`.
    """
    waiting = ensure_settled(world)
    (live,) = credentials(world)
    assert live.secret == token
    assert slugs(world, live) == selected
    assert adopted or "ox-acme" in live.name
    with world.registry() as registry:
        found = registry.snapshot()
        assert registry.leases() == ()
        registry.history(None)  # raises when the chain of the audit log is broken
    record = found.records[ADDRESS]
    assert record.live_id == live.id
    assert frozenset(s.name for s in record.selection.values()) == selected
    assert record.fingerprint == (Fingerprinter(found.key).of(Secret(token)) if token else "")
    assert all(o.state is OperationState.WAITING for o in found.operations.values())
    return waiting


def ensure_gone(world: World) -> None:
    """Nothing of ours is left, live or recorded."""
    assert ensure_settled(world) == []
    assert credentials(world) == []
    with world.registry() as registry:
        found = registry.snapshot()
        assert registry.leases() == ()
    assert (dict(found.records), dict(found.operations)) == ({}, {})


def break_leases(world: World) -> None:
    """What `reconciler registry unlock --all` does."""
    with world.registry() as registry:
        for lease in registry.leases():
            registry.break_lease(lease.name)
