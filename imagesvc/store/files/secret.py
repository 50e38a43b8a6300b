"""Files with secrets: the service's own secret, and others that only their owner can read."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from imagesvc.errors import Unavailable
from imagesvc.store.files.files import fsync_directory
from imagesvc.store.files.owners import give_to_owner

SECRET_BYTES = 32


class SecretDamaged(Unavailable):
    """The file of the service's own secret is missing, or does not hold a secret."""


def make_secret(path: Path) -> None:
    """Make the file of the secret, unless there is one; the first maker wins."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        _write(draft, f"{secrets.token_hex(SECRET_BYTES)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    fsync_directory(path.parent)


def load_secret(path: Path) -> bytes:
    """The secret in the file.

    Raises:
        SecretDamaged: the file is missing, empty, cut off or changed.
    """
    # A copy made onto a full disk is empty: with that as the secret, anyone could sign.
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except FileNotFoundError:
        raise SecretDamaged(f"{path} is missing. {_next_step(path)}") from None
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise SecretDamaged(f"{path} is damaged. {_next_step(path)}")
    return secret


def _next_step(path: Path) -> str:
    return (
        "Restore a copy of it; or make another one with: "
        f"(umask 077; openssl rand -hex 32 > {path}) "
        "Signed URLs and access tokens that were given out are refused then."
    )


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read: whole or not at all, and durable.

    The owner is that of the directory, also if root writes it.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)  # of a process that was killed here
    try:
        _write(draft, text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    fsync_directory(path.parent)


def overwrite(path: Path, text: str) -> None:
    """Write over a file that exists, where there is no room for another one; durable."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.truncate()
        file.flush()
        os.fsync(fd)


def is_private(path: Path) -> bool:
    """Whether only the owner of a file can read it."""
    return not path.stat().st_mode & 0o077


def remove_durably(path: Path) -> None:
    """Remove a file, if it exists, so that a power cut does not restore it."""
    path.unlink(missing_ok=True)
    fsync_directory(path.parent)


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose; keys of different purposes reveal nothing of each other."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        give_to_owner(fd, path.parent)
        file.write(text)
        file.flush()
        os.fsync(fd)
