"""How Azure DevOps refuses: its error body, its sign-in pages, its empty 401s.

Source: the error body and TF codes are in Microsoft's own recordings
(github.com/Azure/azure-devops-cli-extension), the faces of bad credentials were measured by
third parties [observed, 2026-11-21]. Texts without a code are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError, encode
from reconciler.sandbox.azure_devops.knobs import Knobs

BOM = b"\xef\xbb\xbf"
JSON = "application/json; charset=utf-8"
EXPIRED = "Access Denied: The Personal Access Token used has expired."
NOBODY = "TF400813: The user is not authorized to access this resource. "
TOO_MANY = (
    "TF400733: The request has been canceled: Request was blocked due to exceeding usage of "
    "resource 'Concurrency' in namespace 'VSID'."
)
_SIGN_IN = (
    "<!DOCTYPE html>\n<html lang='en'><head><title>Azure DevOps Services | Sign In</title></head>"
    "<body><form method='post' action='/_signin'>" + "<!-- -->" * 2000 + "</form></body></html>"
)
_MOVED = (
    "<html><head><title>Object moved</title></head><body>\r\n"
    "<h2>Object moved to here.</h2>\r\n</body></html>"
)

_CORE = "Microsoft.TeamFoundation.Core.WebApi"
_GIT = "Microsoft.TeamFoundation.Git.Server"
_COMMON = "Microsoft.VisualStudio.Services.Common"
_HOMES = {"Project": _CORE, "Git": _GIT}


def error_body(message: str, key: str = "VssServiceException", event: int = 3000) -> object:
    """The error body every area shares."""
    home = next((name for prefix, name in _HOMES.items() if key.startswith(prefix)), _COMMON)
    return {
        "$id": "1",
        "innerException": None,
        "message": message,
        "typeName": f"{home}.{key}, {home}",
        "typeKey": key,
        "errorCode": 0,
        "eventId": event,
    }


def refuse(status: int, key: str, message: str, **headers: str) -> RefusedError:
    """End the handling with the error body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = encode(error_body(message, key))
    return RefusedError(Response(body, status, named, media_type=JSON))


def not_served(path: str) -> RefusedError:
    """404 for a path that nothing answers."""
    message = f"The controller for path '{path}' was not found or does not implement IController."
    headers = {"X-TFS-ServiceError": quote(message)}
    return RefusedError(Response(message, 404, headers, media_type="text/plain"))


def no_organization() -> RefusedError:
    """404 for an unknown organization: a page [assumed]."""
    page = "<html><head><title>Azure DevOps Services | 404</title></head><body></body></html>"
    return RefusedError(Response(page, 404, media_type="text/html"))


def no_project(name: str) -> RefusedError:
    """404 for an unknown project, or one that the caller may not see."""
    return refuse(
        404,
        "ProjectDoesNotExistWithNameException",
        f"TF200016: The following project does not exist: {name}. Verify that the name of the "
        "project is correct and that the project exists on the specified Azure DevOps Server.",
    )


def no_repository(name: str) -> RefusedError:
    """404 for a repository that is unknown, invisible, deleted or, for its content, disabled."""
    return refuse(
        404,
        "GitRepositoryNotFoundException",
        f"TF401019: The Git repository with name or identifier {name} does not exist or you do "
        "not have permissions for the operation you are attempting.",
    )


def bad_argument(message: str) -> RefusedError:
    """400 for a body or a parameter that cannot be used. Class and texts are assumed."""
    return refuse(400, "VssPropertyValidationException", message)


def forbidden(message: str) -> RefusedError:
    """403 for somebody whose permissions do not suffice."""
    return refuse(403, "AccessCheckException", message)


