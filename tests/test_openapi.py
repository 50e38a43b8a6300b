"""The OpenAPI document: valid, complete, readable, and changed only deliberately."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from imagesvc.app.operations import api_document
from imagesvc.errors import ImagesvcError
from imagesvc.http.openapi.document import TAGS
from imagesvc.imaging.transforms.keys import KEYS
from tests.server import Server
from tests.test_errors import STATUS_OF_CODE

SNAPSHOT = Path(__file__).parent.parent / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def text() -> bytes:
    return api_document()


@pytest.fixture(scope="module")
def document(text: bytes) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(text)
    return made


def described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its path."""
    for path, item in document["paths"].items():
        for operation in item.values():
            yield path, operation


def test_the_document_is_the_one_that_is_stored(text: bytes) -> None:
    """A change is visible in review: `make openapi` stores the document."""
    assert text == SNAPSHOT.read_bytes(), "the API has changed: make openapi, and look at the diff"


def test_the_document_follows_openapi_3_1(document: dict[str, Any]) -> None:
    """Tools accept it."""
    OpenAPIV31SpecValidator(document).validate()


KEYWORDS = {
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "description", "enum",
    "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength",
    "maximum", "minItems", "minLength", "minimum", "oneOf", "pattern", "prefixItems", "properties",
    "required", "type", "uniqueItems",
}  # fmt: skip


def schemas_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a document, and those within them."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "schema":
                yield from parts(item)
            elif key == "schemas":
                for schema in item.values():
                    yield from parts(schema)
            elif key not in {"example", "examples"}:
                yield from schemas_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from schemas_in(item)


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and the schemas within it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("items", "additionalProperties"):
        yield from parts(schema.get(key))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for one in schema.get(key, ()):
            yield from parts(one)
    for one in schema.get("properties", {}).values():
        yield from parts(one)


def test_schemas_contain_only_words_of_json_schema(document: dict[str, Any]) -> None:
    """Validators ignore other words, such as `ge`, and linters refuse them."""
    found = {key for schema in schemas_in(document) for key in schema}

    assert {"type", "maximum", "items"} <= found
    assert found <= KEYWORDS


def test_a_form_shows_values_that_may_be_sent(document: dict[str, Any]) -> None:
    """The docs page fills a form with defaults, or with random text if there are none."""
    forms = [
        operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        for _path, operation in described(document)
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(forms) == 3
    for form in forms:
        optional = {name: value["default"] for name, value in form["properties"].items()
                    if name not in form["required"]}  # fmt: skip
        assert optional == dict.fromkeys(optional, "")


def test_a_request_has_bodies_of_one_kind(document: dict[str, Any]) -> None:
    """Generated clients cannot choose between a form, bytes and JSON."""
    for _path, operation in described(document):
        media_types = operation.get("requestBody", {}).get("content", {}).keys()
        is_credential = operation["operationId"] in {"create_token", "revoke_token"}
        assert is_credential or len(media_types & {"multipart/form-data", "application/json"}) <= 1
        assert is_credential or "multipart/form-data" not in media_types or len(media_types) == 1


def test_it_is_the_same_every_time(text: bytes) -> None:
    """It does not depend on the order of sets, on times, or on the data directory."""
    assert api_document() == text


def test_names_are_for_people(document: dict[str, Any]) -> None:
    """Generated clients use them for classes and functions."""
    for name in document["components"]["schemas"]:
        assert re.fullmatch("[A-Z][A-Za-z]+", name)
        assert not re.search("(Out|In)$", name)
    names = [operation["operationId"] for _path, operation in described(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)


def test_every_operation_is_summed_up_and_under_a_described_tag(document: dict[str, Any]) -> None:
    """The page of the API is readable without the code, and shows no section about it."""
    sections = re.compile(r"^ *(Args|Raises|Returns|Yields):", re.MULTILINE)
    for _path, operation in described(document):
        assert not sections.search(operation.get("description", "")), operation["operationId"]
        assert 5 < len(operation["summary"]) < 120, operation["operationId"]
        assert set(operation["tags"]) <= TAGS.keys(), operation["operationId"]


def test_every_operation_documents_its_errors(document: dict[str, Any]) -> None:
    """Each has the media type, the schema and an example of each code."""
    responses = document["components"]["responses"]
    assert {
        (code, answer["value"]["status"])
        for response in responses.values()
        for code, answer in response["content"]["application/problem+json"]["examples"].items()
    } <= {*STATUS_OF_CODE.items(), (ImagesvcError.code, 500)}
    for path, operation in described(document):
        expected = {"500", "503"} | ({"401", "403", "429"} if operation["security"] else set())
        expected |= {"413", "415"} if "requestBody" in operation else set()
        expected |= {"404"} if "_id}" in path else set()
        assert expected <= operation["responses"].keys(), operation["operationId"]


def test_writing_operations_document_a_full_disk(document: dict[str, Any]) -> None:
    """A client that writes must handle 507."""
    written = {
        method.upper()
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if "507" in operation["responses"]
    }
    silent = [
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method != "get" and "507" not in operation["responses"]
    ]

    assert {"POST", "PUT", "PATCH", "DELETE"} <= written
    assert silent == []


def test_there_is_a_true_example_of_everything(document: dict[str, Any]) -> None:
    """All bodies have one, except containers of others."""
    schemas = document["components"]["schemas"]
    validator = Draft202012Validator(document, format_checker=Draft202012Validator.FORMAT_CHECKER)
    shown = {name: schema["examples"] for name, schema in schemas.items() if "examples" in schema}
    for name, examples in shown.items():
        for example in examples:
            part = validator.evolve(schema={"$ref": f"#/components/schemas/{name}"})
            assert not list(part.iter_errors(example)), name
            if not schemas[name].get("additionalProperties"):
                assert example.keys() <= schemas[name]["properties"].keys(), name
            if not re.search("(Request|Patch)$", name):
                assert example.keys() == schemas[name]["properties"].keys(), name

    holders = re.compile(
        "Page$|^(Jobs|UploadResults|GuestResults|DeleteResults|UpdateResults|CheckResults|RetryResults|Home|Purged|Problem)$"
    )
    spoken = {
        name
        for _path, operation in described(document)
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(body))
    }
    assert {name for name in spoken if not holders.search(name)} <= shown.keys()


def test_delivery_documents_every_transform_parameter(document: dict[str, Any]) -> None:
    """The descriptions are those of the grammar's table."""
    parameters = document["components"]["parameters"]
    for path in ("/images/{image_id}", "/images/{image_id}/{preset}", "/blurred-images/{image_id}"):
        every = document["paths"][path]["get"]["parameters"]
        found = [parameters.get(item.get("$ref", "").rpartition("/")[2], item) for item in every]
        described = {item["name"]: item["description"] for item in found}
        for name, key in KEYS.items():
            assert key.allowed in described[name]


def test_it_is_served_with_an_etag(server: Server, text: bytes) -> None:
    """A generator that requests it daily downloads it once."""
    answer = server.client.get("/api/v1/openapi.json")
    again = server.client.get(
        "/api/v1/openapi.json", headers={"if-none-match": answer.headers["etag"]}
    )

    assert answer.headers["content-type"] == "application/json"
    assert answer.content == text
    assert (again.status_code, again.content) == (304, b"")
