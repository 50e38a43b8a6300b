"""What binds a log-in at a provider to the browser in which it began.

The browser keeps a random ticket in a cookie. The state, the nonce and the code verifier are
computed from it with a key of this service, so that nothing is stored until the log-in succeeds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

LIFETIME_SECONDS = 600
TOKEN_BYTES = 32
MAX_TARGET = 2000
"""Characters of the encoded page; browsers keep cookies of up to 4,096 bytes."""
_FORM = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{0,2000})")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A log-in that has begun: when, and the page to show after it."""

    text: str = field(repr=False)  # tracebacks may show the values of variables
    made_at: int
    target: str

    @classmethod
    def new(cls, now: int, target: str) -> Ticket:
        """A new ticket; a target that is too long is replaced by the home page."""
        encoded = _encoded(target.encode())
        if len(encoded) > MAX_TARGET:
            target, encoded = "/", _encoded(b"/")
        return cls(f"{now}.{secrets.token_urlsafe(TOKEN_BYTES)}.{encoded}", now, target)

    @classmethod
    def read(cls, text: str) -> Ticket:
        """A ticket as the browser sends it.

        Raises:
            ValueError: it does not look like one.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError("not a ticket")
        try:
            target = base64.urlsafe_b64decode(match[3] + "=" * (-len(match[3]) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("not a ticket") from error
        return cls(text, int(match[1]), target)

    def is_valid(self, now: int) -> bool:
        """Whether the log-in has begun a short time ago."""
        return 0 <= now - self.made_at < LIFETIME_SECONDS

    def derived(self, key: bytes, purpose: str) -> str:
        """A value for one purpose; it covers the whole ticket and does not reveal it."""
        digest = hmac.new(key, f"{purpose} {self.text}".encode(), hashlib.sha256).digest()
        return _encoded(digest)


def challenge_of(verifier: str) -> str:
    """The code challenge of a verifier, by the method S256 (RFC 7636, section 4.2)."""
    return _encoded(hashlib.sha256(verifier.encode()).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
