"""Requests that HTTP or the API refuse."""

from __future__ import annotations

from http import HTTPStatus

from .roots import Rejected

NO_SUCH_ID = "There is no resource with this id."
"""The detail for all resources, so that private ones are answered like absent ones."""


class InvalidRequest(Rejected):
    """An invalid parameter, field or body."""

    code = "invalid_request"


class InvalidTransform(Rejected):
    """An unknown transform key, or a value out of its range."""

    code = "invalid_transform"
    title = "Invalid transform"


class InvalidQuery(Rejected):
    """A search that does not follow the grammar; the detail points at the column."""

    code = "invalid_query"
    title = "Invalid query"


class NotFound(Rejected):
    """The resource does not exist, or the requester may not see it."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(Rejected):
    """The resource exists but does not have this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    title = "Method not allowed"


class RequestTimeout(Rejected):
    """The client is too slow with its request (RFC 9110, section 15.5.9)."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    title = "Request timeout"


class Conflict(Rejected):
    """The state of the resource does not allow this now."""

    status = HTTPStatus.CONFLICT
    code = "conflict"
    title = "Conflict"


class Gone(Rejected):
    """The link was valid, and is not any more (RFC 9110, section 15.5.11)."""

    status = HTTPStatus.GONE
    code = "gone"
    title = "Gone"


class UsedUp(Gone):
    """The link was used as often as it may be."""

    code = "used_up"
    title = "Used up"


class RequestInProgress(Conflict):
    """The first request with this Idempotency-Key has not been answered yet."""


class PreconditionFailed(Rejected):
    """A false If-Match or If-Unmodified-Since condition (RFC 9110, section 13)."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"
    title = "Precondition failed"


class UriTooLong(Rejected):
    """A URL longer than `Settings.max_url_size` (RFC 9110, section 15.5.15)."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri_too_long"
    title = "URL too long"


class RangeNotSatisfiable(Rejected):
    """A Range beyond the end of the representation (RFC 9110, section 15.5.17)."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    code = "range_not_satisfiable"
    title = "Range not satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"The representation has {size:,} bytes.")
        self.size = size
        """Bytes of the representation, for the Content-Range of the answer."""

    def __reduce__(self) -> tuple[type[RangeNotSatisfiable], tuple[int]]:
        return type(self), (self.size,)


class IdempotencyKeyReused(Rejected):
    """An Idempotency-Key that was used for another request before.

    422 by draft-ietf-httpapi-idempotency-key-header-07 (section 2.7): 409 means that the first
    request is still in progress, so that waiting helps.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class HeadersTooLarge(Rejected):
    """Header fields of more bytes than `Settings.max_header_size`, or too many (RFC 6585)."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers_too_large"
    title = "Headers too large"
