"""The C library's allocator: how much freed memory stays with the process."""

from __future__ import annotations

import ctypes
import gc

_M_ARENA_MAX = -8  # of malloc.h

_libc = ctypes.CDLL(None)


def use_few_arenas() -> None:
    """Let threads share their free memory, instead of each keeping its own."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Return free memory to the system; glibc itself keeps the pages below the last used one."""
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
