"""Header fields of a request that may come on several lines."""

from __future__ import annotations

from collections.abc import Iterable


def joined_field(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The value of a field, or None: its lines with commas between (RFC 9110, section 5.3).

    Of a field that may come only once, two lines make a value that is malformed, so that neither
    of them is trusted.
    """
    lines = [value for key, value in fields if key == name]
    return b", ".join(lines).decode("latin-1") if lines else None
