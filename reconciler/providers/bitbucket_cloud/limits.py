"""What Bitbucket Cloud can and cannot do through its API, said before any call. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from reconciler.model.method import MethodKind
from reconciler.ports.capability import Ability, Can, Cannot, Capability

API_URL = "https://api.bitbucket.org/2.0"
SITE_URL = "https://bitbucket.org"
"""Where OAuth tokens are issued; the API itself is on another host."""

PAGE_SIZE = 100
"""The most repositories on one page.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination [documented,
2026-11-21]
"""

HOURLY_REQUESTS = 1000
"""Requests to ``/repositories`` per user and rolling hour; access tokens of large workspaces are
granted more and say so in a header.

Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/ [documented,
2026-11-21]
"""

LONGEST_HOOK_SECRET = 128
"""Characters.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/ (hooks)
[documented, 2026-11-21]
"""

EVENTS: Mapping[str, frozenset[str]] = {
    "push": frozenset({"repo:push"}),
    "pull-request": frozenset(
        {
            "pullrequest:created",
            "pullrequest:updated",
            "pullrequest:fulfilled",
            "pullrequest:rejected",
        }
    ),
}
"""Events of webhooks by their neutral names.

Source: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ [documented, 2026-11-21]
"""

_CHECKED = date(2026, 11, 21)
_REFERENCE = "https://developer.atlassian.com/cloud/bitbucket/rest/intro/"
_NO_TOKEN_API = "https://jira.atlassian.com/browse/BCLOUD-23192"  # noqa: S105  a page, not a token

ABILITIES: dict[Capability, Ability] = {
    Capability.VERIFY: Can(f"{_REFERENCE}#authentication", _CHECKED),
    Capability.LIST_REPOSITORIES: Can(
        "https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/"
        "#api-repositories-workspace-get",
        _CHECKED,
    ),
    Capability.READ_SCOPES: Can(
        "https://support.atlassian.com/bitbucket-cloud/docs/api-token-permissions", _CHECKED
    ),
    Capability.READ_EXPIRY: Cannot(
        "https://support.atlassian.com/atlassian-account/docs/"
        "manage-api-tokens-for-your-atlassian-account",
        _CHECKED,
        instead="no answer of Bitbucket names the end of a credential: declare `expiresAt`, or "
        "`maxAge` counts from the day the credential was first seen",
    ),
    Capability.ISSUE: Cannot(
        _NO_TOKEN_API,
        _CHECKED,
        instead="a person creates the credential; the exact scopes to tick are in the plan, and "
        "the run continues when the secret appears in its source",
    ),
    Capability.RESCOPE_IN_PLACE: Cannot(
        "https://support.atlassian.com/bitbucket-cloud/docs/api-tokens",
        _CHECKED,
        instead="a new credential with the wanted scopes replaces the old one; only an OAuth "
        "consumer's scopes are edited in place, by a person",
    ),
    Capability.REVOKE: Cannot(
        _NO_TOKEN_API,
        _CHECKED,
        instead="a person revokes the credential, and the next run proves that it is dead",
    ),
    Capability.WEBHOOKS: Can(
        "https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/"
        "#api-repositories-workspace-repo-slug-hooks-post",
        _CHECKED,
    ),
}
"""``READ_SCOPES`` rests on the response header ``X-OAuth-Scopes``, which every authenticated
answer carries [observed, 2026-11-21]."""

RETIRED = {
    MethodKind.APP_PASSWORD: (
        "Bitbucket Cloud removed app passwords on 2026-07-28 (creation ended on 2025-09-09, "
        "brownouts ran from 2026-06-09): use api-token, with the Atlassian account's e-mail as "
        "the user name"
    )
}
"""Source: https://community.atlassian.com/forums/Bitbucket-articles/
Deprecation-notice-Bitbucket-Cloud-app-password-brownout/ba-p/3237429 [documented, 2026-11-21]"""
