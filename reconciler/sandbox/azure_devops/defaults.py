"""The estate a sandbox's Azure DevOps starts with."""

from __future__ import annotations

from reconciler.sandbox.azure_devops.organization import Organization

ORGANIZATION = "acme"
READER = "svc-reader@acme.example"
SCM = "svc-scm@acme.example"
ADMIN = "ada@acme.example"
READER_SCOPES = (
    "vso.code",
    "vso.project",
    "vso.profile",
    "vso.memberentitlementmanagement",
)
SCM_SCOPES = ("vso.code", "vso.memberentitlementmanagement", "vso.profile", "vso.project")
ALMOST_A_YEAR = 364.9


def furnish(organization: Organization, credentials: dict[str, str]) -> None:
    """Four projects, three people, an application; their secrets go into *credentials*."""
    organization.add_user(SCM, "SCM Service")
    organization.add_user(READER, "Reader Service", may_edit_hooks=False)
    organization.add_user(ADMIN, "Ada Admin", is_admin=True)
    _build(organization)
    reader = organization.mint_pat(READER, READER_SCOPES, days=ALMOST_A_YEAR, name="reader")
    scm = organization.mint_pat(SCM, SCM_SCOPES, days=ALMOST_A_YEAR, name="scm")
    principal, secret = organization.add_service_principal("reconciler")
    credentials |= {
        "AZURE_READER_PAT": reader.token,
        "AZURE_SCM_PAT": scm.token,
        "AZURE_SCM_USER_TOKEN": organization.mint_user_token(SCM).token,
        "AZURE_SCM_REFRESH_TOKEN": organization.mint_refresh_token(SCM),
        "AZURE_SP_CLIENT_ID": principal.client_id,
        "AZURE_SP_CLIENT_SECRET": secret,
        "AZURE_TENANT_ID": organization.tenant,
    }


def _build(organization: Organization) -> None:
    organization.create_project("Payments")
    organization.create_repository("Payments", "card-auth")
    organization.create_repository("Payments", "ledger")
    organization.create_repository("Payments", "new-service", branch="", size=0)
    organization.create_repository("Payments", "Payments.wiki", branch="wikiMaster", is_hidden=True)
    organization.create_project("Platform")
    organization.create_repository("Platform", "shared-auth")
    organization.create_repository("Platform", "tools")
    organization.create_repository("Platform", "old-build")
    organization.disable_repository("Platform", "old-build")
    organization.create_project("Legacy", tfvc=True, git=False)
    organization.create_project("Mixed", tfvc=True)
    organization.create_repository("Mixed", "tools")
