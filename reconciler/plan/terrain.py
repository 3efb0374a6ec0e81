"""What can be done by code for one connection: the ground on which its steps are laid. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.ports.provider import ProviderSpec


@dataclass(frozen=True, slots=True)
class Terrain:
    """What can be done by code for one connection.

    ``writable`` are the kinds of secret source that can be written. ``own_access`` are the
    fingerprints of what the reconciler itself reads with. ``immediate`` leaves no overlap: a
    credential is compromised.
    """

    provider: ProviderSpec
    has_api: bool
    browser_url: str = ""
    writable: frozenset[str] = frozenset()
    own_access: frozenset[str] = frozenset()
    immediate: bool = False
