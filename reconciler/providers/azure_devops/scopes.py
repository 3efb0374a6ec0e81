"""The scopes of Azure DevOps and what each one includes. Pure data.

Source of all: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/oauth
section "Scopes" [documented, 2026-11-21]; ``app_token`` stands in the official examples of
``tokens/pats`` [documented, 2026-11-21]
"""

from __future__ import annotations

from itertools import pairwise

from reconciler.model.method import MethodKind

_CHAINS = (
    ("vso.advsec_manage", "vso.advsec_write", "vso.advsec"),
    ("vso.environment_manage", "vso.agentpools_manage", "vso.agentpools"),
    ("vso.machinegroup_manage", "vso.agentpools_manage"),
    ("vso.auditstreams_manage", "vso.auditlog"),
    ("vso.build_execute", "vso.build", "vso.hooks_write", "vso.hooks", "vso.profile"),
    ("vso.code_full", "vso.code_manage", "vso.code_write", "vso.code", "vso.hooks_write"),
    ("vso.memberentitlementmanagement_write", "vso.memberentitlementmanagement"),
    ("vso.extension_manage", "vso.extension", "vso.profile"),
    ("vso.extension.data_write", "vso.extension.data", "vso.profile"),
    ("vso.githubconnections_manage", "vso.githubconnections"),
    ("vso.graph_manage", "vso.graph"),
    ("vso.identity_manage", "vso.identity"),
    ("vso.gallery_manage", "vso.gallery_publish", "vso.gallery", "vso.profile"),
    ("vso.gallery_acquire", "vso.gallery"),
    ("vso.notification_manage", "vso.notification_write", "vso.notification", "vso.profile"),
    ("vso.notification_diagnostics", "vso.notification"),
    ("vso.packaging_manage", "vso.packaging_write", "vso.packaging", "vso.profile"),
    ("vso.pipelineresources_manage", "vso.pipelineresources_use"),
    ("vso.project_manage", "vso.project_write", "vso.project"),
    ("vso.release_manage", "vso.release_execute", "vso.release", "vso.profile"),
    ("vso.securefiles_manage", "vso.securefiles_write", "vso.securefiles_read"),
    (
        "vso.serviceendpoint_manage",
        "vso.serviceendpoint_query",
        "vso.serviceendpoint",
        "vso.profile",
    ),
    ("vso.hooks_interact", "vso.profile"),
    ("vso.settings_write", "vso.settings"),
    ("vso.symbols_manage", "vso.symbols_write", "vso.symbols", "vso.profile"),
    ("vso.taskgroups_manage", "vso.taskgroups_write", "vso.taskgroups_read"),
    ("vso.dashboards_manage", "vso.dashboards"),
    ("vso.test_write", "vso.test", "vso.profile"),
    ("vso.profile_write", "vso.profile"),
    ("vso.variablegroups_manage", "vso.variablegroups_write", "vso.variablegroups_read"),
    ("vso.wiki_write", "vso.wiki"),
    ("vso.work_full", "vso.work_write", "vso.work", "vso.hooks_write"),
)
"""Each scope includes the one after it."""

_ALONE = (
    "vso.analytics",
    "vso.code_status",
    "vso.connected_server",
    "vso.entitlements",
    "vso.security_manage",
    "vso.threads_full",
    "vso.tokens",
    "vso.tokenadministration",
)

_ENTRA_ONLY = frozenset({"user_impersonation", "vso.pats", "vso.pats_manage"})
"""Scopes of Entra tokens alone; a personal access token cannot hold them."""

FULL = "app_token"
"""The full-access scope of a personal access token."""

NAMED = frozenset(scope for chain in _CHAINS for scope in chain) | frozenset(_ALONE)
"""Every scope that can be ticked for a personal access token, and what these include."""


def _implications() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {FULL: NAMED}
    for upper, lower in (pair for chain in _CHAINS for pair in pairwise(chain)):
        found[upper] = found.get(upper, frozenset()) | {lower}
    return found


IMPLIES = _implications()
"""Direct implications; ``app_token`` holds everything. ``vso.code`` reaches ``vso.hooks_write``
and ``vso.profile``: a token that reads code may create webhooks where its owner may."""

VOCABULARY = {
    MethodKind.PERSONAL_ACCESS_TOKEN: NAMED | {FULL},
    MethodKind.SERVICE_PRINCIPAL: frozenset({".default"}),
    MethodKind.IDENTITY_PROVIDER: NAMED | _ENTRA_ONLY,
}
"""A service principal asks Entra for ``.default``: what it may do is decided by the permissions
that it has in the organization."""


def to_scopes(text: str) -> frozenset[str]:
    """The scopes in the one string in which the API writes them."""
    return frozenset(text.split())


def to_text(scopes: tuple[str, ...] | frozenset[str]) -> str:
    """The one string, joined by single blanks, in alphabetical order."""
    return " ".join(sorted(set(scopes)))


def of_family(scope: str, root: str) -> bool:
    """Whether *scope* is *root* or one of its stronger forms, such as ``vso.code_write``."""
    return scope == root or scope.startswith(f"{root}_")
