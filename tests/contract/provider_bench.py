"""What tests/providers/<name>/bench.py must offer, so that one suite holds for every provider.

The module has ``DECLARES``, a `Declares`, and ``bench()``, a context manager that yields a fresh
`ProviderBench`; an `IssuingBench` where the provider's SPEC says that it issues credentials, and
a `WatchingBench` where it says that it manages webhooks.
What a bench declares decides which laws apply, so the suite proves the declarations as well.

Capability.READ_SCOPES and READ_EXPIRY are meant of `verify`: that a credential which is shown
alone is told its own scopes or end. What an issuer can look up belongs to Capability.ISSUE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from traceback import format_exception
from types import ModuleType
from typing import Protocol

import pytest

from reconciler import providers
from reconciler.errors import Fault, RemoteError
from reconciler.model.method import IssuerKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import Secret
from reconciler.model.webhook import WebhookPlace
from reconciler.ports.capability import Can, Capability
from reconciler.ports.provider import CredentialHome, IssuerLogin, Login, Provider


class Trouble(StrEnum):
    """What a bench can make go wrong with every request until it is mended."""

    BREAKS_OFF = "breaks-off"
    HTML = "html"
    TRUNCATED = "truncated"
    FOREIGN_REDIRECT = "foreign-redirect"
    ECHO = "echo"  # a 400 whose message quotes the credential and the body of the request
    STATUS_400 = "400"
    STATUS_401 = "401"
    STATUS_403 = "403"
    STATUS_404 = "404"
    STATUS_410 = "410"
    STATUS_418 = "418"
    STATUS_429 = "429"
    STATUS_500 = "500"
    STATUS_503 = "503"


class PageTrouble(StrEnum):
    """What a bench can make go wrong with one page of a listing."""

    LOST = "lost"  # fails however often it is asked for
    HTML = "html"
    TRUNCATED = "truncated"
    FOREIGN_LINK = "foreign-link"  # its link leads to the trap
    COUNT_TOO_HIGH = "count-too-high"  # the provider counts one more than it shows


class Shortening(StrEnum):
    """What a policy on the life of credentials does to an end that is too far away."""

    CLAMPS = "clamps"  # grants an earlier end
    REFUSES = "refuses"  # and says why


FAULTS: Mapping[Trouble, frozenset[Fault]] = {
    Trouble.BREAKS_OFF: frozenset({Fault.UNREACHABLE, Fault.BAD_REPLY}),
    Trouble.HTML: frozenset({Fault.BAD_REPLY}),
    Trouble.TRUNCATED: frozenset({Fault.BAD_REPLY}),
    Trouble.FOREIGN_REDIRECT: frozenset({Fault.FOREIGN_HOST}),
    Trouble.ECHO: frozenset({Fault.REJECTED}),
    Trouble.STATUS_400: frozenset({Fault.REJECTED}),
    Trouble.STATUS_401: frozenset({Fault.CREDENTIAL}),
    Trouble.STATUS_403: frozenset({Fault.PERMISSION}),
    Trouble.STATUS_404: frozenset({Fault.NOT_FOUND}),
    Trouble.STATUS_410: frozenset({Fault.GONE}),
    Trouble.STATUS_418: frozenset({Fault.REJECTED}),
    Trouble.STATUS_429: frozenset({Fault.THROTTLED}),
    Trouble.STATUS_500: frozenset({Fault.OUTAGE}),
    Trouble.STATUS_503: frozenset({Fault.OUTAGE}),
}
"""The faults that a read may end with under each trouble."""

VERDICTS: Mapping[Trouble, frozenset[Verdict]] = {
    **dict.fromkeys(Trouble, frozenset({Verdict.UNKNOWN})),
    Trouble.STATUS_401: frozenset({Verdict.DEAD}),
    Trouble.STATUS_410: frozenset({Verdict.RETIRED, Verdict.UNKNOWN}),
}
"""The verdicts that a credential may be given under each trouble."""


@dataclass(frozen=True, slots=True)
class Declares:
    """What is true of one provider, for the laws that cannot be the same for all.

    Args:
        counts: a listing tells how many repositories there are (Listing.expected).
        pages: a listing larger than ``page_size`` takes more than one request. Without pages,
            ``fill`` still takes any number.
        page_troubles: what can befall a page; none without pages, COUNT_TOO_HIGH only with
            counts. FOREIGN_LINK is left out where the adapter follows no link of an answer.
        reads_past_a_lost_page: pages behind one that is lost are still read.
        blocks: the account can be closed to a credential that is right (``block``).
        reach_requests: requests of ``verify(bench.login, reach=True)``, all of them.
        faults: where a status means something else here; the rest is FAULTS.
        verdicts: the same for `verify`; the rest is VERDICTS.
        shortens: what policies on the life of new credentials do here.
        policy_words: what a refusal by such a policy is told by, in cause or hint; lower case.
        never_ends: a credential may be made without an end.
        home_limit: the most credentials of one home; None where no limit is known.
        credential_page: the most credentials of one answer when they are listed.
        webhook_secrets: a webhook can be given a secret; without, one that has to is REJECTED.
    """

    counts: bool = True
    pages: bool = True
    page_troubles: frozenset[PageTrouble] = frozenset(PageTrouble)
    reads_past_a_lost_page: bool = True
    blocks: bool = True
    reach_requests: int = 2
    faults: Mapping[Trouble, frozenset[Fault]] = field(default_factory=dict)
    verdicts: Mapping[Trouble, frozenset[Verdict]] = field(default_factory=dict)
    shortens: frozenset[Shortening] = frozenset()
    policy_words: str = "policy"
    never_ends: bool = False
    home_limit: int | None = None
    credential_page: int = 100
    webhook_secrets: bool = True

    def faults_of(self, trouble: Trouble) -> frozenset[Fault]:
        """The faults that a read may end with."""
        return self.faults.get(trouble, FAULTS[trouble])

    def verdicts_of(self, trouble: Trouble) -> frozenset[Verdict]:
        """The verdicts that a credential may be given."""
        return self.verdicts.get(trouble, VERDICTS[trouble])


class ProviderBench(Protocol):
    """One account at a simulated provider, served over real HTTP.

    ``name`` is the provider's, ``page_size`` its largest page. ``login`` works and reads
    everything. ``sleeps`` are the waits of every provider opened here, which take no time.
    """

    name: str
    page_size: int
    login: Login
    sleeps: list[float]

    def open(
        self, *, concurrency: int = 8, hourly_requests: int | None = None
    ) -> AbstractAsyncContextManager[Provider]:
        """The adapter on the account, closed at the end of the block."""
        ...

    def logins(self) -> Mapping[Verdict, tuple[Login, ...]]:
        """Credentials for every verdict that a credential by itself can meet."""
        ...

    def lean_logins(self) -> Mapping[Login, frozenset[str]]:
        """Working credentials that want more than they hold, with what they lack.

        Empty where the provider tells the scopes of a credential (Capability.READ_SCOPES).
        """
        ...

    def block(self) -> None:
        """Close the account to every credential by a rule about the way in (Declares.blocks)."""
        ...

    def fill(self, repositories: int) -> None:
        """Make the account hold exactly so many."""
        ...

    def ids(self) -> frozenset[str]:
        """Stable ids of the account's repositories."""
        ...

    def minimum_requests(self, repositories: int) -> int:
        """The fewest requests in which so many can be listed in full."""
        ...

    def trouble(self, what: Trouble) -> None:
        """From now on every request meets this."""
        ...

    def page_trouble(self, what: PageTrouble, page: int) -> None:
        """From now on this page of a listing, counted from 1, meets this.

        FOREIGN_LINK is armed by every bench that has pages: where an answer has no link that is
        followed, nothing changes, and a law holds that.
        """
        ...

    def throttle_once(self, retry_after: str) -> None:
        """The next request is told to come again, with this ``Retry-After``.

        Where a call looks something up first: the request that the call is made for.
        """
        ...

    def requests(self) -> int:
        """Requests that the provider has received."""
        ...

    def trapped(self) -> int:
        """Requests that reached the host where none belongs."""
        ...

    def secrets(self) -> Iterator[str]:
        """Everything that may never be shown."""
        ...


