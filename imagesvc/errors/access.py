"""Requests that their sender may not make, or not now."""

from __future__ import annotations

from http import HTTPStatus

from .roots import Rejected


class Unauthorized(Rejected):
    """The request needs credentials, or its credentials are invalid."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    title = "Unauthorized"
    challenge = 'Bearer realm="imagesvc"'


class InvalidToken(Unauthorized):
    """A key or token that is malformed, unknown, expired or revoked."""

    challenge = 'Bearer realm="imagesvc", error="invalid_token"'


class Forbidden(Rejected):
    """The principal is known and does not have this permission."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"
    title = "Forbidden"


class InsufficientScope(Forbidden):
    """The credential is valid, but lacks the scope of this operation."""

    challenge = 'Bearer realm="imagesvc", error="insufficient_scope"'


class PasswordRequired(Forbidden):
    """A share with a password, of which the visitor has not sent the right one."""

    code = "password_required"
    title = "Password required"


class SetupClosed(Rejected):
    """The set-up link was used or has expired, or an admin has a password."""

    status = HTTPStatus.FORBIDDEN
    code = "setup_closed"
    title = "Set-up closed"


class SignatureInvalid(Rejected):
    """A URL whose signature is invalid or has expired, or that must be signed."""

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
        """Seconds until a request is accepted again."""

    def __reduce__(self) -> tuple[type[RateLimited], tuple[int]]:
        return type(self), (self.retry_after,)


class QuotaExceeded(Rejected):
    """The quota of the owner is exceeded."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "quota_exceeded"
    title = "Quota exceeded"
