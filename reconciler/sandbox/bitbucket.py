"""Bitbucket Cloud's state and the hands that move it: the web pages' doings as plain methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.errors import UsageError
from reconciler.sandbox.credentials import Credential, CredentialType, Minted, Vault
from reconciler.sandbox.estate import Estate, Project, Repository, User, Workspace, slug_of
from reconciler.sandbox.identity import Ids
from reconciler.sandbox.oauth import OAuthDesk
from reconciler.sandbox.scopes import READ_REPOSITORY
from reconciler.sandbox.settings import Clock

LONGEST_LIFE = timedelta(days=365)
MOST_SCOPES = 50


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """What became of a login that somebody else's server tried.

    ``reason`` is empty on success and otherwise a sentence for a log, without any secret.
    ``repositories`` are those the credential may read.
    """

    ok: bool
    reason: str
    credential: Credential | None = None
    repositories: tuple[Repository, ...] = ()


class BitbucketEstate:
    """Everything at Bitbucket Cloud that can change."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.estate = Estate()
        self.vault = Vault()
        self.oauth = OAuthDesk(self.vault, clock)
        self.ids = Ids(seed, "bitbucket-cloud")
        self.host_urls: set[str] = {"https://api.bitbucket.org/2.0"}

    # Repositories -----------------------------------------------------------------------------

    def create_repository(
        self, workspace: str, slug: str, *, project: str = "", is_private: bool = True
    ) -> Repository:
        """Create a repository named *slug*, in the first project unless told otherwise."""
        home = self.estate.workspace(workspace)
        keys = [p.key for p in self.estate.projects(home)]
        key = project or keys[0]
        if key not in keys:
            raise UsageError(
                f"workspace {home.slug} has no project {key}", hint=f"it has {', '.join(keys)}"
            )
        if not self.estate.is_slug_free(home, slug_of(slug)):
            raise UsageError(
                f"{home.slug}/{slug_of(slug)} exists already", hint="choose another slug"
            )
        now = self.clock.now()
        made = Repository(
            uuid=self.ids.uuid(),
            slug=slug_of(slug),
            name=slug,
            workspace=home.uuid,
            project=key,
            created_on=now,
            updated_on=now,
            is_private=is_private,
        )
        self.estate.put_repositories([made])
        return made

    def repository(self, workspace: str, identifier: str) -> Repository:
        """By slug or uuid; raises UsageError when there is none."""
        home = self.estate.workspace(workspace)
        found = self.estate.find_repository(home, identifier)
        if found is None:
            raise UsageError(
                f"workspace {home.slug} has no repository {identifier}",
                hint="name it by its slug or its {uuid}",
            )
        return found

    def repositories(self, workspace: str) -> tuple[Repository, ...]:
        """Every repository of a workspace, oldest first."""
        return self.estate.repositories(self.estate.workspace(workspace))

    def rename_repository(self, workspace: str, identifier: str, name: str) -> Repository:
        """Give a repository a new name and so a new slug; its uuid stays."""
        found = self.repository(workspace, identifier)
        home = self.estate.workspace(workspace)
        slug = slug_of(name)
        if slug != found.slug and not self.estate.is_slug_free(home, slug):
            raise UsageError(f"{home.slug}/{slug} exists already", hint="choose another name")
        renamed = replace(found, name=name, slug=slug, updated_on=self.clock.now())
        self.estate.put_repositories([renamed])
        return renamed

    def transfer_repository(self, workspace: str, identifier: str, to: str) -> Repository:
        """Move a repository to another workspace; its own access tokens die."""
        found = self.repository(workspace, identifier)
        target = self.estate.workspace(to)
        if not self.estate.is_slug_free(target, found.slug):
            raise UsageError(
                f"{target.slug}/{found.slug} exists already", hint="rename one of them first"
            )
        moved = replace(
            found,
            workspace=target.uuid,
            project=self.estate.projects(target)[0].key,
            updated_on=self.clock.now(),
        )
        self.estate.put_repositories([moved])
        for credential in self.vault.all():
            if credential.type is CredentialType.REPOSITORY and credential.target == found.uuid:
                self.vault.revoke(credential)
        return moved

    def delete_repository(self, workspace: str, identifier: str) -> None:
        """Delete a repository."""
        self.estate.remove_repository(self.repository(workspace, identifier))

    def push(self, workspace: str, identifier: str) -> Repository:
        """Pretend that somebody pushed: `updated_on` moves."""
        found = self.repository(workspace, identifier)
        pushed = replace(found, updated_on=self.clock.now(), size=found.size + 1)
        self.estate.put_repositories([pushed])
        return pushed

    def create_project(self, workspace: str, key: str, name: str) -> Project:
        """Create a project."""
        home = self.estate.workspace(workspace)
        return self.estate.put_project(
            Project(self.ids.uuid(), key, name, home.uuid, self.clock.now())
        )

    # Credentials ------------------------------------------------------------------------------

    def mint_api_token(
        self,
        email: str,
        scopes: tuple[str, ...],
        *,
        expires_in_days: int = 365,
        workspace: str = "",
        name: str = "",
        product: str = "bitbucket",
    ) -> Minted:
        """Make an API token as a user would at id.atlassian.com.

        Raises:
            UsageError: nobody has that e-mail, over 50 scopes, or a life over a year.
        """
        owner = self.user(email)
        if not timedelta() < timedelta(days=expires_in_days) <= LONGEST_LIFE:
            raise UsageError(
                f"an API token cannot live for {expires_in_days} days", hint="1 to 365 days"
            )
        if len(scopes) > MOST_SCOPES:
            raise UsageError("an API token holds 50 scopes at most", hint="choose fewer scopes")
        limited = self.estate.workspace(workspace).uuid if workspace else ""
        now = self.clock.now()
        return self.vault.issue(
            Credential(
                id=self.ids.bare(),
                type=CredentialType.API_TOKEN,
                scopes=tuple(dict.fromkeys(scopes)),
                owner=owner.uuid,
                workspace=limited,
                target="",
                name=name,
                created_on=now,
                expires_on=now + timedelta(days=expires_in_days),
                product=product,
            )
        )

    def mint_access_token(
        self,
        workspace: str,
        scopes: tuple[str, ...],
        *,
        project: str = "",
        repository: str = "",
        expires_in_days: int | None = 365,
        name: str = "",
    ) -> Minted:
        """Make a workspace access token, or one of a project or repository."""
        home = self.estate.workspace(workspace)
        kind, target = CredentialType.WORKSPACE, ""
        if project:
            kind, target = CredentialType.PROJECT, project
        if repository:
            kind, target = CredentialType.REPOSITORY, self.repository(workspace, repository).uuid
        now = self.clock.now()
        ends = None if expires_in_days is None else now + timedelta(days=expires_in_days)
        return self.vault.issue(
            Credential(
                id=self.ids.bare(),
                type=kind,
                scopes=tuple(dict.fromkeys(scopes)),
                owner="",
                workspace=home.uuid,
                target=target,
                name=name,
                created_on=now,
                expires_on=ends,
            )
        )

    def credential(self, token_or_id: str) -> Credential:
        """By secret or id; raises UsageError, without the argument in it, when there is none."""
        found = self.vault.get(token_or_id)
        if found is None:
            raise UsageError(
                "the sandbox never issued that credential",
                hint="give the id or the token that minting answered",
            )
        return found

    def revoke(self, token_or_id: str) -> Credential:
        """Kill a credential. Already dead is success."""
        return self.vault.revoke(self.credential(token_or_id))

    def revoke_now(self, token_or_id: str) -> None:
        """Kill a credential of which only the id may be known to the caller."""
        self.revoke(token_or_id)

    def expire(self, token_or_id: str, at: datetime | None = None) -> Credential:
        """Let a credential end now, or at *at*."""
        return self.vault.expire(self.credential(token_or_id), at or self.clock.now())

    def user(self, identifier: str) -> User:
        """By e-mail, uuid or user name; raises UsageError when there is none."""
        found = self.estate.find_user(identifier)
        if found is None:
            raise UsageError(
                f"the sandbox has no user {identifier}",
                hint="it has " + ", ".join(u.email for u in self.estate.users.values()),
            )
        return found

    # Seen from other servers ------------------------------------------------------------------

    def try_login(self, host_url: str, kind: str, username: str, secret: str) -> LoginAttempt:
        """Check a credential the way a consumer's server would, without HTTP.

        Args:
            host_url: what the consumer was told; only this emulator's address or the real
                ``https://api.bitbucket.org/2.0`` lead here.
            kind: ``api-token`` (user name is the e-mail), ``access-token``, ``oauth`` or
                ``app-password``.
            username: only for ``api-token``.
            secret: the credential.
        """
        if host_url.rstrip("/") not in self.host_urls:
            return LoginAttempt(ok=False, reason="nothing answers at that host URL")
        found = self.vault.find(secret)
        reason = self._why_not(found, kind, username)
        if reason or found is None:
            return LoginAttempt(ok=False, reason=reason)
        return LoginAttempt(ok=True, reason="", credential=found, repositories=self.visible(found))

    def _why_not(self, found: Credential | None, kind: str, username: str) -> str:
        if kind == "app-password":
            return "app passwords were removed on 2026-07-28; use an API token"
        types = {"api-token": CredentialType.API_TOKEN, "oauth": CredentialType.OAUTH}
        if found is None or not found.is_alive(self.clock.now()):
            return "401: the credential is wrong, expired or revoked"
        if kind == "access-token":
            return "" if found.type.is_access_token else "401: that is not an access token"
        if found.type is not types.get(kind):
            return f"401: that is not an {kind}"
        if kind == "api-token":
            owner = self.estate.users[found.owner]
            if username.lower() != owner.email.lower():
                return "401: the user name must be the e-mail of the token's owner"
        return ""

    def workspaces_of(self, credential: Credential) -> tuple[Workspace, ...]:
        """The workspaces a credential reaches, by slug."""
        every = sorted(self.estate.workspaces.values(), key=lambda w: w.slug)
        return tuple(
            w
            for w in every
            if (not credential.workspace or credential.workspace == w.uuid)
            and (not credential.owner or credential.owner in w.members)
        )

    def visible(self, credential: Credential) -> tuple[Repository, ...]:
        """Every repository that a credential may see; none without the scope to read them."""
        if not READ_REPOSITORY.is_met_by(credential):
            return ()
        return tuple(
            r
            for w in self.workspaces_of(credential)
            if not (w.is_deactivated or w.has_allowlist)
            for r in self.estate.repositories(w)
            if may_see(credential, r)
        )


def may_see(credential: Credential, repository: Repository) -> bool:
    """Whether a project or repository access token reaches that far; others see all."""
    if credential.type is CredentialType.PROJECT:
        return repository.project == credential.target
    if credential.type is CredentialType.REPOSITORY:
        return repository.uuid == credential.target
    return True
