"""Answers that nobody documented: tolerated, or refused in words; never a traceback or a leak."""

from __future__ import annotations

import pytest

from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.endstate import credentials, ensure_whole
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

EMULATORS = ("bitbucket-cloud", "ox")
TOLERATED = {
    "unknown-fields": Fault(FaultKind.UNKNOWN_FIELDS, times=None),
    "slow": Fault(FaultKind.SLOW, times=2, value=1.5),
    "one-500": Fault(FaultKind.ERROR, times=1),
    "one-drop": Fault(FaultKind.DROP, times=1),
    "one-502-after-it-was-done": Fault(FaultKind.ERROR_AFTER_COMMIT, times=1),
    "one-429-with-a-wait": Fault(FaultKind.RATE_LIMIT, times=1, value=1),
}
"""What must not keep an apply from ending well."""

REFUSED = {
    "html": Fault(FaultKind.HTML, times=None),
    "truncated": Fault(FaultKind.TRUNCATED, times=None),
    "foreign-redirect": Fault(FaultKind.FOREIGN_REDIRECT, times=None),
    "400": Fault(FaultKind.ERROR, times=None, value=400),
    "401": Fault(FaultKind.ERROR, times=None, value=401),
    "403": Fault(FaultKind.ERROR, times=None, value=403),
    "404": Fault(FaultKind.ERROR, times=None, value=404),
    "410": Fault(FaultKind.ERROR, times=None, value=410),
    "418": Fault(FaultKind.ERROR, times=None, value=418),
    "429-for-an-hour": Fault(FaultKind.RATE_LIMIT, times=None, value=3600),
}
"""What no apply can go on under."""

PATIENCE = {
    "500": Fault(FaultKind.ERROR, times=None),
    "503": Fault(FaultKind.ERROR, times=None, value=503),
    "drop": Fault(FaultKind.DROP, times=None),
}
"""Likewise, but only after it was tried some times."""


def _at(emulator: str, fault: Fault) -> Fault:
    return Fault(
        fault.kind, emulator=emulator, times=fault.times, value=fault.value, match=fault.match
    )


def _ensure_clean(world: World) -> None:
    said = "".join(world.outputs)
    assert "this is a bug" not in said
    assert "Traceback" not in said
    assert not any(hit.has_authorization for hit in world.sandbox.trapped)


def _token(world: World) -> str:
    return world.environment["OX_BOT_TOKEN"]


@pytest.mark.parametrize("name", TOLERATED)
@pytest.mark.parametrize("emulator", EMULATORS)
def test_what_can_be_tolerated_does_not_keep_an_apply_from_ending_well(
    world: World, emulator: str, name: str
) -> None:
    world.sandbox.faults.add(_at(emulator, TOLERATED[name]))
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.sandbox.faults.add(_at(emulator, TOLERATED[name]))
    world.apply()
    ensure_whole(world, token=_token(world), selected=frozenset({"ledger"}))
    _ensure_clean(world)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("emulator", EMULATORS)
def test_what_cannot_be_understood_fails_in_words_and_changes_nothing(
    world: World, emulator: str, name: str
) -> None:
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.sandbox.faults.add(_at(emulator, REFUSED[name]))
    before = [(c.id, set(c.selected)) for c in credentials(world)]
    for words in (("plan",), ("apply", "--auto-approve"), ("drift",), ("verify",)):
        run = world.run(*words)
        assert run.code == 1, run.out + run.err
        assert run.out + run.err
    assert [(c.id, set(c.selected)) for c in credentials(world)] == before
    _ensure_clean(world)
    world.sandbox.faults.clear()
    world.apply()
    ensure_whole(world, token=_token(world), selected=frozenset({"ledger"}))


@pytest.mark.slow
@pytest.mark.parametrize("name", PATIENCE)
@pytest.mark.parametrize("emulator", EMULATORS)
def test_what_does_not_pass_fails_in_words_after_some_tries(
    world: World, emulator: str, name: str
) -> None:
    world.sandbox.faults.add(_at(emulator, PATIENCE[name]))
    run = world.run("apply", "--auto-approve")
    assert run.code == 1
    assert credentials(world) == []
    _ensure_clean(world)


