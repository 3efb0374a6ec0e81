"""The steps that make, replace and remove webhooks at a provider."""

from __future__ import annotations

from reconciler.apply.bench import Bench
from reconciler.errors import Fault, RegistryError, RemoteError, SecretError
from reconciler.model.action import DropWebhook, PutWebhook
from reconciler.model.desired import DesiredAccount
from reconciler.model.marker import mark
from reconciler.model.secret import Secret, SecretRef
from reconciler.model.webhook import DesiredWebhook, WebhookOrder
from reconciler.ports.provider import Login, WebhookKeeper


async def carry_out(bench: Bench, step: PutWebhook | DropWebhook) -> None:
    """Make, replace or remove one webhook."""
    if isinstance(step, PutWebhook):
        await _put(bench, step)
    else:
        await _drop(bench, step)


async def _put(bench: Bench, step: PutWebhook) -> None:
    """Make or replace; after a lost answer look for it by its name before giving up."""
    webhook = _declared(bench, step)
    keeper, login = _desk(bench, bench.wanted.account)
    spec = bench.ports.providers[bench.wanted.account.provider]
    events = frozenset[str]().union(*(spec.events.get(e, frozenset({e})) for e in webhook.events))
    order = WebhookOrder(
        name=str(mark(bench.wanted.address.name, bench.lineage, step.webhook.number)),
        url=webhook.url,
        events=tuple(sorted(events)),
        secret=None if webhook.secret is None else _secret(bench, webhook.secret),
    )
    try:
        await keeper.put_webhook(login, webhook.place, order, step.live_id)
    except RemoteError as error:
        if error.fault is not Fault.AMBIGUOUS:
            raise
        found = await keeper.webhooks(login, webhook.place)
        if not any((w.name, w.url) == (order.name, order.url) and w.active for w in found):
            raise


async def _drop(bench: Bench, step: DropWebhook) -> None:
    """Remove a webhook of ours. Gone with what it was attached to is success."""
    account = bench.account
    if account is None:
        raise RegistryError(
            f"the account of {bench.action.address} is declared no more",
            hint="declare the Account again until its connections are gone",
        )
    keeper, login = _desk(bench, account)
    try:
        await keeper.delete_webhook(login, step.webhook.place, step.webhook.id)
    except RemoteError as error:
        if error.fault is not Fault.NOT_FOUND:
            raise


def _declared(bench: Bench, step: PutWebhook) -> DesiredWebhook:
    want = (step.webhook.place, step.webhook.url)
    found = next((w for w in bench.wanted.webhooks if (w.place, w.url) == want), None)
    if found is None:
        raise RegistryError(f"{step.webhook.url} is declared no more", hint="plan again")
    return found


def _desk(bench: Bench, account: DesiredAccount) -> tuple[WebhookKeeper, Login]:
    provider = bench.handles.providers[account.reach]
    method = account.administrator or account.reader
    if method is None or method.secret is None or not isinstance(provider, WebhookKeeper):
        raise RegistryError(
            f"account {account.name!r} has no credential that manages webhooks",
            hint="give it an `administrator`",
        )
    return provider, Login.of(method, _secret(bench, method.secret))


def _secret(bench: Bench, ref: SecretRef) -> Secret:
    secret = bench.ports.secrets[ref.source].read(ref)
    if secret is None:
        raise SecretError(f"{ref.place} is not set", hint="set it and apply again")
    return secret
