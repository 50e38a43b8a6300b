"""What a worker process runs: its limits, then calls from a socket until that closes.

A request is a pickle (the server is trusted); an answer is JSON and bytes (a worker is not).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from typing import Any

import orjson

from imagesvc.errors import ImagesvcError, ImageTooLarge
from imagesvc.imaging.calls import CALLS, pack_error

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
MAX_OPEN_FILES = 64
TRIM_ABOVE_BYTES = 128 << 20

REQUEST_HEAD = struct.Struct("!I")
"""Bytes of the pickle that follows."""
REPLY_HEAD = struct.Struct("!II")
"""Bytes of the JSON and of the body that follow."""

_libc = ctypes.CDLL(None, use_errno=True)
_page_bytes = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of one worker process, in bytes."""

    address_space: int
    file_size: int


def main(channel: socket.socket, confinement: Confinement) -> None:
    """Serve calls until the server closes its end."""
    confine(confinement)
    calls = 0
    while request := _receive(channel):
        calls += 1
        name, args = request
        plain, body = _answer(name, args)
        plain["resident_bytes"] = _settle_memory()
        plain["calls"] = calls
        text = orjson.dumps(plain)
        channel.sendall(REPLY_HEAD.pack(len(text), len(body)) + text + body)


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


def _receive(channel: socket.socket) -> tuple[str, tuple[Any, ...]] | None:
    head = channel.recv(REQUEST_HEAD.size, socket.MSG_WAITALL)
    if len(head) < REQUEST_HEAD.size:
        return None
    (size,) = REQUEST_HEAD.unpack(head)
    request: tuple[str, tuple[Any, ...]] = pickle.loads(  # noqa: S301  # from the server
        channel.recv(size, socket.MSG_WAITALL)
    )
    return request


def _answer(name: str, args: tuple[Any, ...]) -> tuple[dict[str, Any], bytes]:
    call = CALLS[name]
    try:
        value, body = call.pack(call.run(*args))
    except ImagesvcError as error:
        return {"error": pack_error(error)}, b""
    except (MemoryError, RecursionError) as error:
        return {"error": pack_error(_refusal(error))}, b""
    except Exception:  # noqa: BLE001  # a bug fails its call, and the server logs where it is
        return {"bug": traceback.format_exc(limit=-12)}, b""
    return {"value": value}, body


def _refusal(error: MemoryError | RecursionError) -> ImagesvcError:
    """What it means that a file took all memory or all levels of calls that a worker has."""
    if isinstance(error, MemoryError):
        return ImageTooLarge("The image needs more memory than a worker may use.")
    return ImageTooLarge("The file's structure is nested too deeply.")


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
    with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123  # at each call
        return int(file.read().split()[1]) * _page_bytes


if __name__ == "__main__":
    fd, address_space, file_size = map(int, sys.argv[1:])
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server has gone
        main(socket.socket(fileno=fd), Confinement(address_space, file_size))
