"""The OpenAPI 3.1 document, made from the operations and their models.

spectree is not used: its Starlette plugin reads whole bodies into memory to validate them, which
must not happen to streamed uploads.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from imagesvc.auth.principals import Scope
from imagesvc.http.bodies.declared import Body, Raw
from imagesvc.http.calls import Call, Header
from imagesvc.http.openapi.answers import answers_of
from imagesvc.http.openapi.schemas import Schemas, without_nul
from imagesvc.http.operations import Answer, Grammar, Operation, Parameter, operation
from imagesvc.http.packed import Packed
from imagesvc.http.paths import PathParameter, path_parameters

PATH = "/api/v1/openapi.json"
MAX_BASES = 8
TAG = "documentation"
ABOUT = """\
Images are uploaded, kept byte for byte, and delivered with any transform by URL.

Image bytes are under `/images`, everything else is JSON under `/api/v1`. Times are UTC in RFC 3339,
ids are UUIDv7. Errors are `application/problem+json` (RFC 9457) with a stable `code`. Requests to
every URL may also be answered 408, 414 or 431, if the request is too slow or its header too large.

Requests need an API key or a token as `Authorization: Bearer …`, or the cookie of a session, except
on a service without accounts.
"""
TAGS = {
    "images": "Upload, list, show, edit and delete images; their stored variants.",
    "delivery": "The bytes of originals and variants. Parameters are the transform.",
    "collections": "Collections, and the images in them.",
    "sharing": "Links for people without an account: shares of images, and uploads of guests.",
    "jobs": "Jobs make variants; each upload has one. Poll, retry and cancel them.",
    "accounts": "Tokens, users, API keys, and sessions of browsers.",
    "events": "A stream of changes as they happen.",
    "sources": "Folders, buckets, index pages and feeds whose new files become images.",
    "webhooks": "Signed events sent to URLs, their deliveries, and replays.",
    "operation": "Health, readiness and metrics for operators.",
    TAG: "This document, and a page to try it.",
}
SCOPES = {
    Scope.READ: "List and show.",
    Scope.UPLOAD: "Upload.",
    Scope.MANAGE: "Edit, delete, and manage the user's account.",
    Scope.ADMIN: "Everything of everybody.",
}
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, an access token, or a JWT of the identity provider.",
}
SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-imagesvc",
    "description": "The session of a browser, with all scopes of its user. The cookie is named "
    "`__Secure-imagesvc` below a path, and `imagesvc` without HTTPS.",
}
TOKENS = "/api/v1/auth/token"
VERSION = version("imagesvc")
ETAG = {"ETag": "The version of the bytes."}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI document of these operations; equal operations give equal documents."""
    operations = [one for one in operations if one.is_documented]
    schemas = Schemas.of(operations)
    shared = _shared_parameters(operations, schemas)
    responses: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        item = paths.setdefault(one.path, {})
        item[one.method.lower()] = _described(one, schemas, shared, responses)
    used = {one.tag for one in operations}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "imagesvc",
            "summary": "A self-hosted image service.",
            "description": ABOUT,
            "version": VERSION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": name, "description": meaning} for name, meaning in TAGS.items() if name in used
        ],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components,
            "parameters": dict(sorted(shared.items())),
            "responses": dict(sorted(responses.items())),
            "securitySchemes": _security_schemes(""),
        },
    }  # fmt: skip


def rebased(whole: Mapping[str, Any], base: str) -> Mapping[str, Any]:
    """The document of a service whose URLs have this prefix."""
    if not base:
        return whole
    components = {**whole["components"], "securitySchemes": _security_schemes(base)}
    return {**whole, "servers": [{"url": base}], "components": components}


def written(whole: Mapping[str, Any]) -> bytes:
    """The document as indented JSON."""
    return to_json(whole, indent=2) + b"\n"


def _security_schemes(base: str) -> dict[str, Any]:
    flow = {
        "tokenUrl": f"{base}{TOKENS}",
        "refreshUrl": f"{base}{TOKENS}",
        "scopes": {scope.value: meaning for scope, meaning in SCOPES.items()},
    }
    about = "Tokens for a name and password (RFC 6749, section 4.3)."
    password = {"type": "oauth2", "description": about, "flows": {"password": flow}}
    return {"bearer": BEARER, "password": password, "session": SESSION}


