"""Conditional requests and ranges (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagesvc.errors import PreconditionFailed, RangeNotSatisfiable
from imagesvc.syntax.header_fields import members_of
from imagesvc.syntax.http_dates import instant_of

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int


def etag_matches(field: str, etag: str) -> bool:
    """Whether an If-None-Match names this entity tag, by weak comparison (section 13.1.2)."""
    if field == etag or field.strip() == "*":
        return True
    return any(item.removeprefix("W/") == etag for item in members_of(field))


def check_if_match(field: str | None, etag: str) -> None:
    """Check If-Match by strong comparison (section 13.1.1).

    Raises:
        PreconditionFailed: the field names other entity tags only.
    """
    if field is None or field.strip() == "*":
        return
    if etag not in members_of(field):
        raise PreconditionFailed("If-Match names none of the current entity tags.")


def is_not_modified_since(field: str | None, last_modified: str) -> bool:
    """Whether an If-Modified-Since names this time or a later one (section 13.1.3).

    A malformed date makes the condition ineffective.
    """
    since = None if field is None else instant_of(field)
    modified = None if since is None else instant_of(last_modified)
    return since is not None and modified is not None and modified <= since


def check_unmodified_since(field: str | None, last_modified: str) -> None:
    """Compare If-Unmodified-Since with the time of the last change (section 13.1.4).

    Raises:
        PreconditionFailed: it changed after that.
    """
    is_date = field is not None and instant_of(field) is not None
    if is_date and not is_not_modified_since(field, last_modified):
        raise PreconditionFailed("It was modified after the time in If-Unmodified-Since.")


def requested_range(
    range_field: str | None, if_range: str | None, etag: str, size: int
) -> ByteRange | None:
    """The requested range, or None to send everything.

    Several ranges, other units and malformed fields are answered with everything, as section
    14.2 allows; so is an If-Range that names another representation.

    Raises:
        RangeNotSatisfiable: the range begins beyond the end.
    """
    if range_field is None or (if_range is not None and if_range.strip() != etag):
        return None
    match = _ONE_RANGE.fullmatch(range_field)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:  # the last so many bytes
        start, stop = max(0, size - int(match[2])), size
        satisfiable = int(match[2]) > 0
    else:
        start = int(match[1])
        stop = min(size, int(match[2]) + 1) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
        satisfiable = start < size
    if not satisfiable:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, stop)
