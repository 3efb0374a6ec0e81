"""The steps, each short, idempotent and named as in the plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from reconciler.apply import issuing, webhooks
from reconciler.apply.bench import Bench
from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.action import (
    AddCredential,
    CheckConnection,
    CheckCredential,
    Discard,
    Drain,
    DropWebhook,
    ManualStep,
    Mint,
    Promote,
    ProveDead,
    Publish,
    PutWebhook,
    Remember,
    RemoveCredential,
    RescopeCredential,
    RevokeCredential,
    Select,
    Step,
    TakeOver,
)
from reconciler.model.drift import RepositoryLabel
from reconciler.model.facts import (
    FORMER_METHOD,
    FORMER_USER,
    MINTED,
    MINTED_AS,
    REVOKES,
)
from reconciler.model.marker import mark
from reconciler.model.method import ActionKind
from reconciler.model.observed import CredentialReport, LiveConnection, Present, Slot, Verdict
from reconciler.model.record import Operation, OperationState
from reconciler.model.scope import compare_scopes, in_order
from reconciler.ports.consumer import ConnectRequest
from reconciler.ports.provider import Login

_LAG_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""How long a provider is given until a credential made or ended here is so on every node of it."""


async def perform(  # noqa: C901, PLR0912  one arm for each step; mypy keeps the match exhaustive
    bench: Bench, step: Step
) -> ManualStep | None:
    """Carry out one step. Returns the manual step at which the action has to wait."""
    match step:
        case CheckCredential():
            await _check_credential(bench, step)
        case Mint() | Publish() | RescopeCredential() | RevokeCredential() | Discard():
            await _issue(bench, step)
        case Drain():
            return await _drain(bench, step)
        case AddCredential():
            await _add_credential(bench, step)
        case TakeOver():
            await _take_over(bench, step)
        case CheckConnection():
            await _check_connection(bench)
        case Select():
            await _select(bench, step)
        case RemoveCredential():
            await _remove_credential(bench, step)
        case ProveDead():
            await _prove_dead(bench, step)
        case Promote():
            _promote(bench)
        case Remember():
            _remember(bench, step)
        case PutWebhook() | DropWebhook():
            await webhooks.carry_out(bench, step)
        case ManualStep():
            return _manual(bench, step)
    return None


async def _issue(
    bench: Bench, step: Mint | Publish | RescopeCredential | RevokeCredential | Discard
) -> None:
    match step:
        case Mint():
            await issuing.mint(bench, step)
        case Publish():
            await issuing.publish(bench, step)
        case RescopeCredential():
            await issuing.rescope(bench, step)
        case RevokeCredential():
            await issuing.revoke(bench, step)
        case Discard():
            await issuing.discard(bench, step)


async def _drain(bench: Bench, step: Drain) -> ManualStep | None:
    waits = await issuing.drain(bench, step)
    return None if waits is None else _manual(bench, waits)


def _login(bench: Bench, slot: Slot) -> Login:
    return Login.of(bench.wanted.method, slot.secret)


def _slot_of(bench: Bench, step: CheckCredential) -> Slot | None:
    found = bench.view.credential
    if step.old:
        return found.old
    if step.candidate:
        return bench.slot if bench.minted is not None else found.candidate
    return found.held or found.candidate


async def _check_credential(bench: Bench, step: CheckCredential) -> None:
    """Who is it, which scopes, can it read the account."""
    found, slot = bench.view.credential, _slot_of(bench, step)
    if slot is None:
        raise SecretError(
            f"there is no credential to use: {found.missing or 'its source is empty'}",
            hint="put the secret into its source and apply again",
        )
    report = await bench.provider.verify(_login(bench, slot), reach=True)
    for pause in _LAG_S if bench.minted is not None else ():
        if report.verdict is Verdict.WORKS and not report.lacking:
            break
        await asyncio.sleep(pause)  # a node of a cluster may not know the new one yet
        report = await bench.provider.verify(_login(bench, slot), reach=True)
    _ensure_works(bench, slot, report)
    bench.slot, bench.report = slot, report


