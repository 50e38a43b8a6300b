"""Errors for uploads that are not a whole, unchanged file, with what the client has to change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.requests import Request

from imagesvc.errors import CorruptImage, InvalidRequest, UnsupportedMediaType
from imagesvc.http.bodies.content_type import FORM, MULTIPART, ContentType, check_encoding
from imagesvc.http.bodies.receiving import StreamedBody

PIECES = frozenset({
    "chunks", "dztotalchunkcount", "flowTotalChunks", "qqtotalparts", "resumableTotalChunks",
})  # fmt: skip
"""Fields in which plupload, Dropzone, flow.js, Fine Uploader and resumable.js give the number of
requests for a file.
"""
MAX_DIGITS = 12
_UNKNOWN_FORM = (
    "The body looks like a form; its Content-Type must be multipart/form-data with the boundary,"
    " which clients set by themselves unless it is overridden."
)
_HINTS = {
    FORM: "The body is declared as a form; to send a file with curl, use --data-binary instead of"
    " -d, which removes line ends.",
    MULTIPART: "The body must be the file itself, not a form.",
}


def check_whole(request: Request) -> None:
    """Refuse a part of a file (RFC 9110, section 14.5), and compressed bodies.

    Raises:
        InvalidRequest: the body is declared as a range.
        UnsupportedMediaType: it is compressed.
    """
    check_encoding(request)
    if "content-range" in request.headers:
        raise InvalidRequest("A file must be sent whole, in one request without Content-Range.")


def check_pieces(name: str, value: bytes) -> None:
    """Refuse a form with a piece of a file.

    Raises:
        InvalidRequest: a field says that the file is sent in several requests.
    """
    if value.isdigit() and int(value) > 1:
        raise InvalidRequest(
            f"A file must be sent whole: {name} says that it comes in pieces."
            " Turn off chunks in the client."
        )


@contextlib.contextmanager
def explained(request: Request, body: StreamedBody) -> Iterator[None]:
    """Add the possible cause to an error about a body that was read as a file."""
    try:
        yield
    except (UnsupportedMediaType, CorruptImage) as error:
        media_type = ContentType.of(request).media_type
        is_unknown_form = body.beginning == b"--" and media_type != MULTIPART
        hint = _UNKNOWN_FORM if is_unknown_form else _HINTS.get(media_type)
        if hint is None:
            raise
        raise type(error)(f"{error.detail} {hint}", error.fields) from None
