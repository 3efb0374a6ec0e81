"""What an emulated Vault holds: mounts, secrets with their versions, one token.

Laws of the versions: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 [documented,
2026-11-21]. A deletion keeps the version's data until it is destroyed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.errors import UsageError

MOST_VERSIONS = 10
"""Kept of one secret unless its metadata says otherwise."""

CAPABILITIES = frozenset({"create", "read", "update", "delete", "list"})

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Version:
    """One version of a secret; ``data`` is gone for good once it is destroyed."""

    number: int
    data: dict[str, Any] | None = field(repr=False)
    created: datetime
    deleted: datetime | None = None
    is_destroyed: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether a read finds its data."""
        return self.deleted is None and not self.is_destroyed


@dataclass(slots=True)
class Entry:
    """A secret of a store of version 2. ``current`` counts on, also over deletions."""

    created: datetime
    updated: datetime
    current: int = 0
    versions: dict[int, Version] = field(default_factory=dict)
    most_versions: int = 0
    needs_cas: bool = False
    notes: dict[str, str] | None = None

    def add(self, data: dict[str, Any], now: datetime) -> Version:
        """The next version; the oldest beyond the limit is forgotten."""
        self.current += 1
        made = self.versions[self.current] = Version(self.current, data, now)
        self.updated = now
        for number in sorted(self.versions)[: -(self.most_versions or MOST_VERSIONS)]:
            del self.versions[number]
        return made


class VaultState:
    """One server.

    Args:
        now: the sandbox's clock.

    ``mounts`` names the key-value stores with a slash at the end, and their versions, 1 or 2.
    ``allowed`` is what the token's policy lets it do, everywhere.
    """

    def __init__(self, now: Clock) -> None:
        self.now = now
        self.token = "hvs." + secrets.token_urlsafe(24)
        self.is_token_alive = True
        self.is_sealed = False
        self.is_standby = False
        self.allowed = set(CAPABILITIES)
        self.mounts: dict[str, int] = {"secret/": 2}
        self.entries: dict[str, Entry] = {}
        self.plain: dict[str, dict[str, Any]] = {}

    def accepts(self, token: str) -> bool:
        """Whether the token lets in."""
        return self.is_token_alive and secrets.compare_digest(token.encode(), self.token.encode())

    def revoke(self, token: str) -> None:
        """Kill the token when it is ours."""
        if token == self.token:
            self.is_token_alive = False

    def mount_of(self, place: str) -> str | None:
        """The mount that *place* lies in."""
        inside = f"{place.rstrip('/')}/"
        return next((mount for mount in self.mounts if inside.startswith(mount)), None)

    def entry(self, place: str) -> Entry:
        """The secret at *place*, made when it is not there."""
        now = self.now()
        return self.entries.setdefault(place, Entry(now, now))

    # A person's hands ---------------------------------------------------------------------------

    def fields(self, place: str) -> Mapping[str, Any]:
        """The fields of the secret at ``MOUNT/PATH`` in its latest version, if that is alive."""
        entry = self.entries.get(place)
        version = entry.versions.get(entry.current) if entry else None
        return version.data or {} if version and version.is_alive else {}

    def value(self, place: str, name: str) -> Any:
        """One field of the secret at ``MOUNT/PATH``; None when it is not there."""
        return self.fields(place).get(name)

    def put(self, path: str, field: str, value: str) -> dict[str, Any]:
        """Set one field of a secret, and keep the others."""
        if self.mounts.get(self.mount_of(path) or "") != 2:  # noqa: PLR2004  the engine's version
            raise UsageError(
                f"{path} lies in no key-value store of version 2",
                hint=f"begin with one of {', '.join(sorted(self.mounts))}",
            )
        made = self.entry(path).add({**self.fields(path), field: value}, self.now())
        return {"path": path, "version": made.number}

    def enable(self, path: str, version: int = 2) -> dict[str, Any]:
        """Mount another key-value store, of version 1 or 2."""
        self.mounts[f"{path.strip('/')}/"] = int(version)
        return self.overview()

    def switch(
        self,
        *,
        sealed: bool | None = None,
        standby: bool | None = None,
        allowed: list[str] | None = None,
    ) -> dict[str, Any]:
        """Seal the server, make it a standby that points elsewhere, or change the policy."""
        self.is_sealed = self.is_sealed if sealed is None else bool(sealed)
        self.is_standby = self.is_standby if standby is None else bool(standby)
        self.allowed = self.allowed if allowed is None else set(allowed)
        return self.overview()

    def revoke_token(self) -> dict[str, Any]:
        """Kill the token."""
        self.is_token_alive = False
        return self.overview()

    def restore_token(self) -> dict[str, Any]:
        """Bring the token back to life."""
        self.is_token_alive = True
        return self.overview()

    def overview(self) -> dict[str, Any]:
        """Everything but the values."""
        return {
            "sealed": self.is_sealed,
            "standby": self.is_standby,
            "token_alive": self.is_token_alive,
            "allowed": sorted(self.allowed),
            "mounts": self.mounts,
            "secrets": {
                place: {"version": entry.current, "fields": sorted(self.fields(place))}
                for place, entry in sorted(self.entries.items())
            },
        }
