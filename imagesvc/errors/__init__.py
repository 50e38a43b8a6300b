"""Everything that can go wrong, one class each, with its HTTP status and stable code.

    ImagesvcError                  500  internal_error
    ├── Rejected                        the client must change the request
    │   ├── NoFile                 400  no_file
    │   ├── EmptyFile              400  empty_file
    │   ├── InvalidTransform       400  invalid_transform
    │   ├── InvalidRequest         400  invalid_request
    │   ├── InvalidQuery           400  invalid_query
    │   ├── Unauthorized           401  unauthorized
    │   │   └── InvalidToken
    │   ├── Forbidden              403  forbidden
    │   │   └── InsufficientScope
    │   ├── SignatureInvalid       403  signature_invalid
    │   ├── NotFound               404  not_found
    │   ├── MethodNotAllowed       405  method_not_allowed
    │   ├── RequestTimeout         408  request_timeout
    │   ├── Conflict               409  conflict
    │   │   └── RequestInProgress
    │   ├── PreconditionFailed     412  precondition_failed
    │   ├── FileTooLarge           413  file_too_large
    │   ├── UriTooLong             414  uri_too_long
    │   ├── UnsupportedMediaType   415  unsupported_media_type
    │   ├── RangeNotSatisfiable    416  range_not_satisfiable
    │   ├── CorruptImage           422  corrupt_image
    │   ├── ImageTooLarge          422  image_too_large
    │   ├── TooCostly              422  too_costly
    │   ├── SourceUnavailable      422  source_unavailable
    │   ├── IdempotencyKeyReused   422  idempotency_key_reused
    │   ├── RateLimited            429  rate_limited
    │   ├── QuotaExceeded          429  quota_exceeded
    │   └── HeadersTooLarge        431  headers_too_large
    └── Unavailable                     the same request may pass later
        ├── WorkerDied             503  worker_died
        ├── TimedOut               503  timed_out
        ├── Overloaded             503  overloaded
        ├── DatabaseDamaged        503  database_damaged
        ├── OriginalDamaged        503  original_damaged
        └── InsufficientStorage    507  insufficient_storage

`detail` is written for the client: it holds no path, no SQL and no secret. Errors cross the
border of worker processes, so all they hold is what `Exception.args` pickles.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


def text_of(error: BaseException) -> str:
    """An error for people: one of the system without its number, and with the file it is about."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


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


class InvalidRequest(Rejected):
    """A parameter, field or body that breaks its rules."""


class NoFile(Rejected):
    """An upload without any file in it."""

    code = "no_file"
    title = "No file"


class EmptyFile(Rejected):
    """An uploaded file of zero bytes."""

    code = "empty_file"
    title = "Empty file"


class InvalidTransform(Rejected):
    """An unknown transform key, or a value out of its range."""

    code = "invalid_transform"
    title = "Invalid transform"


class InvalidQuery(Rejected):
    """A search that does not follow the grammar; the detail points at the column."""

    code = "invalid_query"
    title = "Invalid query"


class Unauthorized(Rejected):
    """The request needs credentials, or those it brought do not hold."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    title = "Unauthorized"
    challenge = 'Bearer realm="imagesvc"'


class InvalidToken(Unauthorized):
    """A key or token that is malformed, unknown, expired or revoked."""

    challenge = 'Bearer realm="imagesvc", error="invalid_token"'


class Forbidden(Rejected):
    """The principal is known and may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"
    title = "Forbidden"


class InsufficientScope(Forbidden):
    """The credential holds, and is not good for this operation."""

    challenge = 'Bearer realm="imagesvc", error="insufficient_scope"'


class SignatureInvalid(Rejected):
    """A signed URL whose signature does not hold or has expired, or one that needs signing."""

    status = HTTPStatus.FORBIDDEN
    code = "signature_invalid"
    title = "Signature invalid"


NO_SUCH_ID = "There is nothing with this id."
"""The detail for everything that an id names, so that what is private answers as what is absent."""


