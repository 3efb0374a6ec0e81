"""How a person creates and revokes each kind of credential of Bitbucket Cloud. Pure data."""

from __future__ import annotations

from reconciler.model.method import MethodKind
from reconciler.ports.provider import ManualCredential

_TOKENS = "https://id.atlassian.com/manage-profile/security/api-tokens"
_GRANTS = "https://bitbucket.org/account/settings/app-authorizations/"
_SITE = "https://bitbucket.org"

_API_TOKEN = ManualCredential(
    create_url=_TOKENS,
    create_title='Choose "Create API token with scopes" for the app "Bitbucket"',
    create_fields=(
        ("App", "Bitbucket (a token for another app does not work)"),
        ("Expires", "at most 365 days from today"),
    ),
    revoke_url=_TOKENS,
    revoke_title='Find the token by its name and choose "Revoke"',
    revoke_fields=(),
    who="the person or bot whose Atlassian account the token belongs to",
)
"""Source: https://support.atlassian.com/bitbucket-cloud/docs/create-an-api-token/ [documented,
2026-11-21]"""

_ACCESS_TOKEN = ManualCredential(
    create_url=_SITE,
    create_title='Choose "Create access token" in the settings of the workspace, project or repo',
    create_fields=(
        ("Page", "Settings > Access tokens, of the workspace, project or repository it is for"),
        ("Expires", "as the workspace's policy demands: 90, 180 or 365 days, or never"),
    ),
    revoke_url=_SITE,
    revoke_title='Find the token by its name and choose "Revoke"',
    revoke_fields=(
        ("Page", "Settings > Access tokens, of the workspace, project or repository it is for"),
    ),
    who="an administrator of the workspace, project or repository",
)
"""Source: https://support.atlassian.com/bitbucket-cloud/docs/workspace-access-tokens/,
…/project-access-tokens/, …/repository-access-tokens/ [documented, 2026-11-21]"""

_OAUTH_CONSUMER = ManualCredential(
    create_url=_SITE,
    create_title='Choose "Add consumer" in the settings of the workspace',
    create_fields=(
        ("Page", "Workspace settings > OAuth consumers"),
        ("This is a private consumer", "ticked (else its key and secret alone get no token)"),
    ),
    revoke_url=_SITE,
    revoke_title="Find the consumer by its name and delete it",
    revoke_fields=(
        ("Page", "Workspace settings > OAuth consumers"),
        ("Note", "deploy keys that were added through it stop working"),
    ),
    who="an administrator of the workspace",
)
"""Source: https://support.atlassian.com/bitbucket-cloud/docs/use-oauth-on-bitbucket-cloud
[documented, 2026-11-21]"""

_BROWSER_GRANT = ManualCredential(
    create_url=_SITE,
    create_title="Begin at the consumer; Bitbucket then asks for consent",
    create_fields=(
        ("Sign in as", "somebody who may read every repository that the consumer is to see"),
    ),
    revoke_url=_GRANTS,
    revoke_title='Find the application and choose "Revoke"',
    revoke_fields=(
        ("Installed in a workspace", "Workspace settings > Installed apps, and uninstall it"),
    ),
    who="the person who gave the consent, or an administrator of the workspace",
)
"""Source: the addresses are those of the web pages [observed, 2026-11-21]"""

MANUAL = {
    MethodKind.API_TOKEN: _API_TOKEN,
    MethodKind.ACCESS_TOKEN: _ACCESS_TOKEN,
    MethodKind.OAUTH_CONSUMER: _OAUTH_CONSUMER,
    MethodKind.OAUTH_APP: _BROWSER_GRANT,
    MethodKind.IDENTITY_PROVIDER: _BROWSER_GRANT,
}
