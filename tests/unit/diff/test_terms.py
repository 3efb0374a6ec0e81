"""What the terms of a selection match."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diff.terms import compile_rules
from reconciler.model.desired import Term
from reconciler.model.observed import Repository
from tests.seen import some, term

names = st.text("ab.-x", max_size=6)


def included(wide: Term, name: str, *, id_: str = "{i}", project: str = "") -> bool:
    return compile_rules(some(wide)).includes(id_, Repository(name, project))


@pytest.mark.parametrize(
    ("glob", "matches", "misses"),
    [
        ("shared-*", ["shared-", "shared-a"], ["my-shared-a", "shared", "Shared-a"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc", "abc\n", "xabc"]),
        ("[ab]x", ["ax", "bx"], ["cx", "abx", "[ab]x"]),
        ("[!a]x", ["bx"], ["ax", "x"]),
        ("*", ["", "anything\n"], []),
        ("a.b*", ["a.b", "a.bc"], ["axb"]),
    ],
    ids=["star", "question-mark", "set", "negated-set", "everything", "dot-is-plain"],
)
def test_globs_are_anchored_at_both_ends(glob: str, matches: list[str], misses: list[str]) -> None:
    assert all(included(term(name=glob), name) for name in matches)
    assert not any(included(term(name=glob), name) for name in misses)


@pytest.mark.parametrize(
    ("regex", "matches", "misses"),
    [
        ("pay|payments", ["pay", "payments"], ["paym", "xpay", "pay\n"]),
        ("(?i)pay-.*", ["PAY-x", "pay-"], ["xpay-"]),
        (r"(a+)-\1", ["aa-aa"], ["aa-a"]),
        ("(?P<x>a)b", ["ab"], ["a"]),
        ("(?x) a b  # a comment", ["ab"], ["a b"]),
    ],
    ids=["alternatives", "flag", "back-reference", "group", "verbose"],
)
def test_a_regex_matches_the_whole_name(regex: str, matches: list[str], misses: list[str]) -> None:
    assert all(included(term(regex=regex), name) for name in matches)
    assert not any(included(term(regex=regex), name) for name in misses)


def test_terms_do_not_lend_one_another_flags_and_groups() -> None:
    rules = compile_rules(
        some(
            term(regex="(?i)pay"),
            term(regex="(?P<x>a)(?P=x)"),
            term(regex="(?P<x>b)(?P=x)"),
            term(name="C*"),
        )
    )
    found = [n for n in ("PAY", "aa", "bb", "AA", "Cx", "cx") if rules.includes("", Repository(n))]
    assert found == ["PAY", "aa", "bb", "Cx"]


@pytest.mark.parametrize("spelling", ["{AB-1}", "ab-1", "{ab-1}"])
def test_ids_compare_without_regard_to_case_and_braces(spelling: str) -> None:
    rules = compile_rules(some(term(name="*"), exclude=(term(id=spelling),)))
    assert rules.excludes("{ab-1}", Repository("x"))
    assert not rules.excludes("{ab-2}", Repository("x"))


def test_projects_match_by_their_whole_key() -> None:
    assert included(term(project="PAY"), "x", project="PAY")
    assert not included(term(project="PAY"), "x", project="PAYX")
    assert not included(term(project="PAY"), "x")


@given(names, names)
def test_a_name_without_a_wildcard_is_exact_and_excludes_exactly(name: str, other: str) -> None:
    if not name:
        return
    rules = compile_rules(some(term(name="*"), exclude=(term(name=name),)))
    assert rules.exact == ()
    assert rules.excludes("{i}", Repository(other)) == (name == other)
    assert compile_rules(some(term(name=name))).exact == (term(name=name),)


@given(st.lists(st.text("ab*?", min_size=1, max_size=4), min_size=1, max_size=4), names)
def test_many_globs_match_what_any_of_them_does(globs: list[str], name: str) -> None:
    def spelt(glob: str) -> str:
        return re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")

    wide = [g for g in globs if set(g) & set("*?")]
    rules = compile_rules(some(*(term(name=g) for g in wide)))
    assert rules.includes("", Repository(name)) == any(re.fullmatch(spelt(g), name) for g in wide)


@pytest.mark.parametrize(
    ("where", "archived", "fork", "passes"),
    [
        ({}, True, True, True),
        ({"archived": False}, True, False, False),
        ({"archived": False}, False, True, True),
        ({"archived": True}, True, False, True),
        ({"fork": False}, False, True, False),
        ({"fork": True, "archived": False}, False, True, True),
    ],
)
def test_where_keeps_only_what_has_the_property(
    where: dict[str, Any], archived: bool, fork: bool, passes: bool
) -> None:
    rules = compile_rules(some(term(name="*"), **where))
    assert rules.passes("{i}", Repository("x", fork=fork, archived=archived)) is passes


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (term(name="a*"), "name: a*"),
        (term(project="PAY"), "project: PAY"),
        (term(regex="a"), "regex: a"),
        (term(id="{1}"), "id: {1}"),
        (term(), "nothing"),
    ],
)
def test_a_term_says_itself_as_in_the_yaml(made: Term, said: str) -> None:
    assert str(made) == said
