"""The replies that Bitbucket Cloud gives when it does not do what was asked.

The shapes are documented at https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Errors";
the texts are as recorded by other clients unless a comment says assumed [2026-11-21].
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.responses import Response

NO_REPOSITORY = (
    "You may not have access to this repository or it no longer exists in this workspace. "
    "If you think this repository exists and you have access, make sure you are authenticated."
)
BAD_TOKEN = "Token is invalid, expired, or not supported for this endpoint."  # noqa: S105  a text
EXPIRED = "Access token expired. Use your refresh token to obtain a new access token."
DEACTIVATED = (
    "Error: This workspace and its content have been deactivated due to inactivity. "
    "Contact your workspace admin to reactivate it."
)
ALLOWLIST = "To access this repository, an admin must whitelist your IP."
TOO_MANY = "Rate limit for this resource has been exceeded"
NO_API = (
    "There is no API hosted at this URL.\n\nFor information about our API's, please refer to the "
    "documentation at: https://developer.atlassian.com/cloud/bitbucket/rest/intro/"
)


def encode(body: object) -> bytes:
    """JSON without blanks, as on the wire."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply."""
    return Response(encode(body), status, headers, media_type="application/json")


class RefusedError(Exception):
    """Ends the handling of a request with a reply."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def refuse(status: int, message: str, **more: object) -> RefusedError:
    """The error envelope; *more* goes beside the message (detail, fields, data)."""
    return RefusedError(answer({"type": "error", "error": {"message": message, **more}}, status))


def bad_basic() -> RefusedError:
    """401 for a wrong Basic credential, or for none where one is wanted: no body."""
    return RefusedError(
        Response(status_code=401, headers={"www-authenticate": 'Basic realm="Bitbucket.org HTTP"'})
    )


def unscoped_token() -> RefusedError:
    """401 whose ``error`` is a string, unlike every other."""
    return RefusedError(answer({"error": "API Token provided has no Bitbucket scopes."}, 401))


def missing_scopes(required: Sequence[str], granted: Sequence[str]) -> RefusedError:
    """403 with the two lists, in the credential's own vocabulary."""
    return refuse(
        403,
        "Your credentials lack one or more required privilege scopes.",
        detail={"required": list(required), "granted": list(granted)},
    )


def no_workspace(identifier: str) -> RefusedError:
    """404 for an unknown workspace."""
    return refuse(404, f"No workspace with identifier '{identifier}'.")


def removed() -> Response:
    """410 of the listings across workspaces, removed in April 2026."""
    data = {
        "announcement_url": "https://developer.atlassian.com/cloud/bitbucket/changelog#CHANGE-2770"
    }
    error = {
        "message": "CHANGE-2770 - Functionality has been deprecated",
        "detail": "Please read the changelog entry for more details.",
        "data": data,
    }
    return answer({"type": "error", "error": error, "data": data}, 410)
