"""What a worker process runs: its limits, then calls from a socket until that closes.

A request is a pickle (the server is trusted); an answer is JSON and bytes (a worker is not).
Files come as descriptors over the same socket, in both directions: a worker opens no path.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from imagesvc.errors import ImagesvcError, ImageTooLarge
from imagesvc.imaging.calls import CALLS, Call, Files, Spill, pack_error
from imagesvc.imaging.containers.found import Data

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
MAX_OPEN_FILES = 64
TRIM_ABOVE_BYTES = 128 << 20

REQUEST_HEAD = struct.Struct("!I")
"""Bytes of the pickle that follows."""
REPLY_HEAD = struct.Struct("!II")
"""Bytes of the JSON and of the body that follow."""
FILE_WANTED = "file_wanted"
"""What a worker says, in the place of an answer, to be sent a file for a large output."""
FILE_GIVEN, FILE_REFUSED = b"+", b"-"
"""What comes back; the first with the descriptor."""

_libc = ctypes.CDLL(None, use_errno=True)
_page_bytes = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of one worker process, in bytes."""

    address_space: int
    file_size: int


def main(
    channel: socket.socket, confinement: Confinement, calls_by_name: Mapping[str, Call[Any]]
) -> None:
    """Serve calls until the server closes its end."""
    confine(confinement)
    calls = 0
    while request := _receive(channel):
        calls += 1
        plain, body = _answer(calls_by_name[request.name], request, _Spill(channel))
        plain["resident_bytes"] = _settle_memory()
        plain["calls"] = calls
        _send(channel, plain, body)


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


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    args: tuple[Any, ...]
    fd: int | None
    """Of the file that it is about."""


class _Spill:
    """Large outputs go to files that the server opens when asked, and sends as descriptors."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._files = 0

    def __call__(self, data: bytes) -> int:
        """Write to a new file; its number in this call.

        Raises:
            OSError: there is no room, or there are too many bytes.
        """
        _send(self._channel, {FILE_WANTED: True}, b"")
        verdict, fds, _flags, _address = socket.recv_fds(self._channel, 1, 1)
        if verdict != FILE_GIVEN or not fds:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._files += 1
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fds[0], view) :]
        finally:
            os.close(fds[0])
        return self._files - 1


def _send(channel: socket.socket, plain: dict[str, Any], body: bytes) -> None:
    text = orjson.dumps(plain)
    channel.sendall(REPLY_HEAD.pack(len(text), len(body)) + text + body)


def _receive(channel: socket.socket) -> _Request | None:
    head, fds, _flags, _address = socket.recv_fds(channel, REQUEST_HEAD.size, 1, socket.MSG_WAITALL)
    if len(head) < REQUEST_HEAD.size:
        return None
    (size,) = REQUEST_HEAD.unpack(head)
    name, args = pickle.loads(  # noqa: S301  # from the server
        channel.recv(size, socket.MSG_WAITALL)
    )
    return _Request(name, args, fds[0] if fds else None)


def _mapped(fd: int | None) -> Data:
    """The bytes of a file: read without an offset, which libraries would have to share.

    Raises:
        ImageTooLarge: there is no room for it.
    """
    if fd is None:
        return b""
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        return mmap.mmap(fd, size, access=mmap.ACCESS_READ) if size else b""
    except OSError as error:
        raise ImageTooLarge("The file is larger than the memory of a worker.") from error
    finally:
        os.close(fd)


def _answer(call: Call[Any], request: _Request, spill: Spill) -> tuple[dict[str, Any], bytes]:
    try:
        value, body = call.pack(call.run(Files(_mapped(request.fd), spill), *request.args))
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


def run(calls_by_name: Mapping[str, Call[Any]] = CALLS) -> None:
    """Serve the server that started this process, as its command line says."""
    fd, address_space, file_size = map(int, sys.argv[1:])
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server has gone
        main(socket.socket(fileno=fd), Confinement(address_space, file_size), calls_by_name)


if __name__ == "__main__":
    run()
