"""The YAML reader: values, places, bounds. No file is touched."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.errors import SourceMark
from reconciler.load import marks
from reconciler.load.marks import Builder, DocumentMarks
from reconciler.load.pure_parser import PureParser

PARSERS = ["libyaml", "pure"]


@pytest.fixture(params=PARSERS, ids=PARSERS)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers that a machine may have."""
    if request.param == "pure":
        monkeypatch.setattr(marks, "FastParser", PureParser)
    elif not yaml.__with_libyaml__:
        pytest.skip("this PyYAML was built without libyaml")
    return str(request.param)


def read(text: str) -> Any:
    """The one document of *text*, which must be without a fault."""
    builder = Builder(text, "a.yaml")
    documents = list(builder.documents())
    assert builder.problems == []
    assert len(documents) == 1
    return documents[0][0]


def codes(text: str) -> list[str]:
    builder = Builder(text, "a.yaml")
    list(builder.documents())
    return [f"{p.where} {p.code}" for p in builder.problems]


def marks_of(text: str) -> DocumentMarks:
    return next(iter(Builder(text, "a.yaml").documents()))[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("12", 12),
        ("-3", -3),
        ("0123", "0123"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e5", "1e5"),
        (".inf", ".inf"),
        ("1.0e+999", "1.0e+999"),
        ("9" * 19, "9" * 19),
        ("2026-11-21", "2026-11-21"),
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("null", None),
        ("~", None),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("! 12", "12"),
        ("+", "+"),
        (".", "."),
    ],
    ids=lambda value: repr(value)[:24],
)
@pytest.mark.usefixtures("parser")
def test_plain_scalars_are_yaml_1_2_without_surprises(text: str, value: object) -> None:
    got = read(f"k: {text}")["k"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.usefixtures("parser")
def test_keys_are_always_text() -> None:
    assert read("{1: a, on: b, 2026-01-01: c, null: d}") == {
        "1": "a",
        "on": "b",
        "2026-01-01": "c",
        "null": "d",
    }


@pytest.mark.usefixtures("parser")
def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    text = """
base: &base {a: 1, b: 2}
more: &more {b: 3, c: 4}
one: {<<: *base, a: 9}
two: {<<: [*base, *more]}
word: &word hello
again: *word
&key k: *key
"""
    body = read(text)
    assert body["one"] == {"a": 9, "b": 2}
    assert body["two"] == {"a": 1, "b": 2, "c": 4}
    assert body["again"] == "hello"
    assert body["k"] == "k"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "1:1"),
        (("kind",), "1:7"),
        (("spec",), "2:1"),
        (("spec", "include"), "3:3"),
        (("spec", "include", 0), "4:7"),
        (("spec", "include", 0, "name"), "4:13"),
        (("spec", "include", 1, "name"), "5:14"),
        (("spec", "list", 1), "6:13"),
        (("spec", "nothing", "deeper"), "2:1"),
        (("kind", "below", 3), "1:7"),
        (("spec", "include", 7), "3:3"),
        (("spec", "include", "x"), "3:3"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("parser")
def test_every_node_knows_its_place(path: tuple[str | int, ...], place: str) -> None:
    text = "kind: Thing\nspec:\n  include:\n    - name: a\n    - {name: b}\n  list: [1, 2]\n"
    assert str(marks_of(text).at(path)) == f"a.yaml:{place}"


@pytest.mark.usefixtures("parser")
def test_the_place_of_a_key_differs_from_that_of_its_value() -> None:
    found = marks_of("spec: {usrname: x, list: [1]}")
    assert found.key_at(("spec", "usrname")) == SourceMark("a.yaml", 1, 8)
    assert found.at(("spec", "usrname")) == SourceMark("a.yaml", 1, 17)
    assert found.key_at(("spec", "list")) == SourceMark("a.yaml", 1, 20)
    assert found.key_at(("spec", "list", 0)) == SourceMark("a.yaml", 1, 27)


@pytest.mark.usefixtures("parser")
def test_merged_keys_keep_the_place_where_they_were_written() -> None:
    text = "base: &base\n  a: 1\nspec:\n  <<: *base\n  b: 2\n"
    assert str(marks_of(text).at(("spec", "a"))) == "a.yaml:2:6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["a.yaml:3:1 duplicate-key"]),
        ("s: {x: 1, x: [2]}", ["a.yaml:1:11 duplicate-key"]),
        ("s: {x: [1], x: 2}", ["a.yaml:1:13 duplicate-key"]),
        ("a: !!python/object:os.system x", ["a.yaml:1:4 yaml-tag"]),
        ("a: !Ref x", ["a.yaml:1:4 yaml-tag"]),
        ("a: !!set {x}", ["a.yaml:1:4 yaml-tag"]),
        ("a: !!int x", ["a.yaml:1:4 yaml-tag"]),
        ("a: *nowhere", ["a.yaml:1:4 yaml-alias"]),
        ("a: &a [*a]", ["a.yaml:1:8 yaml-alias"]),
        ("? [a, b]\n: c", ["a.yaml:1:3 yaml-key"]),
        ("a: {<<: 3}", ["a.yaml:1:5 yaml-key"]),
        ("a: {<<: [3]}", ["a.yaml:1:5 yaml-key"]),
        ("a: [1", ["a.yaml:2:1 yaml-syntax"]),
        ("a: b: c", ["a.yaml:1:5 yaml-syntax"]),
        ("a:\n\t- b", ["a.yaml:2:1 yaml-syntax"]),
        ("a: @b", ["a.yaml:1:4 yaml-syntax"]),
        ("a: 1\nb: \x07", ["a.yaml:2:4 yaml-syntax"]),
    ],
    ids=lambda value: repr(value)[:28],
)
def test_every_fault_of_the_text_is_named_at_its_place(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.usefixtures("parser")
def test_a_duplicate_key_names_both_places_and_reading_goes_on() -> None:
    builder = Builder("a: 1\nb:\n  c: 1\n  c: 2\nd: 4\n", "a.yaml")
    [(body, _)] = builder.documents()
    [problem] = builder.problems
    assert str(problem.where) == "a.yaml:4:3"
    assert "line 3" in problem.cause
    assert body == {"a": 1, "b": {"c": 1}, "d": 4}
    assert not builder.broken


@pytest.mark.usefixtures("parser")
def test_what_came_before_a_syntax_error_is_kept() -> None:
    builder = Builder("a: 1\n---\nb: 2\n---\nc: [\n", "a.yaml")
    assert [body for body, _ in builder.documents()] == [{"a": 1}, {"b": 2}]
    assert builder.broken


@pytest.mark.parametrize("kind", ["[", "{a: "], ids=["lists", "mappings"])
@pytest.mark.usefixtures("parser")
def test_nesting_is_bounded(kind: str) -> None:
    builder = Builder(kind * 5_000, "a.yaml")
    assert list(builder.documents()) == []
    assert [p.code for p in builder.problems] == ["yaml-too-deep"]


def test_nesting_through_aliases_is_bounded() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [[[[[[[[*a{n - 1}]]]]]]]]" for n in range(1, 12)]
    assert codes("\n".join(lines)) == ["a.yaml:9:17 yaml-too-deep"]


@pytest.mark.usefixtures("parser")
def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    builder = Builder("\n".join(lines), "a.yaml")
    assert list(builder.documents()) == []
    assert [p.code for p in builder.problems] == ["yaml-too-many-nodes"]


def test_a_file_of_very_many_values_is_refused() -> None:
    assert codes("[" + "1," * 100_001 + "]") == ["a.yaml:1:1 yaml-too-many-nodes"]


KEYS = st.text(string.ascii_letters + string.digits + " _-.:#é", min_size=1, max_size=12).filter(
    lambda key: key != "<<"
)
PLAIN_NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


TREES = st.recursive(
    st.none() | st.booleans() | PLAIN_NUMBERS | TEXTS,
    lambda child: st.lists(child, max_size=4) | st.dictionaries(KEYS, child, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, TREES, max_size=4))
@example({"on": "no", "n": ["012", "1e5", "1:30", "0o17", "1_0", "=", "<<", "~", ""]})
@example({"a": 1e300, "b": 5e-324, "c": -0.5, "d": 10**17})
def test_what_pyyaml_writes_is_read_as_it_was_meant(tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree)
    assert yaml.safe_load(text) == tree
    assert read(text) == tree


@given(st.text(max_size=200))
@settings(max_examples=300)
@example("%TAG ! tag:x,2000:\n--- !a b")
@example("\ufeffa: 1")
@example('a: "\\ud800"')
@example("a: !!int")
@example("- !!null\n- ! \n- !<tag:yaml.org,2002:bool> yes")
@example("&a : *a")
@example("&a &b c")
def test_no_text_makes_the_reader_raise(text: str) -> None:
    for parser_class in (marks.FastParser, PureParser):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(marks, "FastParser", parser_class)
            builder = Builder(text, "a.yaml")
            list(builder.documents())
            assert builder.problems or not builder.broken
            assert all(p.cause and p.hint and p.where for p in builder.problems)
