"""The service's own secret: made at the first start, readable by its owner alone."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from imagesvc.store.files import fsync_directory

SECRET_BYTES = 32


def load_or_make_secret(path: Path) -> bytes:
    """The secret in the file, which is made when there is none; the first maker wins."""
    with contextlib.suppress(FileNotFoundError):
        return bytes.fromhex(path.read_text("ascii").strip())
    made = secrets.token_bytes(SECRET_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(f"{made.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    fsync_directory(path.parent)
    return bytes.fromhex(path.read_text("ascii").strip())


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose; keys of different purposes tell nothing of each other."""
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()
