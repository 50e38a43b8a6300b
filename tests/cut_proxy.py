"""A TCP proxy before a service, which can refuse, hang, and cut connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
PIECE = 16 << 10
RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True, eq=False)
class _Direction:
    """What flows one way, of all connections together."""

    left: int | None = None
    """Bytes until connections are cut, or nothing more is passed on."""
    then: str = "cut"
    passed: int = 0


@dataclass(slots=True)
class CutProxy:
    """A proxy in a thread of its own; it works until told otherwise."""

    target: int
    port: int = 0
    up: _Direction = field(default_factory=_Direction)
    down: _Direction = field(default_factory=_Direction)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        """The URL of the service by way of this."""
        return f"http://127.0.0.1:{self.port}"

    def refuse(self) -> None:
        """Break all connections, and refuse new ones."""
        self._run(self._refuse())

    def hang(self) -> None:
        """Accept connections, and pass nothing on, not those that are open either."""
        self._run(self._hang())

    @property
    def is_hanging(self) -> bool:
        """Whether nothing is passed on."""
        return not self._flows.is_set()

    def cut_up_after(self, count: int, *, once: bool = False) -> None:
        """Break each connection that sends a byte after so many from now on, or only the first."""
        self.up.left, self.up.then = count, "once" if once else "cut"

    def cut_down_after(self, count: int, *, once: bool = False) -> None:
        """The same for what the service sends."""
        self.down.left, self.down.then = count, "once" if once else "cut"

    def hang_up_after(self, count: int) -> None:
        """Pass nothing on after so many bytes have been sent."""
        self.up.left, self.up.then = count, "hang"

    def hang_down_after(self, count: int) -> None:
        """The same for what the service sends."""
        self.down.left, self.down.then = count, "hang"

    def heal(self) -> None:
        """Work again."""
        self.up.left = self.down.left = None
        self._run(self._heal())

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in [*self._writers]:
            _reset(writer)
        self._flows.set()

    async def _hang(self) -> None:
        self._flows.clear()

    async def _heal(self) -> None:
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flows.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(back)
            ways = (self._pass(reader, back, self.up), self._pass(there, writer, self.down))
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            _reset(back)
            self._writers.discard(back)
        except (OSError, asyncio.CancelledError):
            pass  # the other side is gone, or the proxy ends
        finally:
            _reset(writer)
            self._writers.discard(writer)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Direction
    ) -> None:
        while piece := await reader.read(PIECE):
            await self._flows.wait()
            if way.left is not None:
                if way.left < len(piece) and way.then == "hang":
                    await self._hang()
                    await self._flows.wait()
                    if reader.at_eof() or reader.exception():
                        return  # the sender has given up: what it sent is not delivered late
                elif way.left < len(piece):
                    way.left = None if way.then == "once" else 0
                    return
                else:
                    way.left -= len(piece)
            way.passed += len(piece)
            writer.write(piece)
            await writer.drain()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        await self._refuse()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection, so that the other side does not take it for the end of a body."""
    with contextlib.suppress(OSError, AttributeError):
        linger = socket.SO_LINGER
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, linger, RESET)
    writer.transport.abort()


@contextlib.contextmanager
def cut_proxy(target: int) -> Iterator[CutProxy]:
    """A proxy before a port of this machine."""
    proxy = CutProxy(target)
    thread = threading.Thread(target=proxy._loop.run_forever)
    thread.start()
    try:
        proxy.heal()
        yield proxy
    finally:
        proxy._run(proxy._end())
        proxy._loop.call_soon_threadsafe(proxy._loop.stop)
        thread.join()
        proxy._loop.close()
