"""Content-Type and Content-Encoding of a request."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from imagesvc.errors import UnsupportedMediaType
from imagesvc.syntax.field_parameters import parameters_of, value_of

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
"""RFC 7396: absent members stay unchanged."""
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class ContentType:
    """The declared type of a body; `media_type` is in lower case, and empty if none is declared."""

    media_type: str
    boundary: bytes

    @classmethod
    def of(cls, request: Request) -> ContentType:
        """The content type of a request's body."""
        field = request.headers.get("content-type", "")
        return cls(value_of(field), parameters_of(field).get("boundary", "").encode("latin-1"))


def check_media_type(request: Request, *accepted: str) -> str:
    """The media type of a request's body.

    Raises:
        UnsupportedMediaType: it is none of the accepted types.
    """
    media_type = ContentType.of(request).media_type
    if media_type not in accepted:
        raise UnsupportedMediaType(f"The body must be {' or '.join(accepted)}.")
    return media_type


def check_encoding(request: Request) -> None:
    """Refuse compressed bodies (RFC 9110, section 8.4).

    Raises:
        UnsupportedMediaType: the body is compressed.
    """
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() not in {"", "identity"}:
        raise UnsupportedMediaType(
            "Content-Encoding is not supported; the body must be sent without it."
        )
