"""Errors as `application/problem+json` (RFC 9457); they are never cached."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from pydantic import Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from imagesvc.auth.rates.limits import rate_limit_headers
from imagesvc.errors import (
    ImagesvcError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RangeNotSatisfiable,
    RateLimited,
    RequestInProgress,
    Unavailable,
    text_of,
)
from imagesvc.http.models import Model
from imagesvc.store.files.files import named_error

MEDIA_TYPE = "application/problem+json"
ALL_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""The response to `OPTIONS *`, which concerns the whole server (RFC 9110, section 9.3.7)."""
RETRY_AFTER_SECONDS = "2"
CLIENT_LEFT = 499
"""Status in the log of a request whose client closed its connection, as nginx names it."""

log = structlog.get_logger()


class Fault(Model):
    """One invalid field or parameter."""

    loc: str
    """The name of the field or parameter; dots lead to nested members."""
    msg: str
    """The error."""


class Problem(Model):
    """Why a request failed (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    """A message for people; its text may change."""
    code: str
    """A stable code for programs."""
    errors: list[Fault] = Field([])
    """Every invalid field; absent if no field is invalid."""


def problem(error: ImagesvcError) -> dict[str, Any]:
    """The members of a problem document; `code` is stable, `detail` is for people."""
    document: dict[str, Any] = {
        "type": "about:blank" if error.code == "internal_error" else f"/problems/{error.code}",
        "title": error.title,
        "status": int(error.status),
        "detail": error.detail,
        "code": error.code,
    }
    if error.fields:
        document["errors"] = [{"loc": loc, "msg": msg} for loc, msg in error.fields]
    return document


def problem_response(error: ImagesvcError, headers: dict[str, str] | None = None) -> Response:
    """A problem document as an answer."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"} | (headers or {})
    if error.status is HTTPStatus.SERVICE_UNAVAILABLE or isinstance(error, RequestInProgress):
        retry_after = error.retry_after if isinstance(error, Unavailable) else None
        headers["retry-after"] = str(retry_after or RETRY_AFTER_SECONDS)
    if error.status is HTTPStatus.REQUEST_TIMEOUT:
        headers["connection"] = "close"  # the rest of the body would be read as a request
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(error.retry_after)
    if error.challenge is not None:
        headers["www-authenticate"] = error.challenge
    if isinstance(error, RangeNotSatisfiable):
        headers["content-range"] = f"bytes */{error.size}"
    return Response(to_json(problem(error)), error.status, headers, MEDIA_TYPE)


async def on_error(request: Request, error: Exception) -> Response:
    """Answer an error of imagesvc."""
    known = error if isinstance(error, ImagesvcError) else ImagesvcError("Something went wrong.")
    if isinstance(known, Unavailable) or type(known) is ImagesvcError:
        log.warning("request failed", action="request.failed", code=known.code, error=known.detail)
    return problem_response(known, dict(rate_limit_headers(request)))


async def on_os_error(request: Request, error: Exception) -> Response:
    """Answer a lack of descriptors or a failing disk; other operating system errors are bugs."""
    known = named_error(error)
    if known is None:
        raise error
    if type(known) is Unavailable:
        log.error("the disk cannot be used", action="disk.failed", error=text_of(error))
    return await on_error(request, known)


async def on_disconnect(_request: Request, _error: Exception) -> Response:
    """End a request whose client has disconnected; no response can be sent, and it is not a bug."""
    return Response(status_code=CLIENT_LEFT)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what Starlette's router raises: no such route, or no such method."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
    if request.method == "OPTIONS" and request.scope["path"] == "*":
        return Response(status_code=204, headers={"allow": ALL_METHODS})
    if status == HTTPStatus.NOT_FOUND:
        return problem_response(NotFound("There is nothing at this URL."))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(sorted({*_methods(request), "OPTIONS"}))
        allowed = {"allow": methods}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allowed)
        return problem_response(
            MethodNotAllowed(f"This URL accepts {methods}, not {request.method}."), allowed
        )
    return problem_response(InvalidRequest("The request is malformed."))


def _methods(request: Request) -> set[str]:
    """The methods of every route at this path; Starlette names only those of the first route."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods


async def on_bug(_request: Request, error: Exception) -> Response:
    """Answer an unexpected exception without details, which go to the log only."""
    log.error("bug in a request", action="request.bug", exc_info=error)
    return problem_response(ImagesvcError("An internal error stopped this request."))
