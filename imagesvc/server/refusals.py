"""Responses to input that never becomes a request of the application."""

from __future__ import annotations

from http import HTTPStatus

from pydantic_core import to_json

from imagesvc.errors import ImagesvcError
from imagesvc.http.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, problem


def refusal(error: ImagesvcError, fields: bytes = b"") -> bytes:
    """The encoded response that ends a connection, with further fields."""
    body = to_json(problem(error))
    lines = [
        f"HTTP/1.1 {error.status:d} {HTTPStatus(error.status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
    ]
    if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append(f"retry-after: {RETRY_AFTER_SECONDS}")
    return "\r\n".join([*lines, ""]).encode("ascii") + fields + b"\r\n" + body
