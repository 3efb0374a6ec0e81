"""Secrets: references in YAML, values in memory, keyed fingerprints in the registry."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from typing import final
from urllib.parse import quote

from reconciler.errors import SourceMark

_SHORTEST_SCRUBBED = 6
"""Values shorter than this are not scrubbed: they would eat ordinary words."""


@final
class Secret:
    """A credential in memory. Never prints itself; `reveal` is the one way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Remember the value for every scrubber of this process."""
        self._value = value
        KNOWN.learn(value)

    def reveal(self) -> str:
        """The value, for the request it belongs to and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be serialized")


class Scrubber:
    """Replaces every known secret by ``***``: plain, quoted as in URLs or JSON, in Basic form."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._forms: set[str] = set()

    def learn(self, value: str) -> None:
        """Add a value in the forms in which it could leak."""
        if len(value) >= _SHORTEST_SCRUBBED:
            plain = base64.b64encode(value.encode()).decode()
            as_json = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
            self._forms |= {value, quote(value, safe=""), plain, *as_json}

    def learn_pair(self, username: str, value: str) -> None:
        """Add the Basic form of a user name and a secret."""
        self._forms.add(base64.b64encode(f"{username}:{value}".encode()).decode())

    def scrub(self, text: str) -> str:
        """*text* without any known secret; the longest form goes first."""
        found = sorted((f for f in self._forms if f in text), key=len, reverse=True)
        for form in found:
            text = text.replace(form, "***")
        return text


KNOWN = Scrubber()
"""The scrubber that every sink of this process uses."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret lives, and what is needed to find it there.

    ``location`` by ``source``: ``env`` (name,), ``file`` (absolute path,), ``exec`` the words of
    the command, ``vault`` (mount and path, field), ``aws`` (name, key or empty) with a third word
    for a version stage other than the current, ``keyring`` (service, user).
    """

    source: str
    location: tuple[str, ...]
    where: SourceMark | None = field(default=None, compare=False)

    @property
    def place(self) -> str:
        """The reference in words a person recognizes: ``environment variable NAME``."""
        words = {"env": "environment variable", "exec": "the output of"}
        between = {"vault": "#", "aws": "#", "keyring": "/"}.get(self.source, " ")
        home = between.join(filter(None, self.location[:2]))
        if self.source not in ("aws", "keyring", "vault"):
            home = " ".join(self.location)
        stage = f" ({self.location[2]})" if self.source == "aws" and self.location[2:] else ""
        return f"{words.get(self.source, self.source)} {home}{stage}"


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Keyed HMAC over a whole secret. The key lives in the registry, never in a plan."""

    key: bytes = field(repr=False)

    def of(self, secret: Secret) -> str:
        """``hmac:`` and 32 hex digits; equal secrets give equal fingerprints under one key."""
        digest = hmac.new(self.key, secret.reveal().encode(), "sha256").hexdigest()
        return f"hmac:{digest[:32]}"
