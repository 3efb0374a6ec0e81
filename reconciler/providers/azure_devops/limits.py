"""What Azure DevOps can and cannot do through its API, said before any call. Pure data."""

from __future__ import annotations

from datetime import date, timedelta

from reconciler.model.method import MethodKind
from reconciler.ports.capability import Ability, Can, Cannot, Capability
from reconciler.ports.provider import Announcement

PARTY = "azure-devops"

API_URL = "https://dev.azure.com"
VSSPS_URL = "https://vssps.dev.azure.com"
VSAEX_URL = "https://vsaex.dev.azure.com"
ENTRA_URL = "https://login.microsoftonline.com"
"""Where each family of calls lives at Azure DevOps Services.

Source: https://learn.microsoft.com/rest/api/azure/devops/ [documented, 2026-11-21]
"""

RELEASED = "7.1"
PREVIEW = "7.1-preview.1"
"""Versions asked for: the newest that is released, and that of ``connectionData`` and
``tokens/pats``, which exist as a preview alone and answer 400 to a released version.

Source: https://learn.microsoft.com/azure/devops/integrate/concepts/rest-api-versioning
[documented; the 400 observed, 2026-11-21]
"""

PROJECTS_PAGE = 1000
"""Projects on one page; 100 by default. [1000 is observed to be accepted, 2026-11-21]"""

PATS_PAGE = 100
"""The most tokens on one page.

Source: https://learn.microsoft.com/rest/api/azure/devops/tokens/pats/list [documented, 2026-11-21]
"""

ORDINARY_BYTES = 32 * 1024 * 1024
LISTING_BYTES = 256 * 1024 * 1024
LISTING_S = 300.0
"""A listing of repositories has no pages: 100,000 of them are some 80 MB in one answer, and
20,000 took the service 6 s. [observed, 2026-11-21; the rest follows from it]"""

LONGEST_LIFE = timedelta(days=364)
"""The longest life that is asked for. The most is one year, by the service's own clock.

Source: https://learn.microsoft.com/azure/devops/organizations/accounts/
use-personal-access-tokens-to-authenticate [documented, 2026-11-21]; the day less is ours.
"""

_CHECKED = date(2026, 11, 21)
_REST = "https://learn.microsoft.com/rest/api/azure/devops"
_PATS = f"{_REST}/tokens/pats"
_PAT_PAGE = (
    "https://learn.microsoft.com/azure/devops/organizations/accounts/"
    "manage-personal-access-tokens-via-api"
)

ABILITIES: dict[Capability, Ability] = {
    Capability.VERIFY: Can(
        "https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/"
        "authentication-guidance",
        _CHECKED,
    ),
    Capability.LIST_REPOSITORIES: Can(f"{_REST}/git/repositories/list", _CHECKED),
    Capability.READ_SCOPES: Cannot(
        _PATS,
        _CHECKED,
        instead="no answer tells a token its own scopes: each wanted scope is tried by a call "
        "that needs it; with an `issuer` the list of its owner's tokens tells them exactly",
    ),
    Capability.READ_EXPIRY: Cannot(
        _PATS,
        _CHECKED,
        instead="no answer tells a token its own end: declare `expiresAt` or `maxAge`; with an "
        "`issuer` the list of its owner's tokens tells it exactly",
    ),
    Capability.ISSUE: Can(f"{_PATS}/create", _CHECKED),
    Capability.RESCOPE_IN_PLACE: Can(f"{_PATS}/update", _CHECKED),
    Capability.REVOKE: Can(f"{_PATS}/revoke", _CHECKED),
    Capability.WEBHOOKS: Can(f"{_REST}/hooks/subscriptions", _CHECKED),
}
"""ISSUE, RESCOPE_IN_PLACE and REVOKE are for personal access tokens, and for an issuer that signs
in as their owner with an Entra token of the user: neither a service principal nor a personal access
token may call that API. That a change of scopes keeps the secret follows from the documented
example, whose answer has no secret; what a changed token may do is tried afterwards.

Source: https://learn.microsoft.com/azure/devops/organizations/accounts/
manage-personal-access-tokens-via-api [documented, 2026-11-21]
"""

EVENTS = {
    "push": frozenset({"git.push"}),
    "pull-request": frozenset(
        {"git.pullrequest.created", "git.pullrequest.updated", "git.pullrequest.merged"}
    ),
}
"""The neutral names of events. The last one is a merge that was attempted.

Source: https://learn.microsoft.com/azure/devops/service-hooks/events [documented, 2026-11-21]
"""

ANNOUNCED = (
    Announcement(
        on=date(2026, 12, 1),
        concerns=(MethodKind.PERSONAL_ACCESS_TOKEN,),
        sentence="Azure DevOps ends global personal access tokens, those made for all accessible "
        "organizations, on 2026-12-01 (none could be made since 2026-03-15): use tokens that are "
        "made for one organization, as the reconciler makes them",
        source="https://learn.microsoft.com/azure/devops/organizations/accounts/"
        "use-personal-access-tokens-to-authenticate",
    ),
)
