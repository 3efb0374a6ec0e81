"""What the token service allows: the rules behind ``patTokenError``.

Source: https://learn.microsoft.com/rest/api/azure/devops/tokens/pats and
https://learn.microsoft.com/azure/devops/organizations/accounts/manage-pats-with-policies-for-administrators
[documented, 2026-11-21]. Which rule is looked at first, and that a life of over a year is
``invalidValidTo``, are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.sandbox.azure_devops.knobs import Knobs
from reconciler.sandbox.azure_devops.scopes import OF_PATS
from reconciler.sandbox.azure_devops.tokens import read_time, rounded

LONGEST_LIFE = timedelta(days=366)
"""A year, and a day of grace: pages offer a whole year from a time that has passed by then."""

LONGEST_NAME = 256

MESSAGES = {
    "displayNameRequired": "A display name is required.",
    "invalidDisplayName": "The display name is too long.",
    "invalidValidTo": "The expiration date is not valid.",
    "invalidScope": "The scope is not valid.",
    "disablePatCreationPolicyViolation": "An organization policy restricts the creation of PATs.",
    "globalPatPolicyViolation": "A tenant policy restricts global PATs.",
    "globalPATCreationBlocked": "Global PATs can no longer be created.",
    "fullScopePatPolicyViolation": "A tenant policy restricts full-scoped PATs.",
    "patLifespanPolicyViolation": "A tenant policy restricts the lifespan of PATs.",
    "expiredPatCannotBeExtended": "An expired PAT cannot be extended.",
    "authorizationNotFound": "The authorization was not found.",
    "invalidAuthorizationId": "The authorization id is not valid.",
}


class PatRefusedError(Exception):
    """The token service refuses with a ``patTokenError``."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for, checked and, where the policy says so, shortened."""

    name: str
    scopes: tuple[str, ...]
    valid_to: datetime


def wished_pat(body: dict[str, Any], knobs: Knobs, now: datetime) -> Wish:
    """The PAT that a ``POST`` asks for.

    Raises:
        PatRefusedError: with the error value of the first rule that is broken.
    """
    name = wished_name(body.get("displayName"))
    scopes = wished_scopes(body.get("scope"), knobs)
    valid_to = wished_end(body.get("validTo"), now)
    if knobs.creation_restricted:
        raise PatRefusedError("disablePatCreationPolicyViolation")
    refuse_global(body, knobs)
    return Wish(name, scopes, within_policy(valid_to, now, knobs))


def wished_name(value: object) -> str:
    """A display name. Raises PatRefusedError for none, or one that is too long."""
    if not isinstance(value, str) or not value.strip():
        raise PatRefusedError("displayNameRequired")
    if len(value) > LONGEST_NAME:
        raise PatRefusedError("invalidDisplayName")
    return value


def wished_scopes(value: object, knobs: Knobs) -> tuple[str, ...]:
    """Scopes that a PAT may hold. Raises PatRefusedError for others."""
    scopes = tuple(value.split()) if isinstance(value, str) else ()
    if not scopes or not OF_PATS.issuperset(scopes):
        raise PatRefusedError("invalidScope")
    if knobs.forbid_full_scope and "app_token" in scopes:
        raise PatRefusedError("fullScopePatPolicyViolation")
    return scopes


def wished_end(value: object, now: datetime) -> datetime:
    """An end between now and a year from now. Raises PatRefusedError for others."""
    moment = read_time(value)
    if moment is None or not now < moment <= now + LONGEST_LIFE:
        raise PatRefusedError("invalidValidTo")
    return rounded(moment)


def refuse_global(body: dict[str, Any], knobs: Knobs) -> None:
    """Refuse ``allOrgs``: blocked for everybody since 2026-03-15, and by policy where there is one.

    Raises:
        PatRefusedError: ``allOrgs`` was asked for.
    """
    if body.get("allOrgs"):
        blocked = "globalPATCreationBlocked"
        raise PatRefusedError("globalPatPolicyViolation" if knobs.forbid_global else blocked)


def within_policy(valid_to: datetime, made: datetime, knobs: Knobs) -> datetime:
    """*valid_to*, shortened to the longest life from *made* on, or refused.

    Source: the text of 7.2 says shortened; ``patLifespanPolicyViolation`` exists as well and
    others expect it [documented, 2026-11-21], so there is a knob.
    """
    if knobs.max_life_days is None:
        return valid_to
    latest = made + timedelta(days=knobs.max_life_days)
    if valid_to <= latest:
        return valid_to
    if knobs.life_mode == "error":
        raise PatRefusedError("patLifespanPolicyViolation")
    return rounded(latest)
