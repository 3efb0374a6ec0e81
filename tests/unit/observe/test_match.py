"""Which live connection is whose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.address import ConnectionAddress
from reconciler.model.method import MethodKind
from reconciler.model.observed import LiveConnection
from reconciler.observe.match import Matcher
from tests.builders import LINEAGE, a_connection, a_method, an_account, an_address
from tests.seen import a_live, a_resource, an_operation, live_selection, recorded

MARK = f"[reconciler {LINEAGE[:8]}-"
OURS = a_live(id="ours", name=f"ox-acme {MARK}1]")
NEWER = a_live(id="newer", name=f"ox-acme {MARK}2]")
OTHERS = a_live(id="others", name="ox-acme [reconciler ffffffff-1]")
PLAIN = a_live(id="plain", name="made by hand", username="")
NAMED = a_live(id="named", name="ox-acme", username="")
TWIN = a_live(id="twin", name="by hand", username="OX-BOT@acme.example")
BROWSER = a_connection(method=a_method(kind=MethodKind.OAUTH_APP, username=""))
GRANT = a_live(id="grant", name="Bitbucket", kind=MethodKind.OAUTH_APP, username="")
ELSEWHERE = replace(
    GRANT,
    id="elsewhere",
    selection=replace(live_selection(), resources=(a_resource("{z}", "z", owner="globex"),)),
)
ADDRESS = an_address()


def matcher(*tenant: LiveConnection, claimed: tuple[str, ...] = ()) -> Matcher:
    return Matcher(tenant, LINEAGE, frozenset(claimed))


def ids(found: tuple[LiveConnection, ...]) -> list[str]:
    return [c.id for c in found]


def find(made: Matcher, **parts: Any) -> tuple[str, list[str], list[str]]:
    given = {"desired": a_connection(), "record": None, "operation": None, **parts}
    match = made.find(("ox-acme", "ox-old"), **given)
    return (match.live.id if match.live else "", ids(match.strays), ids(match.strangers))


@pytest.mark.parametrize(
    ("tenant", "record", "expected"),
    [
        ((OURS,), "ours", ("ours", [], [])),
        ((OURS, NEWER), "ours", ("ours", ["newer"], [])),
        ((NEWER,), "gone", ("", ["newer"], [])),
        ((PLAIN,), "plain", ("plain", [], [])),
        ((OURS, PLAIN, TWIN, NAMED), "ours", ("ours", [], [])),
    ],
    ids=["by-id", "left-behind", "gone", "renamed-by-hand", "strangers-do-not-matter"],
)
def test_a_recorded_connection_is_found_by_its_id(
    tenant: tuple[LiveConnection, ...], record: str, expected: object
) -> None:
    made = matcher(*tenant, claimed=(record,))
    assert find(made, record=recorded(live_id=record)) == expected


@pytest.mark.parametrize(
    ("tenant", "claimed", "expected"),
    [
        ((), (), ("", [], [])),
        ((OURS,), (), ("", ["ours"], [])),
        ((a_live(id="old", name=f"ox-old {MARK}1]"),), (), ("", ["old"], [])),
        ((a_live(id="x", name=f"ox-other {MARK}1]"),), (), ("", [], [])),
        ((OURS,), ("ours",), ("", [], [])),
        ((OTHERS,), (), ("", [], ["others"])),
        ((replace(OTHERS, username=""),), (), ("", [], [])),
        ((PLAIN,), (), ("", [], [])),
        ((NAMED,), (), ("", [], ["named"])),
        ((TWIN,), (), ("", [], ["twin"])),
        ((TWIN,), ("twin",), ("", [], [])),
        ((replace(TWIN, selection=None),), (), ("", [], [])),
        ((replace(TWIN, kind=MethodKind.ACCESS_TOKEN),), (), ("", [], [])),
        ((replace(NAMED, provider="azure-devops"),), (), ("", [], [])),
    ],
    ids=[
        "nothing",
        "left-behind",
        "left-behind-under-an-old-name",
        "of-another-connection",
        "claimed",
        "of-another-registry-and-alike",
        "of-another-registry",
        "unlike",
        "same-name",
        "same-user-and-workspace",
        "alike-but-claimed",
        "same-user-somewhere",
        "same-user-another-method",
        "another-provider",
    ],
)
def test_a_new_connection_sees_what_is_ours_and_what_is_like_it(
    tenant: tuple[LiveConnection, ...], claimed: tuple[str, ...], expected: object
) -> None:
    assert find(matcher(*tenant, claimed=claimed)) == expected


@pytest.mark.parametrize(
    ("adopt", "live"),
    [("plain", "plain"), ("made by hand", "plain"), ("others", "others"), ("ours", ""), ("x", "")],
)
def test_adoption_takes_what_it_names_and_nothing_marked_as_ours(adopt: str, live: str) -> None:
    made = matcher(PLAIN, OTHERS, OURS)
    assert find(made, desired=a_connection(adopt=adopt))[0] == live


def test_a_name_that_two_carry_adopts_neither() -> None:
    made = matcher(PLAIN, replace(PLAIN, id="second"))
    assert find(made, desired=a_connection(adopt="made by hand"))[0] == ""


@pytest.mark.parametrize(
    ("tenant", "live"),
    [
        ((GRANT,), "grant"),
        ((GRANT, ELSEWHERE), "grant"),
        ((ELSEWHERE,), ""),
        ((GRANT, replace(GRANT, id="g2")), ""),
        ((GRANT, replace(GRANT, id="g2", name="ox-acme")), "g2"),
        ((replace(GRANT, kind=MethodKind.IDENTITY_PROVIDER),), ""),
        ((replace(GRANT, selection=None),), ""),
    ],
    ids=["only-one", "by-workspace", "other-workspace", "two", "by-name", "method", "unread"],
)
def test_a_grant_that_was_asked_for_is_recognized(
    tenant: tuple[LiveConnection, ...], live: str
) -> None:
    made = matcher(*tenant)
    asked = an_operation(step="grant")
    assert find(made, desired=BROWSER, operation=asked)[0] == live
    assert find(made, desired=BROWSER)[0] == ""


def test_a_grant_in_the_place_of_a_recorded_connection_is_shown_beside_it() -> None:
    asked, record = an_operation(step="grant"), recorded(live_id="ours")
    made = matcher(OURS, GRANT, claimed=("ours",))
    found = find(made, desired=BROWSER, record=record, operation=asked)
    assert found == ("ours", [], ["grant"])
    assert find(made, desired=BROWSER, record=record) == ("ours", [], [])
    same = replace(record, method=MethodKind.OAUTH_APP)
    assert find(made, desired=BROWSER, record=same, operation=asked) == ("ours", [], [])
    moved = replace(BROWSER, account=an_account(api_url="https://other/"))
    assert find(made, desired=moved, record=same, operation=asked) == ("ours", [], ["grant"])
    gone = matcher(GRANT, claimed=("ours",))
    assert find(gone, desired=BROWSER, record=same, operation=asked) == ("", [], ["grant"])


AZURE_URL = "https://dev.azure.com"
DATA_CENTER_URL = "https://git.example.org/bitbucket"
CLOUD_URL = "https://api.bitbucket.org/2.0"


@pytest.mark.parametrize(
    ("api_url", "workspace", "host_url", "owner", "is_found"),
    [
        (AZURE_URL, "acme", f"{AZURE_URL}/acme/", "Payments", True),
        (AZURE_URL, "acme", f"{AZURE_URL}/ACME", "Payments", True),
        (f"{AZURE_URL}/", "Acme", f"{AZURE_URL}/acme", "Payments", True),
        (AZURE_URL, "acme", f"{AZURE_URL}/globex/", "acme", False),
        (AZURE_URL, "acme", f"{AZURE_URL}/not-acme/", "Payments", False),
        (AZURE_URL, "acme", f"{AZURE_URL}/globex/acme", "Payments", False),
        (AZURE_URL, "acme", "https://tfs.example.org/acme/", "Payments", False),
        ("https://tfs.example.org/tfs", "acme", "https://tfs.example.org/tfs/acme/", "Pay", True),
        (CLOUD_URL, "acme", CLOUD_URL, "acme", True),
        (CLOUD_URL, "acme", f"{CLOUD_URL}/", "globex", False),
        (CLOUD_URL, "2.0", CLOUD_URL, "globex", False),
        ("http://127.0.0.1:8765/2.0", "2.0", CLOUD_URL, "globex", False),
        (DATA_CENTER_URL, "bitbucket", DATA_CENTER_URL, "PAY", False),
        (DATA_CENTER_URL, "bitbucket", f"{DATA_CENTER_URL}/", "PAY", False),
        (DATA_CENTER_URL, "bitbucket", "https://other.example.org/bitbucket", "PAY", False),
    ],
    ids=[
        "organization",
        "in-capitals",
        "slashes",
        "project-called-like-the-organization",
        "longer-name",
        "deeper",
        "other-server",
        "collection",
        "workspace-by-owner",
        "other-workspace",
        "workspace-called-2.0",
        "workspace-called-2.0-elsewhere",
        "instance-called-bitbucket",
        "instance-with-slash",
        "other-instance-called-bitbucket",
    ],
)
def test_a_grant_reaches_the_account_by_its_address_or_by_what_it_sees(
    api_url: str, workspace: str, host_url: str, owner: str, *, is_found: bool
) -> None:
    seen = replace(live_selection(), resources=(a_resource("{z}", "z", owner=owner),))
    grant = replace(GRANT, host_url=host_url, selection=seen)
    account = an_account(api_url=api_url, workspace=workspace)
    found = find(
        matcher(grant),
        desired=replace(BROWSER, account=account),
        operation=an_operation(step="grant"),
    )
    assert found[0] == ("grant" if is_found else "")


@pytest.mark.parametrize(
    ("host_url", "expected"),
    [(f"{AZURE_URL}/acme/", ["app"]), (f"{AZURE_URL}/globex/", [])],
    ids=["this-organization", "another"],
)
def test_an_application_connected_by_hand_is_told_by_its_organization(
    host_url: str, expected: list[str]
) -> None:
    kind = MethodKind.SERVICE_PRINCIPAL
    live = a_live(id="app", name="by hand", kind=kind, username="app-1", host_url=host_url)
    desired = replace(
        a_connection(method=a_method(kind=kind, username="APP-1")),
        account=an_account(api_url=AZURE_URL),
    )
    assert find(matcher(live), desired=desired)[2] == expected


def test_a_token_is_never_taken_for_a_grant() -> None:
    made = matcher(replace(TWIN, name="x"))
    found = find(made, operation=an_operation(step="mint"))
    assert (found[0], found[2]) == ("", ["twin"])


def test_an_undeclared_connection_keeps_its_leftovers() -> None:
    made = matcher(OURS, NEWER, claimed=("ours",))
    assert find(made, desired=None, record=recorded(live_id="ours")) == ("ours", ["newer"], [])
    assert find(made, desired=None) == ("", ["newer"], [])


def test_leftovers_are_ours_of_nobody_we_know() -> None:
    left = a_live(id="left", name=f"ox-left {MARK}3]")
    odd = a_live(id="odd", name=f"OX/Left {MARK}3]")
    made = matcher(OURS, left, odd, OTHERS, PLAIN)
    assert made.leftovers(frozenset({"ox-acme"})) == {ConnectionAddress("ox-left"): [left]}
    assert matcher(left, claimed=("left",)).leftovers(frozenset()) == {}


def test_unmanaged_is_what_neither_record_nor_marker_nor_match_accounts_for() -> None:
    made = matcher(OURS, OTHERS, PLAIN, NAMED, claimed=("named",))
    assert ids(made.unmanaged(frozenset({"plain"}))) == ["others"]
    assert ids(made.unmanaged(frozenset())) == ["others", "plain"]
