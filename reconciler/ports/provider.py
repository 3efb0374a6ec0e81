"""Where source code lives and credentials are issued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from reconciler.model.desired import DesiredAccount, DesiredIssuer, DesiredMethod
from reconciler.model.method import CredentialForm, IssuerKind, MethodKind
from reconciler.model.observed import CredentialReport, IssuedCredential, Listing, Reads
from reconciler.model.secret import Secret
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.capability import Ability, Capability


@dataclass(frozen=True, slots=True)
class Login:
    """A credential with all that is needed to present it.

    ``target``, ``tenant`` and ``form`` are as in DesiredMethod. ``scopes`` are those that it
    should hold: where a provider does not tell, each can only be tried.
    """

    kind: MethodKind
    secret: Secret = field(repr=False)
    username: str = ""
    level: str = ""
    target: str = ""
    tenant: str = ""
    form: CredentialForm = CredentialForm.SECRET
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(cls, method: DesiredMethod, secret: Secret) -> Login:
        """The credential of *method* whose value is *secret*."""
        return cls(
            method.kind,
            secret,
            method.username,
            method.level,
            method.target,
            method.tenant,
            method.form,
            method.scopes,
        )


@dataclass(frozen=True, slots=True)
class IssuerLogin:
    """The identity that has credentials made, with what it signs in by."""

    kind: IssuerKind
    secret: Secret = field(repr=False)
    username: str = ""

    @classmethod
    def of(cls, issuer: DesiredIssuer, secret: Secret) -> IssuerLogin:
        """The identity *issuer*, signing in with *secret*."""
        return cls(issuer.kind, secret, issuer.username)


@dataclass(frozen=True, slots=True)
class CredentialHome:
    """Where credentials of one method live at a provider: a user, a project or a repository.

    ``owner`` is the user name at level ``user``; ``target`` is ``KEY`` or ``KEY/slug`` at the
    others.
    """

    kind: MethodKind
    level: str = "user"
    owner: str = ""
    target: str = ""

    @classmethod
    def of(cls, method: DesiredMethod) -> CredentialHome:
        """Where the credentials of *method* live."""
        signs_in = method.issuer.username if method.issuer else ""
        level = method.level or "user"
        owner = (method.username or signs_in) if level == "user" else ""
        return cls(method.kind, level, owner, method.target)


@dataclass(frozen=True, slots=True)
class Order:
    """A credential to be made.

    ``name`` is its display name at the provider and carries our ownership marker. ``ends`` is
    UTC; None: never, where the provider lets it.
    """

    home: CredentialHome
    name: str
    scopes: tuple[str, ...]
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Minted:
    """A new credential. The provider shows its secret this once.

    ``credential`` is what was granted, which may end earlier than was asked.
    """

    secret: Secret = field(repr=False)
    credential: IssuedCredential


Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much is done and, when known, of how much."""


def silent(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""
    del what, done, total


class Provider(Protocol):
    """One account at a provider. Rotation is not here: apply composes it."""

    async def verify(self, login: Login, *, reach: bool) -> CredentialReport:
        """Show a credential and report what became of it.

        Costs one request, and with *reach* (can it read the account, and do what each of
        ``login.scopes`` is for?) as many more as that takes. Never raises RemoteError: what
        cannot be learnt is Verdict.UNKNOWN with cause and hint.
        """
        ...

    async def list_repositories(
        self, login: Login, *, expected: int | None, progress: Progress
    ) -> Listing:
        """Every repository of the account that *login* can see.

        Args:
            login: the reader.
            expected: how many there were last time; lets the first wave of pages start at once.
            progress: told after every page.

        Returns:
            A listing that says itself whether it is complete: a page lost after the first
            makes it incomplete, not an error.

        Raises:
            RemoteError: nothing at all could be read.
        """
        ...

    def reads(self) -> Reads:
        """What this object has cost so far."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class Issuer(Protocol):
    """A provider that makes credentials through its API (Capability.ISSUE).

    Every call raises RemoteError: CREDENTIAL when the issuer is not let in, PERMISSION when it
    may not do this, REJECTED when a policy or rule of the provider forbids it.
    """

    async def issued(
        self, login: IssuerLogin, home: CredentialHome
    ) -> tuple[IssuedCredential, ...]:
        """Every credential of *home* that still works, whoever made it."""
        ...

    async def issue(self, login: IssuerLogin, order: Order) -> Minted:
        """Make a credential. Never sent twice.

        Raises:
            RemoteError: AMBIGUOUS when the answer was lost: it may exist, and its secret is gone.
        """
        ...

    async def rescope(
        self, login: IssuerLogin, home: CredentialHome, credential_id: str, scopes: tuple[str, ...]
    ) -> IssuedCredential:
        """Change what a credential may do; secret and end stay as they are."""
        ...

    async def revoke(self, login: IssuerLogin, home: CredentialHome, credential_id: str) -> None:
        """End a credential. Already gone is success."""
        ...


@runtime_checkable
class WebhookKeeper(Protocol):
    """A provider whose webhooks can be managed through its API (Capability.WEBHOOKS).

    Every call raises RemoteError: PERMISSION or SCOPE when *login* may not manage them there,
    NOT_FOUND when there is no such place, REJECTED for a place that this provider cannot watch.
    """

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """Every webhook of *place* itself, whoever made it."""
        ...

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """Replace the webhook of that id with *order*; make a new one where the id is empty.

        Raises:
            RemoteError: AMBIGUOUS when the answer to making one was lost: it may exist.
        """
        ...

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """Take a webhook away. Already gone is success."""
        ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """An end that the provider has announced for something that credentials may be.

    ``concerns`` are the methods; ``sentence`` says what ends and what to do instead.
    """

    on: date
    concerns: tuple[MethodKind, ...]
    sentence: str
    source: str


@dataclass(frozen=True, slots=True)
class ManualCredential:
    """How a person creates or revokes a credential of one method at this provider."""

    create_url: str
    create_title: str
    create_fields: tuple[tuple[str, str], ...]
    revoke_url: str
    revoke_title: str
    revoke_fields: tuple[tuple[str, str], ...]
    who: str


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """What is known of a provider before any call.

    ``implies`` are the documented implications between scopes. ``vocabulary`` lists every scope
    a method may hold (empty: unknown). ``retired`` methods map to the sentence that says since
    when and what instead. ``manual`` says how people create and revoke credentials.
    ``api_url`` is empty where every customer has an address of his own. ``issuers`` are the ways
    in which an issuer may sign in; ``announced`` are ends that have a date. ``events`` maps the
    neutral names of webhook events to the provider's own. ``partners`` are scopes that it may add
    by itself beside one that was asked for. ``page_size`` is how many repositories one request
    lists at most, 0 where it lists them all.
    """

    name: str
    title: str
    api_url: str
    methods: tuple[MethodKind, ...]
    abilities: Mapping[Capability, Ability]
    implies: Mapping[str, frozenset[str]]
    vocabulary: Mapping[MethodKind, frozenset[str]]
    manual: Mapping[MethodKind, ManualCredential]
    retired: Mapping[MethodKind, str]
    open: Callable[[DesiredAccount, int, int | None], Provider]
    issuers: tuple[IssuerKind, ...] = ()
    announced: tuple[Announcement, ...] = ()
    events: Mapping[str, frozenset[str]] = field(default_factory=dict)
    partners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    page_size: int = 100
