"""Steps of an action in words. Pure; stage 7."""

from __future__ import annotations

from typing import Any

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
from reconciler.model.drift import SelectionChange
from reconciler.report.words import count, span


def step_document(step: Step) -> dict[str, Any]:
    """A step as JSON. A manual one carries everything that a person has to type."""
    if isinstance(step, ManualStep):
        return {
            "code": step.code,
            "title": step.title,
            "manual": True,
            "id": step.id,
            "url": step.url,
            "who": step.who,
            "fields": [{"name": name, "value": value} for name, value in step.fields],
            "scopes": list(step.scopes),
            "detected_by": step.detected_by,
        }
    return {"code": step.code, "title": _title(step), "manual": False}


def _title(step: Step) -> str:
    match step:
        case Select(change=change):
            return _selection(change)
        case AddCredential(name=name):
            return f'give the credential to the consumer as "{name}"'
        case TakeOver(live_id=live_id):
            return f"take the existing connection {live_id} into the registry"
        case RemoveCredential(name=name):
            return f'remove "{name}" from the consumer'
        case Remember(note=note):
            return f"record in the registry: {note}" if note else "record in the registry"
        case _:
            return _at_provider(step)


def _at_provider(step: Step) -> str:
    """What happens to the credential itself, where an API makes and ends it."""
    match step:
        case Mint(days=days):
            life = f"for {count(days, 'day')}" if days else "without an end"
            name = f"{step.name}-{step.generation}"
            return f'mint the credential "{name}" with {count(len(step.scopes), "scope")} {life}'
        case RescopeCredential(id=id_, scopes=scopes):
            return f"change the scopes of credential {id_} to {', '.join(scopes)}; its secret stays"
        case Drain(seconds=seconds):
            return f"let the replaced credential work for {span(seconds)} more"
        case RevokeCredential(id=id_, name=name):
            named = f' ("{name}")' if name else ""
            return f"revoke the credential {id_}{named} at the provider"
        case _:
            return _in_its_place(step)


def _in_its_place(step: Step) -> str:
    """What happens to the secret where it is kept."""
    match step:
        case Publish(place=where):
            return f"put the new secret into {where} and read it back"
        case Discard(place=where):
            return f"take the unused secret out of {where}"
        case Promote():
            return "move the new secret into the place of the old one"
        case _:
            return _fixed(step)


def _fixed(step: Step) -> str:
    match step:
        case CheckCredential(old=True):
            return "show the replaced credential to the provider: identity, scopes, access"
        case CheckCredential(candidate=True):
            return "show the new credential to the provider: identity, scopes, access"
        case CheckCredential():
            return "show the credential to the provider: identity, scopes, access"
        case CheckConnection():
            return "have the consumer verify connectivity"
        case ProveDead():
            return "prove that the old credential fails"
        case _:
            return _webhook(step)


def _webhook(step: Step) -> str:
    match step:
        case PutWebhook(webhook=webhook, live_id=live_id):
            verb = "replace" if live_id else "make"
            return f"{verb} the webhook of {webhook.place} that calls {webhook.url}"
        case DropWebhook(webhook=gone):
            return f"remove the webhook of {gone.place} that calls {gone.url}"
        case _:
            return step.code


def _selection(change: SelectionChange) -> str:
    parts = [f"add {len(change.add)}"] if change.add else []
    if change.remove:
        parts.append(f"remove {len(change.remove)}")
    if change.follow_changes:
        parts.append("follow new ones" if change.follows_new else "stop following new ones")
    what = ", ".join(parts) if parts else "unchanged"
    return f"set the selection of {len(change.target)} repositories ({what})"
