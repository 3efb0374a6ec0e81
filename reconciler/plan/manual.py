"""Manual steps: exactly what a person does where no API will. Pure; the clock is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from reconciler.model.action import ManualStep
from reconciler.model.desired import DesiredConnection
from reconciler.model.method import MethodKind
from reconciler.model.secret import SecretRef
from reconciler.model.times import words
from reconciler.ports.provider import ManualCredential, ProviderSpec

MINT = "mint"
GRANT = "grant"
ENTER = "enter"
REVOKE = "revoke-old"
TIDY = "move-secret"
FORMER = "revoke-former"
REMOVE = "remove-by-hand"
DRAIN = "drain"
DISCARD = "discard-secret"
REVOKE_UNUSED = "revoke-unused"

_DEFAULT_LIFE = timedelta(days=365)


def mint(
    desired: DesiredConnection, spec: ProviderSpec, generation: int, now: datetime, why: str
) -> ManualStep:
    """Create a credential: address, name, expiry, scopes, and where its value goes."""
    method, manual = desired.method, spec.manual.get(desired.method.kind)
    ends = now + life(desired)
    first = generation == 1
    target = method.secret if first or method.successor is None else method.successor
    where = target.place if target else "the source of the secret"
    kept = "" if first else ", while the old one stays where it is"
    return ManualStep(
        id=MINT,
        title=manual.create_title if manual else f"Create a new {method.kind}",
        url=manual.create_url if manual else desired.rule.create_url or "",
        who=_who(desired, manual),
        fields=(
            *(manual.create_fields if manual else ()),
            ("Name", f"{desired.address.name}-{generation}"),
            ("Expires on", f"{ends:%Y-%m-%d}"),
            ("Put its value into", f"{where}{kept}"),
            ("Because", why),
        ),
        scopes=method.scopes,
        detected_by=f"a value in {where} that the provider accepts with these scopes",
    )


def life(desired: DesiredConnection) -> timedelta:
    """How long a new credential of this connection shall live."""
    limits = (desired.method.max_age, desired.rule.max_age, _DEFAULT_LIFE)
    return min(limit for limit in limits if limit is not None)


def _who(desired: DesiredConnection, manual: ManualCredential | None) -> str:
    if desired.method.username:
        return f"signed in as {desired.method.username}"
    return manual.who if manual else desired.rule.who


def grant(desired: DesiredConnection, url: str) -> ManualStep:
    """Consent in a browser to a method that no API can set up."""
    return ManualStep(
        id=GRANT,
        title=f"Connect {desired.consumer.profile.title} to {desired.account.workspace} "
        f"by {desired.method.kind}",
        url=url or desired.rule.create_url or "",
        who=desired.rule.who,
        fields=(
            ("Workspace", desired.account.workspace),
            ("Connection name", desired.address.name),
            ("Host URL", desired.rule.host_url or desired.account.api_url),
        ),
        detected_by=f"a connection of {desired.consumer.name} by {desired.method.kind} named "
        f"{desired.address.name!r}, or the only new one that reaches {desired.account.workspace!r}",
    )


def enter(desired: DesiredConnection, *, beside: bool = False) -> ManualStep:
    """Type a credential into a consumer that has no API; *beside*: the successor."""
    method = desired.method
    named = (("User name", method.username),) if method.username else ()
    place = method.successor if beside and method.successor else method.secret
    secret = (("Token or secret", f"the value in {place.place}"),) if place else ()
    return ManualStep(
        id=ENTER,
        title=f"Enter the connection in {desired.consumer.profile.title}",
        url=desired.consumer.profile.links.get("connect", desired.consumer.endpoint),
        who=desired.rule.who,
        fields=(
            ("Connection name", desired.address.name),
            ("Host URL", desired.rule.host_url or desired.account.api_url),
            ("Workspace", desired.account.workspace),
            *named,
            *secret,
        ),
    )


def revoke(desired: DesiredConnection, spec: ProviderSpec, generation: int) -> ManualStep:
    """Revoke the replaced credential; its death is proven afterwards."""
    manual = spec.manual.get(desired.method.kind)
    return ManualStep(
        id=REVOKE,
        title=manual.revoke_title if manual else f"Revoke the old {desired.method.kind}",
        url=manual.revoke_url if manual else "",
        who=_who(desired, manual),
        fields=(
            *(manual.revoke_fields if manual else ()),
            ("The old one", f"created before the one named {desired.address.name}-{generation}"),
        ),
        detected_by="the old value, where it can still be read, is refused by the provider",
    )


def revoke_unused(
    desired: DesiredConnection, spec: ProviderSpec, generation: int | None = None
) -> ManualStep:
    """Revoke the newer credential, which an undone rotation left without use."""
    manual = spec.manual.get(desired.method.kind)
    name = desired.address.name
    which = f"the one named {name}-{generation}" if generation else f"the newest one for {name}"
    return ManualStep(
        id=REVOKE_UNUSED,
        title=f"Revoke the unused {desired.method.kind}",
        url=manual.revoke_url if manual else "",
        who=_who(desired, manual),
        fields=(*(manual.revoke_fields if manual else ()), ("The unused one", which)),
        detected_by="the unused value, where it can still be read, is refused by the provider",
    )


def discard(place: str) -> ManualStep:
    """Take an unused secret out of a source that cannot be written from here."""
    return ManualStep(
        id=DISCARD,
        title="Take the unused secret away",
        url="",
        who="whoever keeps the secrets of this pipeline",
        fields=(("From", place),),
        detected_by=f"there is no value in {place} any more",
    )


def drain(overlap: timedelta, until: datetime | None = None) -> ManualStep:
    """The overlap of a rotation: nobody has to do anything, and `ack` ends it early."""
    how_long = f"until {until:%Y-%m-%d %H:%M} UTC" if until else f"for {words(overlap)}"
    return ManualStep(
        id=DRAIN,
        title=f"Leave the replaced credential working {how_long}",
        url="",
        who="nobody: the first run after that revokes it and proves that it fails",
        detected_by="the time",
    )


def revoke_former(kind: MethodKind, username: str, name: str, spec: ProviderSpec) -> ManualStep:
    """Revoke the credential of the method or user that a reconnection replaced.

    Only a person can say that it is done: the YAML does not name that credential any more.
    """
    manual = spec.manual.get(kind)
    return ManualStep(
        id=FORMER,
        title=manual.revoke_title if manual else f"Revoke the former {kind}",
        url=manual.revoke_url if manual else "",
        who=f"signed in as {username}" if username else manual.who if manual else "",
        fields=(
            *(manual.revoke_fields if manual else ()),
            ("The former one", f"the {kind} that {name} used until now"),
        ),
    )


def tidy(secret: SecretRef, successor: SecretRef) -> ManualStep:
    """Move a successor into the place of the secret, where the source cannot be written."""
    return ManualStep(
        id=TIDY,
        title="Move the new secret into the place of the old one",
        url="",
        who="whoever keeps the secrets of this pipeline",
        fields=(("From", successor.place), ("To", secret.place)),
        detected_by=f"the value in {secret.place} is the one in use",
    )


def remove(name: str, title: str) -> ManualStep:
    """Take a connection away at a consumer that has no API."""
    return ManualStep(
        id=REMOVE,
        title=f"Remove the connection in {title}",
        url="",
        who="an administrator of the consumer",
        fields=(("Connection name", name),),
    )
