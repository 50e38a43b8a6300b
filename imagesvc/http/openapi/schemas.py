"""Models as JSON schemas under readable names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)

from imagesvc.http.bodies.declared import Content, Raw
from imagesvc.http.openapi.examples import EXAMPLES
from imagesvc.http.operations import Grammar, Operation
from imagesvc.http.problems import Problem

REFERENCE = "#/components/schemas/"
OFFSET = len(REFERENCE)
NO_NUL = "^[^\\x00]*$"
ModelInMode = tuple[type[BaseModel], JsonSchemaMode]


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's hook
        return False


@dataclass(frozen=True, slots=True)
class Schemas:
    """The schemas of all models of a set of operations."""

    components: Mapping[str, JsonSchemaValue]
    references: Mapping[ModelInMode, JsonSchemaValue]
    queries: Mapping[type[BaseModel], JsonSchemaValue]
    """Schemas of models whose fields are parameters; these are no components."""

    @classmethod
    def of(cls, operations: Sequence[Operation]) -> Schemas:
        """The schemas that these operations name.

        Raises:
            ValueError: two models have one readable name.
        """
        models: set[ModelInMode] = {*_models(operations), (Problem, "serialization")}
        wanted = sorted(
            models,
            key=lambda pair: (pair[0].__module__, pair[0].__qualname__, pair[1]),
        )
        found, whole = models_json_schema(
            wanted, ref_template=f"{REFERENCE}{{model}}", schema_generator=_Untitled
        )
        definitions: dict[str, JsonSchemaValue] = whole.get("$defs", {})
        names = {name: schema.get("title", name) for name, schema in definitions.items()}
        if len(set(names.values())) < len(names):
            raise ValueError(f"two models have one name: {sorted(names.values())}")
        taken = _reachable(
            [reference for (_model, mode), reference in found.items() if mode == "validation"],
            definitions,
        )
        definitions = {
            name: without_nul(schema) if name in taken else schema
            for name, schema in definitions.items()
        }
        components = {
            names[name]: _renamed(_shown(schema), names) for name, schema in definitions.items()
        }
        lifted: dict[str, JsonSchemaValue] = {}
        components = {
            name: _lifted(_nullable(schema), lifted) for name, schema in components.items()
        }
        components |= lifted
        references = {key: _renamed(found[key], names) for key in wanted}
        queries = {
            query: components[references[query, "validation"]["$ref"][OFFSET:]]
            for query in _queries(operations)
        }
        shown = {
            name: schema for name, schema in components.items() if schema not in queries.values()
        }
        with_examples = {
            name: {**schema, "examples": [EXAMPLES[name]]} if name in EXAMPLES else schema
            for name, schema in sorted(shown.items())
        }
        return cls(with_examples, references, queries)

    def taken(self, model: type[BaseModel]) -> JsonSchemaValue:
        """The schema of data that a client sends."""
        return self.references[model, "validation"]

    def given(self, model: type[BaseModel]) -> JsonSchemaValue:
        """The schema of data that a client gets."""
        return self.references[model, "serialization"]

    def parameters(self, query: type[BaseModel]) -> list[dict[str, Any]]:
        """The fields of a query model as query parameters."""
        schema = self.queries[query]
        required = set(schema.get("required", ()))
        parameters = []
        for name, value in schema.get("properties", {}).items():
            described = _unwrapped(value)
            parameter: dict[str, Any] = {"name": name, "in": "query"}
            text = described.pop("description", "")
            if text:
                parameter["description"] = text
            if name in required:
                parameter["required"] = True
            parameters.append({**parameter, "schema": described})
        return parameters


def without_nul(value: Any) -> Any:
    """A schema of input, in which no text may contain NUL."""
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    bounded = {key: without_nul(item) for key, item in value.items() if key != "examples"}
    if value.get("type") == "string" and not value.keys() & {"format", "enum", "const", "pattern"}:
        bounded["pattern"] = NO_NUL
    return bounded | {key: value[key] for key in value.keys() & {"examples"}}


def _models(operations: Sequence[Operation]) -> Iterator[ModelInMode]:
    for operation in operations:
        if operation.body is not None:
            for model in _models_in(operation.body.contents.values()):
                yield model, "validation"
        for model in _models_in(answer.content for answer in operation.answers.values()):
            yield model, "serialization"
    for query in _queries(operations):
        yield query, "validation"


def _models_in(contents: Iterable[Content | None]) -> Iterator[type[BaseModel]]:
    for content in contents:
        if content is not None and not isinstance(content, Raw):
            yield content


def _queries(operations: Sequence[Operation]) -> Iterator[type[BaseModel]]:
    for operation in operations:
        if operation.query is not None and not isinstance(operation.query, Grammar):
            yield operation.query


def _reachable(
    schemas: Sequence[JsonSchemaValue], definitions: Mapping[str, JsonSchemaValue]
) -> set[str]:
    """The names of the definitions that schemas refer to, directly or through others."""
    reached: set[str] = set()
    pending: list[Any] = list(schemas)
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            reference = value.get("$ref")
            if isinstance(reference, str) and reference[OFFSET:] not in reached:
                reached.add(reference[OFFSET:])
                pending.append(definitions[reference[OFFSET:]])
    return reached


def _shown(schema: JsonSchemaValue) -> JsonSchemaValue:
    """A schema without its title, whose fields begin with their descriptions on one line."""
    shown = {key: value for key, value in schema.items() if key != "title"}
    properties = {
        name: {"description": " ".join(field["description"].split()), **field}
        if "description" in field
        else field
        for name, field in shown.get("properties", {}).items()
    }
    return {**shown, "properties": properties} if properties else shown


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A schema whose references use the readable names."""
    return _mapped(value, lambda name: names[name])


def _mapped(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_mapped(item, rename) for item in value]
    if not isinstance(value, dict):
        return value
    mapped = {key: _mapped(item, rename) for key, item in value.items()}
    reference = mapped.get("$ref")
    if isinstance(reference, str):
        mapped["$ref"] = REFERENCE + rename(reference.removeprefix(REFERENCE))
    return mapped


def _nullable(value: Any) -> Any:
    """A schema in which types that may be null are lists of types.

    openapi-generator confuses a nullable property that uses `anyOf` with a property of the same
    type that is not nullable.
    """
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _nullable(item) for key, item in value.items()}
    match shown.get("anyOf"):
        case [{"type": str(kind)} as one, {"type": "null"}] if not one.keys() & {"enum", "const"}:
            rest = {key: item for key, item in shown.items() if key != "anyOf"}
            return {**one, "type": [kind, "null"], **rest}
    return shown


def _lifted(value: Any, lifted: dict[str, JsonSchemaValue]) -> Any:
    """A schema with references to its objects that have titles, which are moved to `lifted`."""
    if isinstance(value, list):
        return [_lifted(item, lifted) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {key: _lifted(item, lifted) for key, item in value.items()}
    if shown.get("type") != "object" or not isinstance(shown.get("title"), str):
        return shown
    lifted[shown.pop("title")] = shown
    return {"$ref": REFERENCE + value["title"]}


def _unwrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter, which is not a nullable one."""
    schema = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if isinstance(schema.get("type"), list):
        (kind,) = (name for name in schema["type"] if name != "null")
        return {**schema, "type": kind}
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**kinds[0], **rest}
    return schema
