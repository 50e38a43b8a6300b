"""The tokens in links; only their hashes are stored."""

from __future__ import annotations

import hashlib
import re
import secrets

TOKEN_BYTES = 24
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def new_token() -> str:
    """A token of 192 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def sha256_of(token: str) -> str:
    """The hash that is stored; no stored hash is that of a malformed token."""
    if _TOKEN.fullmatch(token) is None:
        return ""
    return hashlib.sha256(token.encode("ascii")).hexdigest()
