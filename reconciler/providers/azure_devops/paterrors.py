"""What ``patTokenError`` means, and the way out. Pure.

Source of the values: https://learn.microsoft.com/rest/api/azure/devops/tokens/pats/create,
"SessionTokenError" [documented, 2026-11-21]; their meaning is told by their names alone, and which
HTTP status comes with them is not documented.
"""

from __future__ import annotations

from reconciler.errors import Fault, RemoteError
from reconciler.providers.azure_devops.limits import PARTY

NONE = "none"

GONE = frozenset(
    {
        "authorizationNotFound",
        "hostAuthorizationNotFound",
        "invalidAuthorizationId",
        "tokenNotFound",
    }
)
"""There is no such token."""

_ASK = "ask an administrator of the tenant to put the issuer's user on the policy's allow list"
_POLICIES = {
    "globalPatPolicyViolation": (
        'the tenant policy "Restrict global personal access token creation"',
        _ASK,
    ),
    "globalPATCreationBlocked": (
        "the end of global personal access tokens",
        "make the token for one organization",
    ),
    "fullScopePatPolicyViolation": (
        'the tenant policy "Restrict full-scoped personal access token creation"',
        f"name the scopes instead of app_token, or {_ASK}",
    ),
    "patLifespanPolicyViolation": (
        'the tenant policy "Enforce maximum personal access token lifespan"',
        f"lower `maxAge` or `expiresAt` to what the policy allows, or {_ASK}",
    ),
    "disablePatCreationPolicyViolation": (
        'the organization policy "Restrict personal access token creation"',
        "Organization settings > Policies: put the issuer's user on its allow list",
    ),
}
"""Which policy, and the way out.

Source: https://learn.microsoft.com/azure/devops/organizations/accounts/
manage-pats-with-policies-for-administrators [documented, 2026-11-21]
"""

_INPUT = {
    "displayNameRequired": "the name is empty",
    "invalidDisplayName": "the name is not acceptable",
    "invalidScope": "a scope is unknown, or cannot be given to a token",
    "invalidTargetAccounts": "the organization is not acceptable",
    "invalidValidTo": "the end is not acceptable: it may be at most one year from now",
    "expiredPatCannotBeExtended": "the token has expired, and cannot be changed any more",
}
_IDENTITY = frozenset(
    {
        "accessDenied",
        "invalidUserType",
        "invalidUserId",
        "userIdRequired",
        "invalidClient",
        "invalidClientType",
        "invalidClientId",
        "invalidTokenType",
        "invalidAudience",
        "invalidSubject",
    }
)

USER_HINT = (
    "sign in as the user who shall own the tokens, with an Entra token of that user that has the "
    "scopes vso.pats and vso.pats_manage; service principals and tokens themselves may not do this"
)


def error_of(value: str, message: str, doing: str) -> RemoteError:
    """The error for a ``patTokenError`` that is not ``none``.

    Args:
        value: as answered; one that nobody listed is quoted and refused.
        message: the service's own words, already fit for an error; may be empty.
        doing: what was attempted.
    """
    tail = f": {message}" if message else ""
    if value in _POLICIES:
        policy, way_out = _POLICIES[value]
        return _error(Fault.REJECTED, f"{policy} forbids {doing}{tail} ({value})", way_out)
    if value in GONE:
        return _error(
            Fault.NOT_FOUND,
            f"there is no such token ({value}){tail}",
            "it was revoked or has expired, or belongs to somebody else than the issuer",
        )
    if value in _IDENTITY:
        return _error(
            Fault.PERMISSION, f"the issuer may not do this: {doing} ({value}){tail}", USER_HINT
        )
    if value.startswith("failedTo"):
        return _error(
            Fault.OUTAGE,
            f"{doing} did not succeed there ({value}){tail}",
            "the trouble is on the other side; run again later",
        )
    why = _INPUT.get(value, "the request was not acceptable")
    return _error(
        Fault.REJECTED,
        f"{doing} was refused: {why} ({value}){tail}",
        "check the connection's method, and the clock of this machine",
    )


def _error(fault: Fault, cause: str, hint: str) -> RemoteError:
    return RemoteError(PARTY, fault, f"{PARTY}: {cause}", hint=hint)
