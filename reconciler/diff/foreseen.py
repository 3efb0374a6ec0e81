"""What is known of a credential before any call: its end, and who replaces it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import (
    DesiredAccount,
    DesiredConnection,
    DesiredIssuer,
    DesiredMethod,
)
from reconciler.model.method import ActionKind
from reconciler.model.record import Record
from reconciler.ports.provider import ProviderSpec


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential that the project knows.

    ``end`` (UTC) is None where nobody knows one; ``assumed`` says that it is not a fact.
    ``life`` is how long a successor will live, None where nothing says so. ``when_it_ends`` and
    ``to_rotate`` are sentences; without the latter it is not to be replaced.
    """

    subject: str
    source: SourceMark
    place: str = ""
    address: ConnectionAddress | None = None
    end: datetime | None = None
    assumed: bool = False
    rotate_before: timedelta = timedelta()
    life: timedelta | None = None
    by_person: bool = True
    when_it_ends: str = ""
    to_rotate: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """An announced end of a method that a connection or a reader uses."""

    subject: str
    source: SourceMark
    on: date
    sentence: str
    place: str = ""
    address: ConnectionAddress | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What credentials are judged by; ``writable`` as in `forecast`."""

    providers: Mapping[str, ProviderSpec]
    now: datetime
    writable: frozenset[str] | None = None

    @property
    def today(self) -> date:
        """UTC."""
        return self.now.astimezone(UTC).date()

    def takes_successor(self, method: DesiredMethod) -> bool:
        """Whether code can put a new secret beside the one in use."""
        successor = method.successor
        if successor is None:
            return False
        return self.writable is None or successor.source in self.writable


def declared(
    connection: DesiredConnection, record: Record | None, known: Known
) -> Iterator[Credential]:
    """The credential of a connection, and that of its issuer."""
    method = connection.method
    if method.kind.is_browser_grant:
        return
    end, assumed = _end(method, record, known.now)
    by_person, sentence = _rotation(connection, known)
    lives = [age for age in (method.max_age, connection.rule.max_age) if age is not None]
    yield Credential(
        subject=str(connection.address),
        source=_source(method, connection.mark("method")),
        place=method.secret.place if method.secret else "",
        address=connection.address,
        end=end,
        assumed=assumed,
        rotate_before=_notice(method, record, end),
        life=min(lives, default=None),
        by_person=by_person,
        when_it_ends=_loss(connection, by_person=by_person),
        to_rotate=sentence,
    )
    yield from _issuer(f"method.{method.name} issuer", method.issuer)


def _notice(method: DesiredMethod, record: Record | None, end: datetime | None) -> timedelta:
    """As the plan has it: of a credential that was issued for less, a third of its life."""
    if method.issuer is None or record is None or end is None:
        return method.rotate_before
    return min(method.rotate_before, (end - record.credential_since) / 3)


def reader(account: DesiredAccount, method: DesiredMethod) -> Iterator[Credential]:
    """Our own credential at a provider. When it was made nobody recorded: only YAML tells."""
    place = method.secret.place if method.secret else ""
    yield Credential(
        subject=f"account.{account.name} reader",
        source=_source(method, method.where),
        place=place,
        end=method.expires_at,
        rotate_before=method.rotate_before,
        when_it_ends=f"from this day on the repositories of {account.workspace} cannot be listed, "
        "unless it was replaced before",
        to_rotate=f"make a new {method.kind} and put it into {place}; readers are not rotated by "
        "the reconciler",
    )
    yield from _issuer(f"account.{account.name} issuer", method.issuer)


def undeclared(record: Record) -> Credential:
    """The credential of a connection that left the YAML and is still recorded."""
    return Credential(
        subject=str(record.address),
        source=record.source,
        address=record.address,
        end=record.expires_at,
        when_it_ends="it ends; its connection is recorded and no longer declared: "
        "declare it again, or have it disconnected",
    )


def _issuer(subject: str, issuer: DesiredIssuer | None) -> Iterator[Credential]:
    if issuer is not None:
        yield Credential(subject=subject, source=issuer.where, place=issuer.secret.place)


def _source(method: DesiredMethod, otherwise: SourceMark) -> SourceMark:
    """The line that says the date, or else the method."""
    said = "expiresAt" if method.expires_at is not None else "maxAge"
    return method.marks.get(said, otherwise)


def _end(
    method: DesiredMethod, record: Record | None, now: datetime
) -> tuple[datetime | None, bool]:
    """The end of the credential in use, or of the one that a first apply would use.

    An ``expiresAt`` that is declared for this very credential replaces the recorded end, and a
    shorter ``maxAge`` comes before either: so does the plan judge it.

    Returns:
        The end (UTC), and whether it is assumed.
    """
    in_use = record is not None and (record.method, record.username) == (
        method.kind,
        method.username,
    )
    if record is None or not in_use:
        aged = now + method.max_age if method.max_age is not None else None
        if method.expires_at is not None and (aged is None or method.expires_at <= aged):
            return method.expires_at, False
        return aged, aged is not None
    fresh = None if method.expires_at == record.stale_expiry else method.expires_at
    aged = record.credential_since + method.max_age if method.max_age is not None else None
    ends = (end for end in (fresh or record.expires_at, aged) if end is not None)
    return min(ends, default=None), False


def _rotation(connection: DesiredConnection, known: Known) -> tuple[bool, str]:
    """Whether a person is needed to replace the credential, and what happens then."""
    method, profile = connection.method, connection.consumer.profile
    enter = "" if profile.adapter else f", and a person enters it in {profile.title}"
    if ActionKind.ROTATE not in connection.manage:
        return True, "its `manage` does not list rotate: add that, or replace it by hand"
    if method.issuer is None:
        return True, _by_hand(connection, known) + enter
    if not known.takes_successor(method):
        place = method.secret.place if method.secret else "the one in use"
        return True, f"nothing can be written beside {place}: give it a `successor` that can"
    spec = known.providers.get(connection.account.provider)
    title = spec.title if spec else connection.account.provider
    sentence = f"`reconciler rotate --due` makes a new one through the API of {title}{enter}"
    return bool(enter), sentence


def _by_hand(connection: DesiredConnection, known: Known) -> str:
    method, spec = connection.method, known.providers.get(connection.account.provider)
    manual = spec.manual.get(method.kind) if spec else None
    url = (manual.create_url if manual else "") or connection.rule.create_url or ""
    target = method.successor or method.secret
    where = target.place if target else "the source of its secret"
    return f"make a new {method.kind}{f' at {url}' if url else ''} and put it into {where}"


def _loss(connection: DesiredConnection, *, by_person: bool) -> str:
    title, workspace = connection.consumer.profile.title, connection.account.workspace
    before = "somebody" if by_person else "`reconciler rotate --due`"
    return f"{title} can read {workspace} no longer, unless {before} replaced it before"


def endings_of_method(
    user: DesiredConnection | tuple[DesiredAccount, DesiredMethod], known: Known
) -> Iterator[Ending]:
    """Ends that the provider or the consumer's profile announce for the method in use."""
    if isinstance(user, DesiredConnection):
        account, method = user.account, user.method
        subject, address = str(user.address), user.address
        source = method.marks.get("type", user.mark("method"))
    else:
        account, method = user
        subject, address = f"account.{account.name} reader", None
        source = method.marks.get("type", method.where)
    place = method.secret.place if method.secret else ""
    for on, sentence in (*_announced(account, method, known), *_retired(user)):
        yield Ending(subject, source, on, sentence, place, address)


def _announced(
    account: DesiredAccount, method: DesiredMethod, known: Known
) -> Iterator[tuple[date, str]]:
    spec = known.providers.get(account.provider)
    if spec is None:
        return
    if method.kind in spec.retired:
        yield known.today, spec.retired[method.kind]
        return
    for announcement in spec.announced:
        # What an issuer makes is never of the kind that ends.
        if method.issuer is None and method.kind in announcement.concerns:
            yield announcement.on, f"{announcement.sentence} ({announcement.source})"


def _retired(
    user: DesiredConnection | tuple[DesiredAccount, DesiredMethod],
) -> Iterator[tuple[date, str]]:
    if not isinstance(user, DesiredConnection) or user.rule.retired is None:
        return
    rule, title = user.rule, user.consumer.profile.title
    instead = f"use {rule.replacement}" if rule.replacement else "use another method"
    yield (
        user.rule.retired,
        f"{title} takes {rule.kind} no longer: {instead} ({rule.source.url})",
    )
