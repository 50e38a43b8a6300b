"""Calls to the C library that Python has no function for, with its errors as OSError.

Source: prctl(2), syscall(2), capset(2), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Set a property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    zero = ctypes.c_ulong(0)
    _check(_function("prctl")(option, ctypes.c_ulong(value), zero, zero, zero))


def syscall(number: int, *args: Any) -> int:
    """Make a system call by its number.

    Raises:
        OSError: the kernel refuses.
    """
    wide = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _check(_function("syscall")(ctypes.c_long(number), *wide))


def capset(header: bytes, data: bytes) -> None:
    """Set the capabilities of this thread.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_function("capset")(header, data))


def malloc_trim() -> None:
    """Give freed memory back to the system, where the C library can."""
    if hasattr(_libc, "malloc_trim"):  # musl has none
        _libc.malloc_trim(0)


def _function(name: str) -> Any:
    """A function of the C library.

    Raises:
        OSError: this system has none of this name.
    """
    try:
        function = getattr(_libc, name)
    except AttributeError:
        raise OSError(errno.ENOSYS, f"there is no {name}() here") from None
    if name == "syscall":
        function.restype = ctypes.c_long
    return function


def _check(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
