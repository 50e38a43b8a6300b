"""Landlock: no path, no TCP, no signal to another process, independently of the filter.

Source: landlock(7), landlock_create_ruleset(2), include/uapi/linux/landlock.h; the numbers of the
system calls are the same on every architecture.
"""

from __future__ import annotations

import errno
import os
import struct

from imagesvc.workers.sandbox import libc

CREATE_RULESET, RESTRICT_SELF = 444, 446
CREATE_RULESET_VERSION = 1
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of rights on files by ABI version; 16 from version 5 on."""
NEWEST_FILE_RIGHTS = 16
NETWORK_SINCE, SCOPES_SINCE = 4, 6
BIND_AND_CONNECT_TCP = 3
ABSTRACT_SOCKETS_AND_SIGNALS = 3


def restrict() -> None:
    """Take every right that this kernel knows from this thread, and from those it starts.

    Raises:
        OSError: the kernel has no Landlock, or threads run that it would not cover.
    """
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  # names are enough
        raise OSError(errno.EBUSY, "other threads run already")
    version = libc.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    attributes = _attributes(version)
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    try:
        libc.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def landlock_version() -> int | None:
    """The version of the interface of this kernel; None without Landlock."""
    try:
        return libc.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    except OSError:
        return None


def _attributes(version: int) -> bytes:
    """A `struct landlock_ruleset_attr` as long as this version of the ABI has it."""
    files = (1 << FILE_RIGHTS.get(version, NEWEST_FILE_RIGHTS)) - 1
    fields = [files]
    if version >= NETWORK_SINCE:
        fields.append(BIND_AND_CONNECT_TCP)
    if version >= SCOPES_SINCE:
        fields.append(ABSTRACT_SOCKETS_AND_SIGNALS)
    return struct.pack(f"={len(fields)}Q", *fields)
