"""Who am I, my profile, my organizations, and who has access: over HTTP.

Source: https://learn.microsoft.com/rest/api/azure/devops/profile and /memberentitlementmanagement
[documented, 2026-11-21]; ``connectionData`` is in no specification, its shape is recorded.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import ANONYMOUS, Ask, Operation, Resource, listed
from reconciler.sandbox.azure_devops.estate import ServicePrincipal, User
from reconciler.sandbox.azure_devops.views import iso

_PROFILE = ("vso.profile",)
_MEMBERS = ("vso.memberentitlementmanagement",)
_NAME_FILTER = re.compile(r"\s*name\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def connection_data(ask: Ask) -> Response:
    """``GET connectionData``. Which scope it wants is not documented; here any credential does."""
    organization = ask.organization
    who = _shown_identity(ask)
    kind = organization.knobs.deployment
    return ask.reply(
        {
            "authenticatedUser": who,
            "authorizedUser": who,
            "instanceId": organization.id,
            "deploymentId": organization.deployment_id,
            "deploymentType": kind,
            "locationServiceData": {
                "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
                "defaultAccessMappingMoniker": "PublicAccessMapping",
                "lastChangeId": 424239147,
                "lastChangeId64": 424239147,
            },
        }
    )


def _shown_identity(ask: Ask) -> dict[str, Any]:
    caller = ask.caller
    identity = caller.identity
    if identity is None:
        return {
            "id": ANONYMOUS,
            "descriptor": "System:PublicAccess;aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
            "providerDisplayName": "Anonymous",
            "isActive": True,
            "resourceVersion": 2,
            "metaTypeId": 255,
        }
    account = {"$type": "System.String", "$value": caller.account}
    tenant = ask.organization.tenant
    return {
        "id": identity.id,
        "descriptor": f"Microsoft.IdentityModel.Claims.ClaimsIdentity;{tenant}\\{caller.account}",
        "subjectDescriptor": identity.descriptor,
        "providerDisplayName": identity.name,
        "customDisplayName": identity.name,
        "isActive": True,
        "properties": {"Account": account},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def profile(ask: Ask) -> Response:
    """``GET profile/profiles/{id}``: ``me`` or the caller's own id."""
    user = ask.caller.user
    if user is None or ask.params["profile"].lower() not in ("me", user.id):
        raise faces.refuse(404, "ProfileDoesNotExistException", "The profile does not exist.")
    return ask.reply(
        {
            "displayName": user.name,
            "publicAlias": user.id,
            "emailAddress": user.email,
            "coreRevision": 1647,
            "timeStamp": iso(ask.organization.clock.now()),
            "id": user.id,
            "revision": 1647,
        }
    )


def accounts(ask: Ask) -> Response:
    """``GET accounts``: 400 unless it says whose."""
    whose = ask.query("memberId") or ask.query("ownerId")
    if not whose:
        raise faces.bad_argument("Either ownerId or memberId must be given.")
    organization = ask.organization
    shown = {
        "accountId": organization.id,
        "accountUri": f"{ask.views.root}/",
        "accountName": organization.name,
        "properties": {},
    }
    is_member = organization.estate.find_user(whose) is not None
    return ask.reply(listed([shown] if is_member else []))


def entitlements(ask: Ask) -> Response:
    """``GET userentitlements``: one page; ``members`` and ``items`` hold the same."""
    knobs = ask.organization.knobs
    found = _filtered(ask)
    start = _offset(ask)
    page = [_entitlement(ask, user) for user in found[start : start + knobs.entitlement_page_size]]
    after = start + knobs.entitlement_page_size
    body: dict[str, Any] = {"members": page} if knobs.duplicate_members else {}
    body["continuationToken"] = f"users-{after}" if after < len(found) else ""
    body["totalCount"] = len(found)
    body["items"] = page
    return ask.reply(body)


def _offset(ask: Ask) -> int:
    token = ask.query("continuationToken")
    start = token.removeprefix("users-")
    if token and not start.isdigit():
        raise faces.bad_argument("The continuation token is not valid.")
    return int(start or 0)


def _filtered(ask: Ask) -> list[User]:
    users = list(ask.organization.estate.users.values())
    wanted = ask.query("$filter")
    if not wanted:
        return users
    form = _NAME_FILTER.fullmatch(wanted)
    if form is None:
        raise faces.bad_argument("The filter is not valid.")
    sought = form[1].lower()
    return [u for u in users if sought in u.name.lower() or sought in u.email.lower()]


