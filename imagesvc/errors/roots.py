"""What all errors have in common, and the two kinds: of the request, and of the service."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ImagesvcError(Exception):
    """Something went wrong in a way that imagesvc can name."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"  # public API: added to, never renamed
    title: ClassVar[str] = "Internal server error"
    challenge: ClassVar[str | None] = None
    """What WWW-Authenticate says to it (RFC 6750, section 3)."""

    def __init__(self, detail: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail, fields)
        self.detail = detail
        self.fields = fields
        """Invalid fields as (location, message), for the `errors` of a problem document."""

    def __str__(self) -> str:
        return self.detail


class Rejected(ImagesvcError):
    """The request cannot succeed as it stands; trying again changes nothing."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"
    title = "Invalid request"


class Unavailable(ImagesvcError):
    """Nothing is wrong with the request; the same one may pass later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    title = "Service unavailable"

    def __init__(
        self, detail: str, fields: tuple[tuple[str, str], ...] = (), retry_after: int = 2
    ) -> None:
        super().__init__(detail, fields)
        self.retry_after = retry_after
        """Seconds after which it is worth asking again; it does not cross to workers and back."""


def text_of(error: BaseException) -> str:
    """An error for people: one of the system without its number, and with the file it is about."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
