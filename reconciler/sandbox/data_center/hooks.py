"""Webhooks of projects and repositories. Plain data; nothing is ever delivered.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Repository" and "Project" (webhooks)
[documented, 2026-11-21].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TypeAlias

Home: TypeAlias = tuple[str, int]
"""``project`` or ``repository``, and the numeric id."""

EVENTS = frozenset(
    {
        "project:modified",
        "repo:refs_changed",
        "repo:modified",
        "repo:forked",
        "repo:comment:added",
        "repo:comment:edited",
        "repo:comment:deleted",
        "repo:secret_detected",
        "mirror:repo_synchronized",
        "pr:opened",
        "pr:from_ref_updated",
        "pr:modified",
        "pr:reviewer:updated",
        "pr:reviewer:approved",
        "pr:reviewer:unapproved",
        "pr:reviewer:changes_requested",
        "pr:reviewer:needs_work",
        "pr:merged",
        "pr:declined",
        "pr:deleted",
        "pr:comment:added",
        "pr:comment:edited",
        "pr:comment:deleted",
    }
)
"""https://confluence.atlassian.com/bitbucketserver0815/event-payload-1319571452.html.

Documented, 2026-11-21."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a request says of a webhook. ``login`` is user name and password, empty without."""

    name: str
    url: str
    events: tuple[str, ...]
    is_active: bool = True
    checks_certificate: bool = True
    secret: str = field(default="", repr=False)
    login: tuple[str, str] = field(default=("", ""), repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook; times are UTC."""

    id: int
    home: Home
    draft: Draft
    created_at: datetime
    updated_at: datetime


class Hooks:
    """Every webhook of the instance."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._by_id: dict[int, Webhook] = {}

    def create(self, home: Home, draft: Draft, now: datetime) -> Webhook:
        """Make a webhook."""
        made = Webhook(next(self._numbers), home, draft, now, now)
        self._by_id[made.id] = made
        return made

    def at(self, *homes: Home) -> list[Webhook]:
        """The webhooks of these homes, oldest first."""
        return [hook for hook in tuple(self._by_id.values()) if hook.home in homes]

    def find(self, home: Home, number: str) -> Webhook | None:
        """By its id, when it lives there."""
        found = self._by_id.get(int(number)) if number.isdecimal() else None
        return found if found is not None and found.home == home else None

    def replace(self, hook: Webhook, draft: Draft, now: datetime) -> Webhook:
        """Put *draft* in the place of all that the webhook was."""
        made = Webhook(hook.id, hook.home, draft, hook.created_at, now)
        self._by_id[hook.id] = made
        return made

    def delete(self, hook: Webhook) -> None:
        """Delete a webhook."""
        del self._by_id[hook.id]
