"""Finds the webhooks of ours at their provider, listing each place once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Fault, RemoteError
from reconciler.model.desired import DesiredAccount, DesiredConnection
from reconciler.model.marker import read_marker
from reconciler.model.observed import Absent, Observation, Present, Unreadable
from reconciler.model.record import Record
from reconciler.model.secret import Fingerprinter
from reconciler.model.webhook import DesiredWebhook, LiveWebhook, WebhookPlace
from reconciler.observe.secrets import read_secret
from reconciler.ports.provider import Login, Provider, WebhookKeeper
from reconciler.ports.secrets import SecretSource

_DIGITS = 10**9
"""Numbers in a marker have nine digits."""

Seen = tuple[Observation[tuple[LiveWebhook, ...]], tuple[int, ...]]


@dataclass(slots=True)
class WebhookDesk:
    """Shares listings: one for each account and place of a run."""

    sources: Mapping[str, SecretSource]
    fingerprinter: Fingerprinter
    lineage: str
    asked: dict[tuple[str, WebhookPlace], asyncio.Task[tuple[LiveWebhook, ...]]] = field(
        default_factory=dict
    )

    async def view(
        self,
        account: DesiredAccount,
        desired: DesiredConnection | None,
        record: Record | None,
        names: Collection[str],
        provider: Provider,
    ) -> Seen:
        """The connection's webhooks, where it declares some or had some."""
        declared = desired.webhooks if desired else ()
        known = record.webhooks if record else ()
        places = {w.place for w in declared} | {w.place for w in known}
        if not places or not isinstance(provider, WebhookKeeper):
            return Absent(), ()
        try:
            numbers = tuple(self._number(webhook) for webhook in declared)
            login = self._login(account)
            found = await asyncio.gather(
                *(self._list(account, login, provider, place) for place in sorted(places))
            )
        except _MissingError as missing:
            return Unreadable(str(missing), missing.hint, Fault.CREDENTIAL), ()
        except RemoteError as error:
            reason = f"webhooks of account {account.name!r}: {error.cause}"
            return Unreadable(reason, error.hint, error.fault), ()
        every = (webhook for webhooks in found for webhook in webhooks)
        return Present(tuple(self._ours(every, names))), numbers

    def _ours(self, every: Iterable[LiveWebhook], names: Collection[str]) -> Iterable[LiveWebhook]:
        for webhook in every:
            marker = read_marker(webhook.name, self.lineage)
            if marker is not None and marker.name in names:
                yield webhook

    def _login(self, account: DesiredAccount) -> Login:
        method = account.administrator or account.reader
        secret, missing = read_secret(method.secret if method else None, self.sources)
        if method is None or secret is None:
            raise _MissingError(
                f"account {account.name!r} has no credential that manages webhooks: {missing}",
                "give it an `administrator`, and set its secret",
            )
        return Login.of(method, secret)

    def _number(self, webhook: DesiredWebhook) -> int:
        """Changes with the events and the secret, which no provider shows again."""
        mark = ""
        if webhook.secret is not None:
            secret, missing = read_secret(webhook.secret, self.sources)
            if secret is None:
                raise _MissingError(
                    f"the secret of a webhook is not there: {missing}",
                    f"set the secret declared at {webhook.where}",
                )
            mark = self.fingerprinter.of(secret)
        text = " ".join((*sorted(webhook.events), mark))
        return int(hashlib.sha256(text.encode()).hexdigest(), 16) % _DIGITS

    async def _list(
        self, account: DesiredAccount, login: Login, keeper: WebhookKeeper, place: WebhookPlace
    ) -> tuple[LiveWebhook, ...]:
        key = (account.identity, place)
        if key not in self.asked:
            self.asked[key] = asyncio.ensure_future(keeper.webhooks(login, place))
        try:
            return await self.asked[key]
        except RemoteError as error:
            if error.fault is Fault.NOT_FOUND:
                return ()  # what it was attached to is gone, and the webhook with it
            raise


class _MissingError(Exception):
    """A secret that is needed is not in its place."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint
