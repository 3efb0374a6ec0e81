"""The published schemas: documented, self-contained when printed, and true of every example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from reconciler.errors import UsageError
from reconciler.load.schema import accepts, kinds, schema_text
from reconciler.model.address import NAME_PATTERN
from reconciler.model.method import ActionKind, MethodKind, Missing, NewRepositories
from reconciler.model.profile import LoginName, SelectionHome

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schemas" / "v1"
SCHEMAS: dict[str, Any] = {
    name: json.loads(FOLDER.joinpath(name).read_text(encoding="utf-8"))
    for name in (f"{stem}.schema.json" for stem in (*kinds(), "common", "reconciler"))
}
COMMON = SCHEMAS["common.schema.json"]["$defs"]


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield path, schema
        for key, child in schema.items():
            yield from nodes(child, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, child in enumerate(schema):
            yield from nodes(child, f"{path}/{index}")


def fields() -> Iterator[Any]:
    """Every field of every kind, as (file and path, schema)."""
    for name, schema in SCHEMAS.items():
        for path, node in nodes(schema):
            parent, _, _ = path.rpartition("/")
            if parent.endswith("/properties") and "/then/" not in path and "/if/" not in path:
                yield pytest.param(node, id=f"{name}{path}")


def target(field: Any) -> Any:
    reference = field.get("$ref", "")
    if not reference:
        return {}
    file, _, name = reference.rpartition("#/$defs/")
    return COMMON[name] if name else SCHEMAS[file or reference]


@pytest.mark.parametrize("field", list(fields()))
def test_every_field_is_described_and_has_an_example(field: dict[str, Any]) -> None:
    found = target(field)
    assert len(field.get("description") or found.get("description", "")) > 10
    assert field.get("examples") or found.get("examples")


def validator(schema: Any) -> Draft202012Validator:
    """As an editor sees it: relative references between files."""
    resources = [(n, Resource.from_contents(s, DRAFT202012)) for n, s in SCHEMAS.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schema, registry=registry)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_example_fits_the_field_it_stands_beside(name: str) -> None:
    home = {"$ref": name}
    for path, node in nodes(SCHEMAS[name]):
        for example in node.get("examples", ()) if path.rpartition("/")[2] != "examples" else ():
            pointer = path.replace("~", "~0")
            errors = validator({"$ref": f"{home['$ref']}#{pointer}"}).iter_errors(example)
            assert [e.message for e in errors] == [], path


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_object_is_closed_and_every_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    for path, node in nodes(SCHEMAS[name]):
        if node.get("type") == "object" and "allOf" not in node:
            assert "additionalProperties" in node, path
        assert "oneOf" not in node, path


@pytest.mark.parametrize("kind", [None, *kinds()])
def test_a_printed_schema_stands_by_itself(kind: str | None) -> None:
    schema = json.loads(schema_text(kind))
    references = [n["$ref"] for _, n in nodes(schema) if isinstance(n.get("$ref"), str)]
    assert all(reference.startswith("#/$defs/") for reference in references)
    jsonschema_rs.Draft202012Validator(schema, offline=True)
    Draft202012Validator.check_schema(schema)
    assert references or not schema.get("$defs")


def test_an_unknown_kind_is_wrong_usage_with_a_hint() -> None:
    with pytest.raises(UsageError) as raised:
        schema_text("Conection")
    assert 'did you mean "Connection"?' in raised.value.hint


def documents() -> Iterator[Any]:
    folders = [ROOT / "examples", ROOT / "reconciler" / "consumers"]
    for file in sorted(f for folder in folders for f in folder.rglob("*.yaml")):
        for number, body in enumerate(yaml.load_all(file.read_text("utf-8"), yaml.BaseLoader)):
            yield pytest.param(file, number, id=f"{file.relative_to(ROOT)}:{body['kind']}")


@pytest.mark.parametrize(("file", "number"), list(documents()))
def test_every_shipped_document_fits_the_combined_schema_in_an_editor(
    file: Path, number: int
) -> None:
    text = file.read_text(encoding="utf-8")
    body = list(yaml.load_all(text, DatesAreText))[number]
    errors = validator(SCHEMAS["reconciler.schema.json"]).iter_errors(body)
    assert [f"{e.json_path}: {e.message}" for e in errors] == []
    first = text.splitlines()[0]
    modeline, _, reference = first.partition("$schema=")
    assert modeline == "# yaml-language-server: "
    assert (file.parent / reference).resolve() == FOLDER / "reconciler.schema.json"


class DatesAreText(yaml.SafeLoader):
    """Reads dates as YAML 1.2 does: as text."""


DatesAreText.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith("timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_the_combined_schema_knows_every_kind() -> None:
    combined = SCHEMAS["reconciler.schema.json"]
    assert tuple(combined["properties"]["kind"]["enum"]) == kinds()
    assert {f"{kind}.schema.json" for kind in kinds()} < set(SCHEMAS)
    wrong = {
        "apiVersion": "reconciler/v1",
        "kind": "Account",
        "metadata": {"name": "a"},
        "spec": {},
    }
    assert not validator(combined).is_valid(wrong)
    assert not accepts("Account", wrong)


def test_the_schemas_and_the_model_use_the_same_words() -> None:
    assert COMMON["methodType"]["enum"] == [kind.value for kind in MethodKind]
    assert COMMON["missing"]["enum"] == [m.value for m in Missing]
    assert COMMON["newRepositories"]["enum"] == [n.value for n in NewRepositories]
    assert set(COMMON["manage"]["items"]["enum"]) < {a.value for a in ActionKind}
    assert COMMON["name"]["pattern"] == NAME_PATTERN
    profile = SCHEMAS["ConsumerProfile.schema.json"]["properties"]["spec"]["properties"]
    assert profile["selection"]["enum"] == [s.value for s in SelectionHome]
    login = profile["methods"]["items"]["properties"]["login"]
    assert login["enum"] == [name.value for name in LoginName]


PAGE = (ROOT / "docs" / "yaml.md").read_text(encoding="utf-8")
BLOCKS = [b for b in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "apiVersion" in b]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[1])
def test_every_document_of_the_page_has_the_shape_it_explains(block: str) -> None:
    [body] = yaml.load_all(block, DatesAreText)
    errors = validator(SCHEMAS["reconciler.schema.json"]).iter_errors(body)
    assert [f"{e.json_path}: {e.message}" for e in errors] == []


def test_the_page_names_every_field_of_every_kind() -> None:
    names = {str(field.id).rpartition("/")[2] for field in fields()}
    assert names - set(re.findall(r"\w+", PAGE)) == set()
    assert {block.split("kind: ")[1].split()[0] for block in BLOCKS} == set(kinds())
