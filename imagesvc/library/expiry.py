"""The time at which an image or a link is to expire."""

from __future__ import annotations

from datetime import datetime

from imagesvc.errors import InvalidRequest


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Check the time at which something is to expire; None is never.

    Raises:
        InvalidRequest: it is over.
    """
    if expires_at is not None and expires_at <= now:
        message = "must be in the future"
        raise InvalidRequest(f"expires_at {message}.", (("expires_at", message),))
