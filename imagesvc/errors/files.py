"""Files and images that cannot be used."""

from __future__ import annotations

from http import HTTPStatus

from .roots import Rejected


class NoFile(Rejected):
    """An upload without any file."""

    code = "no_file"
    title = "No file"


class EmptyFile(Rejected):
    """An uploaded file of zero bytes."""

    code = "empty_file"
    title = "Empty file"


class FileTooLarge(Rejected):
    """More bytes than `Settings.max_upload_size`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "file_too_large"
    title = "File too large"


class UnsupportedMediaType(Rejected):
    """Bytes that are not an image of an accepted format, or an unsupported type of body."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    title = "Unsupported media type"


class CorruptImage(Rejected):
    """The header names a known format, and the rest is truncated or cannot be decoded."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "corrupt_image"
    title = "Corrupt image"


class ImageTooLarge(Rejected):
    """More pixels, frames, or predicted decoding cost than allowed, or a too complex structure."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "image_too_large"
    title = "Image too large"


class TooCostly(Rejected):
    """Work that is predicted to take longer than its time limit; it is not started."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "too_costly"
    title = "Too costly"


class SourceUnavailable(Rejected):
    """A URL to import from that returns no image now: no response, another status, too slow.

    It is 422 and not 502 or 504, because this service works: a broken link must neither trigger
    alarms for 5xx, nor be replaced by an error page of a proxy.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "source_unavailable"
    title = "Source unavailable"
