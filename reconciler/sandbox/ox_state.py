"""State of the emulated OX organization. Plain data and rules: no HTTP, no GraphQL, no Bitbucket.

One tenant holds the source-control connectors that the vendor lists, the credentials people and
programs have added to them, and for each credential the selection of repositories.

Sources: https://docs.ox.security/api-documentation/api-reference/api--connectors
[documented, 2026-11-21]: a write replaces the whole selection; a number says since when new
repositories are followed. [assumed]: a secret is never readable again; ids and types of the
connectors; a listing asks the provider at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

API_KEY = "ox-sandbox-key-6c1f0a9e4b7d"
"""The key that a fresh tenant accepts."""

HOURLY = 1000
DAILY = 15_000
"""Requests per key. https://docs.ox.security/api-documentation/api-reference/ox-api-authentication
[documented, 2026-11-21]."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class OxConnector:
    """One kind of source control that the tenant may be connected to. ``id`` is numeric text."""

    id: str
    name: str
    display_name: str
    host_url: str
    credentials_types: tuple[str, ...]
    family: str = "SourceControl"


CONNECTORS = (
    OxConnector("21", "GitHub", "GitHub", "https://api.github.com", ("GitHubApp", "Token")),
    OxConnector(
        "34",
        "AzureRepos",
        "Azure Repos",
        "https://dev.azure.com",
        ("IdentityProvider", "Token", "ServicePrincipal"),
    ),
    OxConnector("47", "BitbucketServer", "Bitbucket Data Center", "", ("UserPassword", "Token")),
    OxConnector(
        "52",
        "Bitbucket",
        "Bitbucket Cloud",
        "https://api.bitbucket.org/2.0",
        ("BitbucketApp", "IdentityProvider", "TokenAndUser"),
    ),
    OxConnector("63", "Jenkins", "Jenkins", "", ("TokenAndUser",), family="CICD"),
)
"""The vendor publishes neither ids nor types: these are invented, and the connector that is
wanted is deliberately not the first that mentions Bitbucket. That there is one for Bitbucket Data
Center is invented, too; the three tabs of Azure Repos are those that its page shows:
https://docs.ox.security/get-started/onboarding-to-ox/source-control/azure [documented,
2026-11-21]."""

AZURE_REPOS = "34"
BITBUCKET_SERVER = "47"
BITBUCKET_CLOUD = "52"
"""The connectors of CONNECTORS that stand for the providers we know."""

BROWSER_TYPES = frozenset({"BitbucketApp", "IdentityProvider"})
"""Types of credentials that a person grants in a browser."""


@dataclass(slots=True)
class OxCredential:
    """One connection.

    Browser grants hold no secret and reach exactly ``workspace`` (a slug, or the name of an
    organization). The client id of an application is its ``username``. ``selected`` and ``seen``
    hold the provider's repository ids: what is monitored, and what was there when the selection
    was last read or written. ``follows_since_ms`` is the number that was written (milliseconds
    since 1970); None when new repositories are not followed.
    ``is_granted`` turns false when a person withdraws a browser grant.
    """

    id: str
    name: str
    connector_id: str
    credentials_type: str
    host_url: str
    username: str = ""
    secret: str = field(default="", repr=False)
    workspace: str = ""
    tenant: str = ""
    expires_at: datetime | None = None
    is_granted: bool = True
    selected: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    follows_since_ms: float | None = None

    @property
    def is_browser_grant(self) -> bool:
        """Whether a person granted it in a browser."""
        return self.credentials_type in BROWSER_TYPES

    def sync(self, visible: Iterable[str]) -> None:
        """Notice repositories that were not there before, and follow them if asked to."""
        fresh = set(visible) - self.seen
        self.seen |= fresh
        if self.follows_since_ms is not None:
            self.selected |= fresh

    def replace(self, monitored: Iterable[str], follows_since_ms: float | None) -> None:
        """Write the whole selection: what is left out is no longer monitored."""
        self.selected = set(monitored)
        self.follows_since_ms = follows_since_ms or None


@dataclass(slots=True)
class OxTenant:
    """One OX organization.

    Args:
        api_key: the key that is accepted.
        key_alive: turns false when a person revokes the key.
        numeric_ids: resource ids are opaque numbers instead of the provider's uuids.
        nested: repositories are listed as children of their workspace instead of flat.
        knows_expiry: tell ``tokenExpirationDate`` where the provider's side knows it.
        errors_as_200: refuse a wrong key with HTTP 200 and ``errors`` instead of 401.
        takes_selections: turned off, writing a selection answers ``success: false``.
        principals_renamed: the schema has another name for service principals than is assumed.
        hourly_limit: requests that a key may make in an hour.
    """

    api_key: str = field(default=API_KEY, repr=False)
    key_alive: bool = True
    numeric_ids: bool = False
    nested: bool = False
    knows_expiry: bool = True
    errors_as_200: bool = False
    takes_selections: bool = True
    principals_renamed: bool = False
    hourly_limit: int = HOURLY
    connectors: tuple[OxConnector, ...] = CONNECTORS
    credentials: dict[str, OxCredential] = field(default_factory=dict)
    last_id: int = 7000
    _numbers: dict[str, str] = field(default_factory=dict, repr=False)
    _listed: dict[str, str] = field(default_factory=dict, repr=False)
    _hour_began: datetime | None = None
    _spent: int = 0

    def accepts(self, key: str) -> bool:
        """Whether *key* is the tenant's API key and has not been revoked."""
        return self.key_alive and key == self.api_key

    def spend(self, now: datetime) -> tuple[int, int]:
        """Count one request of this hour.

        Returns:
            How many are left after it (negative: it is one too many) and the seconds until the
            hour begins anew.
        """
        if self._hour_began is None or now - self._hour_began >= _HOUR:
            self._hour_began, self._spent = now, 0
        self._spent += 1
        reset_s = (_HOUR - (now - self._hour_began)).total_seconds()
        return self.hourly_limit - self._spent, max(0, int(reset_s))

    def connector(self, connector_id: str) -> OxConnector | None:
        """The connector with that id."""
        return next((c for c in self.connectors if c.id == connector_id), None)

    def of(self, connector_id: str) -> list[OxCredential]:
        """Credentials of one connector, oldest first."""
        return [c for c in self.credentials.values() if c.connector_id == connector_id]

    def find(self, id_or_name: str) -> OxCredential | None:
        """A credential by its id, or the newest of that name; names need not be unique."""
        by_name = (c for c in reversed(self.credentials.values()) if c.name == id_or_name)
        return self.credentials.get(id_or_name) or next(by_name, None)

    def new_id(self) -> str:
        """An id that was never given before."""
        self.last_id += 1
        return f"cred-{self.last_id}"

    def add(self, credential: OxCredential) -> OxCredential:
        """Put *credential* behind the others."""
        self.credentials[credential.id] = credential
        return credential

    def remove(self, credential_id: str) -> bool:
        """Take a credential away; whether it was there."""
        return self.credentials.pop(credential_id, None) is not None

    def resource_id(self, repository_id: str) -> str:
        """The id under which the tenant lists a repository: stable, and of the chosen spelling.

        The numbers of Data Center's repositories are never shown; the tenant has its own.
        """
        if self.numeric_ids or repository_id.isdigit():
            number = str(90_000 + len(self._numbers))
            shown = self._numbers.setdefault(repository_id, number)
        else:
            shown = repository_id.strip("{}")
        self._listed[shown] = repository_id
        return shown

    def repository_id(self, resource_id: str) -> str | None:
        """The provider's id of a listed resource; None when it was never listed."""
        return self._listed.get(resource_id)