def _ensure_works(bench: Bench, slot: Slot, report: CredentialReport) -> None:
    party = bench.wanted.account.provider
    is_kept = bench.minted is None or bench.published
    which = f"the credential in {slot.place}" if is_kept else "the credential just minted"
    if report.verdict is not Verdict.WORKS:
        raise RemoteError(
            party,
            Fault.CREDENTIAL,
            f"{which} does not work: {report.cause}",
            hint=report.hint,
        )
    if report.reaches is False:
        raise RemoteError(
            party,
            Fault.PERMISSION,
            f"{which} cannot read {bench.wanted.account.workspace!r}",
            hint="give its owner access to the account, or use another",
        )
    wanted, held = bench.wanted.method.scopes, report.scopes
    implies = bench.ports.providers[party].implies
    verdict = compare_scopes(wanted, held, implies) if wanted and held is not None else None
    missing = verdict.missing if verdict is not None else in_order(report.lacking & set(wanted))
    if missing:
        raise RemoteError(
            party,
            Fault.SCOPE,
            f"{which} lacks {', '.join(missing)}",
            hint="mint one with every scope that `reconciler scopes` lists"
            if is_kept
            else "no credential exceeds its owner: give the owner that right, and apply again",
        )


async def _add_credential(bench: Bench, step: AddCredential) -> None:
    """Add, and after a lost answer look for it under its marker before giving up."""
    desired, slot = bench.wanted, bench.slot
    if slot is None:
        raise SecretError("no credential was checked", hint="plan again")
    name = str(mark(step.name, bench.lineage, step.generation))
    request = ConnectRequest(
        name=name,
        provider=desired.account.provider,
        kind=desired.method.kind,
        host_url=desired.account.api_url,
        workspace=desired.account.workspace,
        username=desired.method.username,
        secret=slot.secret,
        tenant=desired.method.tenant,
        form=desired.method.form,
    )
    try:
        live = await bench.consumer.connect(request)
    except RemoteError as error:
        if error.fault is not Fault.AMBIGUOUS:
            raise
        found = [c for c in await bench.consumer.observe() if c.name == name]
        if len(found) != 1:
            raise
        live = found[0]
    bench.live = bench.added = live
    bench.generation = step.generation


async def _take_over(bench: Bench, step: TakeOver) -> None:
    """Work on a connection that exists."""
    live = bench.view.live.value if isinstance(bench.view.live, Present) else None
    if live is None or live.id != step.live_id:
        found = [c for c in await bench.consumer.observe() if c.id == step.live_id]
        live = found[0] if found else None
    if live is None:
        raise RemoteError(
            bench.wanted.consumer.profile.name,
            Fault.NOT_FOUND,
            f"the connection {step.live_id!r} is gone at the consumer",
            hint="plan again",
        )
    bench.live = live


async def _check_connection(bench: Bench) -> None:
    live = _live(bench)
    check = await bench.consumer.check(live.id)
    if not check.ok:
        raise RemoteError(
            bench.wanted.consumer.profile.name,
            Fault.CREDENTIAL,
            f"the consumer cannot connect: {check.cause}",
            hint=check.hint or "check the credential and its scopes",
        )


def _live(bench: Bench) -> LiveConnection:
    if bench.live is not None:
        return bench.live
    # What a reconnection finds is the one that it removes in the end.
    if isinstance(bench.view.live, Present) and bench.action.kind is not ActionKind.RECONNECT:
        return bench.view.live.value
    raise RemoteError(
        bench.wanted.consumer.profile.name,
        Fault.NOT_FOUND,
        "there is no live connection to work on",
        hint="plan again",
    )


async def _select(bench: Bench, step: Select) -> None:
    change = step.change
    want = tuple(
        sorted(RepositoryLabel(s.name, key) for key, s in change.target.items() if not s.orphaned)
    )
    await bench.consumer.select(
        _live(bench).id,
        want=want,
        drop=change.remove,
        copy_from=step.copy_from,
        workspace=bench.wanted.account.workspace,
        follow_new=change.follows_new,
    )


async def _remove_credential(bench: Bench, step: RemoveCredential) -> None:
    consumer = bench.tenant(step.consumer) if step.consumer else bench.consumer
    await consumer.disconnect(step.live_id)


