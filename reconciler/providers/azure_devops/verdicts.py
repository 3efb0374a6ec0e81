"""What an answer says about the credential that was shown. Pure.

Azure DevOps has many faces for one refusal: 203 with a page, 302 to a sign-in host, 401 with an
empty body, with JSON, or with its words in a header. A token that has expired, was revoked, or
lacks a scope may look just the same. All of it is observed, not documented [2026-11-21].
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

from reconciler.errors import Fault, RemoteError
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.providers.azure_devops.convert import to_identity
from reconciler.transport import faults
from reconciler.transport.faults import quoted, refused, said
from reconciler.transport.reply import Reply

ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The identity of nobody; an answer of 200 for it is no login."""

_PAGE_INSTEAD = 203
_UNAUTHORIZED = 401
_SIGN_IN_HOSTS = ("login.microsoftonline.com", "login.live.com", ".visualstudio.com")
_BLOCKED = {
    "TF24668": "an administrator has to start the organization again; it was stopped",
    "VS403463": "a Conditional Access policy closes the way in: ask the tenant's administrator",
    "conditional access": "a Conditional Access policy closes the way in: ask the tenant's "
    "administrator",
}
"""Words of a refusal that is about the way in, and the mend."""

_DEAD_HINT = (
    "check that the secret is the current one, has not expired or been revoked, and was made "
    "for this organization"
)
_OF_FAULT = {Fault.CREDENTIAL: Verdict.DEAD, Fault.ALLOWLIST: Verdict.BLOCKED}


def words(reply: Reply) -> str:
    """What a refusal says, in its body or in ``X-TFS-ServiceError``; empty when it says nothing."""
    return said(reply) or quoted(unquote(reply.headers.get("x-tfs-serviceerror", "")))


def shown_as(reply: Reply) -> tuple[str, str]:
    """Id and account of whom the call ran as, by ``X-VSS-UserData``; empty for nobody."""
    id_, _, account = reply.headers.get("x-vss-userdata", "").partition(":")
    return ("", "") if id_.lower() == ANONYMOUS else (id_.lower(), quoted(account))


def names_of(reply: Reply) -> tuple[str, ...]:
    """The account and the id of whom ``connectionData`` describes; the account comes first.

    Raises:
        RemoteError: it describes nobody, or was refused.
    """
    report = judge_connection(reply)
    if report.identity:
        return tuple(dict.fromkeys(filter(None, (report.login, *shown_as(reply), report.identity))))
    if not reply.is_ok or is_turned_away(reply):
        raise refusal(reply, "asking who it is")
    to_identity(reply)
    raise RemoteError(reply.party, Fault.CREDENTIAL, report.cause, hint=report.hint)


def is_turned_away(reply: Reply) -> bool:
    """Whether the credential was not accepted for this call: dead, or without the scope."""
    if reply.status in (_PAGE_INSTEAD, _UNAUTHORIZED):
        return not shown_as(reply)[0]
    return _is_sign_in(reply)


def is_of_server(reply: Reply) -> bool:
    """Whether a refusal offers to sign in with Windows, which only a Server does.

    Source: refusals of Azure DevOps Server [observed, 2026-11-21]
    """
    ways = reply.headers.get("www-authenticate", "").lower()
    return reply.status == _UNAUTHORIZED and ("ntlm" in ways or "negotiate" in ways)


def refusal(reply: Reply, doing: str, *, scope: str = "", hint: str = "") -> RemoteError:
    """The error for an answer that is not what was hoped for.

    Args:
        reply: any status.
        doing: what was attempted, as in "listing repositories".
        scope: the scope that it takes; its absence looks like a dead credential.
        hint: the mend of a 404; a general one when empty.
    """
    if mend := blocked(words(reply)):
        return RemoteError(
            reply.party, Fault.ALLOWLIST, f"{reply.party}: {words(reply)}", hint=mend
        )
    if is_turned_away(reply):
        return _turned_away(reply, doing, scope)
    if 300 <= reply.status < 400:  # noqa: PLR2004  the class of redirects
        host = urlsplit(reply.headers.get("location", "")).hostname or "nowhere"
        return faults.foreign(reply.party, host, "redirects to")
    error = refused(reply, doing, hint=hint if reply.status == 404 else "")  # noqa: PLR2004
    tail = words(reply)
    if not tail or said(reply):
        return error
    return RemoteError(reply.party, error.fault, f"{error.cause}: {tail}", hint=error.hint)


