"""Calls to the C library that Python has no function for, with its errors as OSError.

Source: prctl(2), syscall(2), capset(2), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def prctl(option: int, value: int) -> None:
    """Set a property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def syscall(number: int, *args: Any) -> int:
    """Make a system call by its number.

    Raises:
        OSError: the kernel refuses.
    """
    wide = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _check(_libc.syscall(ctypes.c_long(number), *wide))


def capset(header: bytes, data: bytes) -> None:
    """Set the capabilities of this thread.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.capset(header, data))


def malloc_trim() -> None:
    """Give freed memory back to the system, where the C library can."""
    if hasattr(_libc, "malloc_trim"):  # musl has none
        _libc.malloc_trim(0)


def _check(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
