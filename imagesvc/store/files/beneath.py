"""Files below a folder, opened without following a symbolic link in any part of their path.

A path that was checked may lead elsewhere when it is opened: others may put a link in the place of
a folder. Each part is opened in the folder that was opened before it.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PASSED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_beneath(root: Path, path: PurePath, flags: int) -> int:
    """A descriptor of a file or folder.

    Args:
        root: an absolute path without links.
        path: relative to it.
        flags: `DIRECTORY` or `FILE`.

    Raises:
        OSError: there is none, or a part is a link.
    """
    *folders, name = (*root.parts[1:], *path.parts) or (".",)
    if ".." in path.parts or path.is_absolute():
        raise FileNotFoundError(f"{path} is not below {root}")
    at = os.open(root.anchor, _PASSED)
    try:
        for folder in folders:
            below = os.open(folder, _PASSED, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, flags, dir_fd=at)
    except OSError as error:
        error.filename = str(root / path)
        raise
    finally:
        os.close(at)
