"""Files with secrets: the service's own secret, and others that only their owner can read."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from imagesvc.errors import Unavailable
from imagesvc.store.files import fsync_directory

SECRET_BYTES = 32


class SecretDamaged(Unavailable):
    """The file of the service's own secret does not hold a secret."""


def load_or_make_secret(path: Path) -> bytes:
    """The secret in the file, which is made when there is none; the first maker wins.

    Raises:
        SecretDamaged: the file is empty, cut off or changed.
    """
    with contextlib.suppress(FileNotFoundError):
        return _read(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        _write(draft, f"{secrets.token_hex(SECRET_BYTES)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    fsync_directory(path.parent)
    return _read(path)


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read: whole or not at all, and durable."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)  # of a process that was killed here
    try:
        _write(draft, text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    fsync_directory(path.parent)


def is_private(path: Path) -> bool:
    """Whether only the owner of a file can read it."""
    return not path.stat().st_mode & 0o077


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, so that a power cut does not bring it back."""
    path.unlink(missing_ok=True)
    fsync_directory(path.parent)


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose; keys of different purposes tell nothing of each other."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()


def _read(path: Path) -> bytes:
    # A copy made onto a full disk is empty: with that as the secret, anyone could sign.
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise SecretDamaged(
            f"{path} is damaged. Restore a copy of it; or remove it, and the next start makes "
            "another one: signed URLs and access tokens that were given out are refused then."
        )
    return secret


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
