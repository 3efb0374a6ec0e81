"""Webhooks as declared against those of ours that are live. Pure."""

from __future__ import annotations

from reconciler.model.desired import DesiredConnection
from reconciler.model.drift import Cause, FieldChange, WebhookChange
from reconciler.model.marker import generation_in
from reconciler.model.observed import ConnectionView, Present
from reconciler.model.record import Record
from reconciler.model.webhook import KnownWebhook, LiveWebhook


def compare_webhooks(
    desired: DesiredConnection | None, record: Record | None, view: ConnectionView
) -> WebhookChange:
    """What has to be made, replaced and removed; nothing where they could not be read."""
    if not isinstance(view.webhooks, Present):
        return WebhookChange(target=record.webhooks if record else ())
    declared = desired.webhooks if desired else ()
    target = tuple(
        KnownWebhook(webhook.place, webhook.url, number)
        for webhook, number in zip(declared, view.hook_numbers, strict=True)
    )
    left = list(view.webhooks.value)
    put: list[tuple[KnownWebhook, str]] = []
    for want in target:
        live = next((w for w in left if (w.place, w.url) == (want.place, want.url)), None)
        if live is not None:
            left.remove(live)
        if live is None or not _agrees(live, want):
            put.append((want, live.id if live else ""))
    return WebhookChange(tuple(put), tuple(left), target)


def _agrees(live: LiveWebhook, want: KnownWebhook) -> bool:
    return live.active and generation_in(live.name) == want.number


def webhook_changes(
    desired: DesiredConnection | None, record: Record | None, change: WebhookChange
) -> tuple[FieldChange, ...]:
    """The same as field changes: by the YAML when that differs from the record, else by drift."""
    known = record.webhooks if record else ()
    is_same = set(known) == set(change.target)
    if not change and (is_same or record is None):
        return ()
    cause = Cause.DRIFT if record and is_same else Cause.YAML
    where = desired.mark("webhooks") if desired else None
    gone = tuple(f"{w.url} on {w.place}" for w in change.drop)
    made = tuple(f"{w.url} on {w.place}" for w, _ in change.put)
    return (FieldChange("webhooks", gone, made, cause, where),)
