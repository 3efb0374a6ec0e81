"""The token API: a signed-in user's own personal access tokens.

Source: https://learn.microsoft.com/rest/api/azure/devops/tokens/pats [documented, 2026-11-21].
Assumed, because nothing says so: the HTTP status of a ``patTokenError`` (a knob), the default
filter ``active``, the default page of 20, that an unknown id is deleted with 204.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.responses import Response

from reconciler.sandbox.azure_devops import faces, policy
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, nothing
from reconciler.sandbox.azure_devops.estate import User
from reconciler.sandbox.azure_devops.policy import PatRefusedError
from reconciler.sandbox.azure_devops.scopes import PATS, PATS_MANAGE
from reconciler.sandbox.azure_devops.tokens import Pat, wire_time

PAGE, LARGEST_PAGE = 20, 100
_FILTERS = ("active", "revoked", "expired", "all")


def get(ask: Ask) -> Response:
    """``GET tokens/pats``: one with ``authorizationId``, else a page of the caller's own."""
    if ask.query("authorizationId"):
        try:
            return _result(ask, _own(ask, ask.query("authorizationId")))
        except PatRefusedError as refusal:
            return _refused(ask, refusal)
    return _list(ask)


def _list(ask: Ask) -> Response:
    wanted = ask.query("displayFilterOption", "active").lower()
    if wanted not in _FILTERS:
        raise faces.bad_argument("displayFilterOption is not valid.")
    now = ask.organization.clock.now()
    own = [pat for pat in ask.organization.safe.pats() if pat.owner == ask.caller.id]
    found = [pat for pat in own if wanted in ("all", pat.status(now))]
    descending = ask.query("isSortAscending", "true").lower() == "false"
    found.sort(key=_sorting(ask.query("sortByOption", "displayDate"), now), reverse=descending)
    size = max(1, min(ask.number("$top", PAGE), LARGEST_PAGE))
    start = _start(ask, wanted)
    page = found[start : start + size]
    more = start + size < len(found)
    body = {
        "continuationToken": f"{wanted}.{start + size}" if more else "",
        "patTokens": [shown(pat) for pat in page],
    }
    return ask.reply(body)


def _start(ask: Ask, wanted: str) -> int:
    """Where the page begins. A token belongs to the filter it was given out under."""
    token = ask.query("continuationToken")
    if not token:
        return 0
    owner, _, start = token.partition(".")
    if owner != wanted or not start.isdigit():
        raise faces.bad_argument("The continuation token is not valid.")
    return int(start)


def _sorting(option: str, now: datetime) -> Callable[[Pat], tuple[str, str]]:
    keys: dict[str, Callable[[Pat], str]] = {
        "displayname": lambda pat: pat.name.lower(),
        "displaydate": lambda pat: pat.valid_to.isoformat(),
        "status": lambda pat: pat.status(now),
    }
    key = keys.get(option.lower())
    if key is None:
        raise faces.bad_argument("sortByOption is not valid.")
    return lambda pat: (key(pat), pat.id)


def create(ask: Ask) -> Response:
    """``POST tokens/pats``: the only answer with the secret in it."""
    knobs, now = ask.organization.knobs, ask.organization.clock.now()
    try:
        wish = policy.wished_pat(ask.json(), knobs, now)
    except PatRefusedError as refusal:
        return _refused(ask, refusal)
    minted = ask.organization.issue_pat(_owner(ask), wish.name, wish.scopes, wish.valid_to)
    return _result(ask, ask.organization.pat(minted.id), minted.token)


def _owner(ask: Ask) -> User:
    return ask.organization.user(ask.caller.id)


def update(ask: Ask) -> Response:
    """``PUT tokens/pats``: name, scope or end of a PAT that is not revoked; the secret stays.

    Source: the official example answers ``token: null``. An expired PAT cannot be extended (7.2).
    """
    body = ask.json()
    try:
        changed = _changed(ask, _own(ask, body.get("authorizationId")), body)
    except PatRefusedError as refusal:
        return _refused(ask, refusal)
    return _result(ask, ask.organization.safe.change(changed))


def _changed(ask: Ask, pat: Pat, body: dict[str, Any]) -> Pat:
    knobs, now = ask.organization.knobs, ask.organization.clock.now()
    if pat.revoked_at is not None:
        raise PatRefusedError("authorizationNotFound")
    if pat.status(now) == "expired":
        raise PatRefusedError("expiredPatCannotBeExtended")
    policy.refuse_global(body, knobs)
    if body.get("displayName") is not None:
        pat = replace(pat, name=policy.wished_name(body["displayName"]))
    if body.get("scope") is not None:
        pat = replace(pat, scopes=policy.wished_scopes(body["scope"], knobs))
    if body.get("validTo") is not None:
        end = policy.wished_end(body["validTo"], now)
        pat = replace(pat, valid_to=policy.within_policy(end, pat.valid_from, knobs))
    if body.get("allOrgs") is False:
        pat = replace(pat, targets=(ask.organization.id,))
    return pat


def revoke(ask: Ask) -> Response:
    """``DELETE tokens/pats``: 204, for an unknown id as well."""
    try:
        pat = _own(ask, ask.query("authorizationId"))
    except PatRefusedError:
        return nothing()
    ask.organization.revoke(pat.id)
    return nothing()


def _own(ask: Ask, identifier: object) -> Pat:
    if not isinstance(identifier, str) or not identifier:
        raise PatRefusedError("invalidAuthorizationId")
    found = next(
        (pat for pat in ask.organization.safe.pats() if pat.id == identifier.lower()), None
    )
    if found is None or found.owner != ask.caller.id:
        raise PatRefusedError("authorizationNotFound")
    return found


def shown(pat: Pat, token: str | None = None) -> dict[str, Any]:
    """A ``PatToken``."""
    return {
        "displayName": pat.name,
        "validTo": wire_time(pat.valid_to),
        "scope": pat.scope,
        "targetAccounts": None if pat.targets is None else list(pat.targets),
        "validFrom": wire_time(pat.valid_from),
        "authorizationId": pat.id,
        "token": token,
    }


def _result(ask: Ask, pat: Pat, token: str | None = None) -> Response:
    return ask.reply(_told(ask, shown(pat, token), "none"))


def _refused(ask: Ask, refusal: PatRefusedError) -> Response:
    status = ask.organization.knobs.pat_error_status
    return ask.reply(_told(ask, None, refusal.error), status)


def _told(ask: Ask, pat: dict[str, Any] | None, error: str) -> dict[str, Any]:
    """A ``PatTokenResult``; the message came with 7.2."""
    told: dict[str, Any] = {"patToken": pat, "patTokenError": error}
    if ask.version.startswith("7.2"):
        told["patTokenErrorMessage"] = policy.MESSAGES.get(error)
    return told


RESOURCES = (
    Resource(
        "55967393-20ef-45c6-a96c-b5d5d5986a9a",
        "Tokens",
        "Pats",
        "_apis/{area}/{resource}",
        {
            "tokens/pats": {
                "GET": Operation(get, PATS, is_for_pats=True),
                "POST": Operation(create, (*PATS, *PATS_MANAGE), is_for_pats=True),
                "PUT": Operation(update, (*PATS, *PATS_MANAGE), is_for_pats=True),
                "DELETE": Operation(revoke, (*PATS, *PATS_MANAGE), is_for_pats=True),
            }
        },
        is_released=False,
        is_hosted=True,
    ),
)
