"""Mounts and capabilities of Linux that a process has for itself."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import struct
import subprocess
from pathlib import Path

from imagesvc.workers.sandbox.libc import capset
from imagesvc.workers.sandbox.lock import CAPABILITY_VERSION_3

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
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


def obey_modes() -> None:
    """Apply the modes of files to this process, also as root; see capabilities(7).

    Programs that it executes as root have all capabilities again.

    Raises:
        OSError: the kernel refuses.
    """
    status = Path("/proc/self/status").read_text()
    permitted = int(status.partition("CapPrm:\t")[2].split()[0], 16)
    kept = permitted & ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    capset(struct.pack("=Ii", CAPABILITY_VERSION_3, 0), data)


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
