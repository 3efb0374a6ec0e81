"""The steps that make, publish, change and end credentials at a provider."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from reconciler.apply.bench import Bench
from reconciler.errors import Fault, RegistryError, RemoteError, SecretError
from reconciler.model.action import (
    Discard,
    Drain,
    ManualStep,
    Mint,
    Publish,
    RescopeCredential,
    RevokeCredential,
)
from reconciler.model.facts import MINTED, MINTED_AS
from reconciler.model.marker import mark
from reconciler.model.observed import CredentialReport, Slot, Verdict
from reconciler.model.record import Operation, OperationState
from reconciler.model.scope import compare_scopes
from reconciler.model.secret import Secret, SecretRef
from reconciler.ports.provider import CredentialHome, Issuer, IssuerLogin, Minted, Order
from reconciler.ports.secrets import SecretSource

_WORTH_WAITING = timedelta(seconds=60)
"""An overlap that ends within a minute is waited for; a longer one is the next run's."""


def _desk(bench: Bench) -> tuple[Issuer, IssuerLogin, CredentialHome]:
    """The provider as an issuer, who signs in there, and where the credentials live."""
    method, provider = bench.wanted.method, bench.provider
    if method.issuer is None or not isinstance(provider, Issuer):
        raise RegistryError("no issuer is declared any more", hint="plan again")
    secret = bench.ports.secrets[method.issuer.secret.source].read(method.issuer.secret)
    if secret is None:
        raise SecretError(
            f"the issuer of {method.name!r} has no secret: {method.issuer.secret.place} is not set",
            hint="set it and apply again",
        )
    return provider, IssuerLogin.of(method.issuer, secret), CredentialHome.of(method)


async def mint(bench: Bench, step: Mint) -> None:
    """Make a credential and record its id before anybody can need it.

    When the answer is lost, what was made is found by its name and ended: its secret is gone.
    """
    issuer, login, home = _desk(bench)
    name = str(mark(step.name, bench.lineage, step.generation))
    order = Order(home, name, step.scopes, bench.now() + timedelta(days=step.days))
    try:
        minted = await issuer.issue(login, order)
    except RemoteError as error:
        if error.fault is not Fault.AMBIGUOUS:
            raise
        for found in await issuer.issued(login, home):
            if found.name == name and not _is_recorded(bench, found.id):
                await issuer.revoke(login, home, found.id)
        minted = await issuer.issue(login, order)
    _keep(bench, minted)


def _keep(bench: Bench, minted: Minted) -> None:
    method = bench.wanted.method
    place = method.successor or method.secret
    if place is None:
        raise RegistryError("there is no place for a new secret", hint="plan again")
    fingerprint = bench.fingerprinter.of(minted.secret)
    unknown = CredentialReport(Verdict.UNKNOWN, cause="it was not shown to the provider yet")
    bench.minted = minted
    bench.slot = Slot(place, fingerprint, minted.secret, unknown)
    known = Operation(
        id=bench.id,
        address=bench.action.address,
        kind=bench.action.kind,
        state=OperationState.RUNNING,
        step="mint",
        since=bench.now(),
        facts={MINTED: minted.credential.id, MINTED_AS: fingerprint},
    )
    note = f"minted credential {minted.credential.id}"
    bench.commit(replace(bench.change(note), operation=known))


async def publish(bench: Bench, step: Publish) -> None:
    """Write the new secret and read it back: from here on a killed run can be taken up again."""
    method = bench.wanted.method
    ref = method.successor if step.successor else method.secret
    if ref is None or bench.slot is None:
        raise RegistryError("there is nothing to publish, or no place for it", hint="plan again")
    await asyncio.to_thread(_write, bench.ports.secrets[ref.source], ref, bench.slot.secret)
    bench.slot = replace(bench.slot, ref=ref)
    bench.published = True


def _write(source: SecretSource, ref: SecretRef, secret: Secret) -> None:
    source.write(ref, secret)
    if source.read(ref) != secret:
        raise SecretError(
            f"{ref.place} does not give back what was written",
            hint="check the source and apply again; the consumer was not touched",
        )


async def rescope(bench: Bench, step: RescopeCredential) -> None:
    """Change the scopes; what the secret can do is checked by the next step.

    Raises:
        RemoteError: REJECTED; the provider leaves more than was asked for. Whoever tried again
            would try for ever.
    """
    issuer, login, home = _desk(bench)
    changed = await issuer.rescope(login, home, step.id, step.scopes)
    party = bench.wanted.account.provider
    spec = bench.ports.providers[party]
    kept = compare_scopes(step.scopes, changed.scopes, spec.implies, spec.partners).surplus
    if kept:
        raise RemoteError(
            party,
            Fault.REJECTED,
            f"{party} leaves the credential {', '.join(kept)}, which nobody asked for",
            hint="declare it among the scopes, or take it away from the credential by hand",
        )
    bench.switched = True


async def drain(bench: Bench, step: Drain) -> ManualStep | None:
    """Wait for the end of the overlap, or leave that to the first run after it."""
    operation, record = bench.operation, bench.record
    is_cut_short = operation is not None and step.wait.id in operation.acknowledged
    if record is None or is_cut_short:
        return None
    left = record.credential_since + timedelta(seconds=step.seconds) - bench.now()
    if left > _WORTH_WAITING:
        return step.wait
    await asyncio.sleep(max(0.0, left.total_seconds()))
    return None


async def revoke(bench: Bench, step: RevokeCredential) -> None:
    """End a credential: never the one that is recorded as in use."""
    if _is_recorded(bench, step.id):
        raise RegistryError(
            f"credential {step.id} is the one in use and is not revoked", hint="plan again"
        )
    issuer, login, home = _desk(bench)
    await issuer.revoke(login, home, step.id)
    bench.revoked = True


def _is_recorded(bench: Bench, credential_id: str) -> bool:
    return bench.record is not None and credential_id == bench.record.token_id


async def take_back(bench: Bench) -> None:
    """End a credential that was minted and could not be published: nobody can ever use it."""
    if bench.minted is None:
        return
    issuer, login, home = _desk(bench)
    await issuer.revoke(login, home, bench.minted.credential.id)
    bench.commit(replace(bench.change("took the minted credential back"), operation=None))


async def discard(bench: Bench, step: Discard) -> None:
    """Take the unused secret out of the successor's place. Already gone is success."""
    ref = bench.wanted.method.successor
    if ref is None:
        raise RegistryError(f"{step.place} is declared no more", hint="plan again")
    await asyncio.to_thread(bench.ports.secrets[ref.source].remove, ref)
