"""Bitbucket Cloud's changing operations: repositories and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.responses import Response

from reconciler.errors import UsageError
from reconciler.sandbox import answers
from reconciler.sandbox.api import Ask
from reconciler.sandbox.bitbucket_reads import paged, reached
from reconciler.sandbox.estate import Hook, Repository

LONGEST_SECRET = 128
_CONVERSATION = ("comment_created", "comment_updated", "comment_deleted")
_EVENTS_OF = {
    "repo": (
        *("push", "fork", "imported", "updated", "transfer", "created", "deleted"),
        *("commit_comment_created", "commit_status_created", "commit_status_updated"),
    ),
    "project": ("updated",),
    "pipeline": ("span_created",),
    "issue": ("created", "updated", "comment_created"),
    "pullrequest": (
        *("created", "updated", "approved", "unapproved", "fulfilled", "rejected", "push"),
        *("changes_request_created", "changes_request_removed"),
        *_CONVERSATION,
        *("comment_resolved", "comment_reopened"),
    ),
}
EVENTS = frozenset(f"{kind}:{event}" for kind, events in _EVENTS_OF.items() for event in events)
"""Source: official OpenAPI file, ``webhook_subscription.events`` [documented, 2026-11-21]."""


def put_repository(ask: Ask) -> Response:
    """``PUT /repositories/{workspace}/{slug}``: changes it, or creates it when it is missing."""
    home = reached(ask)
    found = ask.api.bitbucket.estate.find_repository(home, ask.param("slug"))
    if found is None:
        return _create(ask, home.slug, 201)
    body = ask.json()
    name = str(body.get("name", found.name))
    try:
        changed = ask.api.bitbucket.rename_repository(home.slug, found.uuid, name)
    except UsageError:
        raise _slug_taken() from None
    changed = replace(changed, **_plain_changes(ask, changed, body))
    ask.api.bitbucket.estate.put_repositories([changed])
    place = {"Location": f"{ask.api.views.base}/repositories/{home.slug}/{changed.slug}"}
    moved = place if changed.slug != found.slug else {}
    return answers.answer(ask.api.views.repository(changed), headers=moved)


def _plain_changes(ask: Ask, found: Repository, body: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "description" in body:
        changes["description"] = str(body["description"] or "")
    if "is_private" in body:
        changes["is_private"] = bool(body["is_private"])
    project = body.get("project")
    if isinstance(project, dict) and "key" in project:
        home = ask.api.bitbucket.estate.workspaces[found.workspace]
        if ask.api.bitbucket.estate.find_project(home, str(project["key"])) is None:
            raise _invalid("project", "Project not found.")
        changes["project"] = str(project["key"])
    return changes


def post_repository(ask: Ask) -> Response:
    """``POST /repositories/{workspace}/{slug}``."""
    home = reached(ask)
    if not ask.api.bitbucket.estate.is_slug_free(home, ask.param("slug")):
        raise _slug_taken()
    return _create(ask, home.slug, 200)


def _create(ask: Ask, workspace: str, status: int) -> Response:
    body = ask.json()
    project = body.get("project")
    key = str(project.get("key", "")) if isinstance(project, dict) else ""
    try:
        made = ask.api.bitbucket.create_repository(
            workspace,
            ask.param("slug"),
            project=key,
            is_private=bool(body.get("is_private", True)),
        )
    except UsageError as error:
        raise answers.refuse(400, error.cause) from None
    return answers.answer(ask.api.views.repository(made), status)


def delete_repository(ask: Ask) -> Response:
    """``DELETE /repositories/{workspace}/{slug}``."""
    ask.api.bitbucket.estate.remove_repository(ask.repository())
    return Response(status_code=204)


def list_hooks(ask: Ask) -> Response:
    """``GET …/hooks``."""
    subject, place = _subject(ask)
    mine = [h for h in ask.api.bitbucket.estate.hooks.values() if h.subject == subject]
    return paged(ask, mine, lambda hook: ask.api.views.hook(hook, place))


def create_hook(ask: Ask) -> Response:
    """``POST …/hooks``. Nothing keeps two alike apart: a repeated request makes a second one."""
    subject, place = _subject(ask)
    bitbucket = ask.api.bitbucket
    blank = Hook(
        uuid=bitbucket.ids.uuid(),
        subject=subject,
        url="",
        description="",
        is_active=True,
        events=(),
        has_secret=False,
        created_at=bitbucket.clock.now(),
    )
    hook = _changed(blank, ask.json())
    bitbucket.estate.hooks[hook.uuid] = hook
    location = {"Location": f"{place}/{quote(hook.uuid)}"}
    return answers.answer(ask.api.views.hook(hook, place), 201, location)


def get_hook(ask: Ask) -> Response:
    """``GET …/hooks/{uid}``."""
    _, place = _subject(ask)
    return answers.answer(ask.api.views.hook(_hook(ask), place))


def update_hook(ask: Ask) -> Response:
    """``PUT …/hooks/{uid}``. A secret that is left out stays."""
    _, place = _subject(ask)
    hook = _changed(_hook(ask), ask.json())
    ask.api.bitbucket.estate.hooks[hook.uuid] = hook
    return answers.answer(ask.api.views.hook(hook, place))


def delete_hook(ask: Ask) -> Response:
    """``DELETE …/hooks/{uid}``."""
    del ask.api.bitbucket.estate.hooks[_hook(ask).uuid]
    return Response(status_code=204)


def hook_events(ask: Ask) -> Response:
    """``GET /hook_events/repository|workspace``: public."""
    views = [{"event": event, "category": event.partition(":")[0]} for event in sorted(EVENTS)]
    return paged(ask, views, dict)


def _subject(ask: Ask) -> tuple[str, str]:
    """The uuid that the webhooks belong to, and the address of their list."""
    base = ask.api.views.base
    if "slug" in ask.request.path_params:
        found = ask.repository()
        home = ask.api.bitbucket.estate.workspaces[found.workspace]
        return found.uuid, f"{base}/repositories/{home.slug}/{found.slug}/hooks"
    home = reached(ask)
    if not ask.caller.is_owner_of(home):
        raise answers.refuse(403, "Only workspace owners may manage its webhooks.")
    return home.uuid, f"{base}/workspaces/{home.slug}/hooks"


def _hook(ask: Ask) -> Hook:
    found = ask.api.bitbucket.estate.hooks.get(ask.param("uid"))
    if found is None or found.subject != _subject(ask)[0]:
        raise answers.refuse(404, "Webhook not found.")
    return found


def _changed(hook: Hook, body: dict[str, Any]) -> Hook:
    """*hook* with what *body* says; raises RefusedError (400) naming the first bad field."""
    secret = body.get("secret")
    url, events = body.get("url", hook.url), body.get("events", list(hook.events))
    checks: tuple[tuple[str, Callable[[], bool], str], ...] = (
        ("url", lambda: _is_url(url), "Enter a valid URL."),
        ("events", lambda: _are_events(events), "Choose at least one valid event."),
        ("secret", lambda: _is_secret(secret), "Ensure this value has at most 128 characters."),
    )
    for name, is_good, message in checks:
        if not is_good():
            raise _invalid(name, message)
    return replace(
        hook,
        url=url,
        events=tuple(events),
        description=str(body.get("description", hook.description) or ""),
        is_active=bool(body.get("active", hook.is_active)),
        has_secret=bool(secret) if "secret" in body else hook.has_secret,
    )


def _is_url(url: object) -> bool:
    parts = urlsplit(url) if isinstance(url, str) else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def _are_events(events: object) -> bool:
    return isinstance(events, list) and bool(events) and EVENTS.issuperset(map(str, events))


def _is_secret(secret: object) -> bool:
    return secret is None or (isinstance(secret, str) and len(secret) <= LONGEST_SECRET)


def _invalid(name: str, message: str) -> answers.RefusedError:
    return answers.refuse(400, "Bad request", fields={name: [message]})


def _slug_taken() -> answers.RefusedError:
    """The text is assumed; that a clash fails is documented."""
    return _invalid("slug", "Repository with this Slug and Owner already exists.")
