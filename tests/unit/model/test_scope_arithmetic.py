"""The laws of comparing scopes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.scope import closure, compare_scopes, in_order

IMPLIES = {
    "repository:admin": frozenset({"repository:write"}),
    "repository:write": frozenset({"repository"}),
    "pullrequest:write": frozenset({"pullrequest", "repository:write"}),
    "pullrequest": frozenset({"repository"}),
    "circle:a": frozenset({"circle:b"}),
    "circle:b": frozenset({"circle:a"}),
}
EVERY = sorted({*IMPLIES, *(s for held in IMPLIES.values() for s in held), "read:x:bitbucket"})
scopes = st.frozensets(st.sampled_from(EVERY))


@given(scopes)
def test_the_closure_holds_its_scopes_and_is_idempotent(held: frozenset[str]) -> None:
    once = closure(held, IMPLIES)
    assert held <= once
    assert closure(once, IMPLIES) == once


@given(scopes, scopes)
def test_the_closure_grows_with_its_scopes(one: frozenset[str], other: frozenset[str]) -> None:
    assert closure(one, IMPLIES) | closure(other, IMPLIES) == closure(one | other, IMPLIES)


@given(scopes, scopes)
def test_missing_is_wanted_surplus_is_held_and_no_scope_is_both(
    wanted: frozenset[str], held: frozenset[str]
) -> None:
    verdict = compare_scopes(wanted, held, IMPLIES)
    missing, surplus = set(verdict.missing), set(verdict.surplus)
    assert missing <= wanted
    assert surplus <= held
    assert not missing & surplus
    assert not missing & held
    assert not surplus & wanted
    assert verdict.is_exact == (not missing and not surplus)


@given(scopes, scopes)
def test_a_verdict_mends_itself(wanted: frozenset[str], held: frozenset[str]) -> None:
    """Granting what is missing and taking what is surplus leaves nothing to say."""
    verdict = compare_scopes(wanted, held, IMPLIES)
    mended = (held | set(verdict.missing)) - set(verdict.surplus)
    assert compare_scopes(wanted, held | set(verdict.missing), IMPLIES).missing == ()
    assert compare_scopes(wanted, mended, IMPLIES).surplus == ()


@given(scopes)
def test_the_same_set_is_exact(held: frozenset[str]) -> None:
    assert compare_scopes(held, held, IMPLIES).is_exact


@given(st.lists(st.sampled_from(EVERY)))
def test_the_order_depends_on_the_set_alone(listed: list[str]) -> None:
    assert in_order(listed) == in_order(sorted(set(listed), reverse=True))


@pytest.mark.parametrize(
    ("scopes", "ordered"),
    [
        (
            ("write:repository:bitbucket", "read:user:bitbucket", "read:repository:bitbucket"),
            ("read:repository:bitbucket", "write:repository:bitbucket", "read:user:bitbucket"),
        ),
        (
            ("webhook", "repository:write", "account", "repository"),
            ("account", "repository", "repository:write", "webhook"),
        ),
    ],
    ids=["granular", "classic"],
)
def test_scopes_of_one_resource_stand_together(
    scopes: tuple[str, ...], ordered: tuple[str, ...]
) -> None:
    assert in_order(scopes) == ordered
