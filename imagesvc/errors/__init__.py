"""All errors, one class each, with HTTP status and stable code.

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
    │   │   ├── InsufficientScope
    │   │   └── PasswordRequired   403  password_required
    │   ├── SetupClosed            403  setup_closed
    │   ├── SignatureInvalid       403  signature_invalid
    │   ├── NotFound               404  not_found
    │   ├── MethodNotAllowed       405  method_not_allowed
    │   ├── RequestTimeout         408  request_timeout
    │   ├── Conflict               409  conflict
    │   │   └── RequestInProgress
    │   ├── Gone                   410  gone
    │   │   └── UsedUp             410  used_up
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
        ├── DiskUnavailable
        ├── DatabaseUnavailable
        │   └── OutcomeUnknown
        ├── DatabaseDamaged        503  database_damaged
        ├── OriginalDamaged        503  original_damaged
        ├── BucketUnavailable
        │   └── BucketForbids
        ├── OriginalsOfAnother
        ├── BucketTooOpen
        └── InsufficientStorage    507  insufficient_storage
            └── ElsewhereFull
                ├── BucketFull
                └── DatabaseFull

`detail` is written for the client: it holds no path, no SQL and no secret. Errors are sent between
processes, so they contain only what `Exception.args` pickles.

This `__init__` names what is elsewhere: the distribution `imagesvc-client` has the package, too.
"""

from __future__ import annotations

from .access import (
    Forbidden,
    InsufficientScope,
    InvalidToken,
    PasswordRequired,
    QuotaExceeded,
    RateLimited,
    SetupClosed,
    SignatureInvalid,
    Unauthorized,
)
from .files import (
    CorruptImage,
    EmptyFile,
    FileTooLarge,
    ImageTooLarge,
    NoFile,
    SourceUnavailable,
    TooCostly,
    UnsupportedMediaType,
)
from .requests import (
    NO_SUCH_ID,
    Conflict,
    Gone,
    HeadersTooLarge,
    IdempotencyKeyReused,
    InvalidQuery,
    InvalidRequest,
    InvalidTransform,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RequestInProgress,
    RequestTimeout,
    UriTooLong,
    UsedUp,
)
from .roots import ImagesvcError, Rejected, Unavailable, text_of
from .unavailability import (
    BucketForbids,
    BucketFull,
    BucketTooOpen,
    BucketUnavailable,
    DatabaseDamaged,
    DatabaseFull,
    DatabaseUnavailable,
    DiskUnavailable,
    ElsewhereFull,
    InsufficientStorage,
    OriginalDamaged,
    OriginalsOfAnother,
    OutcomeUnknown,
    Overloaded,
    TimedOut,
    WorkerDied,
)

__all__ = [
    "NO_SUCH_ID",
    "BucketForbids",
    "BucketFull",
    "BucketTooOpen",
    "BucketUnavailable",
    "Conflict",
    "CorruptImage",
    "DatabaseDamaged",
    "DatabaseFull",
    "DatabaseUnavailable",
    "DiskUnavailable",
    "ElsewhereFull",
    "EmptyFile",
    "FileTooLarge",
    "Forbidden",
    "Gone",
    "HeadersTooLarge",
    "IdempotencyKeyReused",
    "ImageTooLarge",
    "ImagesvcError",
    "InsufficientScope",
    "InsufficientStorage",
    "InvalidQuery",
    "InvalidRequest",
    "InvalidToken",
    "InvalidTransform",
    "MethodNotAllowed",
    "NoFile",
    "NotFound",
    "OriginalDamaged",
    "OriginalsOfAnother",
    "OutcomeUnknown",
    "Overloaded",
    "PasswordRequired",
    "PreconditionFailed",
    "QuotaExceeded",
    "RangeNotSatisfiable",
    "RateLimited",
    "Rejected",
    "RequestInProgress",
    "RequestTimeout",
    "SetupClosed",
    "SignatureInvalid",
    "SourceUnavailable",
    "TimedOut",
    "TooCostly",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
    "UriTooLong",
    "UsedUp",
    "WorkerDied",
    "by_code",
    "text_of",
]


def by_code(code: str) -> type[ImagesvcError]:
    """The class that declares this code; `ImagesvcError` itself for an unknown code.

    Other classes inherit theirs, also those that one part has for itself.
    """
    pending: list[type[ImagesvcError]] = [ImagesvcError]
    while pending:
        kind = pending.pop()
        if vars(kind).get("code") == code and kind is not Rejected:
            return kind
        pending.extend(kind.__subclasses__())
    return ImagesvcError