def entitlement(ask: Ask) -> Response:
    """``GET userentitlements/{user}``."""
    user = ask.organization.estate.users.get(ask.params["user"].lower())
    if user is None:
        raise faces.refuse(404, "MemberNotFoundException", "The member was not found.")
    return ask.reply(_entitlement(ask, user))


def principal_entitlement(ask: Ask) -> Response:
    """``GET serviceprincipalentitlements/{principal}``."""
    found = ask.organization.estate.principals.get(ask.params["principal"].lower())
    if found is None:
        raise faces.refuse(404, "MemberNotFoundException", "The member was not found.")
    return ask.reply({"servicePrincipal": _subject(ask, found), **_access(ask, found.id)})


def _entitlement(ask: Ask, user: User) -> dict[str, Any]:
    return {"user": _subject(ask, user), **_access(ask, user.id)}


def _subject(ask: Ask, who: User | ServicePrincipal) -> dict[str, Any]:
    kind = "Users" if isinstance(who, User) else "ServicePrincipals"
    address = f"{ask.views.root}/_apis/Graph/{kind}/{who.descriptor}"
    shown: dict[str, Any] = {
        "subjectKind": "user" if isinstance(who, User) else "servicePrincipal",
        "domain": ask.organization.tenant,
        "principalName": who.email if isinstance(who, User) else who.entra_id,
        "mailAddress": who.email if isinstance(who, User) else "",
        "origin": "aad",
        "originId": who.entra_id,
        "displayName": who.name,
        "_links": {"self": {"href": address}},
        "url": address,
        "descriptor": who.descriptor,
    }
    if isinstance(who, User):
        shown |= {"metaType": "member", "directoryAlias": who.email.partition("@")[0]}
    else:
        shown["applicationId"] = who.client_id
    return shown


def _access(ask: Ask, identity: str) -> dict[str, Any]:
    return {
        "extensions": [],
        "id": identity,
        "accessLevel": {
            "licensingSource": "account",
            "accountLicenseType": "express",
            "msdnLicenseType": "none",
            "gitHubLicenseType": "none",
            "licenseDisplayName": "Basic",
            "status": "active",
            "statusMessage": "",
            "assignmentSource": "unknown",
        },
        "lastAccessedDate": iso(ask.organization.clock.now()),
        "dateCreated": "2023-07-06T08:54:16.4174545Z",
        "projectEntitlements": [],
        "groupAssignments": [],
    }


RESOURCES = (
    Resource(
        "00d9565f-ed9c-4a06-9a50-00e7896ccab4",
        "Location",
        "ConnectionData",
        "_apis/{resource}",
        {"connectionData": {"GET": Operation(connection_data, is_open=True)}},
        is_released=False,
    ),
    Resource(
        "f83735dc-483f-4238-a291-d45f6080a9af",
        "Profile",
        "Profiles",
        "_apis/{area}/{resource}/{id}",
        {"profile/profiles/{profile}": {"GET": Operation(profile, _PROFILE)}},
        revision=3,
        is_hosted=True,
    ),
    Resource(
        "229a6a53-b428-4ffb-a835-e8f36b5b4b1e",
        "Account",
        "Accounts",
        "_apis/{resource}/{accountId}",
        {"accounts": {"GET": Operation(accounts, _PROFILE)}},
        is_hosted=True,
    ),
    Resource(
        "387f832c-dbf2-4643-88e9-c1aa94dbb737",
        "MemberEntitlementManagement",
        "UserEntitlements",
        "_apis/{resource}",
        {"userentitlements": {"GET": Operation(entitlements, _MEMBERS)}},
        revision=5,
        is_hosted=True,
    ),
    Resource(
        "8480c6eb-ce60-47e9-88df-eca3c801638b",
        "MemberEntitlementManagement",
        "UserEntitlements",
        "_apis/{resource}/{userId}",
        {"userentitlements/{user}": {"GET": Operation(entitlement, _MEMBERS)}},
        revision=5,
        is_hosted=True,
    ),
    Resource(
        "1d491a66-190b-43ae-86b8-9c2688c55186",
        "MemberEntitlementManagement",
        "ServicePrincipalEntitlements",
        "_apis/{resource}/{servicePrincipalId}",
        {
            "serviceprincipalentitlements/{principal}": {
                "GET": Operation(principal_entitlement, _MEMBERS)
            }
        },
        is_released=False,
        is_hosted=True,
    ),
)
