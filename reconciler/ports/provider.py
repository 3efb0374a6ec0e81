"""Where source code lives and credentials are issued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Listing, Reads
from reconciler.model.secret import Secret
from reconciler.ports.capability import Ability, Capability


@dataclass(frozen=True, slots=True)
class Login:
    """A credential with all that is needed to present it."""

    kind: MethodKind
    secret: Secret = field(repr=False)
    username: str = ""
    level: str = ""


Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much is done and, when known, of how much."""


def silent(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""
    del what, done, total


class Provider(Protocol):
    """One account at a provider. Rotation is not here: apply composes it."""

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        """Show a credential and report what became of it.

        Costs one request, two with *reach* (can it read the account?). Never raises
        RemoteError: what cannot be learnt is Verdict.UNKNOWN with cause and hint.
        """
        ...

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        """Every repository of the account that *login* can see.

        Args:
            login: the reader.
            expected: how many there were last time; lets the first wave of pages start at once.
            progress: told after every page.

        Returns:
            A listing that says itself whether it is complete: a page lost after the first
            makes it incomplete, not an error.

        Raises:
            RemoteError: nothing at all could be read.
        """
        ...

    def reads(self) -> Reads:
        """What this object has cost so far."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class ManualCredential:
    """How a person creates or revokes a credential of one method at this provider."""

    create_url: str
    create_title: str
    create_fields: tuple[tuple[str, str], ...]
    revoke_url: str
    revoke_title: str
    revoke_fields: tuple[tuple[str, str], ...]
    who: str


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """What is known of a provider before any call.

    ``implies`` are the documented implications between scopes. ``vocabulary`` lists every scope
    a method may hold (empty: unknown). ``retired`` methods map to the sentence that says since
    when and what instead. ``manual`` says how people create and revoke credentials.
    """

    name: str
    title: str
    api_url: str
    methods: tuple[MethodKind, ...]
    abilities: Mapping[Capability, Ability]
    implies: Mapping[str, frozenset[str]]
    vocabulary: Mapping[MethodKind, frozenset[str]]
    manual: Mapping[MethodKind, ManualCredential]
    retired: Mapping[MethodKind, str]
    open: Callable[[DesiredAccount, int, int | None], Provider]
