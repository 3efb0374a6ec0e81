"""What an answer says about the credential that was shown. Pure.

A 401 does not mean "bad token": the name of the exception and ``X-AUSERNAME`` tell the cases
apart. And a 200 does not mean "good token": public things are shown to anybody.
Names of exceptions and headers are observed [2026-11-21]; the error envelope is documented:
https://developer.atlassian.com/server/bitbucket/rest/ "Errors & Validation".
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import IssuerKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login
from reconciler.providers.bitbucket_data_center import tokens
from reconciler.providers.bitbucket_data_center.convert import has_values, user_of
from reconciler.transport.faults import quoted, refused, said
from reconciler.transport.reply import Reply

_SERVICE_USER = "access-token-user/"
_LEVELS = {"1": "project", "2": "repository"}
"""Project and repository tokens act as ``access-token-user/KIND/ID``. The kind of repositories is
observed, that of projects assumed. [2026-11-21]"""


class No(Enum):
    """Which no an answer is."""

    CREDENTIAL = auto()  # not let in
    RIGHT = auto()  # let in, but not permitted
    SEAT = auto()  # known, without a licence
    CAPTCHA = auto()  # known, locked until somebody signs in in a browser
    OTHER = auto()


_MENDS = {
    No.SEAT: "an administrator has to give the user a licence for Bitbucket",
    No.CAPTCHA: "sign in in a browser and solve the captcha, or have an administrator reset it",
}


class _Error(msgspec.Struct, rename="camel"):
    message: str | None = None
    exception_name: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error]


def has_errors(reply: Reply) -> bool:
    """Whether the instance itself refused: an address that leads nowhere has another body."""
    return _errors(reply) is not None


def _errors(reply: Reply) -> list[_Error] | None:
    try:
        return reply.decode(_Errors).errors
    except RemoteError:
        return None


def which_no(reply: Reply) -> No:
    """Tell the refusals apart."""
    names = [error.exception_name or "" for error in _errors(reply) or ()]
    short = {name.rpartition(".")[2] for name in names}
    denied = reply.headers.get("x-authentication-denied-reason", "")
    if "CaptchaRequiredAuthenticationException" in short or "CAPTCHA" in denied:
        return No.CAPTCHA
    if "NoAccessAuthenticationException" in short:
        return No.SEAT
    if reply.status != 401:  # noqa: PLR2004  Unauthorized
        return No.OTHER
    if "AuthorisationException" in short and any(user_of(reply.headers)):
        return No.RIGHT
    return No.CREDENTIAL


def is_shut_out(reply: Reply) -> bool:
    """Whether somebody was not let in, for whatever reason: another try may do harm.

    What an instance answers where Basic authentication is turned off is not documented: any 401
    or 403 that names nobody [assumed, 2026-11-21].
    """
    return reply.status in (401, 403) and not any(user_of(reply.headers))


def is_nameless(reply: Reply) -> bool:
    """Whether it was answered as it would be to anybody."""
    return reply.is_ok and not any(user_of(reply.headers))


def judge(reply: Reply, login: Login) -> CredentialReport:
    """The verdict of ``GET /projects``, which anybody who is let in may ask."""
    no = which_no(reply)
    if reply.is_ok:
        try:
            has_values(reply)
        except RemoteError as error:
            return from_fault(error)
    elif no is not No.RIGHT:
        return _refusal(reply, no)
    name, number = user_of(reply.headers)
    report = CredentialReport(
        Verdict.WORKS,
        identity=number or name,
        login=name,
        credential_type=f"http-access-token ({_level_of(name)})",
        token_id=tokens.token_id(login.secret),
        cause="" if reply.is_ok else said(reply),
    )
    return _fitting(report, login, _level_of(name))


def judge_nameless(reply: Reply) -> CredentialReport:
    """The verdict where a good answer named nobody, by a question that only users may ask."""
    if reply.is_ok:
        return CredentialReport(
            Verdict.UNKNOWN,
            cause=f"{reply.party} does not say whom it let in (no X-AUSERNAME)",
            hint="a proxy on the way must let the response header X-AUSERNAME through",
        )
    return _refusal(reply, which_no(reply))


def _level_of(user_name: str) -> str:
    kind, _, number = user_name.removeprefix(_SERVICE_USER).partition("/")
    if not user_name.startswith(_SERVICE_USER) or not number:
        return "user"
    return _LEVELS.get(kind, "service")


def _fitting(report: CredentialReport, login: Login, level: str) -> CredentialReport:
    """*report*, unless the token is of another level than was declared."""
    if not login.level or level in (login.level, "service" if login.level != "user" else ""):
        return report
    hint = f"create the token at the {login.level}"
    if login.level == "user":
        hint += "'s own account: one of a project or repository acts for nobody and sees no more"
    return replace(
        report,
        verdict=Verdict.WRONG_LOGIN,
        cause=f"it is the token of a {level}, and one of a {login.level} is declared",
        hint=hint,
    )


def _refusal(reply: Reply, no: No) -> CredentialReport:
    words = said(reply)
    if no in _MENDS:
        return CredentialReport(
            Verdict.BLOCKED, cause=words or f"{reply.party} closes the way in", hint=_MENDS[no]
        )
    if no is No.CREDENTIAL:
        return CredentialReport(
            Verdict.DEAD,
            cause=f"{reply.party} does not accept it (401{': ' if words else ''}{words})",
            hint="check that the secret is the current one and has not expired or been revoked",
        )
    error = refused(reply, "showing the credential")
    return CredentialReport(Verdict.UNKNOWN, cause=error.cause, hint=error.hint)


def from_fault(error: RemoteError) -> CredentialReport:
    """The verdict when no answer could be had: nothing was learnt."""
    return CredentialReport(Verdict.UNKNOWN, cause=error.cause, hint=error.hint)


def without_reach(reply: Reply, report: CredentialReport, doing: str) -> CredentialReport:
    """*report* after a reading of the account was refused."""
    no = which_no(reply)
    if no in _MENDS or no is No.CREDENTIAL:  # it died or was locked out meanwhile
        worse = _refusal(reply, no)
        return replace(
            report, verdict=worse.verdict, cause=worse.cause, hint=worse.hint, reaches=False
        )
    error = reading_refusal(reply, doing)
    return replace(report, reaches=False, cause=error.cause, hint=error.hint)


def with_lack(report: CredentialReport, lacking: frozenset[str]) -> CredentialReport:
    """*report* after permissions were tried."""
    if not lacking:
        return report
    return replace(
        report,
        lacking=lacking,
        cause=f"nowhere is {', '.join(sorted(lacking))} in effect: the token or its owner lacks it",
        hint="give the token the permission, and its owner the right to what it is for",
    )


def reading_refusal(reply: Reply, doing: str) -> RemoteError:
    """The error for a reading that was refused, with the mend."""
    no = which_no(reply)
    if no in _MENDS:
        words = said(reply)
        return RemoteError(reply.party, Fault.ALLOWLIST, f"{reply.party}: {words}", hint=_MENDS[no])
    error = refused(reply, doing)
    if no is No.RIGHT:
        error.fault = Fault.PERMISSION
        error.hint = "give the owner of the token the right to read there"
    return error


def nameless_refusal(reply: Reply) -> RemoteError:
    """The error for a list that was answered as it would be to anybody."""
    return RemoteError(
        reply.party,
        Fault.CREDENTIAL,
        f"{reply.party} answered as to nobody: only what is public would be listed",
        hint="check that the secret is the current one and has not expired, and that no proxy "
        "takes the response header X-AUSERNAME away",
    )


def issuing_refusal(
    reply: Reply, login: IssuerLogin, home: CredentialHome, doing: str
) -> RemoteError:
    """The error for a request about tokens that was refused, with the mend.

    Source: a token cannot make tokens: https://confluence.atlassian.com/bitbucketserver091/
    http-access-tokens-1443038354.html; the causes of 400: "Create HTTP token" in
    https://developer.atlassian.com/server/bitbucket/rest/ [documented, 2026-11-21]. The words are
    not: they are told apart by what any of them must name [assumed].
    """
    no = which_no(reply)
    error = refused(reply, doing)
    if no in (No.CREDENTIAL, No.SEAT, No.CAPTCHA):
        error.fault = Fault.CREDENTIAL
        error.hint = _MENDS.get(no) or _way_in(login)
    elif no is No.RIGHT and tokens.token_id(login.secret):
        error.fault = Fault.PERMISSION
        error.cause = f"{error.cause}; a token cannot make tokens"
        error.hint = "let the issuer sign in with the owner's password or an OAuth access token"
    elif no is No.RIGHT:
        error.fault = Fault.PERMISSION
        error.hint = _right(home)
    elif login.kind is IssuerKind.PASSWORD and is_shut_out(reply):
        error.hint = _way_in(login)
    elif error.fault is Fault.REJECTED:
        error.hint = _rule(said(reply).lower()) or error.hint
    return error


def redirected(reply: Reply, home: CredentialHome) -> RemoteError:
    """The error for a change that was answered with another address; nothing was changed.

    Source: a renamed or moved project or repository answers 307 at its old address [observed], a
    credential that is not accepted 302 to the sign-in page [documented, 2026-11-21]:
    https://support.atlassian.com/bitbucket-data-center/kb/access-tokens-no-longer-work-as-expected-after-upgrading-bitbucket-data-center
    """
    if reply.status in (302, 303):
        return RemoteError(
            reply.party,
            Fault.CREDENTIAL,
            f"{reply.party} answered with its sign-in page",
            hint="check how the issuer signs in, and `apiUrl`",
        )
    return RemoteError(
        reply.party,
        Fault.NOT_FOUND,
        f"{reply.party}: {quoted(home.target or home.owner)} has another address now",
        hint="it was renamed or moved: write its present address as `target`",
    )


def _way_in(login: IssuerLogin) -> str:
    if login.kind is IssuerKind.BEARER:
        return "an OAuth access token lives for an hour: fetch a new one"
    name = quoted(login.username)
    return (
        f"check the password of {name}; it is not tried again in this run, so that the account is "
        "not locked. Where Basic authentication is turned off, sign in with `type: bearer`"
    )


def _right(home: CredentialHome) -> str:
    if home.level == "user":
        return f"sign in as {quoted(home.owner)}: a user's tokens are made by that user alone"
    return f"the issuer has to administer {quoted(home.target)}"


def _rule(words: str) -> str:
    if "expir" in words or "days" in words:
        return (
            "the instance's policy limits the life of tokens (System > HTTP access tokens): "
            "declare a shorter `maxAge`"
        )
    if "maximum" in words or "limit" in words or "too many" in words:
        return "no slot is free: revoke a token there, for old and new exist side by side a while"
    return ""
