"""Errors of a service, as the commands that send files tell and meet them."""

from __future__ import annotations

import re

import httpx2

from imagesvc.errors import RateLimited, Unauthorized, text_of

RATE_ATTEMPTS = 10
LONGEST_RATE_PAUSE = 60
KEY_HINT = (
    " Set --key or IMAGESVC_KEY; on the server's machine, name the data directory with --data-dir, "
    "and no key is needed."
)


def described(error: Exception, to: str) -> str:
    """An error of a service at a URL, with what to do if its key is refused."""
    if isinstance(error, httpx2.TransportError):
        reason = re.sub(r"\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
        return f"{to} cannot be reached: {reason}"
    return f"{text_of(error)}{KEY_HINT if isinstance(error, Unauthorized) else ''}"


def rate_pause(error: RateLimited) -> float:
    """Seconds to wait before the request is sent again."""
    return min(error.retry_after, LONGEST_RATE_PAUSE)
