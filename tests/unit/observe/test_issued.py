"""The credentials that carry our mark: listed once for each home, and never anybody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import Fault
from reconciler.model.desired import DesiredState
from reconciler.model.marker import mark
from reconciler.model.observed import (
    Absent,
    ConnectionView,
    IssuedCredential,
    ObservedState,
    Present,
    Unreadable,
)
from reconciler.model.secret import SecretRef
from reconciler.observe import gather
from tests.builders import (
    LINEAGE,
    a_connection,
    a_method,
    a_state,
    an_account,
    an_address,
    an_issuer,
)
from tests.doubles import Desk, World, refused
from tests.seen import SECRET_REF, a_snapshot, an_issued, fingerprint, issued_method, recorded

OTHER_PASSWORD = SecretRef("file", ("/project/secrets/other.password",))


def a_two(**method: Any) -> Any:
    ref = SecretRef("file", ("/project/secrets/two.token",))
    made = issued_method(name="two", **{"secret": ref, "successor": None, **method})
    return a_connection(address=an_address("ox-two"), method=made)


async def seen(world: World, state: DesiredState | None = None) -> ObservedState:
    declared = state or a_state(a_connection(method=issued_method()))
    observed, handles = await gather(declared, world.ports, a_snapshot(recorded(token_id="t1")))
    await handles.aclose()
    return observed


async def view_of(world: World, state: DesiredState | None = None) -> ConnectionView:
    return (await seen(world, state)).views["connection.ox-acme"]


def with_listed(world: World, *found: IssuedCredential) -> Desk:
    return world.issue(issued={c.id: c for c in found})


async def test_only_what_carries_this_connections_mark_is_its_own(world: World) -> None:
    with_listed(
        world,
        an_issued("t1", 1),
        an_issued("t2", 7),
        an_issued("t3", name="ox-acme"),
        an_issued("t4", name=str(mark("ox-two", LINEAGE, 1))),
        an_issued("t5", name=str(mark("ox-acme", "ffffffff-1111", 1))),
        an_issued("t6", name=f"copy of {mark('ox-acme', LINEAGE, 1)}"),
    )
    view = await view_of(world)
    assert isinstance(view.issued, Present)
    assert [c.id for c in view.issued.value] == ["t1", "t2"]
    assert view.issued_as("t1") is not None
    assert view.issued_as("t4") is None
    assert view.issued_as("") is None


async def test_what_it_was_made_under_an_earlier_name_is_its_own(world: World) -> None:
    with_listed(world, an_issued("t1", name=str(mark("ox-old", LINEAGE, 1))))
    desired = a_connection(method=issued_method(), previously=(an_address("ox-old"),))
    view = await view_of(world, a_state(desired))
    assert view.issued_as("t1") is not None


async def test_a_method_without_an_issuer_is_not_asked_about(world: World) -> None:
    with_listed(world, an_issued())
    view = await view_of(world, a_state())
    assert view.issued == Absent()
    assert "issued" not in world.calls.made


async def test_a_provider_that_makes_none_is_not_asked(world: World) -> None:
    view = await view_of(world)
    assert view.issued == Absent()


async def test_one_home_is_listed_once_however_many_live_there(world: World) -> None:
    with_listed(world, an_issued("t1"), an_issued("t4", name=str(mark("ox-two", LINEAGE, 1))))
    observed = await seen(world, a_state(a_connection(method=issued_method()), a_two()))
    assert world.calls.made.count("issued") == 1
    two = observed.views["connection.ox-two"].issued
    assert isinstance(two, Present)
    assert [c.id for c in two.value] == ["t4"]


async def test_another_home_is_listed_for_itself(world: World) -> None:
    desk = with_listed(world)
    two = a_two(level="project", target="PAY")
    await seen(world, a_state(a_connection(method=issued_method()), two))
    assert {(h.level, h.owner, h.target) for h in desk.homes} == {
        ("user", "ox-bot@acme.example", ""),
        ("project", "", "PAY"),
    }


async def test_another_account_is_listed_for_itself(world: World) -> None:
    with_listed(world)
    two = replace(a_two(), account=an_account(name="globex", workspace="globex"))
    await seen(world, a_state(a_connection(method=issued_method()), two))
    assert world.calls.made.count("issued") == 2


async def test_an_issuer_without_its_secret_is_said_with_the_place(world: World) -> None:
    with_listed(world)
    del world.secrets.values[an_issuer().secret]
    view = await view_of(world)
    assert isinstance(view.issued, Unreadable)
    assert view.issued.fault is Fault.CREDENTIAL
    assert "the issuer of 'ox-bot-token' has no secret" in view.issued.reason
    assert "ox-bot.password" in view.issued.reason
    assert "acme.yaml:13" in view.issued.hint


@pytest.mark.parametrize("fault", [Fault.CREDENTIAL, Fault.OUTAGE, Fault.PERMISSION])
async def test_an_issuer_that_is_refused_becomes_words(world: World, fault: Fault) -> None:
    with_listed(world)
    world.calls.faults["issued"] = refused(fault, "no", "bitbucket-cloud")
    view = await view_of(world)
    assert view.issued == Unreadable("the issuer of 'ox-bot-token': no", "mend it", fault)


async def test_a_failed_listing_is_not_asked_for_again_by_the_next_one(world: World) -> None:
    with_listed(world)
    world.calls.faults["issued"] = refused(Fault.OUTAGE, "503", "bitbucket-cloud")
    observed = await seen(world, a_state(a_connection(method=issued_method()), a_two()))
    assert {type(v.issued) for v in observed.views.values()} == {Unreadable}
    assert world.calls.made.count("issued") == 1


class TestOwnAccess:
    """What we ourselves read with: its end would lock us out."""

    async def test_it_is_the_issuer_the_reader_and_the_consumers_key(self, world: World) -> None:
        with_listed(world)
        reader = SecretRef("file", ("/project/secrets/reader",))
        world.secrets.values[reader] = "reader-token"
        account = an_account(reader=a_method(name="", secret=reader, successor=None))
        observed = await seen(world, a_state(a_connection(method=issued_method(), account=account)))
        assert observed.own_access == {
            fingerprint("ox-bot-password"),
            fingerprint("reader-token"),
            fingerprint("ox-key"),
        }

    async def test_a_connections_own_credential_that_reads_too_is_not(self, world: World) -> None:
        """Without a reader the first connection lends its own, and is rotated all the same."""
        with_listed(world)
        observed = await seen(world)
        assert fingerprint(world.secrets.values[SECRET_REF]) not in observed.own_access

    async def test_no_secret_shows_in_what_was_observed(self, world: World) -> None:
        with_listed(world)
        assert "ox-bot-password" not in repr(await seen(world))
