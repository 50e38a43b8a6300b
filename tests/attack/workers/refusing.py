"""The effect of a container that refuses a system call: it fails with EPERM."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from imagesvc.workers.sandbox import libc, seccomp

PR_SET_NO_NEW_PRIVS = 38


def refuse(number: int) -> None:
    """Refuse a system call of this process from now on."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1)
    rules = (
        (seccomp.LOAD, 0, 0, seccomp.NUMBER_AT),
        (seccomp.JUMP_EQUAL, 0, 1, number),
        (seccomp.RETURN, 0, 0, seccomp.ERRNO | errno.EPERM),
        (seccomp.RETURN, 0, 0, seccomp.ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    header = struct.pack("@HP", len(rules), ctypes.addressof(code))
    libc.syscall(seccomp.SECCOMP[os.uname().machine], seccomp.SET_MODE_FILTER, 0, header)
