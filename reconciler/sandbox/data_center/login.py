"""Who is calling: Basic with a password or a user's token, Bearer with any token or OAuth grant.

Source: https://confluence.atlassian.com/bitbucketserver091/http-access-tokens-1443038354.html
[documented, 2026-11-21]; that project and repository tokens do not work as Basic passwords comes
from a client's release notes.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.sandbox.auth import split_basic
from reconciler.sandbox.data_center import wire
from reconciler.sandbox.data_center.estate import User
from reconciler.sandbox.data_center.levels import ceilings
from reconciler.sandbox.data_center.rights import Caller, Shown, as_user
from reconciler.sandbox.data_center.tokens import Token

if TYPE_CHECKING:
    from reconciler.sandbox.data_center.instance import Instance


def basic_header(username: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def identify(instance: Instance, header: str) -> str:
    """The id of the token or grant in an Authorization header, or the name of the user."""
    username, password = split_basic(header)
    secret = password or header.partition(" ")[2].strip()
    token, grant = instance.shelf.find(secret), instance.oauth.find(secret)
    if token is not None:
        return token.id
    if grant is not None:
        return grant.id
    return username if username in instance.estate.users else ""


def authenticate(instance: Instance, header: str | None, *, login_url: str = "") -> Caller:
    """The caller behind an Authorization header; anonymous without one.

    Raises:
        RefusedError: 401 or 403 in the shape that fits the mistake.
    """
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() == "basic":
        return _by_password(instance, *split_basic(header or ""), login_url)
    if scheme.lower() == "bearer":
        return _by_bearer(instance, value.strip())
    return Caller()


def _by_password(instance: Instance, username: str, password: str, login_url: str) -> Caller:
    if instance.knobs.basic_disabled:
        raise wire.basic_disabled()
    failed, limit = instance.failed_logins, instance.knobs.captcha_after
    if limit and failed.get(username, 0) >= limit:
        raise wire.captcha(login_url)
    caller = _tried(instance, username, password)
    if caller is None:
        failed[username] = failed.get(username, 0) + 1
        raise wire.wrong_password()
    failed.pop(username, None)
    return caller


def _tried(instance: Instance, username: str, password: str) -> Caller | None:
    user = instance.estate.users.get(username)
    if user is None or not user.is_active:
        return None
    token = instance.shelf.find(password)
    if token is not None:
        fits = token.is_user_level and token.owner == username and _works(instance, token)
        return _as_token(instance, token) if fits else None
    if not instance.has_password(username, password):
        return None
    _refuse_unlicensed(user)
    return as_user(user)


def _by_bearer(instance: Instance, secret: str) -> Caller:
    token, grant = instance.shelf.find(secret), instance.oauth.find(secret)
    if token is not None and _works(instance, token):
        return _as_token(instance, token)
    if grant is not None and grant.works(instance.clock.now()):
        user = instance.estate.users[grant.user]
        _refuse_unlicensed(user)
        return Caller(
            Shown.OAUTH, user, *grant.ceilings, grant.may_administer, grant.may_change_account
        )
    if instance.knobs.bad_bearer_is_anonymous:
        return Caller()
    raise wire.wrong_password()


def _works(instance: Instance, token: Token) -> bool:
    lag = timedelta(seconds=instance.knobs.token_lag_s)
    owner = instance.estate.users.get(token.owner)
    is_active = owner is not None and owner.is_active
    return is_active and token.works(instance.clock.now(), lag)


def _as_token(instance: Instance, token: Token) -> Caller:
    user = instance.estate.users[token.owner]
    _refuse_unlicensed(user)
    return Caller(Shown.TOKEN, user, *ceilings(token.permissions), token=instance.shelf.used(token))


def _refuse_unlicensed(user: User) -> None:
    if not user.is_licensed:
        raise wire.unlicensed()


def revoke(instance: Instance, named: str) -> None:
    """Kill a credential for the front door; unknown ones raise UsageError."""
    if not named:
        raise UsageError("no credential is named", hint="name a token's id or a user")
    instance.kill(named)
