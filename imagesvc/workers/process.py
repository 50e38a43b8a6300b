"""One worker process, seen from the server: started, called, killed."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic_core import from_json

from imagesvc.errors import WorkerDied
from imagesvc.workers.channel import (
    FILE_GIVEN,
    FILE_REFUSED,
    FILE_WANTED,
    REPLY_HEAD,
    REQUEST_HEAD,
)
from imagesvc.workers.sandbox.lock import ResourceLimits

WORKER_MODULE = "imagesvc.workers"
MAX_REPLY_BYTES = 64 << 20
MAX_TEXT_BYTES = 1 << 20
KEPT = 64 << 20
"""Bytes of freed memory that a worker keeps, and up to which it has no separate mapping."""


KEPT_VARIABLES = (
    "HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH",
    "PYTHONPYCACHEPREFIX", "PYTHONUSERBASE", "VIRTUAL_ENV",
)  # fmt: skip
"""The variables that the interpreter needs to find its modules and libraries.

Workers get no others.
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a worker: plain values, a body and files, all untrusted."""

    plain: dict[str, Any]
    body: memoryview
    files: Sequence[BinaryIO]


class WorkerProcess(asyncio.Protocol):
    """A worker and the socket that leads to it; it serves one call at a time."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: socket.socket, spill_dir: Path
    ) -> None:
        self._process = process
        self._channel = channel
        self._spill_dir = spill_dir
        self._files: list[BinaryIO] = []
        self._max_files = 0
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._reply: asyncio.Future[Reply] | None = None
        self.is_alive = True
        self.resident_bytes = 0
        """Memory after its last call."""

    @classmethod
    async def start(
        cls, limits: ResourceLimits, spill_dir: Path, module: str = WORKER_MODULE
    ) -> WorkerProcess:
        """Start a process of the running interpreter, without the server's secrets.

        It must be called in the main thread: the worker dies with the thread that started it.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = launch(module, theirs, limits)  # a fork takes a millisecond
        loop = asyncio.get_running_loop()
        worker = cls(process, ours, spill_dir)
        try:
            await loop.create_unix_connection(lambda: worker, sock=ours)
        except BaseException:
            ours.close()
            worker.kill()
            raise
        return worker

    async def call(
        self, name: str, args: tuple[Any, ...], *, source: int | None = None, max_files: int = 0
    ) -> Reply:
        """Send a call and wait for its answer.

        Args:
            name: of the call.
            args: of the call.
            source: a descriptor of the file that it is about.
            max_files: large outputs that it may have.

        Raises:
            WorkerDied: the process ended first, or broke the rules of the channel.
        """
        if self._transport is None or not self.is_alive:
            raise WorkerDied(self._exit_reason())
        self._reply = asyncio.get_running_loop().create_future()
        self._files, self._max_files = [], max_files
        request = pickle.dumps((name, args), pickle.HIGHEST_PROTOCOL)
        self._send(REQUEST_HEAD.pack(len(request)) + request, source)
        return await self._reply

    def _send(self, message: bytes, fd: int | None) -> None:
        """Send bytes, the first of them with a descriptor.

        The socket has space for these: a worker has read all before when it answers. A worker that
        has not is faulty.
        """
        try:
            sent = (
                self._channel.send(message)
                if fd is None
                else socket.send_fds(self._channel, [message], [fd])
            )
        except OSError:
            self._reject("It did not read what was sent to it.")
        else:
            if sent < len(message) and self._transport is not None:
                self._transport.write(message[sent:])

    def kill(self) -> None:
        """Kill the process immediately."""
        self.is_alive = False
        self._process.kill()
        if self._transport is not None:
            self._transport.abort()
        # Freeing gigabytes takes a while; the event loop need not wait.
        asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: gather one message; what breaks the rules ends the worker."""
        if self._reply is None or self._reply.done():
            self._reject("It spoke unasked.")
            return
        self._received += data
        if len(self._received) < REPLY_HEAD.size:
            return
        text_size, body_size = REPLY_HEAD.unpack_from(self._received)
        end = REPLY_HEAD.size + text_size + body_size
        if text_size > MAX_TEXT_BYTES or end > MAX_REPLY_BYTES or len(self._received) > end:
            self._reject("Its answer is too long.")
        elif len(self._received) == end:
            view = memoryview(bytes(self._received))[REPLY_HEAD.size :]
            self._received.clear()
            self._take_message(view[:text_size], view[text_size:])

    def _take_message(self, text: memoryview, body: memoryview) -> None:
        try:
            plain = from_json(bytes(text), allow_inf_nan=False)
        except ValueError:
            plain = None
        if not isinstance(plain, dict):
            self._reject("Its answer is no JSON object.")
        elif FILE_WANTED in plain:
            self._give_file()
        elif self._reply is not None:
            self._reply.set_result(Reply(plain, body, self._files))

    def _give_file(self) -> None:
        """Send a new file, without a name, for a large output of the current call."""
        if len(self._files) >= self._max_files:
            self._reject("It wants more files than its call has outputs.")
            return
        try:
            file = tempfile.TemporaryFile(dir=self._spill_dir, buffering=0)  # noqa: SIM115
        except OSError:
            self._send(FILE_REFUSED, None)
            return
        self._files.append(file)
        self._send(FILE_GIVEN, file.fileno())

    def close_files(self) -> None:
        """Close the files of the last call."""
        for file in self._files:
            file.close()
        self._files = []

    def _reject(self, reason: str) -> None:
        """End a worker that does what ours do not do; its call fails."""
        self.kill()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(WorkerDied(f"The worker process was ended. {reason}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`: the process has ended, or soon will have."""
        del exc
        self.is_alive = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(WorkerDied(self._exit_reason()))

    def _exit_reason(self) -> str:
        self._process.kill()  # its socket is closed: it is ending, or worth ending
        status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"The process that worked on this image ended ({how})."


def launch(module: str, channel: socket.socket, limits: ResourceLimits) -> subprocess.Popen[bytes]:
    """Start the program of a worker, which serves the other end of the channel."""
    arguments = (channel.fileno(), limits.address_space, limits.file_size, *limits.layers)
    return subprocess.Popen(  # noqa: S603  # no shell, and values of our own
        [sys.executable, "-m", module, *map(str, arguments)],
        pass_fds=[channel.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,  # Ctrl-C is for the server, which lets work finish
    )


def environment() -> dict[str, str]:
    """The variables of a worker: those that the interpreter needs, and those of libraries."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    # Arenas count as memory used, and work is parallel across images, not within one. Memory that
    # is given back after each picture has to be cleared by the system for the next one.
    malloc = {"MALLOC_ARENA_MAX": 2, "MALLOC_MMAP_THRESHOLD_": KEPT, "MALLOC_TRIM_THRESHOLD_": KEPT}
    return {**kept, **{name: str(value) for name, value in malloc.items()}, "VIPS_CONCURRENCY": "1"}
