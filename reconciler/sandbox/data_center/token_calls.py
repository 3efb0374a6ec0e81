"""The calls on HTTP access tokens: ``/rest/access-tokens/latest``.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Authentication" and
https://confluence.atlassian.com/bitbucketserver084/managing-http-access-tokens-1167708749.html
[documented, 2026-11-21]: a token makes no tokens; nobody makes tokens for other users; the end
cannot be changed. Statuses of forbidden pairs and of ends that are too far are assumed: 400.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.api import Ask
from reconciler.sandbox.data_center.estate import Project, Repository, User
from reconciler.sandbox.data_center.levels import (
    PROJECT,
    Level,
    is_allowed_pair,
    is_known,
    parse,
    with_partner,
)
from reconciler.sandbox.data_center.rights import Shown
from reconciler.sandbox.data_center.tokens import (
    PROJECT_LEVEL,
    REPOSITORY_LEVEL,
    USER_LEVEL,
    Token,
)

_PERMISSIONS_REQUIRED = (10, 0)
_RESTRICTED = (8, 8)
"""The release in which projects could first bar their repository admins."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where tokens live."""

    thing: User | Project | Repository
    kind: str

    @property
    def key(self) -> tuple[str, int]:
        """As tokens name it."""
        return self.kind, self.thing.id


def user_home(ask: Ask, *, is_making: bool) -> Home:
    """The user of the path, if the caller may manage the tokens there."""
    found = ask.instance.estate.user_at(ask.param("user"))
    if found is None or found.type != "NORMAL":
        raise wire.no_user(ask.param("user"))
    is_own = ask.user.name == found.name and (
        ask.caller.may_change_account or ask.caller.shown is Shown.TOKEN
    )
    if not is_own and (is_making or not ask.caller.is_admin):
        raise wire.no_right()
    return Home(found, USER_LEVEL)


def project_home(ask: Ask, *, is_making: bool) -> Home:
    """The project of the path, for its administrators."""
    del is_making
    return Home(ask.project(Level.ADMIN), PROJECT_LEVEL)


def repository_home(ask: Ask, *, is_making: bool) -> Home:
    """The repository of the path, for its administrators unless the project bars them."""
    del is_making
    found = ask.repository(Level.ADMIN)
    home = ask.instance.estate.projects[found.project]
    knobs = ask.instance.knobs
    is_barred = not knobs.repo_admins_may_mint and knobs.release >= _RESTRICTED
    if is_barred and ask.sight.project(home) < Level.ADMIN:
        raise wire.no_right()
    return Home(found, REPOSITORY_LEVEL)


