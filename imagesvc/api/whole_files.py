"""Uploads that are not a whole file as it is on disk: what the client has to change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.requests import Request

from imagesvc.api.bodies import FORM, media_type_of
from imagesvc.errors import CorruptImage, InvalidRequest, UnsupportedMediaType

PIECES = frozenset({
    "chunks", "dztotalchunkcount", "flowTotalChunks", "qqtotalparts", "resumableTotalChunks",
})  # fmt: skip
"""Fields in which plupload, Dropzone, flow.js, Fine Uploader and resumable.js tell in how many
requests they send a file."""
MAX_DIGITS = 12
_HINTS = {
    FORM: "The body is declared as a form; to send a file with curl, use --data-binary instead of"
    " -d, which removes line ends.",
    "multipart/form-data": "The body must be the file itself, not a form.",
}


def check_whole(request: Request) -> None:
    """Refuse a part of a file (RFC 9110, section 14.5).

    Raises:
        InvalidRequest: the body is said to be a range.
    """
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
def explained(request: Request) -> Iterator[None]:
    """Add what may be the cause to an error about a body that was taken for a file."""
    try:
        yield
    except (UnsupportedMediaType, CorruptImage) as error:
        hint = _HINTS.get(media_type_of(request))
        if hint is None:
            raise
        raise type(error)(f"{error.detail} {hint}", error.fields) from None
