"""Secrets of clients: their form, and the hashes that are stored.

`isk_<id>_<secret>` is an API key, `isr_<id>_<secret>` a refresh token: the id finds the row,
scanners of source code recognise the prefix. The secrets have 256 random bits, so that one round of
SHA-256 protects them as well as argon2 protects a password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from imagesvc.errors import InvalidToken

KEY_PREFIX = "isk"
REFRESH_PREFIX = "isr"
SECRET_BYTES = 32
_FORM = re.compile("(isk|isr)_([0-9a-f]{32})_([0-9a-f]{64,128})")


@dataclass(frozen=True, slots=True)
class Secret:
    """An id and its secret."""

    prefix: str
    id: UUID
    secret: str = field(repr=False)  # tracebacks may show the values of variables

    def __str__(self) -> str:
        """The text that the client sends."""
        return f"{self.prefix}_{self.id.hex}_{self.secret}"

    @property
    def sha256(self) -> str:
        """The hash that is stored."""
        return hashlib.sha256(self.secret.encode("ascii")).hexdigest()

    def fits(self, sha256: str) -> bool:
        """Whether this is the secret of a hash, compared in constant time."""
        return hmac.compare_digest(self.sha256, sha256)


def read_secret(text: str, prefix: str) -> Secret:
    """A secret as a client sent it.

    Raises:
        InvalidToken: it does not look like one.
    """
    match = _FORM.fullmatch(text)
    if match is None or match[1] != prefix:
        raise InvalidToken("The credential is not valid.")
    return Secret(prefix, UUID(match[2]), match[3])


def new_key(key_id: UUID) -> Secret:
    """A new API key."""
    return Secret(KEY_PREFIX, key_id, secrets.token_hex(SECRET_BYTES))


def new_refresh(login_id: UUID, key: bytes) -> Secret:
    """A new refresh token, with a mark that distinguishes used tokens from invented ones."""
    secret = secrets.token_hex(SECRET_BYTES)
    return Secret(REFRESH_PREFIX, login_id, secret + _mark(login_id, secret, key))


def is_ours(refresh: Secret, key: bytes) -> bool:
    """Whether this service issued the refresh token."""
    secret, mark = refresh.secret[: 2 * SECRET_BYTES], refresh.secret[2 * SECRET_BYTES :]
    return hmac.compare_digest(mark, _mark(refresh.id, secret, key))


def _mark(login_id: UUID, secret: str, key: bytes) -> str:
    return hmac.new(key, f"{login_id.hex}_{secret}".encode(), hashlib.sha256).hexdigest()[:32]
