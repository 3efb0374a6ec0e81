"""Finds the credentials that carry our marker at their provider, listing each home once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Fault, RemoteError
from reconciler.model.desired import DesiredConnection
from reconciler.model.marker import read_marker
from reconciler.model.observed import Absent, IssuedCredential, Observation, Present, Unreadable
from reconciler.model.secret import Fingerprinter
from reconciler.observe.secrets import read_secret
from reconciler.ports.provider import CredentialHome, Issuer, IssuerLogin, Provider
from reconciler.ports.secrets import SecretSource

_Key = tuple[str, IssuerLogin, CredentialHome]


@dataclass(slots=True)
class IssuedDesk:
    """Shares listings: one for each issuer and home of a run.

    ``own`` gathers the fingerprints of the issuers' secrets.
    """

    sources: Mapping[str, SecretSource]
    fingerprinter: Fingerprinter
    lineage: str
    own: set[str] = field(default_factory=set)
    asked: dict[_Key, asyncio.Task[tuple[IssuedCredential, ...]]] = field(default_factory=dict)

    async def view(
        self, desired: DesiredConnection, names: Collection[str], provider: Provider
    ) -> Observation[tuple[IssuedCredential, ...]]:
        """The connection's own credentials at the provider; *names* are all that it ever had."""
        issuer = desired.method.issuer
        if issuer is None or not isinstance(provider, Issuer):
            return Absent()
        secret, missing = await asyncio.to_thread(read_secret, issuer.secret, self.sources)
        if secret is None:
            return Unreadable(
                f"the issuer of {desired.method.name!r} has no secret: {missing}",
                hint=f"set the secret declared at {issuer.where}",
                fault=Fault.CREDENTIAL,
            )
        self.own.add(self.fingerprinter.of(secret))
        login, home = IssuerLogin.of(issuer, secret), CredentialHome.of(desired.method)
        key = (desired.account.identity, login, home)
        if key not in self.asked:
            self.asked[key] = asyncio.ensure_future(provider.issued(login, home))
        try:
            found = await self.asked[key]
        except RemoteError as error:
            reason = f"the issuer of {desired.method.name!r}: {error.cause}"
            return Unreadable(reason, error.hint, error.fault)
        return Present(tuple(c for c in found if self._is_of(c, names)))

    def _is_of(self, credential: IssuedCredential, names: Collection[str]) -> bool:
        marker = read_marker(credential.name, self.lineage)
        return marker is not None and marker.name in names
