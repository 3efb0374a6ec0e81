"""How Bitbucket Data Center refuses.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Errors" for the envelope
[documented, 2026-11-21]; names and texts of exceptions are recorded from 10.4 but where a comment
says assumed.
"""

from __future__ import annotations

from starlette.responses import Response

from reconciler.sandbox.answers import RefusedError, encode

JSON = "application/json;charset=UTF-8"
PACKAGE = "com.atlassian.bitbucket."
AUTHORISATION = PACKAGE + "AuthorisationException"
AUTHENTICATION_REQUIRED = (
    "com.atlassian.plugins.rest.api.security.exception.AuthenticationRequiredException"
)
WRONG_PASSWORD = PACKAGE + "auth.IncorrectPasswordAuthenticationException"
NO_ACCESS = PACKAGE + "auth.NoAccessAuthenticationException"
CAPTCHA = PACKAGE + "auth.CaptchaRequiredAuthenticationException"
NO_PROJECT = PACKAGE + "project.NoSuchProjectException"
NO_REPOSITORY = PACKAGE + "repository.NoSuchRepositoryException"
NO_USER = PACKAGE + "user.NoSuchUserException"
NO_ENTITY = PACKAGE + "NoSuchEntityException"
INTEGRITY = PACKAGE + "IntegrityException"
INVALID = PACKAGE + "validation.ArgumentValidationException"
NOT_FOUND = 404
NOT_PERMITTED = "You are not permitted to access this resource"


def error_body(
    message: str, exception: str | None = None, context: str | None = None
) -> dict[str, object]:
    """The envelope of every error of the API."""
    return {"errors": [{"context": context, "message": message, "exceptionName": exception}]}


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply."""
    return Response(encode(body), status, headers, media_type=JSON)


def empty(status: int = 204) -> Response:
    """A reply without a body."""
    return Response(status_code=status)


def refuse(
    status: int, message: str, exception: str | None = None, context: str | None = None
) -> RefusedError:
    """End the handling with an error."""
    return RefusedError(reply(error_body(message, exception, context), status))


def bad(context: str, message: str) -> RefusedError:
    """400 that names the field."""
    return refuse(400, message, INVALID, context)


def no_right() -> RefusedError:
    """401: known, but without the right."""
    return refuse(401, NOT_PERMITTED, AUTHORISATION)


def no_login() -> RefusedError:
    """401: nothing was shown where something must be."""
    return refuse(401, NOT_PERMITTED, AUTHENTICATION_REQUIRED)


def wrong_password() -> RefusedError:
    """401 for a wrong password; assumed for dead and unknown tokens, which were not recorded."""
    return refuse(
        401, "Authentication failed. Please check your credentials and try again.", WRONG_PASSWORD
    )


def unlicensed() -> RefusedError:
    """401: a user without a seat."""
    return refuse(
        401,
        "You are not currently licensed to use Bitbucket. Please contact your administrator.",
        NO_ACCESS,
    )


def captcha(login_url: str) -> RefusedError:
    """403 after too many failed logins. The header is attested for Jira, here assumed."""
    message = "CAPTCHA required. Your Bitbucket account has been marked as requiring a CAPTCHA."
    headers = {
        "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
        "X-Authentication-Denied-Reason": f"CAPTCHA_CHALLENGE; login-url={login_url}",
    }
    return RefusedError(reply(error_body(message, CAPTCHA), 403, headers))


def basic_disabled() -> RefusedError:
    """Basic authentication is turned off. Status and text are assumed."""
    return refuse(403, "Basic authentication has been disabled on this instance.")


def no_project(key: str) -> RefusedError:
    """404 of an unknown project."""
    return refuse(404, f"Project {key} does not exist.", NO_PROJECT)


def no_repository(key: str, slug: str) -> RefusedError:
    """404 of an unknown repository."""
    return refuse(404, f"Repository {key}/{slug} does not exist.", NO_REPOSITORY)


def no_user(name: str) -> RefusedError:
    """404 of an unknown user."""
    return refuse(404, f"User {name} does not exist.", NO_USER)


def unrouted(accept: str) -> Response:
    """404 of a path that leads nowhere: no ``errors``, and XML unless JSON is asked for."""
    if "application/json" in accept:
        body = {"message": "HTTP 404 Not Found", "status-code": 404, "sub-code": -1}
        return reply(body, 404)
    xml = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        "<status><status-code>404</status-code><sub-code>-1</sub-code>"
        "<message>HTTP 404 Not Found</message></status>"
    )
    return Response(xml, 404, media_type="application/xml")


def too_many(kind: str) -> Response:
    """429 with a constant ``Retry-After`` [recorded]; the body is not, so it may be anything."""
    headers = {"Retry-After": "5"}
    message = "You have exceeded the rate limit of requests to this instance."
    if kind == "json":
        return reply(error_body(message), 429, headers)
    page = f"<html><body><h1>429</h1><p>{message}</p></body></html>" if kind == "html" else ""
    return Response(page, 429, headers, media_type="text/html")
