"""Locks a worker, once everything that it will need is loaded. The order matters.

Descriptors and limits first: the layers after them forbid to change those. Landlock before the
filter, which forbids Landlock's own system calls.
"""

from __future__ import annotations

import contextlib
import os
import resource
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from imagesvc.workers.sandbox import landlock, libc, seccomp

PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
MAX_OPEN_FILES = 64
HIGHEST_DESCRIPTOR = 1 << 16


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """The limits of one worker process, in bytes, and the layers of its sandbox."""

    address_space: int
    file_size: int
    layers: tuple[str, ...] = ()


def lock(limits: ResourceLimits, keep: Collection[int]) -> dict[str, str]:
    """Restrict this process permanently; it keeps some of its descriptors.

    Returns:
        The layers that could not be had, each with the reason.
    """
    _close_others(keep)
    _limit(limits)
    with contextlib.suppress(OSError):  # not on Linux: the layers will say so
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1)
        if limits.layers:
            libc.prctl(PR_SET_DUMPABLE, 0)
    missing = {}
    for name in limits.layers:
        try:
            LAYERS[name]()
        except OSError as error:
            missing[name] = str(error.strerror)
    return missing


def _close_others(keep: Collection[int]) -> None:
    low = 0
    for fd in sorted(keep):
        if low < fd:  # of the empty range (0, 0), CPython closes everything
            os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, HIGHEST_DESCRIPTOR)


def _limit(limits: ResourceLimits) -> None:
    """See setrlimit(2)."""
    _lower(resource.RLIMIT_AS, limits.address_space)
    _lower(resource.RLIMIT_FSIZE, limits.file_size)
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(limit: int, value: int) -> None:
    _soft, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _drop_capabilities() -> None:
    """See capabilities(7): a worker of root is then no more than its files' owner."""
    libc.capset(struct.pack("=Ii", CAPABILITY_VERSION_3, 0), bytes(24))


LAYERS: Mapping[str, Callable[[], None]] = {
    "capabilities": _drop_capabilities,
    "landlock": landlock.restrict,
    "seccomp": seccomp.install,
}
"""The layers in the order in which they are applied."""
