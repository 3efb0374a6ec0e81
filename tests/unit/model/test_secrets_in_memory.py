"""Secrets never show themselves; scrubbers and fingerprints."""

from __future__ import annotations

import base64
import copy
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.secret import KNOWN, Fingerprinter, Scrubber, Secret, SecretRef
from tests.builders import a_mark

values = st.text(min_size=6, max_size=40).filter(lambda t: "*" not in t)


def test_a_secret_shows_itself_in_no_form() -> None:
    secret = Secret("ATATT3xCANARY")
    shown = (repr(secret), str(secret), f"{secret}", f"{[secret]}", repr({"k": secret}))
    assert not any("CANARY" in text for text in shown)


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_serialized(copier: object) -> None:
    assert callable(copier)
    with pytest.raises(TypeError, match="cannot be serialized"):
        copier(Secret("ATATT3xCANARY"))


def test_secrets_compare_by_value_and_with_nothing_else() -> None:
    assert Secret("abcdef") == Secret("abcdef")
    assert Secret("abcdef") != Secret("abcdeg")
    assert Secret("abcdef") != "abcdef"
    assert len({Secret("abcdef"), Secret("abcdef")}) == 1


@given(values, st.text(max_size=10), st.text(max_size=10))
def test_a_learnt_value_is_scrubbed_plain_quoted_and_in_basic_form(
    value: str, before: str, after: str
) -> None:
    scrubber = Scrubber()
    scrubber.learn(value)
    scrubber.learn_pair("user", value)
    basic = base64.b64encode(f"user:{value}".encode()).decode()
    alone = base64.b64encode(value.encode()).decode()
    for form in (value, quote(value, safe=""), alone, basic):
        assert form not in scrubber.scrub(f"{before}{form}{after}")


def test_a_longer_form_is_scrubbed_before_the_one_in_it() -> None:
    scrubber = Scrubber()
    scrubber.learn("abcdef")
    scrubber.learn("abcdefghij")
    assert scrubber.scrub("see abcdefghij and abcdef") == "see *** and ***"


def test_short_values_do_not_eat_words() -> None:
    scrubber = Scrubber()
    scrubber.learn("the")
    assert scrubber.scrub("the others") == "the others"


def test_every_secret_is_known_to_the_scrubber_of_the_process() -> None:
    Secret("ATATT-known-at-once")
    assert KNOWN.scrub("x ATATT-known-at-once y") == "x *** y"


@given(values, values, st.binary(min_size=8, max_size=32))
def test_fingerprints_agree_exactly_for_equal_secrets_under_one_key(
    one: str, other: str, key: bytes
) -> None:
    prints = Fingerprinter(key)
    assert (prints.of(Secret(one)) == prints.of(Secret(other))) == (one == other)
    assert prints.of(Secret(one)) != Fingerprinter(key + b"x").of(Secret(one))
    assert one not in prints.of(Secret(one))
    assert "key" not in repr(prints)


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        (SecretRef("env", ("OX_API_KEY",)), "environment variable OX_API_KEY"),
        (SecretRef("file", ("/p/x.token",)), "file /p/x.token"),
        (SecretRef("exec", ("pass", "show", "ox")), "the output of pass show ox"),
    ],
    ids=["env", "file", "exec"],
)
def test_a_reference_says_its_place_in_words(ref: SecretRef, place: str) -> None:
    assert ref.place == place


def test_where_a_reference_was_written_does_not_make_it_another() -> None:
    assert SecretRef("env", ("A",), a_mark(1)) == SecretRef("env", ("A",), a_mark(9))
