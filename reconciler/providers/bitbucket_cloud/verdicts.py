"""What an answer says about the credential that was shown. Pure.

Bitbucket Cloud answers 401, 403 or 404 for many different reasons; only headers and texts tell
them apart. Texts and headers are observed, not documented [2026-11-21]; the error envelope is
documented: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#standardized-error-responses
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_cloud.convert import to_identity, to_page, to_scopes
from reconciler.transport.faults import quoted, refused, said
from reconciler.transport.reply import Reply

_BLOCKED = {
    "whitelist": "let the address of this machine into the workspace's IP allowlist",
    "allowlist": "let the address of this machine into the workspace's IP allowlist",
    "two-step": "the owner of the credential has to enable two-step verification",
    "deactivated": "an administrator of the workspace has to reactivate it",
}
"""Words of a 403 that is about the way in, and the mend."""


class _ScopeDetail(msgspec.Struct):
    required: list[str] = []


class _Error(msgspec.Struct):
    detail: _ScopeDetail | str | None = None


class _ScopeError(msgspec.Struct):
    error: _Error | str | None = None


def required_scopes(reply: Reply) -> tuple[str, ...]:
    """The scopes that a 403 asks for, in the credential's own vocabulary."""
    try:
        error = reply.decode(_ScopeError).error
    except RemoteError:
        return ()
    if isinstance(error, _Error) and isinstance(error.detail, _ScopeDetail):
        return tuple(error.detail.required)
    return ()


def judge_user(reply: Reply, login: Login, workspace: str) -> CredentialReport:
    """The verdict of ``GET /user``, the question that every credential may be asked with.

    200: a user's. 403 with the headers of a known credential: valid, but it has no user (access
    tokens) or lacks the scope to name it. Anything unclear is UNKNOWN.
    """
    known = _known(reply)
    if reply.status == 200:  # noqa: PLR2004  OK
        return _with_identity(reply, known)
    if reply.status != 403 or _blocked(reply):  # noqa: PLR2004  Forbidden
        return judge_refusal(reply, login, known)
    missing = required_scopes(reply)
    if not (missing or known.scopes is not None or known.credential_type):
        return replace(
            known,
            verdict=Verdict.UNKNOWN,
            cause=f"{reply.party} answered 403 and did not say whose credential it saw",
            hint="check `apiUrl`: the address of the API ends in /2.0",
        )
    if known.credential_type.endswith("access_token") or login.kind is MethodKind.ACCESS_TOKEN:
        kind = known.credential_type or "access_token"
        return replace(known, identity=f"{kind}@{workspace}", login=f"{kind} of {workspace}")
    return replace(
        known,
        login=login.username,
        cause=f"it may not read its own user: lacks {', '.join(missing) or 'a scope'}",
    )


def judge_refusal(reply: Reply, login: Login, known: CredentialReport) -> CredentialReport:
    """The verdict of any answer that is a refusal, keeping what is *known* from headers."""
    if hint := _blocked(reply):
        return replace(known, verdict=Verdict.BLOCKED, cause=said(reply), hint=hint)
    if reply.status == 401:  # noqa: PLR2004  Unauthorized
        return _judge_unauthorized(reply, login, known)
    if reply.status == 410:  # noqa: PLR2004  Gone
        return replace(
            known,
            verdict=Verdict.RETIRED,
            cause=f"{reply.party} answered 410: {said(reply) or 'removed'}",
            hint="use another method: api-token, access-token or oauth-consumer",
        )
    error = refused(reply, "showing the credential")
    return replace(known, verdict=Verdict.UNKNOWN, cause=error.cause, hint=error.hint)


def _judge_unauthorized(reply: Reply, login: Login, known: CredentialReport) -> CredentialReport:
    words = said(reply)
    if "no bitbucket scopes" in words.lower():
        return replace(
            known,
            verdict=Verdict.UNSCOPED,
            cause=words,
            hint='create the token with "Create API token with scopes", for the app Bitbucket',
        )
    if login.kind is MethodKind.API_TOKEN and "@" not in login.username:
        return replace(
            known,
            verdict=Verdict.WRONG_LOGIN,
            cause=f"{quoted(login.username)!r} is not an e-mail address",
            hint="Bitbucket wants the e-mail of the Atlassian account beside an API token",
        )
    hint = "check that the secret is the current one and has not expired or been revoked"
    if login.kind is MethodKind.API_TOKEN:
        hint += ", and that it belongs to the account of that e-mail and to the app Bitbucket"
    return replace(
        known,
        verdict=Verdict.DEAD,
        cause=f"{reply.party} does not accept it (401{': ' if words else ''}{words})",
        hint=hint,
    )


def from_fault(error: RemoteError) -> CredentialReport:
    """The verdict when no answer could be had: nothing was learnt."""
    return CredentialReport(Verdict.UNKNOWN, cause=error.cause, hint=error.hint)


def with_reach(reply: Reply, login: Login, report: CredentialReport) -> CredentialReport:
    """*report* refined by an attempt to read the account's repositories.

    Raises:
        RemoteError: BAD_REPLY; whether it reaches the account was not learnt.
    """
    if reply.is_ok:
        to_page(reply)
        return replace(report, reaches=True)
    if _blocked(reply) or reply.status == 401:  # noqa: PLR2004  it died meanwhile
        return replace(judge_refusal(reply, login, report), reaches=False)
    error = listing_refusal(reply)
    return replace(report, reaches=False, cause=error.cause, hint=error.hint)


def listing_refusal(reply: Reply) -> RemoteError:
    """The error for a page of repositories that was refused, with the mend."""
    if hint := _blocked(reply):
        return RemoteError(reply.party, Fault.ALLOWLIST, f"{reply.party}: {said(reply)}", hint=hint)
    if required := required_scopes(reply):
        return RemoteError(
            reply.party,
            Fault.SCOPE,
            f"{reply.party}: the credential lacks {quoted(', '.join(required))}",
            hint="create a credential with that scope; scopes cannot be added to an existing one",
            required=required,
        )
    hints = {
        404: "check the workspace's spelling, and that the credential may see it",
        410: "the workspace cannot be listed any more; ask Atlassian's support",
    }
    return refused(reply, "listing repositories", hint=hints.get(reply.status, ""))


def _known(reply: Reply) -> CredentialReport:
    """What the headers of any authenticated answer tell, as a report that it works."""
    headers = reply.headers
    return CredentialReport(
        verdict=Verdict.WORKS,
        credential_type=headers.get("x-credential-type", ""),
        scopes=to_scopes(headers.get("x-oauth-scopes")),
        token_id=headers.get("x-token-id", ""),
    )


def _with_identity(reply: Reply, known: CredentialReport) -> CredentialReport:
    try:
        identity, name = to_identity(reply)
    except RemoteError as error:
        return from_fault(error)
    return replace(known, identity=identity, login=name)


def _blocked(reply: Reply) -> str:
    """The mend when the way in is closed; empty when it is not."""
    if reply.status != 403:  # noqa: PLR2004  Forbidden
        return ""
    words = said(reply).lower()
    return next((mend for word, mend in _BLOCKED.items() if word in words), "")
