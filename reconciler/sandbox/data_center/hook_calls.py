"""The calls on webhooks of projects and repositories.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Project" and "Repository" (webhooks)
[documented, 2026-11-21]; that the test without ``url`` fails with 500 and that PUT replaces the
whole is recorded from 10.4. The test reaches out to nobody here: it always tells of a success.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import Project
from reconciler.sandbox.data_center.hooks import EVENTS, Draft, Home, Webhook
from reconciler.sandbox.data_center.levels import Level


class HookCalls:
    """The calls at homes of one kind."""

    def __init__(self, find: Callable[[Ask], Home]) -> None:
        self._find = find

    def list(self, ask: Ask) -> Response:
        """``GET``, optionally those of an ``event``."""
        return _page(ask, ask.instance.hooks.at(self._find(ask)))

    def create(self, ask: Ask) -> Response:
        """``POST``: 200 with the webhook."""
        home = self._find(ask)
        made = ask.instance.hooks.create(home, _draft(ask), ask.instance.clock.now())
        return _reply(ask, made)

    def get(self, ask: Ask) -> Response:
        """``GET …/{hook}``."""
        return _reply(ask, self._hook(ask))

    def update(self, ask: Ask) -> Response:
        """``PUT …/{hook}``: the body replaces all that it was."""
        hook = self._hook(ask)
        made = ask.instance.hooks.replace(hook, _draft(ask), ask.instance.clock.now())
        return _reply(ask, made)

    def delete(self, ask: Ask) -> Response:
        """``DELETE …/{hook}``: 204."""
        ask.instance.hooks.delete(self._hook(ask))
        return wire.empty()

    def test(self, ask: Ask) -> Response:
        """``POST …/test?url=``: 500 without the address."""
        self._find(ask)
        url = ask.params.get("url", "")
        if not url:
            raise wire.refuse(500, "An error occurred")
        asked = {"url": url, "method": "POST", "body": '{"test": true}'}
        result = {"request": asked, "response": {"statusCode": 200}, "outcome": "SUCCESS"}
        return wire.reply(result)

    def latest(self, ask: Ask) -> Response:
        """``GET …/{hook}/latest``: 204, since nothing was ever delivered."""
        self._hook(ask)
        return wire.empty()

    def _hook(self, ask: Ask) -> Webhook:
        found = ask.instance.hooks.find(self._find(ask), ask.param("hook"))
        if found is None:
            raise wire.refuse(404, "The requested webhook does not exist.", wire.NO_ENTITY)
        return found


def search(ask: Ask) -> Response:
    """``GET …/repos/{slug}/webhooks/search``: those of the repository and of its project."""
    found = ask.repository(Level.ADMIN)
    homes = {"repository": ("repository", found.id), "project": ("project", found.project)}
    wanted = ask.request.query_params.getlist("scopeType") or list(homes)
    return _page(ask, ask.instance.hooks.at(*(homes[kind] for kind in wanted if kind in homes)))


def _page(ask: Ask, hooks: list[Webhook]) -> Response:
    event = ask.params.get("event", "")
    found = [hook for hook in hooks if not event or event in hook.draft.events]
    return ask.page(found, lambda hook: _view(ask, hook))


def _reply(ask: Ask, hook: Webhook) -> Response:
    return wire.reply(_view(ask, hook))


def _view(ask: Ask, hook: Webhook) -> dict[str, Any]:
    return ask.api.views.webhook(hook, with_secret=ask.instance.knobs.echo_webhook_secret)


def _draft(ask: Ask) -> Draft:
    """The webhook in the body; 400 names the field that is wrong."""
    body = ask.json()
    for name in ("name", "url"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise wire.bad(name, f"The {name} of the webhook must be specified.")
    events = body.get("events")
    if not isinstance(events, list) or not events:
        raise wire.bad("events", "At least one event must be specified.")
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        raise wire.bad("events", f"{unknown[0]} is not a valid event.")
    login = body.get("credentials") or {}
    return Draft(
        name=body["name"],
        url=body["url"],
        events=tuple(events),
        is_active=bool(body.get("active", True)),
        checks_certificate=bool(body.get("sslVerificationRequired", True)),
        secret=str((body.get("configuration") or {}).get("secret") or ""),
        login=(str(login.get("username") or ""), str(login.get("password") or "")),
    )


def _at_project(ask: Ask) -> Home:
    found: Project = ask.project(Level.ADMIN)
    return "project", found.id


def _at_repository(ask: Ask) -> Home:
    return "repository", ask.repository(Level.ADMIN).id


AT_PROJECT = HookCalls(_at_project)
AT_REPOSITORY = HookCalls(_at_repository)
