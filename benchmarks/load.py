"""The load client, a process of its own: one epoll loop over plain sockets.

Reads a pickled `Plan` from standard input, writes a pickled `Outcome` to standard output.
It parses of each answer the status and the Content-Length, nothing more, so that it costs
a fraction of what any server spends on the same request.
"""

from __future__ import annotations

import gc
import heapq
import mmap
import os
import pickle
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from benchmarks.plan import Outcome, Plan, Request

_SCRATCH = memoryview(bytearray(1 << 18))
_CHUNK = 1 << 18
_PATIENCE_SECONDS = 120.0


class Connection:
    """One keep-alive connection with at most one request in flight."""

    __slots__ = ("body", "head", "left", "port", "sent_at", "sock", "status", "unsent")

    def __init__(self, port: int) -> None:
        self.port = port
        self.unsent: deque[memoryview] = deque()
        self.head = b""
        self.body: list[bytes] | None = None
        self.left = -1  # bytes of the body still to come; -1 while the head is incomplete
        self.status = 0
        self.sent_at = 0.0
        self.sock = _connect(port)

    def send(self, request: Request) -> None:
        """Start a request; `flush` sends what the socket does not take at once."""
        self.head = b""
        self.left = -1
        self.sent_at = time.perf_counter()
        if not request.body:
            self.sock.send(request.head)
            return
        self.unsent.append(memoryview(request.head))
        self.unsent.extend(_mapped(part) for part in request.body)
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes."""
        while self.unsent:
            part = self.unsent[0]
            try:
                sent = self.sock.send(part[:_CHUNK])
            except BlockingIOError:
                return
            if sent == len(part):
                self.unsent.popleft()
            else:
                self.unsent[0] = part[sent:]

    def receive(self) -> bool:
        """Read what is there; True when the answer is complete."""
        try:
            count = self.sock.recv_into(_SCRATCH)
        except BlockingIOError:
            return False
        if count == 0:
            raise ConnectionError("the server closed a connection before its answer was complete")
        if self.left < 0:
            return self._receive_head(bytes(_SCRATCH[:count]))
        self.left -= count
        if self.body is not None:
            self.body.append(bytes(_SCRATCH[:count]))
        return self.left == 0

    def _receive_head(self, data: bytes) -> bool:
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.status = int(self.head[9:12])
        self.left = _content_length(self.head[: end + 2], self.status) - (len(self.head) - end - 4)
        if self.body is not None:
            self.body[:] = [self.head[end + 4 :]]
        return self.left == 0


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


def _mapped(part: bytes | Path) -> memoryview:
    if isinstance(part, bytes):
        return memoryview(part)
    with part.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))


def _content_length(head: bytes, status: int) -> int:
    if status in {204, 304}:
        return 0
    lower = head.lower()
    start = lower.find(b"\r\ncontent-length:")
    if start < 0:
        raise ValueError(f"an answer without Content-Length: {head!r}")
    return int(lower[start + 17 : lower.index(b"\r\n", start + 2)])


class Load:
    """A plan under way."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.epoll = select.epoll()
        self.queue: Iterator[Request] = iter(plan.requests)
        if plan.seconds is not None:
            self.queue = cycle(plan.requests)
        self.ports = cycle((plan.port, *plan.more_ports))
        self.connections: dict[int, Connection] = {}
        self.resting: list[tuple[float, int]] = []
        self.busy = 0
        self.outcome = Outcome()
        for _ in range(plan.connections):
            self._open()

    def run(self) -> Outcome:
        """Send everything and return what came of it."""
        started = time.perf_counter()
        self.outcome.started_at = time.time()
        counted_from = started + self.plan.warmup_seconds
        deadline = None if self.plan.seconds is None else counted_from + self.plan.seconds
        for connection in list(self.connections.values()):
            self._next(connection)
        finished = started
        while self.busy or self.resting:
            answered = self._turn()
            now = time.perf_counter()
            if deadline is not None and now >= deadline:
                break
            for connection in answered:
                finished = now
                if now >= counted_from:
                    self._record(connection, now)
                self._rest_or_next(connection, now)
        end = finished if deadline is None else deadline
        self.outcome.seconds = end - counted_from
        return self.outcome

    def _turn(self) -> list[Connection]:
        """Wait for the sockets; the connections whose answers are complete."""
        wait = _PATIENCE_SECONDS
        if self.resting:
            wait = max(0.0, self.resting[0][0] - time.perf_counter())
        events = self.epoll.poll(wait)
        if not events and not self.resting:
            raise TimeoutError(f"no answer for {_PATIENCE_SECONDS:.0f} s")
        answered = []
        for number, event in events:
            connection = self.connections[number]
            if event & select.EPOLLOUT:
                connection.flush()
                if not connection.unsent:
                    self.epoll.modify(number, select.EPOLLIN)
            if event & ~select.EPOLLOUT and connection.receive():
                self.busy -= 1
                answered.append(connection)
        while self.resting and self.resting[0][0] <= time.perf_counter():
            self._next(self.connections[heapq.heappop(self.resting)[1]])
        return answered

    def _record(self, connection: Connection, now: float) -> None:
        self.outcome.statuses[connection.status] += 1
        self.outcome.latencies.append(now - connection.sent_at)
        if connection.body is not None:
            self.outcome.bodies.append(b"".join(connection.body))

    def _rest_or_next(self, connection: Connection, now: float) -> None:
        if connection.unsent:  # refused before all was sent: this connection is spent
            self._close(connection)
            connection = self._open()
        if self.plan.pause_seconds:
            due = now + self.plan.pause_seconds
            heapq.heappush(self.resting, (due, connection.sock.fileno()))
        else:
            self._next(connection)

    def _next(self, connection: Connection) -> None:
        request = next(self.queue, None)
        if request is None:  # a server may close a connection that is idle for seconds
            self._close(connection)
            return
        self.busy += 1
        connection.send(request)
        if connection.unsent:
            self.epoll.modify(connection.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _open(self) -> Connection:
        connection = Connection(next(self.ports))
        connection.body = [] if self.plan.keep_bodies else None
        self.connections[connection.sock.fileno()] = connection
        self.epoll.register(connection.sock.fileno(), select.EPOLLIN)
        return connection

    def _close(self, connection: Connection) -> None:
        del self.connections[connection.sock.fileno()]
        self.epoll.unregister(connection.sock.fileno())
        connection.sock.close()


def main() -> None:
    """Run the plan on standard input."""
    plan: Plan = pickle.load(sys.stdin.buffer)
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    gc.disable()
    pickle.dump(Load(plan).run(), sys.stdout.buffer)


if __name__ == "__main__":
    main()
