"""What an adapter can do, declared as data with source and date; the contract suite believes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias


class Capability(StrEnum):
    """Things a provider or consumer may be able to do through an API."""

    VERIFY = "verify"
    LIST_REPOSITORIES = "list-repositories"
    READ_SCOPES = "read-scopes"
    READ_EXPIRY = "read-expiry"
    ISSUE = "issue"
    RESCOPE_IN_PLACE = "rescope-in-place"
    REVOKE = "revoke"
    WEBHOOKS = "webhooks"
    CONNECT = "connect"
    CHECK = "check"
    SELECT = "select"
    FOLLOW_NEW = "follow-new"
    ROTATE = "rotate"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Can:
    """Possible, by this source."""

    source: str
    checked: date


@dataclass(frozen=True, slots=True)
class Cannot:
    """Impossible, by this source; ``instead`` is what the reconciler does about it."""

    source: str
    checked: date
    instead: str


Ability: TypeAlias = Can | Cannot
