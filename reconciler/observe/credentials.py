"""Finds the credentials of a method in their places and shows each to its provider once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.desired import DesiredAccount, DesiredMethod
from reconciler.model.observed import CredentialReport, CredentialView, Slot, Verdict
from reconciler.model.record import Operation, Record
from reconciler.model.secret import Fingerprinter, Secret, SecretRef
from reconciler.observe.secrets import read_secret
from reconciler.ports.provider import Login, Provider
from reconciler.ports.secrets import SecretSource

_NOT_ASKED = CredentialReport(Verdict.UNKNOWN, cause="it was retired and is not asked any more")


@dataclass(slots=True)
class CredentialDesk:
    """Shares verifications: one request for each credential and account of a run."""

    sources: Mapping[str, SecretSource]
    fingerprinter: Fingerprinter
    asked: dict[tuple[str, Login], asyncio.Task[CredentialReport]] = field(default_factory=dict)

    async def view(
        self,
        method: DesiredMethod,
        account: DesiredAccount,
        provider: Provider,
        record: Record | None,
        operation: Operation | None,
    ) -> CredentialView:
        """Sort what lies in the method's places into held, candidate and old."""
        if method.kind.is_browser_grant:
            return CredentialView()
        found, missing = self._read(method)
        retired = record.retired if record else ()
        current = record.fingerprint if record else ""
        held = candidate = old = None
        for ref, secret, fingerprint in found:
            if fingerprint in retired:
                old = old or (ref, secret, fingerprint)
            elif fingerprint == current or (record is None and held is None):
                held = held or (ref, secret, fingerprint)
            else:
                candidate = (ref, secret, fingerprint)

        async def slot(spot: tuple[SecretRef, Secret, str] | None) -> Slot | None:
            if spot is None:
                return None
            ref, secret, fingerprint = spot
            ask = fingerprint not in retired or operation is not None
            report = await self._verify(method, account, provider, secret) if ask else _NOT_ASKED
            return Slot(ref, fingerprint, secret, report)

        return CredentialView(
            held=await slot(held),
            candidate=await slot(candidate),
            old=await slot(old),
            missing=missing,
        )

    def _read(self, method: DesiredMethod) -> tuple[list[tuple[SecretRef, Secret, str]], str]:
        """What lies in the places of secret and successor, and why the first is empty."""
        found: list[tuple[SecretRef, Secret, str]] = []
        secret, missing = read_secret(method.secret, self.sources)
        if secret is not None and method.secret is not None:
            found.append((method.secret, secret, self.fingerprinter.of(secret)))
        if method.successor is not None:
            following, _ = read_secret(method.successor, self.sources)
            if following is not None and following != secret:
                found.append((method.successor, following, self.fingerprinter.of(following)))
        return found, missing

    async def _verify(
        self,
        method: DesiredMethod,
        account: DesiredAccount,
        provider: Provider,
        secret: Secret,
    ) -> CredentialReport:
        login = Login.of(method, secret)
        key = (account.identity, login)
        if key not in self.asked:
            self.asked[key] = asyncio.ensure_future(provider.verify(login, reach=False))
        return await self.asked[key]