def _turned_away(reply: Reply, doing: str, scope: str) -> RemoteError:
    said_so = words(reply)
    if "expired" in said_so.lower():
        why = "it has expired"
    elif said_so:
        why = said_so
    else:
        why = "expired, revoked, or of another organization"
        why += f", or without the scope {scope}" if scope else ""
    return RemoteError(
        reply.party,
        Fault.CREDENTIAL,
        f"{reply.party} refused the credential ({reply.status} to {doing}): {why}",
        hint=_DEAD_HINT,
        required=(scope,) if scope else (),
    )


def judge_connection(reply: Reply) -> CredentialReport:
    """The verdict of ``connectionData``, the question that any credential may be asked with.

    Works: 200 for somebody, or a refusal that still names the caller. Anything unclear is
    UNKNOWN.
    """
    identity, account = shown_as(reply)
    if reply.status in (_UNAUTHORIZED, 403) and identity and not blocked(words(reply)):
        return CredentialReport(
            Verdict.WORKS,
            identity=identity,
            login=account or identity,
            cause=f"it may not ask who it is: {words(reply) or reply.status}",
        )
    if not reply.is_ok or reply.status == _PAGE_INSTEAD:
        hint = "check the organization's spelling, and `apiUrl`"
        return from_fault(refusal(reply, "showing the credential", hint=hint))
    try:
        found, login = to_identity(reply)
    except RemoteError as error:
        return from_fault(error)
    if found == ANONYMOUS:
        return CredentialReport(
            Verdict.DEAD,
            cause=f"{reply.party} answered as to nobody: it did not accept the credential",
            hint=_DEAD_HINT,
        )
    return CredentialReport(Verdict.WORKS, identity=found, login=login)


def from_fault(error: RemoteError) -> CredentialReport:
    """The verdict when no good answer could be had."""
    if mend := blocked(error.cause):
        return CredentialReport(Verdict.BLOCKED, cause=error.cause, hint=mend)
    verdict = _OF_FAULT.get(error.fault, Verdict.UNKNOWN)
    return CredentialReport(verdict, cause=error.cause, hint=error.hint)


def with_tries(
    report: CredentialReport, tries: dict[str, Reply], scopes: tuple[str, ...]
) -> CredentialReport:
    """*report* refined by calls that each need one of *scopes*.

    Args:
        report: that it works, and whether it reaches the account.
        tries: the answer by the scope that was tried.
        scopes: their order.

    A 403 or 404 to a known caller is about the owner's permissions, and not a lacking scope.
    """
    lacking = frozenset(scope for scope, reply in tries.items() if is_turned_away(reply))
    if lacking:
        named = ", ".join(scope for scope in scopes if scope in lacking)
        return replace(
            report,
            lacking=lacking,
            cause=f"the calls that need {named} were refused",
            hint="give the credential these scopes; if it has them, its owner lacks access",
        )
    for scope in scopes:
        reply = tries.get(scope)
        if reply is not None and not reply.is_ok:
            error = refusal(reply, f"a call that needs {scope}")
            hint = "the credential's owner lacks access there; scopes alone do not give it"
            return replace(report, cause=error.cause, hint=hint)
    return report


def blocked(text: str) -> str:
    """The mend when *text* says that the way in is closed; empty when it does not."""
    return next((mend for word, mend in _BLOCKED.items() if word.lower() in text.lower()), "")


def _is_sign_in(reply: Reply) -> bool:
    """Whether an answer leads to a page where people sign in; it is never followed."""
    if not 300 <= reply.status < 400:  # noqa: PLR2004  the class of redirects
        return False
    target = urlsplit(reply.headers.get("location", ""))
    host = target.hostname or ""
    return target.path.endswith("/_signin") or host.endswith(_SIGN_IN_HOSTS)
