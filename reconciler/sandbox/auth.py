"""The front door of Bitbucket Cloud's API: who is calling, and by what right.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/intro/ "Authentication" [documented,
2026-11-21]; that API tokens are refused as Bearer and access tokens as Basic is recorded.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from reconciler.sandbox import answers
from reconciler.sandbox.bitbucket import BitbucketEstate
from reconciler.sandbox.credentials import Credential, CredentialType
from reconciler.sandbox.estate import User, Workspace
from reconciler.sandbox.scopes import Need


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. Anonymous without a credential; without a user, not a person."""

    credential: Credential | None = None
    user: User | None = None

    @property
    def view(self) -> tuple[str, ...]:
        """What distinguishes what this caller sees of a workspace from what others see."""
        if self.credential is None:
            return ("public",)
        if self.credential.type in (CredentialType.PROJECT, CredentialType.REPOSITORY):
            return (self.credential.type, self.credential.target)
        return ("all",)

    def reaches(self, workspace: Workspace) -> bool:
        """Whether the workspace's private things are this caller's to see."""
        credential = self.credential
        if credential is None or credential.workspace not in ("", workspace.uuid):
            return False
        return not credential.owner or credential.owner in workspace.members

    def is_owner_of(self, workspace: Workspace) -> bool:
        """Whether the caller may administer the workspace. A workspace token may."""
        if self.credential is None or not self.reaches(workspace):
            return False
        if self.user is None:
            return self.credential.type in (CredentialType.WORKSPACE, CredentialType.OAUTH)
        return workspace.members.get(self.user.uuid) == "owner"


def identify(bitbucket: BitbucketEstate, header: str) -> str:
    """The id of the credential in an Authorization header, dead or alive; empty if unknown."""
    secret = split_basic(header)[1] or header.partition(" ")[2].strip()
    found = bitbucket.vault.find(secret)
    return found.id if found else ""


def authenticate(bitbucket: BitbucketEstate, header: str | None) -> Caller:
    """The caller behind an Authorization header.

    Raises:
        RefusedError: 401 in the shape that fits the mistake.
    """
    if not header:
        return Caller()
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        return _by_password(bitbucket, *_basic(value))
    if scheme.lower() == "bearer":
        return _by_bearer(bitbucket, value.strip())
    raise answers.refuse(401, answers.BAD_TOKEN)


def split_basic(header: str) -> tuple[str, str]:
    """User name and password of an Authorization header; both empty when it is not Basic."""
    scheme, _, value = header.partition(" ")
    return _basic(value) if scheme.lower() == "basic" else ("", "")


def _basic(value: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    username, _, password = decoded.partition(":")
    return username, password


def _by_password(bitbucket: BitbucketEstate, username: str, password: str) -> Caller:
    found = bitbucket.vault.find(password)
    if found is None or found.type is not CredentialType.API_TOKEN:
        raise answers.bad_basic()
    owner = bitbucket.estate.users[found.owner]
    if username.lower() != owner.email.lower() or not found.is_alive(bitbucket.clock.now()):
        raise answers.bad_basic()
    if found.product != "bitbucket":
        raise answers.refuse(401, answers.BAD_TOKEN)
    if not found.scopes:
        raise answers.unscoped_token()
    return Caller(found, owner)


def _by_bearer(bitbucket: BitbucketEstate, token: str) -> Caller:
    found = bitbucket.vault.find(token)
    if found is None or found.type is CredentialType.API_TOKEN:
        raise answers.refuse(401, answers.BAD_TOKEN)
    if not found.is_alive(bitbucket.clock.now()):
        is_stale = found.type is CredentialType.OAUTH and not found.is_revoked
        raise answers.refuse(401, answers.EXPIRED if is_stale else answers.BAD_TOKEN)
    return Caller(found, bitbucket.estate.users.get(found.owner))


def demand(caller: Caller, need: Need) -> None:
    """Let only those pass who hold the scopes; anonymous callers are the handler's business."""
    credential = caller.credential
    if credential is not None and not need.is_met_by(credential):
        raise answers.missing_scopes(need.of(credential), credential.scopes)


def scope_headers(caller: Caller, need: Need) -> dict[str, str]:
    """What every reply tells about the credential and the operation."""
    headers = {"X-Accepted-OAuth-Scopes": ", ".join(need.classic)} if need.classic else {}
    credential = caller.credential
    if credential is None:
        return headers
    headers["X-OAuth-Scopes"] = ", ".join(credential.scopes)
    headers["X-Credential-Type"] = credential.type.value
    if credential.type is CredentialType.API_TOKEN:
        headers["X-Token-Id"] = credential.id
    return headers
