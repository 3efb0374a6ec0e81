"""The scopes of Azure DevOps: which exist, which include which, which a call needs.

Source: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/oauth#scopes
[documented, 2026-11-21]. That any one of the scopes listed for an operation suffices is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

FULL = frozenset({"app_token", "user_impersonation"})
"""Each of these alone is everything."""

PATS = ("vso.pats",)
PATS_MANAGE = ("vso.pats_manage",)

_CHAINS = """
vso.advsec_manage > vso.advsec_write > vso.advsec
vso.environment_manage > vso.agentpools_manage > vso.agentpools
vso.machinegroup_manage > vso.agentpools_manage
vso.analytics
vso.auditstreams_manage > vso.auditlog
vso.build_execute > vso.build > vso.hooks_write > vso.hooks > vso.profile
vso.code_full > vso.code_manage > vso.code_write > vso.code > vso.hooks_write
vso.code_status
vso.connected_server
vso.entitlements
vso.memberentitlementmanagement_write > vso.memberentitlementmanagement
vso.extension_manage > vso.extension > vso.profile
vso.extension.data_write > vso.extension.data > vso.profile
vso.githubconnections_manage > vso.githubconnections
vso.graph_manage > vso.graph
vso.identity_manage > vso.identity
vso.gallery_manage > vso.gallery_publish > vso.gallery > vso.profile
vso.gallery_acquire > vso.gallery
vso.notification_manage > vso.notification_write > vso.notification > vso.profile
vso.notification_diagnostics > vso.notification
vso.packaging_manage > vso.packaging_write > vso.packaging > vso.profile
vso.pipelineresources_manage > vso.pipelineresources_use
vso.project_manage > vso.project_write > vso.project
vso.release_manage > vso.release_execute > vso.release > vso.profile
vso.securefiles_manage > vso.securefiles_write > vso.securefiles_read
vso.security_manage
vso.serviceendpoint_manage > vso.serviceendpoint_query > vso.serviceendpoint > vso.profile
vso.hooks_interact > vso.profile
vso.settings_write > vso.settings
vso.symbols_manage > vso.symbols_write > vso.symbols > vso.profile
vso.taskgroups_manage > vso.taskgroups_write > vso.taskgroups_read
vso.dashboards_manage > vso.dashboards
vso.test_write > vso.test > vso.profile
vso.threads_full
vso.tokens
vso.tokenadministration
vso.profile_write > vso.profile
vso.variablegroups_manage > vso.variablegroups_write > vso.variablegroups_read
vso.wiki_write > vso.wiki
vso.work_full > vso.work_write > vso.work > vso.hooks_write
"""


def _read_chains() -> dict[str, str]:
    inherits: dict[str, str] = {}
    for line in _CHAINS.strip().splitlines():
        names = [name.strip() for name in line.split(">") if name.strip()]
        for name, inherited in zip(names, [*names[1:], ""], strict=True):
            inherits[name] = inherited or inherits.get(name, "")
    return inherits


_INHERITS = _read_chains()

OF_PATS = frozenset(_INHERITS) | {"app_token"}
"""What a personal access token may hold; ``vso.pats`` and its like are for Entra alone."""


@lru_cache(maxsize=4096)
def closure(scopes: frozenset[str]) -> frozenset[str]:
    """*scopes* and everything they include."""
    held: set[str] = set()
    for scope in scopes:
        step = scope
        while step and step not in held:
            held.add(step)
            step = _INHERITS.get(step, "")
    return frozenset(held)


def allows(held: Iterable[str], any_of: Iterable[str]) -> bool:
    """Whether a credential with *held* may call what needs one of *any_of*; none needed is yes."""
    needed = frozenset(any_of)
    if not needed:
        return True
    every = closure(frozenset(held))
    return bool(every & FULL) or bool(every & needed)
