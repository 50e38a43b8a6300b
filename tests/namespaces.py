"""Namespaces of Linux, in which a process has mounts of its own."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


@functools.cache
def can_have_namespaces() -> bool:
    """Whether this user may make mount and network namespaces here."""
    tools = all(shutil.which(tool) for tool in ("unshare", "ip", "mount"))
    probe = "ip link set lo up && mount --bind /etc/hosts /etc/hosts"
    return (
        tools
        and not subprocess.run(
            ["unshare", "-rmn", "sh", "-c", probe], capture_output=True, check=False
        ).returncode
    )


def make_read_only(place: str) -> None:
    """Mount a folder read-only for this process, which must have one thread, as its root.

    Source: user_namespaces(7), mount(2).

    Raises:
        OSError: the kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    folder, flags = place.encode(), MS_REMOUNT | MS_BIND | MS_RDONLY
    _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    maps = {"setgroups": "deny", "uid_map": f"0 {user} 1", "gid_map": f"0 {group} 1"}
    for name, text in maps.items():
        Path("/proc/self", name).write_text(text, "ascii")
    _check(libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))
    _check(libc.mount(folder, folder, None, ctypes.c_ulong(MS_BIND), None))
    _check(libc.mount(None, folder, None, ctypes.c_ulong(flags), None))


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
