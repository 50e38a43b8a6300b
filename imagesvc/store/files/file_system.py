"""The file system of the data directory, and whether SQLite's log is safe on it."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
DOCS = "docs/data-directory.md"
NETWORK = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "fakeowner", "gfs2", "glusterfs", "gpfs", "lustre",
        "ncpfs", "nfs", "nfs4", "ocfs2", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    }
)  # fmt: skip
"""File systems of other machines, or of a virtual machine's host."""


def doubtful_file_system(path: Path) -> str | None:
    """The kind of file system that holds `path`, if it is a network or FUSE file system."""
    try:
        kind = file_system_of(os.path.realpath(path), MOUNTS.read_text("utf-8", "surrogateescape"))
    except OSError:  # a system without /proc
        return None
    return kind if kind is not None and is_doubtful(kind) else None


def is_doubtful(kind: str) -> bool:
    """Whether locks, shared memory and fsync may not work as SQLite needs them."""
    return kind in NETWORK or kind.partition(".")[0] in {"fuse", "fuseblk"}


def file_system_of(path: str, mounts: str) -> str | None:
    """The kind of file system of an absolute path without links.

    Args:
        path: need not exist.
        mounts: what /proc/self/mountinfo holds; of mounts at one place, the last is seen
            (https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html).
    """
    longest, found = "", None
    for line in mounts.splitlines():
        before, is_whole, after = line.partition(" - ")
        fields = before.split(" ")
        if is_whole and len(fields) > _PLACE:
            place = _unescaped(fields[_PLACE])
            if _is_below(path, place) and len(place) >= len(longest):
                longest, found = place, after.split(" ")[0]
    return found


_PLACE = 4


def _unescaped(text: str) -> str:
    """A path of mountinfo, where spaces and backslashes are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _is_below(path: str, place: str) -> bool:
    return f"{path}/".startswith(f"{place.rstrip('/')}/")
