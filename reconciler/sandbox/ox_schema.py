"""The GraphQL schema of the emulated OX gateway, and how documents are run against it.

Names, types and nullability follow the vendor's reference as far as the emulator goes:
https://docs.ox.security/api-documentation/api-reference/api--connectors [documented, 2026-11-21].
Fields of ``BitbucketAppCredentials`` and ``IdentityProvider`` beyond ``credentialsType``, the
member for service principals, values of ``ResourceType`` and the fields of applications are
[assumed].
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionContext,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    execute,
    get_named_type,
    parse,
    validate,
)

PRINCIPAL = "ServicePrincipalCredentials"
RENAMED = "EntraApplicationCredentials"
"""What the schema calls the member for service principals; it may be the other one [assumed]."""

_COMMON = """
  credentialsId: String
  credentialsName: String
  tokenExpirationDate: String
  credentialsType: CredentialsType
  isCertChecksDisabled: Boolean
  hostURL: String
  iv: String
  monitoredResources: JSON
  monitorAllResources: Boolean
  monitorAllNewlyCreatedResources: Float
  brokerEnabled: Boolean
"""

SDL = f"""
scalar JSON

enum CredentialsType {{
  UserPassword UserPasswordBothOptional UserPasswordOnly UrlOnly UserPasswordAndTenant Token
  TokenOnly TokenAndUser TokenAndProjectId IdentityProvider BotIdentityProvider ClientIdSecretKey
  ClientIdClientSecret TenantIdClientIdClientSecret ServicePrincipal AzureCloud GitHubApp
  BitbucketApp ApiKey AppIdAndToken Webhook None
}}

enum ResourceType {{ repo workspace }}

type UserPasswordCredentials {{ name: String password: String {_COMMON} }}
type UserPasswordOnlyCredentials {{ name: String password: String {_COMMON} }}
type TokenAndUserCredentials {{ name: String token: String {_COMMON} }}
type TokenCredentials {{ token: String {_COMMON} }}
type TokenOnlyCredentials {{ token: String {_COMMON} }}
type GitHubAppCredentials {{ {_COMMON} }}
type BitbucketAppCredentials {{ {_COMMON} }}
type {PRINCIPAL} {{ {_COMMON} }}
type IdentityProvider {{ {_COMMON} }}
type BotIdentityProvider {{ {_COMMON} }}

union Credential = UserPasswordCredentials | UserPasswordOnlyCredentials | TokenAndUserCredentials
  | TokenCredentials | TokenOnlyCredentials | GitHubAppCredentials | BitbucketAppCredentials
  | {PRINCIPAL} | IdentityProvider | BotIdentityProvider

type ResourceOptions {{
  resourceName: String
  hideMonitorNewResourcesCheckbox: Boolean
  showSettingsPerResource: Boolean
}}

type BitbucketAppInfo {{ baseURL: String queryParameters: String configText: String }}

type ConnectionInstructions {{
  type: String
  title: String
  details: String
  permissions: [String]
}}

type Connector {{
  id: String
  name: String
  displayName: String
  hostURL: String
  family: String
  credentialsType: CredentialsType
  credentialsTypes: [CredentialsType]
  credentials: [Credential]
  isConfigured: Boolean
  isResourceAvailable: Boolean
  resourceOptions: ResourceOptions
  enableMultiCredentials: Boolean
  bitbucketAppInfo: BitbucketAppInfo
  connectionInstructions: [ConnectionInstructions]
}}

type ConnectorResponse {{ connector: Connector }}
type ConnectorsByFamily {{
  family: String
  familyDisplayName: String
  connectors: [ConnectorResponse]
}}

type VerifyCredentialsResponse {{
  credentialsAreValid: Boolean!
  noReposFound: Boolean!
  validationMessage: String
}}

type ConnectorResource {{
  id: String
  name: String
  resourceOrgName: String
  isMonitored: Boolean
  resourceType: ResourceType
  children: [ConnectorResource]
  iconName: String
  settingsAvailable: Boolean
  credentialsId: String
}}

type ConnectorResourcesResponse {{
  resources: [ConnectorResource]
  monitorAllNewlyCreatedResources: Boolean
  total: Int
  selected: Int
}}

type MonitorResponse {{ success: Boolean }}

type Application {{ appId: String appName: String link: String relevance: String }}
type ApplicationsResponse {{ applications: [Application] total: Int totalFilteredApps: Int }}

input CredentialsInput {{
  name: String
  password: String
  token: String
  clientId: String
  clientSecret: String
  tenantId: String
  hostURL: String
  isCertChecksDisabled: Boolean
}}

input AddCredentialsInput {{
  connectorID: String!
  hostURL: String
  credentialsType: CredentialsType!
  credentialsInput: CredentialsInput!
  credentialsName: String
  isCertChecksDisabled: Boolean
}}