def _described(
    operation: Operation,
    schemas: Schemas,
    shared: Mapping[str, Any],
    responses: dict[str, Any],
) -> dict[str, Any]:
    summary, description = summary_and_description(operation)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary,
        "tags": [operation.tag],
    }
    if description:
        described["description"] = description
    parameters = [
        {"$ref": f"#/components/parameters/{item['name']}"}
        if shared.get(item["name"]) == item
        else item
        for item in _parameters(operation, schemas)
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = _content(operation.body, schemas)
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = answers_of(operation, schemas, responses)
    described["security"] = _security(operation)
    return described


def summary_and_description(operation: Operation) -> tuple[str, str]:
    """The first line of the endpoint's docstring, and the text up to its sections."""
    text = inspect.cleandoc(operation.endpoint.__doc__ or operation.name)
    text = re.split(r"^(?:Args|Raises|Returns|Yields):$", text, maxsplit=1, flags=re.MULTILINE)[0]
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()).removesuffix(".").replace("`", ""), rest.strip()


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.scope is not None:
        return _credentials(operation.scope)
    if operation.scope_if_private is not None:
        return [{}, *_credentials(operation.scope_if_private)]
    return []


def _credentials(scope: Scope) -> list[dict[str, list[str]]]:
    return [{"bearer": []}, {"password": [scope.value]}, {"session": []}]


def _content(body: Body[Any], schemas: Schemas) -> dict[str, Any]:
    return {
        media_type: {
            "schema": without_nul(content.schema)
            if isinstance(content, Raw)
            else schemas.taken(content)
        }
        for media_type, content in body.contents.items()
    }


def _parameters(operation: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    found = [_of_path(name, one) for name, one in path_parameters(operation.path).items()]
    if isinstance(operation.query, Grammar):
        found += [_of_query(parameter) for parameter in operation.query.parameters]
    elif operation.query is not None and operation.is_query_documented:
        found += schemas.parameters(operation.query)
    return found + [_of_header(header) for header in operation.headers]


def _of_path(name: str, parameter: PathParameter) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _of_query(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _of_header(header: Header[Any]) -> dict[str, Any]:
    return {
        "name": header.name,
        "in": "header",
        "description": header.description,
        "schema": dict(header.schema),
    }


def _shared_parameters(operations: Sequence[Operation], schemas: Schemas) -> dict[str, Any]:
    """Parameters of two operations or more, by name; of different ones, the most common."""
    every = [item for operation in operations for item in _parameters(operation, schemas)]
    counts = Counter(json.dumps(item, sort_keys=True) for item in every)
    shared: dict[str, Any] = {}
    for text, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        item = next(one for one in every if json.dumps(one, sort_keys=True) == text)
        if count > 1:
            shared.setdefault(item["name"], item)
    return shared


@dataclass(slots=True)
class OpenApiEndpoints:
    """The operation that serves the document, which is made at the first request and kept."""

    described: Sequence[Operation]
    """Every operation of the service, including this one."""
    _whole: Mapping[str, Any] | None = field(default=None, init=False)
    _packed: dict[str, Packed] = field(default_factory=dict, init=False)
    """The most recent documents by the prefix of URLs, which trusted proxies may set."""
    _packing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @operation(
        "get_openapi", "GET", PATH, tag=TAG,
        answers={
            200: Answer(Raw(("application/json",), {"type": "object"}), ETAG),
            304: Answer(None, ETAG),
        },
    )  # fmt: skip
    async def show(self, call: Call[None, None]) -> Response:
        """This document: OpenAPI 3.1."""
        packed = self._packed.get(call.base) or await self._made(call.base)
        return packed.answer(
            call.request, "application/json", {"vary": "x-forwarded-prefix, accept-encoding"}
        )

    async def _made(self, base: str) -> Packed:
        """The document for a base, made in a thread, one at a time."""
        async with self._packing:
            if base not in self._packed:
                if self._whole is None:
                    self._whole = await asyncio.to_thread(document, self.described)
                whole = rebased(self._whole, base)
                packed = await asyncio.to_thread(lambda: Packed.of(written(whole)))
                while len(self._packed) >= MAX_BASES:
                    del self._packed[next(iter(self._packed))]
                self._packed[base] = packed
            return self._packed[base]
