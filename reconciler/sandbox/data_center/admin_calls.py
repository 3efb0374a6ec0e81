"""The calls of an administrator, which no HTTP access token may make.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "System Maintenance" and "Permission
Management"; for tokens https://confluence.atlassian.com/bitbucketserverkb/how-to-use-oauth2-tokens-for-administrative-endpoints-of-bitbucket-data-center-1489469945.html
[documented, 2026-11-21].
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import GLOBAL_GROUP, User
from reconciler.sandbox.data_center.limits import OwnLimit


def permitted_users(ask: Ask) -> Response:
    """``GET /admin/permissions/users``: global permissions that were granted to users."""
    ask.demand_admin()
    rows = [u for u in ask.instance.estate.people() if u.is_admin]
    return ask.page(rows, lambda u: {"user": ask.api.views.user(u), "permission": u.global_level})


def permitted_groups(ask: Ask) -> Response:
    """``GET /admin/permissions/groups``: every licensed user is in one group."""
    ask.demand_admin()
    rows = [{"group": {"name": GLOBAL_GROUP}, "permission": "LICENSED_USER"}]
    return ask.page(rows, lambda row: row)


def users(ask: Ask) -> Response:
    """``GET /admin/users``: as ``/users``, for administrators."""
    ask.demand_admin()
    text = ask.params.get("filter", "").lower()
    found = [u for u in ask.instance.estate.people() if text in u.name.lower()]
    return ask.page(found, ask.api.views.user)


def groups(ask: Ask) -> Response:
    """``GET /groups``: names alone, for every licensed user."""
    text = ask.params.get("filter", "").lower()
    return ask.page([g for g in ask.instance.estate.groups if text in g.lower()], lambda g: g)


def admin_groups(ask: Ask) -> Response:
    """``GET /admin/groups``: as objects, for administrators."""
    ask.demand_admin()
    return ask.page(ask.instance.estate.groups, lambda g: {"name": g, "deletable": True})


def members(ask: Ask) -> Response:
    """``GET /admin/groups/more-members?context=GROUP``."""
    ask.demand_admin()
    group = ask.params.get("context", "")
    found = [u for u in ask.instance.estate.people() if group in u.groups]
    return ask.page(found, ask.api.views.user)


def clear_captcha(ask: Ask) -> Response:
    """``DELETE /admin/users/captcha?name=``: 204."""
    ask.demand_admin()
    name = ask.params.get("name", "")
    if name not in ask.instance.estate.users:
        raise wire.no_user(name)
    ask.instance.failed_logins.pop(name, None)
    return wire.empty()


# Rate limits ----------------------------------------------------------------------------------


def get_rates(ask: Ask) -> Response:
    """``GET /admin/rate-limit/settings``: for every user, tokens too."""
    knobs = ask.instance.knobs
    settings = {"capacity": knobs.rate_capacity or 60, "fillRate": knobs.rate_fill or 5}
    return wire.reply({"enabled": bool(knobs.rate_capacity), "defaultSettings": settings})


def put_rates(ask: Ask) -> Response:
    """``PUT /admin/rate-limit/settings``."""
    ask.demand_admin()
    body, knobs = ask.json(), ask.instance.knobs
    settings = body.get("defaultSettings") or {}
    capacity = _number(settings, "capacity", knobs.rate_capacity or 60)
    knobs.rate_fill = _number(settings, "fillRate", knobs.rate_fill or 5)
    is_enabled = bool(body.get("enabled", bool(knobs.rate_capacity)))
    knobs.rate_capacity = capacity if is_enabled else 0
    return get_rates(ask)


def get_rate(ask: Ask) -> Response:
    """``GET …/settings/users/{user}``: one's own, or anybody's for administrators."""
    user = _user(ask)
    if user.name != ask.user.name:
        ask.demand_admin()
    own = ask.instance.buckets.own.get(user.name)
    if own is None:
        raise wire.refuse(404, "The user has no rate limit settings.", wire.NO_ENTITY)
    view: dict[str, Any] = {
        "user": ask.api.views.user(user),
        "whitelisted": own.is_whitelisted,
    }
    if not own.is_whitelisted:
        view["settings"] = {"capacity": own.capacity, "fillRate": own.fill_rate}
    return wire.reply(view)


def put_rate(ask: Ask) -> Response:
    """``PUT …/settings/users/{user}``: ``whitelisted`` excludes ``settings``."""
    ask.demand_admin()
    user, body = _user(ask), ask.json()
    settings = body.get("settings") or {}
    is_whitelisted = bool(body.get("whitelisted"))
    if is_whitelisted and settings:
        raise wire.bad("whitelisted", "A whitelisted user cannot have settings.")
    capacity = 0 if is_whitelisted else _number(settings, "capacity", 60)
    fill = 0 if is_whitelisted else _number(settings, "fillRate", 5)
    ask.instance.buckets.own[user.name] = OwnLimit(is_whitelisted, capacity, fill)
    return get_rate(ask)


def delete_rate(ask: Ask) -> Response:
    """``DELETE …/settings/users/{user}``: the default counts again."""
    ask.demand_admin()
    if ask.instance.buckets.own.pop(_user(ask).name, None) is None:
        raise wire.refuse(404, "The user has no rate limit settings.", wire.NO_ENTITY)
    return wire.empty()


def _user(ask: Ask) -> User:
    found = ask.instance.estate.user_at(ask.param("user"))
    if found is None:
        raise wire.no_user(ask.param("user"))
    return found


def _number(settings: dict[str, Any], name: str, default: int) -> int:
    value = settings.get(name, default)
    if not isinstance(value, int) or value < 1:
        raise wire.bad(name, f"{name} must be a whole number above 0.")
    return value


# Basic authentication -------------------------------------------------------------------------


def get_basic(ask: Ask) -> Response:
    """``GET /rest/basicauth/latest/config``."""
    ask.demand_admin()
    is_blocked = ask.instance.knobs.basic_disabled
    return wire.reply(
        {
            "block-requests": is_blocked,
            "allowed-users": [],
            "allowed-paths": [],
            "show-warning-message": True,
        }
    )


def put_basic(ask: Ask) -> Response:
    """``PUT /rest/basicauth/latest/config``: 204. Lists of exceptions are not kept."""
    ask.demand_admin()
    ask.instance.knobs.basic_disabled = bool(ask.json().get("block-requests"))
    return wire.empty()
