"""All reads of a run: each once, every failure in words, credentials sorted into their places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.diff import Background, compare
from reconciler.errors import Fault, Severity
from reconciler.model.desired import DesiredState
from reconciler.model.facts import TENANT
from reconciler.model.method import MethodKind
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    CredentialReport,
    ObservedState,
    Present,
    Unreadable,
    Verdict,
)
from reconciler.model.record import Record, Snapshot
from reconciler.model.secret import SecretRef
from reconciler.model.standing import VerifyLine
from reconciler.observe import check_connections, gather
from reconciler.observe.gather import planned
from reconciler.ports.bundle import Handles
from tests.builders import (
    LINEAGE,
    NOW,
    a_connection,
    a_consumer,
    a_method,
    a_profile,
    a_state,
    an_account,
    an_address,
)
from tests.doubles import MemoryConsumer, World, refused
from tests.seen import (
    a_live,
    a_snapshot,
    an_operation,
    fingerprint,
    recorded,
)

TWO = a_connection(address=an_address("ox-two"))
RECORD = recorded(fingerprint=fingerprint("ATATT-one"), live_id="cred-1")


async def seen(
    world: World, state: DesiredState | None = None, snapshot: Snapshot | None = None
) -> ObservedState:
    observed, handles = await gather(state or a_state(), world.ports, snapshot or a_snapshot())
    await handles.aclose()
    return observed


async def view_of(
    world: World, *records: Record, state: DesiredState | None = None, **snapshot: Any
) -> ConnectionView:
    observed = await seen(world, state, a_snapshot(*records, **snapshot))
    return observed.views["connection.ox-acme"]


async def test_every_read_is_made_once_however_many_share_it(world: World) -> None:
    await seen(world, a_state(a_connection(), TWO))
    assert sorted(world.calls.take()) == [
        "close ox-prod",
        "close provider",
        "list acme",
        "observe",
        "verify",
    ]


async def test_one_account_under_two_names_is_opened_once(world: World) -> None:
    main = a_connection(address=an_address("ox-two"), account=an_account(name="main"))
    await seen(world, a_state(a_connection(), main))
    assert world.calls.take().count("close provider") == 1


async def test_everything_open_is_closed_when_a_read_breaks(world: World) -> None:
    world.calls.faults["observe"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await gather(a_state(), world.ports, a_snapshot())
    assert {"close ox-prod", "close provider"} <= set(world.calls.made)


async def test_a_failed_listing_and_a_failed_tenant_become_words(world: World) -> None:
    world.calls.faults = {
        "list acme": refused(Fault.OUTAGE, "503 from Bitbucket"),
        "observe": refused(Fault.CREDENTIAL, "401 from OX"),
    }
    view = await view_of(world)
    assert view.listing == Unreadable("account 'acme': 503 from Bitbucket", "mend it", Fault.OUTAGE)
    assert view.live == Unreadable("consumer 'ox-prod': 401 from OX", "mend it", Fault.CREDENTIAL)


async def test_reads_without_a_credential_are_not_made(world: World) -> None:
    world.secrets.values.clear()
    consumer = a_consumer(credential=None)
    view = await view_of(world, state=a_state(a_connection(consumer=consumer)))
    assert isinstance(view.listing, Unreadable)
    assert view.listing.reason.endswith("file /project/secrets/ox-bot.token is not set")
    assert isinstance(view.live, Unreadable)
    assert view.live.reason.endswith("no secret is declared")
    assert world.calls.take() == ["close provider"]


@pytest.mark.parametrize(
    ("ref", "broken", "says"),
    [
        (SecretRef("file", ("/x",)), "it is readable by others", "readable by others (chmod 600)"),
        (SecretRef("vault", ("x",)), "", "secrets from 'vault' are not supported"),
    ],
    ids=["broken", "unsupported"],
)
async def test_a_secret_that_cannot_be_read_says_why(
    world: World, ref: SecretRef, broken: str, says: str
) -> None:
    world.secrets.broken = broken
    desired = a_connection(method=a_method(secret=ref, successor=None))
    view = await view_of(world, state=a_state(desired))
    assert says in view.credential.missing
    assert view.credential.held is None


async def test_the_accounts_own_reader_is_used_where_there_is_one(world: World) -> None:
    reader = a_method(name="", secret=SecretRef("env", ("OX_API_KEY",)), successor=None)
    await seen(world, a_state(a_connection(account=an_account(reader=reader))))
    assert "list acme" in world.calls.made
    browser = a_connection(method=a_method(kind=MethodKind.OAUTH_APP, secret=None, successor=None))
    view = await view_of(world, state=a_state(browser))
    assert isinstance(view.listing, Unreadable)
    assert view.credential.missing == ""


class TestCredentials:
    async def slots(self, world: World, record: Record | None, **more: Any) -> dict[str, str]:
        records = () if record is None else (record,)
        found = (await view_of(world, *records, **more)).credential
        slots = {"held": found.held, "candidate": found.candidate, "old": found.old}
        return {k: s.secret.reveal() for k, s in slots.items() if s is not None}

    async def test_before_the_first_apply_the_secret_is_the_one_to_use(self, world: World) -> None:
        assert await self.slots(world, None) == {"held": "ATATT-one"}
        world.put("ATATT-two", beside=True)
        assert await self.slots(world, None) == {"held": "ATATT-one", "candidate": "ATATT-two"}

    async def test_afterwards_the_recorded_one_is_held_and_another_is_a_candidate(
        self, world: World
    ) -> None:
        assert await self.slots(world, RECORD) == {"held": "ATATT-one"}
        world.put("ATATT-two", beside=True)
        assert await self.slots(world, RECORD) == {"held": "ATATT-one", "candidate": "ATATT-two"}
        world.put("ATATT-three")
        del world.secrets.values[SecretRef("file", ("/project/secrets/ox-bot.token.next",))]
        assert await self.slots(world, RECORD) == {"candidate": "ATATT-three"}

    async def test_a_retired_one_is_never_a_candidate(self, world: World) -> None:
        world.put("ATATT-two", beside=True)
        record = replace(
            RECORD,
            fingerprint=fingerprint("ATATT-two"),
            retired=(fingerprint("ATATT-one"),),
        )
        assert await self.slots(world, record) == {"held": "ATATT-two", "old": "ATATT-one"}

    async def test_a_retired_one_is_only_asked_about_while_its_end_is_awaited(
        self, world: World
    ) -> None:
        record = replace(RECORD, fingerprint="hmac:x", retired=(fingerprint("ATATT-one"),))
        idle = (await view_of(world, record)).credential.old
        waited = (await view_of(world, record, operations=(an_operation(),))).credential.old
        assert idle is not None
        assert waited is not None
        assert idle.report.verdict is Verdict.UNKNOWN
        assert waited.report.verdict is Verdict.WORKS

    async def test_the_same_value_in_both_places_is_one(self, world: World) -> None:
        world.put("ATATT-one", beside=True)
        assert await self.slots(world, RECORD) == {"held": "ATATT-one"}

    async def test_only_beside_counts_too(self, world: World) -> None:
        world.secrets.values.clear()
        world.put("ATATT-two", beside=True)
        assert await self.slots(world, None) == {"held": "ATATT-two"}


class TestLive:
    async def test_a_record_finds_its_live_connection(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live()
        assert (await view_of(world, RECORD)).live == Present(a_live())
        assert (await view_of(world, replace(RECORD, live_id="x"))).live == Absent()

    async def test_another_tenant_is_not_searched_for_the_old_connection(
        self, world: World
    ) -> None:
        world.tenant().live["cred-1"] = a_live()
        moved = a_connection(consumer=a_consumer(endpoint="https://eu/"))
        view = await view_of(world, RECORD, state=a_state(moved))
        assert view.live == Absent()

    async def test_a_consumer_that_is_no_longer_declared_cannot_be_asked(
        self, world: World
    ) -> None:
        state = replace(a_state(), connections={}, consumers={})
        view = await view_of(world, RECORD, state=state)
        assert isinstance(view.live, Unreadable)
        assert "no longer declared" in view.live.reason

    async def test_a_consumer_without_an_api_is_as_recorded(self, world: World) -> None:
        profile = replace(a_profile(), adapter="")
        state = a_state(a_connection(consumer=a_consumer(profile=profile)))
        view = await view_of(world, RECORD, state=state)
        assert isinstance(view.live, Present)
        assert view.live.value.id == "cred-1"
        assert (await view_of(world, state=state)).live == Absent()

    async def test_the_tenant_that_is_still_to_be_cleared_away_at_is_opened(
        self, world: World
    ) -> None:
        state = a_state()
        old = a_consumer(name="ox-old", endpoint="https://old/")
        state = replace(state, consumers={**state.consumers, "ox-old": old})
        operation = an_operation(facts={TENANT: "ox-old"})
        snapshot = a_snapshot(RECORD, operations=(operation,))
        _, handles = await gather(state, world.ports, snapshot)
        assert sorted(handles.consumers) == ["ox-old", "ox-prod"]
        await handles.aclose()

    async def test_leftovers_are_seen_with_their_tenant_when_the_whole_project_is_planned(
        self, world: World
    ) -> None:
        left = a_live(id="left", name=f"ox-left [reconciler {LINEAGE[:8]}-3]")
        world.tenant().live["left"] = left
        world.tenant().live["hand"] = a_live(id="hand", name="by hand", username="")
        observed = await seen(world)
        assert observed.views["connection.ox-left"] == ConnectionView(
            Absent(), Absent(), strays=(left,), tenant="ox-prod"
        )
        assert [c.id for c in observed.unmanaged["ox-prod"]] == ["hand"]
        part = replace(a_state(), covers_all=False, paths=("acme.yaml",))
        assert "connection.ox-left" not in (await seen(world, part)).views


class TestPlanned:
    def test_what_is_declared_or_recorded_is_planned_in_order(self) -> None:
        gone = replace(RECORD, address=an_address("a-gone"))
        pairs = planned(a_state(), a_snapshot(RECORD, gone))
        assert list(pairs) == [an_address("a-gone"), an_address()]
        assert pairs[an_address("a-gone")] == (None, gone)
        assert pairs[an_address()] == (a_connection(), RECORD)

    def test_a_renamed_connection_is_paired_with_its_record(self) -> None:
        new = a_connection(address=an_address("ox-new"), previously=(an_address(),))
        assert planned(a_state(new), a_snapshot(RECORD)) == {new.address: (new, RECORD)}
        both = planned(a_state(new, a_connection()), a_snapshot(RECORD))
        assert both[new.address] == (new, None)

    def test_other_files_are_left_alone(self) -> None:
        state = replace(a_state(), covers_all=False, paths=("other",))
        assert planned(state, a_snapshot(RECORD)) == {}
        gone = replace(RECORD, address=an_address("gone"))
        state = replace(a_state(), covers_all=False, paths=("acme.yaml",))
        assert list(planned(state, a_snapshot(gone))) == [an_address("gone"), an_address()]


class TestChecking:
    """`verify`: the provider's word and the consumer's, a line for each connection."""

    async def line(
        self, world: World, *records: Record, state: DesiredState | None = None
    ) -> VerifyLine:
        chosen, snapshot = state or a_state(), a_snapshot(*records)
        observed, handles = await gather(chosen, world.ports, snapshot)
        found = compare(chosen, snapshot, observed, Background({}, {}, NOW))
        (line,) = await check_connections(found, handles)
        return line

    async def test_a_connection_that_works_says_how(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live()
        line = await self.line(world, RECORD)
        assert (line.ok, line.severity) == (True, Severity.INFO)
        assert line.summary == "connected, 2 repositories"
        assert line.details == ("ox-bot by api_token, 2 scopes", "expires 2027-08-13")

    async def test_a_warning_colours_it(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live()
        world.put("ATATT-one", scopes=frozenset({"admin:x:bitbucket", *a_method().scopes}))
        line = await self.line(world, RECORD)
        assert (line.ok, line.severity) == (True, Severity.WARNING)

    async def test_scopes_that_nobody_told_are_said_to_be_unknown(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live(selection=None)
        world.put("ATATT-one", scopes=None)
        assert "scopes unknown" in (await self.line(world, RECORD)).details[0]

    async def test_the_consumers_no_counts(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live()
        world.tenant().works = lambda _: False
        line = await self.line(world, RECORD)
        assert (line.ok, line.summary) == (False, "it says 401")
        world.calls.faults["check cred-1"] = refused(Fault.OUTAGE, "503")
        assert (await self.line(world, RECORD)).summary == "503"

    async def test_what_is_not_connected_says_so(self, world: World) -> None:
        assert (await self.line(world)).summary == "not connected yet"
        assert (await self.line(world, RECORD)).summary == "gone at the consumer"

    async def test_what_could_not_be_read_says_so(self, world: World) -> None:
        world.calls.faults["list acme"] = refused(Fault.OUTAGE, "503")
        assert (await self.line(world, RECORD)).summary == "account 'acme': 503"

    async def test_a_dead_credential_is_worse_than_anything(self, world: World) -> None:
        world.tenant().live["cred-1"] = a_live()
        world.credentials["ATATT-one"] = CredentialReport(Verdict.DEAD, cause="401")
        line = await self.line(world, RECORD)
        assert (line.ok, "does not work" in line.summary) == (False, True)

    async def test_a_consumer_without_an_api_is_not_asked(self, world: World) -> None:
        profile = replace(a_profile(), adapter="")
        state = a_state(a_connection(consumer=a_consumer(profile=profile)))
        line = await self.line(world, RECORD, state=state)
        assert (line.ok, line.summary) == (True, "the consumer has no API to ask")

    async def test_what_is_not_declared_is_not_tried(self, world: World) -> None:
        state = replace(a_state(), connections={})
        observed, handles = await gather(state, world.ports, a_snapshot(RECORD))
        found = compare(state, a_snapshot(RECORD), observed, Background({}, {}, NOW))
        assert await check_connections(found, handles) == ()


def test_a_bundle_reads_what_its_adapters_cost(world: World) -> None:
    handles = Handles({}, {"ox": MemoryConsumer(world.calls, "ox")})
    assert [r.party for r in handles.reads()] == ["ox"]
