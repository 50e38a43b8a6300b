"""The first admin's API key in a file that the operator provides, such as a mounted secret."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagesvc.auth.secrets import KEY_PREFIX, Secret, read_secret
from imagesvc.errors import InvalidToken, Unavailable

SETTING = "admin_key_file"
MAX_BYTES = 4096
MIN_DISTINCT_BYTES = 17
"""The minimum of different bytes in a secret. One random secret in ten thousand million has fewer;
fillers and repeated words always have.
"""
FORM = "one line of isk_, 32 hex digits, _ and 64 hex digits, in lower case"
HINT = "imagesvc key generate prints one."


class KeyFileUnusable(Unavailable):
    """The file of the first admin's API key holds no usable key."""


@dataclass(frozen=True, slots=True)
class GivenKey:
    """The content of the file when it was read: a key, or an error."""

    path: Path
    secret: Secret | None = None
    fault: str = ""

    def required(self) -> Secret:
        """The key.

        Raises:
            KeyFileUnusable: there is none.
        """
        if self.secret is None:
            raise KeyFileUnusable(f"{SETTING}: {self.path}: {self.fault}")
        return self.secret


def read_given_key(path: Path) -> GivenKey:
    """Read the file once: it may be a pipe. An error names the file and never its content."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError as error:
        return GivenKey(path, fault=f"{error.strerror}.")
    text = content.decode("ascii", "replace").strip()
    if not text:
        return GivenKey(path, fault="The file is empty.")
    try:
        secret = read_secret(text, KEY_PREFIX)
    except InvalidToken:
        return GivenKey(path, fault=f"The file does not hold an API key, which is {FORM}. {HINT}")
    if _distinct_bytes(secret.secret) < MIN_DISTINCT_BYTES:
        return GivenKey(path, fault=f"The key is not random, so it could be guessed. {HINT}")
    return GivenKey(path, secret)


def _distinct_bytes(digits: str) -> int:
    return len({digits[at : at + 2] for at in range(0, len(digits), 2)})
