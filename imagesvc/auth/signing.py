"""Signed URLs: HMAC-SHA256 over path and canonical query, with key id and expiry.

The signature is the parameter `sig`: base64url without padding of HMAC-SHA256(key, path + "?" +
query), where `query` holds all other parameters, sorted by name and then by value, percent-encoded
by RFC 3986 (all but letters, digits and `-._~`). `kid` names the key, and `exp` is the time, in
seconds since 1970 in UTC, from which on the URL is refused. The signature covers both. It does not
cover parameters that delivery ignores.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from imagesvc.errors import SignatureInvalid
from imagesvc.syntax.appended import Appended

Pairs = Sequence[tuple[str, str]]

SIGNATURE, KEY_ID, EXPIRY = "sig", "kid", "exp"
RESERVED = frozenset({SIGNATURE, KEY_ID, EXPIRY})


@dataclass(frozen=True, slots=True)
class Signature:
    """A valid signature; `expires_at` in seconds since 1970, None if it does not expire."""

    key_id: str
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one key, and verifies with several, so that keys can be changed.

    Args:
        keys: secrets by key id; the first signs.
        appended: the parameters that may be added to a signed URL.
    """

    keys: Mapping[str, bytes]
    appended: Appended = field(default_factory=Appended)

    def sign(
        self, path: str, pairs: Pairs, *, expires_at: int | None = None, key_id: str | None = None
    ) -> list[tuple[str, str]]:
        """The parameters of the signed URL of a path.

        Args:
            path: the path of the request, percent-decoded.
            pairs: the other parameters, decoded.
            expires_at: seconds since 1970 in UTC; None for never.
            key_id: which key; None for the first.

        Raises:
            KeyError: there is no such key.
        """
        name = key_id or next(iter(self.keys))
        signed = [*pairs, (KEY_ID, name)]
        if expires_at is not None:
            signed.append((EXPIRY, str(expires_at)))
        text = self.appended.without(signed)
        return [*signed, (SIGNATURE, signature(self.keys[name], path, text))]

    def verify(self, path: str, pairs: Pairs, *, now: float) -> Signature | None:
        """Check the signature in the parameters; None when there is none.

        Raises:
            SignatureInvalid: it is wrong or has expired, or there are `exp` or `kid` without a
            signature.
        """
        named = {key: [value for name, value in pairs if name == key] for key in RESERVED}
        if not any(named.values()):
            return None
        if len(named[SIGNATURE]) != 1 or len(named[KEY_ID]) != 1 or len(named[EXPIRY]) > 1:
            raise SignatureInvalid("A signed URL has one sig, one kid and at most one exp.")
        (given,), (key_id,) = named[SIGNATURE], named[KEY_ID]
        rest = [pair for pair in self.appended.without(pairs) if pair[0] != SIGNATURE]
        # An unknown key takes as long as a wrong signature.
        expected = signature(self.keys.get(key_id, b""), path, rest)
        if not hmac.compare_digest(expected.encode(), given.encode()) or key_id not in self.keys:
            raise SignatureInvalid("The signature does not match the URL.")
        expires_at = _expiry(named[EXPIRY])
        if expires_at is not None and expires_at <= now:
            raise SignatureInvalid("The signed URL has expired.")
        return Signature(key_id, expires_at)


def signature(key: bytes, path: str, pairs: Pairs) -> str:
    """The signature of a path and its parameters, as the module describes."""
    mac = hmac.new(key, f"{path}?{canonical_query(pairs)}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def canonical_query(pairs: Pairs) -> str:
    """Parameters in the canonical form that is signed."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(text, safe="-._~", errors="surrogatepass")


def _expiry(values: list[str]) -> int | None:
    if not values:
        return None
    if not re.fullmatch("[0-9]{1,12}", values[0]):
        raise SignatureInvalid("exp is a whole number of seconds since 1970.")
    return int(values[0])
