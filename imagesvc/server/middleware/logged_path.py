"""The path of a request in the log: without the secrets of links.

Secrets are found by their form, not by the route: a link that was copied with two slashes, in
capitals, encoded twice, or below an unknown prefix still has its secret.
"""

from __future__ import annotations

import re
from functools import lru_cache

SHOWN = 6
"""Characters of a secret that are logged, to tell links apart."""
_LONG = re.compile(r"[A-Za-z0-9_%=-]{20,}")
"""What may be a secret, or enough of one to guess the rest: tokens have 32 characters and more."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@lru_cache(maxsize=256)
def logged_path(path: str) -> str:
    """The path as it is logged: of each long word that is no id, only the first characters."""
    return _LONG.sub(_shortened, path)


def _shortened(found: re.Match[str]) -> str:
    word = found[0]
    return word if _ID.fullmatch(word) else f"{word[:SHOWN]}…"
