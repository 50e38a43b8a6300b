"""Prefixes of URL paths, which settings and proxies name."""

from __future__ import annotations

import re

MAX_LENGTH = 255
_PREFIX = re.compile(r"(?:/[\w~-][\w.~-]*)+", re.ASCII)
"""No percent-encoding, no dot segments, and nothing that means another host or scheme in a URL."""


def prefix_of(text: str) -> str | None:
    """A prefix such as `/media`, without the slash at its end; None where the text is none."""
    prefix = text.removesuffix("/")
    return prefix if len(prefix) <= MAX_LENGTH and _PREFIX.fullmatch(prefix) else None
