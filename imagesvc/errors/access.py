"""Requests that their sender may not make, or no more of them now."""

from __future__ import annotations

from http import HTTPStatus

from .roots import Rejected


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
