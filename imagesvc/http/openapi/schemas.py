"""Models as JSON schemas under readable names."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)

from imagesvc.http.openapi.examples import EXAMPLES
from imagesvc.http.operations import Operation, Raw
from imagesvc.http.problems import Problem

REFERENCE = "#/components/schemas/"
OFFSET = len(REFERENCE)
BYTES = {"type": "string", "format": "binary"}
TEXT = {"type": "string"}
EVENTS = "text/event-stream"
NO_NUL = "^[^\\x00]*$"
Wanted = tuple[type[BaseModel], JsonSchemaMode]


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's hook
        return False


@dataclass(frozen=True, slots=True)
class Schemas:
    """The schemas of all models that a set of operations has."""

    components: Mapping[str, JsonSchemaValue]
    references: Mapping[Wanted, JsonSchemaValue]
    queries: Mapping[type[BaseModel], JsonSchemaValue]
    """Of models whose fields are parameters; no components."""

    @classmethod
    def of(cls, operations: Sequence[Operation]) -> Schemas:
        """The schemas that these operations name.

        Raises:
            ValueError: two models have one readable name.
        """
        models: set[Wanted] = {*_models(operations), (Problem, "serialization")}
        wanted = sorted(
            models,
            key=lambda pair: (pair[0].__module__, pair[0].__qualname__, pair[1]),
        )
        found, whole = models_json_schema(
            wanted, ref_template=f"{REFERENCE}{{model}}", schema_generator=_Untitled
        )
        definitions: dict[str, JsonSchemaValue] = whole.get("$defs", {})
        docs = _docs_by_name([model for model, _mode in wanted])
        names = {name: readable(name) for name in definitions}
        if len(set(names.values())) < len(names):
            raise ValueError(f"two models have one name: {sorted(names.values())}")
        taken = _docs_by_name([model for model, mode in wanted if mode == "validation"]).keys()
        definitions = {
            name: _without_nul(schema) if name in taken else schema
            for name, schema in definitions.items()
        }
        components = {
            names[name]: _renamed(_shown(name, schema, docs.get(name, {})), names)
            for name, schema in definitions.items()
        }
        lifted: dict[str, JsonSchemaValue] = {}
        components = {
            name: _lifted(_nullable(schema), lifted) for name, schema in components.items()
        }
        components |= lifted
        references = {key: _renamed(found[key], names) for key in wanted}
        queries = {
            operation.query: components[references[operation.query, "validation"]["$ref"][OFFSET:]]
            for operation in operations
            if operation.query is not None
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
        """The schema of what a client sends."""
        return self.references[model, "validation"]

    def given(self, model: type[BaseModel]) -> JsonSchemaValue:
        """The schema of what a client gets."""
        return self.references[model, "serialization"]

    def of_raw(self, raw: Raw) -> Mapping[str, Any]:
        """The schema of a body that is no JSON."""
        if raw.model is not None:
            return self.taken(raw.model)
        if EVENTS in raw.media_types:
            return {}  # OpenAPI 3.1 has no word for the items of a stream
        is_text = all(media_type.startswith("text/") for media_type in raw.media_types)
        return _without_nul(raw.schema) if raw.schema else (TEXT if is_text else BYTES)

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


def readable(name: str) -> str:
    """The name of a schema: `ImageOut` is an Image, `Page[ImageOut]` an ImagePage.

    What a client sends to make something is its request: `UserIn` is a UserRequest.
    """
    page = re.fullmatch(r"Page_(\w+)_", name)
    if page is not None:
        return f"{readable(page[1])}Page"
    if name.endswith("Out"):
        return name.removesuffix("Out")
    return f"{name.removesuffix('In')}Request" if name.endswith("In") else name


@functools.cache
def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """What stands in quotes below each field."""
    docs: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not issubclass(kind, BaseModel) or kind.__module__.startswith("pydantic"):
            continue
        origin = kind.__pydantic_generic_metadata__["origin"] or kind
        body = ast.parse(textwrap.dedent(inspect.getsource(origin))).body[0]
        assert isinstance(body, ast.ClassDef)  # noqa: S101  # it is the source of a class
        for line, after in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                docs[line.target.id] = " ".join(inspect.cleandoc(str(after.value.value)).split())
    return docs


def _models(operations: Sequence[Operation]) -> Iterator[Wanted]:
    for operation in operations:
        for body in operation.bodies:
            if not isinstance(body, Raw):
                yield body, "validation"
            elif body.model is not None:
                yield body.model, "validation"
        for answer in operation.answers.values():
            if answer is not None and not isinstance(answer, Raw):
                yield answer, "serialization"
        if operation.query is not None:
            yield operation.query, "validation"


def _inner(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models within a model's fields."""
    pending = [info.annotation for info in model.model_fields.values()]
    while pending:
        kind = pending.pop()
        pending.extend(get_args(kind))
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
            yield from _inner(kind)


def _docs_by_name(models: Sequence[type[BaseModel]]) -> dict[str, dict[str, str]]:
    """The field docs of these models and of those within them, by the name pydantic gives."""
    every = {*models, *(inner for model in models for inner in _inner(model))}
    return {re.sub(r"\W", "_", model.__name__): field_docs(model) for model in every}


def _shown(name: str, schema: JsonSchemaValue, docs: Mapping[str, str]) -> JsonSchemaValue:
    shown = {key: value for key, value in schema.items() if key != "title"}
    properties = dict(shown.get("properties", {}))
    for field, text in docs.items():
        if field in properties:
            properties[field] = {"description": text, **properties[field]}
    if name.endswith("Patch"):  # what is absent stays, whatever the model has in its place
        properties = {
            field: {key: value for key, value in described.items() if key != "default"}
            for field, described in properties.items()
        }
    return {**shown, "properties": properties} if properties else shown


def _without_nul(value: Any) -> Any:
    """A schema of what is taken: no text may hold a NUL, whatever else it may be."""
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if not isinstance(value, dict):
        return value
    bounded = {key: _without_nul(item) for key, item in value.items() if key != "examples"}
    if value.get("type") == "string" and not value.keys() & {"format", "enum", "const", "pattern"}:
        bounded["pattern"] = NO_NUL
    return bounded | {key: value[key] for key in value.keys() & {"examples"}}


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

    Beside a property of the same type that may not be null, openapi-generator takes both for one
    where `anyOf` says it.
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
    """A schema with references to the objects in it that have titles, which go to `lifted`."""
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
    """A parameter that may be left out is no parameter that may be null."""
    schema = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if isinstance(schema.get("type"), list):
        (kind,) = (name for name in schema["type"] if name != "null")
        return {**schema, "type": kind}
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**kinds[0], **rest}
    return schema
