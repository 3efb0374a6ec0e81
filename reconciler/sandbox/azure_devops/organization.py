"""An Azure DevOps organization and the hands that move it: what its web pages do, as methods."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reconciler.errors import UsageError
from reconciler.sandbox.azure_devops.estate import ServicePrincipal, User
from reconciler.sandbox.azure_devops.holdings import Holdings
from reconciler.sandbox.azure_devops.knobs import Knobs
from reconciler.sandbox.azure_devops.scopes import OF_PATS, allows
from reconciler.sandbox.azure_devops.tokens import (
    RESOURCE,
    Bearer,
    Minted,
    Pat,
    Safe,
    new_jwt,
    rounded,
)
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.settings import Clock

BEARER_LIFE = timedelta(seconds=3599)


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository as somebody else's server sees it; ``project`` is the project's name."""

    id: str
    name: str
    project: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a PAT that somebody else's server tried.

    ``reason`` is empty on success and otherwise a sentence for a log, without any secret.
    """

    ok: bool
    reason: str
    repositories: tuple[Seen, ...] = ()
    expires_at: datetime | None = None


class Organization(Holdings):
    """One organization (a collection, on a Server) with its tenant in Entra.

    Args:
        name: the first segment of every path.
        clock: the sandbox's.
        seed: ids follow from it.
    """

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        super().__init__(name, clock, seed)
        self.id = self.ids.bare()
        self.tenant = self.ids.bare()
        self.deployment_id = self.ids.bare()
        self.safe = Safe()
        self.knobs = Knobs()
        self.refresh_tokens: dict[str, str] = {}

    # People -----------------------------------------------------------------------------------

    def add_user(
        self, email: str, name: str, *, is_admin: bool = False, may_edit_hooks: bool = True
    ) -> User:
        """Give somebody access."""
        user = User(self.ids.bare(), email, name, self.ids.bare(), is_admin, may_edit_hooks)
        self.estate.users[user.id] = user
        return user

    def remove_user(self, user: str) -> None:
        """Take somebody's access away; their credentials die."""
        found = self.user(user)
        del self.estate.users[found.id]

    def limit_user(self, user: str, projects: tuple[str, ...] | None) -> User:
        """Let somebody see only those projects; None is all."""
        ids = None if projects is None else frozenset(self.project(p).id for p in projects)
        changed = replace(self.user(user), sees=ids)
        self.estate.users[changed.id] = changed
        return changed

    def user(self, identifier: str) -> User:
        """By e-mail, id or descriptor; raises UsageError when there is none."""
        found = self.estate.find_user(identifier)
        if found is None:
            known = ", ".join(user.email for user in self.estate.users.values())
            raise UsageError(f"{self.name} has no user {identifier}", hint=f"it has {known}")
        return found

    def add_service_principal(self, name: str) -> tuple[ServicePrincipal, str]:
        """Register an application, add it to the organization; its secret is answered once."""
        secret = secrets.token_urlsafe(30)
        made = ServicePrincipal(
            self.ids.bare(), self.ids.bare(), self.ids.bare(), name, digest(secret)
        )
        self.estate.principals[made.id] = made
        return made, secret

    def application(self, client_id: str) -> ServicePrincipal:
        """By client id or object id; raises UsageError when there is none."""
        found = self.estate.find_principal(client_id)
        if found is None:
            raise UsageError(f"there is no application {client_id}", hint="name its client id")
        return found

    def federate(self, client_id: str, issuer: str, subject: str) -> None:
        """Let the tokens of another issuer's *subject* stand for an application."""
        found = self.application(client_id)
        self._keep(replace(found, federated=found.federated | {(issuer, subject)}))

    def register_certificate(self, client_id: str, thumbprint: str) -> None:
        """Let assertions under that certificate stand for an application."""
        found = self.application(client_id)
        self._keep(replace(found, certificates=found.certificates | {thumbprint}))

    def set_membership(self, client_id: str, *, is_member: bool) -> None:
        """Add an application to the organization, or take it out; Entra goes on knowing it."""
        self._keep(replace(self.application(client_id), is_member=is_member))

    def _keep(self, principal: ServicePrincipal) -> None:
        self.estate.principals[principal.id] = principal

    # Credentials ------------------------------------------------------------------------------

    def mint_pat(
        self,
        owner: str = "svc-scm@acme.example",
        scopes: tuple[str, ...] = ("vso.code",),
        *,
        days: float = 30,
        name: str = "by hand",
        all_orgs: bool = False,
    ) -> Minted:
        """Make a PAT as its owner would in the pages; no policy is looked at.

        Raises:
            UsageError: nobody has that name, or a PAT cannot hold one of the scopes.
        """
        unknown = sorted(set(scopes) - OF_PATS)
        if unknown or not scopes:
            raise UsageError(
                f"a PAT cannot hold {', '.join(unknown) or 'no scope'}", hint="such as vso.code"
            )
        now = self.clock.now()
        ends = rounded(now + timedelta(days=days))
        return self.issue_pat(self.user(owner), name, scopes, ends, all_orgs=all_orgs)

    def issue_pat(
        self,
        owner: User,
        name: str,
        scopes: tuple[str, ...],
        valid_to: datetime,
        *,
        all_orgs: bool = False,
    ) -> Minted:
        """Keep a new PAT and make its secret."""
        targets = None if all_orgs else (self.id,)
        now = rounded(self.clock.now())
        pat = Pat(self.ids.bare(), name, tuple(scopes), owner.id, now, valid_to, targets)
        return self.safe.keep_pat(pat)

    def pats(self, owner: str = "") -> tuple[Pat, ...]:
        """Every PAT of somebody, or of everybody, dead or alive, oldest first."""
        whose = self.user(owner).id if owner else ""
        return tuple(pat for pat in self.safe.pats() if whose in ("", pat.owner))

    def pat(self, secret_or_id: str) -> Pat:
        """By secret or id; raises UsageError, without the argument in it, when there is none."""
        found = self.safe.pat(secret_or_id)
        if found is None:
            raise UsageError(
                "the sandbox never issued that PAT", hint="give the id or the token of minting"
            )
        return found

    def revoke(self, secret_or_id: str) -> None:
        """Kill a PAT or a bearer. Already dead is success."""
        bearer = self.safe.bearer(secret_or_id)
        if bearer is not None:
            self.safe.kill_bearer(bearer)
            return
        found = self.pat(secret_or_id)
        if found.revoked_at is None:
            self.safe.change(replace(found, revoked_at=self.clock.now()))

    def expire(self, secret_or_id: str, at: datetime | None = None) -> None:
        """Let a PAT or a bearer end now, or at *at*."""
        bearer = self.safe.bearer(secret_or_id)
        end = at or self.clock.now()
        if bearer is not None:
            self.safe.kill_bearer(bearer, end)
            return
        self.safe.change(replace(self.pat(secret_or_id), valid_to=end))

    def mint_user_token(
        self,
        user: str,
        scopes: tuple[str, ...] = ("vso.pats", "vso.pats_manage"),
        *,
        life: timedelta = BEARER_LIFE,
    ) -> Minted:
        """An Entra token of somebody who signed in, for Azure DevOps with those scopes."""
        found = self.user(user)
        claims: dict[str, object] = {
            "oid": found.entra_id,
            "upn": found.email,
            "scp": " ".join(scopes),
            "idtyp": "user",
        }
        return self._bearer(found.id, scopes, claims, life, is_user=True)

    def mint_refresh_token(self, user: str) -> str:
        """What a signed-in client keeps to get user tokens without another sign-in."""
        token = secrets.token_urlsafe(900)
        self.refresh_tokens[digest(token)] = self.user(user).id
        return token

    def mint_app_token(self, client_id: str) -> Minted:
        """An Entra token of a service principal."""
        found = self.application(client_id)
        claims: dict[str, object] = {
            "oid": found.entra_id,
            "appid": found.client_id,
            "idtyp": "app",
        }
        return self._bearer(found.id, ("user_impersonation",), claims, BEARER_LIFE, is_user=False)

    def _bearer(
        self,
        subject: str,
        scopes: tuple[str, ...],
        claims: dict[str, object],
        life: timedelta,
        *,
        is_user: bool,
    ) -> Minted:
        now = self.clock.now()
        known: dict[str, object] = {
            "aud": RESOURCE,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "tid": self.tenant,
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "uti": secrets.token_urlsafe(16),
        }
        bearer = Bearer(self.ids.bare(), subject, is_user, tuple(scopes), now + life)
        return self.safe.keep_bearer(bearer, new_jwt({**known, **claims}))

    def why_not(self, pat: Pat | None) -> str:
        """Why a PAT does not work now: ``unknown``, ``expired``, ``revoked``; empty when it does.

        Global PATs end on a day that is fixed for everybody. Delays of making and revoking are
        the knobs'.
        """
        now = self.clock.now()
        if pat is None or pat.owner not in self.estate.users:
            return "unknown" if pat is None else "revoked"
        lag = timedelta(seconds=self.knobs.creation_lag_s)
        if lag and now < pat.valid_from + lag:
            return "unknown"
        if pat.revoked_at is not None:
            over = pat.revoked_at + timedelta(seconds=self.knobs.revocation_delay_s)
            return "revoked" if now >= over else ""
        if pat.targets is None and now >= _day(self.knobs.global_pats_end):
            return "revoked"
        return "" if now < pat.valid_to else "expired"

    def try_pat(self, secret: str) -> Tried:
        """Use a PAT the way a consumer's server would, without HTTP: list the repositories."""
        pat = self.safe.pat_of(secret)
        reason = self.why_not(pat)
        if reason or pat is None:
            return Tried(ok=False, reason=f"the token is {reason}")
        if self.knobs.suspended:
            return Tried(ok=False, reason="the organization is suspended")
        if not allows(pat.scopes, ("vso.code",)):
            return Tried(ok=False, reason="the token lacks the scope vso.code")
        sees = self.estate.users[pat.owner].sees
        seen = tuple(
            Seen(repository.id, repository.name, project.name)
            for project in self.estate.visible(sees)
            if project.state == "wellFormed"
            for repository in self.estate.live(project.id)
        )
        return Tried(ok=True, reason="", repositories=seen, expires_at=pat.valid_to)


def _day(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
