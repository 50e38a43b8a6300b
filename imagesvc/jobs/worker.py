"""What runs inside a worker process: the limits it lives under, and the frame of a call."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imagesvc.errors import ImagesvcError

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
NICENESS = 5
MAX_OPEN_FILES = 64
TRIM_ABOVE_BYTES = 128 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_page_bytes = os.sysconf("SC_PAGE_SIZE")
_calls = 0


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of one worker process, in bytes."""

    address_space: int
    file_size: int


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended, and how much the worker has grown."""

    value: Any
    error: ImagesvcError | None
    resident_bytes: int
    calls: int


def call(confinement: Confinement, function: Callable[..., Any], args: tuple[Any, ...]) -> Reply:
    """Run `function` under the limits; errors of ours are part of the reply."""
    global _calls  # noqa: PLW0603  # one process, one count
    if _calls == 0:
        confine(confinement)
    _calls += 1
    value, failure = None, None
    try:
        value = function(*args)
    except ImagesvcError as error:
        failure = error.with_traceback(None)
    return Reply(value, failure, _settle_memory(), _calls)


def confine(confinement: Confinement) -> None:
    """Limit this process for good: memory, files, privileges; it dies with its parent.

    Source: prctl(2), setrlimit(2).
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _lower(resource.RLIMIT_AS, confinement.address_space)
    _lower(resource.RLIMIT_FSIZE, confinement.file_size)
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):  # already nicer than asked
        os.nice(NICENESS)


def ready(modules: tuple[str, ...]) -> None:
    """Load what the first real call would otherwise wait for."""
    for module in modules:
        __import__(module)


def _lower(limit: int, value: int) -> None:
    _soft, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _settle_memory() -> int:
    resident = _resident_bytes()
    if resident > TRIM_ABOVE_BYTES:
        _libc.malloc_trim(0)
        resident = _resident_bytes()
    return resident


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # a call's fixed cost
        return int(file.read().split()[1]) * _page_bytes
