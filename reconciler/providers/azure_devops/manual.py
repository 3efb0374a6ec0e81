"""How a person creates and revokes each kind of credential of Azure DevOps. Pure data."""

from __future__ import annotations

from reconciler.model.method import MethodKind
from reconciler.ports.provider import ManualCredential

_TOKENS = "https://dev.azure.com/_usersSettings/tokens"
_ENTRA_APPS = "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade"
_MY_APPS = "https://myapplications.microsoft.com/"

_PAT = ManualCredential(
    create_url=_TOKENS,
    create_title='Choose "New Token"',
    create_fields=(
        ("Organization", 'the organization itself, not "All accessible organizations"'),
        ("Expiration", "at most one year from today"),
        ("Scopes", '"Custom defined", then "Show all scopes"'),
    ),
    revoke_url=_TOKENS,
    revoke_title='Find the token by its name and choose "Revoke"',
    revoke_fields=(),
    who="the person or service account whose token it is; sign in as that account first",
)
"""Source: https://learn.microsoft.com/azure/devops/organizations/accounts/
use-personal-access-tokens-to-authenticate [documented, 2026-11-21]; the address leads to the
organization that was used last [observed, 2026-11-21]"""

_SERVICE_PRINCIPAL = ManualCredential(
    create_url=_ENTRA_APPS,
    create_title='Open the application and add a client secret under "Certificates & secrets"',
    create_fields=(
        ("Azure DevOps", "Organization settings > Users: add the application, with access Basic"),
        ("Projects", "add it to the group Readers of every project that is to be read"),
    ),
    revoke_url=_ENTRA_APPS,
    revoke_title="Find the client secret or certificate by its id and delete it",
    revoke_fields=(("Note", "access tokens that were issued before work for about an hour"),),
    who="an owner of the application in Microsoft Entra, and an administrator of the organization",
)
"""Source: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/
service-principal-managed-identity [documented, 2026-11-21]"""

_BROWSER_GRANT = ManualCredential(
    create_url=_TOKENS,
    create_title="Begin at the consumer; Microsoft then asks for consent",
    create_fields=(
        ("Sign in as", "somebody who may read every repository that the consumer is to see"),
        ("Policy", "Organization settings > Policies must let applications in"),
    ),
    revoke_url=_MY_APPS,
    revoke_title="Find the application and revoke its permissions",
    revoke_fields=(),
    who="the person who gave the consent, or an administrator of the tenant",
)
"""Source: the addresses are those of the web pages [assumed, 2026-11-21]"""

MANUAL = {
    MethodKind.PERSONAL_ACCESS_TOKEN: _PAT,
    MethodKind.SERVICE_PRINCIPAL: _SERVICE_PRINCIPAL,
    MethodKind.IDENTITY_PROVIDER: _BROWSER_GRANT,
}
