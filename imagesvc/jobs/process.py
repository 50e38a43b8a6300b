"""One worker process, seen from the server: started, called, killed."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, cast

import orjson

from imagesvc.errors import WorkerDied
from imagesvc.jobs.worker import REPLY_HEAD, REQUEST_HEAD, Confinement

MAX_REPLY_BYTES = 64 << 20
KEPT = 64 << 20
"""Bytes of freed memory that a worker keeps at hand, and up to which it has no mapping alone."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker answered: plain values and a body, neither to be trusted."""

    plain: dict[str, Any]
    body: memoryview


class WorkerProcess(asyncio.Protocol):
    """A worker and the socket that leads to it; it serves one call at a time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._reply: asyncio.Future[Reply] | None = None
        self.is_alive = True

    @classmethod
    async def start(cls, confinement: Confinement) -> WorkerProcess:
        """Start a process of the running interpreter, without the server's secrets.

        It must be called in the main thread: the worker dies with the thread that started it.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        limits = (confinement.address_space, confinement.file_size)
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220, S603  # a fork takes a millisecond
                [sys.executable, "-m", "imagesvc.jobs.worker", str(theirs.fileno()),
                 *map(str, limits)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the server, which lets work finish
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        worker = cls(process)
        try:
            await loop.create_unix_connection(lambda: worker, sock=ours)
        except BaseException:
            ours.close()
            worker.kill()
            raise
        return worker

    async def call(self, name: str, args: tuple[Any, ...]) -> Reply:
        """Send a call and wait for its answer.

        Raises:
            WorkerDied: the process ended first.
        """
        if self._transport is None or not self.is_alive:
            raise WorkerDied(self._obituary())
        self._reply = asyncio.get_running_loop().create_future()
        request = pickle.dumps((name, args), pickle.HIGHEST_PROTOCOL)
        self._transport.write(REQUEST_HEAD.pack(len(request)) + request)
        return await self._reply

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self.is_alive = False
        self._process.kill()
        if self._transport is not None:
            self._transport.abort()
        # Freeing gigabytes takes a while; the event loop need not watch.
        asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: gather one reply."""
        self._received += data
        if len(self._received) < REPLY_HEAD.size:
            return
        text_size, body_size = REPLY_HEAD.unpack_from(self._received)
        end = REPLY_HEAD.size + text_size + body_size
        if end > MAX_REPLY_BYTES:
            self.kill()
        elif len(self._received) >= end:
            view = memoryview(bytes(self._received))[REPLY_HEAD.size :]
            self._received.clear()
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(Reply(orjson.loads(view[:text_size]), view[text_size:]))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`: the process has ended, or soon will have."""
        del exc
        self.is_alive = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(WorkerDied(self._obituary()))

    def _obituary(self) -> str:
        self._process.kill()  # its socket is closed: it is ending, or worth ending
        status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"The process that worked on this image ended ({how})."


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESVC_")}
    # Arenas count as memory used, and work is parallel across images, not within one. Memory that
    # is given back after each picture has to be cleared by the system for the next one.
    malloc = {"MALLOC_ARENA_MAX": 2, "MALLOC_MMAP_THRESHOLD_": KEPT, "MALLOC_TRIM_THRESHOLD_": KEPT}
    return {**kept, **{name: str(value) for name, value in malloc.items()}, "VIPS_CONCURRENCY": "1"}
