"""The two scope vocabularies of Bitbucket Cloud. Pure data.

Source of all: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#authentication
[documented, 2026-11-21]
"""

from __future__ import annotations

from reconciler.model.method import MethodKind

IMPLIES = {
    "repository:write": frozenset({"repository"}),
    "project": frozenset({"repository"}),
    "pullrequest": frozenset({"repository"}),
    "pullrequest:write": frozenset({"pullrequest", "repository:write"}),
    "issue:write": frozenset({"issue"}),
    "snippet:write": frozenset({"snippet"}),
}
"""Only what is documented. ``*:admin`` implies nothing, and no granular scope implies another;
of ``account:write``, ``pipeline:*`` and ``runner:write`` no implication is documented."""

_VERBS = {
    "repository": ("read", "write", "admin", "delete"),
    "pullrequest": ("read", "write"),
    "project": ("read", "admin"),
    "workspace": ("read", "admin"),
    "user": ("read", "write"),
    "pipeline": ("read", "write", "admin"),
    "runner": ("read", "write"),
    "issue": ("read", "write", "delete"),
    "webhook": ("read", "write", "delete"),
    "snippet": ("read", "write", "delete"),
    "ssh-key": ("read", "write", "delete"),
    "gpg-key": ("read", "write", "delete"),
    "permission": ("read", "write", "delete"),
}

GRANULAR = frozenset(
    f"{verb}:{resource}:bitbucket" for resource, verbs in _VERBS.items() for verb in verbs
)
"""The 35 scopes of API tokens and Forge apps."""

_OFFERED_TOO = frozenset({"read:account", "read:me", "read:test:bitbucket"})
"""Boxes on the token page that the API reference does not list. [observed, 2026-11-21]"""

_REPOSITORY_TOKEN = frozenset(
    {
        "repository",
        "repository:write",
        "repository:admin",
        "repository:delete",
        "pullrequest",
        "pullrequest:write",
        "webhook",
        "pipeline",
        "pipeline:write",
        "pipeline:variable",
        "runner",
        "runner:write",
    }
)
_ACCESS_TOKEN = _REPOSITORY_TOKEN | {"project", "project:admin", "account"}
"""What a workspace token may hold; project and repository tokens may hold less."""

CLASSIC = _ACCESS_TOKEN | {
    "project:write",
    "issue",
    "issue:write",
    "wiki",
    "snippet",
    "snippet:write",
    "email",
    "account:write",
}
"""Every classic scope, as on the page of an OAuth consumer."""

VOCABULARY = {
    MethodKind.API_TOKEN: GRANULAR | _OFFERED_TOO,
    MethodKind.ACCESS_TOKEN: _ACCESS_TOKEN,
    MethodKind.OAUTH_CONSUMER: CLASSIC,
    MethodKind.OAUTH_APP: CLASSIC,
    MethodKind.IDENTITY_PROVIDER: CLASSIC,
}
