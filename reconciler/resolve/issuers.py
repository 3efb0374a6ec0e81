"""What must hold for a credential that the provider's API makes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconciler.model.desired import DesiredAccount, DesiredConnection, DesiredMethod
from reconciler.model.secret import SecretRef
from reconciler.model.suggest import listed
from reconciler.ports.capability import Cannot, Capability
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.references import Problems

_ANNOUNCED_AROUND = timedelta(days=365)
_OF_SOMETHING = ("project", "repository")


def check_issuer(method: DesiredMethod, provider: ProviderSpec, problems: Problems) -> None:
    """Report an issuer that this provider does not let in, or whose credential has no home."""
    issuer, where = method.issuer, method.marks["issuer"]
    is_repository = "/" in method.target
    if method.target and (method.level == "repository") is not is_repository:
        cause = f"the target {method.target!r} does not fit the level {method.level or 'user'}"
        hint = "write KEY for `level: project`, KEY/slug for `level: repository`"
        problems.error("bad-target", cause, hint, method.marks["target"])
    if issuer is None:
        return
    ability = provider.abilities[Capability.ISSUE]
    if isinstance(ability, Cannot):
        cause = f"no API of {provider.title} makes credentials (source: {ability.source})"
        problems.error("cannot-issue", cause, f"leave `issuer` out: {ability.instead}", where)
        return
    if issuer.kind not in provider.issuers:
        cause = f"{provider.title} does not let an issuer of type {issuer.kind} make credentials"
        problems.error("issuer-not-accepted", cause, f"use {listed(provider.issuers)}", where)
    if method.level in _OF_SOMETHING and not method.target:
        cause = f"a credential of level {method.level} belongs to something"
        problems.error("missing-target", cause, "add `target: KEY` or `target: KEY/slug`", where)
    is_user = method.level not in _OF_SOMETHING
    if is_user and issuer.username and method.username not in ("", issuer.username):
        cause = f"{issuer.username} cannot make tokens for {method.username}"
        hint = "sign the issuer in as the user who shall own the token"
        problems.error("issuer-not-owner", cause, hint, where)


def check_announced(
    method: DesiredMethod, provider: ProviderSpec, now: datetime | None, problems: Problems
) -> None:
    """Say what the provider has announced for credentials that people make.

    What an issuer makes is never of the kind that ends.
    """
    for end in provider.announced:
        is_near = now is not None and abs(end.on - now.date()) <= _ANNOUNCED_AROUND
        if method.issuer is None and method.kind in end.concerns and is_near:
            hint = f"source: {end.source}"
            problems.warn("announced-end", end.sentence, hint, method.where)


def check_sharing(
    connections: Iterable[DesiredConnection],
    accounts: Iterable[DesiredAccount],
    problems: Problems,
) -> None:
    """What is issued belongs to one connection alone: its rotation would cut others off.

    So do the places that it is written into, the successor's among them.
    """
    ordered = sorted(connections, key=lambda c: (c.method.issuer is None, c.where))
    users = _own_secrets(ordered, accounts)
    issued: set[SecretRef] = set()
    for connection in ordered:
        address, method = str(connection.address), connection.method
        places = [p for p in (method.secret, method.successor) if p is not None]
        if method.issuer is not None:
            issued |= set(places)
        found = [(place, users.setdefault(place, address)) for place in places]
        other = next((user for p, user in found if p in issued and user != address), "")
        if other:
            cause = f"{address} and {other} share a credential that is issued by an API"
            hint = "give each a Method with a secret of its own: rotating one must not end another"
            problems.error("shared-issued-secret", cause, hint, connection.mark("method"))


def _own_secrets(
    connections: Iterable[DesiredConnection], accounts: Iterable[DesiredAccount]
) -> dict[SecretRef, str]:
    """What the reconciler itself signs in with, and whose it is."""
    users: dict[SecretRef, str] = {}
    for account in accounts:
        if account.reader is not None and account.reader.secret is not None:
            users[account.reader.secret] = f"the reader of account {account.name!r}"
    for connection in connections:
        issuer, consumer = connection.method.issuer, connection.consumer
        if issuer is not None:
            users.setdefault(issuer.secret, f"the issuer of {connection.method.name!r}")
        if consumer.credential is not None:
            users.setdefault(consumer.credential, f"consumer {consumer.name!r}")
    return users
