"""The main loop of a worker process.

It loads, restricts itself, and serves calls until its socket closes. A request is a pickle (the
server is trusted); an answer is JSON and bytes (a worker is not). Files are sent as descriptors
over the same socket, in both directions: a worker opens no path.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import mmap
import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from imagesvc.errors import ImagesvcError, ImageTooLarge
from imagesvc.imaging.calls import Handler, pack_error
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.messages import Files, Spill
from imagesvc.workers.channel import (
    FILE_GIVEN,
    FILE_WANTED,
    REPLY_HEAD,
    REQUEST_HEAD,
)
from imagesvc.workers.sandbox import libc
from imagesvc.workers.sandbox.lock import ResourceLimits, lock
from imagesvc.workers.sandbox.readiness import READY, Readiness
from imagesvc.workers.sandbox.selftest import allowed_acts

PR_SET_PDEATHSIG = 1
STANDARD_STREAMS = (0, 1, 2)
"""Kept, at /dev/null: otherwise the next descriptor would take their place."""
TRIM_ABOVE_BYTES = 128 << 20

_json = json.JSONEncoder(allow_nan=False)
_page_bytes = os.sysconf("SC_PAGE_SIZE")


def main(
    channel: socket.socket, handlers: Mapping[str, Handler], resident: Callable[[], int]
) -> None:
    """Serve calls until the server closes its end."""
    calls = 0
    while request := _receive(channel):
        calls += 1
        plain, body = _answer(handlers[request.name], request, _Spill(channel))
        plain["resident_bytes"] = _settle_memory(resident)
        plain["calls"] = calls
        _send(channel, plain, body)


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    args: tuple[Any, ...]
    fd: int | None
    """Of the file that it is about."""


class _Spill:
    """Large outputs go to files that the server opens on request, and sends as descriptors."""

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
    text = _json.encode(plain).encode()
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


def _answer(handler: Handler, request: _Request, spill: Spill) -> tuple[dict[str, Any], bytes]:
    try:
        value, body = handler(Files(_mapped(request.fd), spill), *request.args)
    except ImagesvcError as error:
        return {"error": pack_error(error)}, b""
    except (MemoryError, RecursionError) as error:
        return {"error": pack_error(_refusal(error))}, b""
    except Exception:  # noqa: BLE001  # a bug fails its call, and the server logs where it is
        return {"bug": traceback.format_exc(limit=-12)}, b""
    return {"value": value}, body


def _refusal(error: MemoryError | RecursionError) -> ImagesvcError:
    """The error for a file that exhausted the memory or the stack of a worker."""
    if isinstance(error, MemoryError):
        return ImageTooLarge("The image needs more memory than a worker may use.")
    return ImageTooLarge("The file's structure is nested too deeply.")


def _settle_memory(resident: Callable[[], int]) -> int:
    size = resident()
    if size > TRIM_ABOVE_BYTES:
        libc.malloc_trim()
        size = resident()
    return size


def _resident_bytes(statm: int) -> int:
    """Resident memory, of `/proc/self/statm` as opened before the lock; see proc_pid_statm(5)."""
    return int(os.pread(statm, 256, 0).split()[1]) * _page_bytes


def load(limits: ResourceLimits, keep: Collection[int]) -> dict[str, Handler]:
    """Load the codecs, lock this process, and try the lock; the handlers of all calls."""
    # Here and not above, so that import errors are reported in the answer to `READY`.
    from imagesvc.imaging import handlers, warmup  # noqa: PLC0415

    warmup.warm_up()
    missing = lock(limits, keep)
    readiness = Readiness()
    if limits.layers:
        warmup.check_codecs()
        readiness = Readiness(missing, tuple(allowed_acts()))
    return {**handlers.HANDLERS, READY.name: READY.handled_by(lambda _files: readiness)}


def run(more: Mapping[str, Handler] | None = None) -> None:
    """Serve the server that started this process, with the arguments of the command line.

    Args:
        more: handlers beside those of `imaging.handlers`, by the name of the call.
    """
    with contextlib.suppress(OSError):  # not on Linux
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    channel_fd, address_space, file_size = map(int, sys.argv[1:4])
    channel = socket.socket(fileno=channel_fd)
    limits = ResourceLimits(address_space, file_size, tuple(sys.argv[4:]))
    statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        handlers = load(limits, {*STANDARD_STREAMS, channel_fd, statm})
    except Exception as error:  # noqa: BLE001  # reported in the answer: a worker has no log
        handlers = {READY.name: READY.handled_by(partial(_fail, error))}
    gc.freeze()  # what is loaded stays, and is never garbage
    gc.enable()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server has ended
        main(channel, {**handlers, **(more or {})}, partial(_resident_bytes, statm))


def _fail(error: Exception, _files: Files) -> Readiness:
    raise error