input RemoveCredentialsInput {{ connectorID: String! credentialsIndex: Int credentialsId: String }}
input VerifyCredentialsInput {{ connectorID: String! credentialsID: String featureFlags: JSON }}
input GetConnectorResourcesInput {{
  connectorID: String!
  credentialsId: String
  featureFlags: JSON
}}

input ResourceInput {{
  id: String!
  name: String!
  isMonitored: Boolean!
  resourceType: ResourceType
  credentialsId: String
}}

input MonitorConnectorResourceInput {{
  connectorID: String!
  originalConnectorID: String
  credentialsId: String
  credentialsType: String
  resources: [ResourceInput]
  monitorAllResources: Boolean
  monitorAllNewlyCreatedResources: Float
  featureFlags: JSON
}}

input GetApplicationsInput {{ limit: Int offset: Int search: String applicationFilters: JSON }}

type Query {{
  getConnectorsByFamily(family: String): [ConnectorsByFamily]
  getConnectorResources(
    getConnectorResourcesInput: GetConnectorResourcesInput!
  ): ConnectorResourcesResponse
  getApplications(getApplicationsInput: GetApplicationsInput): ApplicationsResponse
}}

type Mutation {{
  addCredentials(addCredentialsInput: AddCredentialsInput!): ConnectorResponse
  removeCredentials(removeCredentialsInput: RemoveCredentialsInput!): ConnectorResponse
  verifySingleConnectorCredentials(
    verifyCredentialsInput: VerifyCredentialsInput!
  ): VerifyCredentialsResponse
  monitorConnectorResources(
    monitorConnectorResourceInput: MonitorConnectorResourceInput!
  ): MonitorResponse
}}
"""


@lru_cache(maxsize=2)
def schema(principal: str = PRINCIPAL) -> GraphQLSchema:
    """The schema, built once for each name that the member for service principals has."""
    return build_schema(SDL.replace(PRINCIPAL, principal))


@lru_cache(maxsize=64)
def _document(source: str, principal: str) -> DocumentNode | tuple[GraphQLError, ...]:
    try:
        document = parse(source)
    except GraphQLError as error:
        return (_coded(error, "GRAPHQL_PARSE_FAILED"),)
    errors = validate(schema(principal), document)
    return tuple(_coded(e, "GRAPHQL_VALIDATION_FAILED") for e in errors) or document


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code}
    return error


class _Rows(ExecutionContext):
    """Copies rows of resources instead of resolving each field of each of them.

    A workspace may hold 100,000 repositories; the ordinary way takes seconds for those, and a
    rehearsal would then measure the sandbox.
    """

    def complete_list_value(
        self, return_type: Any, field_nodes: Any, info: Any, path: Any, result: Any
    ) -> Any:
        """Short-cut for lists of ConnectorResource."""
        named = get_named_type(return_type)
        if named.name != "ConnectorResource":
            return super().complete_list_value(return_type, field_nodes, info, path, result)
        return self._rows(named, field_nodes, result)

    def _rows(
        self, type_: GraphQLObjectType, nodes: Any, rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        fields = self.collect_subfields(type_, nodes)
        names = {alias: found[0].name.value for alias, found in fields.items()}
        nested = {alias: found for alias, found in fields.items() if names[alias] == "children"}
        plain = tuple((alias, name) for alias, name in names.items() if alias not in nested)
        copies = [{alias: row.get(name) for alias, name in plain} for row in rows]
        for alias, found in nested.items():
            for copy, row in zip(copies, rows, strict=True):
                children = row.get("children")
                copy[alias] = None if children is None else self._rows(type_, found, children)
        return copies


def run(
    source: str,
    root: Mapping[str, Any],
    variables: dict[str, Any] | None,
    operation: str | None,
    *,
    principal: str = PRINCIPAL,
) -> dict[str, Any]:
    """Run one document synchronously.

    Args:
        source: the document.
        root: resolvers of the operations, by name, called with ``(info, **arguments)``.
        variables: values of the document's variables.
        operation: which operation of several.
        principal: what the member for service principals is called.

    Returns:
        ``{"data": …}`` and, when anything failed, ``errors`` with message, path and code.
    """
    document = _document(source, principal)
    if isinstance(document, tuple):
        return {"errors": [error.formatted for error in document]}
    result = execute(
        schema(principal),
        document,
        root_value=dict(root),
        variable_values=variables,
        operation_name=operation,
        execution_context_class=_Rows,
    )
    if not isinstance(result, ExecutionResult):
        raise TypeError("every resolver of this schema is synchronous")
    return _formatted(result)


def _formatted(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    errors = []
    for error in result.errors:
        shown: dict[str, Any] = dict(error.formatted)
        shown.setdefault("extensions", {"code": "BAD_USER_INPUT"})
        errors.append(shown)
    return {"errors": errors, "data": result.data}
