"""Names of the users of an identity provider.

A user is identified by issuer and subject; the name is for people. It begins with the issuer's host
and a colon, which no local user has. A subject that is a valid name is used unchanged; any other is
reduced to valid characters and followed by `~` and a hash of issuer and subject. A plain name
contains no `~`, so no subject can imitate another.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

MAX_NAME = 64
MAX_HOST = 22
HASH_DIGITS = 20
RESERVED = frozenset({
    "admin", "administrator", "anybody", "imagesvc", "nobody", "root", "stranger", "system",
})  # fmt: skip
_PLAIN = re.compile("[a-z0-9][a-z0-9._@+-]*")


def names_for(issuer: str, subject: str) -> list[str]:
    """The names that a user may get, the preferred one first; the last one is unique."""
    host = (urlsplit(issuer).hostname or "provider").lower()
    plain = f"{host}:{subject}"
    digest = hashlib.sha256(f"{issuer} {subject}".encode()).hexdigest()[:HASH_DIGITS]
    reduced = re.sub("[^a-z0-9._@+-]", "-", subject.lower())
    prefix = f"{host[:MAX_HOST]}:"
    room = MAX_NAME - len(prefix) - 1 - HASH_DIGITS
    unique = f"{prefix}{reduced[:room]}~{digest}"
    is_plain = _PLAIN.fullmatch(subject) is not None and subject not in RESERVED
    return [plain, unique] if is_plain and len(plain) <= MAX_NAME else [unique]