OPTIONAL = {
    "bitbucket-cloud": (
        "size", "next", "project", "parent", "slug", "uuid", "full_name", "values", "type",
    ),
    "ox": (
        "credentialsId", "credentialsName", "credentialsType", "credentialsTypes", "name",
        "displayName", "hostURL", "tokenExpirationDate", "monitoredResources", "isConfigured",
        "credentials", "connector", "connectors", "family", "id", "isMonitored", "resourceType",
        "resourceOrgName", "total", "selected", "resources", "children", "__typename",
        "monitorAllNewlyCreatedResources", "credentialsAreValid", "noReposFound", "success",
        "data", "addCredentials", "removeCredentials",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("emulator", "field"),
    [pytest.param(e, f, id=f"{e}-{f}") for e, fields in OPTIONAL.items() for f in fields],
)
def test_a_field_that_is_missing_is_tolerated_or_refused_in_words(
    world: World, emulator: str, field: str
) -> None:
    fault = Fault(FaultKind.MISSING_FIELDS, emulator=emulator, times=None, value=field)
    _apply_and_narrow_under(world, fault)


ODD = {
    "bitbucket-cloud": (
        "type=quantum", "size=many", "uuid=none", "slug=", "key=", "next=nowhere", "full_name=x",
        "values=none", "project=none", "parent=none",
    ),
    "ox": (
        "credentialsType=QuantumKey", "__typename=QuantumCredentials", "resourceType=galaxy",
        "family=Everything", "tokenExpirationDate=soon", "isMonitored=perhaps", "total=many",
        "selected=none", "success=perhaps", "credentialsAreValid=perhaps", "id=0", "name=",
        "credentialsName=", "credentialsId=", "hostURL=", "monitorAllNewlyCreatedResources=soon",
        "monitoredResources=none", "isConfigured=perhaps", "resourceOrgName=", "credentials=none",
        "validationMessage=\x1b[31mred", "data=none", "credentialsId=same",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("emulator", "value"),
    [pytest.param(e, v, id=f"{e}-{v!a}") for e, values in ODD.items() for v in values],
)
def test_a_value_that_nobody_documented_is_tolerated_or_refused_in_words(
    world: World, emulator: str, value: str
) -> None:
    fault = Fault(FaultKind.OTHER_VALUES, emulator=emulator, times=None, value=value)
    _apply_and_narrow_under(world, fault)
    assert "\x1b[31m" not in "".join(world.outputs)


def _apply_and_narrow_under(world: World, fault: Fault) -> None:
    """Connect, then narrow a connection, while *fault* lasts; whole again when it is over."""
    world.sandbox.faults.add(fault)
    codes = [world.run("apply", "--auto-approve").code]
    assert len(credentials(world)) <= 1
    world.sandbox.faults.clear()
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.sandbox.faults.add(fault)
    codes.append(world.run("apply", "--auto-approve").code)
    assert len(credentials(world)) <= 2
    world.sandbox.faults.clear()
    world.apply()
    ensure_whole(world, token=_token(world), selected=frozenset({"ledger"}))
    assert set(codes) <= {0, 1}
    _ensure_clean(world)


def test_a_foreign_next_is_not_followed_with_a_credential(world: World) -> None:
    for number in range(150):
        world.sandbox.bitbucket.create_repository("acme", f"shared-{number}")
    world.sandbox.faults.add(Fault(FaultKind.FOREIGN_NEXT, times=None))
    for words in (("plan",), ("apply", "--auto-approve")):
        assert world.run(*words).code in (0, 1)
    assert world.sandbox.trapped == []
    _ensure_clean(world)


@pytest.mark.parametrize("switch", ["numeric_ids", "nested", "errors_as_200"])
def test_an_ox_of_another_shape_is_understood(world: World, switch: str) -> None:
    world.ox.switch(**{switch: True})
    world.apply()
    world.connection()["repositories"] = {"include": [{"name": "ledger"}]}
    world.apply()
    ensure_whole(world, token=_token(world), selected=frozenset({"ledger"}))


def test_an_ox_that_refuses_selections_fails_and_leaves_nothing_behind(world: World) -> None:
    world.ox.switch(takes_selections=False)
    assert world.run("apply", "--auto-approve").code == 1
    assert credentials(world) == []
    world.ox.switch(takes_selections=True)
    world.apply()
    ensure_whole(world, token=_token(world))


def test_a_key_revoked_in_between_fails_in_words(world: World) -> None:
    world.apply()
    world.ox.revoke_key()
    for words in (("plan",), ("apply", "--auto-approve"), ("verify",), ("drift",)):
        assert world.run(*words).code == 1
    _ensure_clean(world)
    world.ox.restore_key()
    ensure_whole(world, token=_token(world))