class IssuingBench(ProviderBench, Protocol):
    """A bench whose provider makes credentials through its API (Capability.ISSUE)."""

    def issuer(self, kind: IssuerKind | None = None) -> IssuerLogin:
        """An identity that may have credentials made in `home`.

        It signs in by *kind*, one of ``SPEC.issuers``; None: by the first of them.
        """
        ...

    def home(self) -> CredentialHome:
        """Where they are made. It holds none, or some that somebody else made."""
        ...

    def scopes(self) -> tuple[str, ...]:
        """A small set that reads the account, as the provider stores it."""
        ...

    def other_scopes(self) -> tuple[str, ...]:
        """Another set, as the provider stores it."""
        ...

    def login_of(self, secret: Secret) -> Login:
        """The credential as it is shown to the provider."""
        ...

    def live_credentials(self) -> frozenset[str]:
        """Ids of the credentials of `home` that work, seen at the provider itself."""
        ...

    def creates(self) -> int:
        """Requests that would make a credential, as received, executed or not."""
        ...

    def lose_next_answer(self) -> None:
        """The next create is executed, and its answer never comes."""
        ...

    def garble_next_answer(self) -> None:
        """The next create is executed, and its answer cannot be decoded."""
        ...

    def end_issuer(self) -> None:
        """The identity of `issuer` is no longer let in, however it signs in."""
        ...

    def weak_issuers(self) -> tuple[IssuerLogin, ...]:
        """Identities that work but may not make credentials here; at least one."""
        ...

    def shorten_life(self, days: int, how: Shortening) -> None:
        """From now on a policy grants new credentials so many days at most."""
        ...

    def fill_home(self, credentials: int) -> None:
        """Add so many of somebody else to `home`, made at the provider itself."""
        ...

    def expire(self, credential_id: str) -> None:
        """The end of a credential of `home` passes."""
        ...

    def unknown_id(self) -> str:
        """An id of the right form that no credential has."""
        ...


