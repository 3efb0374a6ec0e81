"""The published schemas, as tests use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

from reconciler.load.schema import bundled


def assert_valid(name: str, document: Any) -> None:
    """*document* has the published shape."""
    schema = bundled(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)


def undeclared_keys(name: str, document: Any) -> set[str]:
    """Keys of *document* that the schema does not describe, with their paths."""
    schema = bundled(name)
    return set(_undeclared(document, [schema], schema, ""))


def _undeclared(
    value: Any, candidates: list[dict[str, Any]], root: dict[str, Any], path: str
) -> Iterator[str]:
    shapes = [shape for candidate in candidates for shape in _flat(candidate, root)]
    if isinstance(value, list):
        items = [shape["items"] for shape in shapes if "items" in shape]
        for item in value:
            yield from _undeclared(item, items, root, f"{path}[]")
    if isinstance(value, dict):
        for key, item in value.items():
            below = [s["properties"][key] for s in shapes if key in s.get("properties", {})]
            below += [s["additionalProperties"] for s in shapes if "additionalProperties" in s]
            if not below:
                yield f"{path}.{key}"
            yield from _undeclared(item, below, root, f"{path}.{key}")


def _flat(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        yield from _flat(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for key in ("anyOf", "oneOf"):
        for branch in schema.get(key, ()):
            yield from _flat(branch, root)
    yield schema
