"""Webhooks: what a provider calls when something happens to repositories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.errors import SourceMark
from reconciler.model.secret import Secret, SecretRef


@dataclass(frozen=True, slots=True, order=True)
class WebhookPlace:
    """What a webhook is attached to: a project, one repository (``KEY/slug``), or the account."""

    project: str = ""
    repository: str = ""

    def __str__(self) -> str:
        if self.repository:
            return f"repository {self.repository}"
        return f"project {self.project}" if self.project else "the account"


@dataclass(frozen=True, slots=True)
class DesiredWebhook:
    """A webhook as declared.

    ``events`` are neutral names (``push``, ``pull-request``) or the provider's own. ``secret``
    signs deliveries; None leaves them unsigned.
    """

    url: str
    events: tuple[str, ...]
    place: WebhookPlace
    where: SourceMark
    secret: SecretRef | None = None


class KnownWebhook(NamedTuple):
    """A webhook as last applied.

    ``number`` stands in its name's marker and changes with its events and its secret, which no
    provider shows again.
    """

    place: WebhookPlace
    url: str
    number: int


@dataclass(frozen=True, slots=True)
class WebhookOrder:
    """A webhook to be made or replaced. ``name`` carries our ownership marker."""

    name: str
    url: str
    events: tuple[str, ...]
    secret: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LiveWebhook:
    """A webhook as its provider lists it. ``events`` are the provider's own names."""

    id: str
    name: str
    url: str
    events: frozenset[str]
    active: bool
    place: WebhookPlace
