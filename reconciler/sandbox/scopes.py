"""Which scopes each operation of Bitbucket Cloud wants, and what the classic ones imply.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Scopes" and the ``security``
and ``x-atlassian-oauth2-scopes`` parts of the official OpenAPI file [documented, 2026-11-21].
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.scope import closure
from reconciler.sandbox.credentials import Credential, CredentialType

IMPLIES: dict[str, frozenset[str]] = {
    "repository:write": frozenset({"repository"}),
    "project": frozenset({"repository"}),
    "project:write": frozenset({"project:admin"}),
    "pullrequest": frozenset({"repository"}),
    "pullrequest:write": frozenset({"pullrequest", "repository:write"}),
    "issue:write": frozenset({"issue"}),
    "snippet:write": frozenset({"snippet"}),
}
"""Classic scopes only; no granular scope implies another."""


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation wants: all of the scopes, in the vocabulary of the credential."""

    classic: tuple[str, ...] = ()
    granular: tuple[str, ...] = ()

    def of(self, credential: Credential) -> tuple[str, ...]:
        """The scopes wanted of *credential*."""
        is_granular = credential.type is CredentialType.API_TOKEN
        return self.granular if is_granular else self.classic

    def is_met_by(self, credential: Credential) -> bool:
        """Whether the credential holds or implies everything."""
        return closure(credential.scopes, IMPLIES) >= frozenset(self.of(credential))


def _need(classic: str, *granular: str) -> Need:
    return Need(tuple(classic.split()), tuple(f"{scope}:bitbucket" for scope in granular))


USER = _need("account", "read:user")
EMAILS = _need("email", "read:user")
MY_WORKSPACES = _need("account", "read:workspace")
WORKSPACE = _need("", "read:workspace")
MEMBERS = _need("account", "read:workspace")
PROJECTS = _need("project", "read:project")
READ_REPOSITORY = _need("repository", "read:repository")
ADMIN_REPOSITORY = _need("repository:admin", "admin:repository")
DELETE_REPOSITORY = _need("repository:delete", "delete:repository")
READ_HOOKS = _need("webhook", "read:webhook")
WRITE_HOOKS = _need("webhook", "read:webhook", "write:webhook")
DELETE_HOOKS = _need("webhook", "delete:webhook")
NOTHING = Need()
