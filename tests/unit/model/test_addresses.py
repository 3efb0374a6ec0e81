"""Addresses of connections and the ownership marker that carries them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import NAME_PATTERN, ConnectionAddress
from reconciler.model.marker import Marker, generation_in, mark, read_marker
from tests.builders import LINEAGE

names = st.from_regex(NAME_PATTERN, fullmatch=True).filter(
    lambda n: not n.endswith("\n") and not n.startswith("connection.")
)
OTHER_LINEAGE = "ffffffff-1111-4222-8333-444455556666"


@given(names)
def test_an_address_reads_back_from_its_text_and_from_its_bare_name(name: str) -> None:
    address = ConnectionAddress(name)
    assert ConnectionAddress.parse(str(address)) == address
    assert ConnectionAddress.parse(name) == address


@pytest.mark.parametrize(
    "text",
    ["", "connection.", "Ox", "-ox", "ox-", "ox acme", "ox\n", "connection.ox\n", "a" * 64, "ö"],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a connection name"):
        ConnectionAddress.parse(text)


@given(names, st.uuids(version=4), st.integers(1, 10**9 - 1))
def test_a_marker_reads_back_under_its_own_registry_only(
    name: str, lineage: object, generation: int
) -> None:
    shown = str(mark(name, str(lineage), generation))
    found = read_marker(shown, str(lineage))
    assert found == Marker(name, str(lineage).replace("-", "")[:8], generation)
    assert generation_in(shown) == generation
    if not str(lineage).startswith("ffffffff"):
        assert read_marker(shown, OTHER_LINEAGE) is None


@pytest.mark.parametrize(
    "name",
    [
        "ox-acme",
        "ox acme [reconciler 0b2e6f1c-2]",
        "ox-acme [reconciler 0b2e6f1c-2] ",
        "ox-acme [reconciler 0b2e6f1c-2]\n",
        "ox-acme [reconciler 0B2E6F1C-2]",
        "ox-acme [reconciler 0b2e6f1c-x]",
        f"ox-acme [reconciler 0b2e6f1c-{'9' * 5000}]",
        "OX-ACME [reconciler 0b2e6f1c-2]",
        "../etc [reconciler 0b2e6f1c-2]",
    ],
)
def test_a_display_name_that_we_never_wrote_is_nobody_of_ours(name: str) -> None:
    assert read_marker(name, LINEAGE) is None


def test_without_a_lineage_nothing_is_ours() -> None:
    assert read_marker(str(mark("ox-acme", LINEAGE, 1)), "") is None


def test_an_unmarked_name_has_no_generation() -> None:
    assert generation_in("made by hand") == 0