@dataclass(frozen=True, slots=True)
class Faces:
    """The answers to bad credentials, as the knobs want them.

    Args:
        knobs: of the organization.
        base: this emulator's own address.
        sign_in: where a redirect to the sign-in page points.
        organization: its name.
        now: the sandbox's time.
    """

    knobs: Knobs
    base: str
    sign_in: str
    organization: str
    now: datetime

    def unknown(self) -> RefusedError:
        """No credential, a malformed one, or one that nobody issued."""
        if self.knobs.is_server:
            return self.server()
        style = self.knobs.bad_credential_style
        if style == "401":
            return self.empty()
        return RefusedError(self.page() if style == "203" else self.moved())

    def server(self) -> RefusedError:
        """What a Server says: three ways to sign in, no body."""
        response = Response(status_code=401)
        response.headers["WWW-Authenticate"] = "Bearer"
        response.headers.append("WWW-Authenticate", f'Basic realm="{self.base}"')
        response.headers.append("WWW-Authenticate", "Negotiate")
        response.headers.append("WWW-Authenticate", "NTLM")
        return RefusedError(response)

    def empty(self) -> RefusedError:
        """401 without a body: expired, revoked and without the scope look the same."""
        if self.knobs.is_server:
            return self.server()
        realm = 'Basic realm="https://tfsprodweu1.visualstudio.com/"'
        return RefusedError(Response(status_code=401, headers={"WWW-Authenticate": realm}))

    def expired(self) -> RefusedError:
        """A PAT that has expired."""
        style = self.knobs.expired_style
        refusal = self.empty()
        if style == "json":
            return refuse(401, "AccessCheckException", EXPIRED)
        if style == "service-error-header":
            refusal.response.headers["X-TFS-ServiceError"] = quote(EXPIRED)
        return refusal

    def bearer(self) -> RefusedError:
        """A bearer that is nobody here: JSON behind a byte order mark."""
        body = encode(error_body(NOBODY, "InvalidIdentityException"))
        headers = {"WWW-Authenticate": "Bearer", "X-TFS-ServiceError": quote(NOBODY)}
        mark = BOM if self.knobs.bom else b""
        return RefusedError(Response(mark + body, 401, headers, media_type=JSON))

    def expired_bearer(self, method: str) -> RefusedError:
        """A bearer that ended: as above, or the sign-in page for GET and POST."""
        if self.knobs.expired_bearer_style == "203" and method in ("GET", "POST"):
            return RefusedError(self.page())
        return self.bearer()

    def page(self) -> Response:
        """The sign-in page with the status that looks like success."""
        return Response(_SIGN_IN, 203, media_type="text/html")

    def moved(self) -> Response:
        """The redirect to the sign-in page."""
        return Response(_MOVED, 302, {"Location": self.sign_in}, media_type="text/html")

    def suspended(self) -> RefusedError:
        """503 of an organization that was stopped."""
        message = (
            f"TF24668: The following team project collection is stopped: {self.organization}. "
            "Start the collection and then try again."
        )
        body = BOM + encode(error_body(message, event=0))
        headers = {"X-TFS-ServiceError": quote(message)}
        return RefusedError(Response(body, 503, headers, media_type=JSON))

    def blocked(self) -> RefusedError:
        """429 with the wait and the limits that go with it."""
        body = encode(error_body(TOO_MANY, "RequestBlockedException"))
        return RefusedError(Response(body, 429, self.limits("0"), media_type=JSON))

    def limits(self, remaining: str) -> dict[str, str]:
        """The headers near the limit and beyond it."""
        return {
            "Retry-After": str(self.knobs.retry_after_s),
            "X-RateLimit-Resource": "Azure DevOps Services/User: Concurrency",
            "X-RateLimit-Limit": "200",
            "X-RateLimit-Remaining": remaining,
            "X-RateLimit-Reset": str(int(self.now.timestamp()) + 300),
        }

    def delayed(self) -> dict[str, str]:
        """What an answer says that was held back; its status is still 200."""
        return {**self.limits("3"), "X-RateLimit-Delay": f"{self.knobs.retry_after_s}.000"}
