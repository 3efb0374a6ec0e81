"""The laws of making, changing and ending credentials, for every provider that declares it can."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

import pytest

from reconciler import providers
from reconciler.errors import Fault, RemoteError
from reconciler.model.marker import mark, read_marker
from reconciler.model.method import IssuerKind, MethodKind
from reconciler.model.observed import IssuedCredential, Verdict
from reconciler.model.secret import KNOWN, Secret
from reconciler.ports.capability import Capability
from reconciler.ports.provider import CredentialHome, Issuer, IssuerLogin, Minted, Order, Provider
from tests.contract.provider_bench import (
    IssuingBench,
    ProviderBench,
    Shortening,
    Trouble,
    benches_on_disk,
    declared,
    open_bench,
    open_issuing_bench,
    shown,
    that_can,
)

BENCHES = benches_on_disk()
ISSUING = that_can(Capability.ISSUE)
OTHERS = tuple(name for name in providers.names() if name not in ISSUING)
RESCOPING = tuple(name for name in that_can(Capability.RESCOPE_IN_PLACE) if name in ISSUING)
REVOKING = tuple(name for name in that_can(Capability.REVOKE) if name in ISSUING)
KINDS = [(name, kind) for name in ISSUING for kind in providers.spec(name).issuers]
STRANGE_KINDS = [(name, k) for name in ISSUING for k in IssuerKind if (name, k) not in KINDS]
POLICIES = [
    (name, how) for name in ISSUING if name in BENCHES for how in sorted(BENCHES[name].shortens)
]

LINEAGE = "1a2b3c4d-0000-4000-8000-000000000000"
NAME = str(mark("ox-acme", LINEAGE, 1))
DAY = timedelta(days=1)
LOST = frozenset({Trouble.BREAKS_OFF, Trouble.TRUNCATED, Trouble.STATUS_500, Trouble.STATUS_503})
"""Troubles after which nobody knows whether a write was carried out."""


class Minter(Provider, Issuer, Protocol):
    """A provider that makes credentials."""


@pytest.fixture(params=ISSUING)
def bench(request: pytest.FixtureRequest) -> Iterator[IssuingBench]:
    with open_issuing_bench(request.param) as opened:
        yield opened


@asynccontextmanager
async def opened(bench: IssuingBench) -> AsyncIterator[Minter]:
    async with bench.open() as provider:
        assert isinstance(provider, Issuer)
        yield provider


def order(
    bench: IssuingBench,
    name: str = NAME,
    *,
    days: int | None = 30,
    home: CredentialHome | None = None,
) -> Order:
    now = datetime.now(UTC).replace(microsecond=0)
    ends = None if days is None else now + timedelta(days=days)
    return Order(home or bench.home(), name, bench.scopes(), ends)


def only(found: tuple[IssuedCredential, ...], name: str) -> IssuedCredential:
    (one,) = [credential for credential in found if credential.name == name]
    return one


def apart(one: datetime | None, other: datetime | None) -> timedelta:
    assert one is not None
    assert other is not None
    return abs(one - other)


def forms(secret: Secret, username: str = "") -> set[str]:
    """A secret as it is, and as it is sent."""
    value = secret.reveal()
    pairs = (f"{username}:{value}", f":{value}")
    return {value, *(base64.b64encode(pair.encode()).decode() for pair in pairs)}


def calls(
    provider: Issuer, bench: IssuingBench, login: IssuerLogin, credential_id: str
) -> dict[str, Callable[[], Awaitable[object]]]:
    """The four calls of an issuer, not yet made."""
    home = bench.home()
    return {
        "issued": lambda: provider.issued(login, home),
        "issue": lambda: provider.issue(login, order(bench, "another")),
        "rescope": lambda: provider.rescope(login, home, credential_id, bench.other_scopes()),
        "revoke": lambda: provider.revoke(login, home, credential_id),
    }


async def fault_of(call: Callable[[], Awaitable[object]]) -> Fault | None:
    try:
        await call()
    except RemoteError as error:
        return error.fault
    return None


CALLS = ("issued", "issue", "rescope", "revoke")


# Who issues --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", providers.names())
def test_ways_to_sign_in_are_declared_by_those_that_issue_and_no_other(name: str) -> None:
    assert bool(providers.spec(name).issuers) is (name in ISSUING)


@pytest.mark.parametrize("name", OTHERS)
async def test_a_provider_that_cannot_issue_is_no_issuer(name: str) -> None:
    plain: ProviderBench
    with open_bench(name) as plain:
        async with plain.open() as provider:
            assert not isinstance(provider, Issuer)
            assert not [call for call in CALLS if hasattr(provider, call)]


@pytest.mark.parametrize(("bench", "kind"), KINDS, indirect=["bench"])
async def test_every_way_to_sign_in_that_is_declared_works(
    bench: IssuingBench, kind: IssuerKind
) -> None:
    login = bench.issuer(kind)
    assert login.kind is kind
    async with opened(bench) as provider:
        minted = await provider.issue(login, order(bench))
        assert minted.credential in await provider.issued(login, bench.home())
        await provider.revoke(login, bench.home(), minted.credential.id)
    assert minted.credential.id not in bench.live_credentials()


@pytest.mark.parametrize(("bench", "kind"), STRANGE_KINDS, indirect=["bench"])
async def test_a_way_to_sign_in_that_is_not_declared_is_refused_unsent(
    bench: IssuingBench, kind: IssuerKind
) -> None:
    login = IssuerLogin(kind, Secret("strange-secret"), "ada")
    async with opened(bench) as provider:
        for call in calls(provider, bench, login, bench.unknown_id()).values():
            with pytest.raises(RemoteError, match=kind) as caught:
                await call()
            assert caught.value.hint
    assert bench.requests() == 0


async def test_the_home_of_another_providers_method_is_refused_unsent(bench: IssuingBench) -> None:
    known = providers.spec(bench.name)
    strange = next(k for k in MethodKind if k not in known.methods and k not in known.retired)
    home = CredentialHome(strange, owner="ada")
    async with opened(bench) as provider:
        with pytest.raises(RemoteError, match=strange):
            await provider.issued(bench.issuer(), home)
        with pytest.raises(RemoteError, match=strange):
            await provider.issue(bench.issuer(), order(bench, home=home))
    assert bench.requests() == 0


async def test_the_scopes_of_the_bench_are_in_the_vocabulary(bench: IssuingBench) -> None:
    words = providers.spec(bench.name).vocabulary.get(bench.home().kind, frozenset())
    assert set(bench.scopes()) != set(bench.other_scopes())
    assert not words or words >= {*bench.scopes(), *bench.other_scopes()}


# Making ------------------------------------------------------------------------------------------


async def test_what_was_issued_is_listed_as_it_was_granted(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    wanted = order(bench)
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), wanted)
        found = await provider.issued(bench.issuer(), bench.home())
    granted = minted.credential
    listed = only(found, NAME)
    assert (granted.id, granted.name) == (listed.id, NAME)
    assert granted.scopes == listed.scopes == set(wanted.scopes)
    assert apart(granted.expires_at, wanted.ends) <= DAY
    assert apart(granted.expires_at, listed.expires_at) <= DAY
    assert {credential.id for credential in found} == bench.live_credentials()
    assert bench.live_credentials() == before | {granted.id}
    assert bench.creates() == 1


async def test_its_secret_works_at_once_and_is_never_shown(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        login = bench.login_of(minted.secret)
        report = await provider.verify(login, reach=True)
        found = await provider.issued(bench.issuer(), bench.home())
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)
    text = repr((minted, login, report, found, bench.issuer()))
    hidden = forms(minted.secret, login.username) | forms(bench.issuer().secret)
    assert not [secret for secret in hidden if secret in text]


async def test_two_orders_of_one_name_give_two_credentials(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    async with opened(bench) as provider:
        one = await provider.issue(bench.issuer(), order(bench))
        two = await provider.issue(bench.issuer(), order(bench))
    assert one.secret != two.secret
    assert bench.live_credentials() - before == {one.credential.id, two.credential.id}
    assert bench.creates() == 2


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(str(mark("ox-acme", LINEAGE, 12)), id="marker"),
        pytest.param("[brackets] ]in[ any order", id="brackets"),
        pytest.param("one two three", id="spaces"),
        pytest.param("Zürich – ключ 鍵", id="unicode"),
        pytest.param("\"quoted\" & <tagged> 'n' 100% a\\b/c", id="punctuation"),
    ],
)
async def test_a_name_survives_the_way_there_and_back(bench: IssuingBench, name: str) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench, name))
        listed = only(await provider.issued(bench.issuer(), bench.home()), name)
    assert minted.credential.name == name
    assert listed.id == minted.credential.id
    assert read_marker(listed.name, LINEAGE) == read_marker(name, LINEAGE)


async def test_an_endless_order_is_granted_as_such_or_refused_unsent(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        if declared(bench.name).never_ends:
            minted = await provider.issue(bench.issuer(), order(bench, days=None))
            listed = only(await provider.issued(bench.issuer(), bench.home()), NAME)
            assert (minted.credential.expires_at, listed.expires_at) == (None, None)
            return
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench, days=None))
    assert caught.value.fault is Fault.REJECTED
    assert caught.value.hint
    assert bench.creates() == 0


@pytest.mark.parametrize(("bench", "how"), POLICIES, indirect=["bench"])
async def test_a_policy_on_their_life_shows_in_the_end_or_in_the_refusal(
    bench: IssuingBench, how: Shortening
) -> None:
    before = bench.live_credentials()
    bench.shorten_life(7, how)
    async with opened(bench) as provider:
        if how is Shortening.CLAMPS:
            minted = await provider.issue(bench.issuer(), order(bench))
            listed = only(await provider.issued(bench.issuer(), bench.home()), NAME)
            assert apart(minted.credential.expires_at, datetime.now(UTC) + 7 * DAY) <= DAY
            assert apart(minted.credential.expires_at, listed.expires_at) <= DAY
            return
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench))
        assert caught.value.fault is Fault.REJECTED
        assert caught.value.hint
        told = f"{caught.value.cause} {caught.value.hint}".lower()
        assert declared(bench.name).policy_words in told
        assert bench.live_credentials() == before
        await provider.issue(bench.issuer(), order(bench, days=5))
        assert len(bench.live_credentials()) == len(before) + 1


async def test_a_home_is_full_at_its_limit_and_not_before(bench: IssuingBench) -> None:
    limit = declared(bench.name).home_limit
    bench.fill_home((limit or 100) - len(bench.live_credentials()) - 1)
    async with opened(bench) as provider:
        await provider.issue(bench.issuer(), order(bench))
        before = bench.live_credentials()
        assert len(before) == (limit or 100)
        if limit is None:
            return
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench))
    assert caught.value.fault is Fault.REJECTED
    assert caught.value.hint
    assert bench.live_credentials() == before


# An answer that is lost --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["lost", "garbled"])
async def test_after_a_lost_answer_the_credential_is_found_by_its_name_and_revoked(
    bench: IssuingBench, how: str
) -> None:
    before = bench.live_credentials()
    (bench.lose_next_answer if how == "lost" else bench.garble_next_answer)()
    async with opened(bench) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench))
        assert caught.value.fault is Fault.AMBIGUOUS
        assert caught.value.hint
        assert bench.creates() == 1
        assert len(bench.live_credentials() - before) == 1
        orphan = only(await provider.issued(bench.issuer(), bench.home()), NAME)
        assert {orphan.id} == bench.live_credentials() - before
        await provider.revoke(bench.issuer(), bench.home(), orphan.id)
    assert bench.live_credentials() == before


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_a_create_is_never_sent_twice(bench: IssuingBench, trouble: Trouble) -> None:
    """One create goes before, so that the one in trouble has nothing to look up."""
    async with opened(bench) as provider:
        await provider.issue(bench.issuer(), order(bench, "before"))
        bench.trouble(trouble)
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench))
    assert bench.creates() == 2
    wanted = declared(bench.name).faults_of(trouble)
    if trouble in LOST:
        wanted = frozenset({Fault.AMBIGUOUS})
    elif trouble is Trouble.HTML:
        wanted |= {Fault.AMBIGUOUS}
    assert caught.value.fault in wanted
    assert caught.value.party == bench.name
    assert caught.value.hint
    assert bench.trapped() == 0


async def test_a_throttled_create_says_how_long_to_wait(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    bench.throttle_once("40")
    async with opened(bench) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.issue(bench.issuer(), order(bench))
    assert (caught.value.fault, caught.value.retry_after_s) == (Fault.THROTTLED, 40)
    assert bench.creates() <= 1
    assert bench.live_credentials() == before


# Listing -----------------------------------------------------------------------------------------


async def test_every_credential_of_a_crowded_home_is_listed(bench: IssuingBench) -> None:
    bench.fill_home(2 * declared(bench.name).credential_page + 1)
    async with opened(bench) as provider:
        found = await provider.issued(bench.issuer(), bench.home())
    assert len(found) > 2 * declared(bench.name).credential_page
    assert len(found) == len({credential.id for credential in found})
    assert {credential.id for credential in found} == bench.live_credentials()


async def test_what_has_ended_is_listed_no_more(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.expire(minted.credential.id)
        found = await provider.issued(bench.issuer(), bench.home())
        report = await provider.verify(bench.login_of(minted.secret), reach=False)
    assert minted.credential.id not in {credential.id for credential in found}
    assert minted.credential.id not in bench.live_credentials()
    assert report.verdict is Verdict.DEAD


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("call", ["issued", "rescope", "revoke"])
async def test_retry_after_is_obeyed(bench: IssuingBench, call: str, form: str) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        bench.throttle_once("40" if form == "seconds" else date)
        await calls(provider, bench, bench.issuer(), minted.credential.id)[call]()
    assert len(bench.sleeps) == 1
    assert 30 < bench.sleeps[0] <= 40


# Changing and ending -----------------------------------------------------------------------------


@pytest.mark.parametrize("bench", RESCOPING, indirect=True)
async def test_a_change_of_scopes_keeps_id_name_secret_and_end(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        granted = minted.credential
        changed = await provider.rescope(
            bench.issuer(), bench.home(), granted.id, bench.other_scopes()
        )
        listed = only(await provider.issued(bench.issuer(), bench.home()), NAME)
        report = await provider.verify(bench.login_of(minted.secret), reach=False)
    for seen in (changed, listed):
        assert (seen.id, seen.name) == (granted.id, NAME)
        assert seen.scopes == set(bench.other_scopes())
        assert apart(seen.expires_at, granted.expires_at) <= DAY
    assert report.verdict is Verdict.WORKS
    assert bench.creates() == 1


@pytest.mark.parametrize("bench", RESCOPING, indirect=True)
async def test_a_change_of_what_does_not_exist_is_not_found(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    async with opened(bench) as provider:
        with pytest.raises(RemoteError) as caught:
            await provider.rescope(
                bench.issuer(), bench.home(), bench.unknown_id(), bench.other_scopes()
            )
    assert caught.value.fault is Fault.NOT_FOUND
    assert caught.value.hint
    assert bench.live_credentials() == before


@pytest.mark.parametrize("bench", REVOKING, indirect=True)
async def test_revoking_kills_and_may_be_done_twice(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        kept = await provider.issue(bench.issuer(), order(bench, "kept"))
        minted = await provider.issue(bench.issuer(), order(bench))
        for _ in range(2):
            await provider.revoke(bench.issuer(), bench.home(), minted.credential.id)
            assert minted.credential.id not in bench.live_credentials()
        dead = await provider.verify(bench.login_of(minted.secret), reach=False)
        works = await provider.verify(bench.login_of(kept.secret), reach=False)
    assert (dead.verdict, works.verdict) == (Verdict.DEAD, Verdict.WORKS)


@pytest.mark.parametrize("bench", REVOKING, indirect=True)
async def test_revoking_what_never_was_is_success(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    async with opened(bench) as provider:
        await provider.revoke(bench.issuer(), bench.home(), bench.unknown_id())
    assert bench.live_credentials() == before


# Who is not let in -------------------------------------------------------------------------------


async def test_a_dead_issuer_is_a_matter_of_its_credential(bench: IssuingBench) -> None:
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        login = bench.issuer()
        bench.end_issuer()
        before = bench.live_credentials()
        for name, call in calls(provider, bench, login, minted.credential.id).items():
            with pytest.raises(RemoteError) as caught:
                await call()
            assert caught.value.fault is Fault.CREDENTIAL, (name, caught.value)
            assert caught.value.hint
    assert bench.live_credentials() == before


async def test_who_may_not_issue_is_told_so(bench: IssuingBench) -> None:
    before = bench.live_credentials()
    assert bench.weak_issuers()
    async with opened(bench) as provider:
        for login in bench.weak_issuers():
            with pytest.raises(RemoteError) as caught:
                await provider.issue(login, order(bench))
            assert caught.value.fault in {Fault.PERMISSION, Fault.CREDENTIAL}
            assert caught.value.hint
    assert bench.live_credentials() == before


# Failures and secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
@pytest.mark.parametrize("call", ["issued", "rescope"])
async def test_every_http_failure_becomes_our_error(
    bench: IssuingBench, call: str, trouble: Trouble
) -> None:
    wanted = declared(bench.name).faults_of(trouble)
    if call == "rescope" and trouble in LOST:
        wanted |= {Fault.AMBIGUOUS}
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.trouble(trouble)
        with pytest.raises(RemoteError) as caught:
            await calls(provider, bench, bench.issuer(), minted.credential.id)[call]()
    assert caught.value.fault in wanted
    assert caught.value.party == bench.name
    assert caught.value.hint
    assert bench.trapped() == 0


@pytest.mark.parametrize("call", CALLS)
async def test_over_the_hourly_allowance_nothing_is_sent(bench: IssuingBench, call: str) -> None:
    async with bench.open(hourly_requests=1) as provider:
        assert isinstance(provider, Issuer)
        await provider.verify(bench.login, reach=False)
        made = calls(provider, bench, bench.issuer(), bench.unknown_id())
        assert await fault_of(made[call]) is Fault.BUDGET
    assert bench.requests() == 1


@pytest.mark.parametrize("trouble", [t for t in Trouble if t is not Trouble.STATUS_404], ids=str)
async def test_revoking_claims_no_end_that_did_not_come(
    bench: IssuingBench, trouble: Trouble
) -> None:
    """A 404 is left out: it says that the end came before."""
    wanted = declared(bench.name).faults_of(trouble) | {Fault.AMBIGUOUS}
    async with opened(bench) as provider:
        minted = await provider.issue(bench.issuer(), order(bench))
        bench.trouble(trouble)
        fault = await fault_of(
            lambda: provider.revoke(bench.issuer(), bench.home(), minted.credential.id)
        )
    is_gone = minted.credential.id not in bench.live_credentials()
    assert fault in wanted or (fault is None and is_gone)
    assert bench.trapped() == 0


@pytest.mark.parametrize("trouble", list(Trouble), ids=str)
async def test_no_secret_is_in_any_error_or_repr(bench: IssuingBench, trouble: Trouble) -> None:
    login = bench.issuer()
    secrets = {*bench.secrets(), *forms(login.secret, login.username)}
    async with opened(bench) as provider:
        minted: Minted = await provider.issue(login, order(bench))
        secrets |= forms(minted.secret, bench.login_of(minted.secret).username)
        texts = [repr(minted), repr(login)]
        bench.trouble(trouble)
        for call in calls(provider, bench, login, minted.credential.id).values():
            try:
                await call()
            except RemoteError as error:
                texts.append(shown(error))
        texts.append(repr(provider) + repr(provider.reads()))
    text = "\n".join(texts)
    assert len(texts) > 4
    assert not [secret for secret in secrets if secret in text]
    assert KNOWN.scrub(text) == text
