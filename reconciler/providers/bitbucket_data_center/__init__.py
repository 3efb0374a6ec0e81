"""Bitbucket Data Center, seen before any call. Cheap to import: opening loads the client."""

from __future__ import annotations

from reconciler.model.desired import DesiredAccount
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.ports.provider import Provider, ProviderSpec
from reconciler.providers.bitbucket_data_center import limits, manual, scopes

NAME = limits.PARTY


def _open(account: DesiredAccount, concurrency: int, hourly_requests: int | None) -> Provider:
    from reconciler.providers.bitbucket_data_center.client import BitbucketDataCenter

    return BitbucketDataCenter(account, concurrency=concurrency, hourly_requests=hourly_requests)


SPEC = ProviderSpec(
    name=NAME,
    title="Bitbucket Data Center",
    api_url="",
    methods=(MethodKind.HTTP_ACCESS_TOKEN, MethodKind.OAUTH_CONSUMER),
    abilities=limits.ABILITIES,
    implies=scopes.IMPLIES,
    partners=scopes.PARTNERS,
    vocabulary=scopes.VOCABULARY,
    manual=manual.MANUAL,
    retired={},
    open=_open,
    events=limits.EVENTS,
    page_size=1000,
    issuers=(IssuerKind.PASSWORD, IssuerKind.BEARER),
)
