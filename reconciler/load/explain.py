"""Why a document fails its schema, in our words: place, cause, mend. Home of jsonschema.

A message never quotes a value, because a value may be a secret put in the wrong place; it quotes
only names of fields and short words where one of a few was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.errors import Problem
from reconciler.load.guard import shown
from reconciler.load.marks import DocumentMarks
from reconciler.load.schema import accepts, bundled
from reconciler.model.document import Path
from reconciler.model.suggest import nearest, suggestion

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_SECRET = "Secret reference"  # noqa: S105  the title of a schema
_LATER_SOURCES = frozenset({"azure", "gcp"})
_SOMETIMES_FORBIDDEN = ("secret", "successor", "maxAge", "rotateBefore", "expiresAt", "include")
_LONGEST_WORD = 40
_SHAPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}
_EMPTY_HINTS = {
    "include": "a selection is never empty by accident: name something, or write `all: true`",
    "projects": "leave it out for all projects",
    "scopes": "leave it out for what the profile requires",
}
_REFER = (
    "put it into a file or an environment variable and refer to it, {file: PATH} or {env: NAME}; "
    "then change the secret, because it was readable here"
)


@dataclass(frozen=True, slots=True)
class _Failure:
    """One error of jsonschema: the rule that failed, its argument, and where it stands.

    ``rule`` is empty where the schema forbids the field altogether. ``within`` are the keywords
    that lead to the rule.
    """

    path: Path
    rule: str
    argument: Any
    schema: Mapping[str, Any]
    instance: Any
    within: frozenset[str | int]


@dataclass(frozen=True, slots=True)
class _Fault:
    """A problem before it knows its place. ``by_key`` points at the key instead of the value."""

    path: Path
    code: str
    cause: str
    hint: str
    by_key: bool = False


def explain(
    kind: str, body: Any, marks: DocumentMarks, silent: Iterable[Path] = ()
) -> tuple[Problem, ...]:
    """Every reason why *body* is no *kind*; the best one for each place.

    Args:
        kind: whose schema the body failed.
        body: the whole document.
        marks: where its nodes stand.
        silent: paths about which another problem was already reported.
    """
    quiet = tuple(silent)
    faults: dict[tuple[Path, str], _Fault] = {}
    failures = map(_failure, _explainer(kind).iter_errors(body))
    for failure in sorted(failures, key=_rank):
        for fault in _faults(failure, body):
            if not any(fault.path[: len(path)] == path for path in quiet):
                faults.setdefault(_place_of(fault), fault)
    kept = _without_echoes(tuple(faults.values()))
    return tuple(_problem(fault, marks) for fault in kept)


def pruned(kind: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """*body* without its unknown fields when nothing else is wrong with it; else None.

    So that what it refers to can be judged in the same run.
    """
    unknown = [
        fault.path
        for failure in map(_failure, _explainer(kind).iter_errors(body))
        for fault in _faults(failure, body)
        if fault.code == "unknown-field"
    ]
    rest = deepcopy(body)
    for path in unknown:
        node: Any = rest
        for key in path[:-1]:
            node = node[key]
        node.pop(path[-1], None)
    return rest if unknown and accepts(kind, rest) else None


@cache
def _explainer(kind: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(bundled(kind))


def _failure(error: ValidationError) -> _Failure:
    return _Failure(
        path=tuple(error.absolute_path),
        rule=error.validator if isinstance(error.validator, str) else "",
        argument=error.validator_value,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        instance=error.instance,
        within=frozenset(error.absolute_schema_path),
    )


def _rank(failure: _Failure) -> int:
    order = ("type", "const", "enum")
    return order.index(failure.rule) if failure.rule in order else len(order)


def _place_of(fault: _Fault) -> tuple[Path, str]:
    """Structural faults may share a place; of the others one is enough."""
    return fault.path, fault.code if fault.code == "missing-field" else "value"


def _without_echoes(faults: tuple[_Fault, ...]) -> tuple[_Fault, ...]:
    """A misspelt field is one fault, not an unknown one and a missing one."""
    missing = {f.path for f in faults if f.code == "missing-field"}
    misspelt = {
        (*f.path[:-1], nearest(str(f.path[-1]), [str(p[-1]) for p in missing]))
        for f in faults
        if f.code == "unknown-field"
    }
    return tuple(f for f in faults if not (f.code == "missing-field" and f.path in misspelt))


def _problem(fault: _Fault, marks: DocumentMarks) -> Problem:
    where = marks.key_at(fault.path) if fault.by_key else marks.at(fault.path)
    return Problem(fault.code, fault.cause, fault.hint, where)


def _faults(failure: _Failure, body: Any) -> Iterator[_Fault]:
    if not failure.rule:
        yield from _forbidden(failure, body)
    elif "propertyNames" in failure.within:
        yield _bad_name(failure)
    elif failure.rule in _SEVERAL:
        yield from _SEVERAL[failure.rule](failure)
    else:
        yield _ONE.get(failure.rule, _out_of_range)(failure)


def _field(path: Path) -> str:
    """The name of the field that a path leads to; of its list, for an item."""
    return next((step for step in reversed(path) if isinstance(step, str)), "the document")


def _forbidden(failure: _Failure, body: Any) -> Iterator[_Fault]:
    """The error names the parent of a forbidden field and not the field: look for its value."""
    parent = body
    for step in failure.path:
        parent = parent[step]
    for name in _SOMETIMES_FORBIDDEN:
        if name in parent and parent[name] is failure.instance:
            cause = f'"{name}" cannot stand beside `all: true`'
            if "type" in parent:
                cause = f'a method of type {shown(str(parent["type"]))} takes no "{name}"'
            path = (*failure.path, name)
            yield _Fault(path, "field-not-allowed", cause, "leave it out", by_key=True)


def _bad_name(failure: _Failure) -> _Fault:
    name = str(failure.instance)
    hint = failure.schema.get("patternErrorMessage", "use letters, digits and `_`")
    return _Fault(
        (*failure.path, name), "bad-name", f'"{shown(name)}" is no name', hint, by_key=True
    )


def _missing(failure: _Failure) -> Iterator[_Fault]:
    for name in failure.argument:
        if name not in failure.instance:
            yield _missing_field(failure, name)


def _missing_together(failure: _Failure) -> Iterator[_Fault]:
    for present, names in failure.argument.items():
        if present in failure.instance:
            for name in names:
                if name not in failure.instance:
                    yield _missing_field(failure, name)


def _missing_field(failure: _Failure, name: str) -> _Fault:
    owner = f'"{_field(failure.path)}"' if failure.path else "the document"
    if "then" in failure.within and isinstance(failure.instance.get("type"), str):
        owner = f"a method of type {shown(failure.instance['type'])}"
    cause = f'{owner} needs the field "{name}"'
    if name == "include":
        cause = "a selection needs `include`, or `all: true`"
    return _Fault(
        (*failure.path, name), "missing-field", cause, f"add {_sample(failure.schema, name)}"
    )


def _sample(schema: Mapping[str, Any], name: str) -> str:
    """``username: ox-bot@acme.example``, from the examples of the schema."""
    definitions = bundled("reconciler")["$defs"]
    for part in (schema, definitions["method"], definitions["selection"]):
        field = part.get("properties", {}).get(name)
        if isinstance(field, dict):
            target = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
            example = (field.get("examples") or target.get("examples") or [""])[0]
            return f"`{name}: {_flow(example)}`"
    return f"`{name}: …`"


def _flow(example: Any) -> str:
    if isinstance(example, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in example.items()) + "}"
    if isinstance(example, list):
        return "[" + ", ".join(map(_flow, example)) + "]"
    return str(example).lower() if isinstance(example, bool) else str(example)


def _unknown(failure: _Failure) -> Iterator[_Fault]:
    known = failure.schema["properties"]
    for name in failure.instance:
        if name in known:
            continue
        if failure.schema.get("title") == _SECRET and name in _LATER_SOURCES:
            cause = f'secrets cannot be read from "{name}" in this version'
            hint = "let its own command print the secret: {exec: [COMMAND, ARGUMENT]}"
            yield _Fault(
                (*failure.path, name), "unsupported-secret-source", cause, hint, by_key=True
            )
            continue
        hint = suggestion(shown(name), known, what="known fields")
        cause = f'"{_field(failure.path)}" has no field "{shown(name)}"'
        yield _Fault((*failure.path, name), "unknown-field", cause, hint, by_key=True)


def _wrong_type(failure: _Failure) -> _Fault:
    if failure.schema.get("title") == _SECRET and isinstance(failure.instance, str):
        cause = f'"{_field(failure.path)}" must refer to a secret, and a value stands here'
        return _Fault(failure.path, "secret-value", cause, _REFER)
    value = failure.argument
    wanted = [value] if isinstance(value, str) else value
    words = " or ".join(_SHAPES.get(name, name) for name in wanted)
    cause = f'"{_field(failure.path)}" must be {words}, and is {_shape(failure.instance)}'
    quotable = "string" in wanted and isinstance(failure.instance, bool | int | float)
    hint = "put it in quotes" if quotable else f"write {words}"
    return _Fault(failure.path, "wrong-type", cause, hint)


def _shape(value: Any) -> str:
    shapes: tuple[tuple[type, str], ...] = (
        (dict, "a mapping"),
        (list, "a list"),
        (str, "text"),
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
    )
    return next((words for kind, words in shapes if isinstance(value, kind)), "empty")


def _wrong_word(failure: _Failure) -> _Fault:
    value = failure.argument
    choices = [_flow(choice) for choice in (value if isinstance(value, list) else [value])]
    name = _field(failure.path)
    text = failure.instance if isinstance(failure.instance, str) else ""
    short = 0 < len(text) <= _LONGEST_WORD
    cause = f'"{shown(text)}" is no {name}' if short else f'this is no "{name}"'
    hint = suggestion(text if short else "", choices, what="possible")
    return _Fault(failure.path, "unknown-value", cause, hint)


def _wrong_count(failure: _Failure) -> _Fault:
    names = ", ".join(failure.schema.get("properties", {}))
    if failure.schema.get("maxProperties") == 1:
        cause = f'"{_field(failure.path)}" must hold exactly one of {names}'
        return _Fault(failure.path, "need-exactly-one", cause, "keep one of them")
    cause = f'"{_field(failure.path)}" must not be empty'
    return _Fault(failure.path, "empty-value", cause, f"leave it out, or give one of {names}")


def _empty(failure: _Failure) -> _Fault:
    name = _field(failure.path)
    hint = _EMPTY_HINTS.get(name, "leave the field out, or fill it")
    return _Fault(failure.path, "empty-value", f'"{name}" must not be empty', hint)


def _repeated(failure: _Failure) -> _Fault:
    items = failure.instance
    index = next((i for i, item in enumerate(items) if item in items[:i]), 0)
    cause = f'the same item stands twice in "{_field(failure.path)}"'
    return _Fault((*failure.path, index), "repeated-item", cause, "keep one of the two")


def _bad_format(failure: _Failure) -> _Fault:
    hint = failure.schema.get("patternErrorMessage", "see `reconciler schema`")
    return _Fault(
        failure.path,
        "bad-format",
        f'the value of "{_field(failure.path)}" is not well formed',
        hint,
    )


def _out_of_range(failure: _Failure) -> _Fault:
    words = {"minimum": "at least", "maximum": "at most", "maxLength": "at most"}
    bound = words.get(str(failure.rule), "no more and no less than")
    unit = " characters long" if failure.rule == "maxLength" else ""
    cause = f'"{_field(failure.path)}" is out of bounds'
    hint = f"make it {bound} {failure.argument}{unit}"
    return _Fault(failure.path, "out-of-range", cause, hint)


_SEVERAL: dict[str, Callable[[_Failure], Iterator[_Fault]]] = {
    "required": _missing,
    "dependentRequired": _missing_together,
    "additionalProperties": _unknown,
}
_ONE: dict[str, Callable[[_Failure], _Fault]] = {
    "type": _wrong_type,
    "const": _wrong_word,
    "enum": _wrong_word,
    "minProperties": _wrong_count,
    "maxProperties": _wrong_count,
    "minItems": _empty,
    "minLength": _empty,
    "uniqueItems": _repeated,
    "pattern": _bad_format,
}
