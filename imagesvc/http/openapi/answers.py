"""Responses and errors of an operation in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from imagesvc.errors import (
    NO_SUCH_ID,
    FileTooLarge,
    ImagesvcError,
    InsufficientScope,
    InsufficientStorage,
    InvalidRequest,
    InvalidTransform,
    NotFound,
    Overloaded,
    RangeNotSatisfiable,
    RateLimited,
    RequestTimeout,
    Unauthorized,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.declared import Raw
from imagesvc.http.openapi.schemas import Schemas
from imagesvc.http.operations import Answer, Operation
from imagesvc.http.problems import MEDIA_TYPE, Problem, problem

HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "The challenge (RFC 6750)."},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "Seconds until a request is accepted again."},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "Seconds after which to try again."},
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: {
        "Content-Range": "The number of bytes of the representation."
    },
}
NAMES = {ImagesvcError: "InternalError"}
DETAILS: Mapping[type[ImagesvcError], str] = {
    InvalidRequest: "limit must be a whole number from 1 to 200.",
    InvalidTransform: "w must be a whole number of pixels from 1 to 8192, not '0'.",
    NotFound: NO_SUCH_ID,
}
FIELDS: Mapping[type[ImagesvcError], tuple[tuple[str, str], ...]] = {
    InvalidRequest: (("limit", "must be a whole number from 1 to 200"),),
    InvalidTransform: (("w", "must be a whole number of pixels from 1 to 8192, not '0'"),),
}


def answers_of(
    operation: Operation, schemas: Schemas, shared: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """The responses of an operation by status; error responses are also added to `shared`."""
    answers = {
        str(status): _answer(status, answer, schemas)
        for status, answer in operation.answers.items()
    }
    by_status: dict[int, list[type[ImagesvcError]]] = {}
    for error in errors_of(operation):
        by_status.setdefault(int(error.status), []).append(error)
    for status, errors in by_status.items():
        name = "Or".join(NAMES.get(error, error.__name__) for error in errors)
        shared[name] = _refusal(errors, schemas)
        if str(status) not in answers:
            answers[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(answers.items()))


def errors_of(operation: Operation) -> list[type[ImagesvcError]]:
    """Every error of an operation: declared ones and those of its parts, one for each code."""
    errors: list[type[ImagesvcError]] = [*operation.errors, InvalidRequest]
    if operation.scope is not None:
        errors += [Unauthorized, InsufficientScope]
    if operation.scope is not None or operation.limit is not None:
        errors.append(RateLimited)
    if operation.method != "GET":
        errors.append(InsufficientStorage)
    if operation.body is not None:
        errors += [FileTooLarge, UnsupportedMediaType, RequestTimeout]
    errors += [ImagesvcError, Overloaded]
    by_code = {(error.status, error.code): error for error in reversed(errors)}
    return sorted(by_code.values(), key=lambda error: (error.status, error.__name__))


def _answer(status: int, answer: Answer, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if answer.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    content = answer.content
    if isinstance(content, Raw):
        described["content"] = {
            media_type: {"schema": dict(content.schema)} for media_type in content.media_types
        }
    elif content is not None:
        described["content"] = {"application/json": {"schema": schemas.given(content)}}
    return described


def _refusal(errors: list[type[ImagesvcError]], schemas: Schemas) -> dict[str, Any]:
    status = errors[0].status
    refusal: dict[str, Any] = {
        "description": " Or: ".join(_meaning(error) for error in errors),
        "content": {
            MEDIA_TYPE: {
                "schema": schemas.given(Problem),
                "examples": {error.code: {"value": _example(error)} for error in errors},
            }
        },
    }
    if status in HEADERS:
        refusal["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in HEADERS[status].items()
        }
    return refusal


def _meaning(error: type[ImagesvcError]) -> str:
    text = (error.__doc__ or error.title).partition("\n\n")[0]
    return f"`{error.code}`: {' '.join(text.split())}"


def _example(error: type[ImagesvcError]) -> dict[str, Any]:
    if issubclass(error, RangeNotSatisfiable):
        return problem(error(4_160_783))
    if issubclass(error, RateLimited):
        return problem(error(7))
    text = (error.__doc__ or error.title).partition("\n\n")[0].replace("`", "")
    return problem(error(DETAILS.get(error, " ".join(text.split())), FIELDS.get(error, ())))
