"""What OX says when it says no → RemoteError. GraphQL refuses inside an answer of status 200.

The bodies for a wrong key and for too many requests are not published [assumed]: codes of Apollo's
gateway (https://www.apollographql.com/docs/apollo-server/data/errors [documented, 2026-11-21]) and
words are understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.consumers.ox.convert import PRINCIPAL, GraphError
from reconciler.errors import Fault, RemoteError
from reconciler.model.method import MethodKind
from reconciler.transport.faults import quoted

PARTY = "ox"
PRINCIPALS = "servicePrincipals"
"""The setting with which documents name the member of service principals."""

KEY_HINT = (
    "create a key in OX under Settings > API Key Settings (type: API Integration) and put it "
    "where the `credential` of this Consumer points"
)
_REFUSED_HINTS = {
    "bitbucket-cloud": "check the user name (the Atlassian e-mail), the token, its expiry and the "
    "host URL, then apply again",
    "azure-devops": "check that the credential is for this organization and has not expired, the "
    "tenant of a service principal, and the host URL, then apply again",
    "bitbucket-data-center": "check the token, its expiry and the user name, and that OX reaches "
    "the host URL, then apply again",
}

_CODES = {
    "UNAUTHENTICATED": Fault.CREDENTIAL,
    "FORBIDDEN": Fault.PERMISSION,
    "RATE_LIMITED": Fault.THROTTLED,
    "TOO_MANY_REQUESTS": Fault.THROTTLED,
    "GRAPHQL_PARSE_FAILED": Fault.BAD_REPLY,
    "GRAPHQL_VALIDATION_FAILED": Fault.BAD_REPLY,
    "INTERNAL_SERVER_ERROR": Fault.OUTAGE,
    "NOT_FOUND": Fault.NOT_FOUND,
}
_WORDS = (
    (("unauthenticated", "unauthorized", "not authenticated", "api key"), Fault.CREDENTIAL),
    (("forbidden", "permission"), Fault.PERMISSION),
    (("rate limit", "too many requests"), Fault.THROTTLED),
    (("cannot query field", "unknown type", "unknown argument"), Fault.BAD_REPLY),
)
_TOKEN_WORDS = ("credential", "unauthorized", "token", "password", "401", "authentication")
_HINTS = {
    Fault.CREDENTIAL: KEY_HINT,
    Fault.PERMISSION: "give the API key a role that may configure connectors",
    Fault.THROTTLED: "a key may make 1,000 requests an hour; run again later",
    Fault.BAD_REPLY: "OX's schema has changed: look for a newer version of reconciler",
    Fault.OUTAGE: "the trouble is on the side of OX; run again later",
    Fault.NOT_FOUND: "run `reconciler plan`: it looks at what is there now",
    Fault.REJECTED: "the request was not acceptable to OX; the message above says why",
}
_PRINCIPALS_HINT = (
    f"take `{PRINCIPALS}` out of the settings of this Consumer: this OX calls service principals "
    "something else"
)


def fault_of(error: GraphError) -> Fault:
    """Which no an entry of ``errors`` is."""
    if error.code in _CODES:
        return _CODES[error.code]
    text = error.message.lower()
    return next((f for words, f in _WORDS if any(w in text for w in words)), Fault.REJECTED)


def is_about(error: GraphError, field: str) -> bool:
    """Whether *error* concerns one field or alias of the query, and not the query as a whole."""
    return bool(error.path) and error.path is not None and error.path[0] == field


def failure(errors: Sequence[GraphError], doing: str) -> RemoteError:
    """The error for an answer that could not be given, from its first entry."""
    first = errors[0] if errors else GraphError("it gave neither data nor a reason")
    fault = fault_of(first) if errors else Fault.BAD_REPLY
    return RemoteError(
        PARTY,
        fault,
        f"OX refused {doing}: {quoted(first.message) or 'without a reason'}",
        hint=_PRINCIPALS_HINT if PRINCIPAL in first.message else _HINTS[fault],
    )


def refused_hint(provider: str) -> str:
    """What to check when OX cannot use a credential of that provider."""
    return _REFUSED_HINTS[provider]


def adding_failed(errors: Sequence[GraphError], provider: str) -> RemoteError:
    """The error for credentials that could not be added.

    OX tries credentials before it keeps them. An error inside OX leaves open whether it did.
    """
    doing = "the new connection"
    first = errors[0] if errors else None
    if first is None or fault_of(first) is Fault.OUTAGE:
        return lost("OX failed while the connection was added")
    text = f"{first.code} {first.message}".lower()
    if is_about(first, "addCredentials") and any(word in text for word in _TOKEN_WORDS):
        cause = f"OX refused {doing}: {quoted(first.message)}"
        return RemoteError(PARTY, Fault.CREDENTIAL, cause, hint=refused_hint(provider))
    return failure(errors, doing)


def lost(what: str) -> RemoteError:
    """A change was sent and nobody knows what became of it."""
    return RemoteError(
        PARTY,
        Fault.AMBIGUOUS,
        f"{what}; whether it is there is not known",
        hint="run `reconciler plan`: it looks at what is there now before anything is done again",
    )


def unknown_connection(live_id: str) -> RemoteError:
    """A connection that OX lists under none of the providers that we know."""
    cause = f"the connection {live_id} was not found in OX"
    return RemoteError(PARTY, Fault.NOT_FOUND, cause, hint=_HINTS[Fault.NOT_FOUND])


def not_by_api(kind: MethodKind, offered: Iterable[str | None]) -> RemoteError:
    """The connector takes no credential of that method through the API."""
    names = ", ".join(filter(None, offered)) or "none"
    return rejected(
        f"OX cannot be connected by {kind} through its API (the connector offers: {names})",
        "connect in a browser, or use a method with a token where the connector offers it",
    )


def principals_off() -> RemoteError:
    """What a service principal's connection is called there was not agreed to."""
    return rejected(
        "OX does not publish how it lists service principals, so none is connected unasked; "
        "nothing was sent",
        f'try `{PRINCIPALS}: "yes"` in the settings of this Consumer, or use a personal access '
        "token",
    )


def no_connector(names: str, wanted: str, setting: str) -> RemoteError:
    """OX lists no connector that could be *wanted*; *names* are those it lists."""
    return RemoteError(
        PARTY,
        Fault.NOT_FOUND,
        f"OX lists no connector {wanted}",
        hint=quoted(
            f"in the settings of this Consumer set `family`, if it is in another one, or "
            f"`{setting}` to one of: {names}"
        ),
    )


def bad_reply(cause: str, hint: str = _HINTS[Fault.OUTAGE]) -> RemoteError:
    """An answer that may not be built upon."""
    return RemoteError(PARTY, Fault.BAD_REPLY, cause, hint=hint)


def rejected(cause: str, hint: str) -> RemoteError:
    """OX cannot do what was asked."""
    return RemoteError(PARTY, Fault.REJECTED, cause, hint=hint)
