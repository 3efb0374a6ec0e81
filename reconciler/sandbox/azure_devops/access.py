"""Who is calling Azure DevOps, and by what right.

Source: https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate
[documented, 2026-11-21]; how each refusal looks: see `faces`.
"""

from __future__ import annotations

import base64
import binascii

from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Caller, Operation
from reconciler.sandbox.azure_devops.faces import Faces
from reconciler.sandbox.azure_devops.organization import Organization
from reconciler.sandbox.azure_devops.scopes import FULL, allows


def secret_of(header: str) -> tuple[str, str]:
    """Scheme in lower case and secret of an Authorization header; the user name is ignored."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return scheme.lower(), value.strip()
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "basic", ""
    return "basic", decoded.partition(":")[2]


def identify(organization: Organization, header: str) -> str:
    """The id of the credential in an Authorization header, dead or alive; empty if unknown."""
    return organization.safe.id_of(secret_of(header)[1])


def authenticate(organization: Organization, header: str, method: str, face: Faces) -> Caller:
    """The caller behind an Authorization header.

    Raises:
        RefusedError: in the face that fits the mistake.
    """
    scheme, secret = secret_of(header)
    if scheme == "bearer" and not organization.knobs.is_server:
        return _by_bearer(organization, secret, method, face)
    if scheme != "basic" or not secret:
        raise face.unknown()
    pat = organization.safe.pat_of(secret)
    reason = organization.why_not(pat)
    if pat is None or reason == "unknown":
        raise face.unknown()
    if reason:
        raise face.expired() if reason == "expired" else face.empty()
    return Caller(user=organization.estate.users[pat.owner], pat=pat)


def _by_bearer(organization: Organization, secret: str, method: str, face: Faces) -> Caller:
    found = organization.safe.bearer_of(secret)
    if found is None or found.is_revoked or not organization.knobs.entra_backed:
        raise face.bearer()
    if organization.clock.now() >= found.expires_at:
        raise face.expired_bearer(method)
    user = organization.estate.users.get(found.subject)
    principal = organization.estate.principals.get(found.subject)
    if user is None and (principal is None or not principal.is_member):
        raise face.bearer()
    return Caller(user=user, principal=principal, bearer=found)


def demand(caller: Caller, operation: Operation, face: Faces) -> None:
    """Let only those pass who hold a scope that suffices.

    Raises:
        RefusedError: the empty 401, which looks like an expired PAT; or, at the token API, what
            it says to PATs and to service principals.
    """
    if operation.is_for_pats:
        _demand_person(caller, operation, face)
    elif not allows(caller.scopes, operation.scopes):
        raise face.empty()


def _demand_person(caller: Caller, operation: Operation, face: Faces) -> None:
    """Only a signed-in user's bearer manages PATs.

    Source: https://learn.microsoft.com/azure/devops/organizations/accounts/manage-personal-access-tokens-via-api
    [documented, 2026-11-21]. A service principal gets the sign-in page, a PAT 401; that writing
    takes both scopes was measured by a third party.
    """
    if caller.pat is not None:
        key, message = "InvalidAccessException", "The requested operation is not allowed."
        raise faces.refuse(401, key, message)
    if caller.bearer is None or not caller.bearer.is_user:
        raise RefusedError(face.moved())
    held = set(caller.scopes)
    if not (held & FULL or held.issuperset(operation.scopes)):
        raise face.empty()


def dress(response: Response, caller: Caller | None, session: str, activity: str) -> Response:
    """Add what every answer carries; ``X-VSS-UserData`` only when somebody was let in."""
    headers = response.headers
    for name, value in _EVERYWHERE.items():
        headers[name] = value
    headers["ActivityId"] = headers["X-VSS-E2EID"] = activity
    headers["X-TFS-Session"] = session or activity
    if caller is not None and caller.identity is not None:
        headers["X-VSS-UserData"] = f"{caller.id}:{caller.account}"
    return response


_EVERYWHERE = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-TFS-ProcessId": "5f1b7c9e-0c55-4d0f-9a55-8a2f6a0f1c11",
    "X-VSS-SenderDeploymentId": "13a19993-c6bc-326c-afb4-32c5519f46f0",
    "Request-Context": "appId=cid-v1:2f0a1f4e-8f4b-4a2e-9b1b-0a5d2c6a7e10",
    "Access-Control-Expose-Headers": "Request-Context",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "P3P": 'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi BUS DEM NAV STA UNI"',
    "X-Cache": "CONFIG_NOCACHE",
    "X-MSEdge-Ref": "Ref A: 0 Ref B: SANDBOX Ref C: 0",
}
"""The cosmetic set, as recorded; the values are ours."""
