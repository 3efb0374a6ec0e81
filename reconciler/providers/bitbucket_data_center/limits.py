"""What Bitbucket Data Center can and cannot do through its API, said before any call. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from reconciler.model.method import MethodKind
from reconciler.ports.capability import Ability, Can, Cannot, Capability

PARTY = "bitbucket-data-center"

API = "/rest/api/latest"
TOKENS = "/rest/access-tokens/latest"
"""Below the base address, whose context path is kept. ``latest`` is an alias that every release
answers to [documented, 2026-11-21]."""

PAGE_SIZE = 1000
"""The most items on one page unless an administrator changed it; a larger wish is cut silently and
the answer says what was applied.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Paged APIs" [documented,
2026-11-21]; 1000 is the default of ``page.max.repositories`` [observed, 2026-11-21]
"""

SHOWN = (MethodKind.HTTP_ACCESS_TOKEN,)
"""Methods whose secret can be shown to the API. That of an incoming link cannot: without a
person's consent in a browser it gets no access token.

Source: https://confluence.atlassian.com/display/BITBUCKETSERVER091/Bitbucket+OAuth+2.0+provider+API
[documented, 2026-11-21]; that client credentials are not offered is assumed from their absence
"""

EVENTS: Mapping[str, frozenset[str]] = {
    "push": frozenset({"repo:refs_changed"}),
    "pull-request": frozenset(
        {"pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged", "pr:declined"}
    ),
}
"""Events of webhooks by their neutral names.

Source: https://confluence.atlassian.com/bitbucketserver0815/event-payload-1319571452.html
[documented, 2026-11-21]
"""

OLDEST = (8, 19)
"""The oldest release line that this adapter was tried on."""

SUPPORT_ENDS = {
    (8, 19): date(2026, 3, 12),
    (9, 3): date(2026, 10, 29),
    (9, 4): date(2026, 12, 3),
    (9, 5): date(2027, 1, 7),
    (9, 6): date(2027, 1, 18),
    (10, 0): date(2027, 9, 8),
    (10, 1): date(2027, 11, 20),
    (10, 2): date(2028, 3, 3),
    (10, 3): date(2028, 5, 12),
    (10, 4): date(2028, 7, 21),
}
"""The last day of support by release line; 9.0 to 9.2 ended before 9.3, on days not looked up.

Source: https://endoflife.date/bitbucket, after Atlassian's policy of two years for each release
[documented, 2026-11-21]
"""

_CHECKED = date(2026, 11, 21)
_REFERENCE = "https://developer.atlassian.com/server/bitbucket/rest/v1000"
_TOKEN_API = f"{_REFERENCE}/api-group-authentication/"
_MANAGING = (
    "https://confluence.atlassian.com/bitbucketserver084/"
    "managing-http-access-tokens-1167708749.html"
)

ABILITIES: dict[Capability, Ability] = {
    Capability.VERIFY: Can(f"{_REFERENCE}/intro/", _CHECKED),
    Capability.LIST_REPOSITORIES: Can(f"{_REFERENCE}/api-group-repository/", _CHECKED),
    Capability.READ_SCOPES: Cannot(
        _TOKEN_API,
        _CHECKED,
        instead="no answer tells a token its own permissions: wanted ones are tried on the lists "
        "of what they reach; with an `issuer` the list of its owner's tokens tells them exactly",
    ),
    Capability.READ_EXPIRY: Cannot(
        _TOKEN_API,
        _CHECKED,
        instead="no answer tells a token its own end: declare `expiresAt` or `maxAge`; with an "
        "`issuer` the list of its owner's tokens tells it exactly",
    ),
    Capability.ISSUE: Can(_TOKEN_API, _CHECKED),
    Capability.RESCOPE_IN_PLACE: Can(_MANAGING, _CHECKED),
    Capability.REVOKE: Can(_TOKEN_API, _CHECKED),
    Capability.WEBHOOKS: Can(f"{_REFERENCE}/api-group-project/", _CHECKED),
}
"""That no answer tells a token about itself is assumed from absence in the reference."""