class WatchingBench(ProviderBench, Protocol):
    """A bench whose provider has webhooks that its API manages (Capability.WEBHOOKS)."""

    def watcher(self) -> Login:
        """A credential that may manage the webhooks of every place of `places`."""
        ...

    def weak_watchers(self) -> tuple[Login, ...]:
        """Credentials that work and may not make a webhook at `places`; at least one."""
        ...

    def places(self) -> tuple[WebhookPlace, ...]:
        """Places that are there and hold no webhook: at least two, of every kind one."""
        ...

    def unknown_places(self) -> tuple[WebhookPlace, ...]:
        """Places of the kinds that can be watched which are not there; at least one."""
        ...

    def unwatched_places(self) -> tuple[WebhookPlace, ...]:
        """Places of the kinds that this provider cannot watch; none where it watches all."""
        ...

    def own_event(self) -> str:
        """A name of the provider's own that no neutral name stands for."""
        ...

    def live_webhooks(self, place: WebhookPlace) -> frozenset[str]:
        """Ids of the webhooks of the place itself, seen at the provider, as they are listed."""
        ...

    def is_signed(self, webhook_id: str) -> bool:
        """Whether a webhook shows a secret when it calls, seen at the provider."""
        ...

    def add_webhooks(self, place: WebhookPlace, count: int) -> None:
        """Somebody else makes so many there, at the provider itself."""
        ...

    def webhook_creates(self) -> int:
        """Requests that would make a webhook, as received, executed or not."""
        ...

    def lose_next_webhook(self) -> None:
        """The next making of a webhook is executed, and its answer never comes."""
        ...

    def garble_next_webhook(self) -> None:
        """The next making of a webhook is executed, and its answer cannot be decoded."""
        ...

    def throttle_next_webhook(self, retry_after: str) -> None:
        """The next request that changes a webhook is told to come again, not executed."""
        ...


# Finding the benches -----------------------------------------------------------------------------


def bench_module(name: str) -> ModuleType:
    """The bench of a provider; without one, the test that asks fails and says whose is missing."""
    folder = name.replace("-", "_")
    try:
        return import_module(f"tests.providers.{folder}.bench")
    except ImportError as error:
        pytest.fail(f"provider {name} has no tests/providers/{folder}/bench.py: {error}")


def open_bench(name: str) -> AbstractContextManager[ProviderBench]:
    """A fresh account at the provider of that name."""
    opened: AbstractContextManager[ProviderBench] = bench_module(name).bench()
    return opened


def open_issuing_bench(name: str) -> AbstractContextManager[IssuingBench]:
    """The same where credentials are issued."""
    opened: AbstractContextManager[IssuingBench] = bench_module(name).bench()
    return opened


def open_watching_bench(name: str) -> AbstractContextManager[WatchingBench]:
    """The same where webhooks are managed."""
    opened: AbstractContextManager[WatchingBench] = bench_module(name).bench()
    return opened


def declared(name: str) -> Declares:
    """What the bench of a provider declares; the test that asks fails where it declares nothing."""
    found = getattr(bench_module(name), "DECLARES", None)
    if not isinstance(found, Declares):
        pytest.fail(f"the bench of provider {name} has no DECLARES")
    return found


def benches_on_disk() -> Mapping[str, Declares]:
    """What every bench declares, for parameters. One that is missing fails in a test of its own."""
    found: dict[str, Declares] = {}
    for name in providers.names():
        with suppress(pytest.fail.Exception):
            found[name] = declared(name)
    return found


def that_can(capability: Capability) -> tuple[str, ...]:
    """The providers that declare it."""
    specs = providers.specs()
    return tuple(n for n, spec in specs.items() if isinstance(spec.abilities.get(capability), Can))


# What may be seen ---------------------------------------------------------------------------------


def shown(what: RemoteError | CredentialReport) -> str:
    """Everything of an error or a report that could reach an eye, its causes included."""
    if not isinstance(what, RemoteError):
        return repr(what)
    words = (*map(str, what.args), what.hint, *what.required, *format_exception(what))
    return " ".join((repr(what), str(what), *words))
