"""HTTP access tokens: their JSON ↔ our model, and what a secret tells by itself. Pure.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Authentication" (access tokens).
Its schema lacks most fields and calls times ``date-time``: ids are text of digits, times are
milliseconds since 1970. [documented; both corrections observed, 2026-11-21]
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import IssuedCredential
from reconciler.model.secret import Secret
from reconciler.ports.provider import Minted
from reconciler.providers.bitbucket_data_center.scopes import as_held
from reconciler.transport.faults import ambiguous
from reconciler.transport.reply import Reply

_PREFIX = "BBDC-"
_RANDOM_BYTES = 20


class _Token(msgspec.Struct, rename="camel"):
    id: str
    name: str = ""
    permissions: list[str] = []
    created_date: int | None = None
    expiry_date: int | None = None
    expiry_days: float | None = None
    last_authenticated: int | None = None


class _RawToken(_Token, rename="camel"):
    token: str = ""


class _Page(msgspec.Struct, rename="camel"):
    values: list[_Token]
    is_last_page: bool
    next_page_start: int | None = None


def token_id(secret: Secret) -> str:
    """The id of the token whose secret this is; empty where it is none.

    Source: base64 of the id, a colon and 20 random bytes, behind ``BBDC-`` on newer servers: the
    example of https://developer.atlassian.com/server/bitbucket/rest/v803/api-group-access-tokens
    [documented], the prefix [observed, 2026-11-21]
    """
    try:
        raw = base64.b64decode(secret.reveal().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return ""
    number, colon, rest = raw.partition(b":")
    return number.decode() if colon and number.isdigit() and len(rest) == _RANDOM_BYTES else ""


def to_body(
    permissions: Sequence[str], *, name: str = "", ends: datetime | None = None, now: datetime
) -> dict[str, Any]:
    """Body for creating (PUT) and updating (POST) a token; what is left out is kept by an update.

    Args:
        permissions: see `scopes.to_send`.
        name: free text; empty leaves it out.
        ends: UTC; None leaves it out: without an end, or as it was.
        now: UTC. Only whole days can be asked for; a part day is rounded down, the least is one.
    """
    body: dict[str, Any] = {"permissions": list(permissions)}
    if name:
        body["name"] = name
    if ends is not None:
        body["expiryDays"] = max(1, (ends - now) // timedelta(days=1))
    return body


def to_issued(reply: Reply) -> IssuedCredential:
    """The token that an answer describes.

    Raises:
        RemoteError: BAD_REPLY; it describes none.
    """
    return _issued(reply, reply.decode(_Token))


def to_issued_page(reply: Reply) -> tuple[tuple[IssuedCredential, ...], int | None]:
    """The tokens of one page, and where the list goes on; None on the last page.

    Raises:
        RemoteError: BAD_REPLY; not a page of tokens, or not the last without a start of the next.
    """
    page = reply.decode(_Page)
    found = tuple(_issued(reply, token) for token in page.values)
    if page.is_last_page:
        return found, None
    if page.next_page_start is None:
        raise _odd(reply, "a page of tokens that does not say where the list goes on")
    return found, page.next_page_start


def to_minted(reply: Reply) -> Minted:
    """The new token and its secret.

    Raises:
        RemoteError: AMBIGUOUS; a token was made and its secret cannot be read from the answer.
    """
    try:
        raw = reply.decode(_RawToken)
        credential = _issued(reply, raw)
    except RemoteError as error:
        raise ambiguous(reply.party, error.cause) from error
    if not raw.token:
        raise ambiguous(reply.party, "it holds no secret")
    return Minted(Secret(raw.token), credential)


def _issued(reply: Reply, token: _Token) -> IssuedCredential:
    if not token.id:
        raise _odd(reply, "a token without an id")
    created = _moment(reply, token.created_date)
    expires = _moment(reply, token.expiry_date)
    if expires is None and created is not None and token.expiry_days:
        expires = created + timedelta(days=token.expiry_days)
    return IssuedCredential(
        id=token.id,
        name=token.name,
        scopes=as_held(token.permissions),
        created_at=created,
        expires_at=expires,
        last_used=_moment(reply, token.last_authenticated),
    )


def _moment(reply: Reply, milliseconds: int | None) -> datetime | None:
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _odd(reply, "a time that no calendar has") from error


def _odd(reply: Reply, what: str) -> RemoteError:
    return RemoteError(
        reply.party,
        Fault.BAD_REPLY,
        f"{reply.party} lists {what}",
        hint="run again; if it stays, the API has changed: report this",
    )