async def _prove_dead(bench: Bench, step: ProveDead) -> None:
    """Demand that the provider refuses the old credential, or ask the consumer about it."""
    if step.live_id:
        check = await bench.consumer.check(step.live_id)
        bench.old_is_dead = not check.ok
        return
    found = bench.view.credential
    slot = next(
        (s for s in (found.held, found.old) if s and s.fingerprint == step.fingerprint), None
    )
    if slot is None:
        return
    report = await bench.provider.verify(_login(bench, slot), reach=False)
    for pause in _LAG_S if bench.revoked else ():
        if report.verdict not in (Verdict.WORKS, Verdict.UNKNOWN):
            break
        await asyncio.sleep(pause)
        report = await bench.provider.verify(_login(bench, slot), reach=False)
    if report.verdict is Verdict.WORKS or report.verdict is Verdict.UNKNOWN:
        state = "still works" if report.verdict is Verdict.WORKS else "could not be checked"
        raise RemoteError(
            bench.wanted.account.provider,
            Fault.REJECTED,
            f"the old credential in {slot.place} {state}",
            hint="revoke it at the provider and apply again; both are kept until then",
        )
    if bench.operation is not None:
        # The next steps may overwrite the old value: after them nobody could prove it again.
        known = replace(bench.operation, acknowledged=bench.operation.acknowledged | {"revoke-old"})
        bench.commit(replace(bench.change("the old credential is dead"), operation=known))


def _promote(bench: Bench) -> None:
    """The successor takes the place of the secret; read back before its own place is cleared.

    Only the credential in use is moved, and never over one that was put there since.
    """
    method, sources = bench.wanted.method, bench.ports.secrets
    in_use, newest = bench.slot or bench.view.credential.held, bench.view.credential.candidate
    if method.secret is None or method.successor is None or in_use is None:
        return
    value = sources[method.successor.source].read(method.successor)
    if value != in_use.secret or (newest is not None and newest.ref == method.secret):
        return
    sources[method.secret.source].write(method.secret, value)
    if sources[method.secret.source].read(method.secret) != value:
        raise SecretError(
            f"{method.secret.place} does not give back what was written",
            hint="both values are kept; check the source and apply again",
        )
    sources[method.successor.source].remove(method.successor)


def _remember(bench: Bench, step: Remember) -> None:
    """Commit the outcome. The operation stays open while something is left to clear away."""
    change = bench.change(step.note)
    if bench.action.kind in (ActionKind.DISCONNECT, ActionKind.FORGET):
        bench.commit(replace(change, forget=True, operation=None))
        return
    if bench.action.kind not in (ActionKind.RESCOPE, ActionKind.RELINK):
        change = replace(change, operation=_still_open(bench, step))
    elif _is_lost(bench):
        change = replace(change, operation=None)
    if bench.added is not None:
        bench.switched = True
    bench.commit(bench.recorded(change))
    bench.added = None


def _is_lost(bench: Bench) -> bool:
    """The operation is a rotation that was killed before its new secret was kept."""
    operation, candidate = bench.operation, bench.view.credential.candidate
    if operation is None or MINTED_AS not in operation.facts:
        return False
    is_ready = (
        candidate is not None
        and candidate.fingerprint == operation.facts[MINTED_AS]
        and candidate.report.verdict is not Verdict.DEAD
    )
    return operation.state is OperationState.RUNNING and not is_ready


def _still_open(bench: Bench, step: Remember) -> Operation | None:
    position = next(i for i, s in enumerate(bench.action.steps) if s is step)
    left = bench.action.steps[position + 1 :]
    if not any(isinstance(s, RemoveCredential | RevokeCredential) for s in left):
        return None if not left else bench.operation
    return Operation(
        id=bench.id,
        address=bench.action.address,
        kind=bench.action.kind,
        state=OperationState.RUNNING,
        step=next(s.code for s in left if isinstance(s, RemoveCredential | RevokeCredential)),
        since=bench.now(),
        facts=bench.action.facts,
    )


def _manual(bench: Bench, step: ManualStep) -> ManualStep | None:
    """Announce a manual step and stop there, unless it is known to be done."""
    operation = bench.operation
    if operation is not None and step.id in operation.acknowledged:
        return None
    if step.id == "revoke-old" and bench.old_is_dead:
        return None
    if operation is None or (operation.state, operation.step) != (OperationState.WAITING, step.id):
        waiting = Operation(
            id=bench.id,
            address=bench.action.address,
            kind=bench.action.kind,
            state=OperationState.WAITING,
            step=step.id,
            since=bench.now(),
            facts=_lasting(bench),
            acknowledged=operation.acknowledged if operation else frozenset(),
        )
        bench.commit(replace(bench.change(f"waits for a person: {step.title}"), operation=waiting))
    return step


def _lasting(bench: Bench) -> dict[str, str]:
    """What a waiting step still needs to know: the rest was done before it."""
    known = {**(bench.operation.facts if bench.operation else {}), **bench.action.facts}
    lasting = (FORMER_METHOD, FORMER_USER, MINTED, MINTED_AS, REVOKES)
    return {key: value for key, value in known.items() if key in lasting}
