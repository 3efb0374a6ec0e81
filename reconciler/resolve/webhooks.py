"""Webhooks of a connection, held against what the provider can watch. Pure."""

from __future__ import annotations

from typing import Any

from reconciler.model.document import Document
from reconciler.model.webhook import DesiredWebhook, WebhookPlace
from reconciler.ports.capability import Can, Capability
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.addresses import api_address
from reconciler.resolve.parts import Parts
from reconciler.resolve.secret_refs import secret_ref

_EVENTS = ("push", "pull-request")


def build_webhooks(
    document: Document, parts: Parts, provider: ProviderSpec
) -> tuple[DesiredWebhook, ...]:
    """Read the webhooks and report all that is wrong with them."""
    declared: list[dict[str, Any]] = document.body["spec"].get("webhooks", [])
    ability = provider.abilities.get(Capability.WEBHOOKS)
    if declared and not isinstance(ability, Can):
        cause = f"webhooks of {provider.title} cannot be managed"
        hint = ability.instead if ability else "leave them out"
        parts.problems.error("cannot-watch", cause, hint, document.mark("spec", "webhooks"))
        return ()
    found = tuple(_webhook(document, parts, n, one) for n, one in enumerate(declared))
    seen: dict[tuple[WebhookPlace, str], DesiredWebhook] = {}
    for webhook in found:
        first = seen.setdefault((webhook.place, webhook.url), webhook)
        if first is not webhook:
            cause = f"{webhook.place} would call {webhook.url} twice (also at {first.where})"
            hint = "keep one, with the events of both"
            parts.problems.error("twin-webhooks", cause, hint, webhook.where)
    return found


def _webhook(document: Document, parts: Parts, index: int, one: dict[str, Any]) -> DesiredWebhook:
    path = ("spec", "webhooks", index)
    where = document.mark(*path)
    url = api_address(one["url"], document.mark(*path, "url"), parts.problems)
    place = WebhookPlace(one.get("project", ""), one.get("repository", ""))
    secret = one.get("secret")
    return DesiredWebhook(
        url=url,
        events=tuple(one.get("events", _EVENTS)),
        place=place,
        where=where,
        secret=None
        if secret is None
        else secret_ref(secret, parts.root, document.mark(*path, "secret")),
    )
