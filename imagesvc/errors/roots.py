"""What all errors have in common, and the two kinds: of the request, and of the service."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ImagesvcError(Exception):
    """The base class of the errors of imagesvc."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"  # public API: codes are added, never renamed
    title: ClassVar[str] = "Internal server error"
    challenge: ClassVar[str | None] = None
    """The value of WWW-Authenticate for it (RFC 6750, section 3)."""

    def __init__(self, detail: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail, fields)
        self.detail = detail
        self.fields = fields
        """Invalid fields as (location, message), for the `errors` of a problem document."""

    def __str__(self) -> str:
        return self.detail


class Rejected(ImagesvcError):
    """The request cannot succeed; a retry has the same result."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"
    title = "Invalid request"


class Unavailable(ImagesvcError):
    """The request is valid; it may succeed later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    title = "Service unavailable"

    def __init__(
        self, detail: str, fields: tuple[tuple[str, str], ...] = (), retry_after: int = 2
    ) -> None:
        super().__init__(detail, fields)
        self.retry_after = retry_after
        """Seconds after which a retry is useful; it is not sent between processes."""


def text_of(error: BaseException) -> str:
    """The message of an error: that of a system error has its file, but not its number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
