"""Owners of files: names of users, and files that root has made for the user of the server."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path


def user_name(uid: int) -> str:
    """The name of a user, or the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def give_to_owner(fd: int, directory: Path) -> None:
    """Give a file that root has made to the owner of its directory, whose server must open it."""
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    if os.fstat(fd).st_uid != owner.st_uid:
        with contextlib.suppress(OSError):  # root of a container may not be able to
            os.fchown(fd, owner.st_uid, owner.st_gid)


def give_all(root: Path) -> None:
    """Give a directory that root has filled to its owner, or to that of the directory above.

    Nothing is changed if both are root: the user of the server is then unknown.
    """
    owners = (path.stat() for path in (root, root.parent))
    owner = next((status for status in owners if status.st_uid != 0), None)
    if os.geteuid() != 0 or owner is None:
        return
    with contextlib.suppress(PermissionError):  # the same
        for _, folders, files, fd in os.fwalk(root, topdown=False):
            for name in (*folders, *files):
                os.chown(name, owner.st_uid, owner.st_gid, dir_fd=fd, follow_symlinks=False)
        os.chown(root, owner.st_uid, owner.st_gid)
