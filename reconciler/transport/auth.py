"""Authorization headers. The values live as long as the request they are made for."""

from __future__ import annotations

import base64

from reconciler.errors import SecretError
from reconciler.model.secret import KNOWN, Secret


def basic(username: str, secret: Secret, *, is_password: bool = False) -> dict[str, str]:
    """``Authorization: Basic`` of a user name and a secret; its encoded form is scrubbed too.

    A password, which a person chose, may hold blanks and any letter.

    Source: https://www.rfc-editor.org/rfc/rfc7617 [documented, 2026-11-21]

    Raises:
        SecretError: the secret holds what no token, or no password, holds.
    """
    KNOWN.learn_pair(username, secret.reveal())
    value = _printable(secret) if is_password else _clean(secret)
    pair = base64.b64encode(f"{username}:{value}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def bearer(secret: Secret) -> dict[str, str]:
    """``Authorization: Bearer`` of a token.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1 [documented, 2026-11-21]

    Raises:
        SecretError: the secret holds what no token holds.
    """
    return {"Authorization": f"Bearer {_clean(secret)}"}


def _printable(secret: Secret) -> str:
    """The value, when it is one line."""
    value = secret.reveal()
    if not value or not value.isprintable():
        raise SecretError(
            "the password is empty or holds a line break",
            hint="store it alone, without further lines",
        )
    return value


def _clean(secret: Secret) -> str:
    """The value, when it can stand in a header; a line break in one would begin another header."""
    value = secret.reveal()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise SecretError(
            "the secret is empty or holds a line break, a blank or a letter that no token has",
            hint="store the token alone, without quotes, labels or further lines",
        )
    return value
