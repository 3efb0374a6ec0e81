"""How a person creates and revokes each kind of credential of Bitbucket Data Center. Pure data.

Every customer has an address of his own, so that the addresses here are those of the documentation
and the fields name the way through the menus.
"""

from __future__ import annotations

from reconciler.model.method import MethodKind
from reconciler.ports.provider import ManualCredential

_TOKENS = "https://confluence.atlassian.com/bitbucketserver091/http-access-tokens-1443038354.html"
_LINKS = (
    "https://confluence.atlassian.com/bitbucketserverkb/how-to-use-oauth2-tokens-for-"
    "administrative-endpoints-of-bitbucket-data-center-1489469945.html"
)
_WHERE = (
    "a user's: picture > Manage account > HTTP access tokens; a project's or repository's: its "
    "settings > HTTP access tokens"
)

MANUAL = {
    MethodKind.HTTP_ACCESS_TOKEN: ManualCredential(
        create_url=_TOKENS,
        create_title='In your Bitbucket, choose "Create token"',
        create_fields=(
            ("Page", _WHERE),
            ("Permissions", "set both parts, for projects and for repositories"),
            ("Expiry", "automatic; an administrator may demand it and limit its length"),
        ),
        revoke_url=_TOKENS,
        revoke_title='Find the token by its name and choose "Revoke"',
        revoke_fields=(("Page", _WHERE),),
        who="the user that the token acts for, or an administrator of the project or repository",
    ),
    MethodKind.OAUTH_CONSUMER: ManualCredential(
        create_url=_LINKS,
        create_title='In your Bitbucket, choose "Create link", "External application", "Incoming"',
        create_fields=(
            ("Page", "Administration > Application links"),
            ("Redirect URL", "the one that the consumer shows"),
            ("Then", "client id and client secret are shown; a user consents in the browser"),
        ),
        revoke_url=_LINKS,
        revoke_title="Find the link by its name and delete it",
        revoke_fields=(("Page", "Administration > Application links"),),
        who="an administrator of the instance",
    ),
}
"""Source: the pages above [documented, 2026-11-21]"""
