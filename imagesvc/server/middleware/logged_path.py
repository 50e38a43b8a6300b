"""The path of a request in the log: without the secrets of links that users share."""

from __future__ import annotations

PREFIXES = ("/s/", "/g/", "/api/v1/shared/", "/api/v1/guest/")
"""What stands before the token of a link."""
SHOWN = 6
"""Characters of a token that are logged, to tell links apart."""


def logged_path(path: str) -> str:
    """The path as it is logged: of a token, which opens a share, only the first characters."""
    if not path.startswith(PREFIXES):
        return path
    prefix = next(it for it in PREFIXES if path.startswith(it))
    token, slash, rest = path.removeprefix(prefix).partition("/")
    return f"{prefix}{token[:SHOWN]}…{slash}{rest}"
