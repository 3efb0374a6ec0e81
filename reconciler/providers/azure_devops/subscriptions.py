"""Subscriptions of service hooks ↔ webhooks of ours. Pure.

Azure DevOps has one subscription for each event type, and no name for any. Ours carry a header
that is sent along and that every list shows::

    X-Reconciler-Connection:ox-acme%20[reconciler%201a2b3c4d-2];5f0c…;4

The name of the webhook, its id, and how many subscriptions it has. Those with one id are one
webhook, which calls as ordered when all are there and agree. A subscription without that header is
a webhook of its own, without a name.

Deliveries are not signed. A secret becomes the password of Basic authentication, which no list
shows.

Source: https://learn.microsoft.com/rest/api/azure/devops/hooks/subscriptions [documented,
2026-11-21]. Which inputs there are, that headers are shown and the password is not, and what they
may be (no value of a header holds a blank): the service's own list of consumers, in
github.com/MicrosoftDocs/azure-devops-docs docs/service-hooks/_data/consumers.json [documented,
2026-11-21]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.providers.azure_devops.limits import EVENTS, PARTY

HEADER = "X-Reconciler-Connection"
USER = "reconciler"
"""The user name beside the secret."""

KIND: Mapping[str, str] = {
    "publisherId": "tfs",
    "consumerId": "webHooks",
    "consumerActionId": "httpRequest",
}
"""What makes a subscription a web hook."""

_FIT_PASSWORD = re.compile(r"\S{1,256}")
_CALLING = frozenset({"enabled", "onProbation"})


class Tag(NamedTuple):
    """What our header says; all empty where there is none.

    ``size`` is how many subscriptions the webhook has when it is whole.
    """

    name: str = ""
    id: str = ""
    size: int = 0


class Subscription(msgspec.Struct, rename="camel"):
    """A subscription as listed. Inputs that were never set are not there."""

    id: UUID
    event_type: str
    status: str = "enabled"
    publisher_inputs: dict[str, str | None] = {}
    consumer_inputs: dict[str, str | None] = {}

    @property
    def guid(self) -> str:
        """Its id."""
        return str(self.id)

    @property
    def tag(self) -> Tag:
        """What it says of the webhook that it belongs to."""
        return to_tag(self.consumer_inputs.get("httpHeaders") or "")

    @property
    def webhook(self) -> str:
        """The id of the webhook that it belongs to, or is."""
        return self.tag.id or self.guid

    @property
    def url(self) -> str:
        """What it calls."""
        return self.consumer_inputs.get("url") or ""

    def watches(self, inputs: Mapping[str, str]) -> bool:
        """Whether it is attached to just that place; only keys that we set are looked at."""
        keys = ("projectId", "repository")
        return all(
            (self.publisher_inputs.get(key) or "").lower() == inputs.get(key, "") for key in keys
        )


class Subscriptions(msgspec.Struct):
    """Every subscription of an organization; there are no pages."""

    value: list[Subscription]


def events_of(names: Sequence[str]) -> tuple[str, ...]:
    """The service's own event ids, sorted; a name that is not neutral stands for itself."""
    return tuple(sorted({id_ for name in names for id_ in EVENTS.get(name, frozenset({name}))}))


def to_tag(headers: str) -> Tag:
    """What our line among the header lines of a subscription says."""
    for line in headers.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == HEADER.lower():
            name, id_, size = (*value.strip().split(";"), "", "")[:3]
            is_number = size.isascii() and size.isdigit()
            return Tag(unquote(name), id_.lower(), int(size) if is_number else 0)
    return Tag()


def to_webhooks(found: Sequence[Subscription], place: WebhookPlace) -> tuple[LiveWebhook, ...]:
    """The webhooks that subscriptions of *place* make up, by id."""
    groups: dict[str, list[Subscription]] = {}
    for one in found:
        groups.setdefault(one.webhook, []).append(one)
    return tuple(_to_webhook(id_, groups[id_], place) for id_ in sorted(groups))


def _to_webhook(id_: str, group: Sequence[Subscription], place: WebhookPlace) -> LiveWebhook:
    first = min(group, key=lambda one: one.guid)
    return LiveWebhook(
        id=id_,
        name=first.tag.name,
        url=first.url,
        events=frozenset(one.event_type for one in group),
        active=_is_whole(group) and all(one.status in _CALLING for one in group),
        place=place,
    )


def _is_whole(group: Sequence[Subscription]) -> bool:
    """Whether none is missing, left over, twice there or of an earlier order."""
    tags = {(one.tag, one.url) for one in group}
    events = {one.event_type for one in group}
    size = group[0].tag.size if group[0].tag.id else 1
    return len(tags) == 1 and len(group) == len(events) == size


def bodies_of(
    order: WebhookOrder, inputs: Mapping[str, str], webhook_id: str
) -> Mapping[str, Mapping[str, Any]]:
    """What to send for each event of a webhook that is attached to the place of *inputs*.

    Left out, the inputs on details and messages mean that all of them are sent.
    """
    events = events_of(order.events)
    name = quote(order.name, safe="[]")
    consumer = {
        "url": order.url,
        "httpHeaders": f"{HEADER}:{name};{webhook_id};{len(events)}",
    }
    if order.secret is not None:
        consumer |= {"basicAuthUsername": USER, "basicAuthPassword": order.secret.reveal()}
    return {
        event: {
            **KIND,
            "eventType": event,
            "resourceVersion": "1.0",
            "publisherInputs": inputs,
            "consumerInputs": consumer,
        }
        for event in events
    }


def check(order: WebhookOrder) -> None:
    """Refuse what cannot be, before anything is sent.

    Raises:
        RemoteError: REJECTED; there is no event, or the secret can be no password there.
    """
    if not order.events:
        raise RemoteError(
            PARTY,
            Fault.REJECTED,
            f"{PARTY}: a webhook without an event is never called",
            hint="give the webhook its `events`, such as push",
        )
    if order.secret is not None and not _FIT_PASSWORD.fullmatch(order.secret.reveal()):
        raise RemoteError(
            PARTY,
            Fault.REJECTED,
            f"{PARTY}: the secret of a webhook has 1 to 256 characters and no blanks",
            hint="make another secret, such as with `openssl rand -hex 32`",
        )
