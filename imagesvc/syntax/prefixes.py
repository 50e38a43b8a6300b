"""Prefixes of URL paths, set by the settings or by proxies."""

from __future__ import annotations

import re

MAX_LENGTH = 255
_PREFIX = re.compile(r"(?:/[\w~-][\w.~-]*)+", re.ASCII)
"""No percent-encoding, no dot segments, and nothing that could name another host or scheme."""


def prefix_of(text: str) -> str | None:
    """A prefix such as `/media`, without the slash at its end; None if the text is not a prefix."""
    prefix = text.removesuffix("/")
    return prefix if len(prefix) <= MAX_LENGTH and _PREFIX.fullmatch(prefix) else None
