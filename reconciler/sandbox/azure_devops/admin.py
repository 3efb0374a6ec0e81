"""The token administration of an organization: other people's PATs.

Source: https://learn.microsoft.com/rest/api/azure/devops/tokenadmin and
https://learn.microsoft.com/azure/devops/organizations/accounts/admin-revoke-user-pats [documented,
2026-11-21]. The status for somebody who is no administrator is assumed.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, nothing
from reconciler.sandbox.azure_devops.scopes import closure
from reconciler.sandbox.azure_devops.tokens import Pat, read_time, wire_time

_ADMIN = ("vso.tokenadministration",)
_NOBODY = "00000000-0000-0000-0000-000000000000"
_PAGE = 20


def listing(ask: Ask) -> Response:
    """``GET tokenadmin/personalaccesstokens/{subject}``: one page of somebody's PATs."""
    _demand_admin(ask)
    user = ask.organization.estate.find_user(ask.params["subject"])
    if user is None:
        raise faces.refuse(404, "IdentityNotFoundException", "The subject was not found.")
    own = [pat for pat in ask.organization.safe.pats() if pat.owner == user.id]
    if ask.flag("isPublic"):
        own = []
    size, token = max(1, ask.number("pageSize", _PAGE)), ask.query("continuationToken").lower()
    places = [number for number, pat in enumerate(own) if pat.id == token]
    if token and not places:
        raise faces.bad_argument("The continuation token is not valid.")
    start = places[0] if places else 0
    page, rest = own[start : start + size], own[start + size :]
    return ask.reply(
        {
            "value": [_session_token(ask, pat) for pat in page],
            "continuationToken": rest[0].id if rest else None,
        }
    )


def revoke(ask: Ask) -> Response:
    """``POST tokenadmin/revocations``: 204; ids that are not there do no harm [assumed]."""
    _demand_admin(ask)
    body = ask.json_value()
    if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
        raise faces.bad_argument("The request body is not a list of revocations.")
    known = {pat.id for pat in ask.organization.safe.pats()}
    for entry in body:
        identifier = str(entry.get("authorizationId", "")).lower()
        if identifier in known:
            ask.organization.revoke(identifier)
    return nothing()


def rule(ask: Ask) -> Response:
    """``POST tokenadmin/revocationrules``: 201; everything with a scope, made before a time."""
    _demand_admin(ask)
    body = ask.json()
    before = read_time(body.get("createdBefore")) or ask.organization.clock.now()
    scopes = set(str(body.get("scopes") or "").split())
    for pat in ask.organization.safe.pats():
        if pat.valid_from < before and (not scopes or scopes & closure(frozenset(pat.scopes))):
            ask.organization.revoke(pat.id)
    return Response(status_code=201)


def _demand_admin(ask: Ask) -> None:
    if not ask.caller.is_admin:
        raise faces.forbidden("Access Denied: only Project Collection Administrators may do this.")


def _session_token(ask: Ask, pat: Pat) -> dict[str, Any]:
    return {
        "clientId": _NOBODY,
        "accessId": _NOBODY,
        "authorizationId": pat.id,
        "hostAuthorizationId": _NOBODY,
        "userId": pat.owner,
        "validFrom": wire_time(pat.valid_from),
        "validTo": wire_time(pat.valid_to),
        "displayName": pat.name,
        "scope": pat.scope,
        "targetAccounts": None if pat.targets is None else list(pat.targets),
        "token": None,
        "alternateToken": None,
        "isValid": pat.status(ask.organization.clock.now()) == "active",
        "isPublic": False,
        "publicData": None,
        "source": None,
        "claims": None,
    }


RESOURCES = (
    Resource(
        "af68438b-ed04-4407-9eb6-f1dbae3f922e",
        "TokenAdmin",
        "PersonalAccessTokens",
        "_apis/{area}/{resource}/{subjectDescriptor}",
        {"tokenadmin/personalaccesstokens/{subject}": {"GET": Operation(listing, _ADMIN)}},
    ),
    Resource(
        "a9c08b2c-5466-4e22-8626-1ff304ffdf0f",
        "TokenAdmin",
        "Revocations",
        "_apis/{area}/{resource}",
        {"tokenadmin/revocations": {"POST": Operation(revoke, _ADMIN)}},
    ),
    Resource(
        "ee4afb16-e7ab-4ed8-9d4b-4ef3e78f97e4",
        "TokenAdmin",
        "RevocationRules",
        "_apis/{area}/{resource}",
        {"tokenadmin/revocationrules": {"POST": Operation(rule, _ADMIN)}},
    ),
)
