"""What is known of a kind of consumer: data read from ``profile.yaml`` or a ConsumerProfile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from reconciler.model.method import MethodKind


class LoginName(StrEnum):
    """What the consumer wants in its "user name" box."""

    EMAIL = "email"
    USERNAME = "username"
    NONE = "none"


class SelectionHome(StrEnum):
    """Where the choice of repositories lives."""

    CONSUMER = "consumer"
    TOKEN = "token"  # noqa: S105  the reach of the token is the selection
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a fact comes from and when it was last checked."""

    url: str
    checked: date


@dataclass(frozen=True, slots=True)
class ScopeUse:
    """One scope the consumer wants, and the feature that wants it."""

    name: str
    feature: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class MethodRule:
    """One method that a consumer accepts for one provider.

    ``max_days`` is the longest life the consumer advises or allows; None when it says nothing.
    ``host_url`` is what stands in the consumer's "host" box.
    ``levels`` are the token levels accepted (``user``, ``workspace``, ``project``,
    ``repository``); empty when the method has none.
    """

    provider: str
    kind: MethodKind
    scopes: tuple[ScopeUse, ...]
    login: LoginName
    source: Citation
    levels: tuple[str, ...] = ()
    max_days: int | None = None
    host_url: str | None = None
    create_url: str | None = None
    help_url: str | None = None
    who: str = ""
    retired: date | None = None
    replacement: MethodKind | None = None

    @property
    def required_scopes(self) -> tuple[str, ...]:
        """Names of the scopes without which the consumer does not work, in profile order."""
        return tuple(use.name for use in self.scopes if use.required)

    @property
    def max_age(self) -> timedelta | None:
        """The longest life as a duration."""
        return None if self.max_days is None else timedelta(days=self.max_days)


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of consumer.

    ``adapter`` names the code folder that can drive it; empty when every step is a person's.
    ``endpoint`` is the default API address. ``several_accounts`` says whether one tenant may be
    connected to more than one account.
    """

    name: str
    title: str
    adapter: str
    endpoint: str
    selection: SelectionHome
    methods: tuple[MethodRule, ...]
    several_accounts: bool = True
    links: Mapping[str, str] = field(default_factory=dict)

    def rule(self, provider: str, kind: MethodKind) -> MethodRule | None:
        """The rule for a method, or None when the consumer does not take it."""
        return next((m for m in self.methods if (m.provider, m.kind) == (provider, kind)), None)

    def kinds(self, provider: str) -> tuple[MethodKind, ...]:
        """Methods that still work for *provider*."""
        return tuple(m.kind for m in self.methods if m.provider == provider and m.retired is None)
