"""The JSON Schemas: finding them, printing them, accepting documents. Home of jsonschema-rs.

jsonschema-rs accepts (microseconds a document); `reconciler.load.explain` uses jsonschema for
the few documents that fail.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import UsageError
from reconciler.model.suggest import suggestion

if TYPE_CHECKING:
    import jsonschema_rs

API_VERSION = "reconciler/v1"
_KINDS = (
    "Account",
    "Consumer",
    "Method",
    "RepositorySelection",
    "Connection",
    "ConsumerProfile",
    "Project",
)
_COMBINED = "reconciler"
_SUFFIX = ".schema.json"


def kinds() -> tuple[str, ...]:
    """Every kind of document."""
    return _KINDS


def schema_text(kind: str | None) -> str:
    """One schema as text that stands by itself, without references to other files.

    Args:
        kind: a kind of document; None for the schema of any document.

    Raises:
        UsageError: there is no such kind.
    """
    if kind is not None and kind not in _KINDS:
        hint = suggestion(kind, _KINDS, what="kinds")
        raise UsageError(f'there is no kind "{kind}"', hint=hint)
    return json.dumps(bundled(kind or _COMBINED), indent=2, ensure_ascii=False) + "\n"


@cache
def bundled(name: str) -> dict[str, Any]:
    """A schema with everything it refers to under ``$defs``."""
    definitions: dict[str, Any] = {}
    schema: dict[str, Any] = _inlined(_read(name), name, definitions)
    if definitions:
        schema["$defs"] = dict(sorted(definitions.items()))
    return schema


def accepts(kind: str, body: Any) -> bool:
    """Whether the document *body* has the shape of *kind*."""
    return _validator(kind).is_valid(body)


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(bundled(kind), offline=True)


def _inlined(node: Any, home: str, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, home, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {k: _inlined(v, home, definitions) for k, v in node.items() if k != "$defs"}
    if isinstance(reference := node.get("$ref"), str):
        copy["$ref"] = f"#/$defs/{_define(reference, home, definitions)}"
    return copy


def _define(reference: str, home: str, definitions: dict[str, Any]) -> str:
    """Bring the target of *reference* into *definitions*; its name there."""
    file, _, pointer = reference.partition("#/$defs/")
    source = file.removesuffix(_SUFFIX) or home
    name = pointer or source
    if name not in definitions:
        definitions[name] = {}  # stops a schema that refers to itself
        target = _read(source)["$defs"][pointer] if pointer else _read(source)
        definitions[name] = _inlined(target, source, definitions)
    return name


@cache
def _read(name: str) -> dict[str, Any]:
    text = _folder().joinpath(f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _folder() -> Traversable:
    """Inside the package when installed; beside it in a checkout."""
    packaged = resources.files("reconciler").joinpath("_schemas", "v1")
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[2] / "schemas" / "v1"
