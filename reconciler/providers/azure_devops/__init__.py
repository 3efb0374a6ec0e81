"""Azure DevOps, seen before any call. Cheap to import: the client is loaded when opened."""

from __future__ import annotations

from reconciler.model.desired import DesiredAccount
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.ports.provider import Provider, ProviderSpec
from reconciler.providers.azure_devops import limits, manual, scopes


def _open(account: DesiredAccount, concurrency: int, hourly_requests: int | None) -> Provider:
    from reconciler.providers.azure_devops.client import AzureDevOps

    return AzureDevOps(account, concurrency=concurrency, hourly_requests=hourly_requests)


SPEC = ProviderSpec(
    name=limits.PARTY,
    title="Azure DevOps",
    api_url=limits.API_URL,
    methods=(
        MethodKind.PERSONAL_ACCESS_TOKEN,
        MethodKind.SERVICE_PRINCIPAL,
        MethodKind.IDENTITY_PROVIDER,
    ),
    abilities=limits.ABILITIES,
    implies=scopes.IMPLIES,
    vocabulary=scopes.VOCABULARY,
    manual=manual.MANUAL,
    retired={},
    open=_open,
    page_size=0,
    issuers=(IssuerKind.BEARER,),
    announced=limits.ANNOUNCED,
    events=limits.EVENTS,
)
