"""HTTP failures → RemoteError: which no, our sentence, the mend. Foreign text is scrubbed, cut."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2

from reconciler.errors import TEXT_LIMIT, Fault, RemoteError
from reconciler.model.secret import KNOWN
from reconciler.transport.reply import Reply

NEVER_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Nothing reached the other side, so that even an unsafe request may be sent again."""

_BROKEN_OFF = (
    httpx2.RemoteProtocolError,
    httpx2.DecodingError,
    # A peer that hangs up shows as any of these, as its last packets happen to arrive.
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.CloseError,
)

_FAULTS = {
    401: Fault.CREDENTIAL,
    403: Fault.PERMISSION,
    404: Fault.NOT_FOUND,
    410: Fault.GONE,
    429: Fault.THROTTLED,
}
_HINTS = {
    Fault.CREDENTIAL: "check that the secret is the current one and has not expired",
    Fault.PERMISSION: "ask an administrator there to give this credential the access it needs",
    Fault.NOT_FOUND: "check the spelling, and that this credential may see it",
    Fault.GONE: "this API was removed there; look for a newer version of reconciler",
    Fault.THROTTLED: "run again later, or lower the concurrency",
    Fault.OUTAGE: "the trouble is on the other side; run again later",
    Fault.REJECTED: "the request was not acceptable there; the message above says why",
}


def quoted(text: str) -> str:
    """Foreign text made fit for an error: one line, no known secret, at most TEXT_LIMIT."""
    line = " ".join(KNOWN.scrub(text).split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1] + "…"


def said(reply: Reply) -> str:
    """What an error body says in words; empty when it says nothing that can be shown."""
    try:
        body = reply.json()
    except RemoteError:
        return ""
    return quoted(_message(body))


def _message(body: Any) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return _message(body[0]) if body else ""
    if isinstance(body, dict):
        for key in ("error_description", "message", "error", "errors", "detail"):
            if body.get(key) and (text := _message(body[key])):
                return text
    return ""


def refused(reply: Reply, doing: str, *, hint: str = "") -> RemoteError:
    """The error for a reply that is not what was hoped for.

    Args:
        reply: any status.
        doing: what was attempted, as in "listing repositories".
        hint: the mend; a general one of the fault when empty.
    """
    if reply.status >= 500:  # noqa: PLR2004  the class of server failures
        fault = Fault.OUTAGE
    elif reply.status >= 400:  # noqa: PLR2004  the class of refusals
        fault = _FAULTS.get(reply.status, Fault.REJECTED)
    else:
        fault = Fault.BAD_REPLY
    words = said(reply)
    tail = f": {words}" if words else ""
    return RemoteError(
        reply.party,
        fault,
        f"{reply.party} answered {reply.status} to {doing}{tail}",
        hint=hint or _HINTS.get(fault, "check the API address"),
    )


def throttled(reply: Reply, asked_s: float | None, waited_s: float) -> RemoteError:
    """429 (or 503 with a far Retry-After) to the end of our patience."""
    if asked_s is None:
        wish, hint = "without saying for how long", _HINTS[Fault.THROTTLED]
    else:
        wish = f"and asks to wait {asked_s:.0f} s"
        hint = f"run again in {max(1, round(asked_s / 60))} min, or lower the concurrency"
    return RemoteError(
        reply.party,
        Fault.THROTTLED,
        f"{reply.party} limits our requests ({reply.status}) {wish}; "
        f"gave up after waiting {waited_s:.0f} s",
        hint=hint,
        retry_after_s=asked_s,
    )


def ambiguous(party: str, what: str) -> RemoteError:
    """A write was sent and nobody knows what became of it."""
    return RemoteError(
        party,
        Fault.AMBIGUOUS,
        f"{party}: a change was sent and its answer was lost ({what})",
        hint="run `reconciler plan`: it looks at what is there now before anything is done again",
    )


def lost(party: str, host: str, error: Exception, tries: int) -> RemoteError:
    """The error for a request that got no whole answer."""
    times = "" if tries == 1 else f" (tried {tries} times)"
    if is_certificate_fault(error):
        return RemoteError(
            party,
            Fault.UNREACHABLE,
            f"{party}: the certificate of {host} is not trusted by this machine",
            hint="if a proxy re-signs traffic here, give its CA with `caFile` or SSL_CERT_FILE",
        )
    if isinstance(error, _BROKEN_OFF):
        return RemoteError(
            party,
            Fault.BAD_REPLY,
            f"{party}: {host} broke off or garbled its answer{times}: {_words(error)}",
            hint="run again; if it stays, check what stands between this machine and the API",
        )
    what = (
        "did not answer in time"
        if isinstance(error, (TimeoutError, httpx2.TimeoutException))
        else f"cannot be reached: {_words(error)}"
    )
    return RemoteError(
        party,
        Fault.UNREACHABLE,
        f"{party}: {host} {what}{times}",
        hint="check the network, the API address and the proxy settings of this machine",
    )


def _words(error: Exception) -> str:
    return quoted(str(error)) or type(error).__name__


def is_certificate_fault(error: BaseException | None) -> bool:
    """Whether TLS verification failed, somewhere down the chain of causes."""
    seen = 0
    while error is not None and seen < 8:  # noqa: PLR2004  chains are short; loops are not
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def foreign(party: str, host: str, why: str) -> RemoteError:
    """A link or redirect pointed elsewhere; nothing was sent there."""
    return RemoteError(
        party,
        Fault.FOREIGN_HOST,
        f"{party} {why} {quoted(host)}; credentials stay with their host and nothing was sent",
        hint="if the API really moved, change its address in the configuration",
    )