class NotFound(Rejected):
    """The URL names nothing, or nothing that the requester may see."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(Rejected):
    """The resource exists and has no such method."""

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


class RequestInProgress(Conflict):
    """The first request with this Idempotency-Key has not been answered yet."""


class PreconditionFailed(Rejected):
    """An If-Match or If-Unmodified-Since that does not hold (RFC 9110, section 13)."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"
    title = "Precondition failed"


class FileTooLarge(Rejected):
    """More bytes than `Settings.max_upload_size`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "file_too_large"
    title = "File too large"


class UriTooLong(Rejected):
    """A URL longer than `Settings.max_url_size` (RFC 9110, section 15.5.15)."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri_too_long"
    title = "URL too long"


class UnsupportedMediaType(Rejected):
    """Bytes that are no image of a format taken here, or a body type that is not parsed."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    title = "Unsupported media type"


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


class CorruptImage(Rejected):
    """The header names a known format, and the rest is truncated or cannot be decoded."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "corrupt_image"
    title = "Corrupt image"


class ImageTooLarge(Rejected):
    """More pixels, frames, or predicted decoding cost than allowed, or too complex a structure."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "image_too_large"
    title = "Image too large"


class TooCostly(Rejected):
    """Work that is predicted to take longer than its time limit; it is not begun."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "too_costly"
    title = "Too costly"


class SourceUnavailable(Rejected):
    """A URL to import from that gives no image now: no answer, another status, too slow.

    It is 422 and not 502 or 504, because this service is well: someone else's broken link must
    neither alarm those who watch for 5xx, nor be answered by a proxy with a page of its own.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "source_unavailable"
    title = "Source unavailable"


class IdempotencyKeyReused(Rejected):
    """An Idempotency-Key that came with another request before.

    422 as draft-ietf-httpapi-idempotency-key-header-07 has it (section 2.7): 409 says that the
    first request is still being worked on, and that it helps to wait.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class RateLimited(Rejected):
    """Too many requests from this principal or address for now."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"
    title = "Rate limited"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"There were too many requests; try again in {retry_after:,} seconds.")
        self.retry_after = retry_after
        """Seconds until one is let through again."""

    def __reduce__(self) -> tuple[type[RateLimited], tuple[int]]:
        return type(self), (self.retry_after,)


class QuotaExceeded(Rejected):
    """The owner may keep no more images or bytes."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "quota_exceeded"
    title = "Quota exceeded"


class HeadersTooLarge(Rejected):
    """Header fields of more bytes than `Settings.max_header_size`, or too many (RFC 6585)."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers_too_large"
    title = "Headers too large"


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


class Overloaded(Unavailable):
    """The bounded queue is full, or the service is stopping."""

    title = "Overloaded"


class WorkerDied(Unavailable):
    """A worker process ended during the call: out of memory, killed, or crashed."""

    code = "worker_died"
    title = "Worker died"


class TimedOut(Unavailable):
    """The work took longer than its time limit and was stopped."""

    code = "timed_out"
    title = "Timed out"


class DatabaseDamaged(Unavailable):
    """The metadata database is damaged, and an operator has to mend it."""

    code = "database_damaged"
    title = "Database damaged"


class OriginalDamaged(Unavailable):
    """A stored file whose bytes have changed; uploading the image again mends it."""

    code = "original_damaged"
    title = "Original damaged"


class InsufficientStorage(Unavailable):
    """The disk is full, or below the floor of free space."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    code = "insufficient_storage"
    title = "Insufficient storage"


def by_code(code: str) -> type[ImagesvcError]:
    """The class with this code; `ImagesvcError` itself when there is none."""
    pending: list[type[ImagesvcError]] = [ImagesvcError]
    while pending:
        kind = pending.pop()
        if kind.code == code and kind is not Rejected:
            return kind
        pending.extend(kind.__subclasses__())
    return ImagesvcError
