"""Bitbucket Cloud, seen before any call. Cheap to import: the client is loaded when opened."""

from __future__ import annotations

from reconciler.model.desired import DesiredAccount
from reconciler.model.method import MethodKind
from reconciler.ports.provider import Provider, ProviderSpec
from reconciler.providers.bitbucket_cloud import limits, manual, scopes

NAME = "bitbucket-cloud"


def _open(account: DesiredAccount, concurrency: int, hourly_requests: int | None) -> Provider:
    from reconciler.providers.bitbucket_cloud.client import BitbucketCloud

    return BitbucketCloud(account, concurrency=concurrency, hourly_requests=hourly_requests)


SPEC = ProviderSpec(
    name=NAME,
    title="Bitbucket Cloud",
    api_url=limits.API_URL,
    methods=(
        MethodKind.API_TOKEN,
        MethodKind.ACCESS_TOKEN,
        MethodKind.OAUTH_CONSUMER,
        MethodKind.OAUTH_APP,
        MethodKind.IDENTITY_PROVIDER,
    ),
    abilities=limits.ABILITIES,
    implies=scopes.IMPLIES,
    vocabulary=scopes.VOCABULARY,
    manual=manual.MANUAL,
    retired=limits.RETIRED,
    open=_open,
    events=limits.EVENTS,
)