class TokenCalls:
    """The five calls at homes of one kind."""

    def __init__(self, find: Callable[..., Home]) -> None:
        self._find = find

    def _home(self, ask: Ask, *, is_making: bool = False, is_changing: bool = False) -> Home:
        """The home, closed to tokens except, by a knob, for looking and deleting."""
        is_open = ask.instance.knobs.self_service and not is_making and not is_changing
        if ask.caller.shown is Shown.TOKEN and not is_open:
            raise wire.no_right()
        return self._find(ask, is_making=is_making)

    def list(self, ask: Ask) -> Response:
        """``GET``: newest first [recorded once], without secrets."""
        home = self._home(ask)
        return ask.page(ask.instance.shelf.at(home.key), ask.api.views.token)

    def get(self, ask: Ask) -> Response:
        """``GET …/{tokenId}``."""
        return wire.reply(ask.api.views.token(self._token(ask, self._home(ask))))

    def create(self, ask: Ask) -> Response:
        """``PUT``: 200 with the secret, which is shown this once."""
        home, body, knobs = self._home(ask, is_making=True), ask.json(), ask.instance.knobs
        name, permissions = _name(body), _permissions(ask, body, home.kind)
        days = _days(ask, body)
        if knobs.token_limit and len(ask.instance.shelf.at(home.key)) >= knobs.token_limit:
            raise wire.bad("name", "The maximum number of access tokens has been reached.")
        draft = ask.instance.draft(home.thing, name, permissions)
        made, secret = ask.instance.shelf.mint(draft, days)
        return wire.reply({**ask.api.views.token(made), "token": secret})

    def update(self, ask: Ask) -> Response:
        """``POST …/{tokenId}``: absent fields stay; the end stays whatever is sent [assumed]."""
        home, body = self._home(ask, is_changing=True), ask.json()
        token = self._token(ask, home)
        if "permissions" not in body and ask.instance.knobs.release >= _PERMISSIONS_REQUIRED:
            raise wire.bad("permissions", "At least one permission must be specified.")
        name = _name(body) if "name" in body else token.name
        held = token.permissions
        if "permissions" in body:
            held = _permissions(ask, body, home.kind)
        changed = ask.instance.shelf.change(token, name=name, permissions=held)
        return wire.reply(ask.api.views.token(changed))

    def delete(self, ask: Ask) -> Response:
        """``DELETE …/{tokenId}``: 204, or 404 without the name of an exception [recorded]."""
        ask.instance.shelf.revoke(self._token(ask, self._home(ask)))
        return wire.empty()

    def _token(self, ask: Ask, home: Home) -> Token:
        found = ask.instance.shelf.get(ask.param("token"))
        is_here = found is not None and found.home == home.key and found.id == ask.param("token")
        if found is None or not is_here or found.revoked_at is not None:
            raise wire.refuse(404, "The requested access token does not exist.")
        return found


def _name(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise wire.bad("name", "The name of the access token must be specified.")
    return name


def _permissions(ask: Ask, body: dict[str, Any], kind: str) -> tuple[str, ...]:
    asked = body.get("permissions")
    if not isinstance(asked, list) or not asked:
        raise wire.bad("permissions", "At least one permission must be specified.")
    unknown = [p for p in asked if not isinstance(p, str) or not is_known(p)]
    if unknown:
        raise wire.bad("permissions", f"{unknown[0]} is not a valid permission.")
    held = tuple(dict.fromkeys(asked))
    if kind == REPOSITORY_LEVEL:
        if any(parse(p, PROJECT) for p in held):
            raise wire.bad("permissions", "A repository token cannot hold project permissions.")
        return held
    if not is_allowed_pair(held):
        raise wire.bad(
            "permissions", "The repository permission must be at least the project permission."
        )
    return with_partner(held) if ask.instance.knobs.implied_partner else held


def _days(ask: Ask, body: dict[str, Any]) -> int | None:
    days, knobs = body.get("expiryDays"), ask.instance.knobs
    if days is None:
        if knobs.expiry_required or knobs.max_expiry_days:
            raise wire.bad("expiryDays", "This instance requires access tokens to expire.")
        return None
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise wire.bad("expiryDays", "The number of days must be a whole number above 0.")
    if knobs.max_expiry_days and days > knobs.max_expiry_days:
        raise wire.bad("expiryDays", f"Tokens must expire within {knobs.max_expiry_days} days.")
    return days


def get_policy(ask: Ask) -> Response:
    """``GET /admin``: the longest life. In the reference of 8.3, absent from later ones."""
    ask.demand_admin()
    return wire.reply({"maxExpiryDays": ask.instance.knobs.max_expiry_days or None})


def put_policy(ask: Ask) -> Response:
    """``PUT /admin``."""
    ask.demand_admin()
    days = ask.json().get("maxExpiryDays")
    if not isinstance(days, int) or days < 1:
        raise wire.bad("maxExpiryDays", "The number of days must be a whole number above 0.")
    ask.instance.knobs.max_expiry_days = days
    return get_policy(ask)


def delete_policy(ask: Ask) -> Response:
    """``DELETE /admin``."""
    ask.demand_admin()
    ask.instance.knobs.max_expiry_days = 0
    return wire.empty()


AT_USER = TokenCalls(user_home)
AT_PROJECT = TokenCalls(project_home)
AT_REPOSITORY = TokenCalls(repository_home)
