"""The C library's allocator: how much of what was freed stays with the process."""

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
    """Return what is free to the system; glibc by itself keeps the pages below the last in use."""
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
