"""The error of a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ImagesvcError, RangeNotSatisfiable, RateLimited, by_code


def described(problem: Mapping[str, Any], *, retry_after: int = 1, size: int = 0) -> ImagesvcError:
    """The error of a problem document.

    Args:
        problem: the document.
        retry_after: the seconds of its Retry-After.
        size: the bytes in its Content-Range.
    """
    kind = by_code(str(problem.get("code")))
    if kind is RateLimited:
        return RateLimited(retry_after)
    if kind is RangeNotSatisfiable:
        return RangeNotSatisfiable(size)
    faults = problem.get("errors") or ()
    return kind(
        str(problem.get("detail")),
        tuple((str(fault["loc"]), str(fault["msg"])) for fault in faults),
    )
